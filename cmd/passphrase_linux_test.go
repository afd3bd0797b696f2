package cmd

import (
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// dialogue is a command that asks a person at a terminal.
type dialogue struct {
	*display
	seen int // how much of the screen the person has read
}

// asks runs a command at a terminal of which it says afterwards how it was left.
func (m *machine) asks(args ...string) *dialogue {
	m.Helper()
	script := `trap : INT; credproc "$@"; echo "status $?"; stty -a | grep -o -w -e -echo -e echo`
	return &dialogue{display: m.onTerminal("sh", append([]string{"-c", script, "sh"}, args...)...)}
}

// sees waits for a text below what has been read already.
func (d *dialogue) sees(text string) {
	d.Helper()
	look := func() bool {
		_, unread, ok := strings.Cut(d.screen()[d.seen:], text)
		if ok {
			d.seen = len(d.screen()) - len(unread)
		}
		return ok
	}
	for range soonest(d.done) {
		if look() {
			return
		}
	}
	if !look() {
		d.Fatalf("%q is not on the terminal below what was read:\n%s", text, d.screen())
	}
}

// secretly waits for a prompt, by which time nothing that is typed may be shown
// any more, and types.
func (d *dialogue) secretly(prompt, keys string) {
	d.Helper()
	d.sees(prompt)
	state, err := unix.IoctlGetTermios(int(d.keys.Fd()), unix.TCGETS)
	if err != nil || state.Lflag&unix.ECHO != 0 {
		d.Errorf("%q is asked while what is typed is shown: %v", prompt, err)
	}
	d.types(keys)
}

// over expects the end of the command, with a terminal that shows what is typed,
// and nothing of a passphrase on it.
func (d *dialogue) over(status string) {
	d.Helper()
	d.sees("status " + status + "\necho\n")
	d.ends(0)
	if strings.Contains(d.screen(), "horse") {
		d.Errorf("the passphrase is on the screen:\n%s", d.screen())
	}
}

const (
	newPassphrase = "A passphrase for the file keyring: "
	oncePrompt    = "Once more: "
	thePassphrase = "Passphrase of the file keyring: "
	notThat       = "That is not the passphrase.\n"
)

// withPassphrase is a machine whose login is in the file keyring, opened by the
// person alone.
func withPassphrase(t *testing.T) *machine {
	t.Helper()
	m := newMachine(t)
	m.env = append(m.env, "CREDPROC_KEYRING=file", "CREDPROC_KEY_CACHE=off")
	m.idc.AutoApprove = true
	d := m.asks("login", "corp", "--no-browser")
	d.secretly(newPassphrase, "correct-horse\r")
	d.secretly(oncePrompt, "incorrect-horse\r")
	d.sees("These are not the same.")
	d.secretly(newPassphrase, "correct-horse\r")
	d.secretly(oncePrompt, "correct-horse\r")
	d.sees("Signed in to corp.")
	d.over("0")
	return m
}

func TestAPassphraseIsAskedForWithoutBeingShown(t *testing.T) {
	t.Parallel()
	m := withPassphrase(t)
	calls := m.idc.Total()

	d := m.asks("list", "corp")
	for range 2 {
		d.secretly(thePassphrase, "wrong-horse\r")
		d.sees(notThat)
	}
	d.secretly(thePassphrase, "wrong-horse\r")
	d.sees("credproc: file keyring: read: keyring locked (wrong passphrase)\nNothing is lost.")
	d.over("6")

	for _, keys := range []string{"correct-horse\x03", "\x04"} { // Ctrl-C, Ctrl-D
		d = m.asks("list", "corp")
		d.secretly(thePassphrase, keys)
		d.over("130")
	}

	// No SDK has a person who could answer.
	d = m.asks("process", "--profile", "line")
	d.sees("there is no terminal to ask for the passphrase")
	d.over("6")
	if strings.Contains(d.screen(), thePassphrase) || m.idc.Total() != calls {
		t.Errorf("%d calls meanwhile, and\n%s", m.idc.Total()-calls, d.screen())
	}

	d = m.asks("list", "corp")
	for range 2 {
		d.secretly(thePassphrase, "wrong-horse\r")
		d.sees(notThat)
	}
	d.secretly(thePassphrase, "correct-horse\r")
	d.sees("111111111111")
	d.over("0")
	if n := m.idc.Count("RegisterClient"); n != 1 {
		t.Errorf("%d sign-ins", n)
	}
}

func TestAResetOfAKeyringAsksFirst(t *testing.T) {
	t.Parallel()
	m := withPassphrase(t)
	question := "Forget all logins in the file keyring? These logins are lost: corp. [y/N] "
	for keys, status := range map[string]string{"\r": "2", "n\r": "2", "yess\r": "2", "\x03": "130", "\x04": "130"} {
		d := m.asks("keyring", "reset", "file")
		d.sees(question)
		d.types(keys)
		d.over(status)
	}
	d := m.asks("list", "corp")
	d.secretly(thePassphrase, "correct-horse\r")
	d.over("0")

	d = m.asks("keyring", "reset", "file")
	d.sees(question)
	d.types("y\r")
	d.sees("The file keyring has no entries of this program any more.")
	d.over("0")
	d = m.asks("keyring", "reset", "file")
	d.sees("No login is known to be there. [y/N] ")
	d.types("\x04")
	d.over("130")
	m.asks("process", "--profile", "line").over("4")
}
