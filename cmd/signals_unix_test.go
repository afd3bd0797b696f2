//go:build unix

package cmd

import (
	"bytes"
	"fmt"
	"net/http/httptest"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/credproc/credproc/credproc/credproctest/idctest"
)

// machine is a computer whose processes can be sent signals.
type machine struct {
	*testing.T
	idc *idctest.Server
	dir string
	env []string

	server int // the process of serve, once there is one
}

func newMachine(t *testing.T) *machine {
	m := &machine{T: t, idc: idctest.New(), dir: t.TempDir()}
	server := httptest.NewServer(m.idc)
	t.Cleanup(server.Close)
	config, err := filepath.Abs("testdata/config")
	if err != nil {
		t.Fatal(err)
	}
	m.env = []string{
		"HOME=" + m.dir, "TMPDIR=" + m.dir, "PATH=" + os.Getenv("PATH"), "GORACE=" + gorace, "GOGC=" + gogc, "GOCOVERDIR=" + os.Getenv("GOCOVERDIR"),
		"AWS_CONFIG_FILE=" + config, "CREDPROC_DIR=" + m.dir, "CREDPROC_KEYRING=plaintext",
		"AWS_ENDPOINT_URL_SSO_OIDC=" + server.URL, "AWS_ENDPOINT_URL_SSO=" + server.URL,
		"AWS_ENDPOINT_URL_STS=" + server.URL,
	}
	return m
}

// started is a process under way.
type started struct {
	*exec.Cmd
	m              *machine
	stdout, stderr bytes.Buffer
}

func (m *machine) start(program string, args ...string) *started {
	m.Helper()
	p := &started{Cmd: exec.Command(program, args...), m: m}
	p.Env, p.Stdout, p.Stderr = m.env, &p.stdout, &p.stderr
	if err := p.Start(); err != nil {
		m.Fatal(err)
	}
	m.Cleanup(func() {
		if p.ProcessState == nil {
			p.Process.Kill()
			p.Wait()
		}
	})
	return p
}

// ends waits for the end, and checks the exit status and what stderr says.
func (p *started) ends(status int, says string) {
	p.m.Helper()
	p.Wait()
	if got := p.ProcessState.ExitCode(); got != status || !strings.Contains(p.stderr.String(), says) || status != 0 && p.stdout.Len() > 0 {
		p.m.Fatalf("%q: exit status %d, want %d and %q\n%s", p.Args, got, status, says, &p.stderr)
	}
}

func (p *started) send(s syscall.Signal) {
	p.m.Helper()
	if err := p.Process.Signal(s); err != nil {
		p.m.Fatal(err)
	}
}

// until waits for something that is to happen soon.
func (m *machine) until(what string, happened func() bool) {
	m.Helper()
	for range soonest(nil) {
		if happened() {
			return
		}
	}
	m.Fatalf("not %s", what)
}

func (m *machine) asked() {
	m.Helper()
	m.until("asked", func() bool { return len(m.idc.Pending()) > 0 })
}

func (m *machine) approve() {
	m.Helper()
	m.asked()
	for _, code := range m.idc.Pending() {
		m.idc.Approve(code)
	}
}

// signIn signs in, where nobody has left a sign-in to approve.
func (m *machine) signIn() {
	m.Helper()
	login := m.start("credproc", "login", "corp", "--no-browser")
	m.approve()
	login.ends(0, "igned in to corp")
}

// heard lets what is started hear a signal: under nohup all would ignore a
// hangup, but for what is caught here.
func heard(t *testing.T, s os.Signal) {
	caught := make(chan os.Signal, 1)
	signal.Notify(caught, s)
	t.Cleanup(func() { signal.Stop(caught) })
}

func TestASignalEndsALogin(t *testing.T) {
	for s, want := range map[syscall.Signal]struct {
		status int
		says   string
	}{syscall.SIGINT: {130, "interrupted"}, syscall.SIGTERM: {143, "terminated"}, syscall.SIGHUP: {129, "hung up"}, syscall.SIGQUIT: {131, "quit"}} {
		t.Run(s.String(), func(t *testing.T) {
			t.Parallel()
			heard(t, s)
			m := newMachine(t)
			m.idc.Interval = time.Minute // it does not wait for the next poll
			login := m.start("credproc", "login", "corp", "--no-browser")
			m.asked()
			m.until("waiting", func() bool { return m.idc.Total() == 2 })
			login.send(s)
			login.ends(want.status, "credproc: "+want.says+"\n")
			holders, err := filepath.Glob(filepath.Join(m.dir, "state", "locks", "*.holder"))
			if err != nil || len(holders) > 0 {
				t.Errorf("it left %q, %v", holders, err)
			}
			m.idc.Set(func(s *idctest.Server) { s.Interval, s.AutoApprove = time.Second, true })
			m.start("credproc", "login", "corp", "--no-browser").ends(0, "Signed in to corp")
		})
	}
}

