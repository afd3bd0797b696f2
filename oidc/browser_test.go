package oidc_test

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/credproc/credproc/credproc/credproctest/idctest"
	"github.com/credproc/credproc/oidc"
)

// ask sends a request as a browser does, and does not follow where it leads.
func ask(t *testing.T, method, address, host string) (*http.Response, string) {
	t.Helper()
	request, err := http.NewRequest(method, address, nil)
	if err != nil {
		t.Fatal(err)
	}
	request.Host = host
	client := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	answer, err := client.Do(request)
	if err != nil {
		t.Error(err)
		return new(http.Response), ""
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Error(err)
	}
	return answer, string(text)
}

// backFrom is the address that the browser ends at.
func backFrom(page string, parameters url.Values) string {
	u, _ := url.Parse(page)
	back := u.Query().Get("redirect_uri")
	if !parameters.Has("state") {
		parameters.Set("state", u.Query().Get("state"))
	}
	return back + "?" + parameters.Encode()
}

// tests of sign-ins with a browser have somebody who does the browser's part,
// and says how the page ended.
func signIn(t *testing.T, config *oidc.Config, browse func(page string)) (*oidc.Token, error) {
	t.Helper()
	seen := make(chan struct{})
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second) // where the browser's part fails
	defer cancel()
	token, err := config.SignInWithBrowser(ctx, func(page string) error {
		go func() {
			defer close(seen)
			browse(page)
		}()
		return nil
	})
	<-seen
	return token, err
}

func TestTheBrowserIsSentWhereTheCLISendsIt(t *testing.T) {
	s := newService()
	config := s.config()
	config.Scopes = []string{"sso:account:access", "codewhisperer:completions"}
	var page, last string
	token, err := signIn(t, config, func(p string) {
		page = p
		_, last = ask(t, "GET", backFrom(p, url.Values{"code": {"THE-CODE"}}), "")
	})
	if err != nil || token.AccessToken != "access-SECRET" || token.RefreshToken != "refresh-SECRET" || token.Client.ID != "cid" {
		t.Fatalf("%#v, %v", token, err)
	}
	want := regexp.MustCompile(`^https://oidc\.us-east-1\.amazonaws\.com/authorize\?response_type=code&client_id=cid` +
		`&redirect_uri=http%3A%2F%2F127\.0\.0\.1%3A\d+%2Foauth%2Fcallback` +
		`&state=[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}&code_challenge_method=S256` +
		`&scopes=sso%3Aaccount%3Aaccess%20codewhisperer%3Acompletions&code_challenge=[A-Za-z0-9_-]{43}$`)
	if !want.MatchString(page) {
		t.Errorf("page: %s", page)
	}
	isJSON(t, s.asked[0].body, `{"clientName":"credproc","clientType":"public","grantTypes":["authorization_code","refresh_token"],
		"redirectUris":["http://127.0.0.1/oauth/callback"],"issuerUrl":"https://d-1234567890.awsapps.com/start",
		"scopes":["sso:account:access","codewhisperer:completions"]}`)
	var sent map[string]string
	if err := json.Unmarshal([]byte(s.asked[1].body), &sent); err != nil {
		t.Fatal(err)
	}
	u, _ := url.Parse(page)
	if verifier := sent["codeVerifier"]; !regexp.MustCompile(`^[A-Za-z0-9._~-]{43,128}$`).MatchString(verifier) {
		t.Errorf("verifier %q", verifier)
	}
	delete(sent, "codeVerifier")
	sentRest, _ := json.Marshal(sent)
	isJSON(t, string(sentRest), `{"grantType":"authorization_code","clientId":"cid","clientSecret":"client-SECRET","code":"THE-CODE",
		"redirectUri":"`+u.Query().Get("redirect_uri")+`"}`)
	if !strings.Contains(last, "Signed in to d-1234567890") || !strings.Contains(last, "close this tab") {
		t.Errorf("the last page: %s", last)
	}
}

