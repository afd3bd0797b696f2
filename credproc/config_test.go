package credproc

import (
	"context"
	"crypto/tls"
	"encoding/pem"
	"errors"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/credproc/credproc/credproc/credproctest/idctest"
	"github.com/credproc/credproc/internal/awsapi"
	"github.com/credproc/credproc/internal/awsconfig"
	"github.com/credproc/credproc/internal/inside"
	"github.com/credproc/credproc/internal/settings"
	"github.com/credproc/credproc/oidc"
	"github.com/credproc/credproc/tokencache"
	"github.com/credproc/credproc/tokencache/keyring"
)

const session = `
[sso-session corp]
sso_start_url = https://idc.example/start
sso_region = us-east-1
sso_registration_scopes = sso:account:access
`

// profiles has one of each kind that leads to a session.
const profiles = session + `
[profile native]
sso_session = corp
sso_account_id = 111111111111
sso_role_name = Admin
region = eu-west-1

[profile ours]
credential_process = /usr/local/bin/credproc process --sso-session corp --account-id 111111111111 --role-name Admin

[profile acme]
credential_process = /opt/acme aws process --sso-session corp --account-id 111111111111 --role-name Admin

[profile pointer]
credential_process = credproc process --profile native

[profile legacy]
sso_start_url = https://idc.example/start
sso_region = us-east-1
sso_account_id = 222222222222
sso_role_name = Admin
`

// unsupportedProfiles do not lead to credentials of a session.
const unsupportedProfiles = session + `
[profile empty]
region = eu-west-1

[profile console]
login_session = arn:aws:iam::111111111111:user/ann

[profile static]
aws_access_key_id = AKIAEXAMPLE
aws_secret_access_key = static

[profile machine]
role_arn = arn:aws:iam::333333333333:role/Deploy
credential_source = Ec2InstanceMetadata

[profile web]
role_arn = arn:aws:iam::333333333333:role/Deploy
web_identity_token_file = /token

[profile other]
credential_process = aws-vault export dev

[profile half]
sso_session = corp

[profile native]
sso_session = corp
sso_account_id = 111111111111
sso_role_name = Admin

[profile mfa]
role_arn = arn:aws:iam::333333333333:role/Deploy
source_profile = native
mfa_serial = arn:aws:iam::111111111111:mfa/zoe

[profile pointer-to-mfa]
credential_process = credproc process --profile mfa

[profile pointer-to-machine]
credential_process = credproc process --profile machine

[profile of-static]
role_arn = arn:aws:iam::333333333333:role/Deploy
source_profile = static

[profile of-machine]
role_arn = arn:aws:iam::333333333333:role/Deploy
source_profile = machine
`

func TestEveryKindOfProfileIsServed(t *testing.T) {
	onMachine(t, func(m *machine) {
		for _, tt := range []struct {
			profile string
			command []string
			account string
			calls   string
		}{
			{"native", nil, "111111111111", "GetRoleCredentials 1"},
			{"ours", nil, "111111111111", ""}, // the same role
			{"acme", []string{"acme", "aws"}, "111111111111", ""},
			{"pointer", nil, "111111111111", ""},
			{"legacy", nil, "222222222222", "GetRoleCredentials 1"},
		} {
			c := m.config(profiles)
			c.Identity.Command = strings.Join(tt.command, " ")
			var got aws.Credentials
			m.asks(tt.calls, func() { got = m.get(m.provider(c, tt.profile)) })
			if who := m.identity(got); got.AccountID != tt.account || !strings.HasPrefix(who, "arn:aws:sts::"+tt.account+":assumed-role/AWSReservedSSO_Admin_") {
				t.Errorf("%s: %s", tt.profile, who)
			}
		}
	})
}

// provider fails where there is none.
func (m *machine) provider(c *Config, profile string) *Provider {
	m.Helper()
	p, err := c.Provider(profile)
	if err != nil {
		m.Fatal(err)
	}
	return p
}

