package idctest

import (
	"net/url"
	"strings"
	"testing"
	"time"
)

func TestScriptSignsSomebodyIn(t *testing.T) {
	w := overSocket(t, New())
	if g := w.control("POST", "approve", nil); g.status != 400 {
		t.Errorf("approved nothing: %d", g.status)
	}
	client := w.register(accountAccess)
	first, second, third := w.authorize(client), w.authorize(client), w.authorize(client)
	if g := w.control("POST", "deny", url.Values{"user_code": {second.text("userCode")}}); g.status != 200 {
		t.Errorf("deny: %d %s", g.status, g.body)
	}
	if g := w.control("GET", "pending", nil); g.body != first.text("userCode")+"\n"+third.text("userCode")+"\n" {
		t.Errorf("pending: %q", g.body)
	}
	if g := w.control("POST", "approve", nil); g.status != 200 {
		t.Errorf("approve: %d %s", g.status, g.body)
	}
	w.expect(w.poll(client, first), 200, "")
	w.expect(w.poll(client, second), 400, "access_denied")
	w.expect(w.poll(client, third), 200, "")
	if g := w.control("POST", "approve?user_code=BCDF-GHJK", nil); g.status != 400 {
		t.Errorf("approved an unknown code: %d", g.status)
	}
}

func TestScriptEndsWhatItBegan(t *testing.T) {
	w := inMemory(t, New())
	for call, refreshable := range map[string]bool{"expire": true, "revoke": true, "end": false} {
		client, tokens := w.signIn(accountAccess)
		if g := w.control("POST", call, nil); g.status != 200 {
			t.Errorf("%s: %d %s", call, g.status, g.body)
		}
		w.expect(w.portal("GET", adminPath, tokens.text("accessToken")), 401, "UnauthorizedException")
		if got := w.refresh(client, tokens.text("refreshToken")).status; (got == 200) != refreshable {
			t.Errorf("refresh after %s: %d", call, got)
		}
	}
	_, tokens := w.signIn(accountAccess)
	w.control("POST", "revoke-role", url.Values{"account": {"111111111111"}, "role": {"Admin"}})
	w.expect(w.portal("GET", adminPath, tokens.text("accessToken")), 403, "ForbiddenException")
}

func TestScriptReadsTheNumbers(t *testing.T) {
	w := inMemory(t, New())
	w.signIn(accountAccess)
	counts := w.control("GET", "counts", nil)
	if counts.fields["total"] != 3.0 || counts.fields["CreateToken:device_code"] != 1.0 {
		t.Errorf("counts %s", counts.body)
	}
	if g := w.control("GET", "log", nil); strings.Count(g.body, `"Op":`) != 3 || !strings.Contains(g.body, `"Delivered":true`) {
		t.Errorf("log %s", g.body)
	}
	if g := w.control("GET", "secrets", nil); strings.Count(g.body, w.server.Marker()) != 4 {
		t.Errorf("secrets %s", g.body)
	}
	if g := w.control("GET", "violations", nil); g.body != "" {
		t.Errorf("violations %s", g.body)
	}
	for _, call := range []struct{ method, path string }{{"GET", "approve"}, {"POST", "counts"}, {"GET", ""}} {
		if g := w.control(call.method, call.path, nil); g.status != 404 {
			t.Errorf("%s %s: %d", call.method, call.path, g.status)
		}
	}
	if n := w.server.Total(); n != 3 {
		t.Errorf("the script's own calls count: %d", n)
	}
}

func TestScriptChangesSettings(t *testing.T) {
	w := inMemory(t, New())
	g := w.control("POST", "set", url.Values{"rotation": {"strict"}, "role_life": {"10m"}, "rate_limit": {"20"}, "auto_approve": {"true"}})
	if g.status != 200 {
		t.Errorf("set: %d %s", g.status, g.body)
	}
	s := w.server
	if s.Rotation != Strict || s.RoleLife != 10*time.Minute || s.RateLimit != 20 || !s.AutoApprove || s.AccessTokenLife != time.Hour {
		t.Errorf("rotation %v, role life %v, rate limit %d, auto approve %v, token life %v",
			s.Rotation, s.RoleLife, s.RateLimit, s.AutoApprove, s.AccessTokenLife)
	}
	for _, bad := range []url.Values{{"rotation": {"daily"}}, {"latency": {"1"}}, {"color": {"red"}}} {
		if g := w.control("POST", "set", bad); g.status != 400 {
			t.Errorf("%v: %d", bad, g.status)
		}
	}
}

