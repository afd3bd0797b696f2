package idctest

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/url"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"
)

func TestFaultsSpeakTheFormOfTheService(t *testing.T) {
	w := inMemory(t, New())
	_, tokens := w.signIn(accountAccess)
	for _, test := range []struct {
		name, op, path string
		fault          Fault
		status         int
		code           string
	}{
		{"code alone", "CreateToken", "/token", Fault{Code: "server_error"}, 500, "server_error"},
		{"status alone", "CreateToken", "/token", Fault{Status: 500}, 500, "server_error"},
		{"status 401", "CreateToken", "/token", Fault{Status: 401}, 401, "invalid_client"},
		{"status 400", "CreateToken", "/token", Fault{Status: 400}, 400, "invalid_request"},
		{"status 503", "CreateToken", "/token", Fault{Status: 503}, 503, "ServiceUnavailableException"},
		{"both", "CreateToken", "/token", Fault{Status: 429, Code: "slow_down"}, 429, "slow_down"},
		{"access denied", "CreateToken", "/token", Fault{Code: "access_denied"}, 400, "access_denied"},
		{"portal 500", "GetRoleCredentials", adminPath, Fault{Status: 500}, 500, "InternalServerException"},
		{"portal 429", "GetRoleCredentials", adminPath, Fault{Status: 429}, 429, "TooManyRequestsException"},
		{"portal 401", "GetRoleCredentials", adminPath, Fault{Status: 401}, 401, "UnauthorizedException"},
		{"portal 403", "GetRoleCredentials", adminPath, Fault{Status: 403}, 403, "ForbiddenException"},
		{"portal 404", "GetRoleCredentials", adminPath, Fault{Status: 404}, 404, "ResourceNotFoundException"},
		{"portal 400", "*", adminPath, Fault{Status: 400}, 400, "InvalidRequestException"},
	} {
		t.Run(test.name, func(t *testing.T) {
			w.server.Fault(test.op, test.fault)
			defer w.server.ClearFaults()
			if test.path == "/token" {
				w.expect(w.post("/token", fields{}), test.status, test.code)
				return
			}
			w.expect(w.portal("GET", test.path, tokens.text("accessToken")), test.status, test.code)
		})
	}
}

func TestFaultCarriesReasonAndHeaders(t *testing.T) {
	w := inMemory(t, New())
	w.server.Fault("CreateToken", Fault{
		Code: "access_denied", Description: "The key is not yours", Reason: "KMS_AccessDeniedException",
		RetryAfter: 1500 * time.Millisecond, DropErrorType: true,
	})
	g := w.post("/token", fields{})
	w.expect(g, 400, "access_denied")
	if g.body != `{"error":"access_denied","error_description":"The key is not yours","reason":"KMS_AccessDeniedException"}` {
		t.Errorf("body %s", g.body)
	}
	if g.header.Get("Retry-After") != "2" || g.header.Get("X-Amzn-ErrorType") != "" {
		t.Errorf("headers %v", g.header)
	}
}

func TestProxyPageInsteadOfAnAnswer(t *testing.T) {
	w := inMemory(t, New())
	w.server.Fault("ListAccounts", Fault{Times: 1, Status: 403, Body: "<html>blocked</html>"})
	w.server.Fault("ListAccounts", Fault{Times: 1, Body: "sign in to the Wi-Fi", ContentType: "text/plain"})
	for _, want := range []struct {
		status int
		body   string
		kind   string
	}{{403, "<html>blocked</html>", "text/html"}, {200, "sign in to the Wi-Fi", "text/plain"}} {
		g := w.portal("GET", "/assignment/accounts", "")
		if g.status != want.status || g.body != want.body || g.header.Get("Content-Type") != want.kind || g.header.Get("X-Amzn-ErrorType") != "" {
			t.Errorf("got %d %s %v, want %v", g.status, g.body, g.header, want)
		}
	}
}

func TestFaultsFollowOneAnother(t *testing.T) {
	w := inMemory(t, New())
	_, tokens := w.signIn(accountAccess)
	w.server.Fault("GetRoleCredentials", Fault{Times: 1})
	w.server.Fault("GetRoleCredentials", Fault{Times: 2, Status: 500})
	w.server.Fault("GetRoleCredentials", Fault{Status: 429, Role: "222222222222/Admin"})
	for i, status := range []int{200, 500, 500, 200, 200} {
		if got := w.portal("GET", adminPath, tokens.text("accessToken")).status; got != status {
			t.Errorf("call %d: %d, want %d", i, got, status)
		}
	}
	other := strings.Replace(adminPath, "111111111111", "222222222222", 1)
	for range 3 {
		w.expect(w.portal("GET", other, tokens.text("accessToken")), 429, "TooManyRequestsException")
	}
	w.server.ClearFaults()
	w.expect(w.portal("GET", other, tokens.text("accessToken")), 200, "")
}

func TestFaultForOneGrantOnly(t *testing.T) {
	w := inMemory(t, New())
	w.server.Fault("CreateToken:refresh_token", Fault{Code: "invalid_grant"})
	client, tokens := w.signIn(accountAccess)
	w.expect(w.refresh(client, tokens.text("refreshToken")), 400, "invalid_grant")
}

// each runs a test against a server in memory and behind a socket: both must
// break in the same way.
func each(t *testing.T, test func(*testing.T, *wire)) {
	t.Run("memory", func(t *testing.T) { test(t, inMemory(t, strict())) })
	t.Run("socket", func(t *testing.T) { test(t, overSocket(t, strict())) })
}

func strict() *Server {
	s := New()
	s.Rotation = Strict
	return s
}

