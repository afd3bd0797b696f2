package oidc_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"reflect"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/credproc/credproc/credproc/credproctest/idctest"
	"github.com/credproc/credproc/oidc"
)

func TestSignInSendsWhatTheServiceWants(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newService()
		var shown oidc.DeviceCode
		token, err := s.config().SignInWithCode(t.Context(), func(code oidc.DeviceCode) error { shown = code; return nil })
		if err != nil {
			t.Fatal(err)
		}
		want := []struct{ url, body string }{
			{"https://oidc.us-east-1.amazonaws.com/client/register", `{"clientName":"credproc","clientType":"public","scopes":["sso:account:access"]}`},
			{"https://oidc.us-east-1.amazonaws.com/device_authorization", `{"clientId":"cid","clientSecret":"client-SECRET","startUrl":"https://d-1234567890.awsapps.com/start"}`},
			{"https://oidc.us-east-1.amazonaws.com/token", `{"grantType":"urn:ietf:params:oauth:grant-type:device_code","clientId":"cid","clientSecret":"client-SECRET","deviceCode":"device-SECRET"}`},
		}
		if len(s.asked) != len(want) {
			t.Fatalf("%d requests, want %d", len(s.asked), len(want))
		}
		for i, r := range s.asked {
			if r.url != want[i].url {
				t.Errorf("request to %s, want %s", r.url, want[i].url)
			}
			isJSON(t, r.body, want[i].body)
			if got := r.header.Get("Content-Type"); got != "application/json" {
				t.Errorf("%s: Content-Type %q", r.path, got)
			}
			if got, ok := r.header["Authorization"]; ok {
				t.Errorf("%s: Authorization %q", r.path, got)
			}
			if got := r.header.Get("User-Agent"); !strings.Contains(got, " lib/credproc#devel") {
				t.Errorf("%s: User-Agent %q", r.path, got)
			}
		}
		if shown.UserCode != "WDJB-SECRET" || shown.VerificationURI != "https://device.sso.us-east-1.amazonaws.com/" ||
			shown.VerificationURIComplete != "https://device.sso.us-east-1.amazonaws.com/?user_code=WDJB-SECRET" || shown.Interval != 5*time.Second {
			t.Errorf("shown: %q %q %q %v", shown.UserCode, shown.VerificationURI, shown.VerificationURIComplete, shown.Interval)
		}
		if token.AccessToken != "access-SECRET" || token.RefreshToken != "refresh-SECRET" || token.Client != shown.Client {
			t.Errorf("got %q, %q, the same client: %v", token.AccessToken, token.RefreshToken, token.Client == shown.Client)
		}
		if left := time.Until(token.Expiry); left != time.Hour {
			t.Errorf("the token lives for %v", left)
		}
	})
}

func TestConfigIsSent(t *testing.T) {
	s := newService()
	c := s.config()
	c.StartURL = "https://D-1234567890.awsapps.com:443/start/#/?x=y"
	c.ClientName, c.Scopes, c.AppID = "acme", []string{"a:b", "c:d"}, "their-app"
	if _, err := c.StartDeviceCode(t.Context()); err != nil {
		t.Fatal(err)
	}
	isJSON(t, s.asked[0].body, `{"clientName":"acme","clientType":"public","scopes":["a:b","c:d"]}`)
	isJSON(t, s.asked[1].body, `{"clientId":"cid","clientSecret":"client-SECRET","startUrl":"https://d-1234567890.awsapps.com/start"}`)
	if got := s.asked[0].header.Get("User-Agent"); !strings.Contains(got, " app/their-app") {
		t.Errorf("User-Agent %q", got)
	}
}

