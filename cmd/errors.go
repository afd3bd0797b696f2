package cmd

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/credproc/credproc/cmd/internal/browser"
	"github.com/credproc/credproc/cmd/internal/child"
	"github.com/credproc/credproc/cmd/internal/console"
	"github.com/credproc/credproc/cmd/internal/doctor"
	"github.com/credproc/credproc/cmd/internal/endpoint"
	"github.com/credproc/credproc/cmd/internal/profiles"
	"github.com/credproc/credproc/cmd/internal/report"
	"github.com/credproc/credproc/cmd/internal/shell"
	"github.com/credproc/credproc/cmd/internal/terminal"
	"github.com/credproc/credproc/credproc"
	"github.com/credproc/credproc/internal/awsapi"
	"github.com/credproc/credproc/internal/awsconfig"
	"github.com/credproc/credproc/internal/clicache"
	"github.com/credproc/credproc/internal/flight"
	"github.com/credproc/credproc/internal/layout"
	"github.com/credproc/credproc/internal/policy"
	"github.com/credproc/credproc/internal/safedir"
	"github.com/credproc/credproc/internal/sealed"
	"github.com/credproc/credproc/oidc"
	"github.com/credproc/credproc/tokencache"
	"github.com/credproc/credproc/tokencache/keyring"
)

// The exit statuses, which are part of the interface.
const (
	done           = 0
	failed         = 1
	misconfigured  = 2
	unavailable    = 3
	signInRequired = 4
	noAccess       = 5
	keyringShut    = 6
	interrupted    = 130
)

// unread is the status of a program that SIGPIPE ends: the reader of the answer
// has closed its end, as in "credproc list | head -1".
const unread = 128 + 13

// usageError is a command line or an environment that cannot be obeyed.
type usageError struct {
	problem string
	more    terminal.Prose // what to do, in a sentence
	hint    string         // a command to run
	kind    string         // of report; "" is a usage error
}

func (e *usageError) Error() string { return e.problem }

// advice is an error in words for people.
type advice struct {
	status int
	kind   string         // one of package report's; "" is that of the status
	text   terminal.Prose // what happened
	more   terminal.Prose // what else to know or do; may be ""
	hint   string         // a command to run; may be ""
}

// Report tells the person what happened and what to do, on stderr, and returns
// the exit status. err may be nil.
func (a *App) Report(err error) int {
	if err == nil {
		return done
	}
	say, silent := silently(err)
	if !silent {
		say = advise(a, err)
	}
	switch {
	case say.text == "": // another program's failure
	case a.setting(errorsSetting) == "json":
		a.term().SayJSON(reportOf(err, &say))
	case !silent:
		a.term().Say("%s", say.in(a.name()))
	}
	return say.status
}

// silently is about errors that are a status alone: the command has said
// all of it, or was asked to be quiet. Only a program is told.
func silently(err error) (advice, bool) {
	switch {
	case errors.Is(err, errSignedOut):
		return advice{status: signInRequired, text: "not signed in"}, true
	case errors.Is(err, errShut):
		return advice{status: keyringShut, text: "the keyring did not say whether there is a login"}, true
	case errors.Is(err, errFindings):
		return advice{status: failed, kind: report.Findings, text: "the doctor found problems"}, true
	case terminal.IsUnread(err):
		return advice{status: unread, kind: report.Closed, text: "the program that read the output closed it"}, true
	}
	return advice{}, false
}

// errorsSetting names the variable that makes errors JSON.
const errorsSetting = "ERRORS"

// checkErrors fails if the setting is none.
func checkErrors(a *App) error {
	switch value := a.setting(errorsSetting); value {
	case "", "text", "json":
		return nil
	default:
		return &usageError{problem: fmt.Sprintf("%s is %q: it must be json or text", a.variable(errorsSetting), value)}
	}
}

// reportOf is the advice for a program.
func reportOf(err error, say *advice) *report.Error {
	session, profile := subjectOf(err)
	return &report.Error{
		Kind: cmp.Or(say.kind, report.KindOf(say.status)), Message: string(terminal.TrimSuffix(say.text, ".")), Advice: string(say.more), Command: say.hint,
		ExitStatus: say.status, Session: session, Profile: profile, RetryAt: report.RetryAt(err), Details: report.DetailsOf(err),
	}
}

// subjectOf returns the session and the profile that an error is about, as far as
// they are known.
func subjectOf(err error) (session, profile string) {
	if t, ok := errors.AsType[*targetError](err); ok {
		profile = t.profile
		if t.session != nil {
			session = sessionLabel(t.session)
		}
	}
	if e, ok := errors.AsType[*awsconfig.UnknownProfileError](err); ok {
		profile = e.Name
	}
	if e, ok := errors.AsType[*awsconfig.UnknownSessionError](err); ok {
		session = e.Name
	}
	if e, ok := errors.AsType[*tokencache.SignInError](err); ok {
		session = cmp.Or(session, e.Session)
	}
	return session, profile
}

