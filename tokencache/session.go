// Package tokencache turns one sign-in to IAM Identity Center into a session
// that lasts.
//
// A [Session] keeps the refresh token in the operating system's keychain,
// renews the access token before it ends, and lets every process on the
// machine share both: however many ask at once, there is one renewal. What is
// too big for a keychain, or can be fetched again, is kept in files that are
// sealed with a key from the keychain. Most programs want package credproc, which
// turns a Session into credentials of a role.
//
// Only the service, [Session.SignOut] or another sign-in ends a login. A crash, a
// race, a full disk, a network fault or a locked keychain does not. The error says
// what happened: [oidc.ErrSignInRequired] only where the service itself ended the
// session, a [keyring.Error] for the keychain, a [ServiceError] for what may succeed
// later. Call [Session.Close] before the program ends, so that a renewal under way
// reaches the keychain.
//
// # The policy of the machine
//
// A Session obeys the policy that the administrator of the machine has set
// (docs/fleet.md): its start URLs, keyrings, flows, locked sessions, and what
// coding agents may have. What that does not allow is an error that wraps
// credproc.ErrPolicy; a policy that cannot be read is an error, too.
// [Session.SignOut] is always possible.
//
// # Events
//
// A [Session] with a Logger logs events at debug level: the message is the event's
// name, the rest are attributes. These names do not change, so a handler can count
// them; events and attributes may be added:
//
//	cached     op               what is stored was good: no lock, no call
//	look       op, why          it was not: "nothing stored", "stale", "not usable"
//	wait       op, lock, holder another process is doing it
//	found      op, waited       that process stored it, or one just before
//	fetch      op, lock, waited this process asks the service
//	fetched    op, took         the service gave it
//	failed     op, took, error  it did not
//	held back  op, error, until the service is not asked, since it failed just now
//	call       service, operation, took, status, request_id, code or error: one call of the service
//
// op is what is being done ("renew the session corp"), for people: it names
// sessions, accounts and roles. No event has a secret in it.
package tokencache

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/credproc/credproc/internal/audit"
	"github.com/credproc/credproc/internal/awsapi"
	"github.com/credproc/credproc/internal/flight"
	"github.com/credproc/credproc/internal/inside"
	"github.com/credproc/credproc/internal/startpage"
	"github.com/credproc/credproc/oidc"
	"github.com/credproc/credproc/tokencache/keyring"
)

// Session is one sign-in, as the [sso-session] section of an AWS configuration
// describes it. Its fields must not be changed after the first call. All
// methods are safe for concurrent use, and so are Sessions of the same name in
// other processes. A Session must not be copied.
type Session struct {
	// Name tells several sign-ins to one start URL apart. It may be empty.
	Name string
	// Config says where and as what to sign in.
	Config oidc.Config
	// PortalEndpoint is a custom endpoint of the access portal. "" follows the
	// SDK's rules. A login made with custom endpoints is never used without
	// them, and the other way round.
	PortalEndpoint string
	// Keyring keeps the tokens. nil means the one that the login is in, or, if
	// there is none yet, the one called NewLoginKeyring: "os", "windows", "kernel", or
	// "file" or "plaintext" in the state directory: see [keyring.New]. "auto" (or "")
	// is the operating system's, or in WSL that of Windows, or else the kernel's.
	// A login that exists stays where it is until [Session.SignIn] is called
	// with another keyring named.
	//
	// The calls of a keyring of the program's own are given up after 25 seconds,
	// or a minute with MayPrompt: see [keyring.Bounded].
	Keyring         keyring.Keyring
	NewLoginKeyring string
	// Unlock opens the keyring "file".
	Unlock keyring.Unlock
	// MayPrompt allows the operating system's keychain to show a dialog.
	MayPrompt bool
	// StateDir and CacheDir hold sealed records. "" means the user's directories
	// for a program named Service: on Linux $XDG_STATE_HOME and $XDG_CACHE_HOME,
	// with a component made from /etc/machine-id, since a home directory that
	// several hosts share must not mix what their keychains hold. Losing the cache
	// costs a fetch, losing the state a sign-in.
	StateDir, CacheDir string
	// LaxModes uses these directories although another user could put others in
	// their place: one above them is writable for others and not sticky, or it
	// is neither this user's nor root's. Without it that is an error.
	LaxModes bool
	// Service is the name in keychain and directories. "" means credproc, which
	// shares its logins.
	Service string
	// NoKeyCache keeps the sealing key out of the memory in which it otherwise
	// stays for an hour: the kernel keyring on Linux, System V shared memory on
	// macOS. Other systems cache nothing.
	NoKeyCache bool
	// Application signs the session in without a person, wherever a sign-in is
	// needed: once for all processes. Renewals go through it as well. nil: a person
	// signs in.
	Application *oidc.Application
	// Network tells apart callers that reach the service by different ways (a
	// proxy, a CA bundle): a failure to connect is shared among equals only. ""
	// means what the environment of this process says about these.
	Network string
	// Export is given each access token as it is got, without what renewing takes,
	// and nil when it must not be exported any longer: the session is signed out, or the
	// line that the policy requires in the audit trail cannot be written. It is for tools
	// that read files of their own, and runs under the session's lock; an error is logged
	// and changes nothing. nil exports nothing.
	Export func(*oidc.Token) error
	// Logger gets an event for each decision and each call of the service, at
	// debug level and without secrets: see the package comment. nil means none.
	Logger *slog.Logger

	once  sync.Once
	store *store
	err   error
	group flight.Group
	calls keyringCalls

	preferred string // the keyring that the policy has for a login which names none
	insides
}

