// Package awsconfig reads ~/.aws/config and ~/.aws/credentials, and says what
// a profile in them means.
//
// The grammar is that of the AWS SDKs' shared specification, as the SDKs for Rust and
// Java implement it, but accepts more where that is harmless: a byte order mark,
// names in quotes, with spaces or in any script, indented comments.
//
// A line that cannot be read spoils only its section: the error for that section
// names it. The Go SDK goes on in the same way; [Lint] knows which SDKs do not.
//
// A start-up path of microseconds uses this package: it has nothing to initialize,
// and reads only the two files.
package awsconfig

import (
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"syscall"
)

// Config is what the two files say together. The zero value says nothing. It
// is not changed after it is made, and then safe for concurrent use.
type Config struct {
	Profiles map[string]*Section // by name, from both files
	Sessions map[string]*Section // [sso-session NAME]
	Services map[string]*Section // [services NAME]

	Path            string // of the config file, whether it is there or not
	CredentialsPath string // of the credentials file, likewise

	mention mention
	texts   func() []text // of the files that were loaded; nil: none
}

// text is what a file says.
type text struct{ name, text string }

// Mention is what lines of a file are looked for.
type Mention struct {
	Word string // the start of their keys, in letters of either case; "": no line
	// Counts reports whether a line matters, by what its key has after the word, in
	// small letters.
	Counts func(rest string) bool
	Keep   string // what comes after the word where values are kept
}

// mention is what was found of a Mention.
type mention struct {
	Mention
	found, cut bool
	values     []string
}

// Load reads both files. One that does not exist, or whose path is "", is
// empty. Where both have the same key of the same profile, the credentials
// file wins.
//
// The error is a [*SyntaxError] of a file without any section, or in another
// encoding than UTF-8, or says which file could not be read and why.
func Load(configPath, credentialsPath string) (*Config, error) {
	return load(&Config{Path: configPath, CredentialsPath: credentialsPath}, nil)
}

// LoadProfile is Load for a process that needs one profile of many: every line
// is checked all the same, but no other profile is kept. Lines in all of them are
// looked for: see [Config.Mentions]. A file that is not regular is an error, and is
// not touched: a pipe can be read once.
func LoadProfile(configPath, credentialsPath, profile string, lines Mention) (*Config, error) {
	c := &Config{Path: configPath, CredentialsPath: credentialsPath, mention: mention{Mention: lines}}
	return load(c, []string{profile})
}

// Mentions reports whether a line that LoadProfile was to look for is in the files, in
// whatever section. values are those that were to be kept, with their comments; whole
// is false if there may be more than these say.
func (c *Config) Mentions() (found bool, values []string, whole bool) {
	return c.mention.found, c.mention.values, !c.mention.cut
}

func load(c *Config, only []string) (*Config, error) {
	for i, path := range []string{c.Path, c.CredentialsPath} {
		if err := c.read(path, i == 1, only); err != nil {
			return nil, err
		}
	}
	return c, nil
}

// read merges a file, if it is there.
func (c *Config) read(path string, credentials bool, only []string) error {
	err := c.readWhole(path, credentials, only)
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ENOTDIR) {
		return nil // services may run with HOME=/dev/null
	}
	return err
}

func (c *Config) readWhole(path string, credentials bool, only []string) error {
	if only != nil {
		return c.scan(path, credentials, only)
	}
	data, err := ReadFile(path)
	if err != nil {
		return err
	}
	content := string(data)
	c.keep(path, content)
	return c.add(path, content, credentials)
}

// With returns what the files said if the config file held text. The error is a
// [*SyntaxError], or that of reading the credentials file.
func (c *Config) With(text []byte) (*Config, error) {
	with := &Config{Path: c.Path, CredentialsPath: c.CredentialsPath}
	err := with.add(c.Path, string(text), false)
	if err == nil {
		err = with.read(c.CredentialsPath, true, nil)
	}
	if err != nil {
		return nil, err
	}
	return with, nil
}

// Location is a line in a file. The zero value is nowhere: the place of what
// did not come from a file.
type Location struct {
	File string
	Line int // from 1
}

// String returns "FILE:LINE", or "" for the zero value.
func (l Location) String() string {
	if l == (Location{}) {
		return ""
	}
	return fmt.Sprintf("%s:%d", l.File, l.Line)
}

// Section is all that is said under one name: sections of the same name are
// merged, and the last value of a key counts. It may hold secret keys, so it
// prints as its header and place only.
//
// A nil Section is an empty one.
type Section struct {
	Location        // of the first header
	Header   string // the first one, as it is written: "[profile dev]"
	Name     string // "dev"

	properties []property
	problem    *SyntaxError // of its first line that cannot be read, or nil
}

// Problem returns a [*SyntaxError] for the first line of the section that
// cannot be read, or nil.
func (s *Section) Problem() error {
	if s == nil || s.problem == nil {
		return nil
	}
	return s.problem
}

func (s *Section) spoil(problem *SyntaxError) {
	if s.problem == nil {
		s.problem = problem
	}
}

type property struct {
	Location
	key   string // in lower case
	value string
}

// Get returns the value of key, which must be in lower case, and whether there
// is one. The lines of a value that continues are separated by "\n".
func (s *Section) Get(key string) (value string, ok bool) {
	if p := s.find(key); p != nil {
		return p.value, true
	}
	return "", false
}

// Where returns the place of key's value, or the zero Location.
func (s *Section) Where(key string) Location {
	if p := s.find(key); p != nil {
		return p.Location
	}
	return Location{}
}

// Nested returns the value of sub in the indented block under key, and whether
// there is one. Both must be in lower case.
//
//	sso_oidc =
//	  endpoint_url = https://oidc.example.com
func (s *Section) Nested(key, sub string) (value string, ok bool) {
	text, _ := s.Get(key)
	if !strings.HasPrefix(text, "\n") {
		return "", false
	}
	for line := range strings.SplitSeq(text[1:], "\n") {
		// A line without a key is the section's problem.
		if k, v, _ := splitProperty(line); strings.ToLower(k) == sub {
			value, ok = v, true
		}
	}
	return value, ok
}

// Keys returns the keys that start with prefix, which must be in lower case.
func (s *Section) Keys(prefix string) []string {
	if s == nil {
		return nil
	}
	var keys []string
	for _, p := range s.properties {
		if strings.HasPrefix(p.key, prefix) {
			keys = append(keys, p.key)
		}
	}
	return keys
}

func (s *Section) text(key string) string {
	text, _ := s.Get(key)
	return text
}

// Setting is [Section.Get] with the place of the value.
func (s *Section) Setting(key string) (setting Setting, ok bool) {
	p := s.find(key)
	if p == nil {
		return Setting{Key: key}, false
	}
	return Setting{p.Location, s.Header, key, p.value}, true
}

func (s *Section) setting(key string) Setting {
	setting, _ := s.Setting(key)
	return setting
}

func (s *Section) find(key string) *property {
	if s == nil {
		return nil
	}
	for i := range s.properties {
		if s.properties[i].key == key {
			return &s.properties[i]
		}
	}
	return nil
}

// set returns the property that now has the value.
func (s *Section) set(p property) *property {
	if old := s.find(p.key); old != nil {
		*old = p
		return old
	}
	if s.properties == nil {
		s.properties = make([]property, 0, 4) // most profiles have no more
	}
	s.properties = append(s.properties, p)
	return &s.properties[len(s.properties)-1]
}

// Format prints the header and the place, and no values, whatever the verb, also
// for a Section that is not pointed to.
func (s Section) Format(f fmt.State, _ rune) { fmt.Fprintf(f, "%s at %s", s.Header, s.Location) }
