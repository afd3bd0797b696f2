package oidc_test

import (
	"compress/gzip"
	"context"
	"errors"
	"io"
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

// A lifetime that makes no sense is five minutes, and no token is lost for it.
func TestWhateverTokenAnAnswerHoldsIsKept(t *testing.T) {
	const short = 5 * time.Minute
	zipped := func(text string) string {
		var b strings.Builder
		w := gzip.NewWriter(&b)
		io.WriteString(w, text)
		w.Close()
		return b.String()
	}
	for _, tt := range []struct {
		body string
		life time.Duration
	}{
		{`{"accessToken":"a","refreshToken":"r","expiresIn":3600}`, time.Hour},
		{`{"accessToken":"a","refreshToken":"r"}`, short},
		{`{"accessToken":"a","refreshToken":"r","expiresIn":null}`, short},
		{`{"accessToken":"a","refreshToken":"r","expiresIn":0}`, short},
		{`{"accessToken":"a","refreshToken":"r","expiresIn":-3600}`, short},
		{`{"accessToken":"a","refreshToken":"r","expiresIn":"3600"}`, time.Hour},
		{`{"accessToken":"a","refreshToken":"r","expiresIn":" 3600 "}`, time.Hour},
		{`{"accessToken":"a","refreshToken":"r","expiresIn":3600.0}`, time.Hour},
		{`{"accessToken":"a","refreshToken":"r","expiresIn":3600.9}`, time.Hour},
		{`{"accessToken":"a","refreshToken":"r","expiresIn":1e3}`, 1000 * time.Second},
		{`{"accessToken":"a","refreshToken":"r","expiresIn":0.5}`, short},
		{`{"accessToken":"a","refreshToken":"r","expiresIn":9223372036854775807}`, short},
		{`{"accessToken":"a","refreshToken":"r","expiresIn":99999999999999999999999}`, short},
		{`{"accessToken":"a","refreshToken":"r","expiresIn":1e999}`, short},
		{`{"accessToken":"a","refreshToken":"r","expiresIn":"an hour"}`, short},
		{`{"accessToken":"a","refreshToken":"r","expiresIn":true}`, short},
		{`{"accessToken":"a","refreshToken":"r","expiresIn":[3600]}`, short},
		{`{"expiresIn":NaN,"accessToken":"a","refreshToken":"r"}`, short},
		{`{"expiresIn":,"accessToken":"a","refreshToken":"r"}`, short},
		{"\ufeff" + `{"accessToken":"a","refreshToken":"r","expiresIn":3600}`, time.Hour},
		{"\r\n" + `{"accessToken":"a","refreshToken":"r","expiresIn":3600}<!-- -->`, time.Hour},
		{`{"accessToken":"a","refreshToken":"r","expiresIn":3600}{"accessToken":"b"}`, time.Hour},
		{`{"accessToken":"x","refreshToken":"x","expiresIn":60,"accessToken":"a","refreshToken":"r","expiresIn":3600}`, time.Hour},
		{`{"accessToken":"a","refreshToken":"r","refreshToken":null,"accessToken":7}`, short},
		{`{"AccessToken":"a","refresh_token":"r","EXPIRESIN":3600}`, time.Hour},
		{`{"accessToken":"a","AccessToken":"x","refreshToken":"r"}`, short},
		{`{"accessToken":"a","refreshToken":"r","expi`, short},
		{`{"accessToken":"a","refreshToken":"r"`, short},
		{`{"error":"invalid_grant","accessToken":"a","refreshToken":"r"}`, short},
		{`{"tokenType":7,"idToken":{"a":[]},"accessToken":"a","refreshToken":"r"}`, short},
		{zipped(`{"accessToken":"a","refreshToken":"r","expiresIn":3600}`), time.Hour},
	} {
		synctest.Test(t, func(t *testing.T) {
			s := newService(reply{status: 200, cut: true, header: map[string]string{"Content-Type": "text/html"}, body: tt.body})
			token, err := s.config().Refresh(t.Context(), &old)
			if err != nil {
				t.Errorf("%s: %v", tt.body, err)
				return
			}
			if token.AccessToken != "a" || token.RefreshToken != "r" || !token.Expiry.Equal(time.Now().Add(tt.life)) {
				t.Errorf("%s: %q, %q, ends in %v", tt.body, token.AccessToken, token.RefreshToken, time.Until(token.Expiry))
			}
		})
	}
}

func TestARefreshTokenThatComesAloneIsKept(t *testing.T) {
	for _, body := range []string{`{"refreshToken":"r","expiresIn":60}`, `{"refreshToken":"r","accessToken":"a`, `{"accessToken":"a\nb","refreshToken":"r"}`} {
		s := newService(reply{status: 200, body: body})
		token, err := s.config().Refresh(t.Context(), &old)
		if e, ok := errors.AsType[*oidc.Error](err); !ok || e.StatusCode != 200 || errors.Is(err, oidc.ErrSignInRequired) {
			t.Errorf("%s: %v", body, err)
		}
		if token == nil || token.RefreshToken != "r" || token.AccessToken != "" || token.Client != old.Client {
			t.Errorf("%s: the refresh token is lost", body)
		}
	}
}

func TestAPageHoldsNoToken(t *testing.T) {
	s := newService(reply{status: 200, body: `<html><script>{"accessToken":"a","refreshToken":"r"}</script>`})
	if token, err := s.config().Refresh(t.Context(), &old); token != nil || err == nil || errors.Is(err, oidc.ErrSignInRequired) {
		t.Errorf("got %v, %v", token, err)
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