func TestScriptSetsFaults(t *testing.T) {
	w := inMemory(t, New())
	client, tokens := w.signIn(accountAccess)
	form := url.Values{"op": {"CreateToken:refresh_token"}, "times": {"1"}, "status": {"500"}, "after": {"true"}, "retry_after": {"3s"}}
	if g := w.control("POST", "fault", form); g.status != 200 {
		t.Fatalf("fault: %d %s", g.status, g.body)
	}
	g := w.refresh(client, tokens.text("refreshToken"))
	w.expect(g, 500, "server_error")
	if g.header.Get("Retry-After") != "3" || lastEvent(w.server).Given == "" {
		t.Errorf("headers %v, event %+v", g.header, lastEvent(w.server))
	}
	w.control("POST", "fault", url.Values{"op": {"*"}, "code": {"slow_down"}})
	w.expect(w.refresh(client, tokens.text("refreshToken")), 400, "slow_down")
	w.control("POST", "clear", nil)
	w.expect(w.refresh(client, tokens.text("refreshToken")), 200, "")
	for _, bad := range []url.Values{{"status": {"500"}}, {"op": {"*"}, "after": {"perhaps"}}, {"op": {"GetRoleCredential"}}} {
		if g := w.control("POST", "fault", bad); g.status != 400 {
			t.Errorf("%v: %d", bad, g.status)
		}
	}
}

func TestPersonAllowsOnThePage(t *testing.T) {
	w := overSocket(t, New())
	client := w.post("/client/register", fields{"clientName": `<script>alert("x")</script>`, "clientType": "public"})
	id := fields{"clientId": client.fields["clientId"], "clientSecret": client.fields["clientSecret"]}
	device := w.authorize(id)
	code := device.text("userCode")

	page := w.do(w.request("GET", strings.TrimPrefix(device.text("verificationUriComplete"), w.base), ""))
	if page.status != 200 || !strings.HasPrefix(page.header.Get("Content-Type"), "text/html") || !strings.Contains(page.body, `value="`+code+`"`) {
		t.Errorf("page %d %s", page.status, page.body)
	}
	if strings.Contains(page.body, "<script>") || !strings.Contains(page.body, "&lt;script&gt;") {
		t.Errorf("the client's name is not escaped: %s", page.body)
	}
	submit := func(action string) got {
		r := w.request("POST", "/device", url.Values{"user_code": {code}, "action": {action}}.Encode())
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		return w.do(r)
	}
	if g := submit(""); g.status != 400 {
		t.Errorf("neither button: %d", g.status)
	}
	if g := submit("allow"); g.status != 200 || !strings.Contains(g.body, "Allowed") {
		t.Errorf("allow: %d %s", g.status, g.body)
	}
	if g := submit("deny"); g.status != 400 || !strings.Contains(g.body, "No sign-in is waiting") {
		t.Errorf("deny afterwards: %d %s", g.status, g.body)
	}
	w.expect(w.poll(id, device), 200, "")

	device = w.authorize(id)
	code = device.text("userCode")
	if g := submit("deny"); g.status != 200 || !strings.Contains(g.body, "Denied") {
		t.Errorf("deny: %d %s", g.status, g.body)
	}
	w.expect(w.poll(id, device), 400, "access_denied")
	if g := w.do(w.request("GET", "/device", "")); g.status != 200 || !strings.Contains(g.body, "<form") {
		t.Errorf("empty page: %d %s", g.status, g.body)
	}
	if g := w.do(w.request("GET", "/device?user_code=BCDF-GHJK", "")); !strings.Contains(g.body, "No sign-in is waiting") {
		t.Errorf("unknown code: %s", g.body)
	}
}