// refreshRequest is a refresh that the caller sends itself.
func (w *wire) refreshRequest(client fields, token string) *http.Request {
	r := w.request("POST", "/token", `{"clientId":"`+client["clientId"].(string)+`","clientSecret":"`+client["clientSecret"].(string)+
		`","grantType":"refresh_token","refreshToken":"`+token+`"}`)
	r.Header.Set("Content-Type", "application/json")
	return r
}

func lastEvent(s *Server) Event {
	log := s.Log()
	return log[len(log)-1]
}

func TestResetBeforeLeavesTheTokenGood(t *testing.T) {
	each(t, func(t *testing.T, w *wire) {
		client, tokens := w.signIn(accountAccess)
		old := tokens.text("refreshToken")
		w.server.Fault("CreateToken", Fault{Times: 1, Reset: true})
		if _, err := w.try(w.refreshRequest(client, old)); !errors.Is(err, syscall.ECONNRESET) {
			t.Errorf("error %v, want a reset", err)
		}
		if e := lastEvent(w.server); e.Status != 0 || e.Code != "reset" || e.Used != "" || e.Delivered {
			t.Errorf("event %+v", e)
		}
		w.expect(w.refresh(client, old), 200, "")
	})
}

func TestResetAfterLosesTheRotation(t *testing.T) {
	each(t, func(t *testing.T, w *wire) {
		client, tokens := w.signIn(accountAccess)
		old := tokens.text("refreshToken")
		w.server.Fault("CreateToken", Fault{Times: 1, Reset: true, After: true})
		if _, err := w.try(w.refreshRequest(client, old)); !errors.Is(err, syscall.ECONNRESET) {
			t.Errorf("error %v, want a reset", err)
		}
		if e := lastEvent(w.server); e.Status != 200 || e.Code != "reset" || e.Used != hash(old) || e.Given == "" || e.Delivered {
			t.Errorf("event %+v", e)
		}
		w.expect(w.refresh(client, old), 400, "invalid_grant")
	})
}

func TestTruncatedAnswer(t *testing.T) {
	each(t, func(t *testing.T, w *wire) {
		client, tokens := w.signIn(accountAccess)
		w.server.Fault("CreateToken", Fault{Times: 1, Truncate: true})
		g, err := w.try(w.refreshRequest(client, tokens.text("refreshToken")))
		if !errors.Is(err, io.ErrUnexpectedEOF) || g.status != 200 || len(g.body) == 0 || g.fields != nil {
			t.Errorf("got %d %s, %v", g.status, g.body, err)
		}
		if e := lastEvent(w.server); e.Status != 200 || e.Code != "truncated" || e.Given == "" || e.Delivered {
			t.Errorf("event %+v", e)
		}
		w.expect(w.refresh(client, tokens.text("refreshToken")), 400, "invalid_grant")
	})
}

func TestErrorAfterTheOperationTookEffect(t *testing.T) {
	each(t, func(t *testing.T, w *wire) {
		client, tokens := w.signIn(accountAccess)
		w.server.Fault("CreateToken", Fault{Times: 1, Status: 500, After: true})
		w.expect(w.refresh(client, tokens.text("refreshToken")), 500, "server_error")
		if e := lastEvent(w.server); e.Status != 200 || e.Code != "500" || e.Given == "" || e.Delivered {
			t.Errorf("event %+v", e)
		}
		w.expect(w.refresh(client, tokens.text("refreshToken")), 400, "invalid_grant")
	})
}

func TestImpatientClientIsNotDelivered(t *testing.T) {
	for name, test := range map[string]struct {
		change func(*Server)
		effect bool
	}{
		"latency":      {func(s *Server) { s.Set(func(s *Server) { s.Latency = time.Minute }) }, true},
		"delay before": {func(s *Server) { s.Fault("CreateToken", Fault{Delay: time.Minute}) }, false},
		"delay after":  {func(s *Server) { s.Fault("CreateToken", Fault{Delay: time.Minute, After: true}) }, true},
	} {
		t.Run(name, func(t *testing.T) {
			each(t, func(t *testing.T, w *wire) {
				client, tokens := w.signIn(accountAccess)
				test.change(w.server)
				ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
				defer cancel()
				_, err := w.try(w.refreshRequest(client, tokens.text("refreshToken")).WithContext(ctx))
				if !errors.Is(err, context.DeadlineExceeded) {
					t.Errorf("error %v, want a deadline", err)
				}
				if e := lastEvent(w.server); (e.Given != "") != test.effect || e.Delivered {
					t.Errorf("event %+v, want it to have taken effect: %v", e, test.effect)
				}
			})
		})
	}
}

func TestLatencyAndDelayAddUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := New()
		s.Latency = 150 * time.Millisecond
		w := inMemory(t, s)
		s.Fault("*", Fault{Times: 1, Delay: 30 * time.Second, Status: 503})
		begin := time.Now()
		w.expect(w.post("/client/register", fields{}), 503, "ServiceUnavailableException")
		if took := time.Since(begin); took != 30*time.Second+s.Latency {
			t.Errorf("took %v", took)
		}
	})
}

func TestClientTimeoutInsideABubble(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := New()
		s.Latency = time.Hour
		client := s.Client()
		client.Timeout = 10 * time.Second
		begin := time.Now()
		_, err := client.Get("https://portal.sso.us-east-1.amazonaws.com/assignment/accounts")
		if timeout, ok := errors.AsType[*url.Error](err); !ok || !timeout.Timeout() {
			t.Errorf("error %v, want a timeout", err)
		}
		if took := time.Since(begin); took != client.Timeout {
			t.Errorf("took %v", took)
		}
	})
}

func TestCancelledRequestNeverArrives(t *testing.T) {
	w := inMemory(t, New())
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := w.try(w.request("GET", adminPath, "").WithContext(ctx)); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v", err)
	}
	if n := w.server.Total(); n != 0 {
		t.Errorf("%d calls arrived", n)
	}
}
