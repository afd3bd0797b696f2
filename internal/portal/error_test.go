package portal_test

import (
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/credproc/credproc/internal/awsapi"
	"github.com/credproc/credproc/internal/portal"
)

var sentinels = []error{portal.ErrUnauthorized, portal.ErrNoAccess, portal.ErrNotFound, portal.ErrThrottled}

// marked is what the service puts on its answers.
var marked = map[string]string{"X-Amzn-RequestId": "req-1"}

func TestRefusalsAreToldApart(t *testing.T) {
	tests := []struct {
		name     string
		answer   reply
		meaning  error // nil: none
		attempts int
		text     string
	}{
		{"401", refused(401, "UnauthorizedException", "Session token not found or invalid"), portal.ErrUnauthorized, 1,
			"GetRoleCredentials: UnauthorizedException: Session token not found or invalid (HTTP 401, request ID req-1)"},
		{"403", refused(403, "ForbiddenException", "No access"), portal.ErrNoAccess, 1,
			"GetRoleCredentials: ForbiddenException: No access (HTTP 403, request ID req-1)"},
		{"404", refused(404, "ResourceNotFoundException", "Account not found"), portal.ErrNotFound, 1,
			"GetRoleCredentials: ResourceNotFoundException: Account not found (HTTP 404, request ID req-1)"},
		{"429", refused(429, "TooManyRequestsException", "HTTP 429 Unknown Code"), portal.ErrThrottled, 1,
			"GetRoleCredentials: TooManyRequestsException: HTTP 429 Unknown Code (HTTP 429, request ID req-1)"},
		{"400", refused(400, "InvalidRequestException", "Missing role_name"), nil, 1,
			"GetRoleCredentials: InvalidRequestException: Missing role_name (HTTP 400, request ID req-1)"},
		{"500", refused(500, "InternalFailure", ""), nil, 2,
			"GetRoleCredentials: InternalFailure (HTTP 500, request ID req-1)"},
		{"401 without type", reply{status: 401, header: marked, body: `{"message":"Session token not found or invalid"}`}, portal.ErrUnauthorized, 1,
			"GetRoleCredentials: Session token not found or invalid (HTTP 401, request ID req-1)"},
		{"401 without marks", reply{status: 401, body: `{"message":"who are you?"}`}, portal.ErrUnauthorized, 1, "GetRoleCredentials: access token not valid (HTTP 401)"},
		{"401 without anything", reply{status: 401}, portal.ErrUnauthorized, 1, "GetRoleCredentials: access token not valid (HTTP 401)"},
		{"403 without anything", reply{status: 403}, nil, 1, "GetRoleCredentials: the answer from portal.sso.us-east-1.amazonaws.com did not come from AWS (HTTP 403)"},
		{"403 with its type in the body", reply{status: 403, header: marked, body: `{"__type":"ForbiddenException","message":"No access"}`}, portal.ErrNoAccess, 1,
			"GetRoleCredentials: ForbiddenException: No access (HTTP 403, request ID req-1)"},
		{"403 without marks", reply{status: 403, body: `{"__type":"ForbiddenException","message":"No access"}`}, nil, 1,
			"GetRoleCredentials: the answer from portal.sso.us-east-1.amazonaws.com did not come from AWS (HTTP 403)"},
		{"404 without marks", reply{status: 404, body: `{"message":"not here"}`}, nil, 1,
			"GetRoleCredentials: the answer from portal.sso.us-east-1.amazonaws.com did not come from AWS (HTTP 404)"},
		{"403 in HTML with marks", reply{status: 403, header: map[string]string{"X-Amzn-RequestId": "req-1", "Content-Type": "text/html"}, body: "<html>"}, nil, 1,
			"GetRoleCredentials: the answer from portal.sso.us-east-1.amazonaws.com is not JSON (HTTP 403, request ID req-1)"},
		{"403 without body", reply{status: 403, header: map[string]string{"X-Amzn-ErrorType": "ForbiddenException"}}, portal.ErrNoAccess, 1,
			"GetRoleCredentials: ForbiddenException (HTTP 403)"},
		{"429 of somebody else", page(429), portal.ErrThrottled, 1,
			"GetRoleCredentials: too many requests for now (HTTP 429)"},
		{"a proxy's 401", page(401), nil, 1, "GetRoleCredentials: the answer from portal.sso.us-east-1.amazonaws.com did not come from AWS (HTTP 401)"},
		{"a proxy's 403", page(403), nil, 1, "GetRoleCredentials: the answer from portal.sso.us-east-1.amazonaws.com did not come from AWS (HTTP 403)"},
		{"a proxy's 404", page(404), nil, 1, "GetRoleCredentials: the answer from portal.sso.us-east-1.amazonaws.com did not come from AWS (HTTP 404)"},
		{"a proxy's 407", page(407), nil, 1, "GetRoleCredentials: the answer from portal.sso.us-east-1.amazonaws.com did not come from AWS (HTTP 407)"},
		{"a load balancer's 503", page(503), nil, 2, "GetRoleCredentials: the answer from portal.sso.us-east-1.amazonaws.com did not come from AWS (HTTP 503)"},
		{"403 in plain text", reply{status: 403, header: map[string]string{"Content-Type": "text/plain"}, body: "Forbidden"}, nil, 1,
			"GetRoleCredentials: the answer from portal.sso.us-east-1.amazonaws.com did not come from AWS (HTTP 403)"},
		{"401 cut short", reply{status: 401, body: `{"message":"Sess`, cut: true}, nil, 1,
			"GetRoleCredentials: the answer from portal.sso.us-east-1.amazonaws.com did not come from AWS (HTTP 401)"},
		{"no answer", reply{err: errors.New("no route")}, nil, 2,
			`GetRoleCredentials: Get "https://portal.sso.us-east-1.amazonaws.com/federation/credentials?account_id=012345678901&role_name=Admin": no route`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s, c := serving(tt.answer)
				start := time.Now()
				_, err := c.RoleCredentials(t.Context(), token, account, "Admin")
				if err == nil || err.Error() != tt.text {
					t.Errorf("got  %v\nwant %s", err, tt.text)
				}
				for _, known := range sentinels {
					if is := errors.Is(err, known); is != (known == tt.meaning) {
						t.Errorf("%v: is %q: %v", err, known, is)
					}
				}
				if len(s.asked) != tt.attempts {
					t.Errorf("asked %d times, want %d", len(s.asked), tt.attempts)
				}
				if took := time.Since(start); took > 4*time.Second {
					t.Errorf("took %v", took)
				}
				e, ok := errors.AsType[*awsapi.Error](err)
				if !ok || e.StatusCode != tt.answer.status || e.Temporary() != (e.StatusCode >= 429) {
					t.Errorf("HTTP %d, temporary: %v", e.StatusCode, e.Temporary())
				}
			})
		})
	}
}

