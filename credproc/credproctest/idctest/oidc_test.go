package idctest

import (
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

func TestDeviceFlowOnTheWire(t *testing.T) {
	s := New()
	w := overSocket(t, s)
	client := w.register(accountAccess)
	device := w.authorize(client)
	code := device.text("userCode")
	if device.text("verificationUri") != w.base+"/device" || device.text("verificationUriComplete") != w.base+"/device?user_code="+code {
		t.Errorf("verification at %s", device.body)
	}
	if device.fields["expiresIn"] != 600.0 || device.fields["interval"] != 1.0 {
		t.Errorf("times in %s", device.body)
	}
	if got := s.Pending(); len(got) != 1 || got[0] != code || len(code) != 9 {
		t.Errorf("Pending() = %q, want %q", got, code)
	}

	waiting := w.poll(client, device)
	w.expect(waiting, 400, "authorization_pending")
	if waiting.body != `{"error":"authorization_pending","error_description":"Authorization is still pending"}` {
		t.Errorf("body %s", waiting.body)
	}
	if name := waiting.header.Get("x-amzn-ErrorType"); name != "AuthorizationPendingException:http://internal.amazon.com/coral/com.amazonaws.sso.oidc/" {
		t.Errorf("error type %q", name)
	}

	if err := s.Approve(strings.ToLower(code)); err != nil {
		t.Fatal(err)
	}
	if s.Approve(code) == nil || s.Deny(code) == nil || s.Approve("BCDF-GHJK") == nil {
		t.Error("a code that does not wait was settled")
	}
	tokens := w.poll(client, device)
	w.expect(tokens, 200, "")
	if tokens.fields["expiresIn"] != 3600.0 || tokens.text("tokenType") != "Bearer" || tokens.text("refreshToken") == "" {
		t.Errorf("tokens %v", tokens.fields)
	}
	w.expect(w.poll(client, device), 400, "invalid_grant") // single use
	if len(s.Pending()) != 0 {
		t.Error("a used code is still pending")
	}
}

func TestDeviceFlowEndsInDenialOrExpiry(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := New()
		w := inMemory(t, s)
		client := w.register(accountAccess)

		refused := w.authorize(client)
		if err := s.Deny(refused.text("userCode")); err != nil {
			t.Fatal(err)
		}
		w.expect(w.poll(client, refused), 400, "access_denied")

		late := w.authorize(client)
		time.Sleep(10 * time.Minute)
		w.expect(w.poll(client, late), 400, "expired_token")
		if s.Approve(late.text("userCode")) == nil {
			t.Error("an expired code was approved")
		}
	})
}

func TestVerificationURIHasTheSchemeAndHostOfTheRequest(t *testing.T) {
	listening := httptest.NewTLSServer(New())
	defer listening.Close()
	over := &wire{t, nil, listening.Client(), listening.URL}
	for base, w := range map[string]*wire{
		listening.URL:                          over,
		"https://oidc.us-east-1.amazonaws.com": inMemory(t, New()),
	} {
		if got := w.authorize(w.register()).text("verificationUri"); got != base+"/device" {
			t.Errorf("%s, want it at %s", got, base)
		}
	}
}

func TestAutoApproveNeedsNobody(t *testing.T) {
	s := New()
	s.AutoApprove = true
	w := inMemory(t, s)
	client := w.register(accountAccess)
	w.expect(w.poll(client, w.authorize(client)), 200, "")
}

func TestSlowDownAddsFiveSecondsForGood(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := New()
		w := inMemory(t, s)
		client := w.register(accountAccess)
		device := w.authorize(client)
		for _, step := range []struct {
			after time.Duration
			code  string
		}{
			{0, "authorization_pending"}, // before the code was shown
			{0, "authorization_pending"}, // the first that counts
			{time.Second, "authorization_pending"},
			{time.Second - 1, "slow_down"},
			{6 * time.Second, "authorization_pending"},
			{5 * time.Second, "slow_down"},
			{11 * time.Second, "authorization_pending"},
		} {
			time.Sleep(step.after)
			w.expect(w.poll(client, device), 400, step.code)
		}
		w.expectCounts(map[string]int{"violations": 2})
		if got := s.Violations()[0]; !strings.HasSuffix(got, "faster than every 1s") {
			t.Errorf("violation %q", got)
		}
	})
}

