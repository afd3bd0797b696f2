package layout

import (
	"bytes"
	"errors"
	"strconv"
	"time"
)

// Credentials are stored as a line of three times by the local clock, in Unix
// seconds, and of the role's life in seconds, and then the credential_process
// document as it is printed, so that a record can be judged and served without
// more.
//
//	1767225600 1767228300 1767229200 3600
//	{"Version":1,"AccessKeyId":"ASIA…","SecretAccessKey":"…",…}

const (
	// settled is how long after a fetch no process fetches the same again.
	settled = 30 * time.Second
	// exhausted is how long no process asks for longer lived ones after the service
	// has given what it gave before.
	exhausted = 5 * time.Minute
	// longest is the life, in seconds, that no credentials have; much more does
	// not fit into a time.Duration.
	longest = 1 << 32
)

// Times are when credentials were fetched, when they are stale, and when they
// end, and the life of the role: theirs when they were new.
type Times struct {
	Fetched, Stale, End time.Time
	Life                time.Duration
}

// again reports whether the fetch got what had been got before.
func (t Times) again() bool { return t.Life > t.End.Sub(t.Fetched)+settled/2 }

// Freshness is how good a record is.
type Freshness int

// What [Times.Judge] can say.
const (
	Useless Freshness = iota // not to be used any more
	Stale                    // to be used if there are no better ones
	Fresh                    // to be used
)

// JoinRecord makes a record.
func JoinRecord(t Times, document []byte) []byte {
	head := make([]byte, 0, 64+len(document))
	for _, at := range []time.Time{t.Fetched, t.Stale, t.End} {
		head = append(strconv.AppendInt(head, at.Unix(), 10), ' ')
	}
	head = append(strconv.AppendInt(head, int64(t.Life.Seconds()), 10), '\n')
	return append(head, document...)
}

// SplitRecord returns the parts of a record. The error says no more than that it is
// none.
func SplitRecord(data []byte) (t Times, document []byte, err error) {
	head, document, _ := bytes.Cut(data, []byte("\n"))
	var numbers [4]int64
	n := 0
	for number := range bytes.SplitSeq(head, []byte(" ")) {
		if n == len(numbers) {
			return Times{}, nil, errNoRecord
		}
		if numbers[n], err = strconv.ParseInt(string(number), 10, 64); err != nil {
			return Times{}, nil, errNoRecord
		}
		n++
	}
	if n < 3 {
		return Times{}, nil, errNoRecord
	}
	fetched, stale, end := numbers[0], numbers[1], numbers[2]
	life := max(numbers[3], end-fetched)
	if life < 0 || life > longest {
		return Times{}, nil, errNoRecord
	}
	return Times{time.Unix(fetched, 0), time.Unix(stale, 0), time.Unix(end, 0), time.Duration(life) * time.Second}, document, nil
}

var errNoRecord = errors.New("not a record of credentials")

// Judge says how good a record is at now, for a caller that started to look for
// one at since: what was fetched after that is as new as it gets, also where
// it was born short-lived. minValidity is how much life there must be left; 0
// goes by t.Stale.
func (t Times) Judge(now, since time.Time, minValidity time.Duration) Freshness {
	stale, rest := t.Stale, settled
	if minValidity > 0 {
		stale = t.End.Add(-minValidity)
		if t.again() {
			rest = exhausted
		}
	}
	switch {
	case now.Unix() < t.Fetched.Unix(): // the clock was set back: nothing is known
		return Useless
	case !now.Before(t.End):
		return Useless
	case now.Before(stale), !t.Fetched.Before(since.Truncate(time.Second)), now.Sub(t.Fetched) < rest:
		return Fresh
	}
	return Stale
}

// Document is what a document says, as parts of it: nil for what is not there.
type Document struct {
	AccessKeyID, SecretAccessKey, SessionToken, Expiration, AccountID []byte
}

// ReadDocument returns the fields of a document that is spelled exactly as credproc
// prints one, with nothing in it that needs an escape, so that parsing and printing it
// again gives the same. It is quick, and no judge of JSON: what it does not know
// is left to a parser.
func ReadDocument(document []byte) (f Document, ok bool) {
	rest, ok := bytes.CutPrefix(document, []byte(`{"Version":1`))
	if !ok {
		return Document{}, false
	}
	for _, field := range []struct {
		name     string
		into     *[]byte
		plain    func(value []byte) bool
		required bool
	}{
		{`,"AccessKeyId":"`, &f.AccessKeyID, printable, true}, {`,"SecretAccessKey":"`, &f.SecretAccessKey, printable, true},
		{`,"SessionToken":"`, &f.SessionToken, printable, false}, {`,"Expiration":"`, &f.Expiration, second, false},
		{`,"AccountId":"`, &f.AccountID, printable, false},
	} {
		value, ok := bytes.CutPrefix(rest, []byte(field.name))
		if !ok {
			if field.required {
				return Document{}, false
			}
			continue
		}
		end := bytes.IndexByte(value, '"')
		if end <= 0 || !field.plain(value[:end]) {
			return Document{}, false
		}
		*field.into, rest = value[:end:end], value[end+1:]
	}
	if string(rest) != "}\n" {
		return Document{}, false
	}
	return f, true
}

// printable says what JSON writes as it is.
func printable(value []byte) bool {
	for _, c := range value {
		if c <= ' ' || c > '~' || c == '\\' {
			return false
		}
	}
	return true
}

// second says whether value is a time in UTC, to the second.
func second(value []byte) bool {
	t, err := time.Parse(time.RFC3339, string(value))
	return err == nil && t.UTC().Format("2006-01-02T15:04:05Z") == string(value)
}