// ServiceError says that the service could not be asked, or had a fault of
// its own. The login is as it was; a later call may succeed.
type ServiceError struct {
	Op      string    // what was being done, "renew the session corp"
	Reason  string    // what went wrong, for people
	RetryAt time.Time // local clock; until then calls get this error at once. Zero: unknown
	Err     error     // the cause; not the original one where it was another process that failed
}

// Error says what went wrong.
func (e *ServiceError) Error() string { return e.Op + ": " + e.Reason }

// Unwrap returns the cause.
func (e *ServiceError) Unwrap() error { return e.Err }

// unavailable is how flight's failures call a [ServiceError].
const unavailable = "unavailable"

// failureOf says what the next callers are told of a [ServiceError].
func failureOf(err error) (flight.Failure, bool) {
	e, ok := errors.AsType[*ServiceError](err)
	if !ok {
		return flight.Failure{}, false
	}
	f := flight.Failure{Kind: unavailable, Reason: e.Reason, BelowHTTP: true}
	if answer, ok := errors.AsType[*oidc.Error](e.Err); ok {
		f.BelowHTTP, f.RetryAfter = answer.StatusCode == 0, answer.RetryAfter
	}
	if answer, ok := errors.AsType[*awsapi.Error](e.Err); ok {
		f.BelowHTTP, f.RetryAfter = answer.StatusCode == 0, answer.RetryAfter
	}
	if t := awsapi.TroubleOf(e.Err); t != nil && f.BelowHTTP {
		f.Trouble = t.String()
	}
	return f, true
}

// SignInError says why a sign-in is required. It wraps
// [oidc.ErrSignInRequired].
type SignInError struct {
	Session string
	Reason  string // "not signed in", or what the service said
	Err     error  // the cause, where more can be said; mostly nil

	Ended    bool      // there was a login, and the service does not renew it any more
	SignedIn time.Time // when that was made, by the local clock; zero if unknown

	generation int64 // of the login that does not do
	gone       bool  // the keyring has none
}

// Error says what went wrong.
func (e *SignInError) Error() string {
	return fmt.Sprintf("session %q: sign-in required: %s", e.Session, e.Reason)
}

// Unwrap returns [oidc.ErrSignInRequired], and the cause.
func (e *SignInError) Unwrap() []error {
	if e.Err == nil {
		return []error{oidc.ErrSignInRequired}
	}
	return []error{oidc.ErrSignInRequired, e.Err}
}

// Format prints the session's name, whatever the verb: a session at work must
// not be looked into.
func (s *Session) Format(f fmt.State, _ rune) { fmt.Fprintf(f, "tokencache.Session(%s)", s.Label()) }

// LogValue logs what Format prints.
func (s *Session) LogValue() slog.Value { return slog.StringValue(fmt.Sprint(s)) }

// logged is ctx for the calls of services that are made in it.
func (s *Session) logged(ctx context.Context) context.Context {
	return awsapi.WithLogger(ctx, s.Logger)
}

// errNoSession is what a nil Session answers: a Provider or a Listing that was
// given none.
var errNoSession = errors.New("there is no session: it is nil")

func (s *Session) open() (*store, error) {
	if s == nil {
		return nil, errNoSession
	}
	s.once.Do(func() {
		if s.store, s.err = newStore(s); s.err == nil {
			inside.Fill(&s.insides, inside.Session(&insideSession{s, s.store}))
		}
	})
	return s.store, s.err
}

// Open prepares the session. Every other method does that first; call it to learn
// early that one of the fields, or a directory, cannot be used.
func (s *Session) Open() error {
	_, err := s.open()
	return err
}

// Token returns an access token, renewed if it has less than five minutes (or
// half of its life, if that is less) left. The result has no refresh token and
// no client secret; those stay here. It is shared and must not be changed.
//
// Errors wrap [oidc.ErrSignInRequired], [keyring.ErrLocked] or
// [keyring.ErrUnavailable], are a [*ServiceError] or a [*RecordError], or ctx's.
func (s *Session) Token(ctx context.Context) (*oidc.Token, error) {
	return s.give(ctx, "")
}

// TokenAfter is Token for a program whose access token the service rejected
// although it had not expired: that one is not returned again.
func (s *Session) TokenAfter(ctx context.Context, rejected string) (*oidc.Token, error) {
	return s.give(ctx, rejected)
}

// Renew renews the access token now, however much life it has left. It proves that a
// login still works. Errors are those of [Session.Token].
func (s *Session) Renew(ctx context.Context) error {
	_, err := s.token(ctx, "", true)
	return err
}

