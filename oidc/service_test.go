package oidc_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/credproc/credproc/oidc"
)

// service is the far end of the wire: it gives scripted replies and keeps what
// it was asked. It is an http.RoundTripper, so that it works in a synctest
// bubble.
type service struct {
	mu      sync.Mutex
	replies map[string][]reply // by path; the last one is given for ever
	asked   []request
}

type request struct {
	at     time.Time
	url    string
	path   string
	header http.Header
	body   string
}

type reply struct {
	status int
	header map[string]string
	body   string
	cut    bool  // the connection breaks after body
	stall  bool  // nothing ever comes
	err    error // the connection breaks before anything comes
}

const (
	registerPath  = "/client/register"
	authorizePath = "/device_authorization"
	tokenPath     = "/token"
)

var (
	registered = reply{status: 200, body: `{"clientId":"cid","clientSecret":"client-SECRET","clientIdIssuedAt":946684800,"clientSecretExpiresAt":954460800}`}
	authorized = reply{status: 200, body: `{"deviceCode":"device-SECRET","userCode":"WDJB-SECRET","verificationUri":"https://device.sso.us-east-1.amazonaws.com/","verificationUriComplete":"https://device.sso.us-east-1.amazonaws.com/?user_code=WDJB-SECRET","expiresIn":600,"interval":5}`}
	granted    = reply{status: 200, body: `{"accessToken":"access-SECRET","tokenType":"Bearer","expiresIn":3600,"refreshToken":"refresh-SECRET"}`}
	pending    = refused(400, "AuthorizationPendingException", "authorization_pending", "Authorization is still pending")
	slowDown   = refused(400, "SlowDownException", "slow_down", "")
	page503    = reply{status: 503, header: map[string]string{"Content-Type": "text/html"}, body: "<html>busy</html>"}
)

func refused(status int, exception, code, description string) reply {
	body, _ := json.Marshal(map[string]string{"error": code, "error_description": description})
	return reply{
		status: status,
		header: map[string]string{
			"X-Amzn-ErrorType": exception + ":http://internal.amazon.com/coral/com.amazonaws.sso.oidc/",
			"X-Amzn-RequestId": "req-1",
		},
		body: string(body),
	}
}

// newService returns a service that lets everything through at once, but for
// tokens, which it gives after the replies in tokens.
func newService(tokens ...reply) *service {
	return &service{replies: map[string][]reply{
		registerPath:  {registered},
		authorizePath: {authorized},
		tokenPath:     append(tokens, granted),
	}}
}

func (s *service) config() *oidc.Config {
	return &oidc.Config{
		StartURL:   "https://d-1234567890.awsapps.com/start",
		Region:     "us-east-1",
		HTTPClient: &http.Client{Transport: s},
	}
}

func (s *service) RoundTrip(r *http.Request) (*http.Response, error) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, err
	}
	answer := s.next(request{time.Now(), r.URL.String(), r.URL.Path, r.Header.Clone(), string(body)})
	switch {
	case answer.stall:
		<-r.Context().Done()
		return nil, r.Context().Err()
	case answer.err != nil:
		return nil, answer.err
	}
	resp := &http.Response{
		StatusCode: answer.status,
		Header:     http.Header{"Content-Type": {"application/json"}, "Date": {time.Now().UTC().Format(http.TimeFormat)}},
		Body:       io.NopCloser(strings.NewReader(answer.body)),
		Request:    r,
	}
	if answer.cut {
		resp.Body = io.NopCloser(io.MultiReader(strings.NewReader(answer.body), broken{}))
	}
	for name, value := range answer.header {
		resp.Header.Set(name, value)
	}
	return resp, nil
}

type broken struct{}

func (broken) Read([]byte) (int, error) { return 0, io.ErrUnexpectedEOF }

func (s *service) next(r request) reply {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.asked = append(s.asked, r)
	replies := s.replies[r.path]
	if len(replies) == 0 {
		return reply{err: fmt.Errorf("no reply for %s", r.path)}
	}
	if len(replies) > 1 {
		s.replies[r.path] = replies[1:]
	}
	return replies[0]
}

// times returns when path was asked for, in seconds since start.
func (s *service) times(path string, start time.Time) []float64 {
	var at []float64
	for _, r := range s.asked {
		if r.path == path {
			at = append(at, r.at.Sub(start).Seconds())
		}
	}
	return at
}

func (s *service) count(path string) int { return len(s.times(path, time.Time{})) }

func isJSON(t *testing.T, got, want string) {
	t.Helper()
	var g, w any
	if err := json.Unmarshal([]byte(got), &g); err != nil {
		t.Fatalf("%s: %v", got, err)
	}
	if err := json.Unmarshal([]byte(want), &w); err != nil {
		t.Fatalf("%s: %v", want, err)
	}
	if gotText, wantText := fmt.Sprint(g), fmt.Sprint(w); gotText != wantText {
		t.Errorf("got  %s\nwant %s", gotText, wantText)
	}
}

func show(oidc.DeviceCode) error { return nil }
