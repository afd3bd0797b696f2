package oidc_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/credproc/credproc/oidc"
)

func secrets() []any {
	expiry := time.Date(2030, 1, 2, 3, 4, 5, 0, time.UTC)
	client := oidc.Client{ID: "SECRETid", Secret: "SECRETclient", Expiry: expiry}
	token := oidc.Token{AccessToken: "SECRETaccess", RefreshToken: "SECRETrefresh", Expiry: expiry, Client: client}
	code := oidc.DeviceCode{
		UserCode: "SECRETuser", Code: "SECRETcode", Expiry: expiry, Client: client,
		VerificationURI: "https://SECRET/", VerificationURIComplete: "https://SECRET/?user_code=SECRETuser",
	}
	return []any{client, &client, token, &token, code, &code}
}

// holders are values that hold v in ways that programs do.
func holders(v any) []any {
	type holder struct {
		Name string
		V    any
		P    *any
	}
	return []any{v, holder{"h", v, &v}, &holder{"h", v, &v}, []any{v}, [1]any{v}, map[string]any{"k": v}, &v}
}

func TestSecretsDoNotPrint(t *testing.T) {
	for _, secret := range secrets() {
		for _, v := range holders(secret) {
			for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d", "%T", "%20v", "%t"} {
				isClean(t, verb, fmt.Sprintf(verb, v))
			}
			isClean(t, "Sprint", fmt.Sprint(v))
			isClean(t, "Errorf", fmt.Errorf("failed with %v", v).Error())
		}
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x"} {
			if got := fmt.Sprintf(verb, secret); !strings.Contains(got, "(expires 2030-01-02T03:04:05Z)") {
				t.Errorf("%s: %s", verb, got)
			}
		}
		isClean(t, "String", secret.(fmt.Stringer).String())
		isClean(t, "GoString", secret.(fmt.GoStringer).GoString())
	}
}

func TestSecretsInTypedFieldsDoNotPrint(t *testing.T) {
	typed := struct {
		Token  oidc.Token
		Client *oidc.Client
		Codes  []oidc.DeviceCode
	}{oidc.Token{AccessToken: "SECRET"}, &oidc.Client{Secret: "SECRET"}, []oidc.DeviceCode{{Code: "SECRET"}}}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x"} {
		isClean(t, verb, fmt.Sprintf(verb, typed))
		isClean(t, verb, fmt.Sprintf(verb, &typed))
	}
}

// Neither with a secret nor without: who stored what was left would find out
// when it is needed.
func TestSecretsDoNotMarshal(t *testing.T) {
	for _, secret := range secrets() {
		for _, v := range holders(secret) {
			data, err := json.Marshal(v)
			if err == nil || !strings.Contains(err.Error(), "holds secrets") {
				t.Errorf("%T: %s, %v", v, data, err)
			}
			isClean(t, "JSON", string(data)+fmt.Sprint(err))
		}
	}
}

func TestWhatIsNilIsAnError(t *testing.T) {
	c := &oidc.Config{StartURL: "https://idc.example/start", Region: "us-east-1"}
	for name, call := range map[string]func() (*oidc.Token, error){
		"show":  func() (*oidc.Token, error) { return c.SignInWithCode(t.Context(), nil) },
		"open":  func() (*oidc.Token, error) { return c.SignInWithBrowser(t.Context(), nil) },
		"token": func() (*oidc.Token, error) { return c.Refresh(t.Context(), nil) },
		"code":  func() (*oidc.Token, error) { return c.Redeem(t.Context(), nil) },
	} {
		if tok, err := call(); err == nil || tok != nil {
			t.Errorf("%s: %v, %v", name, tok, err)
		}
	}
}

func TestSecretsAreNotLogged(t *testing.T) {
	var out bytes.Buffer
	options := &slog.HandlerOptions{Level: slog.LevelDebug, AddSource: true}
	for _, handler := range []slog.Handler{slog.NewTextHandler(&out, options), slog.NewJSONHandler(&out, options)} {
		log := slog.New(handler)
		for _, secret := range secrets() {
			if got := secret.(slog.LogValuer).LogValue().Kind(); got != slog.KindGroup {
				t.Errorf("%T logs as %v", secret, got)
			}
			for _, v := range holders(secret) {
				log.Debug("m", "v", v, slog.Group("g", "v", v))
				log.With("v", v).Debug(fmt.Sprint(v))
			}
		}
	}
	isClean(t, "slog", out.String())
	if !strings.Contains(out.String(), "v.expiry=2030-01-02T03:04:05.000Z") {
		t.Error("no expiry in the text log")
	}
}

func TestNilPrints(t *testing.T) {
	isClean(t, "nil", fmt.Sprintf("%v %+v", (*oidc.Token)(nil), (*oidc.Client)(nil)))
	var out bytes.Buffer
	slog.New(slog.NewTextHandler(&out, nil)).Info("m", "v", (*oidc.Token)(nil))
}

func isClean(t *testing.T, how, text string) {
	t.Helper()
	for _, form := range []string{"SECRET", fmt.Sprintf("%x", "SECRET"), fmt.Sprintf("%X", "SECRET")} {
		if strings.Contains(text, form) {
			t.Errorf("%s shows a secret: %s", how, text)
		}
	}
}
