package tokencache

import (
	"cmp"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/credproc/credproc/internal/flight"
	"github.com/credproc/credproc/internal/layout"
	"github.com/credproc/credproc/internal/safedir"
)

// Status is what is known about a login without asking the keyring or the
// service. It holds no secret.
type Status struct {
	Name, StartURL, Region string
	Label                  string // see [Session.Label]
	Endpoint               string // custom, of the sign-in service
	PortalEndpoint         string // custom, of the access portal
	Keyring                string // where the tokens are

	SignedIn    time.Time // when, by the local clock
	Renewed     time.Time // when the access token was got
	Expiry      time.Time // when the access token ends
	Refreshable bool      // whether it can be renewed then
	// Registration is when the client registration, and so every refresh
	// token, ends. Zero: unknown.
	Registration time.Time
	// Application is the ARN of the application that signs the session in, without
	// a person; "" if a person does. What ends is replaced then.
	Application string
	// Uncertain says that a sign-in or a sign-out was cut off, so that only the
	// keyring knows whether there is a login. What the rest says is of the one
	// before, or empty. Doubt is another reason, for people, or "".
	Uncertain bool
	Doubt     string
	// Look is what the last process to look for the login found, if that was not
	// a login that can be used, or nil. After [Session.Check] it is never nil.
	Look *Look
	// Ended is why the service refuses to renew; "" if it does not.
	// AccessEnded says that it refuses the access token too.
	Ended       string
	AccessEnded bool
	// LongestLife is the most that a session of this name was seen to last here
	// before the service ended it: from the sign-in to the last renewal that
	// worked. Zero: none has ended yet.
	LongestLife time.Duration
	// Failure is what the last renewal or fetch came to, if none has worked
	// since, or nil.
	Failure *Failure
	// Roles are the credentials that are stored for every process, soonest end
	// first.
	Roles []CachedRole
	// Holders are the processes that are renewing, signing in or fetching.
	Holders []Holder
}

// Holder is a process at work for a session, by its own word.
type Holder struct {
	PID   int
	Op    string    // "renew the session corp"
	Since time.Time // local clock
	// Stopped says that the process is stopped, as by Ctrl-Z: others wait until
	// it is continued or killed. It is false where that cannot be found out.
	Stopped bool
}

// Failure is a renewal or a fetch that failed, after which none has worked.
type Failure struct {
	Op      string    // "renew the session corp"; "" if a release before this one failed
	Reason  string    // what went wrong, for people
	At      time.Time // local clock
	RetryAt time.Time // local clock; calls before it get the same error at once
	Count   int       // in a row
}

// Holders returns the processes at work for the session, whether there is a
// login or not.
func (s *Session) Holders() []Holder {
	st, err := s.open()
	if err != nil {
		return nil
	}
	return st.holders()
}

func (st *store) holders() (all []Holder) {
	for _, name := range st.files(st.locks(), ".holder") {
		lock := strings.TrimSuffix(name, ".holder")
		if h, held := flight.HeldBy(st.locks(), lock); held {
			all = append(all, Holder{PID: h.PID, Op: h.Op, Since: h.Since, Stopped: h.Stopped()})
		}
	}
	return all
}

// Status returns what is known about the session's login, or nil if there is
// none.
func (s *Session) Status() (*Status, error) {
	st, err := s.open()
	if err != nil {
		return nil, err
	}
	ix := st.readIndex()
	if ix == nil && len(st.registrations()) == 0 || !placed(st.state) {
		return nil, nil
	}
	if ix == nil { // of a sign-in that did not come to its end, or the index was deleted
		ix = &index{Session: s.Name, StartURL: s.Config.StartURL, Region: s.Config.Region, Endpoint: s.Config.Endpoint,
			PortalEndpoint: s.PortalEndpoint, Keyring: st.keyring.Name(), Leaving: true}
	}
	status := s.statusOf(st, ix)
	status.Roles = st.cachedRoles()
	return status, nil
}

// statusOf is the status of a login; a person or an application signs in.
func (s *Session) statusOf(st *store, ix *index) *Status {
	status := st.status(ix)
	if s.Application != nil {
		status.Application, status.Refreshable, status.Registration, status.Ended = s.Application.ARN, true, time.Time{}, ""
	}
	return status
}

