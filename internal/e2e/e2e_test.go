// Package e2e tests the built program where it is used: by the AWS tools that
// run its line in ~/.aws/config, before a real keychain, and in crowds. It is a
// module of its own because those tools need dependencies that the product must
// not have.
//
// The service is credproc/credproctest/idctest on the loopback interface. What a machine has
// not (npm, terraform) is not tested there, and said; CREDPROC_TEST_KEYRING=1
// says that it has gnome-keyring (see scripts/with-keyring).
package e2e

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log"
	"maps"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/credproc/credproc/credproc/credproctest/idctest"
)

// binary is the program, built from this tree.
var binary string

func TestMain(m *testing.M) {
	if at := os.Getenv("CALLER_AT"); at != "" { // see caller
		if err := caller(at); err != nil {
			log.Fatal(err)
		}
		os.Exit(0)
	}
	if binary = os.Getenv("E2E_BINARY"); binary != "" { // see alone
		forgetAWS()
		os.Exit(m.Run())
	}
	dir, err := os.MkdirTemp("", "credproc-e2e-")
	if err != nil {
		log.Fatal(err)
	}
	status := 1
	binary = filepath.Join(dir, "credproc")
	build := exec.Command("go", "build", "-tags=nethttpomithttp2", "-o", binary, "./cmd/credproc")
	build.Dir = filepath.Join("..", "..")
	build.Env = append(os.Environ(), "CGO_ENABLED=0") // as it is released
	if out, err := build.CombinedOutput(); err != nil {
		log.Printf("build credproc: %v\n%s", err, out)
	} else {
		forgetAWS()
		status = m.Run()
	}
	os.RemoveAll(dir)
	os.Exit(status)
}

// forgetAWS makes sure that what the person who runs the tests has set does not
// lead a client that runs in this process elsewhere.
func forgetAWS() {
	for _, setting := range os.Environ() {
		if name, _, _ := strings.Cut(setting, "="); strings.HasPrefix(name, "AWS_") {
			os.Unsetenv(name)
		}
	}
}

// notRun says that something cannot be tested here: in the log, and in the file
// that CREDPROC_NOT_RUN names.
func notRun(t *testing.T, name, why string) {
	t.Helper()
	line := fmt.Sprintf("not run: %s: %s", name, why)
	t.Log(line)
	file := os.Getenv("CREDPROC_NOT_RUN")
	if file == "" {
		return
	}
	f, err := os.OpenFile(file, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o644)
	if err == nil {
		_, err = fmt.Fprintln(f, line)
		err = errors.Join(err, f.Close())
	}
	if err != nil {
		t.Error(err)
	}
}

// A machine is a person's computer: a home with a config file, an environment,
// an Identity Center to talk to, and a keychain where there is one to test with.
type machine struct {
	t      *testing.T
	server *idctest.Server
	url    string // of the server
	root   string // everything that the programs can write to is below
	home   string
	env    map[string]string
	chain  *keychain // nil: the tokens are in plaintext files
}

const (
	account = "111111111111"
	second  = "222222222222" // account
	// ourLine is what the profile dev has.
	ourLine = "process --sso-session corp --account-id " + account + " --role-name Admin"
)

// newMachine returns a computer that nobody has signed in on.
func newMachine(t *testing.T) *machine {
	t.Helper()
	// Not t.TempDir: the path of a socket has at most 107 bytes.
	root, err := os.MkdirTemp("/tmp", "e2e-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := os.RemoveAll(root); err != nil {
			t.Error(err)
		}
	})
	server := idctest.New()
	server.AutoApprove = true
	listener := httptest.NewServer(server)
	t.Cleanup(listener.Close)
	t.Cleanup(func() {
		if v := server.Violations(); len(v) > 0 {
			t.Errorf("the service would not like: %q", v)
		}
	})

	m := &machine{t: t, server: server, url: listener.URL, root: root, home: filepath.Join(root, "home")}
	m.env = map[string]string{
		"PATH": os.Getenv("PATH"), "HOME": m.home, "TMPDIR": m.dir("tmp"), "XDG_RUNTIME_DIR": m.dir("run"),
		"AWS_ENDPOINT_URL_SSO": m.url, "AWS_ENDPOINT_URL_SSO_OIDC": m.url, "AWS_ENDPOINT_URL_STS": m.url,
		"AWS_EC2_METADATA_DISABLED": "true",
		"CREDPROC_LOG":              "debug", "CREDPROC_LOG_FILE": filepath.Join(m.dir("log"), "debug.log"), "CREDPROC_AUDIT": "on",
	}
	m.dir("home")
	t.Cleanup(m.journalsTellNoSecret) // when all programs of the machine have ended
	if os.Getenv("CREDPROC_TEST_KEYRING") == "1" {
		m.chain = m.startKeychain()
	} else {
		m.env["CREDPROC_KEYRING"] = "plaintext"
	}
	m.write(".aws/config", m.session("corp")+`
[profile dev]
credential_process = `+binary+" "+ourLine+`
region = us-east-1

[profile native]
sso_session = corp
sso_account_id = `+account+`
sso_role_name = Admin
region = us-east-1

[profile chain]
role_arn = arn:aws:iam::222222222222:role/Deploy
source_profile = native
region = us-east-1
`)
	return m
}

func (m *machine) session(name string) string {
	return fmt.Sprintf("[sso-session %s]\nsso_start_url = %s\nsso_region = %s\nsso_registration_scopes = sso:account:access\n",
		name, m.server.StartURL, m.server.Region)
}

// dir makes a directory of the machine.
func (m *machine) dir(name string) string {
	m.t.Helper()
	dir := filepath.Join(m.root, name)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		m.t.Fatal(err)
	}
	return dir
}