func TestALineUnderAnotherNameIsOursOnlyWhereWeHaveIt(t *testing.T) {
	onMachine(t, func(m *machine) {
		c := m.config(profiles)
		_, err := c.Provider("acme")
		isUnsupported(t, err, "acme", "has the credential_process of another program")
		c = m.config(profiles)
		c.Identity.Command = "acme aws"
		_, err = c.Provider("ours")
		isUnsupported(t, err, "ours", "has the credential_process of another program")
	})
}

func TestAProfileOfAnotherKindIsUnsupported(t *testing.T) {
	onMachine(t, func(m *machine) {
		c := m.config(unsupportedProfiles)
		for _, tt := range []struct{ profile, culprit, reason string }{
			{"empty", "empty", "has no sso_session, and no other source of credentials"},
			{"console", "console", "has a login_session: a login to the console, made by \"aws login\", and not one of Identity Center"},
			{"static", "static", "has static keys"},
			{"machine", "machine", "takes its credentials from this machine (credential_source)"},
			{"web", "web", "takes its credentials from a web identity token"},
			{"other", "other", "has the credential_process of another program"},
			{"half", "half", "names a session, but no account and no role"},
			{"mfa", "mfa", "asks for a code (mfa_serial)"},
			{"pointer-to-mfa", "pointer-to-mfa", "asks for a code (mfa_serial)"},
			{"pointer-to-machine", "pointer-to-machine", "takes its credentials from this machine (credential_source)"},
			{"of-static", "static", "has static keys"},
			{"of-machine", "machine", "takes its credentials from this machine (credential_source)"},
		} {
			p, err := c.Provider(tt.profile)
			isUnsupported(t, err, tt.culprit, tt.reason)
			if p != nil {
				t.Errorf("%s: a provider and an error", tt.profile)
			}
		}
	})
}

func isUnsupported(t *testing.T, err error, profile, reason string) {
	t.Helper()
	e, ok := errors.AsType[*UnsupportedProfileError](err)
	if !ok || e.Profile != profile || e.Reason != reason || err.Error() != `profile "`+profile+`" `+reason {
		t.Errorf("got  %v\nwant profile %q %s", err, profile, reason)
	}
}

func TestTheSessionOfAProfileIsWhereItsCredentialsComeFrom(t *testing.T) {
	onMachine(t, func(m *machine) {
		c := m.config(unsupportedProfiles + `
[profile chain]
role_arn = arn:aws:iam::333333333333:role/Deploy
source_profile = native
[profile chain-on-chain]
role_arn = arn:aws:iam::333333333333:role/More
source_profile = chain
[profile pointer]
credential_process = credproc process --profile chain-on-chain
`)
		want := m.provider(c, "native").Session
		for _, profile := range []string{"native", "half", "mfa", "pointer-to-mfa", "chain", "chain-on-chain", "pointer"} {
			if s, err := profileSession(c, profile); err != nil || s != want {
				t.Errorf("%s: session %v, error %v", profile, s, err)
			}
		}
		for _, tt := range []struct{ profile, culprit, reason string }{
			{"static", "static", "has static keys"},
			{"of-static", "static", "has static keys"},
			{"of-machine", "machine", "takes its credentials from this machine (credential_source)"},
			{"empty", "empty", "has no sso_session, and no other source of credentials"},
		} {
			_, err := profileSession(c, tt.profile)
			isUnsupported(t, err, tt.culprit, tt.reason)
		}
		if _, err := profileSession(c, "nobody"); !isA[*awsconfig.UnknownProfileError](err) {
			t.Errorf("error %v", err)
		}
	})
}