func (st *store) status(ix *index) *Status {
	status := &Status{
		Name: ix.Session, StartURL: ix.StartURL, Region: ix.Region, Label: labelOf(ix.Session, ix.StartURL),
		Endpoint: ix.Endpoint, PortalEndpoint: ix.PortalEndpoint, Keyring: ix.Keyring,
		SignedIn: ix.SignedIn, Renewed: ix.Renewed, Expiry: ix.Expiry,
		Refreshable: ix.Refreshable, Registration: ix.Registration, Holders: st.holders(),
		LongestLife: st.longestLife(), Failure: st.lastFailure(ix.Renewed),
	}
	status.Look, status.Doubt = st.lookOf(ix), ix.mayHaveLapsed(time.Now())
	status.Uncertain = ix.Leaving || status.Doubt != ""
	if ix.Login != "" && !slices.Contains(st.registrations(), st.id+"."+ix.Login+".client") {
		status.Refreshable = false // with what would it be?
	}
	if m := st.readEnded(); m != nil && m.Generation == ix.Generation {
		status.Ended, status.AccessEnded = cmp.Or(m.Reason, "refused"), m.Access
	}
	return status
}

// lastFailure returns what failed last, if neither the renewal at the given
// time nor a fetch has worked since. While a renewal fails, so does all that
// waits for it, and later: the renewal is what went wrong. A refusal of a role is
// no failure: it says nothing about the session.
func (st *store) lastFailure(renewed time.Time) (last *Failure) {
	// Both times are in whole seconds: what failed within the second is told.
	worked := sync.OnceValue(func() time.Time {
		if fetched := st.lastFetch(); fetched.After(renewed) {
			return fetched
		}
		return renewed
	})
	session := st.id + ".lock"
	for _, name := range st.files(st.locks(), ".failure") {
		lock := strings.TrimSuffix(name, ".failure")
		f := st.failure(lock)
		switch {
		case f == nil || !f.At.After(worked()):
		case lock == session:
			return f
		case last == nil || f.At.After(last.At):
			last = f
		}
	}
	return last
}

func (st *store) failure(lock string) *Failure {
	f := flight.LastFailure(st.locks(), lock)
	if f == nil || f.Kind != unavailable {
		return nil
	}
	return &Failure{Op: f.Op, Reason: f.Reason, At: f.At, RetryAt: f.Until, Count: f.Count}
}

// How long sessions last is up to the administrator, and the service does not
// tell. What it was seen to be is a hint, and outlives the login.

type life struct {
	Seconds int64 `json:"longest_life_seconds"`
}

func (st *store) longestLife() time.Duration {
	var l life
	if !st.readJSON(".life", &l) || l.Seconds < 0 {
		return 0
	}
	return time.Duration(min(l.Seconds, maxLife)) * time.Second
}

const maxLife = 10 * 365 * 24 * 3600 // whatever the file says

// sawLife is called when the service has ended the session. It goes by the last
// renewal that worked: when the session ended after that is not known.
func (st *store) sawLife() {
	ix := st.readIndex()
	if ix == nil {
		return
	}
	if seen := ix.Renewed.Sub(ix.SignedIn); seen > st.longestLife() {
		st.writeJSON(".life", life{int64(seen.Seconds())})
	}
}

// stateOf returns the state directory that a program names by its path or else by its
// service.
func stateOf(path, service string) (safedir.Dir, error) {
	if path == "" {
		var err error
		if path, _, err = layout.DefaultDirs(service); err != nil {
			return "", err
		}
	}
	path, err := filepath.Abs(path)
	return safedir.Dir(path), err
}

// Logins returns what is known about every login of an installation, in no
// order, but for their Roles. stateDir is [Session.StateDir], with the same
// default.
func Logins(stateDir, service string) ([]*Status, error) {
	dir, err := stateOf(stateDir, service)
	if err != nil {
		return nil, err
	}
	if settle(dir); !placed(dir) {
		return nil, nil
	}
	names, err := dir.Names()
	var logins []*Status
	for _, name := range names {
		id, isIndex := strings.CutSuffix(name, ".json")
		st := &store{id: id, state: dir}
		if ix := st.readIndex(); isIndex && ix != nil {
			logins = append(logins, st.status(ix))
		}
	}
	return logins, err
}