// in returns the advice as the program of that name says it.
func (say *advice) in(name string) terminal.Prose {
	text := terminal.Prosef("%s: %s", name, terminal.TrimSuffix(say.text, "."))
	if say.more != "" {
		text += "\n" + say.more
	}
	if say.hint != "" {
		text += terminal.Prosef("\nhint: run %s", inQuotes(say.hint)) // as it is: people copy it
	}
	return text
}

// inQuotes sets a command off from the sentence around it, unless its own quotes do.
func inQuotes(command string) string {
	if strings.Contains(command, `"`) {
		return command
	}
	return `"` + command + `"`
}

// advise knows every error that the libraries return. The order matters: an
// error may wrap the one it comes from.
func advise(a *App, err error) advice {
	if e, ok := errors.AsType[*terminal.InterruptedError](err); ok {
		return advice{status: e.Status, kind: report.Interrupted, text: terminal.ErrorText(e)}
	}
	if e, ok := errors.AsType[*child.StatusError](err); ok {
		return advice{status: e.Status, kind: report.NotRun, text: terminal.Line(e.Say)}
	}
	if e, ok := errors.AsType[*ownError](err); ok {
		say := advise(a, e.err)
		say.kind, say.status = cmp.Or(say.kind, report.KindOf(say.status)), ownFailure
		return say
	}
	for _, look := range []func(*App, error) (advice, bool){
		aboutUsage, aboutPolicy, aboutShortage, aboutCrash, aboutConsole, aboutUnsafe, aboutEdit, aboutConfig, aboutKeyring, aboutRecords, aboutLogin, aboutSession, aboutFiles,
	} {
		if say, ok := look(a, err); ok {
			return say
		}
	}
	return advice{status: statusOf(err), text: terminal.ErrorText(err), more: toPage(a)}
}

// toPage leads to the page that explains messages, which says credproc: under
// another name it says nothing.
func toPage(a *App) terminal.Prose {
	if a.name() != "credproc" {
		return ""
	}
	return "See https://github.com/credproc/credproc/blob/main/docs/troubleshooting.md"
}

// statusOf is the exit status for an error of the libraries: by its kind, as any
// program that uses them can tell it.
func statusOf(err error) int {
	switch credproc.KindOf(err) {
	case credproc.Misconfigured:
		return misconfigured
	case credproc.Unavailable:
		return unavailable
	case credproc.SignInRequired:
		return signInRequired
	case credproc.NoAccess:
		return noAccess
	case credproc.KeyringFailed:
		return keyringShut
	case credproc.Canceled:
		return interrupted
	}
	return failed
}

func aboutUsage(a *App, err error) (advice, bool) {
	if e, ok := errors.AsType[*console.DestinationError](err); ok {
		return advice{status: misconfigured, text: terminal.Line(e.Problem)}, true
	}
	if e, ok := errors.AsType[*endpoint.Fault](err); ok {
		return advice{status: failed, text: terminal.Prosef("the other endpoint refuses: %s", e.Message)}, true
	}
	if e, ok := errors.AsType[*endpoint.UnreachableError](err); ok {
		return advice{status: unavailable, text: terminal.ErrorText(e)}, true
	}
	if e, ok := errors.AsType[*endpoint.RefusedError](err); ok {
		return advice{status: misconfigured, text: terminal.Line(e.Problem)}, true
	}
	if e, ok := errors.AsType[*profiles.Error](err); ok {
		return advice{status: misconfigured, text: terminal.Line(e.Problem), more: terminal.Line(e.More)}, true
	}
	e, ok := errors.AsType[*usageError](err)
	if !ok {
		return advice{}, false
	}
	return advice{status: misconfigured, kind: cmp.Or(e.kind, report.Usage), text: terminal.Line(e.problem), more: e.more, hint: e.hint}, true
}

// aboutPolicy is about what the administrator or a rule about agents does not allow, and about a policy that
// cannot be read.
func aboutPolicy(a *App, err error) (advice, bool) {
	if e, ok := errors.AsType[*policy.Refusal](err); ok {
		return advice{status: noAccess, kind: report.Policy, text: terminal.ErrorText(e), hint: a.name() + " policy"}, true
	}
	if e, ok := errors.AsType[*policy.AgentRefusal](err); ok {
		return advice{status: noAccess, kind: report.Policy, text: terminal.ErrorText(e)}, true
	}
	if e, ok := errors.AsType[*policy.FileError](err); ok {
		return advice{status: misconfigured, text: terminal.ErrorText(e), more: "Ask the administrator of this machine to fix it."}, true
	}
	return advice{}, false
}

// aboutShortage is about what a process or the system has run out of, wherever
// that was noticed.
func aboutShortage(a *App, err error) (advice, bool) {
	return advice{status: failed, text: terminal.ErrorText(err),
		more: "Nothing is lost. The system, or a limit set for this process (\"ulimit -n\" for open files), allows no more: raise the limit, or end what uses it up, and try again."}, safedir.IsShort(err)
}