func (s *Session) token(ctx context.Context, refused string, force bool) (*oidc.Token, error) {
	st, err := s.open()
	if err != nil {
		return nil, err
	}
	if err := st.allowed(); err != nil {
		return nil, err
	}
	began, ix := time.Now(), st.readIndex()
	r := &renewal{Session: s, st: st, refused: refused, force: force}
	it, err := flight.Do(ctx, &s.group, flight.Call[*item]{
		Dir: st.locks(), Name: flight.Session(st.id), Variant: fmt.Sprint(tokenHash(refused), force),
		Op: "renew the session " + s.Label(), Network: s.network(), Force: force, Critical: true, Logger: s.Logger,
		Load: r.load, Fetch: r.fetch,
	})
	if err == nil {
		s.noteLogin(ctx, st, ix, began, true)
		return it.token(), nil
	}
	// Of a login that ends, the access token may serve who does not insist.
	if look := lookFor(err); look != nil && !(force && look.Found == inside.FoundRefused) {
		s.note(ctx, st, ix, look)
	}
	if !force && isPassing(err) {
		if valid := r.stillValid(ctx); valid != nil {
			return valid.token(), nil
		}
	}
	return nil, explain("renew the session "+s.Label(), err)
}

// isPassing reports errors that leave a token usable that is due but has not
// expired.
func isPassing(err error) bool {
	_, unavailable := errors.AsType[*ServiceError](err)
	_, shared := errors.AsType[*flight.SharedError](err)
	_, busy := errors.AsType[*flight.BusyError](err)
	_, lock := errors.AsType[*flight.LockError](err)
	_, setting := errors.AsType[*awsapi.SettingError](err)
	return unavailable || shared || busy || lock || setting
}

// explain turns what flight says into errors of this package.
func explain(op string, err error) error {
	if e, ok := err.(*flight.SharedError); ok {
		return &ServiceError{Op: op, Reason: e.Error(), RetryAt: e.Until, Err: err}
	}
	if e, ok := err.(*flight.BusyError); ok && isCallers(e) {
		return fmt.Errorf("%s: %w", op, e.Err)
	} else if ok {
		return &ServiceError{Op: op, Reason: strings.TrimPrefix(e.Error(), e.Op+": "), Err: err}
	}
	return err
}

// isCallers reports that the caller's context ended, and that no wait for others
// took its time.
func isCallers(e *flight.BusyError) bool {
	return errors.Is(e.Err, context.Canceled) || e.Holder.PID == 0 && errors.Is(e.Err, context.DeadlineExceeded)
}

// Label is what people call the session: its name, or, without one, "corp" for
// https://corp.awsapps.com/start.
func (s *Session) Label() string { return labelOf(s.Name, s.Config.StartURL) }

func labelOf(name, startURL string) string { return cmp.Or(name, startpage.Name(startURL)) }

// export hands an access token to others; nil says that there is none any more.
func (s *Session) export(it *item) {
	if s.Export == nil {
		return
	}
	var tok *oidc.Token
	if it != nil {
		tok = it.token()
	}
	if err := s.Export(tok); err != nil {
		s.debug("not exported", "error", err)
	} else if tok != nil {
		line := audit.Line{Event: audit.Token, Outcome: "exported"}
		line.Until(tok.Expiry)
		if refused := s.tell(context.Background(), line, nil); refused != nil {
			s.debug("not exported", "error", errors.Join(refused, s.Export(nil))) // without its line
		}
	}
}

// network names the settings that decide whether the service can be reached
// at all: a caller with a broken proxy fails alone.
func (s *Session) network() string {
	h := sha256.New()
	fmt.Fprintln(h, s.Network, s.Config.Endpoint, s.PortalEndpoint, s.Config.UseFIPS, s.Config.UseDualStack)
	if s.Network == "" {
		for _, name := range []string{"HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy", "NO_PROXY", "no_proxy", "AWS_CA_BUNDLE", "SSL_CERT_FILE", "SSL_CERT_DIR"} {
			fmt.Fprintf(h, "%s=%s\n", name, os.Getenv(name))
		}
	}
	return hex.EncodeToString(h.Sum(nil)[:8])
}

// Close waits until no renewal and no sign-in of this Session is between the
// service's answer and the keychain, and lets none start afterwards. A program
// that is about to exit calls it, or [credproc.Config.Close], or a login can be
// lost. It fails with ctx's error, and may be called more than once. What is
// stored can still be read.
//
// [credproc.Config.Close]: https://pkg.go.dev/github.com/credproc/credproc/credproc#Config.Close
func (s *Session) Close(ctx context.Context) error {
	if s == nil {
		return errNoSession
	}
	_, err := s.group.Settle(ctx)
	if err == nil {
		s.calls.endAll(ctx)
		s.group.Forget() // else the next caller could get the error of a call ended here
	}
	return err
}

func (s *Session) debug(event string, args ...any) {
	if s.Logger != nil {
		s.Logger.Debug(event, append([]any{"session", s.Label()}, args...)...)
	}
}
