package e2e

import (
	"crypto/rand"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/credproc/credproc/credproc/credproctest/idctest"
)

// job is a machine without a person, whose config file is that of docs/ci.md, but
// for where things are. Everything that it stores is sealed with a key in a file.
type job struct {
	*machine
	config, token string
}

func newJob(t *testing.T) job {
	page, err := os.ReadFile(filepath.Join("..", "..", "docs", "ci.md"))
	if err != nil {
		t.Fatal(err)
	}
	_, config, _ := strings.Cut(string(page), "```ini\n")
	config, _, _ = strings.Cut(config, "```")
	m := newMachine(t)
	j := job{token: filepath.Join(m.dir("secrets"), "token")}
	arn := regexp.MustCompile(`arn:aws:sso::\S+`).FindString(config)
	m.server.Set(func(s *idctest.Server) {
		s.AutoApprove, s.Applications = false, map[string]idctest.Application{arn: {Audience: "aws-identity-center"}}
	})
	j.config = strings.NewReplacer("https://d-1234567890.awsapps.com/start", m.server.StartURL, "eu-west-1", m.server.Region,
		"/var/run/secrets/ci/token", j.token).Replace(config)
	m.write(".aws/config", j.config)
	key := make([]byte, 32)
	rand.Read(key)
	m.write("key", string(key))
	j.machine = m.with("CREDPROC_KEYRING=file", "CREDPROC_KEY_FILE="+filepath.Join(m.home, "key"))
	j.issue(time.Hour)
	return j
}

// issue rotates the token of the issuer.
func (j job) issue(life time.Duration) {
	j.t.Helper()
	if err := os.WriteFile(j.token, []byte(j.server.IssueToken("ci", "aws-identity-center", life)), 0o600); err != nil {
		j.t.Fatal(err)
	}
}

func TestAJobLeavesItsSecretsNowhere(t *testing.T) {
	t.Parallel()
	j := newJob(t)
	j.server.Set(func(s *idctest.Server) { s.Latency = 100 * time.Millisecond }) // slow, so that the processes can be watched
	w := j.watchProcesses()
	var said strings.Builder
	process := []string{"process", "--profile", "deploy"}
	keep := func(status int, args ...string) {
		r := j.run(binary, args...)
		if r.status != status {
			t.Errorf("%q: status %d\n%s", args, r.status, r.stderr)
		}
		if said.WriteString(r.stderr); args[0] != "process" {
			said.WriteString(r.stdout)
		}
	}
	keep(0, process...)
	j.server.RevokeAccessTokens()
	keep(0, "list", "ci")
	keep(0, "status", "--json")
	keep(0, "login", "ci", "--force")
	for _, fault := range []idctest.Fault{{Code: "AccessDeniedException"}, {Status: 503}, {Reset: true}} {
		keep(0, "logout", "ci")
		j.issue(time.Hour)
		j.server.Fault("CreateTokenWithIAM", fault)
		keep(map[bool]int{true: 4, false: 3}[fault.Code != ""], process...)
		j.server.ClearFaults()
	}
	j.issue(-time.Hour)
	keep(4, "login", "ci")
	j.write("said", said.String())
	if seen, leaky := w.end(); len(leaky) > 0 || !slices.ContainsFunc(seen, func(line string) bool { return strings.HasPrefix(line, binary+" process") }) {
		t.Errorf("of %q, these show a secret: %q", seen, leaky)
	}
	if leaky, _ := j.filesThatLeak(); !slices.Equal(leaky, []string{j.token}) {
		t.Errorf("files that have a secret: %q", leaky)
	}
}

func TestEachPlaceThatGivesTokensWorksAsThePageSays(t *testing.T) {
	t.Parallel()
	j := newJob(t)
	issuer := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != "bearer of-the-job" || r.URL.Query().Get("version") != "2" {
			w.WriteHeader(http.StatusForbidden)
			return
		}
		fmt.Fprintf(w, `{"count":1,"value":%q}`, j.server.IssueToken("ci", r.URL.Query().Get("audience"), time.Hour))
	}))
	t.Cleanup(issuer.Close)
	for heading, environment := range map[string][]string{
		"GitHub Actions": {"ACTIONS_ID_TOKEN_REQUEST_TOKEN=of-the-job", "ACTIONS_ID_TOKEN_REQUEST_URL=" + issuer.URL + "/token?version=2"},
		"GitLab CI":      {"IDENTITY_CENTER_TOKEN=" + j.server.IssueToken("ci", "aws-identity-center", time.Hour)},
		"systemd":        {"CREDENTIALS_DIRECTORY=" + filepath.Dir(j.token)},
	} {
		blocks := codeOf(t, "ci.md", heading)
		line := strings.TrimSpace(blocks[len(blocks)-1])
		if lacks := absent("curl", "jq"); heading == "GitHub Actions" && lacks != "" {
			notRun(t, "the command for "+heading, "there is no "+lacks)
			continue
		}
		j.write(".aws/config", strings.Replace(j.config, "credproc_web_identity_token_file = "+j.token, line, 1))
		m := j.with(environment...)
		m.run(binary, "logout", "ci")
		if r := m.run(binary, "process", "--profile", "deploy"); r.status != 0 || !strings.Contains(r.stdout, "SessionToken") {
			t.Errorf("%s: status %d\n%s", heading, r.status, r.stderr)
		}
	}
}

// absent returns the first of the programs that is not there, or "".
func absent(programs ...string) string {
	for _, name := range programs {
		if _, err := exec.LookPath(name); err != nil {
			return name
		}
	}
	return ""
}
