//go:build unix

package keyring

import (
	"cmp"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strings"
	"time"

	"github.com/credproc/credproc/internal/macos"
)

// security is the keychain of macOS through its own tool, /usr/bin/security, with
// the items and the encoding of go-keyring: a login made by either is one for the
// other. It is built for other systems too, where tests run a script in the tool's
// place.
//
// go-keyring runs the same tool, but without an end: where the keychain is locked,
// the tool shows a dialog and stays until it is answered. What the tool
// says of itself would be taken for the secret, and a keychain that is missing for
// an item that is.
type security struct {
	path   string
	status func() macos.Status
}

const (
	// inBase64 starts what go-keyring writes, since the tool prints a secret with
	// other than printable characters in a form of its own.
	inBase64 = "go-keyring-base64:"
	// longestLine is what the tool reads of its standard input at a time.
	longestLine = 4096
	// mostOutput is more than the tool says of an item.
	mostOutput = 1 << 16
)

// reach fails where the tool would show a dialog that is not allowed.
func (s security) reach(_ context.Context, mayPrompt bool, _, _ string) error {
	switch s.status() {
	case macos.Locked:
		if !mayPrompt {
			return ErrLocked
		}
	case macos.None:
		return errNoKeychain
	}
	return nil
}

func (s security) get(ctx context.Context, service, item string) (string, error) {
	text, err := s.run(ctx, "", "find-generic-password", "-s", service, "-wa", item)
	if err != nil {
		return "", err
	}
	encoded, ok := strings.CutPrefix(strings.TrimSpace(text), inBase64)
	if !ok {
		return encoded, nil
	}
	secret, err := base64.StdEncoding.DecodeString(encoded)
	if err != nil {
		return "", &toolError{ErrUnreadable, "the item is damaged"} // not err, which may quote it
	}
	return string(secret), nil
}

// set gives the secret to the tool as a line of its standard input: arguments can
// be seen by every user.
func (s security) set(ctx context.Context, service, item, secret string) error {
	line := fmt.Sprintf("add-generic-password -U -s %s -a %s -w %s\n", quoted(service), quoted(item), inBase64+base64.StdEncoding.EncodeToString([]byte(secret)))
	if len(line) > longestLine {
		return ErrTooBig
	}
	if strings.Count(line, "\n") > 1 {
		return errors.New("the name of an item has more than one line")
	}
	_, err := s.run(ctx, line, "-i")
	return err
}

func (s security) remove(ctx context.Context, service, item string) error {
	_, err := s.run(ctx, "", "delete-generic-password", "-s", service, "-a", item)
	return err
}

// quoted is a word as the tool reads it from a line.
func quoted(word string) string {
	plain := func(r rune) bool {
		return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("_@%+=:,./-", r)
	}
	if word != "" && strings.IndexFunc(word, func(r rune) bool { return !plain(r) }) < 0 {
		return word
	}
	return "'" + strings.ReplaceAll(word, "'", `'"'"'`) + "'"
}

// run runs the tool, and ends it with all that it has started when ctx is over.
func (s security) run(ctx context.Context, stdin string, args ...string) (stdout string, err error) {
	said, complaint := &head{most: mostOutput}, &head{most: mostOutput}
	c := exec.CommandContext(ctx, s.path, args...)
	c.Env = toolEnvironment(os.Environ())
	c.Stdin, c.Stdout, c.Stderr = strings.NewReader(stdin), said, complaint
	asOne(c)
	c.WaitDelay = time.Second // for one that keeps what it was given open
	err = c.Run()
	if errors.Is(err, exec.ErrWaitDelay) { // it has ended, and left something behind
		err = c.Cancel()
	}
	if ctx.Err() != nil {
		return "", errors.New("the security tool has not answered, and was ended")
	}
	if exit, ended := errors.AsType[*exec.ExitError](err); ended && exit.Exited() {
		return "", meaning(exit.ExitCode(), string(complaint.text))
	}
	if err != nil {
		return "", fmt.Errorf("%s: %w", s.path, err)
	}
	return string(said.text), nil
}

// toolEnvironment is what the tool needs to know. It has no secret of the caller's
// in it, and none of the variables that make a program of macOS talk
// (MallocStackLogging).
func toolEnvironment(all []string) []string {
	return slices.DeleteFunc(all, func(variable string) bool {
		name, _, _ := strings.Cut(variable, "=")
		return !slices.Contains([]string{"HOME", "USER", "LOGNAME", "PATH", "TMPDIR", "SECURITYSESSIONID", "__CF_USER_TEXT_ENCODING"}, name)
	})
}

// toolError is how the tool ended, and what that means.
type toolError struct {
	kind   error
	detail string
}

func (e *toolError) Error() string { return e.detail }

// Unwrap returns the kind.
func (e *toolError) Unwrap() error { return e.kind }

var errNoKeychain = &toolError{ErrUnavailable, "there is no default keychain"}

// meaning tells exit statuses of the tool apart: they are the low eight bits of an
// OSStatus. See https://www.osstatus.com/search/results?platform=all&framework=Security.
func meaning(status int, complaint string) error {
	switch status {
	case 44: // errSecItemNotFound
		if strings.Contains(complaint, "default keychain") {
			return errNoKeychain
		}
		return ErrNotFound
	case 37, 49, 50: // errSecNoDefaultKeychain, errSecInvalidKeychain, errSecNoSuchKeychain
		return errNoKeychain
	case 29, 36: // errSecInteractionRequired, errSecInteractionNotAllowed
		return &toolError{ErrLocked, "the keychain is locked, and no dialog can be shown"}
	case 51: // errSecAuthFailed
		return &toolError{ErrLocked, "the password for the keychain was wrong"}
	case 128: // userCanceledErr
		return &toolError{ErrLocked, "the dialog of the keychain was dismissed"}
	}
	line, _, _ := strings.Cut(strings.TrimSpace(complaint), "\n")
	return &toolError{ErrUnavailable, fmt.Sprintf("the security tool ended with status %d: %s", status, cmp.Or(line, "it said nothing"))}
}

// grace is enough to end the tool, and to see that it has.
func (security) grace() time.Duration { return 2 * time.Second }
