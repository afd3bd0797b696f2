package awsapi

import (
	"errors"
	"io"
	"reflect"
	"strings"
	"testing"

	"github.com/aws/smithy-go/middleware"
)

var members = Members{Text: []string{"name"}, Numbers: []string{"when"}, Lifetimes: []string{"life"}, Objects: []string{"inner"}}

func TestMembersAreReadForThemselves(t *testing.T) {
	for text, want := range map[string]map[string]any{
		`{"name":"a","when":1893553445678,"life":60}`:  {"name": "a", "when": int64(1893553445678), "life": int64(60)},
		`{"name":7,"when":"x","life":-1,"inner":3}`:    {},
		`{"life":31622400,"when":9007199254740991}`:    {"life": int64(31622400), "when": int64(9007199254740991)},
		`{"life":31622401,"when":9007199254740992}`:    {},
		`{"inner":{"NAME":"b","life":"5"}}`:            {"inner": map[string]any{"name": "b", "life": int64(5)}},
		`{"other":{"name":"b"},"name":"a"}`:            {"name": "a"},
		`{"name":"a","name":"","name":"b\u001b"}`:      {"name": "a"},
		`{"name":"a","Name":"b","na_me":"c"}`:          {"name": "a"},
		`{"life":1,"name":"a`:                          {"life": int64(1)},
		`{"x":'y',"name":"a\"b","note":"\"name\":\""}`: {"name": `a"b`},
		`{"x":"name":"a","name":"b"}`:                  {"name": "b"},
		`{}`:                                           {},
		`[{"name":"a"}]`:                               nil,
		`"name":"a"`:                                   nil,
		`<a>{"name":"a"}`:                              nil,
		``:                                             nil,
	} {
		if got, _ := members.read([]byte(text)); !reflect.DeepEqual(got, want) {
			t.Errorf("%s: %v, want %v", text, got, want)
		}
	}
}

func TestAnAnswerIsWholeIfNothingIsMissing(t *testing.T) {
	for text, want := range map[string]bool{
		`{}`: true, `{"name":"a"}`: true, `{"name":"a"}x`: true, `{"other":[1]}`: true,
		`{`: false, `{"name":"a"`: false, `{"name":"a",`: false, `{"name":"a`: false, `{"other":NaN,"name":"a"}`: false, ``: false,
	} {
		if _, whole := members.read([]byte(text)); whole != want {
			t.Errorf("%s: %v", text, whole)
		}
	}
}

func TestWhatIsNotUnderstoodIsLeftAsItIs(t *testing.T) {
	for text, want := range map[string]string{
		`<html>`:            `<html>`,
		`{"other":1}`:       `{"other":1}`,
		`{"name":"a"} junk`: `{"name":"a"}`,
	} {
		if got, err := read(t, 200, io.NopCloser(strings.NewReader(text))); err != nil || got != want {
			t.Errorf("%s: %q, %v", text, got, err)
		}
	}
	if got, err := read(t, 400, io.NopCloser(strings.NewReader(`{"name":"a"} junk`))); err != nil || got != `{"name":"a"} junk` {
		t.Errorf("a refusal was changed: %q, %v", got, err)
	}
}

func TestAnAnswerThatBreaksOffIsAnErrorUnlessItSaysSomething(t *testing.T) {
	broken := errors.New("connection reset")
	body := func(text string) io.ReadCloser {
		r, w := io.Pipe()
		go func() { io.WriteString(w, text); w.CloseWithError(broken) }()
		return r
	}
	if got, err := read(t, 200, body(`{"name":"a","life":1`)); err != nil || got != `{"life":1,"name":"a"}` {
		t.Errorf("%q, %v", got, err)
	}
	if _, err := read(t, 200, body(`{"na`)); !errors.Is(err, broken) {
		t.Errorf("got %v", err)
	}
}

// read passes an answer through the middleware.
func read(t *testing.T, status int, body io.ReadCloser) (string, error) {
	t.Helper()
	stack := middleware.NewStack("test", nil)
	if err := Lenient(members)(stack); err != nil {
		t.Fatal(err)
	}
	resp := response(status, body)
	out, _, err := lenient{members}.HandleDeserialize(t.Context(), middleware.DeserializeInput{}, answering(resp))
	if err != nil || out.RawResponse != resp {
		return "", err
	}
	data, err := io.ReadAll(resp.Body)
	return string(data), err
}

func FuzzLenient(f *testing.F) {
	f.Add([]byte(`{"name":"a","life":"1e3","inner":{"when":7}} x`))
	f.Add([]byte("\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\x03"))
	f.Fuzz(func(t *testing.T, data []byte) {
		got, _ := members.read(unzipped(data))
		if name, ok := got["name"].(string); ok && text([]byte(`"`+strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(name)+`"`)) != name {
			t.Errorf("%q is no text", name)
		}
		if life, ok := got["life"].(int64); ok && (life < 1 || life > year) {
			t.Errorf("a life of %d s", life)
		}
	})
}
