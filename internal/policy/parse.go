package policy

import (
	"errors"
	"fmt"
	"path"
	"runtime"
	"slices"
	"strconv"
	"strings"

	"github.com/credproc/credproc/internal/agent"
	"github.com/credproc/credproc/internal/awsconfig"
	"github.com/credproc/credproc/internal/layout"
	"github.com/credproc/credproc/internal/starturl"
)

const (
	kindPolicy  = "policy"
	kindSession = "sso-session"
)

// parse reads a file of the program called name, for one that calls itself id.
func parse(file string, text []byte, name, id string) (*File, error) {
	sections, err := awsconfig.ParseStrict(file, string(text), kindPolicy, kindSession)
	if e, ok := errors.AsType[*awsconfig.SyntaxError](err); ok {
		return nil, &FileError{Path: file, Line: e.Line, Problem: e.Problem}
	}
	if err != nil {
		return nil, &FileError{Path: file, Problem: err.Error()}
	}
	f := &File{Path: file, text: text}
	for _, s := range sections {
		switch kind := awsconfig.KindOf(s); {
		case kind == kindPolicy && s.Name == "":
			f.rules = s
		case kind == kindPolicy:
			return nil, f.wrong(s.Line, "unknown section "+s.Header)
		case s.Name == "":
			return nil, f.wrong(s.Line, s.Header+" has no name")
		default:
			f.Sessions = append(f.Sessions, s)
		}
	}
	if f.rules == nil {
		return nil, f.wrong(0, "it has no section [policy]")
	}
	if err := f.readRules(); err != nil {
		return nil, err
	}
	return f, f.readSessions(layout.Key(name, ""), layout.Key(id, ""))
}

func (f *File) wrong(line int, problem string) error {
	return &FileError{Path: f.Path, Line: line, Problem: problem}
}

// A rule reads the value of a key, which is not empty, and says what is wrong
// with it.
type rule func(value string) (problem string)

func (f *File) keys() map[string]rule {
	return map[string]rule{
		"version":        one("1"),
		"optional":       func(string) string { return "" },
		"start_urls":     list(&f.StartURLs, startURL),
		"accounts":       list(&f.Accounts, account),
		"keyrings":       list(&f.Keyrings, oneOf("os", "windows", "kernel", "file", "plaintext")),
		"flows":          list(&f.Flows, oneOf("pkce", "device")),
		"audit":          into(&f.Audit, one("on", required)),
		"audit_sink":     into(&f.AuditSink, sink),
		"env_output":     flag(&f.EnvOutputOff, "off", "on"),
		"lock_sessions":  flag(&f.LockSessions, "on", "off"),
		"agents":         agents,
		"request_access": into(&f.RequestAccess, func(string) string { return "" }),
	}
}

// sinksHere are the places for a trail that this system has.
func sinksHere() []string {
	switch runtime.GOOS {
	case "windows":
		return []string{"file", "eventlog"}
	case "linux":
		return []string{"file", "syslog", "journald"}
	}
	return []string{"file", "syslog"}
}

// sink checks the place for the trail. One of another system would be silence here.
func sink(value string) (problem string) {
	problem = one("file", "syslog", "journald", "eventlog")(value)
	if problem == "" && !slices.Contains(sinksHere(), value) {
		problem = fmt.Sprintf("this system has no %s: here it ", value) + must(sinksHere())
	}
	return problem
}

// readRules reads [policy].
func (f *File) readRules() error {
	version, ok := f.rules.Get("version")
	if !ok {
		return f.wrong(f.rules.Line, "[policy] has no version = 1")
	}
	if version != "1" {
		return f.wrong(f.rules.Where("version").Line, fmt.Sprintf("version is %q: this program reads version 1", version))
	}
	known, optional := f.keys(), f.optional()
	for _, key := range f.rules.Keys("") {
		read, line := known[key], f.rules.Where(key).Line
		switch {
		case read == nil && slices.Contains(optional, key):
			continue
		case read == nil:
			return f.wrong(line, fmt.Sprintf("unknown key %s", key))
		case f.Value(key) == "":
			return f.wrong(line, key+" is empty")
		}
		if problem := read(f.Value(key)); problem != "" {
			return f.wrong(line, key+": "+problem)
		}
	}
	return nil
}

