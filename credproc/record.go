package credproc

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
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
// it was fetched, when it is stale, when it ends), and then the document, so
// that it can be judged and served without more.

const (
	// earlyEnough is what botocore wants credentials to have left: with less,
	// it runs the credential_process again each time it looks.
	earlyEnough = 15 * time.Minute
	// settled is how long after a fetch nobody fetches the same again.
	settled = 30 * time.Second
)

type times struct{ fetched, stale, end time.Time }

// format makes a record. date is the service's clock at that moment: a wrong
// local one does not shorten the life of credentials.
func format(now, date time.Time, c aws.Credentials) ([]byte, error) {
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
	head := fmt.Sprintf("%d %d %d\n", now.Unix(), end.Add(-min(earlyEnough, life/2)).Unix(), end.Unix())
	return append([]byte(head), text...), nil
}

// keep makes a record of what a service gave just now. What no record can be
// made of is a fault of the service.
func keep(op string, date time.Time, c aws.Credentials) ([]byte, error) {
	record, err := format(time.Now(), date, c)
	if err != nil {
		return nil, &tokencache.UnavailableError{Op: op, Reason: err.Error(), Err: err}
	}
	return record, nil
}

// split returns the parts of a record.
func split(record []byte) (t times, text []byte, err error) {
	head, text, _ := bytes.Cut(record, []byte("\n"))
	var fetched, stale, end int64
	if _, err := fmt.Sscanf(string(head), "%d %d %d", &fetched, &stale, &end); err != nil {
		return t, nil, errors.New("not a record of credentials")
	}
	return times{time.Unix(fetched, 0), time.Unix(stale, 0), time.Unix(end, 0)}, text, nil
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

// judge returns the rule for records: minValidity as in [Provider].
func judge(minValidity time.Duration) func([]byte, time.Time) tokencache.Freshness {
	return func(record []byte, since time.Time) tokencache.Freshness {
		t, _, err := split(record)
		if err != nil {
			return tokencache.Useless
		}
		return t.judge(time.Now(), since, minValidity)
	}
}

func (t times) judge(now, since time.Time, minValidity time.Duration) tokencache.Freshness {
	stale := t.stale
	if minValidity > 0 {
		stale = t.end.Add(-minValidity)
	}
	switch {
	case now.Unix() < t.fetched.Unix(): // the clock was set back: nothing is known
		return tokencache.Useless
	case !now.Before(t.end):
		return tokencache.Useless
	case now.Before(stale), !t.fetched.Before(since.Truncate(time.Second)), now.Sub(t.fetched) < settled:
		return tokencache.Fresh
	}
	return tokencache.Stale
}
