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
	"github.com/credproc/credproc/credproc"
	"github.com/credproc/credproc/credproc/credproctest/idctest"
	"github.com/credproc/credproc/tokencache"
	"github.com/credproc/credproc/tokencache/keyring"
)

// startURLs are one of each form that AWS has given to people.
var startURLs = []string{
	"https://d-1234567890.awsapps.com/start",
	"https://d-1234567890.awsapps.com/start/",
	"https://d-1234567890.awsapps.com/start#/",
	"https://d-1234567890.awsapps.com/start/#/",
	"https://Acme.awsapps.com/start#",
	"https://ssoins-1234567890abcdef.eu-west-1.portal.amazonaws.com",
	"https://ssoins-1234567890abcdef.eu-west-1.portal.amazonaws.com/#/",
	"https://ssoins-1234567890abcdef.portal.eu-west-1.app.aws",
	"https://identitycenter.amazonaws.com/ssoins-1234567890abcdef",
	"https://start.us-gov-home.awsapps.com/directory/acme",
	"https://start.us-gov-west-1.us-gov-home.awsapps.com/directory/d-1234567890",
	"https://identitycenter.us-gov.amazonaws.com/ssoins-1234567890abcdef",
	"https://start.home.awsapps.cn/directory/acme",
	"https://start.cn-north-1.home.awsapps.cn/directory/d-1234567890#/",
	"https://ssoins-1234567890abcdef.portal.cn-north-1.app.amazonwebservices.com.cn",
	"https://ssoins-1234567890abcdef.cn-north-1.portal.amazonaws.com.cn",
	"https://identitycenter.amazonaws.com.cn/ssoins-1234567890abcdef",
	"https://ssoins-1234567890abcdef.eusc-de-east-1.portal.amazonaws.eu",
	"https://ssoins-1234567890abcdef.portal.eusc-de-east-1.api.amazonwebservices.eu",
	"https://identitycenter.amazonaws.eu/ssoins-1234567890abcdef",
	"https://view.awsapps.com/start",
	"https://sso.acme.example/?from=intranet",
}

func TestAPortalLinkParsesBackToWhatItIsAbout(t *testing.T) {
	const destination = "https://eu-west-1.console.aws.amazon.com/s3/buckets/a+b%20c?region=eu-west-1&tab=x#/y&account_id=1"
	for _, start := range startURLs {
		for _, role := range []string{"Admin", "a+b=c,d.e@f-g_h"} {
			for _, page := range []string{"", destination} {
				link, err := console.PortalLink(start, "123456789012", role, page)
				if err != nil {
					t.Fatal(err)
				}
				portal, fragment, _ := strings.Cut(link, "/#/console?")
				home, err := url.Parse(start)
				if err != nil {
					t.Fatal(err)
				}
				if want := "https://" + strings.ToLower(home.Host) + strings.TrimRight(home.Path, "/"); portal != want {
					t.Errorf("%s: the portal is %s, want %s", start, portal, want)
				}
				// As a page in a browser reads it, which takes "+" for itself.
				got := make(map[string]string)
				for pair := range strings.SplitSeq(fragment, "&") {
					name, value, _ := strings.Cut(pair, "=")
					if got[name], err = url.PathUnescape(value); err != nil {
						t.Fatal(err)
					}
				}
				want := map[string]string{"account_id": "123456789012", "role_name": role}
				if page != "" {
					want["destination"] = page
				}
				if len(got) != len(want) || got["account_id"] != want["account_id"] || got["role_name"] != role || got["destination"] != page {
					t.Errorf("%s: %q, want %q", link, got, want)
				}
				if query, err := url.ParseQuery(fragment); err != nil || query.Get("role_name") != role || query.Get("destination") != page {
					t.Errorf("%s: as a query it is %q, %v", link, query, err)
				}
			}
		}
	}
}