// sessionKeys are what an sso-session of a policy may say, without the prefix of
// the program's own keys.
var sessionKeys = [...]string{
	"keyring", "flow", "audit", "session_duration", "browser", "console_browser", "key_file", "cli_cache",
	"application_arn", "web_identity_token_file", "web_identity_token_command", "bootstrap_role_arn", "bootstrap_profile",
	"agents", "agent_login", "agent_programs",
}

// IsSessionKey reports whether an sso-session may have a key, by its name without the
// prefix.
func IsSessionKey(name string) bool { return slices.Contains(sessionKeys[:], name) }

const startURLKey = "sso_start_url"

// sessionRules check the values that a mistake would make less strict, or of no use
// to anyone on the machine.
func sessionRules() map[string]rule {
	return map[string]rule{
		"agents": agents, "agent_login": one("on", "off"), "audit": one("on", "off"), "flow": one("auto", "pkce", "device"),
		"keyring": one("auto", "os", "windows", "kernel", "file", "plaintext"),
		startURLKey: func(value string) string {
			if _, problem := startURL(value); problem != "" {
				return strconv.Quote(value) + " " + problem
			}
			return ""
		},
	}
}

// optional are the keys that may be unknown. Keys are read in small letters.
func (f *File) optional() []string { return agent.Words(strings.ToLower(f.Value("optional"))) }

// readSessions checks the keys of the sessions, and makes those that start with
// prefix start as the program that reads them has them.
func (f *File) readSessions(prefix, own string) error {
	optional, rules := f.optional(), sessionRules()
	f.prefix = own
	for i, s := range f.Sessions {
		for _, key := range s.Keys("") {
			name, ours := strings.CutPrefix(key, prefix)
			switch {
			case key == startURLKey, key == "sso_region", key == "sso_registration_scopes":
			case ours && slices.Contains(sessionKeys[:], name), slices.Contains(optional, key):
			default:
				return f.wrong(s.Where(key).Line, fmt.Sprintf("unknown key %s", key))
			}
			value, _ := s.Get(key)
			if check := rules[name]; (ours || key == startURLKey) && check != nil && check(value) != "" {
				return f.wrong(s.Where(key).Line, key+": "+check(value))
			}
		}
		if prefix != own {
			f.Sessions[i] = s.Renamed(prefix, own)
		}
	}
	return nil
}

// list reads a list of words, each of which is checked and may be spelled in
// another way.
func list(to *[]string, each func(word string) (normal, problem string)) rule {
	return func(value string) string {
		for _, word := range agent.Words(value) {
			normal, problem := each(word)
			if problem != "" {
				return fmt.Sprintf("%q %s", word, problem)
			}
			*to = append(*to, normal)
		}
		if *to == nil {
			return "it lists nothing"
		}
		return ""
	}
}

func one(values ...string) rule {
	return func(value string) string {
		if slices.Contains(values, value) {
			return ""
		}
		return fmt.Sprintf("%q ", value) + must(values)
	}
}

func into(to *string, check rule) rule {
	return func(value string) string {
		*to = value
		return check(value)
	}
}

func flag(to *bool, yes, no string) rule {
	return func(value string) string {
		*to = value == yes
		return one(yes, no)(value)
	}
}

func oneOf(values ...string) func(string) (string, string) {
	return func(word string) (normal, problem string) {
		if slices.Contains(values, word) {
			return word, ""
		}
		return "", must(values)
	}
}

func must(values []string) string { return "must be " + strings.Join(values, " or ") }

func startURL(word string) (normal, problem string) {
	normal, _, problem = starturl.Normalize(word)
	return normal, problem
}

// account checks a pattern of account IDs.
func account(word string) (normal, problem string) {
	if _, err := path.Match(word, ""); err != nil || strings.Trim(word, "0123456789*?[]-^") != "" {
		return "", "is not a pattern of account IDs"
	}
	if !strings.ContainsAny(word, "*?[") && (len(word) != 12 || strings.Trim(word, "0123456789") != "") {
		return "", "must be 12 digits"
	}
	return word, ""
}