// aboutConsole is about pages and browsers.
func aboutConsole(a *App, err error) (advice, bool) {
	if e, ok := errors.AsType[*browser.NotOpenedError](err); ok {
		return advice{status: failed, kind: report.NoBrowser, text: terminal.ErrorText(e),
			more: "Set BROWSER to a program that opens pages, or print the URL with --print."}, true
	}
	if e, ok := errors.AsType[*endpoint.HandOverError](err); ok {
		say := advice{status: failed, text: terminal.ErrorText(e), more: "With --print the URL is printed instead."}
		if e.Twice {
			say.more = "If the console did not open for you, another user may have the session: ask an administrator to revoke the active sessions of the role."
		}
		return say, true
	}
	e, ok := errors.AsType[*console.FederationError](err)
	if !ok {
		return advice{}, false
	}
	say := advice{status: failed, text: terminal.ErrorText(e)}
	if e.RequestID != "" {
		say.text += terminal.Prosef(", request ID %s", e.RequestID)
	}
	if e.Temporary() {
		say.status = unavailable
	}
	return say, true
}

func aboutConfig(a *App, err error) (advice, bool) {
	say := advice{status: misconfigured, text: terminal.ErrorText(err)}
	if errors.Is(err, errNoHome) {
		say.more = terminal.Prosef("Set HOME, or AWS_CONFIG_FILE and %s.", a.variable("DIR"))
	}
	if e, ok := errors.AsType[*awsconfig.ReservedRoleError](err); ok {
		say.text = terminal.Prosef("%v: that is the IAM role which Identity Center made from a permission set", e.Setting)
		say.more = terminal.Prosef("Use the permission set's name, %s.", e.PermissionSet)
		return say, true
	}
	if aboutNames(a, err, &say) {
		return say, true
	}
	if e, ok := errors.AsType[*oidc.ConfigError](err); ok {
		key := map[string]string{"StartURL": "sso_start_url", "Region": "sso_region", "Endpoint": "the endpoint"}[e.Field]
		say.text = terminal.Prosef("%s %q %s", key, e.Value, e.Problem)
		if e.Value == "" { // it cannot be shown
			say.text = terminal.Prosef("%s: %s", key, e.Problem)
		}
		return say, true
	}
	if e, ok := errors.AsType[*awsapi.SettingError](err); ok {
		say.text = terminal.ErrorText(e)
		return say, true
	}
	if e, ok := errors.AsType[*credproc.UnsupportedProfileError](err); ok {
		say.text, say.more = terminal.ErrorText(e), aboutProfile(a, e)
		return say, true
	}
	if e, ok := errors.AsType[*awsconfig.MissingError](err); ok {
		say.text = terminal.Prosef("%s: %s lacks %s", e.Location, e.Section, strings.Join(e.Keys, " and "))
		return say, true
	}
	_, setting := errors.AsType[*credproc.ConfigError](err)
	_, edit := errors.AsType[*awsconfig.EditError](err)
	_, syntax := errors.AsType[*awsconfig.SyntaxError](err)
	return say, edit || syntax || setting || errors.Is(err, errNoHome)
}

// aboutProfile says what else there is for a profile that is not of Identity Center.
func aboutProfile(a *App, e *credproc.UnsupportedProfileError) terminal.Prose {
	switch {
	case e.MFA:
		return "credproc cannot ask for a code. Assume a role that needs none, or use the AWS CLI."
	case e.Direct:
		return terminal.Prosef("The AWS CLI and the SDKs get these by themselves: use the profile without %s.", a.name())
	}
	return "Only profiles that come from IAM Identity Center are served here."
}

// aboutReplace is about a config file that its directory lets us write, and that
// cannot be replaced all the same.
func aboutReplace(e *awsconfig.ReplaceError, goos string) advice {
	say := advice{status: misconfigured, text: terminal.ErrorText(e), more: "Nothing was changed."}
	switch {
	case errors.Is(e, syscall.EBUSY), errors.Is(e, syscall.EXDEV):
		say.more += terminal.Prosef(" The file may be mounted by itself, as in a container: mount its directory instead, or edit %s where it comes from.", e.Path)
	case errors.Is(e, fs.ErrPermission):
		say.more += " " + whyNotReplaced(goos)
	default:
		say.status = failed
	}
	return say
}

