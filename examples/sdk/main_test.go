package main

import (
	"bytes"
	"context"
	"errors"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/credproc/credproc/credproc"
	"github.com/credproc/credproc/credproc/credproctest/idctest"
	"github.com/credproc/credproc/oidc"
)

func TestItIsTheRoleOfTheProfile(t *testing.T) {
	signedIn(t)
	var out bytes.Buffer
	if err := run(t.Context(), &out, "dev", new(metrics)); err != nil {
		t.Fatal(err)
	}
	account, arn, _ := strings.Cut(out.String(), "\n")
	if account != "account 111111111111" || !strings.Contains(arn, "assumed-role/AWSReservedSSO_Admin_") {
		t.Errorf("it printed:\n%s", &out)
	}
}

func TestTheProfileIsAWSProfileWhereNoneIsNamed(t *testing.T) {
	signedIn(t)
	t.Setenv("AWS_PROFILE", "dev")
	var out bytes.Buffer
	if err := run(t.Context(), &out, "", new(metrics)); err != nil || !strings.HasPrefix(out.String(), "account 111111111111\n") {
		t.Errorf("error %v; it printed:\n%s", err, &out)
	}
}

func TestASessionThatHasEndedAsksForASignIn(t *testing.T) {
	center := signedIn(t)
	center.EndSessions()
	var out bytes.Buffer
	err := run(t.Context(), &out, "dev", new(metrics))
	var said bytes.Buffer
	report(&said, "dev", err)
	if !errors.Is(err, oidc.ErrSignInRequired) || !strings.HasSuffix(said.String(), "\nhint: run \"credproc login dev\"\n") {
		t.Errorf("error: %v; it says %s", err, &said)
	}
	if out.Len() > 0 {
		t.Errorf("it printed:\n%s", &out)
	}
}

func TestAnInterruptWaitsForTheRenewalUnderWay(t *testing.T) {
	center := signedIn(t)
	center.RevokeAccessTokens()
	center.Set(func(c *idctest.Server) { c.Rotation, c.Latency = idctest.Strict, 300*time.Millisecond })
	ctx, interrupt := context.WithCancel(t.Context())
	defer interrupt()
	go func() {
		for center.Count("CreateToken:refresh_token") == 0 && t.Context().Err() == nil {
			<-time.After(10 * time.Millisecond)
		}
		interrupt()
	}()
	if err := run(ctx, new(bytes.Buffer), "dev", new(metrics)); !errors.Is(err, context.Canceled) {
		t.Errorf("error: %v", err)
	}
	for _, call := range center.Log() {
		if call.Grant == "refresh_token" && !call.Delivered {
			t.Errorf("it did not wait for the answer to %+v", call)
		}
	}
	if err := run(t.Context(), new(bytes.Buffer), "dev", new(metrics)); err != nil {
		t.Errorf("afterwards: %v", err)
	}
}

func TestAProfileThatIsNotThereIsAnError(t *testing.T) {
	signedIn(t)
	if err := run(t.Context(), new(bytes.Buffer), "prod", new(metrics)); err == nil || !strings.Contains(err.Error(), "prod") {
		t.Errorf("error: %v", err)
	}
}

func TestTheMetricsCountWhatTheLibraryDid(t *testing.T) {
	signedIn(t)
	var first, second metrics
	for _, m := range []*metrics{&first, &second} {
		if err := run(t.Context(), new(bytes.Buffer), "dev", m); err != nil {
			t.Fatal(err)
		}
	}
	if first.count["call GetRoleCredentials"] != 1 || first.count["fetched"] == 0 || first.count["cached"] != 0 {
		t.Errorf("the first time: %v", first.count)
	}
	if second.count["cached"] != 1 || second.count["call GetRoleCredentials"] != 0 {
		t.Errorf("the second time: %v", second.count)
	}
	var out bytes.Buffer
	first.print(&out)
	if !strings.Contains(out.String(), "   1  call GetRoleCredentials\n") {
		t.Errorf("it prints\n%s", &out)
	}
}

// signedIn makes a home with the profile dev, whose session is signed in.
func signedIn(t *testing.T) *idctest.Server {
	t.Helper()
	center := idctest.New()
	center.AutoApprove = true
	server := httptest.NewServer(center)
	t.Cleanup(server.Close)

	home := t.TempDir()
	for name, value := range map[string]string{
		"HOME": home, "USERPROFILE": home, "LOCALAPPDATA": home, "XDG_STATE_HOME": "", "XDG_CACHE_HOME": "",
		"AWS_ENDPOINT_URL_SSO": server.URL, "AWS_ENDPOINT_URL_SSO_OIDC": server.URL, "AWS_ENDPOINT_URL_STS": server.URL,
		"AWS_CONFIG_FILE": filepath.Join(home, "config"), "AWS_SHARED_CREDENTIALS_FILE": filepath.Join(home, "credentials"),
		"AWS_PROFILE": "", "AWS_REGION": "",
	} {
		t.Setenv(name, value)
	}
	text := `[sso-session corp]
sso_start_url = ` + center.StartURL + `
sso_region = us-east-1

[profile dev]
sso_session = corp
sso_account_id = 111111111111
sso_role_name = Admin
`
	if err := os.WriteFile(filepath.Join(home, "config"), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	signIn(t)
	return center
}

// signIn is what "credproc login corp" does.
func signIn(t *testing.T) {
	t.Helper()
	config := credproc.Config{NewLoginKeyring: "plaintext"}
	session, err := config.Session("corp")
	if err != nil {
		t.Fatal(err)
	}
	err = session.SignIn(t.Context(), func(ctx context.Context, c *oidc.Config) (*oidc.Token, error) {
		return c.SignInWithCode(ctx, func(oidc.DeviceCode) error { return nil })
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestAnErrorDoesNotReachTheTerminalAsItIs(t *testing.T) {
	var said bytes.Buffer
	report(&said, "dev", errors.New("x509: a certificate for \x1b]0;\n\rhint: run evil\u202e"))
	if text := strings.TrimSuffix(said.String(), "\n"); strings.ContainsAny(text, "\x1b\n\r\u202e") || !strings.Contains(text, "a certificate for") {
		t.Errorf("it prints %q", text)
	}
}
