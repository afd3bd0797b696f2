package oidc_test

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/credproc/credproc/oidc"
)

// codes are all errors of CreateToken, with what they mean when a device code
// is redeemed and when a token is refreshed.
var codes = []struct {
	exception, code string
	status          int
	redeem, refresh error
}{
	{"AccessDeniedException", "access_denied", 400, oidc.ErrDenied, nil},
	{"ExpiredTokenException", "expired_token", 400, oidc.ErrExpired, oidc.ErrSignInRequired},
	{"InvalidGrantException", "invalid_grant", 400, nil, oidc.ErrSignInRequired},
	{"InvalidClientException", "invalid_client", 401, nil, oidc.ErrSignInRequired},
	{"UnauthorizedClientException", "unauthorized_client", 400, nil, oidc.ErrSignInRequired},
	{"InvalidRequestException", "invalid_request", 400, nil, nil},
	{"InvalidScopeException", "invalid_scope", 400, nil, nil},
	{"UnsupportedGrantTypeException", "unsupported_grant_type", 400, nil, nil},
	{"InvalidClientMetadataException", "invalid_client_metadata", 400, nil, nil},
	{"InvalidRedirectUriException", "invalid_redirect_uri", 400, nil, nil},
	{"InvalidRequestRegionException", "invalid_request", 400, nil, nil},
	{"SomethingNewException", "something_new", 400, nil, nil},
}

// ways are the forms in which an error may arrive.
var ways = map[string]func(reply) reply{
	"as the service sends it": func(r reply) reply { return r },
	"with the type header removed": func(r reply) reply {
		r.header = map[string]string{"X-Amzn-RequestId": "req-1"}
		return r
	},
	"with the body removed": func(r reply) reply { r.body = ""; return r },
	"with the type in the body": func(r reply) reply {
		name, _, _ := strings.Cut(r.header["X-Amzn-ErrorType"], ":")
		r.header = map[string]string{"X-Amzn-RequestId": "req-1"}
		r.body = fmt.Sprintf(`{"__type":"com.amazonaws.ssooidc#%s"}`, name)
		return r
	},
}

func TestEveryCodeIsToldHoweverItArrives(t *testing.T) {
	for way, change := range ways {
		for _, tt := range codes {
			t.Run(tt.exception+" "+way, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					answer := change(refused(tt.status, tt.exception, tt.code, "what the service says"))
					s := newService(answer)
					_, err := s.config().SignInWithCode(t.Context(), show)
					isRefusal(t, err, tt.code, tt.status, tt.redeem)
					s = newService(answer)
					_, err = s.config().Refresh(t.Context(), &old)
					isRefusal(t, err, tt.code, tt.status, tt.refresh)
					if n := s.count(tokenPath); n != 1 {
						t.Errorf("asked %d times", n)
					}
				})
			})
		}
	}
}

func isRefusal(t *testing.T, err error, code string, status int, meaning error) {
	t.Helper()
	e, ok := errors.AsType[*oidc.Error](err)
	if !ok || e.Op != "CreateToken" || e.Code != code || e.StatusCode != status || e.RequestID != "req-1" || e.Temporary() {
		t.Errorf("got %v", err)
	}
	for _, known := range []error{oidc.ErrDenied, oidc.ErrExpired, oidc.ErrSignInRequired} {
		if is := errors.Is(err, known); is != (known == meaning) {
			t.Errorf("%v: is %q: %v", err, known, is)
		}
	}
}

// marked is what the service puts on its answers.
var marked = map[string]string{"X-Amzn-RequestId": "req-1"}

func TestErrorsReadAsOneSentence(t *testing.T) {
	html := reply{status: 403, header: map[string]string{"Content-Type": "text/html; charset=utf-8"}, body: "<html>secret plans of your company</html>"}
	kms := refused(400, "InvalidRequestException", "invalid_request", "Key is disabled")
	kms.body = `{"error":"invalid_request","error_description":"Key is disabled","reason":"KMS_DisabledException"}`
	terminal := refused(400, "InvalidRequestException", "invalid_request", "\x1b[2Jgone\nforged: line")
	tests := []struct {
		answer reply
		want   string
	}{
		{refused(400, "InvalidRequestException", "invalid_request", "Unknown start URL"), "RegisterClient: invalid_request: Unknown start URL (HTTP 400, request ID req-1)"},
		{refused(400, "InvalidRequestException", "invalid_request", ""), "RegisterClient: invalid_request (HTTP 400, request ID req-1)"},
		{kms, "RegisterClient: invalid_request: Key is disabled: KMS_DisabledException (HTTP 400, request ID req-1)"},
		{terminal, "RegisterClient: invalid_request: [2Jgone forged: line (HTTP 400, request ID req-1)"},
		{reply{status: 400, header: marked, body: `{"message":"Rate exceeded"}`}, "RegisterClient: Rate exceeded (HTTP 400, request ID req-1)"},
		{reply{status: 403, header: marked, body: `{}`}, "RegisterClient: Forbidden (HTTP 403, request ID req-1)"},
		{reply{status: 403, header: marked, body: `no`}, "RegisterClient: the answer from oidc.us-east-1.amazonaws.com is not JSON (HTTP 403, request ID req-1)"},
		{reply{status: 403, body: `{"error":"access_denied"}`}, "RegisterClient: the answer from oidc.us-east-1.amazonaws.com did not come from AWS (HTTP 403)"},
		{html, "RegisterClient: the answer from oidc.us-east-1.amazonaws.com did not come from AWS (HTTP 403)"},
		{reply{status: 407}, "RegisterClient: the answer from oidc.us-east-1.amazonaws.com did not come from AWS (HTTP 407)"},
		{reply{status: 400, body: `{"error":"invalid_`}, "RegisterClient: the answer from oidc.us-east-1.amazonaws.com did not come from AWS (HTTP 400)"},
		{reply{status: 400, body: `null`}, "RegisterClient: the answer from oidc.us-east-1.amazonaws.com did not come from AWS (HTTP 400)"},
		{reply{status: 200, body: `<html>hotel</html>`}, "RegisterClient: the answer from oidc.us-east-1.amazonaws.com is not JSON, or was cut short (HTTP 200)"},
		{reply{err: errors.New("no route")}, `RegisterClient: Post "https://oidc.us-east-1.amazonaws.com/client/register": no route`},
	}
	for _, tt := range tests {
		synctest.Test(t, func(t *testing.T) {
			s := newService()
			s.replies[registerPath] = []reply{tt.answer}
			if _, err := s.config().StartDeviceCode(t.Context()); err == nil || err.Error() != tt.want {
				t.Errorf("got  %v\nwant %s", err, tt.want)
			}
		})
	}
}

