package advice

import (
	"fmt"

	"github.com/credproc/credproc/credproc"
)

// The exit statuses, which are part of the interface.
const (
	Done           = 0
	Failed         = 1
	Misconfigured  = 2
	Unavailable    = 3
	SignInRequired = 4
	NoAccess       = 5
	KeyringShut    = 6
	Interrupted    = 130
)

// Unread is the status of a program that SIGPIPE ends: the reader of the answer
// has closed its end, as in "credproc list | head -1".
const Unread = 128 + 13

// Statuses is the table of them, for people.
func Statuses() (lines []string) {
	for _, s := range []struct {
		status  int
		meaning string
	}{
		{Done, "Done."},
		{Failed, "Failed."},
		{Misconfigured, "Wrong usage or configuration."},
		{Unavailable, "Temporarily unavailable."},
		{SignInRequired, "Sign-in required."},
		{NoAccess, "No access to that role."},
		{KeyringShut, "The keyring is locked or unavailable."},
		{Interrupted, "Interrupted; 128 and the number of the signal for others."},
	} {
		lines = append(lines, fmt.Sprintf("%d %s", s.status, s.meaning))
	}
	return lines
}

// StatusOf is the exit status for an error of the libraries: by its kind, as any
// program that uses them can tell it.
func StatusOf(err error) int {
	status, ok := map[credproc.Kind]int{
		credproc.Misconfigured:  Misconfigured,
		credproc.Unavailable:    Unavailable,
		credproc.SignInRequired: SignInRequired,
		credproc.NoAccess:       NoAccess,
		credproc.KeyringFailed:  KeyringShut,
		credproc.Canceled:       Interrupted,
	}[credproc.KindOf(err)]
	if !ok {
		return Failed
	}
	return status
}
