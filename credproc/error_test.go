package credproc

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/credproc/credproc/internal/awsconfig"
	"github.com/credproc/credproc/oidc"
	"github.com/credproc/credproc/tokencache"
	"github.com/credproc/credproc/tokencache/keyring"
)

func TestEveryErrorHasAKind(t *testing.T) {
	keyringErr := func(kind error) error { return &keyring.Error{Keyring: "os", Op: "read", Kind: kind} }
	for _, tt := range []struct {
		err  error
		want Kind
	}{
		{nil, ""},
		{errors.New("odd"), ""},
		{&tokencache.RecordError{What: "login", Err: errors.New("damaged")}, ""},
		{&NoAccessError{Err: context.Canceled}, NoAccess},
		{&tokencache.SignInError{Reason: "not signed in"}, SignInRequired},
		{&tokencache.DeniedError{}, SignInRequired},
		{oidc.ErrExpired, SignInRequired},
		{keyringErr(keyring.ErrLocked), KeyringFailed},
		{keyringErr(keyring.ErrTooBig), KeyringFailed},
		{&tokencache.ServiceError{Err: errors.New("503")}, Unavailable},
		{&oidc.Error{StatusCode: 503}, Unavailable},
		{&oidc.Error{}, Unavailable},
		{&oidc.Error{StatusCode: 400, Code: "invalid_request"}, ""},
		{context.DeadlineExceeded, Unavailable},
		{context.Canceled, Canceled},
		{&oidc.ConfigError{Field: "Region"}, Misconfigured},
		{&UnsupportedProfileError{}, Misconfigured},
		{own(&awsconfig.ValueError{}), Misconfigured},
	} {
		if got := KindOf(tt.err); got != tt.want {
			t.Errorf("%v is of the kind %q, want %q", tt.err, got, tt.want)
		}
		if got := KindOf(fmt.Errorf("wrapped: %w", tt.err)); tt.err != nil && got != tt.want {
			t.Errorf("wrapped, %v is of the kind %q, want %q", tt.err, got, tt.want)
		}
	}
}

func TestAWrongSettingSaysWhereItIs(t *testing.T) {
	m := &machine{T: t}
	c := m.config("[profile dev]\nsso_session = corp\nsso_account_id = 1\nsso_role_name = Admin\n\n[sso-session corp]\nsso_start_url = https://idc.example/start\nsso_region = us-east-1\n")
	_, err := c.Provider("dev")
	e, ok := errors.AsType[*ConfigError](err)
	if !ok || e.Path != c.files.Path || e.Line != 3 || e.Setting != "sso_account_id" {
		t.Errorf("%#v, %v", e, err)
	}
	if _, err := c.Provider("none"); !isA[*ConfigError](err) {
		t.Errorf("an unknown profile: %v", err)
	}
	if err := m.config("broken\n").Open(); !isA[*ConfigError](err) {
		t.Errorf("a broken file: %v", err)
	}
}