func TestErrorsOfTheConfigurationPassThrough(t *testing.T) {
	for _, tt := range []struct {
		name, text string
		is         func(error) bool
	}{
		{"an unknown profile", "", isA[*awsconfig.UnknownProfileError]},
		{"an unknown session", "[profile dev]\nsso_session = corp\nsso_account_id = 111111111111\nsso_role_name = Admin\n", isA[*awsconfig.UnknownSessionError]},
		{"an unknown source", "[profile dev]\nrole_arn = arn:aws:iam::333333333333:role/Deploy\nsource_profile = nobody\n", isA[*awsconfig.UnknownProfileError]},
		{"a loop", "[profile dev]\nrole_arn = arn:aws:iam::333333333333:role/Deploy\nsource_profile = dev\n", isA[*awsconfig.ValueError]},
		{"half a profile", session + "[profile dev]\nsso_session = corp\nsso_account_id = 111111111111\n", isA[*awsconfig.MissingError]},
		{"half a line", session + "[profile dev]\ncredential_process = credproc process --sso-session corp --role-name Admin\n", isA[*awsconfig.MissingError]},
		{"a bad account", session + "[profile dev]\nsso_session = corp\nsso_account_id = 1\nsso_role_name = Admin\n", isA[*awsconfig.ValueError]},
		{"a reserved role", session + "[profile dev]\nsso_session = corp\nsso_account_id = 111111111111\nsso_role_name = AWSReservedSSO_Admin_0123456789abcdef\n", isA[*awsconfig.ReservedRoleError]},
		{"two answers", session + "[profile dev]\nsso_session = corp\nsso_region = eu-west-1\nsso_account_id = 111111111111\nsso_role_name = Admin\n", isA[*awsconfig.MismatchError]},
		{"a line that cannot be read", "[profile dev\n", isA[*awsconfig.SyntaxError]},
		{"a services section that is not there", session + "[profile dev]\nservices = local\nsso_session = corp\nsso_account_id = 111111111111\nsso_role_name = Admin\n", isA[*awsconfig.ValueError]},
		{"a switch that is neither on nor off", session + "[profile dev]\nuse_fips_endpoint = maybe\nsso_session = corp\nsso_account_id = 111111111111\nsso_role_name = Admin\n", isA[*awsconfig.ValueError]},
		{"another switch", session + "[profile dev]\nuse_dualstack_endpoint = 1\nsso_session = corp\nsso_account_id = 111111111111\nsso_role_name = Admin\n", isA[*awsconfig.ValueError]},
	} {
		t.Run(tt.name, func(t *testing.T) {
			m := &machine{T: t, server: idctest.New()}
			p, err := m.config(tt.text).Provider("dev")
			if err == nil || !tt.is(err) || p != nil {
				t.Errorf("provider %v, error %v (%T)", p, err, err)
			}
		})
	}
}

func TestAConfigurationThatCannotBeReadIsAnErrorOfEverything(t *testing.T) {
	m := &machine{T: t, server: idctest.New()}
	c := m.config("\xff\xfe[\x00]\x00\n\x00")
	names := c.Open()
	_, session := c.Session("corp")
	_, at := c.SessionAt("https://idc.example/start", "us-east-1")
	_, of := profileSession(c, "dev")
	_, provider := c.Provider("dev")
	for i, err := range []error{names, session, at, of, provider} {
		if !isA[*awsconfig.SyntaxError](err) {
			t.Errorf("%d: error %v", i, err)
		}
	}
	if filesOf(c).HasProfile("dev") {
		t.Error("it has a profile")
	}
}

func TestTheDefaultProfileIsTheOneThatTheEnvironmentNames(t *testing.T) {
	for want, env := range map[string][]string{
		"a":       {"AWS_PROFILE=a", "AWS_DEFAULT_PROFILE=b"},
		"b":       {"AWS_PROFILE=", "AWS_DEFAULT_PROFILE=b"},
		"default": nil,
	} {
		c := &Config{Getenv: environment(env...)}
		if got := filesOf(c).DefaultProfile(); got != want {
			t.Errorf("%q: %s, want %s", env, got, want)
		}
	}
	m := &machine{T: t, server: idctest.New()}
	c := m.config(strings.ReplaceAll(profiles, "[profile legacy]", "[default]"))
	if p := m.provider(c, ""); p.AccountID != "222222222222" {
		t.Errorf("no name means account %s", p.AccountID)
	}
	if p := m.provider(m.config(profiles, "AWS_DEFAULT_PROFILE=ours"), ""); p.AccountID != "111111111111" {
		t.Errorf("no name means account %s", p.AccountID)
	}
}