// aboutEdit is about a change of the config file that is not made.
func aboutEdit(_ *App, err error) (advice, bool) {
	say := advice{status: misconfigured, text: terminal.ErrorText(err)}
	if e, ok := errors.AsType[*profiles.CommandError](err); ok {
		say.kind, say.text = report.NotOnPath, terminal.Line(e.Problem)
		say.more = "Install it in a directory of PATH, or set the start of the lines with --command."
		return say, true
	}
	if e, ok := errors.AsType[*awsconfig.ForeignError](err); ok {
		say.more = "Perhaps a command that was run with sudo made it."
		say.hint = "sudo chown $(id -u) " + shell.Word(e.Path)
		return say, true
	}
	if e, ok := errors.AsType[*awsconfig.ReadOnlyError](err); ok {
		say.text = terminal.ErrorText(e) + ": it is not changed"
		return say, true
	}
	if e, ok := errors.AsType[*awsconfig.ReplaceError](err); ok && !safedir.IsFull(err) {
		return aboutReplace(e, runtime.GOOS), true
	}
	return say, false
}

func whyNotReplaced(goos string) terminal.Prose {
	switch goos {
	case "windows":
		return "Another program may have the file open: close it, and try again."
	case "darwin":
		return "The file may be locked or immutable: \"ls -lO\" shows its flags, and \"chflags nouchg\" removes one."
	}
	return "The file may be immutable: \"lsattr\" shows that, and \"sudo chattr -i\" makes it writable."
}

// aboutNames is about profiles and sessions that the config file does not have.
func aboutNames(a *App, err error, say *advice) bool {
	if e, ok := errors.AsType[*awsconfig.UnknownProfileError](err); ok {
		names := report.Known("profiles", e.Name, e.Known)
		if near, ok := errors.AsType[*nearestError](err); ok {
			names = "The nearest roles are\n" + near.lines
		}
		say.kind, say.hint = report.UnknownProfile, toConfigure(a, e.Known)
		if noConfig(a, e.Path, say) {
			names = ""
		}
		say.more = activeInstead(a, e.Name) + names + otherConfig(a, func(c *awsconfig.Config) bool { return c.Profiles[e.Name] != nil })
		return true
	}
	if e, ok := errors.AsType[*awsconfig.UnknownSessionError](err); ok {
		say.kind, say.hint = report.UnknownSession, toConfigure(a, e.Known)
		names := report.Known("sso-sessions", e.Name, e.Known)
		if noConfig(a, e.Path, say) {
			names = ""
		}
		say.more = names + otherConfig(a, func(c *awsconfig.Config) bool { return c.Sessions[e.Name] != nil })
		return true
	}
	return false
}

// noConfig makes the advice one about a config file that does not exist, if that is
// so.
func noConfig(a *App, path string, say *advice) bool {
	if _, err := os.Stat(path); !errors.Is(err, fs.ErrNotExist) {
		return false
	}
	say.kind, say.text, say.hint = report.NoConfig, terminal.Prosef("no config file %s", path), a.name()+" configure"
	return true
}

// toConfigure is the command for a user who has none of what was asked for.
func toConfigure(a *App, known []string) string {
	if len(known) > 0 {
		return ""
	}
	return a.name() + " configure"
}

// howToUnlock is about the operating system's keychain.
func howToUnlock(goos string) (more terminal.Prose, hint string) {
	if goos == "darwin" {
		return "Unlock it, then try again: log in to the desktop or, over SSH, as below.", "security unlock-keychain"
	}
	return "Unlock it, then try again: log in to the desktop. No login is lost.", ""
}

// keyringReasons are the reasons for which another keyring may be the better choice.
var keyringReasons = map[string]terminal.Prose{
	"item locked":      "Nothing is lost. The keychain is open, but confirms or locks each item, which a program without a person cannot answer.\nAllow this program the items without a confirmation (in KeePassXC: Settings, Secret Service Integration), or choose another keyring.",
	"no collection":    "A Secret Service runs, but has nowhere to keep secrets. Open a database that it may use (KeePassXC), or create a default keyring (in Passwords and Keys: a new password keyring, set as default). A login that was in it is not lost.",
	"no logon session": "Nothing is lost. Windows opens the Credential Manager only to processes of a session that was started with a password: not over OpenSSH with a key, and not to a task that is set to run without storing the password.\nSign in to Windows with the password (ssh -o PubkeyAuthentication=no), run the command on the desktop, or choose another keyring.",
}

// aboutFileKeyring adds what opens the keyring in encrypted files, and reports
// whether something does.
func aboutFileKeyring(a *App, err error, say *advice) bool {
	e, _ := errors.AsType[*keyring.Error](err)
	switch {
	case e.Reason == "no key file":
		say.more = terminal.Prosef("Set %s, or %s in the sso-session, to the file that it was made with. Nothing is lost.\nIf that file is lost, forget what is there, and sign in again.",
			a.variable("KEY_FILE"), fileKey(a, "KEY_FILE"))
		say.hint = a.name() + " keyring reset file"
	case e.Reason == "bad key file":
		say.more = terminal.Prosef("%s, or %s in the sso-session, must name the file of 32 random bytes that the keyring was made with. Nothing is lost.\nFor a new keyring, make one first: (umask 077; head -c 32 /dev/urandom >FILE)",
			a.variable("KEY_FILE"), fileKey(a, "KEY_FILE"))
	case errors.Is(err, sealed.ErrOtherKey) && errors.Is(err, keyring.ErrLocked):
		say.more, say.hint = aboutOtherKey(a), a.name()+" keyring reset file"
	case errors.Is(err, keyring.ErrLocked):
		say.more, say.hint = aboutPassphrase(a), loginHint(a, err)
	default:
		return false
	}
	return true
}