func TestEndpointsFollowTheRules(t *testing.T) {
	tests := []struct {
		region          string
		fips, dualStack bool
		endpoint, want  string
	}{
		{"eu-west-1", false, false, "", "https://oidc.eu-west-1.amazonaws.com"},
		{"eu-west-1", true, false, "", "https://oidc-fips.eu-west-1.amazonaws.com"},
		{"eu-west-1", false, true, "", "https://oidc.eu-west-1.api.aws"},
		{"eu-west-1", true, true, "", "https://oidc-fips.eu-west-1.api.aws"},
		{"us-gov-west-1", true, false, "", "https://oidc.us-gov-west-1.amazonaws.com"},
		{"cn-north-1", false, false, "", "https://oidc.cn-north-1.amazonaws.com.cn"},
		{"eusc-de-east-1", false, false, "", "https://oidc.eusc-de-east-1.amazonaws.eu"},
		{"us-east-1", false, false, "http://127.0.0.1:8080", "http://127.0.0.1:8080"},
		{"us-east-1", false, false, "http://[::1]:8080/base/", "http://[::1]:8080/base"},
		{"us-east-1", false, false, "https://proxy.example", "https://proxy.example"},
	}
	for _, tt := range tests {
		s := newService()
		s.replies["/base"+registerPath], s.replies["/base"+authorizePath] = s.replies[registerPath], s.replies[authorizePath]
		c := s.config()
		c.Region, c.UseFIPS, c.UseDualStack, c.Endpoint = tt.region, tt.fips, tt.dualStack, tt.endpoint
		if _, err := c.StartDeviceCode(t.Context()); err != nil {
			t.Errorf("%+v: %v", tt, err)
		} else if got := s.asked[0].url; got != tt.want+registerPath {
			t.Errorf("%+v: %s", tt, got)
		}
	}
}

func TestSettingsThatCannotWorkSendNothing(t *testing.T) {
	tests := []struct {
		change func(*oidc.Config)
		field  string
	}{
		{func(c *oidc.Config) { c.StartURL = "" }, "StartURL"},
		{func(c *oidc.Config) { c.StartURL = "http://d-1234567890.awsapps.com/start" }, "StartURL"},
		{func(c *oidc.Config) { c.StartURL = "http://127.0.0.1/start" }, "StartURL"},
		{func(c *oidc.Config) { c.StartURL = "http://127.0.0.1/start"; c.Endpoint = "https://proxy.example" }, "StartURL"},
		{func(c *oidc.Config) { c.Region = "" }, "Region"},
		{func(c *oidc.Config) { c.Region = "us-east-1.evil.example/" }, "Region"},
		{func(c *oidc.Config) { c.Region = "US-EAST-1" }, "Region"},
		{func(c *oidc.Config) { c.Endpoint = "http://proxy.example" }, "Endpoint"},
		{func(c *oidc.Config) { c.Endpoint = "https://proxy.example"; c.UseFIPS = true }, "Endpoint"},
		{func(c *oidc.Config) { c.Endpoint = "https://proxy.example"; c.UseDualStack = true }, "Endpoint"},
	}
	for _, tt := range tests {
		s := newService()
		c := s.config()
		tt.change(c)
		_, err := c.StartDeviceCode(t.Context())
		setting, ok := errors.AsType[*oidc.ConfigError](err)
		if !ok || setting.Field != tt.field || !strings.HasPrefix(err.Error(), tt.field+" ") {
			t.Errorf("want a ConfigError about %s, got %v", tt.field, err)
		}
		if len(s.asked) > 0 {
			t.Errorf("%v, but %s was asked", err, s.asked[0].url)
		}
	}
}

func TestStartURLOverHTTPNeedsAServiceOnThisMachine(t *testing.T) {
	s := newService()
	c := s.config()
	c.StartURL, c.Endpoint = "http://localhost:8080/start/", "http://127.0.0.1:8080"
	if _, err := c.StartDeviceCode(t.Context()); err != nil {
		t.Fatal(err)
	}
	isJSON(t, s.asked[1].body, `{"clientId":"cid","clientSecret":"client-SECRET","startUrl":"http://localhost:8080/start"}`)
}

func TestShowCanEndTheSignIn(t *testing.T) {
	s := newService()
	wrong := errors.New("no terminal")
	if _, err := s.config().SignInWithCode(t.Context(), func(oidc.DeviceCode) error { return wrong }); err != wrong {
		t.Errorf("got %v", err)
	}
	if n := s.count(tokenPath); n != 0 {
		t.Errorf("%d polls", n)
	}
}

