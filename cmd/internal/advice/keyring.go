package advice

import (
	"errors"
	"io/fs"
	"runtime"
	"slices"

	"github.com/credproc/credproc/cmd/internal/report"
	"github.com/credproc/credproc/cmd/internal/status"
	"github.com/credproc/credproc/cmd/internal/terminal"
	"github.com/credproc/credproc/internal/sealed"
	"github.com/credproc/credproc/tokencache"
	"github.com/credproc/credproc/tokencache/keyring"
)

func (p *Program) aboutKeyring(err error) (Advice, bool) {
	say := Advice{Status: StatusOf(err), Text: terminal.ErrorText(err)}
	e, _ := errors.AsType[*keyring.Error](err)
	reason := ""
	if e != nil {
		reason = e.Reason
	}
	switch {
	case reason == "none":
		say.Text = terminal.Line(e.Detail)
		say.More = p.otherKeyrings(err)
		return say, true
	case e != nil && e.Keyring == "file" && p.aboutFileKeyring(err, &say):
		return say, true
	case keyringReasons[reason] != "":
		say.More = keyringReasons[reason] + "\n" + p.otherKeyrings(err)
		return say, true
	case reason == "restarted":
		say.More = "It may be restarting: try again. Nothing is lost."
		return say, true
	case errors.Is(err, keyring.ErrLocked):
		say.Kind, say.Text = report.Locked, terminal.Prosef("the keychain is locked%s", detailOf(e))
		say.More, say.Hint = howToUnlock(runtime.GOOS)
		return say, true
	case errors.Is(err, keyring.ErrTooBig):
		say.More = p.otherKeyrings(err)
		return say, true
	case isDamaged(err):
		return aboutDamaged(err), true
	case inFiles(err):
		return p.aboutDir(err, say), true
	case errors.Is(err, keyring.ErrUnavailable):
		say.More = "A login in it is not lost.\n" + p.otherKeyrings(err)
		return say, true
	}
	return say, false
}

// aboutFileKeyring adds what opens the keyring in encrypted files, and reports
// whether something does.
func (p *Program) aboutFileKeyring(err error, say *Advice) bool {
	e, _ := errors.AsType[*keyring.Error](err)
	switch {
	case e.Reason == "no key file":
		say.More = terminal.Prosef("Set %s, or %s in the sso-session, to the file that it was made with. Nothing is lost.\nIf that file is lost, forget what is there, and sign in again.",
			p.variable("KEY_FILE"), p.key("KEY_FILE"))
		say.Hint = p.Name + " keyring reset file"
	case e.Reason == "bad key file":
		say.More = terminal.Prosef("%s, or %s in the sso-session, must name the file of 32 random bytes that the keyring was made with. Nothing is lost.\nFor a new keyring, make one first: (umask 077; head -c 32 /dev/urandom >FILE)",
			p.variable("KEY_FILE"), p.key("KEY_FILE"))
	case errors.Is(err, sealed.ErrOtherKey) && errors.Is(err, keyring.ErrLocked):
		say.More, say.Hint = p.aboutOtherKey(), p.Name+" keyring reset file"
	case errors.Is(err, keyring.ErrLocked):
		say.More, say.Hint = p.aboutPassphrase(), p.Login()
	default:
		return false
	}
	return true
}

// keyringReasons are the reasons for which another keyring may be the better choice.
var keyringReasons = map[string]terminal.Prose{
	"item locked":      "Nothing is lost. The keychain is unlocked, but locks each item or asks you to confirm each use, which a program cannot answer by itself.\nAllow this program its items without a confirmation (in KeePassXC: Settings, Secret Service Integration), or choose another keyring.",
	"no collection":    "A Secret Service runs, but has nowhere to keep secrets. Open a database that it may use (KeePassXC), or create a default keyring (in Passwords and Keys: a new password keyring, set as default). A login that was in it is not lost.",
	"no logon session": "Nothing is lost. Windows opens the Credential Manager only to processes of a session that was started with a password: not over OpenSSH with a key, and not to a task that is set to run without storing the password.\nSign in to Windows with the password (ssh -o PubkeyAuthentication=no), run the command on the desktop, or choose another keyring.",
}

// howToUnlock is about the operating system's keychain.
func howToUnlock(goos string) (more terminal.Prose, hint string) {
	if goos == "darwin" {
		return "Unlock it, then try again: log in to the desktop or, over SSH, as below.", "security unlock-keychain"
	}
	return "Unlock it, then try again: log in to the desktop. No login is lost.", ""
}

// detailOf is what a keyring says about itself, after a colon.
func detailOf(e *keyring.Error) string {
	if e == nil || e.Detail == "" {
		return ""
	}
	return ": " + e.Detail
}

// inFiles reports whether it is files that keep the keyring from working.
func inFiles(err error) bool {
	e, ok := errors.AsType[*keyring.Error](err)
	_, path := errors.AsType[*fs.PathError](err) // of the state directory, which names the items
	return ok && (e.Keyring == "plaintext" || e.Keyring == "file" || path)
}

// otherKeyrings lists the alternatives when a keyring has failed,
// with the setting for each.
func (p *Program) otherKeyrings(err error) terminal.Prose {
	variable, key := p.variable("KEYRING"), p.key("KEYRING")
	lines := []terminal.Prose{
		terminal.Prosef("Without a keychain, choose one of these in the environment (or %s in the sso-session):", key),
		terminal.Prosef("  %s=file       encrypted files; the passphrase is asked for at login, or comes from %s or %s, or a key from %s",
			variable, p.variable("PASSPHRASE_COMMAND"), p.variable("PASSPHRASE"), p.variable("KEY_FILE")),
		terminal.Prosef("  %s=plaintext  unencrypted files that only their mode protects", variable),
	}
	if e, ok := errors.AsType[*keyring.Error](err); status.KernelWorks() && !(ok && e.Keyring == "kernel") {
		lines = slices.Insert(lines, 1, terminal.Prosef("  %s=kernel     the kernel's memory, until a reboot or three days without use", variable))
	}
	return terminal.Join(lines, "\n")
}

// aboutPassphrase says how the file keyring is opened.
func (p *Program) aboutPassphrase() terminal.Prose {
	return terminal.Prosef("Nothing is lost. login asks for the passphrase on a terminal; elsewhere it comes from %s or %s, or a key from %s.",
		p.variable("PASSPHRASE_COMMAND"), p.variable("PASSPHRASE"), p.variable("KEY_FILE"))
}

// aboutOtherKey says what opens a file keyring again: a sign-in does not.
func (p *Program) aboutOtherKey() terminal.Prose {
	return terminal.Prosef("Nothing is lost. Set %s, or %s in the sso-session, to the key file that the keyring was made with, or give its passphrase.\nIf that is lost, forget what is in the keyring, and sign in again.",
		p.variable("KEY_FILE"), p.key("KEY_FILE"))
}

func (p *Program) aboutRecords(err error) (Advice, bool) {
	e, ok := errors.AsType[*tokencache.RecordError](err)
	if !ok {
		return Advice{}, false
	}
	say := Advice{Status: Failed, Text: terminal.ErrorText(e)}
	if errors.Is(err, sealed.ErrNewer) {
		say.More = terminal.Prosef("This is %s %s. Use the newer release, which wrote it.", p.Name, p.Version)
		return say, true
	}
	if e.What == "sealing key" {
		say.More = "No session can be renewed without it. Sign out of all sessions to remove it, then sign in again."
		say.Hint = p.Name + " logout --all"
		return say, true
	}
	say.More = "Signing in again replaces it."
	say.Hint = p.Login("--force")
	return say, true
}
