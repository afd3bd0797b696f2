// Package policy has what the administrator of a machine allows credproc there: one
// file that root alone can write, and that no setting of a user replaces.
//
// The file is /etc/credproc/policy.ini, on macOS /Library/Application
// Support/credproc/policy.ini, and on Windows policy.ini in the directory credproc of
// Program Files. A program with an ID of its own reads the file of that name as well,
// and the stricter rule applies.
//
// A warm answer uses this package: without a policy it costs one system call. It must
// import nothing that starts slowly.
package policy

import (
	"crypto/sha256"
	"encoding/hex"

	"github.com/credproc/credproc/internal/awsconfig"
	"github.com/credproc/credproc/internal/layout"
)

// Policy is what all policy files say. nil is none, and allows everything.
type Policy struct {
	Files []*File // at least one: the program's own first
	Root  string  // of the place that it was in
}

// File is one policy file.
type File struct {
	Path string
	// What it says of each rule; nil and "" where it says nothing.
	StartURLs, Accounts, Keyrings, Flows []string
	Audit                                string // "on", "required"
	AuditSink                            string // "file", "syslog", "journald", "eventlog"
	EnvOutputOff                         bool
	RequestAccess                        string
	LockSessions                         bool
	Sessions                             []*awsconfig.Section // [sso-session NAME]

	rules  *awsconfig.Section // [policy]
	prefix string             // of credproc's own keys in the sessions, as the program that reads them has it
	text   []byte
}

// Place is where the policy is. The zero Place is the system's; only tests have
// another one.
type Place struct {
	Root  string // "": the system's
	Owner int    // of files below Root
	// Ignored makes a policy one that is read and not obeyed, and one that cannot be
	// read no error: for commands that must work then.
	Ignored bool
}

// Load reads the policy for a program that calls itself id. It returns nil where there is
// none. The error is a [*FileError]: what cannot be read, or could be another
// user's, is not as good as none. It is another one where no more files can be opened:
// [safedir.IsShort].
func (p Place) Load(id string) (*Policy, error) {
	var files []*File
	for i, name := range [...]string{layout.Service(id), layout.Service("")} {
		if i == 1 && name == layout.Service(id) {
			break // it is read
		}
		path, text, err := p.read(name)
		if err != nil {
			return nil, err
		}
		if text == nil {
			continue
		}
		file, err := parse(path, text, name, id)
		if err != nil {
			return nil, err
		}
		files = append(files, file)
	}
	if files == nil {
		return nil, nil
	}
	return &Policy{Files: files, Root: p.Root}, nil
}

// Where returns the place of a rule, which is nowhere if the file does not have it.
func (f *File) Where(key string) awsconfig.Location { return f.rules.Where(key) }

// Value is what one line of a policy says.
type Value struct {
	awsconfig.Location
	Section, Key, Value string
}

// Values returns all lines, in the order in which they are written.
func (p *Policy) Values() (all []Value) {
	for _, f := range p.files() {
		for _, s := range append([]*awsconfig.Section{f.rules}, f.Sessions...) {
			for _, key := range s.Keys("") {
				value, _ := s.Get(key)
				all = append(all, Value{s.Where(key), s.Header, key, value})
			}
		}
	}
	return all
}

// Value returns a rule as it is written.
func (f *File) Value(key string) string {
	value, _ := f.rules.Get(key)
	return value
}

// Hash returns the SHA-256 of the file, in hexadecimal.
func (f *File) Hash() string {
	sum := sha256.Sum256(f.text)
	return hex.EncodeToString(sum[:])
}

// Hash returns one of all files: that of the only one, or of the hashes of all. ""
// means that there is none.
func (p *Policy) Hash() string {
	switch {
	case p == nil:
		return ""
	case len(p.Files) == 1:
		return p.Files[0].Hash()
	}
	all := sha256.New()
	for _, f := range p.Files {
		all.Write([]byte(f.Hash()))
	}
	return hex.EncodeToString(all.Sum(nil))
}

// FileError is a policy file that cannot be obeyed.
type FileError struct {
	Path    string
	Line    int    // from 1; 0: the whole file
	Problem string // "is a symbolic link"
}

func (e *FileError) Error() string {
	if e.Line == 0 {
		return "policy file " + e.Path + ": " + e.Problem
	}
	return "policy file " + awsconfig.Location{File: e.Path, Line: e.Line}.String() + ": " + e.Problem
}
