package credproc

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"sync/atomic"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/credproc/credproc/internal/layout"
	"github.com/credproc/credproc/internal/printable"
)

// document is what the AWS SDKs read from a credential_process. Version is a
// number, and AccountId a string, or some of them refuse it.
//
// https://docs.aws.amazon.com/sdkref/latest/guide/feature-process-credentials.html
type document struct {
	Version         int
	AccessKeyID     string     `json:"AccessKeyId"`
	SecretAccessKey string     `json:"SecretAccessKey"`
	SessionToken    string     `json:"SessionToken,omitempty"`
	Expiration      *time.Time `json:"Expiration,omitempty"`
	AccountID       string     `json:"AccountId,omitempty"`
}

// Write writes credentials as a credential_process document: one JSON object
// on one line. It makes one call to w.Write, or none where c has no keys.
func Write(w io.Writer, c aws.Credentials) error {
	text, err := encode(c)
	if err == nil {
		_, err = w.Write(text)
	}
	return err
}

func encode(c aws.Credentials) ([]byte, error) {
	if !c.HasKeys() {
		return nil, errors.New("write credentials: there is no key in them")
	}
	d := document{
		Version: 1, AccessKeyID: c.AccessKeyID, SecretAccessKey: c.SecretAccessKey,
		SessionToken: c.SessionToken, AccountID: c.AccountID,
	}
	if c.CanExpire {
		expiration := c.Expires.UTC().Truncate(time.Second)
		d.Expiration = &expiration
	}
	var text bytes.Buffer
	enc := json.NewEncoder(&text)
	enc.SetEscapeHTML(false)
	err := enc.Encode(d)
	return printable.JSON(text.Bytes()), err
}

const (
	// earlyEnough is what botocore wants credentials to have left: with less,
	// it runs the credential_process again each time it looks.
	earlyEnough = 15 * time.Minute
	// shortest is the life of credentials of a permission set, at least. With
	// less, they were given to another caller before.
	//
	// https://docs.aws.amazon.com/singlesignon/latest/userguide/howtosessionduration.html
	shortest = time.Hour
	// longest is the life of a role's credentials, at most.
	//
	// https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRole.html
	longest = 12 * time.Hour
	// briefly is how long credentials are used of whose life nothing is known.
	briefly = 5 * time.Minute
)

// format makes a record of credentials that came at now. The service's clock says
// how long they live: a wrong local one does not shorten that. old is the record
// before, if any: what ends no later than that is the same, and was new then.
func format(got issued, now time.Time, old []byte) ([]byte, layout.Times, error) {
	c := got.Credentials
	text, err := encode(c)
	if err != nil {
		return nil, layout.Times{}, err
	}
	date := got.date
	if date.IsZero() {
		date = got.asked
	}
	life := c.Expires.Sub(date)
	if life > longest { // by a Date that was not the service's
		life = min(longest, max(c.Expires.Sub(got.asked), briefly))
	}
	if life <= 0 {
		return nil, layout.Times{}, fmt.Errorf("the service gave credentials that ended at %s, before it gave them", c.Expires.UTC().Format(time.RFC3339))
	}
	end := got.asked.Add(life)
	times := layout.Times{Fetched: now, Stale: end.Add(-min(earlyEnough, life/2)), End: end, Life: lifeOf(life, c, old)}
	return layout.JoinRecord(times, text), times, nil
}

// lifeOf returns the life that credentials had when they were new: life, or
// what the record before says of the same.
func lifeOf(life time.Duration, c aws.Credentials, old []byte) time.Duration {
	t, text, err := layout.SplitRecord(old)
	if err != nil {
		return life
	}
	before, err := parseDocument(text)
	if err != nil || c.Expires.UTC().Truncate(time.Second).After(before.Expires) {
		return life
	}
	return max(life, t.Life)
}