func TestIntervalIsToldInWholeSeconds(t *testing.T) {
	for set, told := range map[time.Duration]float64{0: 0, time.Millisecond: 1, 1500 * time.Millisecond: 2, 5 * time.Second: 5} {
		s := New()
		s.Interval = set
		w := inMemory(t, s)
		client := w.register(accountAccess)
		if got := w.authorize(client).fields["interval"]; got != told {
			t.Errorf("interval %v is told as %v, want %v", set, got, told)
		}
	}
}

func TestRotationModes(t *testing.T) {
	for _, test := range []struct {
		mode             Rotation
		same, none       bool // what the answer brings
		again, afterward int  // the old token at once, and 30 s later
	}{
		{mode: None, same: true, again: 200, afterward: 200},
		{mode: Omit, none: true, again: 200, afterward: 200},
		{mode: Grace, again: 200, afterward: 400},
		{mode: Strict, again: 400, afterward: 400},
	} {
		t.Run(test.mode.String(), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := New()
				s.Rotation = test.mode
				w := inMemory(t, s)
				client, tokens := w.signIn(accountAccess)
				old := tokens.text("refreshToken")
				g := w.refresh(client, old)
				w.expect(g, 200, "")
				fresh, has := g.fields["refreshToken"]
				if has == test.none || has && (fresh == old) != test.same {
					t.Errorf("refresh token given %v, the same %v", has, fresh == old)
				}
				if g.text("accessToken") == tokens.text("accessToken") {
					t.Error("the same access token again")
				}
				time.Sleep(grace - 1)
				if got := w.refresh(client, old).status; got != test.again {
					t.Errorf("old token within the grace: %d, want %d", got, test.again)
				}
				time.Sleep(time.Nanosecond)
				if got := w.refresh(client, old).status; got != test.afterward {
					t.Errorf("old token later: %d, want %d", got, test.afterward)
				}
				if has {
					w.expect(w.refresh(client, fresh.(string)), 200, "")
				}
			})
		})
	}
}

func TestStrictRotationHasOneWinner(t *testing.T) {
	each(t, func(t *testing.T, w *wire) {
		w.server.Latency = 20 * time.Millisecond
		client, tokens := w.signIn(accountAccess)
		var winners atomic.Int32
		var racers sync.WaitGroup
		for range 20 {
			racers.Go(func() {
				if g, err := w.try(w.refreshRequest(client, tokens.text("refreshToken"))); err == nil && g.status == 200 {
					winners.Add(1)
				}
			})
		}
		racers.Wait()
		if n := winners.Load(); n != 1 {
			t.Errorf("%d of 20 refreshes at once worked, want 1", n)
		}
		w.expectCounts(map[string]int{"CreateToken:refresh_token": 20})
	})
}

func TestRefreshBelongsToItsClientAndSession(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := New()
		w := inMemory(t, s)
		client, tokens := w.signIn(accountAccess)
		token := tokens.text("refreshToken")
		other := w.register(accountAccess)
		foreign := w.refresh(other, token)
		w.expect(foreign, 400, "invalid_grant")
		if foreign.text("error_description") != "Invalid refresh token provided" {
			t.Errorf("description %q", foreign.text("error_description"))
		}
		w.expect(w.refresh(client, "aor"), 400, "invalid_grant")

		time.Sleep(8*time.Hour - 1)
		w.expect(w.refresh(client, token), 200, "")
		time.Sleep(time.Nanosecond)
		w.expect(w.refresh(client, token), 400, "invalid_grant")

		_, tokens = w.signIn(accountAccess)
		s.EndSessions()
		w.expect(w.refresh(client, tokens.text("refreshToken")), 400, "invalid_grant")
		w.expect(w.portal("GET", "/assignment/accounts", tokens.text("accessToken")), 401, "UnauthorizedException")
	})
}

