package oidc_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/credproc/credproc/oidc"
)

var old = oidc.Token{
	AccessToken:  "old-access-SECRET",
	RefreshToken: "old-refresh-SECRET",
	Client:       oidc.Client{ID: "cid", Secret: "client-SECRET", Expiry: time.Date(2030, 1, 2, 3, 4, 5, 0, time.UTC)},
}

func TestRefreshSendsTheClientThatSignedIn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newService()
		before := old
		token, err := s.config().Refresh(t.Context(), &before)
		if err != nil {
			t.Fatal(err)
		}
		if len(s.asked) != 1 {
			t.Fatalf("%d requests", len(s.asked))
		}
		isJSON(t, s.asked[0].body, `{"grantType":"refresh_token","clientId":"cid","clientSecret":"client-SECRET","refreshToken":"old-refresh-SECRET"}`)
		want := oidc.Token{AccessToken: "access-SECRET", RefreshToken: "refresh-SECRET", Expiry: time.Now().Add(time.Hour).Round(0), Client: old.Client}
		if *token != want {
			t.Error("another token than was sent, or with another client")
		}
		if before != old {
			t.Error("the old token was changed")
		}
	})
}

func TestRefreshNeedsNoStartURL(t *testing.T) {
	s := newService()
	c := s.config()
	c.StartURL = ""
	if _, err := c.Refresh(t.Context(), &old); err != nil {
		t.Error(err)
	}
}

func TestRefreshKeepsTheRefreshTokenIfNoneComes(t *testing.T) {
	for _, body := range []string{`{"accessToken":"a","expiresIn":60}`, `{"accessToken":"a","expiresIn":60,"refreshToken":""}`, `{"accessToken":"a","expiresIn":60,"refreshToken":null}`} {
		s := newService(reply{status: 200, body: body})
		token, err := s.config().Refresh(t.Context(), &old)
		if err != nil {
			t.Fatal(err)
		}
		if token.AccessToken != "a" || token.RefreshToken != old.RefreshToken {
			t.Errorf("after %s: %q, %q", body, token.AccessToken, token.RefreshToken)
		}
	}
}

func TestRefreshWithoutRefreshTokenAsksNobody(t *testing.T) {
	s := newService()
	if _, err := s.config().Refresh(t.Context(), &oidc.Token{AccessToken: "a", Client: old.Client}); !errors.Is(err, oidc.ErrSignInRequired) {
		t.Errorf("got %v", err)
	}
	if len(s.asked) != 0 {
		t.Error("the service was asked")
	}
}

func TestRefreshRetriesWhatMayPass(t *testing.T) {
	for name, failure := range map[string]reply{
		"HTTP 503":         page503,
		"server_error":     refused(500, "InternalServerException", "server_error", ""),
		"HTTP 429":         {status: 429},
		"slow_down":        slowDown,
		"connection reset": {err: errors.New("read: connection reset by peer")},
	} {
		synctest.Test(t, func(t *testing.T) {
			s := newService(failure)
			start := time.Now()
			if _, err := s.config().Refresh(t.Context(), &old); err != nil {
				t.Errorf("%s: %v", name, err)
			}
			if n := s.count(tokenPath); n != 2 {
				t.Errorf("%s: asked %d times", name, n)
			}
			if took := time.Since(start); took > 4*time.Second {
				t.Errorf("%s: took %v", name, took)
			}
		})
	}
}

func TestRefreshGivesUpAfterTwoAttempts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newService(page503, page503)
		_, err := s.config().Refresh(t.Context(), &old)
		e, ok := errors.AsType[*oidc.Error](err)
		if !ok || e.StatusCode != 503 || !e.Temporary() || errors.Is(err, oidc.ErrSignInRequired) {
			t.Errorf("got %v", err)
		}
	})
}

func TestRefreshTakesFifteenSecondsAtMost(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newService(reply{stall: true})
		start := time.Now()
		_, err := s.config().Refresh(t.Context(), &old)
		if took := time.Since(start); took != 15*time.Second {
			t.Errorf("took %v", took)
		}
		if want := "CreateToken: no answer within 15s: context deadline exceeded"; err == nil || err.Error() != want {
			t.Errorf("got  %v\nwant %s", err, want)
		}
		if e, ok := errors.AsType[*oidc.Error](err); !ok || e.StatusCode != 0 || !errors.Is(err, context.DeadlineExceeded) || errors.Is(err, oidc.ErrSignInRequired) {
			t.Errorf("got %#v", err)
		}
	})
}

func TestRefreshEndsWithItsCaller(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newService(reply{stall: true})
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(time.Second, cancel)
		_, err := s.config().Refresh(ctx, &old)
		if !errors.Is(err, context.Canceled) || strings.Contains(err.Error(), "15s") {
			t.Errorf("got %v", err)
		}
	})
}

func TestTheTokensExpiryRunsWhileTheMachineSleeps(t *testing.T) {
	s := newService()
	token, err := s.config().Refresh(t.Context(), &old)
	if err != nil {
		t.Fatal(err)
	}
	if token.Expiry != token.Expiry.Round(0) {
		t.Error("the expiry has a monotonic reading, which stands still in suspend")
	}
}
