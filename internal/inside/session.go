package inside

import (
	"context"
	"time"

	"github.com/credproc/credproc/internal/fetch"
	"github.com/credproc/credproc/internal/policy"
	"github.com/credproc/credproc/oidc"
)

// Session is a tokencache.Session from the inside: what package credproc fetches
// with it, and what the commands show and do.
type Session interface {
	fetch.Session

	// Policy returns the policy that the session obeys, or nil, and what that does not
	// allow of it.
	Policy() (*policy.Policy, error)
	// First reports whether this call is the first on the machine, within a
	// period, to ask so about what: for a message that hundreds of processes
	// would show at once.
	First(ctx context.Context, what string, period time.Duration) bool
	// Endpoints returns the base URLs of the sign-in service and of the access
	// portal, in this order: where the session's calls go.
	Endpoints() ([]string, error)
	// KeyCached reports whether the sealing key of the session's keyring is cached,
	// so that an answer needs no keyring.
	KeyCached() bool
	// Kept returns a secret of this machine's that no sign-in gave, from the sealed
	// file name of the state directory, and makes one first where there is none that
	// can be opened and is usable. Processes that ask at once get the same. It is
	// gone with the sealing key, when the last session of the keyring is signed out.
	// Errors are those of make, of the keyring, or of package os.
	Kept(ctx context.Context, name string, usable func([]byte) bool, make func() ([]byte, error)) ([]byte, error)
	// KeyringStates asks every keyring what it holds of the session. It shows no
	// dialog, and runs no command for a passphrase.
	KeyringStates(ctx context.Context) ([]KeyringState, error)
	// Pause waits until no work is under way that must not be cut off, and no lock
	// is held that others would wait for in vain, and lets none start until resume
	// is called.
	Pause(ctx context.Context) (resume func(), err error)
	// Reset forgets what one keyring holds of the session, and the sealing key
	// there; with it, all that is of no use without. It neither tells the service
	// nor looks at what is stored: it is for what cannot be read any more. Errors
	// are those of the keyring, or of package os.
	Reset(ctx context.Context, keyring string) error
	// TakeOver makes the login of a session without a name the login of this one,
	// which has a name and is at the same place: for a user who signed in by a
	// start URL and gave the session a name later. It calls no service. took is false
	// where this session has a login of its own, or from has none that works. Errors
	// are those of the keyring, of package os, or for a record that cannot be read.
	TakeOver(ctx context.Context, from Session) (took bool, err error)
	// Revoke ends the session at the service within five seconds, and leaves what
	// is stored as it is. It fails with keyring.ErrNotFound where there is no
	// login.
	Revoke(ctx context.Context) error
	// StartSignIn starts a sign-in with a device code that ResumeSignIn finishes, in
	// this process or another, and does not wait for the person. All processes of the
	// machine share one code, those that sign in by themselves included: a call
	// returns the same code until it expires. A nil code means that the session needs
	// no sign-in. Errors are of the keyring, of package os, or those of
	// [oidc.Config.StartDeviceCode].
	StartSignIn(ctx context.Context) (*oidc.DeviceCode, error)
	// ResumeSignIn waits until the person has confirmed the code, and stores the
	// login. done is false after wait: the code stays valid for the next call. Where
	// the session needs no sign-in any more, done is true at once.
	//
	// The error is a tokencache.SignInError if no sign-in was started,
	// [oidc.ErrExpired] if the person did not confirm it in time, and
	// [oidc.ErrDenied] if the person refused it; the code is forgotten then. Other
	// errors are those of tokencache.Session.SignIn.
	ResumeSignIn(ctx context.Context, wait time.Duration) (done bool, err error)
}

// KeyringState is what one keyring holds of a session.
type KeyringState struct {
	Name string
	// Err is why it cannot be used now: it wraps keyring.ErrLocked or
	// keyring.ErrUnavailable. nil means that it answers.
	Err error
	// Tokens and Key are the sizes, in bytes, of what the sign-in gave and of the
	// sealing key; 0: not there, or not to be seen while it is locked. Overflow
	// says that the tokens were too big, and are in a sealed file.
	Tokens, Key int
	Overflow    bool
}

// What a tokencache.Look can find.
const (
	FoundLogin       = "login"
	FoundNothing     = "nothing"
	FoundRefused     = "refused"
	FoundUnreadable  = "unreadable"
	FoundOlder       = "older"
	FoundLocked      = "locked"
	FoundUnavailable = "unavailable"
	FoundSlow        = "slow"
)
