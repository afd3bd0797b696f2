package signin

import (
	"bytes"
	"context"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/credproc/credproc/cmd/internal/terminal"
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
	var stderr bytes.Buffer
	person, asked := new(http.Client), 0
	d := &Dialog{
		Terminal: terminal.New(new(bytes.Buffer), nil, &stderr, func(string) string { return "" }),
		Getenv:   func(string) string { return "" },
		Label:    "corp",
		Open:     func(page string) error { return browse(person, page) },
		Ready:    func(context.Context) { asked++ },
		Choice:   Choice{PKCE, "the test says so", true},
		Strict:   strict,
	}
	token, err := d.SignIn(t.Context(), &oidc.Config{StartURL: "https://idc.example/start", Region: "us-east-1", Endpoint: service.URL})
	if err == nil && (token.AccessToken == "" || asked == 0) {
		t.Errorf("token %v after %d calls of Ready", token, asked)
	}
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
