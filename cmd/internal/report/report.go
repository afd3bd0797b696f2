// Package report tells a program what went wrong, as docs/errors.schema.json
// describes it.
package report

import (
	"cmp"
	"errors"
	"time"

	"github.com/credproc/credproc/internal/awsapi"
	"github.com/credproc/credproc/internal/flight"
	"github.com/credproc/credproc/internal/printable"
	"github.com/credproc/credproc/oidc"
	"github.com/credproc/credproc/tokencache"
)

// Kinds of errors, finer than the exit statuses. A kind may be added.
const (
	Failed         = "failed" // none of the others
	Usage          = "usage"
	Config         = "config"
	NoConfig       = "no_config"
	UnknownSession = "unknown_session"
	UnknownProfile = "unknown_profile"
	Unavailable    = "unavailable"
	Offline        = "offline" // no connection, whatever is in the way; see Details.Trouble
	WrongRegion    = "wrong_region"
	Clock          = "clock"
	SignIn         = "sign_in_required"
	Ended          = "session_ended" // there was a login
	Denied         = "sign_in_denied"
	Expired        = "sign_in_expired" // no person confirmed it in time
	Pending        = "sign_in_pending" // a person can still confirm it
	NoAccess       = "no_access"
	Policy         = "policy" // a rule does not allow it
	Keyring        = "keyring_unavailable"
	Locked         = "keyring_locked"
	NotWritable    = "not_writable"
	DiskFull       = "disk_full"
	NoBrowser      = "no_browser"
	NotOnPath      = "not_on_path"
	NotRun         = "command_not_run" // exec cannot start it
	Findings       = "findings"        // doctor has some
	Closed         = "stdout_closed"
	Interrupted    = "interrupted"
	Crash          = "crash"
)

// KindOf is the kind of an error of which no more is known than its exit status.
func KindOf(status int) string {
	kinds := map[int]string{2: Config, 3: Unavailable, 4: SignIn, 5: NoAccess, 6: Keyring, 129: Interrupted, 130: Interrupted, 143: Interrupted}
	return cmp.Or(kinds[status], Failed)
}

// An Error is what a program is told. It holds no secret.
type Error struct {
	Kind       string     `json:"kind"`
	Message    string     `json:"message"`           // one sentence, without the program's name
	Advice     string     `json:"advice,omitempty"`  // what else to know or do
	Command    string     `json:"command,omitempty"` // to run, quoted for a shell
	ExitStatus int        `json:"exit_status"`
	Session    string     `json:"session,omitempty"`
	Profile    string     `json:"profile,omitempty"`
	RetryAt    *time.Time `json:"retry_at,omitempty"`
	Details    *Details   `json:"details,omitempty"`
}

// Details are in the words of the protocol and of the system.
type Details struct {
	Text       string `json:"text,omitempty"`
	Operation  string `json:"operation,omitempty"`
	Code       string `json:"code,omitempty"`
	Reason     string `json:"reason,omitempty"`
	HTTPStatus int    `json:"http_status,omitempty"`
	RequestID  string `json:"request_id,omitempty"`
	Trouble    string `json:"trouble,omitempty"`
	Host       string `json:"host,omitempty"`
}

// mostText is how much of an error is told, in runes.
const mostText = 4000

// DetailsOf returns what the libraries know about an error.
func DetailsOf(err error) *Details {
	d := &Details{Text: printable.Clean(err.Error(), mostText)}
	if e, ok := errors.AsType[*oidc.Error](err); ok {
		d.Operation, d.Code, d.Reason, d.HTTPStatus, d.RequestID = e.Op, e.Code, e.Reason, e.StatusCode, e.RequestID
	} else if e, ok := errors.AsType[*awsapi.Error](err); ok {
		d.Operation, d.Code, d.HTTPStatus, d.RequestID = e.Op, e.Code, e.StatusCode, e.RequestID
	}
	if t := TroubleIn(err); t != nil {
		d.Trouble, d.Host = t.Kind, t.Host
	}
	return d
}

// TroubleIn returns what kept an answer from arriving, here or in the process
// that met it, or nil.
func TroubleIn(err error) *awsapi.Trouble {
	if shared, ok := errors.AsType[*flight.SharedError](err); ok {
		return awsapi.ParseTrouble(shared.Trouble)
	}
	if answer, ok := errors.AsType[*oidc.Error](err); ok && answer.StatusCode != 0 {
		return nil
	}
	if answer, ok := errors.AsType[*awsapi.Error](err); ok && answer.StatusCode != 0 {
		return nil
	}
	return awsapi.TroubleOf(err)
}

// RetryAt returns when the service may be asked again, or nil if that is not
// known.
func RetryAt(err error) *time.Time {
	at := time.Time{}
	if e, ok := errors.AsType[*tokencache.ServiceError](err); ok {
		at = e.RetryAt
	}
	if shared, ok := errors.AsType[*flight.SharedError](err); ok {
		at = shared.Until
	}
	if at.IsZero() {
		return nil
	}
	at = at.UTC().Truncate(time.Second)
	return &at
}
