package cmd

import (
	"errors"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/credproc/credproc/credproc/credproctest/idctest"
)

// TestUnderAnotherNameNothingSaysOurs runs everything that a person may see
// under the name of another tool, mounted in both ways.
func TestUnderAnotherNameNothingSaysOurs(t *testing.T) {
	for _, way := range []string{"", "kong"} {
		t.Run("way "+way, func(t *testing.T) {
			t.Parallel()
			idc := idctest.New()
			idc.AutoApprove = true
			server := httptest.NewServer(idc)
			defer server.Close()
			home := t.TempDir()
			path := filepath.Join(home, "config")
			config := `[sso-session corp]
sso_start_url = https://idc.example/start
sso_region = us-east-1
[profile line]
credential_process = acme aws process --sso-session corp --account-id 111111111111 --role-name Admin
[profile broken]
sso_session = none
`
			if err := os.WriteFile(path, []byte(config), 0o600); err != nil {
				t.Fatal(err)
			}
			env := []string{
				"HOME=" + home, "TMPDIR=" + home, "PATH=" + os.Getenv("PATH"), "GORACE=" + gorace, "GOGC=" + gogc, "GOCOVERDIR=" + os.Getenv("GOCOVERDIR"),
				"AWS_CONFIG_FILE=" + path, "ACME_KONG=" + way, "USERPROFILE=" + home, "LocalAppData=" + home,
				"AWS_ENDPOINT_URL_SSO_OIDC=" + server.URL, "AWS_ENDPOINT_URL_SSO=" + server.URL,
			}
			run := func(wanted int, args ...string) (said string) {
				t.Helper()
				c := exec.Command("acme", append([]string{"aws"}, args...)...)
				c.Env = env
				out, err := c.CombinedOutput()
				if _, ended := errors.AsType[*exec.ExitError](err); err != nil && !ended {
					t.Fatal(err)
				}
				if got := c.ProcessState.ExitCode(); got != wanted {
					t.Errorf("%q: exit status %d, want %d\n%s", args, got, wanted, out)
				}
				if strings.Contains(strings.ToLower(string(out)), "credproc") {
					t.Errorf("%q:\n%s", args, out)
				}
				return string(out)
			}
			for _, command := range []string{"login", "logout", "process", "list", "configure", "completion", "status", "doctor", "console", "token", "exec", "env", "serve", "version"} {
				run(0, command, "--help")
			}
			run(0, "--help")
			for _, shell := range []string{"bash", "zsh", "fish", "powershell"} {
				if said := run(0, "completion", shell); !strings.Contains(said, "acme aws complete-line") {
					t.Errorf("%s asks another program:\n%s", shell, said)
				}
			}
			if said := run(0, "complete-line", "zsh", "aws", "login", "co"); said != "corp\tsso-session\n" {
				t.Errorf("completed is %q", said)
			}
			run(0, "configure", "--convert", "--dry-run")
			run(2, "bogus")
			run(2, "process", "--bogus")
			run(2, "process", "--profile", "broken")
			run(2, "process", "--profile", "none")
			env = append(env, "ACME_KEYRING=none", "CREDPROC_KEYRING=plaintext")
			if said := run(2, "status"); !strings.Contains(said, "ACME_KEYRING") {
				t.Errorf("the variable is not named: %s", said)
			}
			env = append(env, "ACME_KEYRING=plaintext", "ACME_LOG=debug")
			if said := run(4, "process", "--profile", "line"); !strings.Contains(said, `hint: run "acme aws login line"`) {
				t.Errorf("no hint: %s", said)
			}
			idc.Set(func(s *idctest.Server) { s.AutoApprove = false })
			page := askedPage(t, idc, func() { run(0, "login", "corp", "--no-browser") }, server.URL)
			if !strings.Contains(page, "acme aws asks for access") {
				t.Errorf("the person is asked: %s", page)
			}
			run(0, "process", "--profile", "line")
			run(0, "env", "line")
			run(125, "exec", "none", "--", "true")
			run(125, "exec", "line", "--")
			run(127, "exec", "line", "--", "no-such-command")
			if said := run(2, "serve"); !strings.Contains(said, "ACME_SERVE_TOKEN") {
				t.Errorf("the variable is not named: %s", said)
			}
			run(0, "list")
			run(0, "status", "--json")
			run(0, "console", "line", "--print")
			run(2, "console", "line", "--destination", "https://evil.example")
			run(0, "token", "line")
			run(1, "doctor") // the line's program is not there
			own := filepath.Join(home, "own")
			env = append(env, "ACME_DIR="+own)
			run(4, "status", "corp") // there is another place now
			env = append(env, "ACME_DIR=", "CREDPROC_DIR="+own)
			run(0, "status", "corp")
			run(5, "process", "--sso-session", "corp", "--account-id", "222222222222", "--role-name", "Gone")
			idc.EndSessions()
			run(4, "list", "--refresh")
			run(0, "status")
			run(0, "logout", "--all")
			run(0, "version")
			names(t, home)
		})
	}
}

// askedPage approves the sign-in that do starts, and returns what the person
// saw.
func askedPage(t *testing.T, idc *idctest.Server, do func(), at string) (page string) {
	t.Helper()
	done := make(chan struct{})
	go func() {
		defer close(done)
		for range soonest(nil) {
			pending := idc.Pending()
			if len(pending) == 0 {
				continue
			}
			resp, err := http.Get(at + "/device?user_code=" + pending[0])
			if err != nil {
				t.Error(err)
				return
			}
			var text strings.Builder
			resp.Write(&text)
			resp.Body.Close()
			page = regexp.MustCompile(`\s+`).ReplaceAllString(text.String(), " ")
			idc.Approve(pending[0])
			return
		}
	}()
	do()
	<-done
	return page
}

// names checks the names of files, and what is in those that can be read.
func names(t *testing.T, home string) {
	found := 0
	err := filepath.WalkDir(home, func(path string, entry fs.DirEntry, err error) error {
		name := strings.ToLower(strings.TrimPrefix(path, home))
		if strings.Contains(name, "credproc") {
			t.Errorf("%s", path)
		}
		if strings.Contains(name, "acme") {
			found++
		}
		return err
	})
	if err != nil || found == 0 {
		t.Errorf("%d files, %v", found, err)
	}
}