func TestDeviceCodeBelongsToItsClient(t *testing.T) {
	s := New()
	w := inMemory(t, s)
	device := w.authorize(w.register(accountAccess))
	s.Approve(device.text("userCode"))
	w.expect(w.poll(w.register(accountAccess), device), 400, "invalid_grant")
}

func TestNoScopeNoRefreshToken(t *testing.T) {
	w := inMemory(t, New())
	_, tokens := w.signIn()
	if _, has := tokens.fields["refreshToken"]; has {
		t.Error("a refresh token without sso:account:access")
	}
	if tokens.fields["expiresIn"] != 28800.0 {
		t.Errorf("expiresIn %v, want the whole session", tokens.fields["expiresIn"])
	}
}

func TestRegistrationIsChecked(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := inMemory(t, New())
		client, tokens := w.signIn(accountAccess)
		start := client.with("startUrl", "https://idc.example/start")
		wrong := w.post("/device_authorization", start.with("clientSecret", "wrong"))
		w.expect(wrong, 401, "invalid_client")
		if got := wrong.header.Get("x-amzn-ErrorType"); !strings.HasPrefix(got, "InvalidClientException:") {
			t.Errorf("error type %q", got)
		}
		w.expect(w.post("/device_authorization", start.with("clientId", "wrong")), 401, "invalid_client")
		w.expect(w.refresh(client.with("clientSecret", "wrong"), tokens.text("refreshToken")), 401, "invalid_client")
		time.Sleep(90 * 24 * time.Hour)
		w.expect(w.refresh(client, tokens.text("refreshToken")), 401, "invalid_client")
		w.expect(w.post("/device_authorization", start), 401, "invalid_client")
	})
}

func TestBadSignInRequests(t *testing.T) {
	w := inMemory(t, New())
	client := w.register(accountAccess)
	registration := fields{"clientName": "test", "clientType": "public"}
	pkce := registration.with("grantTypes", []string{grantCode, grantRefresh}).
		with("redirectUris", []string{"http://127.0.0.1/oauth/callback"}).with("issuerUrl", "https://idc.example/start")
	registered := w.post("/client/register", pkce)
	w.expect(registered, 200, "")
	pkceClient := fields{"clientId": registered.fields["clientId"], "clientSecret": registered.fields["clientSecret"]}

	for _, test := range []struct {
		name, path string
		in         fields
		code       string
	}{
		{"no client name", "/client/register", fields{"clientType": "public"}, "invalid_request"},
		{"confidential client", "/client/register", registration.with("clientType", "confidential"), "invalid_client_metadata"},
		{"unknown scope", "/client/register", registration.with("scopes", []string{"email"}), "invalid_scope"},
		{"scopes as a string", "/client/register", registration.with("scopes", accountAccess), "invalid_request"},
		{"unknown grant", "/client/register", registration.with("grantTypes", []string{"password"}), "unsupported_grant_type"},
		{"both flows", "/client/register", pkce.with("grantTypes", []string{grantCode, grantDeviceCode}), "invalid_request"},
		{"no redirect", "/client/register", pkce.with("redirectUris", []string{}), "invalid_request"},
		{"foreign redirect", "/client/register", pkce.with("redirectUris", []string{"https://example.com/"}), "invalid_redirect_uri"},
		{"unknown start URL", "/device_authorization", client.with("startUrl", "https://other.example/start"), "invalid_request"},
		{"no start URL", "/device_authorization", client, "invalid_request"},
		{"no client", "/device_authorization", fields{"startUrl": "https://idc.example/start"}, "invalid_request"},
		{"device code with PKCE client", "/device_authorization", pkceClient.with("startUrl", "https://idc.example/start"), "unauthorized_client"},
		{"device grant with PKCE client", "/token", pkceClient.with("grantType", grantDeviceCode).with("deviceCode", "x"), "unauthorized_client"},
		{"unknown grant type", "/token", client.with("grantType", "password"), "unsupported_grant_type"},
		{"no grant type", "/token", client, "invalid_request"},
		{"no refresh token", "/token", client.with("grantType", grantRefresh), "invalid_request"},
		{"unknown device code", "/token", client.with("grantType", grantDeviceCode).with("deviceCode", "x"), "invalid_grant"},
		{"unknown member", "/token", client.with("grantType", grantRefresh).with("refreshToken", "x").with("clientid", "y"), "invalid_request"},
		{"scope as a string", "/token", client.with("grantType", grantRefresh).with("refreshToken", "x").with("scope", "y"), "invalid_request"},
	} {
		t.Run(test.name, func(t *testing.T) {
			w.expect(w.post(test.path, test.in), 400, test.code)
		})
	}

	unknown := w.post("/device_authorization", client.with("startUrl", "https://other.example/start"))
	if unknown.text("error_description") != "" {
		t.Errorf("an unknown start URL is described as %q", unknown.text("error_description"))
	}
	w.expect(w.post("/device_authorization", client.with("startUrl", "https://idc.example/start/#/")), 200, "")
}

