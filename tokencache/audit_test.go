package tokencache

import (
	"context"
	"errors"
	"testing"

	"github.com/credproc/credproc/internal/awsapi"
	"github.com/credproc/credproc/internal/flight"
	"github.com/credproc/credproc/internal/policy"
	"github.com/credproc/credproc/oidc"
	"github.com/credproc/credproc/tokencache/keyring"
)

func TestALineNamesTheKindOfARefusal(t *testing.T) {
	for _, tt := range []struct {
		err  error
		want string
	}{
		{&ApplicationError{Reason: "no token"}, "sign-in required"},
		{oidc.ErrDenied, "sign-in required"},
		{&awsapi.SettingError{Setting: "sso_region"}, "misconfigured"},
		{&policy.FileError{Path: "policy.ini"}, "misconfigured"},
		{&keyring.Error{Kind: keyring.ErrTooBig}, "keyring"},
		{context.Canceled, "canceled"},
		{&flight.BusyError{Err: errors.New("too little time left to start")}, "unavailable"},
		{&oidc.Error{Op: "CreateToken"}, "unavailable"}, // there was no answer
		{&oidc.Error{Op: "CreateToken", StatusCode: 400, Code: "invalid_request"}, "error"},
	} {
		if got := kind(tt.err); got != tt.want {
			t.Errorf("%T %v: %q, want %q", tt.err, tt.err, got, tt.want)
		}
	}
}