func TestALoginCanBeStoppedAndContinued(t *testing.T) {
	t.Parallel()
	m := newMachine(t)
	login := m.start("credproc", "login", "corp", "--no-browser")
	m.asked()
	login.send(syscall.SIGTSTP)
	var status syscall.WaitStatus
	pid, err := syscall.Wait4(login.Process.Pid, &status, syscall.WUNTRACED, nil)
	if err != nil || pid != login.Process.Pid || !status.Stopped() {
		t.Fatalf("not stopped: %d, %v, %v", pid, status, err)
	}
	// It keeps the sign-in to itself, and who waits for it is told.
	second := m.start("sh", "-c", `exec credproc login corp --no-browser 2>"$HOME/second"`)
	says := func(what string) func() bool {
		return func() bool {
			text, _ := os.ReadFile(filepath.Join(m.dir, "second"))
			return strings.Contains(string(text), what)
		}
	}
	stopped := fmt.Sprintf("Process %d, which is signing in to corp, is stopped. Continue it with \"fg\" in its shell", pid)
	m.until("told", says(stopped))
	login.send(syscall.SIGCONT)
	m.approve()
	login.ends(0, "Signed in to corp")
	second.ends(0, "")
	m.until("told", says("Signed in to corp, by another process."))
}

func TestNohupIsRespected(t *testing.T) {
	t.Parallel()
	m := newMachine(t)
	login := m.start("sh", "-c", `trap "" HUP; exec credproc login corp --no-browser`)
	m.asked()
	login.send(syscall.SIGHUP)
	m.approve()
	login.ends(0, "Signed in to corp")
}

// A refresh token that works once is spent when the signal comes: its
// successor must be stored before the process ends.
func TestARenewalUnderWayIsFinishedAndStored(t *testing.T) {
	for _, s := range []syscall.Signal{syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP} {
		t.Run(s.String(), func(t *testing.T) {
			t.Parallel()
			heard(t, s)
			m := newMachine(t)
			m.idc.Rotation = idctest.Strict
			m.signIn()
			m.idc.RevokeAccessTokens()
			m.idc.Set(func(s *idctest.Server) { s.Latency = time.Second })
			process := m.start("credproc", "process", "--profile", "modern")
			m.until("renewing", func() bool { return m.idc.Count("CreateToken:refresh_token") == 1 })
			process.send(s)
			process.ends(128+int(s), "")
			m.idc.Set(func(s *idctest.Server) { s.Latency = 0 })
			m.start("credproc", "process", "--profile", "modern").ends(0, "")
			if n := m.idc.Count("CreateToken:refresh_token"); n != 1 {
				t.Errorf("%d renewals: the first was not stored", n)
			}
		})
	}
}

func TestAnAnswerThatIsNotReadToItsEndIsNoError(t *testing.T) {
	t.Parallel()
	m := newMachine(t)
	m.signedIn()
	for _, args := range []string{"list", "list --json", "status", "status --json", "doctor --offline", "env line", "env line --format json", "console --print line", "completion bash", "version", "--help"} {
		r, w, err := os.Pipe()
		if err != nil {
			t.Fatal(err)
		}
		r.Close()
		var stderr bytes.Buffer
		c := exec.Command("credproc", strings.Fields(args)...)
		c.Env, c.Stdout, c.Stderr = m.env, w, &stderr
		c.Run()
		w.Close()
		state := c.ProcessState.Sys().(syscall.WaitStatus)
		if stderr.Len() > 0 || state.ExitStatus() != 128+int(syscall.SIGPIPE) && state.Signal() != syscall.SIGPIPE {
			t.Errorf("%s: %v: %s", args, c.ProcessState, &stderr)
		}
	}
}
