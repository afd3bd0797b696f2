package flight

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/credproc/credproc/internal/printable"
	"github.com/credproc/credproc/internal/safedir"
)

// How long a failure is shared: a second, doubling with each that follows, up
// to ten; what a service asks for with Retry-After counts up to a minute.
const (
	firstBackoff  = time.Second
	maxBackoff    = 10 * time.Second
	maxRetryAfter = time.Minute
	maxCount      = 1_000_000
	mostReason    = 4000 // runes: it may be a list of roles
)

// Failure is what the callers after a failed fetch are told. It holds no
// secret.
type Failure struct {
	Kind       string        `json:"kind"`   // the caller's word, to make its own error again
	Reason     string        `json:"reason"` // for people
	RetryAfter time.Duration `json:"-"`      // as the service asked; 0: it did not
	// BelowHTTP says that no answer came: the fault may be the caller's own
	// proxy, CA bundle or endpoint.
	BelowHTTP bool `json:"below_http,omitempty"`
	// Trouble is why no answer came, in a form of the caller's.
	Trouble string `json:"trouble,omitempty"`
}

// Failer is an error that other callers are to share.
type Failer interface {
	error
	Failure() Failure
}

// Tell makes an error of [Call].Fetch one that the next callers share. [Do] returns
// err itself.
func Tell(err error, f Failure) error { return &told{err, f} }

type told struct {
	error
	failure Failure
}

func (t *told) Failure() Failure { return t.failure }
func (t *told) Unwrap() error    { return t.error }

// PastFailure is a failure after which nothing has been fetched since.
type PastFailure struct {
	Failure
	Op    string    `json:"op,omitempty"` // what failed; releases before did not say
	At    time.Time `json:"at"`           // local clock
	Until time.Time `json:"until"`        // local clock; the first call after it tries again
	Count int       `json:"count"`        // failures in a row
}

// SharedError is the failure of an earlier call, given instead of another try.
type SharedError struct{ PastFailure }

func (e *SharedError) Error() string {
	return fmt.Sprintf("%s (seen %d in a row, tried again from %s)", e.Reason, e.Count, e.Until.Format(time.TimeOnly))
}

type failureFile struct {
	PastFailure
	Network string `json:"network,omitempty"`
}

// concerns reports whether callers with these settings share the failure.
func (f *failureFile) concerns(network string) bool { return !f.BelowHTTP || f.Network == network }

func failureName(name string) string { return name + ".failure" }

// rememberFailure is best effort: on a full disk every caller finds out for
// itself.
func rememberFailure(dir safedir.Dir, name, op string, f Failure, network string) {
	now := time.Now()
	f.Reason = strings.TrimSpace(printable.Clean(f.Reason, mostReason)) // it is shown by processes that have not met it
	file := failureFile{PastFailure: PastFailure{Failure: f, Op: printable.Line(op), At: now, Count: 1}}
	if last := readFailure(dir, name); last != nil && last.concerns(network) {
		file.Count += min(max(last.Count, 0), maxCount) // whatever the file says
	}
	backoff := min(firstBackoff<<min(file.Count-1, 10), maxBackoff)
	file.Until = now.Add(max(backoff, min(f.RetryAfter, maxRetryAfter)))
	if f.BelowHTTP {
		file.Network = network
	}
	if data, err := json.Marshal(file); err == nil {
		dir.WriteUnsynced(failureName(name), data)
	}
}

// readFailure returns the last failure, unless it is of no more use: older
// than a minute, or from the future of a clock that was set back.
func readFailure(dir safedir.Dir, name string) *failureFile {
	f := parseFailure(dir, name)
	if f == nil {
		return nil
	}
	if age := time.Since(f.At); age < 0 || age > maxRetryAfter {
		return nil
	}
	return f
}

func parseFailure(dir safedir.Dir, name string) *failureFile {
	data, err := dir.Read(failureName(name))
	if err != nil {
		return nil
	}
	f := new(failureFile)
	if json.Unmarshal(data, f) != nil {
		return nil
	}
	f.Trouble = printable.Line(f.Trouble)
	f.Reason, f.Op = strings.TrimSpace(printable.Clean(f.Reason, mostReason)), printable.Line(f.Op) // any process may have written it
	return f
}

// LastFailure returns the failure that is on record for the lock name in dir,
// also one too old to be shared any more, or nil.
func LastFailure(dir safedir.Dir, name string) *PastFailure {
	f := parseFailure(dir, name)
	if f == nil || f.At.After(time.Now()) {
		return nil
	}
	return &f.PastFailure
}

func recentFailure(dir safedir.Dir, name, network string) *SharedError {
	f := readFailure(dir, name)
	if f == nil || !time.Now().Before(f.Until) || !f.concerns(network) {
		return nil
	}
	return &SharedError{f.PastFailure}
}

// ForgetFailure lets the next call try again at once.
func ForgetFailure(dir safedir.Dir, name string) { dir.Remove(failureName(name)) }
