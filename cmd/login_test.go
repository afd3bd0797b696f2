package cmd

import (
	"bytes"
	"context"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/credproc/credproc/credproc/credproctest/idctest"
	"github.com/credproc/credproc/oidc"
)

// atABrowser signs in as auto or --flow pkce does on a desktop, whatever this
// machine is. browse is what the person's browser does with the page.
func atABrowser(t *testing.T, strict bool, fault idctest.Fault, browse func(*http.Client, string) error) (said string, err error) {
	t.Helper()
	idc := idctest.New()
	idc.AutoApprove = true
	if fault.Times > 0 {
		idc.Fault("RegisterClient", fault)
	}
	service := httptest.NewServer(idc)
	t.Cleanup(service.Close)
	dir, person := t.TempDir(), new(http.Client)
	var stderr bytes.Buffer
	app := &App{
		Stderr: &stderr, Keyring: new(moody),
		Browser: func(page string) error { return browse(person, page) },
		Getenv: func(name string) string {
			return map[string]string{
				"AWS_CONFIG_FILE": "testdata/config", "CREDPROC_DIR": dir, "CREDPROC_KEY_CACHE": "off",
				"AWS_ENDPOINT_URL_SSO_OIDC": service.URL, "AWS_ENDPOINT_URL_SSO": service.URL,
			}[name]
		},
	}
	err = app.do(t.Context(), true, func(ctx context.Context, r *run) error {
		s, err := r.config.Session("corp")
		if err != nil {
			return err
		}
		return s.SignIn(ctx, func(ctx context.Context, config *oidc.Config) (*oidc.Token, error) {
			return r.signIn(ctx, s, config, choice{flowPKCE, "the test says so", true}, strict, &loginOptions{})
		})
	})
	return stderr.String(), err
}

// comesBack opens the page, and goes where it leads.
func comesBack(person *http.Client, page string) error {
	go func() {
		if answer, err := person.PostForm(page, url.Values{"action": {"allow"}}); err == nil {
			answer.Body.Close()
		}
	}()
	return nil
}

func TestWhatTheBrowserCannotDoACodeDoes(t *testing.T) {
	refusal := idctest.Fault{Times: 1, Status: 400, Code: "invalid_redirect_uri", Description: "Not here"}
	for name, tt := range map[string]struct {
		fault  idctest.Fault
		browse func(*http.Client, string) error
		code   bool
		says   string
	}{
		"it comes back":    {browse: comesBack, says: "A browser opens to sign in to corp."},
		"it does not open": {browse: func(*http.Client, string) error { return http.ErrServerClosed }, code: true, says: "No browser was opened: http: Server closed. Signing in with a code instead."},
		"a refused client": {fault: refusal, browse: comesBack, code: true, says: "The service refuses a sign-in by the browser alone (invalid_redirect_uri). Signing in with a code instead."},
	} {
		said, err := atABrowser(t, false, tt.fault, tt.browse)
		if err != nil || !strings.Contains(said, tt.says) || strings.Contains(said, "and confirm that it shows the code") != tt.code {
			t.Errorf("%s: %v\n%s", name, err, said)
		}
	}
}

func TestAFlowThatIsAskedForIsTheOnlyOneTried(t *testing.T) {
	said, err := atABrowser(t, true, idctest.Fault{Times: 1, Status: 400, Code: "invalid_redirect_uri"}, comesBack)
	if err == nil || !strings.Contains(err.Error(), "invalid_redirect_uri") || strings.Contains(said, "code") {
		t.Errorf("%v\n%s", err, said)
	}
}

func TestAPastedAddressIsTheBrowsersAnswer(t *testing.T) {
	asked := 0
	callback := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked++
		if r.URL.Query().Get("state") != "right" {
			w.WriteHeader(http.StatusBadRequest)
		}
	}))
	defer callback.Close()
	back := callback.URL + "/oauth/callback"
	page := "https://oidc.us-east-1.amazonaws.com/authorize?redirect_uri=" + url.QueryEscape(back)
	for _, tt := range []struct{ pasted, problem string }{
		{back + "?code=c&state=right", ""},
		{back + "?code=c&state=wrong", "it is not the answer to this sign-in"},
		{back, "it does not begin with " + back + "?"},
		{"hello", "it does not begin with"},
		{page, "it does not begin with"},
		{strings.Replace(back, "127.0.0.1", "localhost", 1) + "?code=c&state=right", "it does not begin with"},
		{strings.Replace(back, "127.0.0.1", "evil.example", 1) + "?code=SECRET&state=right", "it does not begin with"},
		{back + "/more?code=SECRET&state=right", "it does not begin with"},
		{"http://[::1?code=SECRET", "it does not begin with"},
	} {
		err := deliver(t.Context(), page, tt.pasted)
		if (err == nil) != (tt.problem == "") || err != nil && (!strings.Contains(err.Error(), tt.problem) || strings.Contains(err.Error(), "SECRET")) {
			t.Errorf("%s: %v, want %q", tt.pasted, err, tt.problem)
		}
	}
	if asked != 2 {
		t.Errorf("%d requests", asked)
	}
	callback.Close()
	if err := deliver(t.Context(), page, back+"?code=SECRET&state=right"); err == nil || strings.Contains(err.Error(), "SECRET") {
		t.Errorf("after the end: %v", err)
	}
}

func TestTheTunnelIsTheOneToUs(t *testing.T) {
	page := "https://x/authorize?redirect_uri=" + url.QueryEscape("http://127.0.0.1:40123/oauth/callback")
	for _, tt := range []struct {
		env  map[string]string
		want string
	}{
		{map[string]string{"SSH_CONNECTION": "198.51.100.7 5000 192.0.2.2 22", "USER": "zoe"}, "ssh -N -L 40123:127.0.0.1:40123 zoe@192.0.2.2"},
		{map[string]string{"SSH_CONNECTION": "2001:db8::7 5000 2001:db8::2 2222", "LOGNAME": "zoe"}, "ssh -N -L 40123:127.0.0.1:40123 zoe@2001:db8::2 -p 2222"},
		{map[string]string{"SSH_CONNECTION": "nonsense"}, ""},
		{nil, ""},
	} {
		if got := sshLine(func(name string) string { return tt.env[name] }, page); got != tt.want {
			t.Errorf("%v: %q, want %q", tt.env, got, tt.want)
		}
	}
}

func TestABrowserIsACommand(t *testing.T) {
	for command, want := range map[string][]string{
		"firefox":                           {"firefox", "https://x/"},
		`"my browser" -P 'the corp' {url}`:  {"my browser", "-P", "the corp", "https://x/"},
		"open -a Chrome --args --app={url}": {"open", "-a", "Chrome", "--args", "--app=https://x/"},
		"w3m %s":                            {"w3m", "https://x/"},
		`cmd ''`:                            {"cmd", "", "https://x/"},
	} {
		got, err := browserCommand(new(App), command, "https://x/")
		if err != nil || !slices.Equal(got, want) {
			t.Errorf("%s: %q, %v, want %q", command, got, err, want)
		}
	}
}
