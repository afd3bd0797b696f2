package oidc

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
)

func TestABrowserThatNeverComesBackIsGivenUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeoutCause(t.Context(), browserTime, errTooLate)
		defer cancel()
		_, err := new(authorization).wait(ctx, nil, nil, func(string) error { return nil })
		if !errors.Is(err, ErrExpired) {
			t.Error(err)
		}
	})
}

func TestChallengeIsTheOneOfTheRFC(t *testing.T) {
	// RFC 7636, appendix B.
	if got := challenge("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"); got != "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM" {
		t.Error(got)
	}
}

func TestQueryIsTheOneOfTheCLI(t *testing.T) {
	got := query("response_type", "code", "client_id", "auth-client-id", "redirect_uri", "http://127.0.0.1:55555/oauth/callback",
		"state", "00000000-0000-0000-0000-000000000000", "code_challenge_method", "S256", "scopes", "sso:account:access")
	want := "response_type=code&client_id=auth-client-id&redirect_uri=http%3A%2F%2F127.0.0.1%3A55555%2Foauth%2Fcallback" +
		"&state=00000000-0000-0000-0000-000000000000&code_challenge_method=S256&scopes=sso%3Aaccount%3Aaccess"
	if got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}