func TestTheBrowserGoesWhereTheEndpointIs(t *testing.T) {
	for _, tt := range []struct {
		config oidc.Config
		want   string
	}{
		{oidc.Config{Region: "eu-west-1"}, "https://oidc.eu-west-1.amazonaws.com/authorize?"},
		{oidc.Config{Region: "us-gov-west-1", UseFIPS: true}, "https://oidc.us-gov-west-1.amazonaws.com/authorize?"},
		{oidc.Config{Region: "us-east-1", UseFIPS: true}, "https://oidc-fips.us-east-1.amazonaws.com/authorize?"},
		{oidc.Config{Region: "us-east-1", UseFIPS: true, UseDualStack: true}, "https://oidc-fips.us-east-1.api.aws/authorize?"},
		{oidc.Config{Region: "eu-west-1", UseDualStack: true}, "https://oidc.eu-west-1.api.aws/authorize?"},
		{oidc.Config{Region: "cn-north-1"}, "https://oidc.cn-north-1.amazonaws.com.cn/authorize?"},
		{oidc.Config{Region: "eusc-de-east-1"}, "https://oidc.eusc-de-east-1.amazonaws.eu/authorize?"},
		{oidc.Config{Region: "us-iso-east-1"}, "https://oidc.us-iso-east-1.c2s.ic.gov/authorize?"},
		{oidc.Config{Region: "us-east-1", Endpoint: "https://vpce.example:8443"}, "https://vpce.example:8443/authorize?"},
	} {
		config, page := tt.config, ""
		config.StartURL, config.HTTPClient = "https://d-1234567890.awsapps.com/start", &http.Client{Transport: newService()}
		enough := errors.New("enough")
		_, err := config.SignInWithBrowser(t.Context(), func(p string) error { page = p; return enough })
		if err != enough || !strings.HasPrefix(page, tt.want) {
			t.Errorf("%s, %v, want %s", page, err, tt.want)
		}
	}
}

// headers are what no answer may lack.
var headers = map[string]string{
	"Content-Type": "text/html; charset=utf-8", "Cache-Control": "no-store", "X-Content-Type-Options": "nosniff",
	"Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'", "X-Frame-Options": "DENY", "Referrer-Policy": "no-referrer",
}

func TestStrangersCannotEndASignIn(t *testing.T) {
	idc := idctest.New()
	config := &oidc.Config{StartURL: idc.StartURL, Region: idc.Region, HTTPClient: idc.Client(), SessionName: "corp"}
	token, err := signIn(t, config, func(page string) {
		u, _ := url.Parse(page)
		host, _ := url.Parse(u.Query().Get("redirect_uri"))
		for _, tt := range []struct {
			name, method, address, host string
			status                      int
		}{
			{"a wrong state", "GET", backFrom(page, url.Values{"code": {"x"}, "state": {"00000000-0000-0000-0000-000000000000"}}), "", 400},
			{"a wrong state and an error", "GET", backFrom(page, url.Values{"error": {"access_denied"}, "state": {"wrong"}}), "", 400},
			{"no state", "GET", u.Query().Get("redirect_uri") + "?code=x", "", 400},
			{"two states", "GET", backFrom(page, url.Values{"code": {"x"}}) + "&state=x", "", 400},
			{"neither code nor error", "GET", backFrom(page, url.Values{}), "", 400},
			{"both code and error", "GET", backFrom(page, url.Values{"code": {"x"}, "error": {"y"}}), "", 400},
			{"an empty code", "GET", backFrom(page, url.Values{"code": {""}}), "", 400},
			{"a query that is none", "GET", backFrom(page, url.Values{"code": {"x"}}) + ";%zz", "", 400},
			{"the icon", "GET", "http://" + host.Host + "/favicon.ico", "", 404},
			{"the root", "GET", "http://" + host.Host + "/?" + strings.SplitN(backFrom(page, url.Values{"code": {"x"}}), "?", 2)[1], "", 404},
			{"a path below", "GET", strings.Replace(backFrom(page, url.Values{"code": {"x"}}), "/callback", "/callback/", 1), "", 404},
			{"the path in another spelling", "GET", strings.Replace(backFrom(page, url.Values{"code": {"x"}}), "/callback", "/%63allback", 1), "", 404},
			{"a POST", "POST", backFrom(page, url.Values{"code": {"x"}}), "", 405},
			{"a HEAD", "HEAD", backFrom(page, url.Values{"code": {"x"}}), "", 405},
			{"a HEAD with a denial", "HEAD", backFrom(page, url.Values{"error": {"access_denied"}}), "", 405},
			{"an OPTIONS", "OPTIONS", backFrom(page, url.Values{"code": {"x"}}), "", 405},
			{"another name", "GET", backFrom(page, url.Values{"code": {"x"}}), "evil.example", 421},
			{"localhost", "GET", backFrom(page, url.Values{"code": {"x"}}), "localhost:" + host.Port(), 421},
			{"a megabyte", "GET", backFrom(page, url.Values{"code": {strings.Repeat("x", 1<<20)}}), "", 431},
		} {
			answer, text := ask(t, tt.method, tt.address, tt.host)
			if answer.StatusCode != tt.status || strings.Contains(text, "Signed in") {
				t.Errorf("%s: HTTP %d, want %d: %s", tt.name, answer.StatusCode, tt.status, text)
			}
			for name, want := range headers {
				if got := answer.Header.Get(name); got != want && tt.status != 431 {
					t.Errorf("%s: %s is %q", tt.name, name, got)
				}
			}
		}
		person := idc.Client()
		person.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
		answer, err := person.PostForm(page, url.Values{"action": {"allow"}})
		if err != nil || answer.StatusCode != http.StatusFound {
			t.Errorf("allow: %v, %v", answer, err)
			return
		}
		if scanned, _ := ask(t, "HEAD", answer.Header.Get("Location"), ""); scanned.Header.Get("Allow") != "GET" {
			t.Errorf("a scanner is allowed %q", scanned.Header.Get("Allow"))
		}
		first, _ := ask(t, "GET", answer.Header.Get("Location"), "")
		if first.StatusCode != 200 {
			t.Errorf("HTTP %d", first.StatusCode)
		}
		// There may be nobody any more to answer the second one.
		if again, err := http.Get(backFrom(page, url.Values{"code": {"another"}})); err == nil {
			again.Body.Close()
		}
		for name, want := range headers {
			if got := first.Header.Get(name); got != want {
				t.Errorf("%s is %q", name, got)
			}
		}
	})
	if err != nil || token.RefreshToken == "" {
		t.Fatalf("%v, %v", token, err)
	}
	if n := idc.Count("CreateToken"); n != 1 {
		t.Errorf("%d tokens were asked for", n)
	}
	if _, err := config.Refresh(t.Context(), token); err != nil {
		t.Errorf("the token cannot be refreshed: %v", err)
	}
}