func TestTheZeroConfigReadsTheUsersFiles(t *testing.T) {
	home := t.TempDir()
	write(t, filepath.Join(home, ".aws", "config"), profiles)
	t.Setenv("HOME", home)
	for _, name := range []string{"AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE", "AWS_PROFILE", "AWS_DEFAULT_PROFILE", "AWS_CA_BUNDLE",
		"AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_SSO", "AWS_ENDPOINT_URL_SSO_OIDC", "AWS_USE_FIPS_ENDPOINT", "AWS_USE_DUALSTACK_ENDPOINT"} {
		t.Setenv(name, "")
	}
	var c Config
	if filesOf(&c).DefaultProfile() != "default" || !filesOf(&c).HasProfile("native") || filesOf(&c).HasProfile("default") {
		t.Error("it has other profiles")
	}
	p, err := c.Provider("native")
	if err != nil {
		t.Fatal(err)
	}
	got := p
	if got.AccountID != "111111111111" || got.RoleName != "Admin" || got.MinValidity != 0 || got.Session.Name != "corp" ||
		got.Session.Config.StartURL != "https://idc.example/start" || got.Session.Config.Region != "us-east-1" ||
		!slices.Equal(got.Session.Config.Scopes, []string{"sso:account:access"}) || got.Session.Config.HTTPClient != nil ||
		got.Session.Config.Endpoint != "" || got.Session.PortalEndpoint != "" {
		t.Errorf("provider of %s/%s through %s at %s", got.AccountID, got.RoleName, got.Session.Name, got.Session.Config.StartURL)
	}
}

func TestHomeNeedNotBeInTheEnvironment(t *testing.T) {
	home := t.TempDir()
	write(t, filepath.Join(home, ".aws", "config"), profiles)
	t.Setenv("HOME", home)
	c := &Config{Getenv: environment()}
	if !filesOf(c).HasProfile("native") {
		t.Error("the user's home directory was not found")
	}
	write(t, filepath.Join(home, "elsewhere"), "[profile there]\n")
	c = &Config{Getenv: environment("AWS_CONFIG_FILE=~/elsewhere", "HOME="+home)}
	if !filesOf(c).HasProfile("there") || filesOf(c).HasProfile("native") {
		t.Error("AWS_CONFIG_FILE was not read")
	}
}

func TestSessionsAreFoundByNameAndByPlace(t *testing.T) {
	m := &machine{T: t, server: idctest.New()}
	c := m.config(profiles + "[sso-session a]\nsso_start_url = https://a.example/start\nsso_region = eu-west-1\n")
	if names := filesOf(c).SessionNames(); !slices.Equal(names, []string{"a", "corp"}) {
		t.Errorf("sessions %q", names)
	}
	if _, err := c.Session("b"); !isA[*awsconfig.UnknownSessionError](err) {
		t.Errorf("error %v", err)
	}
	if len(c.made()) != 0 {
		t.Errorf("%d sessions were made for nothing", len(c.made()))
	}
	corp := m.asked1(c.Session("corp"))
	for name, same := range map[string]*tokencache.Session{
		"asked again":          m.asked1(c.Session("corp")),
		"of a profile":         m.asked1(profileSession(c, "native")),
		"of our line":          m.provider(c, "ours").Session,
		"of a provider":        m.provider(c, "native").Session,
		"of a legacy profile":  m.provider(c, "legacy").Session,
		"at its start URL":     m.asked1(c.SessionAt("https://idc.example/start", "us-east-1")),
		"at its URL as pasted": m.asked1(c.SessionAt("https://IDC.example/start/#/", "us-east-1")),
	} {
		if same != corp {
			t.Errorf("%s: another Session", name)
		}
	}
	// It is not the one where the region is another, or two have the start URL.
	other := m.asked1(c.SessionAt("https://idc.example/start", "eu-west-1"))
	unsure := m.asked1(profileSession(m.config(profiles+"[sso-session twin]\nsso_start_url = https://idc.example/start/\nsso_region = us-east-1\n"), "legacy"))
	nowhere := m.asked1(m.config("").SessionAt("https://idc.example/start", "us-east-1"))
	for _, s := range []*tokencache.Session{other, unsure, nowhere} {
		if s.Name != "" || s.Config.StartURL != "https://idc.example/start" {
			t.Errorf("the session %q at %s", s.Name, s.Config.StartURL)
		}
	}
	if again := m.asked1(c.SessionAt("https://idc.example/start", "eu-west-1")); again != other || other.Config.Region != "eu-west-1" {
		t.Error("the session without a name was made twice")
	}
	if all := c.made(); len(all) != 2 || !slices.Contains(all, corp) || !slices.Contains(all, other) {
		t.Errorf("%d sessions", len(all))
	}
	if s := m.asked1(c.SessionAt("not a URL", "us-east-1")); s.Name != "" {
		t.Errorf("no URL is the session %q", s.Name)
	}
}