// detailOf is what a keyring says about itself, after a colon.
func detailOf(e *keyring.Error) string {
	if e == nil || e.Detail == "" {
		return ""
	}
	return ": " + e.Detail
}

func aboutKeyring(a *App, err error) (advice, bool) {
	say := advice{status: statusOf(err), text: terminal.ErrorText(err)}
	e, _ := errors.AsType[*keyring.Error](err)
	reason := ""
	if e != nil {
		reason = e.Reason
	}
	switch {
	case reason == "none":
		say.text = terminal.Line(e.Detail)
		say.more = otherKeyrings(a, err)
		return say, true
	case e != nil && e.Keyring == "file" && aboutFileKeyring(a, err, &say):
		return say, true
	case keyringReasons[reason] != "":
		say.more = keyringReasons[reason] + "\n" + otherKeyrings(a, err)
		return say, true
	case reason == "restarted":
		say.more = "It may be restarting: try again. Nothing is lost."
		return say, true
	case errors.Is(err, keyring.ErrLocked):
		say.kind, say.text = report.Locked, terminal.Prosef("the keychain is locked%s", detailOf(e))
		say.more, say.hint = howToUnlock(runtime.GOOS)
		return say, true
	case errors.Is(err, keyring.ErrTooBig):
		say.more = otherKeyrings(a, err)
		return say, true
	case isDamaged(err):
		return aboutDamaged(err), true
	case inFiles(err):
		return aboutDir(a, err, say), true
	case errors.Is(err, keyring.ErrUnavailable):
		say.more = "A login that is in it is not lost.\n" + otherKeyrings(a, err)
		return say, true
	}
	return say, false
}

// isDamaged reports whether one of credproc's files is damaged, or far too large.
func isDamaged(err error) bool {
	_, path := errors.AsType[*fs.PathError](err)
	return path && safedir.IsDamaged(err)
}

// aboutDamaged names the file, which only a person removes: it may be
// another program's.
func aboutDamaged(err error) advice {
	e, _ := errors.AsType[*fs.PathError](err)
	return advice{status: failed, text: terminal.Prosef("cannot read %s, one of the program's own files: %v", e.Path, e.Err),
		more: "Move it out of the way. Then sign in again, if you are asked to.",
		hint: shell.Move(e.Path, e.Path+".damaged")}
}

// inFiles reports whether it is files that keep the keyring from working.
func inFiles(err error) bool {
	e, ok := errors.AsType[*keyring.Error](err)
	_, path := errors.AsType[*fs.PathError](err) // of the state directory, which names the items
	return ok && (e.Keyring == "plaintext" || e.Keyring == "file" || path)
}

// otherKeyrings lists the alternatives when a keyring has failed,
// with the setting for each.
func otherKeyrings(a *App, err error) terminal.Prose {
	variable, key := a.variable("KEYRING"), fileKey(a, "KEYRING")
	lines := []terminal.Prose{
		terminal.Prosef("Without a keychain there is a choice, by one of these in the environment (or %s in the sso-session):", key),
		terminal.Prosef("  %s=file       encrypted files; the passphrase is asked for at login, or comes from %s or %s, or a key from %s",
			variable, a.variable("PASSPHRASE_COMMAND"), a.variable("PASSPHRASE"), a.variable("KEY_FILE")),
		terminal.Prosef("  %s=plaintext  files that only their mode guards", variable),
	}
	if e, ok := errors.AsType[*keyring.Error](err); kernelWorks() && !(ok && e.Keyring == "kernel") {
		lines = slices.Insert(lines, 1, terminal.Prosef("  %s=kernel     the kernel's memory, until a reboot or three days without use", variable))
	}
	return terminal.Join(lines, "\n")
}

// kernelWorks reports whether the kernel lets us have a keyring: it would be no
// help to offer one that it forbids.
func kernelWorks() bool {
	k, err := keyring.New("kernel", keyring.Options{})
	if err == nil {
		_, err = k.Get(context.Background(), "none")
	}
	return errors.Is(err, keyring.ErrNotFound)
}

// aboutPassphrase says how the file keyring is opened.
func aboutPassphrase(a *App) terminal.Prose {
	return terminal.Prosef("Nothing is lost. login asks for the passphrase on a terminal; elsewhere it comes from %s or %s, or a key from %s.",
		a.variable("PASSPHRASE_COMMAND"), a.variable("PASSPHRASE"), a.variable("KEY_FILE"))
}

