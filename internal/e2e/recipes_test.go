package e2e

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/credproc/credproc/credproc/credproctest/idctest"
)

// recipe returns the code below a heading of docs/recipes.md.
func recipe(t *testing.T, heading string) (blocks []string) {
	t.Helper()
	return codeOf(t, "recipes.md", heading)
}

// codeOf returns the code below a heading of a page.
func codeOf(t *testing.T, page, heading string) (blocks []string) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("..", "..", "docs", page))
	if err != nil {
		t.Fatal(err)
	}
	_, section, found := strings.Cut(string(text), "\n## "+heading+"\n")
	section, _, _ = strings.Cut(section, "\n## ")
	for i, part := range strings.Split(section, "```") {
		if _, code, ok := strings.Cut(part, "\n"); ok && i%2 == 1 {
			blocks = append(blocks, code)
		}
	}
	if !found || len(blocks) == 0 {
		t.Fatalf("%s: no code below %q", page, heading)
	}
	return blocks
}

// agent asks who it is until a text file that it is given the name of is there,
// or for longer than credentials live, and notes what it saw.
const agent = `#!/usr/bin/env python3
import boto3, os, sys, time, datetime
session, keys, end = boto3.Session(), set(), time.time() + float(os.environ.get("AGENT_TIME", 0))
while True:
    credentials = session.get_credentials()
    keys.add(credentials.get_frozen_credentials().access_key)
    if credentials._expiry_time <= datetime.datetime.now(datetime.timezone.utc):
        sys.exit("they have ended")
    if time.time() >= end:
        break
    time.sleep(0.2)
if not os.path.exists(os.environ.get("AWS_CONFIG_FILE", "/")):
    sys.exit("the config file is not there")
try:
    open(os.path.expanduser("~/written"), "w")
    home = "writable"
except OSError:
    home = "read-only"
print(len(keys), home, *sorted(name for name in os.environ if "DBUS" in name or "CREDPROC_PASS" in name))
`

