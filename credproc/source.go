package credproc

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/credproc/credproc/internal/audit"
	"github.com/credproc/credproc/internal/fetch"
	"github.com/credproc/credproc/internal/flight"
	"github.com/credproc/credproc/internal/inside"
	"github.com/credproc/credproc/internal/layout"
	"github.com/credproc/credproc/internal/policy"
	"github.com/credproc/credproc/tokencache"
)

// source is where the credentials of a role come from, with a session in the end:
// the access portal (portal.go), or STS (chain.go). Another one is a type with
// these methods in a file of its own, which a case in [Config.provider] puts into
// from of a [Provider]; and it is no longer named in [unsupported].
type source interface {
	// words say who it is, in full: other words, other credentials.
	words() []string
	// steps is how many roles it is assumed from.
	steps() int
	op() string                  // what is being done, for messages
	role() tokencache.CachedRole // whose credentials these are, for people
	shortest() time.Duration     // the least life of credentials that are new
	// issue asks for credentials for p. requestID is AWS's for it, also where it
	// was refused; "" if unknown.
	issue(ctx context.Context, p *Provider) (got issued, requestID string, err error)
	// explain makes an error of issue, or of an earlier caller's, this caller's own.
	explain(err error) error
}

// issued is what a service gave. date is its time when it answered, zero if it did
// not tell; asked is the local time before.
type issued struct {
	aws.Credentials
	asked, date time.Time
}

// retrieve returns credentials, and the document that prints them.
func retrieve(ctx context.Context, p *Provider) (c aws.Credentials, document []byte, err error) {
	from := p.source()
	role := from.role()
	trail, err := p.trail()
	if err != nil {
		return c, nil, err
	}
	line := p.line(role)
	got, err := p.judged()
	if err == nil && got == p {
		got, err = p.forClient(audit.ClientOf(ctx))
	}
	if err == nil && got != p {
		return retrieve(ctx, got)
	}
	if err == nil {
		err = p.allowed(role.AccountID)
	}
	if err == nil {
		c, document, err = p.answer(audit.Apart(ctx), from, &line)
	}
	line.gave(c)
	if err = trail.Leave(ctx, line.Line, err); err != nil {
		return aws.Credentials{}, nil, err
	}
	return c, document, nil
}

// answer returns what is stored or fetched, and notes in the line which it was.
func (p *Provider) answer(ctx context.Context, from source, line *answerLine) (c aws.Credentials, document []byte, err error) {
	r := &retrieval{source: from, caller: p, want: want{minValidity: p.MinValidity, half: p.HandedOn, shortest: from.shortest()}}
	data, origin, err := r.once(ctx)
	line.came(origin, r.requestID.Load(), err)
	if err != nil {
		return c, nil, err
	}
	r.tell(data, p.Short)
	return open(data)
}

// allowed asks the policy again: a program may have made the provider by itself.
func (p *Provider) allowed(account string) error {
	if p.Session == nil {
		return nil
	}
	login, err := inside.Of(p.Session)
	if err != nil {
		return err
	}
	rules, err := login.Policy()
	if err != nil {
		return err
	}
	return rules.CheckAccount(account)
}

// rulesOf returns the policy that a session obeys, or nil.
func rulesOf(s *tokencache.Session) *policy.Policy {
	login, err := inside.Of(s)
	if err != nil {
		return nil
	}
	rules, _ := login.Policy()
	return rules
}

// retrieval is one caller's request for credentials, as package fetch sees it.
type retrieval struct {
	source
	want
	caller    *Provider
	requestID atomic.Pointer[string] // the fetch may go on when its caller has gone
}

// once returns a record.
func (r *retrieval) once(ctx context.Context) ([]byte, fetch.Origin, error) {
	login, err := inside.Of(r.caller.Session)
	if err != nil {
		return nil, "", err
	}
	data, origin, err := fetch.Once(ctx, login, r)
	if err != nil {
		return nil, "", r.explain(err)
	}
	return data, origin, nil
}

func (r *retrieval) Words() []string                                     { return r.words() }
func (r *retrieval) Steps() int                                          { return r.steps() }
func (r *retrieval) Variant() string                                     { return fmt.Sprint(r.minValidity, r.half) }
func (r *retrieval) Op() string                                          { return r.op() }
func (r *retrieval) Judge(data []byte, since time.Time) layout.Freshness { return r.judge(data, since) }

// Failure shares a refusal: who holds what else is not asked again at once.
func (r *retrieval) Failure(err error) (flight.Failure, bool) {
	e, ok := errors.AsType[*NoAccessError](err)
	if !ok {
		return flight.Failure{}, false
	}
	f := flight.Failure{Kind: noAccess, Reason: strings.Join(e.Held, " ")}
	if e.RoleARN != "" && e.Err != nil {
		f.Reason = e.Err.Error()
	}
	return f, true
}

// noAccess is how flight's failures call a [NoAccessError].
const noAccess = "no access"

// Fetch returns a record that replaces the one stored, and whose it is and how
// long it is valid.
func (r *retrieval) Fetch(ctx context.Context) (data, label []byte, err error) {
	got, requestID, err := r.issue(ctx, r.caller)
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
	if p := r.caller; p.agentProfile != "" {
		role.Agent, role.Profile, role.AgentProfile = p.asker.Name, p.profile, p.agentProfile
	}
	if label, err = json.Marshal(role); err != nil {
		label = nil // a time after the year 9999: status is told nothing
	}
	return data, label, nil
}