// open returns what is in a record: credentials, which end by the local clock, and the
// document.
func open(data []byte) (aws.Credentials, []byte, error) {
	t, text, err := layout.SplitRecord(data)
	if err != nil {
		return aws.Credentials{}, nil, err
	}
	c, err := parseDocument(text)
	if err != nil {
		return aws.Credentials{}, nil, err
	}
	if c.CanExpire {
		c.Expires = localEnd(c.Expires, t.End)
	}
	return c, text, nil
}

// noise is how much later an end may be by the local clock than the service
// says without being corrected: to expire so much too early does no harm.
const noise = 5 * time.Second

// localEnd returns when credentials end by the local clock, for programs that
// compare it with that one. Where both clocks agree it is the service's time to
// the letter, as in the document. Dates in answers are in whole seconds, so end
// may be one too late.
func localEnd(service, end time.Time) time.Time {
	if ahead := end.Sub(service); ahead >= 0 && ahead < noise {
		return service
	}
	return end.Add(-time.Second).UTC()
}

// parseDocument returns the credentials in a document, which end by the
// service's clock.
func parseDocument(text []byte) (aws.Credentials, error) {
	d, ok := printed(text)
	if !ok && json.Unmarshal(text, &d) != nil || d.Version != 1 || d.AccessKeyID == "" || d.SecretAccessKey == "" {
		// Not the decoder's error: it may quote what it could not read.
		return aws.Credentials{}, errors.New("not credentials in the form that credential_process prints")
	}
	c := aws.Credentials{
		AccessKeyID: d.AccessKeyID, SecretAccessKey: d.SecretAccessKey, SessionToken: d.SessionToken,
		Source: "credproc", AccountID: d.AccountID,
	}
	if d.Expiration != nil {
		c.CanExpire, c.Expires = true, *d.Expiration
	}
	return c, nil
}

// printed reads a document that is spelled as we print one, for a fraction of
// what a parser of JSON takes.
func printed(text []byte) (d document, ok bool) {
	f, ok := layout.ReadDocument(text)
	if !ok {
		return document{}, false
	}
	d = document{Version: 1, AccessKeyID: string(f.AccessKeyID), SecretAccessKey: string(f.SecretAccessKey),
		SessionToken: string(f.SessionToken), AccountID: string(f.AccountID)}
	if f.Expiration != nil {
		at, err := time.Parse(time.RFC3339, string(f.Expiration))
		if err != nil {
			return document{}, false
		}
		d.Expiration = &at
	}
	return d, true
}

// A want is what one caller wants of the credentials, and what was stored when
// it looked last: under the lock, before it fetches. The fetch may go on when
// its caller has gone, or looks again.
type want struct {
	minValidity time.Duration // as in [Provider]
	half        bool          // HandedOn, as in [Provider]
	shortest    time.Duration // the least life of credentials that are new
	stored      atomic.Pointer[[]byte]
}

// old returns what was stored, or nil.
func (w *want) old() []byte {
	if stored := w.stored.Load(); stored != nil {
		return *stored
	}
	return nil
}

// life is how much of it the caller wants to be left; 0 is the rule of [Provider]
// for 0.
func (w *want) life(t layout.Times) time.Duration {
	if w.half && w.minValidity == 0 {
		return max(t.Life, w.shortest) / 2
	}
	return w.minValidity
}

// Judge is the rule for records.
func (w *want) Judge(data []byte, since time.Time) layout.Freshness {
	w.stored.Store(&data)
	t, _, err := layout.SplitRecord(data)
	if err != nil {
		return layout.Useless
	}
	return t.Judge(time.Now(), since, w.life(t))
}

// tell calls short if credentials have less life left than is wanted.
func (w *want) tell(data []byte, short func(left, wanted time.Duration)) {
	t, _, err := layout.SplitRecord(data)
	if err != nil || short == nil {
		return
	}
	wanted := w.life(t)
	if left := time.Until(t.End).Round(time.Second); left < wanted {
		short(left, wanted)
	}
}