// asked1 fails on an error.
func (m *machine) asked1(s *tokencache.Session, err error) *tokencache.Session {
	m.Helper()
	if err != nil {
		m.Fatal(err)
	}
	return s
}

func TestSettingsReachTheSession(t *testing.T) {
	m := &machine{T: t, server: idctest.New(), keyring: new(keyring.Memory), dir: t.TempDir()}
	c := m.config(session, "AWS_SDK_UA_APP_ID=their-app", "AWS_USE_FIPS_ENDPOINT=true", "AWS_USE_DUALSTACK_ENDPOINT=TRUE", "HTTPS_PROXY=http://proxy:1")
	c.Identity = Identity{Name: "acme", ID: "acme-id"}
	c.NewLoginKeyring, c.MayPrompt, c.NoKeyCache = "plaintext", true, true
	s := m.asked1(c.Session("corp"))
	if s.Config.AppID != "their-app" || !s.Config.UseFIPS || !s.Config.UseDualStack || s.Config.ClientName != "acme" ||
		s.NewLoginKeyring != "plaintext" || !s.MayPrompt || s.Service != "acme-id" || !s.NoKeyCache || s.Logger != c.Logger ||
		s.Keyring != c.Keyring || s.StateDir != c.StateDir || s.CacheDir != c.CacheDir || s.Config.HTTPClient != c.HTTPClient {
		t.Errorf("session with %+v", s.Config)
	}
	if !strings.Contains(s.Network, "http://proxy:1") {
		t.Errorf("network %q", s.Network)
	}
}

func TestConcurrentCallersGetOneSession(t *testing.T) {
	m := &machine{T: t, server: idctest.New()}
	c := m.config(profiles)
	got := make([]*tokencache.Session, 64)
	m.together(len(got), func(i int) (err error) {
		got[i], err = profileSession(c, []string{"native", "ours"}[i%2])
		return err
	})
	for _, s := range got {
		if s != got[0] {
			t.Fatal("two Sessions")
		}
	}
}

func TestRolesThatCannotBeAreRefused(t *testing.T) {
	var c Config
	s := new(tokencache.Session)
	for _, tt := range []struct{ account, role string }{{"1", "Admin"}, {"111111111111", ""}, {"111111111111", "a b"}} {
		if p, err := c.Role(s, tt.account, tt.role); !isA[*awsconfig.ValueError](err) || p != nil {
			t.Errorf("%q: error %v", tt, err)
		}
	}
	if _, err := c.Role(s, "111111111111", "AWSReservedSSO_Admin_0123456789abcdef"); !isA[*awsconfig.ReservedRoleError](err) {
		t.Errorf("error %v", err)
	}
	if p, err := c.Role(s, "111111111111", "Admin"); err != nil || p.Session != s || p.MinValidity != 0 || p.RoleName != "Admin" {
		t.Errorf("provider %+v, error %v", p, err)
	}
}