func TestWhatPassesIsRetried(t *testing.T) {
	for _, failure := range []reply{page(503), {err: errors.New("read: connection reset by peer")}} {
		synctest.Test(t, func(t *testing.T) {
			s, c := serving(failure, ok(credentials))
			if _, err := c.RoleCredentials(t.Context(), token, account, "Admin"); err != nil || len(s.asked) != 2 {
				t.Errorf("HTTP %d: asked %d times, %v", failure.status, len(s.asked), err)
			}
		})
	}
}

func TestRetryAfterIsTold(t *testing.T) {
	answer := refused(403, "ForbiddenException", "No access")
	answer.header["Retry-After"] = "7"
	_, c := serving(answer)
	_, err := c.RoleCredentials(t.Context(), token, account, "Admin")
	if e, ok := errors.AsType[*awsapi.Error](err); !ok || e.RetryAfter != 7*time.Second {
		t.Errorf("got %#v", err)
	}
}

func TestErrorsHoldNoSecret(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for _, answer := range []reply{refused(401, "UnauthorizedException", "no"), page(403), {err: errors.New("no route")}, {stall: true}} {
			_, c := serving(answer)
			_, err := c.RoleCredentials(t.Context(), token, account, "Admin")
			for ; err != nil; err = errors.Unwrap(err) {
				if strings.Contains(err.Error(), "SECRET") {
					t.Errorf("%T shows a secret", err)
				}
			}
		}
	})
}

// isNone checks that err is none of those by which callers decide.
func isNone(t *testing.T, err error) {
	t.Helper()
	for _, known := range sentinels {
		if errors.Is(err, known) {
			t.Errorf("%v is %q", err, known)
		}
	}
}