func TestOnlyJSONIsUnderstood(t *testing.T) {
	w := inMemory(t, New())
	for _, test := range []struct{ name, contentType, body string }{
		{"form", "application/x-www-form-urlencoded", "clientName=test&clientType=public"},
		{"JSON said to be a form", "application/x-www-form-urlencoded", `{"clientName":"test","clientType":"public"}`},
		{"no content type", "", `{"clientName":"test","clientType":"public"}`},
		{"snake case", "application/json", `{"client_name":"test","client_type":"public"}`},
		{"upper case", "application/json", `{"ClientName":"test","ClientType":"public"}`},
		{"a list", "application/json", `[]`},
		{"half an object", "application/json", `{"clientName":"test"`},
		{"nothing", "application/json", ``},
	} {
		t.Run(test.name, func(t *testing.T) {
			r := w.request("POST", "/client/register", test.body)
			if test.contentType != "" {
				r.Header.Set("Content-Type", test.contentType)
			}
			w.expect(w.do(r), 400, "invalid_request")
		})
	}
	r := w.request("POST", "/client/register", `{"clientName":"test","clientType":"public"}`)
	r.Header.Set("Content-Type", "application/json; charset=utf-8")
	w.expect(w.do(r), 200, "")
}

func TestSignedRequestsAreViolations(t *testing.T) {
	w := inMemory(t, New())
	r := w.request("POST", "/client/register", `{"clientName":"test","clientType":"public"}`)
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Authorization", "AWS4-HMAC-SHA256 …")
	w.expect(w.do(r), 200, "")
	r = w.request("GET", "/assignment/accounts", "")
	r.Header.Set("Authorization", "Bearer …")
	w.expect(w.do(r), 401, "UnauthorizedException")
	w.expectCounts(map[string]int{"violations": 2})
}

func TestAnotherRegionKnowsNothing(t *testing.T) {
	w := inMemory(t, New())
	client, tokens := w.signIn(accountAccess)
	w.base = "https://oidc.eu-west-1.amazonaws.com"
	foreign := w.register(accountAccess) // this the service lets happen
	w.expect(w.post("/device_authorization", foreign.with("startUrl", "https://idc.example/start")), 400, "invalid_request")
	w.expect(w.refresh(client, tokens.text("refreshToken")), 400, "invalid_grant")
	w.base = "https://portal.sso.eu-west-1.amazonaws.com"
	w.expect(w.portal("GET", "/assignment/accounts", tokens.text("accessToken")), 401, "UnauthorizedException")
	w.base = "https://portal.sso.us-east-1.amazonaws.com"
	w.expect(w.portal("GET", "/assignment/accounts", tokens.text("accessToken")), 200, "")
}