const local = profiles + `
[profile local]
services = local
sso_session = corp
sso_account_id = 111111111111
sso_role_name = Admin

[profile ours]
services = local
credential_process = credproc process --sso-session corp --account-id 111111111111 --role-name Admin

[profile through]
credential_process = credproc process --profile local

[services local]
sso =
  endpoint_url = https://portal.internal
sso_oidc =
  endpoint_url = https://oidc.internal
sts =
  endpoint_url = https://sts.internal
`

func TestEndpointsComeFromTheEnvironmentAndTheServicesSection(t *testing.T) {
	for _, tt := range []struct {
		name, profile string
		env           []string
		oidc, portal  string
	}{
		{"services section", "local", nil, "https://oidc.internal", "https://portal.internal"},
		{"none", "native", nil, "", ""},
		{"beside our line, which does not name the profile", "ours", nil, "", ""},
		{"of the profile that our line names", "through", nil, "https://oidc.internal", "https://portal.internal"},
		{"environment", "native", []string{"AWS_ENDPOINT_URL_SSO=https://p.env", "AWS_ENDPOINT_URL_SSO_OIDC=https://o.env"}, "https://o.env", "https://p.env"},
		{"environment first", "local", []string{"AWS_ENDPOINT_URL_SSO=https://p.env"}, "https://oidc.internal", "https://p.env"},
		{"environment for all", "native", []string{"AWS_ENDPOINT_URL=http://127.0.0.1:4566"}, "http://127.0.0.1:4566", "http://127.0.0.1:4566"},
		{"ignored", "local", []string{"AWS_IGNORE_CONFIGURED_ENDPOINT_URLS=true", "AWS_ENDPOINT_URL=https://all.env"}, "", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			onMachine(t, func(m *machine) {
				p := m.provider(m.config(local, tt.env...), tt.profile)
				if p.Session.Config.Endpoint != tt.oidc || p.Session.PortalEndpoint != tt.portal {
					t.Errorf("endpoints %q and %q, want %q and %q", p.Session.Config.Endpoint, p.Session.PortalEndpoint, tt.oidc, tt.portal)
				}
				m.signIn(p.Session)
				if got, want := m.last().URL.String(), "https://oidc.us-east-1.amazonaws.com"; tt.oidc == "" && !strings.HasPrefix(got, want) ||
					tt.oidc != "" && !strings.HasPrefix(got, tt.oidc+"/") {
					t.Errorf("signed in at %s", got)
				}
				m.get(p)
				if got, want := m.last().URL.String(), "https://portal.sso.us-east-1.amazonaws.com"; tt.portal == "" && !strings.HasPrefix(got, want) ||
					tt.portal != "" && !strings.HasPrefix(got, tt.portal+"/") {
					t.Errorf("fetched from %s", got)
				}
			})
		})
	}
}

func TestEndpointsWithoutTLSAreRefused(t *testing.T) {
	m := &machine{T: t, server: idctest.New()}
	for _, name := range []string{"AWS_ENDPOINT_URL_SSO", "AWS_ENDPOINT_URL_SSO_OIDC", "AWS_ENDPOINT_URL"} {
		_, err := m.config(profiles, name+"=http://portal.internal").Provider("native")
		if e, ok := errors.AsType[*awsconfig.ValueError](err); !ok || e.Key != name || !strings.Contains(err.Error(), "https://") {
			t.Errorf("%s: error %v", name, err)
		}
	}
}

