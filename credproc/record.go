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

	"github.com/credproc/credproc/tokencache"
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
	return text.Bytes(), err
}

// A record is a line of three times by the local clock, in Unix seconds (when
// it was fetched, when it is stale, when it ends) and of the role's life in
// seconds, and then the document, so that it can be judged and served without
// more. Records of the first releases have no life in them.

const (
	// earlyEnough is what botocore wants credentials to have left: with less,
	// it runs the credential_process again each time it looks.
	earlyEnough = 15 * time.Minute
	// settled is how long after a fetch nobody fetches the same again.
	settled = 30 * time.Second
	// exhausted is how long nobody asks for longer lived ones after the service
	// has given what it gave before.
	exhausted = 5 * time.Minute
	// shortest is the life of credentials of a permission set, at least. With
	// less, they were given to somebody else before.
	//
	// https://docs.aws.amazon.com/singlesignon/latest/userguide/howtosessionduration.html
	shortest = time.Hour
)

type times struct {
	fetched, stale, end time.Time
	life                time.Duration // of the role: when the credentials were new
}

// again reports whether the fetch got what had been got before.
func (t times) again() bool { return t.life > t.end.Sub(t.fetched)+settled/2 }

// wanted is how much life a caller wants: minValidity as in [Provider], but for
// 0. A life is at least shortest.
func (t times) wanted(minValidity, shortest time.Duration) time.Duration {
	if minValidity == HalfLife {
		return max(t.life, shortest) / 2
	}
	return minValidity
}

// format makes a record. date is the service's clock at that moment: a wrong
// local one does not shorten the life of credentials. old is the record before,
// if any: what ends no later than that is the same, and was new then.
func format(now, date time.Time, c aws.Credentials, old []byte) ([]byte, error) {
	text, err := encode(c)
	if err != nil {
		return nil, err
	}
	if date.IsZero() {
		date = now
	}
	life := c.Expires.Sub(date)
	if life <= 0 {
		return nil, fmt.Errorf("the service gave credentials that ended at %s, before it gave them", c.Expires.UTC().Format(time.RFC3339))
	}
	end := now.Add(life)
	head := fmt.Sprintf("%d %d %d %d\n", now.Unix(), end.Add(-min(earlyEnough, life/2)).Unix(), end.Unix(), int(lifeOf(life, c, old).Seconds()))
	return append([]byte(head), text...), nil
}

// lifeOf returns the life that credentials had when they were new: life, or
// what the record before says of the same.
func lifeOf(life time.Duration, c aws.Credentials, old []byte) time.Duration {
	t, _, err := split(old)
	if err != nil {
		return life
	}
	before, err := parse(old)
	if err != nil || c.Expires.UTC().Truncate(time.Second).After(before.Expires) {
		return life
	}
	return max(life, t.life)
}

// keep makes a record of what a service gave just now. What no record can be
// made of is a fault of the service.
func keep(op string, date time.Time, c aws.Credentials, old []byte) ([]byte, error) {
	record, err := format(time.Now(), date, c, old)
	if err != nil {
		return nil, &tokencache.UnavailableError{Op: op, Reason: err.Error(), Err: err}
	}
	return record, nil
}

// split returns the parts of a record.
func split(record []byte) (t times, text []byte, err error) {
	head, text, _ := bytes.Cut(record, []byte("\n"))
	var fetched, stale, end, life int64
	if n, err := fmt.Sscanf(string(head), "%d %d %d %d", &fetched, &stale, &end, &life); err != nil && n < 3 {
		return t, nil, errors.New("not a record of credentials")
	}
	return times{time.Unix(fetched, 0), time.Unix(stale, 0), time.Unix(end, 0), time.Duration(max(life, end-fetched)) * time.Second}, text, nil
}

// note says of a record whose it is and how long it is good.
func note(role tokencache.CachedRole) func(record []byte) *tokencache.CachedRole {
	return func(record []byte) *tokencache.CachedRole {
		t, _, err := split(record)
		if err != nil {
			return nil
		}
		role.Fetched, role.Expiry = t.fetched, t.end
		return &role
	}
}

// parse returns the credentials in a record.
func parse(record []byte) (aws.Credentials, error) {
	_, text, err := split(record)
	if err != nil {
		return aws.Credentials{}, err
	}
	var d document
	if json.Unmarshal(text, &d) != nil || d.Version != 1 || d.AccessKeyID == "" || d.SecretAccessKey == "" {
		// Not the decoder's error: it may quote what it could not read.
		return aws.Credentials{}, errors.New("not a record of credentials")
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

// A want is what one caller wants of the credentials, and what was stored when
// it looked last: under the lock, before it fetches. The fetch may go on when
// its caller has gone, or looks again.
type want struct {
	minValidity time.Duration // as in [Provider]
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

// judge is the rule for records.
func (w *want) judge(record []byte, since time.Time) tokencache.Freshness {
	w.stored.Store(&record)
	t, _, err := split(record)
	if err != nil {
		return tokencache.Useless
	}
	return t.judge(time.Now(), since, t.wanted(w.minValidity, w.shortest))
}

// tell calls short if credentials have less life left than is wanted.
func (w *want) tell(record []byte, short func(left, wanted time.Duration)) {
	t, _, err := split(record)
	if err != nil || short == nil {
		return
	}
	wanted := t.wanted(w.minValidity, w.shortest)
	if left := time.Until(t.end).Round(time.Second); left < wanted {
		short(left, wanted)
	}
}

// judge takes how much life is wanted; 0 is what botocore wants.
func (t times) judge(now, since time.Time, wanted time.Duration) tokencache.Freshness {
	stale, rest := t.stale, settled
	if wanted > 0 {
		stale = t.end.Add(-wanted)
		if t.again() {
			rest = exhausted
		}
	}
	switch {
	case now.Unix() < t.fetched.Unix(): // the clock was set back: nothing is known
		return tokencache.Useless
	case !now.Before(t.end):
		return tokencache.Useless
	case now.Before(stale), !t.fetched.Before(since.Truncate(time.Second)), now.Sub(t.fetched) < rest:
		return tokencache.Fresh
	}
	return tokencache.Stale
}
