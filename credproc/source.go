package credproc

import (
	"context"
	"encoding/json"
	"sync/atomic"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/credproc/credproc/internal/fetch"
	"github.com/credproc/credproc/internal/layout"
	"github.com/credproc/credproc/tokencache"
)

// source is where the credentials of a role come from, with a session in the end:
// the access portal (portal.go), or STS (chain.go). Another one is a type with
// these methods in a file of its own, and a case in [Config.provider].
type source interface {
	DocumentProvider
	session() *tokencache.Session
	// words say who it is, in full: other words, other credentials.
	words() []string
	// steps is how many roles it is assumed from.
	steps() int
	op() string                  // what is being done, for messages
	role() tokencache.CachedRole // whose credentials these are, for people
	terms() terms
	onShort(func(left, wanted time.Duration))
	// issue asks for credentials. requestID is AWS's for it, also where it was
	// refused; "" if unknown.
	issue(ctx context.Context) (got issued, requestID string, err error)
	// explain makes an error of issue, or of an earlier caller's, this caller's own.
	explain(err error) error
}

// issued is what a service gave. date is its time when it answered, zero if it did
// not tell; asked is the local time before.
type issued struct {
	aws.Credentials
	asked, date time.Time
}

// terms are what a caller wants of credentials, and of who gives them.
type terms struct {
	minValidity time.Duration // as in [Provider]
	shortest    time.Duration // the least life of credentials that are new
	audit       *Audit
	short       func(left, wanted time.Duration)
}

// retrieve returns credentials, and the document that prints them.
func retrieve(ctx context.Context, from source) (c aws.Credentials, document []byte, err error) {
	terms, role := from.terms(), from.role()
	trail := &answer{audit: terms.audit, session: from.session(), AuditLine: AuditLine{
		Session: label(from.session()), AccountID: role.AccountID, RoleName: role.RoleName, RoleARN: role.RoleARN}}
	r := &retrieval{source: from, want: want{minValidity: terms.minValidity, shortest: terms.shortest}}
	data, origin, err := r.once(ctx)
	if trail.Outcome = string(origin); r.requestID.Load() != nil {
		trail.RequestID = *r.requestID.Load()
	}
	if err == nil {
		r.tell(data, terms.short)
		c, document, err = open(data)
	}
	trail.write(c, err)
	return c, document, err
}

// retrieval is one caller's request for credentials, as package fetch sees it.
type retrieval struct {
	source
	want
	requestID atomic.Pointer[string] // the fetch may go on when its caller has gone
}

// once returns a record.
func (r *retrieval) once(ctx context.Context) ([]byte, fetch.Origin, error) {
	login, err := inside(r.session())
	if err != nil {
		return nil, "", err
	}
	data, origin, err := fetch.Once(ctx, login, r)
	if err != nil {
		return nil, "", r.explain(err)
	}
	return data, origin, nil
}

// inside is what the session's package keeps for this one.
func inside(s *tokencache.Session) (fetch.Session, error) {
	login, err := s.Internal()
	if err != nil {
		return nil, err
	}
	return login.(fetch.Session), nil // it is never anything else
}

func (r *retrieval) Words() []string                                     { return r.words() }
func (r *retrieval) Steps() int                                          { return r.steps() }
func (r *retrieval) Variant() string                                     { return r.minValidity.String() }
func (r *retrieval) Op() string                                          { return r.op() }
func (r *retrieval) Judge(data []byte, since time.Time) layout.Freshness { return r.judge(data, since) }

// Fetch returns a record that replaces the one stored, and whose it is and how
// long it is valid.
func (r *retrieval) Fetch(ctx context.Context) (data, label []byte, err error) {
	got, requestID, err := r.issue(ctx)
	r.requestID.Store(&requestID)
	if err != nil {
		return nil, nil, err
	}
	data, times, err := format(got, time.Now(), r.old())
	if err != nil { // a fault of the service
		return nil, nil, &tokencache.ServiceError{Op: r.op(), Reason: err.Error(), Err: err}
	}
	role := r.role()
	role.Fetched, role.Expiry = times.Fetched, times.End
	if label, err = json.Marshal(role); err != nil {
		label = nil // a time after the year 9999: status is told nothing
	}
	return data, label, nil
}