// aboutOtherKey says what opens a file keyring again: a sign-in does not.
func aboutOtherKey(a *App) terminal.Prose {
	return terminal.Prosef("Nothing is lost. Set %s, or %s in the sso-session, to the key file that the keyring was made with, or give its passphrase.\nIf that is lost, forget what is in the keyring, and sign in again.",
		a.variable("KEY_FILE"), fileKey(a, "KEY_FILE"))
}

func aboutRecords(a *App, err error) (advice, bool) {
	e, ok := errors.AsType[*tokencache.RecordError](err)
	if !ok {
		return advice{}, false
	}
	say := advice{status: failed, text: terminal.ErrorText(e)}
	if errors.Is(err, sealed.ErrNewer) {
		say.more = terminal.Prosef("This is %s %s. Use the newer release, which wrote it.", a.name(), a.version())
		return say, true
	}
	if e.What == "sealing key" {
		say.more = "No session can be renewed without it. Sign out of all sessions to remove it, then sign in again."
		say.hint = a.name() + " logout --all"
		return say, true
	}
	say.more = "Signing in again replaces it."
	say.hint = loginHint(a, err, "--force")
	return say, true
}

// loginHint is the command that signs in to what the caller asked for.
func loginHint(a *App, err error, flags ...string) string {
	words := append([]string{a.name(), "login"}, flags...)
	if _, ok := errors.AsType[*stepError](err); ok {
		words = append(words, "--start")
	}
	if t, ok := errors.AsType[*targetError](err); ok {
		if len(t.words) == 1 && strings.HasPrefix(t.words[0], "-") {
			words = append(words, "--") // a name that is no flag
		}
		words = append(words, t.words...)
	}
	for i, word := range words[1:] {
		words[i+1] = shell.Word(word)
	}
	return strings.Join(words, " ")
}

// aboutLogin is about sign-ins under way.
func aboutLogin(a *App, err error) (advice, bool) {
	if e, ok := errors.AsType[*forbiddenError](err); ok {
		return advice{status: signInRequired, text: terminal.ErrorText(e)}, true
	}
	if e, ok := errors.AsType[*clicache.LoginError](err); ok {
		return advice{status: signInRequired, text: terminal.ErrorText(e), hint: loginHint(a, err)}, true
	}
	if e, ok := errors.AsType[*unconfirmedError](err); ok {
		return advice{status: unavailable, kind: report.Pending, text: terminal.ErrorText(e), hint: loginHint(a, err, "--resume")}, true
	}
	e, ok := errors.AsType[*loginError](err)
	if !ok {
		return advice{}, false
	}
	say := aboutSignIn(a, err, e)
	if more := loginElsewhere(a, e.session); more != "" {
		if say.more != "" {
			say.more += "\n"
		}
		say.more += more
	}
	return say, true
}

// aboutSignIn is about one that failed at the service, or on the way there.
func aboutSignIn(a *App, err error, e *loginError) advice {
	if trouble, offline := aboutTrouble(a, err); offline {
		return trouble
	}
	say := advice{status: failed, text: terminal.ErrorText(e)}
	answer, _ := errors.AsType[*oidc.Error](err)
	switch {
	case answer != nil && strings.HasPrefix(answer.Reason, "KMS_"):
		say.more = kmsAdvice
	case errors.Is(err, oidc.ErrDenied):
		say.status, say.kind, say.text = signInRequired, report.Denied, terminal.Prosef("the sign-in to %s was denied in the browser", sessionLabel(e.session))
		if answer != nil && answer.Description != "" {
			say.text += terminal.Prosef(": %s", answer.Description)
		}
		say.hint = loginHint(a, err)
	case errors.Is(err, oidc.ErrExpired):
		say.status, say.kind, say.text = signInRequired, report.Expired, terminal.Prosef("the sign-in to %s was not confirmed in time", sessionLabel(e.session))
		say.hint = loginHint(a, err)
	case errors.Is(err, oidc.ErrNoCallback):
		say.hint = loginHint(a, err, "--use-device-code")
	case answer == nil:
	case answer.StatusCode == 0 || answer.Temporary():
		say.status = unavailable
	case answer.Code == "":
		say.status = unavailable
		say.more = "A proxy or captive portal may be in the way."
	case e.insists && answer.Op == "RegisterClient" && answer.Code != "invalid_request":
		say.hint = loginHint(a, err, "--use-device-code")
	case answer.Code == "invalid_request" || answer.Code == "invalid_grant":
		say.status, say.kind = misconfigured, report.WrongRegion
		say.text = terminal.Prosef("the service refused the sign-in to %s", sessionLabel(e.session))
		if answer.Op != "CreateToken" {
			say.text = terminal.Prosef("Identity Center in %s does not accept the start URL of %s", e.session.Config.Region, sessionLabel(e.session))
		}
		say.more = "Check sso_start_url, and sso_region: it is the region of the instance."
		say.hint = a.name() + " doctor"
	}
	return say
}