func TestADestinationElsewhereIsRefused(t *testing.T) {
	p := console.PartitionOf("eu-west-1")
	for _, page := range []string{
		"https://console.aws.amazon.com/", "https://eu-west-1.console.aws.amazon.com/s3/home?region=eu-west-1#a%20b",
		"https://EU-WEST-1.Console.AWS.Amazon.com/ec2/", "https://111111111111-abcdefgh.eu-west-1.console.aws.amazon.com/x",
		"https://console.aws.amazon.com/s3/object/a?prefix=50%25%20off",
	} {
		if _, err := console.CheckDestination(page, p); err != nil {
			t.Errorf("%s: %v", page, err)
		}
	}
	for _, page := range []string{
		"http://console.aws.amazon.com/", "javascript:alert(1)", "javascript://console.aws.amazon.com/%0aalert(1)",
		"data:text/html,x", "//console.aws.amazon.com/", "https:console.aws.amazon.com", "https:///console.aws.amazon.com",
		"https://user@console.aws.amazon.com/", "https://user:word@console.aws.amazon.com/", "https://@console.aws.amazon.com/",
		"https://console.aws.amazon.com@evil.example/", "https://console.aws.amazon.com%40evil.example/",
		"https://console.aws.amazon.com:443/", "https://console.aws.amazon.com:8443/", "https://console.aws.amazon.com:/",
		"https://evil.example/", "https://evilconsole.aws.amazon.com/", "https://console.aws.amazon.com.evil.example/",
		"https://console.aws.amazon.com./", "https://xconsole.aws.amazon.com", "https://console-aws.amazon.com/",
		"https://console.aws.amazon.com\\@evil.example/", "https://evil.example\\.console.aws.amazon.com/",
		"https://evil.example#.console.aws.amazon.com/", "https://evil.example?.console.aws.amazon.com/",
		"https://evil.example/.console.aws.amazon.com/", "https://.console.aws.amazon.com/", "https://a..console.aws.amazon.com/",
		"https://evil.example%2f.console.aws.amazon.com/", "https://evil.example%252f.console.aws.amazon.com/",
		"https://console.aws.amazon.com/%252f%252fevil.example", "https://console.aws.amazon.com/?to=%253A", "https://console.aws.amazon.com/?to=%25%32%46", "https://console.aws.amazon.com/?to=%2%35%46", "https%3A%2F%2Fconsole.aws.amazon.com",
		"https://cönsole.aws.amazon.com/", "https://console.aws.amazon.cοm/", "https://xn--cnsole-wxa.aws.amazon.com/",
		"https://console.aws.amazon.com/\nSet-Cookie: a", "https://console.aws.amazon.com/ b", "\thttps://console.aws.amazon.com/",
		"https://console.aws.amazon.com/\x00", "https://[::1]/", "https://127.0.0.1/", "", "console.aws.amazon.com",
		"https://console.amazonaws.cn/", "https://console.amazonaws-us-gov.com/",
	} {
		if got, err := console.CheckDestination(page, p); err == nil {
			t.Errorf("%q is let through as %s", page, got)
		}
	}
}

func TestEachPartitionHasItsOwnHosts(t *testing.T) {
	for _, tt := range []struct {
		region              string
		fips                bool
		federation, console string
	}{
		{"us-east-1", false, "signin.aws.amazon.com", "console.aws.amazon.com"},
		{"eu-west-1", false, "eu-west-1.signin.aws.amazon.com", "console.aws.amazon.com"},
		{"eu-west-1", true, "eu-west-1.signin.aws.amazon.com", "console.aws.amazon.com"},
		{"mx-central-1", false, "mx-central-1.signin.aws.amazon.com", "console.aws.amazon.com"},
		{"cn-north-1", false, "signin.amazonaws.cn", "console.amazonaws.cn"},
		{"cn-northwest-1", false, "cn-northwest-1.signin.amazonaws.cn", "console.amazonaws.cn"},
		{"us-gov-west-1", false, "signin.amazonaws-us-gov.com", "console.amazonaws-us-gov.com"},
		{"us-gov-east-1", false, "us-gov-east-1.signin.amazonaws-us-gov.com", "console.amazonaws-us-gov.com"},
		{"us-gov-west-1", true, "signin-fips.amazonaws-us-gov.com", "console.amazonaws-us-gov.com"},
		{"us-gov-east-1", true, "us-gov-east-1.signin-fips.amazonaws-us-gov.com", "console.amazonaws-us-gov.com"},
		{"eusc-de-east-1", false, "eusc-de-east-1.signin.amazonaws-eusc.eu", "console.amazonaws-eusc.eu"},
		{"us-iso-east-1", false, "us-iso-east-1.signin.c2shome.ic.gov", ""},
		{"us-isob-east-1", false, "us-isob-east-1.signin.sc2shome.sgov.gov", ""},
	} {
		p := console.PartitionOf(tt.region)
		if got := p.FederationHost(tt.region, tt.fips); got != tt.federation || p.Console != tt.console {
			t.Errorf("%s: %s and %s, want %s and %s", tt.region, got, p.Console, tt.federation, tt.console)
		}
	}
}

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

func TestABrowserCommandIsFilledWordByWord(t *testing.T) {
	b := newBrowsing(t, "eu-west-1")
	role := &credproc.Provider{AccountID: "111111111111", RoleName: "Admin"}
	target := &target{session: &tokencache.Session{Name: "corp"}, provider: role}
	c := &consoleCommand{}
	c.Profile = "my dev; rm -rf /"
	config, err := b.app.newConfig(false, nil)
	if err != nil {
		t.Fatal(err)
	}
	r := newRun(b.app, config, false)
	for template, want := range map[string][]string{
		"firefox ext+container:name={profile_encoded}&url={url_encoded}": {"firefox", "ext+container:name=my%20dev%3B%20rm%20-rf%20%2F&url=https%3A%2F%2Fx%2F%3Fa%3Db"},
		"chromium --profile-directory={account}-{role} {url}":            {"chromium", "--profile-directory=111111111111-Admin", "https://x/?a=b"},
		"open-it {session}": {"open-it", "corp", "https://x/?a=b"},
		"open-it {profile}": {"open-it", "my dev; rm -rf /", "https://x/?a=b"},
	} {
		if got := c.fill(r, target, template, "https://x/?a=b"); !slices.Equal(got, want) {
			t.Errorf("%s: %q, want %q", template, got, want)
		}
	}
}
