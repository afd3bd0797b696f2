package awsapi

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"io"
	"maps"
	"math"
	"regexp"
	"strconv"
	"strings"

	"github.com/aws/smithy-go"
	"github.com/aws/smithy-go/middleware"
	smithyhttp "github.com/aws/smithy-go/transport/http"
)

// Members are what is read of the answers of one operation.
type Members struct {
	Text      []string // non-empty strings of printable ASCII
	Numbers   []string // whole numbers above 0 and below 2^53, also written as "3600", 3600.0 or 36e2
	Lifetimes []string // numbers of seconds, up to a year
	Objects   []string // objects of members
}

// Lenient lets a call take what it can of a successful answer, and not all or
// nothing: a refresh token is spent when the service answers, so that a
// lifetime in another form must not cost the token beside it. A member counts
// as missing where its value cannot be used. Names may be written in another
// case. A byte order mark, what follows the object, the content type and a
// compression that was not asked for do not matter; of an answer that is cut
// short or damaged the complete members are read.
func Lenient(m Members) func(*middleware.Stack) error {
	return func(stack *middleware.Stack) error { return stack.Deserialize.Add(lenient{m}, middleware.After) }
}

// year is more than any lifetime of the services (90 days).
const year = 366 * 24 * 60 * 60

type lenient struct{ Members }

type wholeKey struct{}

// Whole reports whether an answer that was read by [Lenient] came to its end
// and is JSON. What a damaged one lacks may have been in it.
func Whole(metadata middleware.Metadata) bool {
	whole, _ := metadata.Get(wholeKey{}).(bool)
	return whole
}

func (lenient) ID() string { return "CredprocLenient" }

// HandleDeserialize replaces an answer by a plain one with what was understood.
func (l lenient) HandleDeserialize(ctx context.Context, in middleware.DeserializeInput, next middleware.DeserializeHandler) (middleware.DeserializeOutput, middleware.Metadata, error) {
	out, metadata, err := next.HandleDeserialize(ctx, in)
	resp, ok := out.RawResponse.(*smithyhttp.Response)
	if err != nil || !ok || resp.Body == nil || resp.StatusCode < 200 || resp.StatusCode >= 300 {
		return out, metadata, err
	}
	data, err := io.ReadAll(io.LimitReader(resp.Body, maxBody))
	resp.Body.Close()
	data = unzipped(data)
	if understood, whole := l.read(data); len(understood) > 0 {
		metadata.Set(wholeKey{}, whole && err == nil)
		data, err = json.Marshal(understood)
		resp.Header.Set("Content-Type", "application/json")
	}
	if err != nil {
		return out, metadata, &smithy.DeserializationError{Err: err}
	}
	resp.Body, resp.ContentLength = io.NopCloser(bytes.NewReader(data)), int64(len(data))
	return out, metadata, nil
}

// unzipped returns data without the compression of gzip, if it has that.
func unzipped(data []byte) []byte {
	zip, err := gzip.NewReader(bytes.NewReader(data))
	if err != nil {
		return data
	}
	plain, _ := io.ReadAll(io.LimitReader(zip, maxBody)) // or as much as there is
	return plain
}

// read returns the members that can be used. A name in the service's spelling
// comes before any other, and of two the last. whole is false for an object
// that is damaged or cut short.
func (m Members) read(data []byte) (found map[string]any, whole bool) {
	data = bytes.TrimLeft(bytes.TrimPrefix(data, []byte("\ufeff")), " \t\r\n")
	if !bytes.HasPrefix(data, []byte("{")) {
		return nil, false // a page perhaps, which may have anything in it
	}
	exact, other := make(map[string]any), make(map[string]any)
	err := eachMember(data, func(name string, value json.RawMessage) {
		if known, v := m.member(name, value); v != nil && known == name {
			exact[known] = v
		} else if v != nil {
			other[known] = v
		}
	})
	if _, damaged := errors.AsType[*json.SyntaxError](err); damaged {
		for _, name := range m.Text {
			if v := lastText(data, name); v != "" && other[name] == nil {
				other[name] = v
			}
		}
	}
	maps.Copy(other, exact)
	return other, err == nil
}

// eachMember calls visit for each member of an object, until one cannot be read.
func eachMember(data []byte, visit func(name string, value json.RawMessage)) error {
	decoder := json.NewDecoder(bytes.NewReader(data))
	_, err := decoder.Token() // {
	for err == nil && decoder.More() {
		var name json.Token
		var value json.RawMessage
		if name, err = decoder.Token(); err == nil {
			if err = decoder.Decode(&value); err == nil {
				visit(name.(string), value)
			}
		}
	}
	if err == nil {
		_, err = decoder.Token() // }
	}
	return err
}

// lastText finds a member's string in text that is no JSON.
func lastText(data []byte, name string) (found string) {
	member := regexp.MustCompile(`(?i)"` + regexp.QuoteMeta(name) + `"\s*:\s*("(?:[^"\\]|\\.)*")`)
	for _, match := range member.FindAllSubmatch(data, -1) {
		if text := text(match[1]); text != "" {
			found = text
		}
	}
	return found
}

// member returns the service's name for a member, and its value, or nil.
func (m Members) member(name string, value json.RawMessage) (known string, v any) {
	named := func(names []string) bool {
		for _, known = range names {
			if strings.EqualFold(strings.ReplaceAll(name, "_", ""), known) {
				return true
			}
		}
		return false
	}
	switch {
	case named(m.Text):
		if s := text(value); s != "" {
			v = s
		}
	case named(m.Numbers):
		if n := number(value); n > 0 {
			v = n
		}
	case named(m.Lifetimes):
		if n := number(value); n > 0 && n <= year {
			v = n
		}
	case named(m.Objects):
		if inner, _ := m.read(value); inner != nil {
			v = inner
		}
	}
	return known, v
}

// text returns a JSON string of printable ASCII (RFC 6749, appendix A), or "".
func text(value []byte) string {
	var s string
	odd := func(r rune) bool { return r < ' ' || r > '~' }
	if json.Unmarshal(value, &s) != nil || strings.ContainsFunc(s, odd) {
		return ""
	}
	return s
}

// number returns a whole number, written as one or as a string, or 0.
func number(value json.RawMessage) int64 {
	f, err := strconv.ParseFloat(strings.TrimSpace(strings.Trim(string(value), `"`)), 64)
	if err != nil || !(f >= 1 && f < 1<<53) {
		return 0
	}
	return int64(math.Floor(f))
}