const kmsAdvice = "The key that encrypts the Identity Center instance cannot be used. It is the administrator's: tell them the reason."

// aboutSession is about what the service says to an existing session.
func aboutSession(a *App, err error) (advice, bool) {
	if e, ok := errors.AsType[*credproc.NoAccessError](err); ok {
		return aboutAccess(a, err, e), true
	}
	if e, ok := errors.AsType[*nothingAssignedError](err); ok {
		return advice{status: noAccess, text: terminal.ErrorText(e),
			more: "Nothing is assigned to you yet, or this is an account instance, which has none.",
			hint: loginHint(a, err, "--force")}, true
	}
	if e, ok := errors.AsType[*tokencache.DeniedError](err); ok {
		return advice{status: statusOf(err), text: terminal.Prosef("sign-in required for session %s: the last one was denied at %s", e.Session, e.At.Format(time.TimeOnly)), kind: report.Denied, hint: loginHint(a, err)}, true
	}
	if e, ok := errors.AsType[*tokencache.SignInError](err); ok {
		say := advice{status: statusOf(err), text: terminal.Prosef("sign-in required for session %s: %s", e.Session, e.Reason), hint: loginHint(a, err)}
		if e.Ended {
			say.kind, say.text = report.Ended, hasEnded(e)
		}
		if t, ok := errors.AsType[*targetError](err); ok {
			say.more = loginElsewhere(a, t.session)
		}
		return say, true
	}
	if say, ok := aboutTrouble(a, err); ok {
		return say, true
	}
	if e, ok := errors.AsType[*tokencache.ApplicationError](err); ok {
		return advice{status: signInRequired, text: terminal.Prosef("session %s cannot sign in by its application: %s", e.Session, e.Reason), more: report.Application(e.Err)}, true
	}
	return aboutService(err)
}

// aboutService is about a call that failed and may work later.
func aboutService(err error) (advice, bool) {
	if e, ok := errors.AsType[*tokencache.ServiceError](err); ok {
		say := advice{status: statusOf(err), text: terminal.ErrorText(e)}
		if shared, ok := errors.AsType[*flight.SharedError](err); ok {
			say.text = terminal.Prosef("%s: %s", e.Op, shared.Reason)
			say.more = earlier(shared)
		}
		if strings.Contains(e.Reason, "KMS_") {
			say.more = kmsAdvice
		}
		return say, true
	}
	_, busy := errors.AsType[*flight.BusyError](err)
	return advice{status: unavailable, text: terminal.ErrorText(err)}, busy || errors.Is(err, context.DeadlineExceeded)
}

// hasEnded says since when a login was there that the service ended. Its own words
// are for --debug and for programs.
func hasEnded(e *tokencache.SignInError) terminal.Prose {
	since := ""
	if !e.SignedIn.IsZero() {
		since = " (signed in " + terminal.Clock(e.SignedIn, time.Now()) + ")"
	}
	return terminal.Prosef("the session %s has ended%s", e.Session, since)
}

func earlier(shared *flight.SharedError) terminal.Prose {
	return terminal.Prosef("This error is from an earlier call; the next attempt is allowed at %s.", shared.Until.Format(time.TimeOnly))
}

// aboutTrouble is about services that cannot be reached.
func aboutTrouble(a *App, err error) (advice, bool) {
	t := report.TroubleIn(err)
	if t == nil {
		return advice{}, false
	}
	say := advice{status: unavailable, hint: a.name() + " doctor"}
	say.kind, say.text, say.more = report.Unreachable(t)
	if shared, ok := errors.AsType[*flight.SharedError](err); ok {
		say.more, say.hint = say.more+"\n"+earlier(shared), ""
	}
	return say, true
}

// aboutAccess ends with what the administrator says about requests.
func aboutAccess(a *App, err error, e *credproc.NoAccessError) advice {
	say := aboutRole(a, err, e)
	if e.Request != "" {
		say.more = terminal.Join(slices.DeleteFunc([]terminal.Prose{say.more, terminal.Line(e.Request)}, func(p terminal.Prose) bool { return p == "" }), "\n")
	}
	return say
}