func TestACABundleIsWhatTheSessionTrusts(t *testing.T) {
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusTeapot)
	}))
	server.Config.ErrorLog = log.New(io.Discard, "", 0) // of the handshake that fails
	server.TLS = &tls.Config{MinVersion: tls.VersionTLS12}
	server.StartTLS()
	defer server.Close()
	bundle := filepath.Join(t.TempDir(), "bundle.pem")
	write(t, bundle, string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw})))

	m := &machine{T: t, server: idctest.New()}
	for _, c := range []*Config{
		m.config(profiles, "AWS_CA_BUNDLE="+bundle),
		m.config(profiles + "[profile bundled]\nca_bundle = " + bundle + "\nsso_session = corp\nsso_account_id = 111111111111\nsso_role_name = Admin\n"),
	} {
		c.HTTPClient = nil
		profile := "native"
		if filesOf(c).HasProfile("bundled") {
			profile = "bundled"
		}
		s := m.provider(c, profile).Session
		if !strings.Contains(s.Network, bundle) {
			t.Errorf("network %q", s.Network)
		}
		resp, err := s.Config.HTTPClient.Get(server.URL)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if resp.StatusCode != http.StatusTeapot {
			t.Errorf("status %d", resp.StatusCode)
		}
		s.Config.HTTPClient.CloseIdleConnections()
	}
	// It was the bundle that did it, and it is only for those who name it.
	if _, err := http.Get(server.URL); !isA[*tls.CertificateVerificationError](err) {
		t.Errorf("without it: %v", err)
	}
	empty := m.config(profiles)
	empty.HTTPClient = nil
	if client := m.provider(empty, "native").Session.Config.HTTPClient; client != nil {
		t.Errorf("without a bundle the client is %v", client)
	}
}

