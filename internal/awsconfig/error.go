package awsconfig

import (
	"errors"
	"fmt"
	"strings"
)

// SyntaxError is a line that cannot be read. It repeats nothing of the line,
// which may be half of a secret key.
type SyntaxError struct {
	Location
	Problem string // "expected an '=' sign"
}

func (e *SyntaxError) Error() string { return e.Location.String() + ": " + e.Problem }

// Setting is one value, and where it comes from: a key in a section of a file,
// or, without Location and Section, an environment variable or something that
// the caller knows.
type Setting struct {
	Location
	Section string // its header: "[profile dev]"
	Key     string // "sso_region", "AWS_USE_FIPS_ENDPOINT"
	Value   string // no password, no secret key
}

// String returns `FILE:LINE: [profile dev]: KEY "VALUE"`, or what is known of
// it.
func (s Setting) String() string {
	text := s.Key
	if s.Value != "" {
		text = fmt.Sprintf("%s %q", s.Key, s.Value)
	}
	return place(s.Location, s.Section) + text
}

// place is where something is, to be followed by what.
func place(at Location, section string) string {
	text := ""
	if at != (Location{}) {
		text = at.String() + ": "
	}
	if section != "" {
		text += section + ": "
	}
	return text
}

// ValueError is a value that cannot be used.
type ValueError struct {
	Setting
	Problem string // "must be 12 digits"
}

func (e *ValueError) Error() string { return e.Setting.String() + ": " + e.Problem }

// MissingError is a section, or a process line, that does not say enough.
type MissingError struct {
	Location
	Section string   // its header: "[sso-session corp]"
	Keys    []string // all that are missing: "sso_region", or "--role-name"
}

func (e *MissingError) Error() string {
	return place(e.Location, e.Section) + "no " + strings.Join(e.Keys, ", no ")
}

// MismatchError is one question with two answers.
type MismatchError struct {
	Profile, Session Setting
}

func (e *MismatchError) Error() string {
	return fmt.Sprintf("%s is %q in %s (%s) and %q in %s (%s)", e.Profile.Key,
		e.Profile.Value, e.Profile.Section, e.Profile.Location,
		e.Session.Value, e.Session.Section, e.Session.Location)
}

// ReservedRoleError is a role name that IAM made from a permission set, where
// the name of the permission set belongs.
type ReservedRoleError struct {
	Setting              // "AWSReservedSSO_Admin_0123456789abcdef"
	PermissionSet string // "Admin"
}

func (e *ReservedRoleError) Error() string {
	return fmt.Sprintf("%s: the IAM role of permission set %q", e.Setting, e.PermissionSet)
}

// UnknownProfileError is a profile that is in neither file.
type UnknownProfileError struct {
	Location          // of what refers to it; zero if the caller did
	Name     string   // as asked for
	Known    []string // the names there are, sorted
	Path     string   // of the config file
}

func (e *UnknownProfileError) Error() string {
	return place(e.Location, "") + fmt.Sprintf("no profile %q", e.Name) + in(e.Path)
}

// UnknownSessionError is an sso-session that is not in the config file.
type UnknownSessionError struct {
	Location          // of what refers to it; zero if the caller did
	Name     string   // as asked for
	Known    []string // the names there are, sorted
	Path     string   // of the config file
}

func (e *UnknownSessionError) Error() string {
	return place(e.Location, "") + fmt.Sprintf("no sso-session %q", e.Name) + in(e.Path)
}

// in is empty if there is no file.
func in(path string) string {
	if path == "" {
		return ""
	}
	return " in " + path
}

// About returns what an error of this package is about: a place in a file, or
// zero, and a key, or "". ok is false for any other error.
func About(err error) (at Location, key string, ok bool) {
	e, ok := errors.AsType[located](err)
	if !ok {
		return Location{}, "", false
	}
	at, key = e.about()
	return at, key, true
}

type located interface {
	error
	about() (Location, string)
}

// What embeds a Location or a Setting is about that.

func (l Location) about() (Location, string)       { return l, "" }
func (s Setting) about() (Location, string)        { return s.Location, s.Key }
func (e *MismatchError) about() (Location, string) { return e.Profile.about() }