func aboutRole(a *App, err error, e *credproc.NoAccessError) advice {
	say := advice{status: statusOf(err), text: terminal.ErrorText(e)}
	if e.RoleARN != "" {
		say.more = "The role's trust policy decides, and what the role that it is assumed with may do."
		return say
	}
	if slices.Contains(e.Held, e.RoleName) {
		say.text = terminal.Prosef("the service refuses role %s in account %s through session %s, though it is assigned to you", e.RoleName, e.AccountID, e.Session)
		if answer, ok := errors.AsType[*awsapi.Error](e.Err); ok {
			say.text += ": " + terminal.ErrorText(answer)
		}
		say.more = "Signing in again does not help. The permission set may not be provisioned in the account yet, the account may be suspended, or a policy may deny it: ask your administrator."
		return say
	}
	if i := slices.IndexFunc(e.Held, func(role string) bool { return strings.EqualFold(role, e.RoleName) }); i >= 0 {
		say.more = terminal.Prosef("Role names are case-sensitive: use %s.", e.Held[i])
		return say
	}
	if terminal.Width(say.in(a.name())) > terminal.Columns {
		say.text = terminal.Prosef("no access to role %s in account %s", e.RoleName, e.AccountID)
	}
	var typo bool
	if say.more, typo = report.Held(e.RoleName, e.Held); !typo {
		say.hint = loginHint(a, err, "--force")
	}
	return say
}

// aboutUnsafe is about files and directories that other users could get at.
func aboutUnsafe(a *App, err error) (advice, bool) {
	e, ok := errors.AsType[*safedir.UnsafeError](err)
	if !ok {
		return advice{}, false
	}
	say := advice{status: misconfigured, text: terminal.ErrorText(err), hint: doctor.UnsafeFix(err)}
	if e.Dir {
		say.status = failed
	}
	if _, ok := errors.AsType[*keyring.Error](err); ok {
		say.status = keyringShut
	}
	switch {
	case e.Problem == safedir.Foreign && !e.Dir:
		say.more = "Someone else knows what is in it: make a new one, or make it yours if you trust that user."
	case e.Dir:
		say.more = terminal.Prosef("Look at what is in it first, or set %s to a directory of your own. Where this is meant, %s=off allows it.", a.variable("DIR"), a.variable("STRICT_MODES"))
	case e.Problem == safedir.Writable:
		say.more = "Look at what is in it first: another user may have written it."
	}
	return say, true
}

// aboutFiles is about directories and disks.
func aboutFiles(a *App, err error) (advice, bool) {
	say := advice{status: failed, text: terminal.ErrorText(err)}
	_, owner := errors.AsType[*safedir.OwnerError](err)
	_, lock := errors.AsType[*flight.LockError](err)
	_, path := errors.AsType[*fs.PathError](err)
	_, link := errors.AsType[*os.LinkError](err)
	switch {
	case owner:
		say.more = terminal.Prosef("Run it as that user, or set %s to a directory of your own.", a.variable("DIR"))
	case safedir.IsFull(err):
		say.kind, say.more = report.DiskFull, "The disk is full. Nothing is lost."
	case lock || path || link:
		if isOwnFile(a, err) && (errors.Is(err, fs.ErrPermission) || errors.Is(err, syscall.EROFS) || errors.Is(err, syscall.ENOTDIR)) {
			return aboutDir(a, err, say), true
		}
	default:
		return say, false
	}
	return say, true
}

// aboutDir is about directories of the program's own that cannot be written.
func aboutDir(a *App, err error, say advice) advice {
	reason := err
	if errno, ok := errors.AsType[syscall.Errno](err); ok {
		reason = errno
	}
	if dir := ownDirOf(a, err); dir != "" {
		say.text = terminal.Prosef("cannot use %s: %v", dir, reason)
	}
	say.kind, say.more = report.NotWritable, terminal.Prosef("Set %s to a directory that can be written.", a.variable("DIR"))
	return say
}

// ownDirOf is the one of the program's own directories that an error is about.
func ownDirOf(a *App, err error) string {
	path := pathIn(err)
	for _, dir := range ownDirs(a) {
		if below, err := filepath.Rel(dir, path); err == nil && filepath.IsLocal(below) {
			return dir
		}
	}
	return path
}

// pathIn is the file that an error is about, or "".
func pathIn(err error) string {
	if e, ok := errors.AsType[*fs.PathError](err); ok {
		return e.Path
	} else if e, ok := errors.AsType[*os.LinkError](err); ok {
		return e.New
	}
	return ""
}

// isOwnFile reports whether a file that an error is about lies where CREDPROC_DIR
// says: below our directories, or above them, where they are made. Names without a
// directory are those of [safedir.Dir].
func isOwnFile(a *App, err error) bool {
	path := pathIn(err)
	if !filepath.IsAbs(path) {
		return true
	}
	for _, dir := range ownDirs(a) {
		for _, pair := range [][2]string{{dir, path}, {path, dir}} {
			if below, err := filepath.Rel(pair[0], pair[1]); err == nil && filepath.IsLocal(below) {
				return true
			}
		}
	}
	return false
}

// ownDirs are those of the state and the cache, as far as they are known.
func ownDirs(a *App) []string {
	state, cache, err := layout.DefaultDirs(a.ID)
	if dir, _ := pathSetting(a, "DIR"); dir != "" {
		state, cache = layout.DirsIn(dir)
	} else if err != nil {
		return nil
	}
	return []string{state, cache}
}

var errNoHome = errors.New("cannot determine the home directory")
