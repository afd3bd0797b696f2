package credproc

import (
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials/processcreds"
)

var east = time.FixedZone("east", 5*60*60+30*60)

func TestTheDocumentHasWhatTheCredentialsHave(t *testing.T) {
	tests := []struct {
		name string
		c    aws.Credentials
		want string
	}{
		{"keys alone", aws.Credentials{AccessKeyID: "AKIA", SecretAccessKey: "secret"},
			`{"Version":1,"AccessKeyId":"AKIA","SecretAccessKey":"secret"}`},
		{"a session token", aws.Credentials{AccessKeyID: "ASIA", SecretAccessKey: "secret", SessionToken: "token"},
			`{"Version":1,"AccessKeyId":"ASIA","SecretAccessKey":"secret","SessionToken":"token"}`},
		{"an end", aws.Credentials{AccessKeyID: "ASIA", SecretAccessKey: "secret", CanExpire: true, Expires: time.Date(2030, 1, 2, 3, 4, 5, 0, time.UTC)},
			`{"Version":1,"AccessKeyId":"ASIA","SecretAccessKey":"secret","Expiration":"2030-01-02T03:04:05Z"}`},
		{"an end in another zone, with a fraction", aws.Credentials{AccessKeyID: "ASIA", SecretAccessKey: "secret", CanExpire: true, Expires: time.Date(2030, 1, 2, 3, 4, 5, 999_999_999, east)},
			`{"Version":1,"AccessKeyId":"ASIA","SecretAccessKey":"secret","Expiration":"2030-01-01T21:34:05Z"}`},
		{"an end that does not count", aws.Credentials{AccessKeyID: "ASIA", SecretAccessKey: "secret", Expires: time.Date(2030, 1, 2, 3, 4, 5, 0, time.UTC)},
			`{"Version":1,"AccessKeyId":"ASIA","SecretAccessKey":"secret"}`},
		{"an account", aws.Credentials{AccessKeyID: "AKIA", SecretAccessKey: "secret", AccountID: "012345678901"},
			`{"Version":1,"AccessKeyId":"AKIA","SecretAccessKey":"secret","AccountId":"012345678901"}`},
		{"everything", aws.Credentials{AccessKeyID: "ASIA", SecretAccessKey: "a/b+c<d>&e", SessionToken: "to/ken==", CanExpire: true, Expires: time.Date(2030, 12, 31, 23, 59, 59, 0, time.UTC), AccountID: "111111111111", Source: "x"},
			`{"Version":1,"AccessKeyId":"ASIA","SecretAccessKey":"a/b+c<d>&e","SessionToken":"to/ken==","Expiration":"2030-12-31T23:59:59Z","AccountId":"111111111111"}`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var w calls
			if err := Write(&w, tt.c); err != nil {
				t.Fatal(err)
			}
			if len(w.got) != 1 || w.got[0] != tt.want+"\n" {
				t.Errorf("wrote  %q\nwant [%q]", w.got, tt.want+"\n")
			}
		})
	}
}

func TestTheVersionIsANumber(t *testing.T) {
	var text bytes.Buffer
	if err := Write(&text, aws.Credentials{AccessKeyID: "AKIA", SecretAccessKey: "secret"}); err != nil {
		t.Fatal(err)
	}
	var members map[string]any
	if err := json.Unmarshal(text.Bytes(), &members); err != nil {
		t.Fatal(err)
	}
	if version, ok := members["Version"].(float64); !ok || version != 1 {
		t.Errorf("Version is %#v", members["Version"])
	}
}

func TestNothingAtAllIsWrittenWithoutKeys(t *testing.T) {
	for _, c := range []aws.Credentials{
		{},
		{AccessKeyID: "ASIA", SessionToken: "token"},
		{SecretAccessKey: "secret", SessionToken: "token"},
		{AccessKeyID: "ASIA", SecretAccessKey: "secret", CanExpire: true, Expires: time.Date(10000, 1, 1, 0, 0, 0, 0, time.UTC)}, // no RFC 3339
	} {
		var w calls
		if err := Write(&w, c); err == nil || len(w.got) != 0 {
			t.Errorf("wrote %q, error %v", w.got, err)
		} else if strings.Contains(err.Error(), "secret") {
			t.Errorf("the error has the key in it: %v", err)
		}
	}
}

func TestAWriterThatFailsIsAnError(t *testing.T) {
	full := errors.New("no space left")
	if err := Write(&calls{err: full}, aws.Credentials{AccessKeyID: "AKIA", SecretAccessKey: "secret"}); !errors.Is(err, full) {
		t.Errorf("error %v, want %v", err, full)
	}
}

func TestTheGoSDKReadsTheDocument(t *testing.T) {
	want := aws.Credentials{
		AccessKeyID: "ASIAEXAMPLE", SecretAccessKey: "a/b+c<d>&e", SessionToken: "to/ken+==", AccountID: "012345678901",
		CanExpire: true, Expires: time.Date(2099, 1, 2, 3, 4, 5, 0, east), Source: processcreds.ProviderName,
	}
	var text bytes.Buffer
	if err := Write(&text, want); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "document")
	if err := os.WriteFile(file, text.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	got, err := processcreds.NewProvider("cat " + file).Retrieve(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if !got.Expires.Equal(want.Expires) {
		t.Errorf("read an end at %v, want %v", got.Expires, want.Expires)
	}
	got.Expires = want.Expires
	if got != want {
		t.Errorf("read %+v\nwant %+v", got, want)
	}
}

// calls keeps what each call of Write was given.
type calls struct {
	got []string
	err error
}

func (w *calls) Write(p []byte) (int, error) {
	w.got = append(w.got, string(p))
	return len(p), w.err
}
