package cmd

import (
	"bytes"
	"encoding/json"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/credproc/credproc/cmd/internal/console"
	"github.com/credproc/credproc/credproc/credproctest/idctest"
	"github.com/credproc/credproc/tokencache/keyring"
)

// browsing is the command set of a person who has signed in, and the pages that
// the browser was sent to.
type browsing struct {
	*testing.T
	idc            *idctest.Server
	app            *App
	out, said      bytes.Buffer
	pages          []string
	sentTo, bodies []string // of each request but the sign-in's
}

func newBrowsing(t *testing.T, region string) *browsing {
	t.Helper()
	t.Parallel() // it waits for the sign-in
	b := &browsing{T: t, idc: idctest.New()}
	b.idc.AutoApprove, b.idc.Region, b.idc.StartURL = true, region, "https://acme.awsapps.com/start"
	config := filepath.Join(t.TempDir(), "config")
	text := `[sso-session corp]
sso_start_url = https://acme.awsapps.com/start
sso_region = ` + region + `
[profile dev]
sso_session = corp
sso_account_id = 111111111111
sso_role_name = Admin
[profile chain]
role_arn = arn:aws:iam::333333333333:role/Deploy
source_profile = dev
`
	if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	b.app = &App{
		Stdin: strings.NewReader(""), Stdout: &b.out, Stderr: &b.said, Keyring: new(keyring.Memory),
		Getenv: func(name string) string {
			return map[string]string{"AWS_CONFIG_FILE": config, "CREDPROC_DIR": dir, "HOME": dir, "AWS_REGION": region, "CREDPROC_LOG": "debug"}[name]
		},
		Browser:    func(page string) error { b.pages = append(b.pages, page); return nil },
		HTTPClient: &http.Client{Transport: b},
	}
	b.exits(0, "login", "corp", "--flow", "device")
	b.pages, b.sentTo, b.bodies = nil, nil, nil
	return b
}

// RoundTrip implements [http.RoundTripper].
func (b *browsing) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.URL.Path == "/federation" {
		var body bytes.Buffer
		body.ReadFrom(r.Body)
		b.sentTo, b.bodies = append(b.sentTo, r.Method+" "+r.URL.String()), append(b.bodies, body.String())
		r = r.Clone(r.Context())
		r.Body = http.NoBody
		r, _ = http.NewRequestWithContext(r.Context(), r.Method, r.URL.String(), &body)
	}
	return b.idc.Client().Do(r)
}

func (b *browsing) exits(want int, args ...string) {
	b.Helper()
	b.out.Reset()
	b.said.Reset()
	if got := b.app.Run(b.Context(), args); got != want {
		b.Fatalf("%q: exit status %d, want %d\n%s%s", args, got, want, &b.out, &b.said)
	}
	for _, secret := range b.idc.Secrets() {
		if strings.Contains(b.said.String(), secret) {
			b.Fatalf("%q tells a secret: %s", args, &b.said)
		}
	}
}

func TestAFederatedBrowserIsSignedInAtItsDestination(t *testing.T) {
	for region, host := range map[string]string{
		"us-east-1": "signin.aws.amazon.com", "eu-central-1": "eu-central-1.signin.aws.amazon.com",
		"cn-north-1": "signin.amazonaws.cn", "us-gov-west-1": "signin.amazonaws-us-gov.com",
		"eusc-de-east-1": "eusc-de-east-1.signin.amazonaws-eusc.eu",
	} {
		t.Run(region, func(t *testing.T) { federates(t, region, host) })
	}
}

func federates(t *testing.T, region, host string) {
	b := newBrowsing(t, region)
	b.exits(0, "console", "dev", "--federate", "--service", "s3")
	if want := []string{"POST https://" + host + "/federation"}; !slices.Equal(b.sentTo, want) {
		t.Errorf("%s: sent to %q, want %q", region, b.sentTo, want)
	}
	form, err := url.ParseQuery(b.bodies[0])
	if err != nil || form.Has("SessionDuration") || form.Get("Action") != "getSigninToken" {
		t.Errorf("%s: the form has %d members", region, len(form))
	}
	var session map[string]string
	if err := json.Unmarshal([]byte(form.Get("Session")), &session); err != nil || len(session) != 3 {
		t.Errorf("%s: the session has %d members, error %v", region, len(session), err)
	}
	if len(b.pages) != 1 || !strings.HasPrefix(b.pages[0], "https://"+host+"/federation?Action=login&") {
		t.Fatalf("%s: %d pages", region, len(b.pages))
	}
	resp, err := (&http.Client{Transport: b.idc.Client().Transport, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}).Get(b.pages[0])
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if got, want := resp.Header.Get("Location"), "https://"+region+"."+console.PartitionOf(region).Console+"/s3/home?region="+region; got != want {
		t.Errorf("%s: it ends at %q, HTTP %d, want %s", region, got, resp.StatusCode, want)
	}
}