func TestACABundleThatCannotBeUsedIsAnError(t *testing.T) {
	dir := t.TempDir()
	write(t, dir+"/empty", "")
	write(t, dir+"/garbage", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n")
	m := &machine{T: t, server: idctest.New()}
	for _, tt := range []struct{ file, want string }{
		{"missing", "cannot be read: open " + dir + "/missing: "},
		{"empty", "has no certificate in it that can be read"},
		{"garbage", "has no certificate in it that can be read"},
	} {
		c := m.config(chains, "AWS_CA_BUNDLE="+dir+"/"+tt.file)
		c.HTTPClient = nil
		for _, profile := range []string{"native", "deploy"} {
			p, err := c.Provider(profile)
			if err != nil {
				t.Fatal(err) // for an answer from the cache it is not read
			}
			if role, ok := p.from.(*assumedRole); ok {
				err = role.sts.Check()
			} else {
				_, err = p.Session.Config.StartDeviceCode(t.Context())
			}
			e, ok := errors.AsType[*awsapi.SettingError](err)
			if !ok || e.Value != dir+"/"+tt.file || !strings.HasPrefix(e.Problem, tt.want) {
				t.Errorf("%s, %s: error %v, want %s", tt.file, profile, err, tt.want)
			}
		}
		// A client of the program's own has its own trust.
		c.HTTPClient = http.DefaultClient
		if _, err := c.Session("corp"); err != nil {
			t.Errorf("%s: error %v", tt.file, err)
		}
	}
}

func TestACustomEndpointCannotBeHadWithFIPS(t *testing.T) {
	onMachine(t, func(m *machine) {
		c := m.config(chains, "AWS_USE_FIPS_ENDPOINT=true", "AWS_ENDPOINT_URL_STS=https://sts.internal")
		err := m.refused(m.provider(c, "deploy"))
		if e, ok := errors.AsType[*awsapi.SettingError](err); !ok || e.Setting != "endpoint" {
			t.Errorf("error %v", err)
		}
	})
}

func TestALoginThroughTheConfigServesItsProfiles(t *testing.T) {
	onMachine(t, func(m *machine) {
		text := strings.ReplaceAll(profiles, "corp", "other")
		if err := m.refused(m.provider(m.config(text), "native")); !errors.Is(err, oidc.ErrSignInRequired) {
			t.Errorf("error %v", err)
		}
		s := m.asked1(m.config(text).Session("other"))
		err := s.SignIn(m.Context(), func(ctx context.Context, c *oidc.Config) (*oidc.Token, error) {
			return c.SignInWithCode(ctx, func(oidc.DeviceCode) error { return nil })
		})
		if err != nil {
			t.Fatal(err)
		}
		m.get(m.provider(m.config(text), "native"))
		m.asks("", func() { m.get(m.provider(m.config(text), "ours")) })
		if _, err := os.Stat(m.dir + "/state"); err != nil {
			t.Error(err)
		}
	})
}

func TestALoginIsReachedAlsoWhereNoFileNamesIt(t *testing.T) {
	onMachine(t, func(m *machine) {
		p := m.provider(m.config(local), "local")
		m.signIn(p.Session)
		m.get(p)
		status, err := p.Session.Status()
		if err != nil {
			t.Fatal(err)
		}
		c := m.config("", "AWS_SDK_UA_APP_ID=their-app")
		s := m.asked1(loginSession(c, status))
		if s.Name != "corp" || s.Config.Endpoint != "https://oidc.internal" || s.PortalEndpoint != "https://portal.internal" || s.Config.AppID != "their-app" {
			t.Errorf("session %q at %s with %+v", s.Name, s.PortalEndpoint, s.Config)
		}
		m.asks("", func() { m.get(&Provider{Session: s, AccountID: "111111111111", RoleName: "Admin"}) })
		if s := m.asked1(loginSession(m.config("", "AWS_USE_FIPS_ENDPOINT=true", "AWS_USE_DUALSTACK_ENDPOINT=true"), status)); !s.Config.UseFIPS || !s.Config.UseDualStack {
			t.Error("FIPS and dual-stack are lost")
		}
		if _, err := loginSession(m.config("broken\n"), status); !isA[*awsconfig.SyntaxError](err) {
			t.Errorf("error %v", err)
		}
	})
}

// What ends, pauses or waits for the sessions of a command goes through one
// registry: "logout --all" and "keyring reset" know some by their logins alone.
func TestASessionOfALoginIsInTheRegistryOfAll(t *testing.T) {
	onMachine(t, func(m *machine) {
		p := m.provider(m.config(local), "local")
		m.signIn(p.Session)
		login, err := p.Session.Status()
		if err != nil {
			t.Fatal(err)
		}
		c := m.config("")
		s := m.asked1(loginSession(c, login))
		if all := c.made(); len(all) != 1 || all[0] != s {
			t.Errorf("%v are registered, want %v", all, s)
		}
		if again := m.asked1(loginSession(c, login)); again != s || len(c.made()) != 1 {
			t.Error("the same login makes two sessions")
		}
	})
}

func TestAFileCanBeAskedWhatItHas(t *testing.T) {
	m := &machine{T: t, server: idctest.New()}
	c := m.config(profiles)
	if !filesOf(c).HasSession("corp") || filesOf(c).HasSession("native") || !filesOf(c).HasProfile("native") || filesOf(c).HasProfile("corp") {
		t.Error("it has other sessions and profiles")
	}
	if want := filepath.Join(c.Getenv("HOME"), ".aws", "config"); filesOf(c).Path != want {
		t.Errorf("path %s, want %s", filesOf(c).Path, want)
	}
	if broken := m.config("broken\n"); filesOf(broken).HasSession("corp") || filesOf(broken).Path != "" {
		t.Error("a broken file has a session")
	}
}

func TestTheRegionIsThatOfTheProfileItself(t *testing.T) {
	onMachine(t, func(m *machine) {
		c := m.config("[profile a]\nregion = eu-west-3\nsso_session = corp\n[profile b]\n[sso-session corp]\nsso_region = us-east-1\nsso_start_url = https://idc.example/start\n")
		for profile, want := range map[string]string{"a": "eu-west-3", "b": "", "none": ""} {
			if got := filesOf(c).Region(profile); got != want {
				t.Errorf("%s: %q, want %q", profile, got, want)
			}
		}
	})
}

// filesOf are the files of a configuration, empty if they cannot be read.
func filesOf(c *Config) *settings.Files {
	if c.Open() != nil {
		return &settings.Files{Config: new(awsconfig.Config)}
	}
	return c.files
}

func profileSession(c *Config, profile string) (*tokencache.Session, error) {
	in, err := inside.Of[settings.Config](c)
	if err != nil {
		return nil, err
	}
	return in.ProfileSession(profile)
}

func loginSession(c *Config, login *tokencache.Status) (*tokencache.Session, error) {
	in, err := inside.Of[settings.Config](c)
	if err != nil {
		return nil, err
	}
	return in.LoginSession(login)
}