// write writes a file below the home.
func (m *machine) write(name, text string) {
	m.t.Helper()
	file := filepath.Join(m.home, name)
	err := os.MkdirAll(filepath.Dir(file), 0o700)
	if err == nil {
		err = os.WriteFile(file, []byte(text), 0o600)
	}
	if err != nil {
		m.t.Fatal(err)
	}
}

// writes adds to a file below the home.
func (m *machine) writes(name, text string) {
	m.t.Helper()
	old, err := os.ReadFile(filepath.Join(m.home, name))
	if err != nil {
		m.t.Fatal(err)
	}
	m.write(name, string(old)+text)
}

// with returns the same machine seen from another shell: with these settings
// ("NAME=value").
func (m *machine) with(settings ...string) *machine {
	shell := *m
	shell.env = maps.Clone(m.env)
	for _, s := range settings {
		name, value, _ := strings.Cut(s, "=")
		shell.env[name] = value
	}
	return &shell
}

func (m *machine) environ() []string {
	var list []string
	for name, value := range m.env {
		list = append(list, name+"="+value)
	}
	return list
}

// A result is how a program ended.
type result struct {
	status         int
	stdout, stderr string
}

// quiet returns the machine as most people have it, without a log or a trail:
// then a process that finds its answer stored gives it before it does anything else.
func (m *machine) quiet() *machine {
	return m.with("CREDPROC_LOG=", "CREDPROC_LOG_FILE=", "CREDPROC_AUDIT=")
}

// run runs a program to its end. It may be called from any goroutine.
func (m *machine) run(name string, args ...string) result {
	m.t.Helper()
	// A program that hangs is a finding, not the end of all tests.
	ctx, cancel := context.WithTimeout(m.t.Context(), 4*time.Minute)
	defer cancel()
	var stdout, stderr bytes.Buffer
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Dir, cmd.Env = m.home, m.environ()
	cmd.Stdout, cmd.Stderr, cmd.WaitDelay = &stdout, &stderr, 5*time.Second
	err := cmd.Run()
	if _, exited := errors.AsType[*exec.ExitError](err); ctx.Err() != nil || err != nil && !exited {
		m.t.Errorf("%s %s: %v\n%s", filepath.Base(name), args, errors.Join(err, ctx.Err()), &stderr)
	}
	if leaks(stderr.Bytes(), traces(m.server.Marker())) {
		m.t.Errorf("%s %s: a secret is on stderr", filepath.Base(name), args)
	}
	return result{cmd.ProcessState.ExitCode(), stdout.String(), stderr.String()}
}

// must runs a program that has to succeed, and returns what it printed.
func (m *machine) must(name string, args ...string) string {
	m.t.Helper()
	r := m.run(name, args...)
	if r.status != 0 {
		m.t.Fatalf("%s %s: status %d\n%s%s", filepath.Base(name), args, r.status, r.stdout, r.stderr)
	}
	return r.stdout
}

// login signs in to the session corp.
func (m *machine) login() {
	m.t.Helper()
	m.must(binary, "login", "corp", "--flow", "device", "--no-browser")
}

// process asks for a role as a credential_process line does.
func (m *machine) process(session, role string) result {
	m.t.Helper()
	return m.run(binary, "process", "--sso-session", session, "--account-id", account, "--role-name", role)
}

// serves expects credentials, and nothing said about them.
func (m *machine) serves(r result) {
	m.t.Helper()
	var document struct {
		Version                                    int
		AccessKeyId, SecretAccessKey, SessionToken string
		Expiration, AccountId                      string
	}
	err := json.Unmarshal([]byte(r.stdout), &document)
	if r.status != 0 || r.stderr != "" || err != nil {
		m.t.Errorf("status %d, error %v, %d bytes of document, stderr:\n%s", r.status, err, len(r.stdout), r.stderr)
		return
	}
	complete := document.AccessKeyId != "" && document.SecretAccessKey != "" && document.SessionToken != ""
	if document.Version != 1 || !complete || document.AccountId != account || !strings.HasSuffix(document.Expiration, "Z") {
		m.t.Errorf("version %d, all three strings: %v, account %q, expiration %q", document.Version, complete, document.AccountId, document.Expiration)
	}
}

// refuses expects a status, no document, and words on stderr.
func (m *machine) refuses(r result, status int, words ...string) {
	m.t.Helper()
	if r.status != status || r.stdout != "" {
		m.t.Errorf("status %d, want %d; %d bytes on stdout; stderr:\n%s", r.status, status, len(r.stdout), r.stderr)
	}
	for _, w := range words {
		if !strings.Contains(r.stderr, w) {
			m.t.Errorf("stderr does not say %q:\n%s", w, r.stderr)
		}
	}
}

// counted expects numbers of calls that the service got.
func (m *machine) counted(want map[string]int) {
	m.t.Helper()
	for op, n := range want {
		if got := m.server.Count(op); got != n {
			m.t.Errorf("%s was called %d times, want %d", op, got, n)
		}
	}
}

// atOnce calls f n times at once.
func atOnce(n int, f func(i int)) {
	var all sync.WaitGroup
	for i := range n {
		all.Go(func() { f(i) })
	}
	all.Wait()
}

// await waits until a condition holds.
func await(t *testing.T, what string, holds func() bool) {
	t.Helper()
	look := time.NewTicker(10 * time.Millisecond)
	defer look.Stop()
	late := time.After(30 * time.Second)
	for !holds() {
		select {
		case <-look.C:
		case <-late:
			t.Fatalf("still not so: %s", what)
		}
	}
}