func TestPollingKeepsTheServicesPace(t *testing.T) {
	reset := reply{err: errors.New("connection reset")}
	tests := []struct {
		name     string
		interval string // as in the answer
		replies  []reply
		want     []float64
	}{
		{"waits first", `5`, nil, []float64{5}},
		{"keeps the interval", `7`, []reply{pending, pending}, []float64{7, 14, 21}},
		{"takes 5 s for no interval", `null`, []reply{pending}, []float64{5, 10}},
		{"takes 5 s for an interval of 0", `0`, []reply{pending}, []float64{5, 10}},
		{"takes 5 s for a negative interval", `-3`, []reply{pending}, []float64{5, 10}},
		{"slows down for good", `5`, []reply{slowDown, pending, slowDown, pending}, []float64{5, 15, 25, 40, 55}},
		{"asks less often while the network fails", `5`, []reply{reset, reset, reset, reset, pending}, []float64{5, 15, 35, 65, 95, 100}},
		{"asks less often while the service fails", `5`, []reply{page503, refused(500, "InternalServerException", "server_error", ""), pending}, []float64{5, 15, 35, 40}},
		{"counts an answer cut short as none", `5`, []reply{{status: 200, body: `{"accessTok`, cut: true}, {status: 200, body: `{"accessTok`}}, []float64{5, 15, 35}},
		{"counts HTTP 429 as none", `5`, []reply{{status: 429}}, []float64{5, 15}},
		{"leaves the service alone as long as it wants", `5`, []reply{{status: 503, header: map[string]string{"Retry-After": "40"}}, pending}, []float64{5, 45, 50}},
		{"never asks more often because of a failure", `45`, []reply{reset, pending}, []float64{45, 90, 135}},
		{"gives a request 15 s", `5`, []reply{{stall: true}, pending}, []float64{5, 30, 35}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newService(tt.replies...)
				s.replies[authorizePath] = []reply{{status: 200, body: strings.Replace(authorized.body, `"interval":5`, `"interval":`+tt.interval, 1)}}
				start := time.Now()
				if _, err := s.config().SignInWithCode(t.Context(), show); err != nil {
					t.Fatal(err)
				}
				if got := s.times(tokenPath, start); !reflect.DeepEqual(got, tt.want) {
					t.Errorf("polls after %v s, want %v", got, tt.want)
				}
			})
		})
	}
}

func TestPollingStopsWhenTheCodeExpires(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newService()
		s.replies[tokenPath] = []reply{pending}
		start := time.Now()
		_, err := s.config().SignInWithCode(t.Context(), show)
		if !errors.Is(err, oidc.ErrExpired) {
			t.Fatalf("got %v", err)
		}
		polls := s.times(tokenPath, start)
		if last := polls[len(polls)-1]; len(polls) != 119 || last != 595 {
			t.Errorf("%d polls, the last after %v s", len(polls), last)
		}
	})
}

func TestPollingTellsWhyNobodyCouldBeAsked(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newService()
		s.replies[tokenPath] = []reply{pending, {err: &net.DNSError{Err: "no such host", Name: "oidc.us-east-1.amazonaws.com", IsNotFound: true}}}
		_, err := s.config().SignInWithCode(t.Context(), show)
		if !errors.Is(err, oidc.ErrExpired) || !strings.Contains(err.Error(), "no such host") {
			t.Errorf("got %v", err)
		}
	})
}

func TestPollingForgetsAFailureThatPassed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newService()
		s.replies[tokenPath] = []reply{page503, pending}
		if _, err := s.config().SignInWithCode(t.Context(), show); err != oidc.ErrExpired {
			t.Errorf("got %v", err)
		}
	})
}

func TestAStoredCodeIsRedeemedByAnother(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newService(pending)
		code, err := s.config().StartDeviceCode(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		stored := oidc.DeviceCode{Code: code.Code, Expiry: code.Expiry.Round(0), Client: code.Client}
		time.Sleep(time.Minute)
		token, err := s.config().Redeem(t.Context(), &stored)
		if err != nil {
			t.Fatal(err)
		}
		if token.Client != code.Client || s.count(registerPath) != 1 {
			t.Errorf("another client; %d registrations", s.count(registerPath))
		}
	})
}

func TestCancelEndsPollingAtOnce(t *testing.T) {
	for _, within := range []time.Duration{2 * time.Second /* the wait */, 7 * time.Second /* a request */} {
		synctest.Test(t, func(t *testing.T) {
			s := newService(reply{stall: true})
			ctx, cancel := context.WithTimeout(t.Context(), within)
			defer cancel()
			start := time.Now()
			_, err := s.config().SignInWithCode(ctx, show)
			if !errors.Is(err, context.DeadlineExceeded) || errors.Is(err, oidc.ErrExpired) {
				t.Errorf("got %v", err)
			}
			if took := time.Since(start); took != within {
				t.Errorf("ended after %v, want %v", took, within)
			}
		})
	}
}