func TestADurationIsSentWhereItMayBe(t *testing.T) {
	b := newBrowsing(t, "us-east-1")
	b.exits(0, "console", "dev", "--federate", "--duration", "8h")
	if got := b.idc.ConsoleSessions(); !slices.Equal(got, []time.Duration{8 * time.Hour}) {
		t.Errorf("the sessions last %v", got)
	}
	// The service refuses it for a chained role, and so it is not asked.
	b.sentTo = nil
	b.exits(0, "console", "chain", "--federate", "--duration", "8h")
	if !strings.Contains(b.said.String(), "--duration is left out") || len(b.sentTo) != 1 {
		t.Errorf("%d requests; it says: %s", len(b.sentTo), &b.said)
	}
	// A role that allows less is asked once more without it.
	b.idc.Set(func(s *idctest.Server) { s.MaxConsoleSession = time.Hour })
	b.sentTo = nil
	b.exits(0, "console", "dev", "--federate", "--duration", "8h")
	if !strings.Contains(b.said.String(), "does not allow a console session of 8h") || len(b.sentTo) != 2 {
		t.Errorf("%d requests; it says: %s", len(b.sentTo), &b.said)
	}
	for _, wrong := range [][]string{{"--federate", "--duration", "14m"}, {"--federate", "--duration", "13h"}, {"--duration", "1h"}, {"--federate", "--portal"}} {
		b.exits(2, append([]string{"console", "dev"}, wrong...)...)
	}
}

func TestAFederationThatFailsIsSaidInAFewWords(t *testing.T) {
	b := newBrowsing(t, "us-east-1")
	for status, want := range map[int]int{400: 1, 403: 1, 500: 3, 503: 3, 429: 3} {
		b.idc.Fault("GetSigninToken", idctest.Fault{Status: status})
		b.exits(want, "console", "dev", "--federate")
		b.idc.ClearFaults()
	}
	for _, body := range []string{"", "<html>", `{"SigninToken":""}`, `[]`, `{"SigninToken":7}`} {
		b.idc.Fault("GetSigninToken", idctest.Fault{Status: 200, Body: body + " "})
		b.exits(1, "console", "dev", "--federate")
		if !strings.Contains(b.said.String(), "an answer without a token") {
			t.Errorf("%q: %s", body, &b.said)
		}
		b.idc.ClearFaults()
	}
	b.idc.Fault("GetSigninToken", idctest.Fault{Reset: true})
	b.exits(3, "console", "dev", "--federate")
	if len(b.pages) > 0 {
		t.Errorf("%d pages were opened", len(b.pages))
	}
}

func TestTheConsoleIsReachedThroughThePortal(t *testing.T) {
	b := newBrowsing(t, "eu-west-1")
	const link = "https://acme.awsapps.com/start/#/console?account_id=111111111111&role_name=Admin"
	before := b.idc.Total()
	b.exits(0, "console", "dev")
	b.exits(0, "console", "-p", "dev", "--print")
	if want := link + "\n"; b.out.String() != want {
		t.Errorf("it prints %q, want %q", &b.out, want)
	}
	b.exits(0, "console", "--sso-session", "corp", "--account-id", "111111111111", "--role-name", "Admin", "--service", "ec2", "--region", "eu-north-1")
	b.exits(0, "console", "dev", "--destination", "/cloudwatch/home?region=eu-west-1#logs:")
	b.exits(0, "console", "dev", "--portal")
	b.exits(0, "console", "chain", "--portal")
	want := []string{
		link,
		link + "&destination=https%3A%2F%2Feu-north-1.console.aws.amazon.com%2Fec2%2Fhome%3Fregion%3Deu-north-1",
		link + "&destination=https%3A%2F%2Feu-west-1.console.aws.amazon.com%2Fcloudwatch%2Fhome%3Fregion%3Deu-west-1%23logs%3A",
		"https://acme.awsapps.com/start", "https://acme.awsapps.com/start",
	}
	if !slices.Equal(b.pages, want) {
		t.Errorf("the pages are\n%s\nwant\n%s", strings.Join(b.pages, "\n"), strings.Join(want, "\n"))
	}
	if b.idc.Total() != before {
		t.Error("the service was asked")
	}
	b.exits(2, "console", "chain")
	if !strings.Contains(b.said.String(), `hint: run "credproc console --federate chain"`) {
		t.Errorf("it says: %s", &b.said)
	}
	for _, wrong := range [][]string{
		{"--region", "cn-north-1"}, {"--region", "x/y"}, {"--service", "s3/../x"}, {"--service", "s3", "--destination", "/x"},
		{"--destination", "https://evil.example"}, {"--destination", "//evil.example"}, {"--portal", "--service", "s3"},
	} {
		b.exits(2, append([]string{"console", "dev"}, wrong...)...)
	}
}