func TestOnlyTheServicesOwnAnswerEndsASession(t *testing.T) {
	for _, contentType := range []string{"text/html", "application/json", "application/x-amz-json-1.0", ""} {
		for _, status := range []int{400, 401, 403, 407, 302, 200} {
			for _, body := range []string{`{"error":"invalid_grant"}<html>`, `{"error":"invalid_client"}`, `{"__type":"InvalidGrantException"}`, `{"code":"ExpiredTokenException","error":"expired_token"}`} {
				s := newService(reply{status: status, header: map[string]string{"Content-Type": contentType, "X-Amzn-RequestId": "", "X-Amz-Cf-Id": "x"}, body: body})
				_, err := s.config().Refresh(t.Context(), &old)
				if e, ok := errors.AsType[*oidc.Error](err); !ok || errors.Is(err, oidc.ErrSignInRequired) || e.Code != "" {
					t.Errorf("HTTP %d %s: %v", status, body, err)
				}
			}
		}
	}
}

func TestSomebodyElsesAnswerDeniesNoSignIn(t *testing.T) {
	for _, body := range []string{`{"error":"access_denied"}`, `{"error":"expired_token"}`, `<html>`, ``} {
		synctest.Test(t, func(t *testing.T) {
			s := newService(reply{status: 403, body: body}, reply{status: 302, body: body})
			if _, err := s.config().SignInWithCode(t.Context(), show); err != nil {
				t.Errorf("%s: %v", body, err)
			}
		})
	}
}

func TestAFaultOfTheServiceEndsNoSession(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newService(refused(500, "InvalidGrantException", "invalid_grant", ""))
		s.replies[tokenPath] = s.replies[tokenPath][:1]
		if _, err := s.config().Refresh(t.Context(), &old); err == nil || errors.Is(err, oidc.ErrSignInRequired) {
			t.Errorf("got %v", err)
		}
	})
}

func TestALongAnswerIsNotRead(t *testing.T) {
	s := newService()
	s.replies[registerPath] = []reply{{status: 400, body: `{"error":"` + strings.Repeat("x", 1<<20) + `"}`}}
	_, err := s.config().StartDeviceCode(t.Context())
	if err == nil || len(err.Error()) > 200 {
		t.Errorf("got an error of %d bytes", len(fmt.Sprint(err)))
	}
}

func TestErrorsCarryTheirCause(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newService()
		cause := errors.New("no route")
		s.replies[registerPath] = []reply{{err: cause}}
		_, err := s.config().StartDeviceCode(t.Context())
		if _, ok := errors.AsType[*url.Error](err); !ok || !errors.Is(err, cause) {
			t.Errorf("got %#v", err)
		}
	})
}

func TestRetryAfterIsTold(t *testing.T) {
	s := newService()
	answer := refused(400, "InvalidRequestException", "invalid_request", "")
	for value, want := range map[string]time.Duration{"7": 7 * time.Second, "3600": time.Minute, "-1": 0, "soon": 0} {
		answer.header["Retry-After"] = value
		s.replies[registerPath] = []reply{answer}
		_, err := s.config().StartDeviceCode(t.Context())
		if e, ok := errors.AsType[*oidc.Error](err); !ok || e.RetryAfter != want {
			t.Errorf("%q: %#v, want %v", value, err, want)
		}
	}
}

func TestTemporary(t *testing.T) {
	for e, want := range map[oidc.Error]bool{
		{StatusCode: 500}:                             true,
		{StatusCode: 503}:                             true,
		{StatusCode: 429}:                             true,
		{StatusCode: 400, Code: "slow_down"}:          true,
		{StatusCode: 400, Code: "invalid_grant"}:      false,
		{StatusCode: 401, Code: "invalid_client"}:     false,
		{StatusCode: 400, Code: "authorization_pend"}: false,
		{}: false,
	} {
		if got := e.Temporary(); got != want {
			t.Errorf("%v: %v", &e, got)
		}
	}
}

func TestSecretsAreNotCarriedToAnotherHost(t *testing.T) {
	var stolen []string
	thief := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { stolen = append(stolen, r.URL.Path) }))
	defer thief.Close()
	for _, status := range []int{301, 302, 303, 307, 308} {
		far := httptest.NewServer(http.RedirectHandler(thief.URL, status))
		for _, client := range []*http.Client{nil, {}} {
			c := &oidc.Config{Region: "us-east-1", Endpoint: far.URL, HTTPClient: client}
			_, err := c.Refresh(t.Context(), &old)
			if e, ok := errors.AsType[*oidc.Error](err); !ok || e.StatusCode != status {
				t.Errorf("HTTP %d: %v", status, err)
			}
		}
		far.Close()
	}
	if len(stolen) > 0 {
		t.Errorf("requests to another host: %q", stolen)
	}
}