// cooking is a machine with the programs that recipes name, and a person who is
// signed in.
func cooking(t *testing.T) *machine {
	m := newMachine(t)
	m.login()
	m.write("bin/my-agent", agent)
	// As docker does, it gives the program nothing but what is named.
	m.write("bin/docker", `#!/bin/sh
while :; do
	case $1 in
	run | --rm) shift ;;
	--network) [ "$2" = host ] || exit 9; shift 2 ;;
	-e) given="$given $2=$(printenv "$2")"; shift 2 ;;
	*) break ;;
	esac
done
[ "$1" = my-image ] && shift && exec env -i PATH="$PATH" HOME=/nowhere $given "$@"
`)
	for _, name := range []string{"my-agent", "docker"} {
		if err := os.Chmod(filepath.Join(m.home, "bin", name), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	return m.with("PATH=" + filepath.Join(m.home, "bin") + ":" + filepath.Dir(binary) + ":" + os.Getenv("PATH"))
}

// alone runs a test again in a network that has only a loopback interface.
// It reports whether this process is there.
func alone(t *testing.T) bool {
	t.Helper()
	if os.Getenv("E2E_BINARY") != "" {
		return true
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	unshare := []string{"--net", "--map-root-user"}
	if os.Geteuid() == 0 {
		unshare = unshare[:1]
	}
	for _, try := range [][]string{append(unshare, "ip", "link", "set", "lo", "up"), {"bwrap", "--ro-bind", "/", "/", "--proc", "/proc", "--unshare-pid", "true"}} {
		name, args := "unshare", try
		if try[0] == "bwrap" {
			name, args = try[0], try[1:]
		}
		if out, err := exec.Command(name, args...).CombinedOutput(); err != nil {
			notRun(t, "an agent in a sandbox", name+": "+err.Error()+": "+strings.TrimSpace(string(out)))
			return false
		}
	}
	c := exec.Command("unshare", append(unshare, "sh", "-c", `ip link set lo up && exec "$0" "$@"`, self, "-test.run=^"+t.Name()+"$", "-test.v")...)
	c.Env = append(os.Environ(), "E2E_BINARY="+binary)
	if out, err := c.CombinedOutput(); err != nil || !bytes.Contains(out, []byte("\n--- PASS: "+t.Name())) {
		t.Errorf("%v\n%s", err, out)
	}
	return false
}

func TestAnAgentWorksInASandboxPastTheEndOfItsCredentials(t *testing.T) {
	t.Parallel()
	if !alone(t) {
		return
	}
	if conn, err := net.DialTimeout("tcp", "192.0.2.1:80", time.Second); err == nil {
		conn.Close()
		t.Fatal("there is a network")
	}
	m := cooking(t).with("AGENT_TIME=6")
	config, err := os.ReadFile(filepath.Join(m.home, ".aws", "config"))
	if err != nil {
		t.Fatal(err)
	}
	m.write(".aws/config", "[default]\naws_access_key_id = AKIASTALE\naws_secret_access_key = stale\n"+string(config))
	m.server.Set(func(s *idctest.Server) { s.RoleLife = 4 * time.Second })
	saw := strings.Fields(m.must("sh", "-c", recipe(t, "A coding agent in a sandbox")[0]))
	if len(saw) != 2 || saw[0] < "2" || saw[1] != "read-only" {
		t.Errorf("the agent saw %q", saw)
	}
}

func TestAnAgentsHookPrintsWhatItReads(t *testing.T) {
	t.Parallel()
	var settings struct{ AwsCredentialExport string }
	if err := json.Unmarshal([]byte(recipe(t, "An agent's own refresh hook")[0]), &settings); err != nil {
		t.Fatal(err)
	}
	m := cooking(t)
	var document struct {
		Credentials struct{ AccessKeyId, SecretAccessKey, SessionToken, Expiration string }
	}
	if err := json.Unmarshal([]byte(m.must("sh", "-c", settings.AwsCredentialExport)), &document); err != nil {
		t.Fatal(err)
	}
	if c := document.Credentials; c.AccessKeyId == "" || c.SecretAccessKey == "" || c.SessionToken == "" || !strings.HasSuffix(c.Expiration, "Z") {
		t.Errorf("it lacks a member")
	}
	m.server.EndSessions()
	m.refuses(m.run(binary, "env", "--format", "json", "--sso-session", "corp", "--account-id", account, "--role-name", "ReadOnly"), 4, `hint: run "`)
}

func TestAContainerHasWhatItIsGivenAndNoMore(t *testing.T) {
	t.Parallel()
	m := cooking(t)
	if saw := m.must("sh", "-c", recipe(t, "A container in the same network namespace")[0]); saw != "1 read-only\n" {
		t.Errorf("the agent saw %q", saw)
	}
	m.counted(map[string]int{"GetRoleCredentials": 1})
}

// freePort returns the address of a port that nobody listens on just now.
func freePort(t *testing.T) string {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

// background runs a command until the test ends it, or is over.
func (m *machine) background(args ...string) (end func() (status int, said string)) {
	m.t.Helper()
	var said bytes.Buffer
	c := exec.Command(args[0], args[1:]...)
	c.Dir, c.Env, c.Stdout, c.Stderr = m.home, m.environ(), &said, &said
	if err := c.Start(); err != nil {
		m.t.Fatal(err)
	}
	end = func() (int, string) {
		if c.ProcessState == nil {
			c.Process.Signal(syscall.SIGTERM)
			c.Wait()
		}
		return c.ProcessState.ExitCode(), said.String()
	}
	m.t.Cleanup(func() { end() })
	return end
}

func (m *machine) serving(addr string) {
	m.t.Helper()
	await(m.t, "it serves", func() bool {
		conn, err := net.Dial("tcp", addr)
		if err == nil {
			conn.Close()
		}
		return err == nil
	})
}

func TestAUnitOfSystemdServes(t *testing.T) {
	t.Parallel()
	m := cooking(t)
	var command string
	for line := range strings.Lines(recipe(t, "A service that uses your login")[0]) {
		if value, ok := strings.CutPrefix(line, "ExecStart="); ok {
			command = strings.TrimSpace(value)
		}
	}
	addr := freePort(t)
	command = strings.NewReplacer("%h/go/bin/credproc", binary, "%h", m.home, "127.0.0.1:9911", addr).Replace(command)
	end := m.background(strings.Fields(command)...)
	m.serving(addr)
	token, err := os.ReadFile(filepath.Join(m.home, ".aws-token"))
	if err != nil {
		t.Fatal(err)
	}
	// native is another name of dev's role, and chain is another role.
	for path, want := range map[string]int{"/profile/dev": 200, "/profile/native": 200, "/profile/chain": 403} {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+addr+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Authorization", string(token))
		resp, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if resp.StatusCode != want {
			t.Errorf("%s: %s, want %d", path, resp.Status, want)
		}
	}
	http.DefaultClient.CloseIdleConnections()
	status, said := end()
	if status != 0 || !strings.Contains(said, `"msg":"stopped"`) {
		t.Errorf("exit status %d: %s", status, said)
	}
	if strings.Contains(said, string(token)) {
		t.Error("the log holds the token")
	}
}

func TestTerraformRunsAsInTheRecipe(t *testing.T) {
	t.Parallel()
	blocks := recipe(t, "Terraform with many profiles")
	if _, err := exec.LookPath("terraform"); err != nil {
		notRun(t, "terraform with many profiles", err.Error())
		return
	}
	m := cooking(t).with("TF_CLI_CONFIG_FILE=/dev/null", "CHECKPOINT_DISABLE=1")
	m.write("main.tf", `output "greeting" { value = "hello" }`)
	if plan := m.must("sh", "-c", blocks[1]); !strings.Contains(plan, "hello") {
		t.Errorf("plan: %s", plan)
	}
	// A profile that terraform is told wins over the keys of exec.
	m.secondProfile()
	text, err := os.ReadFile("testdata/main.tf")
	if err != nil {
		t.Fatal(err)
	}
	m.write("infra/main.tf", strings.Replace(string(text), `"dev"`, `"second"`, 1))
	b := newService(m, emptyBucket)
	m.must(binary, "exec", "dev", "--", "terraform", "-chdir=infra", "init", "-input=false", "-no-color", fmt.Sprintf(`-backend-config=endpoints={s3=%q,sts=%q}`, b.url, m.url))
	if by := b.signers(); len(by) != 1 || by[second+"/Admin"] == 0 {
		t.Errorf("the bucket was asked by %v", by)
	}
}