func TestAnswersWithoutTheirContentAreErrors(t *testing.T) {
	tests := []struct{ path, body string }{
		{registerPath, `{"clientSecret":"s-SECRET","clientSecretExpiresAt":954460800}`},
		{registerPath, `{"clientId":"cid","clientSecretExpiresAt":954460800}`},
		{registerPath, ``},
		{authorizePath, `{"userCode":"u-SECRET","verificationUri":"https://x/","expiresIn":600}`},
		{authorizePath, `{"deviceCode":"d-SECRET","verificationUri":"https://x/","expiresIn":600}`},
		{authorizePath, `{"deviceCode":"d-SECRET","userCode":"u-SECRET","expiresIn":600}`},
		{authorizePath, `[]`},
		{tokenPath, `{"expiresIn":3600,"refreshToken":"r-SECRET"}`},
		{tokenPath, `{"accessToken":"","expiresIn":3600}`},
		{tokenPath, `{}`},
	}
	for _, tt := range tests {
		synctest.Test(t, func(t *testing.T) {
			s := newService()
			s.replies[tt.path] = []reply{{status: 200, header: map[string]string{"X-Amzn-RequestId": "req-2"}, body: tt.body}}
			_, err := s.config().SignInWithCode(t.Context(), show)
			e, ok := errors.AsType[*oidc.Error](err)
			if !ok || e.StatusCode != 200 || e.RequestID != "req-2" || e.Code != "" || e.Temporary() {
				t.Errorf("%s %s: %v", tt.path, tt.body, err)
			}
			if strings.Contains(fmt.Sprintf("%+v %#v", err, err), "SECRET") {
				t.Errorf("%s shows a secret: %+v", tt.path, err)
			}
			if n := s.count(tt.path); n != 1 {
				t.Errorf("%s %s: asked %d times", tt.path, tt.body, n)
			}
		})
	}
}

func TestRegistrationExpiryIsByTheLocalClock(t *testing.T) {
	const issued, expires = 946684800 + 3600, 946684800 + 3600 + 90*86400 // the service is an hour ahead
	date := map[string]string{"Date": time.Unix(issued, 0).UTC().Format(http.TimeFormat)}
	tests := []struct {
		name   string
		header map[string]string
		body   string
		want   time.Duration // from now; 0 means a zero time
	}{
		{"by Date", date, fmt.Sprintf(`"clientSecretExpiresAt":%d`, expires), 90 * 24 * time.Hour},
		{"by time of issue", map[string]string{"Date": "yesterday"}, fmt.Sprintf(`"clientIdIssuedAt":%d,"clientSecretExpiresAt":%d`, issued, expires), 90 * 24 * time.Hour},
		{"by nothing", map[string]string{"Date": ""}, fmt.Sprintf(`"clientSecretExpiresAt":%d`, expires), 90*24*time.Hour + time.Hour},
		{"unknown", date, `"clientIdIssuedAt":1`, 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { // starts on 2000-01-01, 946684800
				s := newService()
				s.replies[registerPath] = []reply{{status: 200, header: tt.header, body: `{"clientId":"c","clientSecret":"s",` + tt.body + `}`}}
				code, err := s.config().StartDeviceCode(t.Context())
				if err != nil {
					t.Fatal(err)
				}
				var want time.Time
				if tt.want != 0 {
					want = time.Now().Add(tt.want)
				}
				if got := code.Client.Expiry; !got.Equal(want) {
					t.Errorf("got %v, want %v", got, want)
				}
			})
		})
	}
}

func TestABadNightDoesNotMakeUsPollFasterThanTold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		idc := idctest.New()
		idc.Interval = 5 * time.Second
		for _, f := range []idctest.Fault{
			{Times: 2, Status: 400, Code: "slow_down"},
			{Times: 3, Status: 503},
			{Times: 1, Reset: true},
			{Times: 1, Status: 400, Code: "authorization_pending"},
			{Times: 1, Reset: true},
			{Times: 1, Status: 400, Code: "authorization_pending"},
			{Times: 1, Reset: true},
		} {
			idc.Fault("CreateToken", f)
		}
		config := &oidc.Config{StartURL: idc.StartURL, Region: idc.Region, HTTPClient: idc.Client()}
		token, err := config.SignInWithCode(t.Context(), func(code oidc.DeviceCode) error { return idc.Approve(code.UserCode) })
		if err != nil || token.RefreshToken == "" {
			t.Errorf("%v, %v", token, err)
		}
		if n := idc.Count("CreateToken"); n != 11 || len(idc.Violations()) > 0 {
			t.Errorf("%d polls, violations %q", n, idc.Violations())
		}
	})
}
