package portal_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/credproc/credproc/internal/portal"
)

var hidden = portal.Credentials{AccessKeyID: "SECRETid", SecretAccessKey: "SECRETkey", SessionToken: "SECRETsession", Expiration: time.Date(2030, 1, 2, 3, 4, 5, 0, time.UTC)}

// holders are values that hold the credentials in ways that programs do.
func holders() []any {
	type holder struct {
		V portal.Credentials
		P *portal.Credentials
		A any
	}
	c := hidden
	h := holder{c, &c, c}
	return []any{c, &c, h, &h, []portal.Credentials{c}, []*portal.Credentials{&c}, map[string]portal.Credentials{"k": c}, map[string]any{"k": &c}}
}

func TestCredentialsDoNotPrint(t *testing.T) {
	for i, v := range holders() {
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d"} {
			got := fmt.Sprintf(verb, v)
			isClean(t, verb, got)
			if i < 2 && got != "portal.Credentials(expire 2030-01-02T03:04:05Z)" {
				t.Errorf("%s: %s", verb, got)
			}
		}
		data, err := json.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		isClean(t, "JSON", string(data))
		if strings.HasPrefix(string(data), `{"k"`) && string(data) != `{"k":{"expiration":"2030-01-02T03:04:05Z"}}` {
			t.Errorf("JSON: %s", data)
		}
	}
}

func TestCredentialsAreNotLogged(t *testing.T) {
	var out bytes.Buffer
	for _, handler := range []slog.Handler{slog.NewTextHandler(&out, nil), slog.NewJSONHandler(&out, nil)} {
		for _, v := range holders() {
			slog.New(handler).With("v", v).Info("m", "w", v, slog.Group("g", "v", v))
		}
	}
	isClean(t, "slog", out.String())
	if !strings.Contains(out.String(), "w.expiration=2030-01-02T03:04:05.000Z") {
		t.Error("no expiration in the text log")
	}
}

func isClean(t *testing.T, how, text string) {
	t.Helper()
	for _, form := range []string{"SECRET", fmt.Sprintf("%x", "SECRET"), fmt.Sprintf("%X", "SECRET")} {
		if strings.Contains(text, form) {
			t.Errorf("%s shows a secret: %s", how, text)
		}
	}
}