func TestARefusalInTheBrowserIsSaidInOurWords(t *testing.T) {
	for _, tt := range []struct {
		code, text, page string
	}{
		{"access_denied", "Authorize: access_denied (HTTP 302)", "The sign-in was denied."},
		{"invalid_scope", "Authorize: invalid_scope (HTTP 302)", "Authorize: invalid_scope"},
		{"call_555_1234", "Authorize: unknown_error (HTTP 302)", "Authorize: unknown_error"},
		{"x\x1b[2J<script>", "Authorize: unknown_error (HTTP 302)", "Authorize: unknown_error"},
	} {
		var page string
		_, err := signIn(t, newService().config(), func(p string) {
			_, page = ask(t, "GET", backFrom(p, url.Values{"error": {tt.code}, "error_description": {"Call 555-1234"}, "error_uri": {"https://evil.example"}}), "")
		})
		answer, ok := errors.AsType[*oidc.Error](err)
		if !ok || answer.StatusCode != http.StatusFound || err.Error() != tt.text || errors.Is(err, oidc.ErrDenied) != (tt.code == "access_denied") {
			t.Errorf("%s: %v, want %s", tt.code, err, tt.text)
		}
		if !strings.Contains(page, tt.page) || !strings.Contains(page, "Not signed in") || strings.Contains(page, "555") || strings.Contains(page, "evil") {
			t.Errorf("page: %s", page)
		}
	}
}

func TestACodeThatIsNotTakenIsSaid(t *testing.T) {
	var page string
	s := newService(refused(400, "InvalidGrantException", "invalid_grant", "Invalid grant provided"))
	_, err := signIn(t, s.config(), func(p string) { _, page = ask(t, "GET", backFrom(p, url.Values{"code": {"code-SECRET"}}), "") })
	if answer, ok := errors.AsType[*oidc.Error](err); !ok || answer.Op != "CreateToken" || answer.Code != "invalid_grant" {
		t.Error(err)
	}
	if !strings.Contains(page, "Not signed in") || !strings.Contains(page, "Invalid grant provided") || strings.Contains(page, "SECRET") {
		t.Errorf("page: %s", page)
	}
}

func TestABrowserThatDoesNotOpenEndsTheSignIn(t *testing.T) {
	broken := errors.New("no browser")
	_, err := newService().config().SignInWithBrowser(t.Context(), func(string) error { return broken })
	if err != broken {
		t.Error(err)
	}
}

func TestARegistrationThatIsRefusedSaysSo(t *testing.T) {
	s := newService()
	s.replies[registerPath] = []reply{refused(400, "InvalidRedirectUriException", "invalid_redirect_uri", "no")}
	_, err := s.config().SignInWithBrowser(t.Context(), func(string) error { t.Error("opened"); return nil })
	if answer, ok := errors.AsType[*oidc.Error](err); !ok || answer.Op != "RegisterClient" || answer.Code != "invalid_redirect_uri" {
		t.Error(err)
	}
}

func TestASignInWithABrowserEndsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	var address string
	_, err := newService().config().SignInWithBrowser(ctx, func(page string) error {
		u, _ := url.Parse(page)
		back, _ := url.Parse(u.Query().Get("redirect_uri"))
		address = back.Host
		cancel()
		return nil
	})
	if !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	if conn, err := net.Dial("tcp", address); err == nil {
		conn.Close()
		t.Error("it still listens")
	}
}
