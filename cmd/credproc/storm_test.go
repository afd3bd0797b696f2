package main

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/credproc/credproc/credproc/credproctest/idctest"
)

// The storms run the real commands, each in a process of its own, against a
// local Identity Center that counts. scripts/storm runs bigger ones.
var (
	stormProcesses = flag.Int("storm.processes", defaultProcesses(), "processes in the biggest storms")
	stormRounds    = flag.Int("storm.rounds", 25, "rounds of random kills")
)

// defaultProcesses is 200, unless the environment knows that this run is only
// one of several.
func defaultProcesses() int {
	if n, err := strconv.Atoi(os.Getenv("STORM_PROCESSES")); err == nil {
		return n
	}
	return 200
}

// TestMain makes the test binary credproc itself where the storms want it.
func TestMain(m *testing.M) {
	if n, err := strconv.Atoi(os.Getenv("STORM_PARENT")); err == nil {
		os.Exit(parent(n))
	}
	if become := os.Getenv("STORM_FORBIDDEN"); become != "" {
		log.Fatal(becomeWithout(become))
	}
	if to := os.Getenv("STORM_CLIENT"); to != "" {
		os.Exit(client(to))
	}
	if os.Getenv("STORM_RUN") != "" {
		main()
	}
	flag.Parse()
	flag.Set("test.parallel", "6") // those that are parallel mostly wait
	remove, err := plainProgram()
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	status := m.Run()
	remove()
	os.Exit(status)
}

// plainProgram builds the program for tests with the race detector: thousands of
// processes that each start with one take longer than all the rest. Races
// between goroutines are for the tests of the libraries.
func plainProgram() (remove func(), err error) {
	if !raceDetector || os.Getenv("STORM_PROGRAM") != "" {
		return func() {}, nil
	}
	dir, err := os.MkdirTemp("", "storm")
	if err != nil {
		return nil, err
	}
	program := filepath.Join(dir, "credproc")
	build := exec.Command("go", "build", "-o", program, ".")
	build.Env = append(os.Environ(), "CGO_ENABLED=0") // as it is released
	if out, err := build.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("go build: %w\n%s", err, out)
	}
	os.Setenv("STORM_PROGRAM", program)
	return func() { os.RemoveAll(dir) }, nil
}

const (
	clientToken = "a-token-of-thirty-characters.."
	requests    = 3 // of a client
)

// client is a program that asks an endpoint several times, and says which keys it got.
func client(to string) int {
	for range requests {
		r, err := http.NewRequest(http.MethodGet, to, nil)
		if err != nil {
			return 2
		}
		r.Header.Set("Authorization", clientToken)
		answer, err := http.DefaultClient.Do(r)
		if err != nil {
			fmt.Println(err)
			return 1
		}
		fmt.Println(keyIn(answer.Body))
		answer.Body.Close()
	}
	return 0
}

// keyIn is the access key ID of a document, or "" if it is of an error.
func keyIn(document io.Reader) string {
	var d struct{ AccessKeyID string }
	json.NewDecoder(document).Decode(&d)
	return d.AccessKeyID
}

// parent starts processes that share its terminal, and passes on what they say.
func parent(n int) int {
	os.Unsetenv("STORM_PARENT")
	var all sync.WaitGroup
	said := make([]bytes.Buffer, n)
	for i := range n {
		all.Go(func() {
			c := exec.Command(program(), process(admin)...)
			c.Stderr = &said[i]
			c.Run()
		})
	}
	all.Wait()
	for i := range n {
		os.Stdout.Write(said[i].Bytes())
	}
	return 0
}

// machine is a computer with a person on it, who can sign in.
type machine struct {
	testing.TB
	idc     *idctest.Server
	url     string
	home    string
	keyring string
	renewal string   // the operation of the service
	cold    bool     // each renewal is a sign-in: see newUnattended
	program string   // if it is not the usual one
	env     []string // more of it
}

// keyrings are the operating system's where there is one to test with, which
// scripts/with-keyring sees to, and else plaintext.
func keyrings() []string {
	if os.Getenv("CREDPROC_TEST_KEYRING") != "" {
		return []string{"os"}
	}
	return []string{"plaintext"}
}

// onEach runs a storm on each keyring under each rotation.
func onEach(t *testing.T, rotations []idctest.Rotation, storm func(m *machine)) {
	for _, keyring := range keyrings() {
		for _, rotation := range rotations {
			t.Run(keyring+"/"+rotation.String(), func(t *testing.T) {
				m := newMachine(t, keyring)
				m.idc.Rotation = rotation
				storm(m)
			})
		}
	}
}

var bothRotations = []idctest.Rotation{idctest.Strict, idctest.Grace}

func newMachine(t testing.TB, keyring string) *machine {
	m := &machine{TB: t, idc: idctest.New(), home: t.TempDir(), keyring: keyring, renewal: "CreateToken"}
	m.idc.AutoApprove = true
	server := httptest.NewServer(m.idc)
	t.Cleanup(server.Close)
	m.url = server.URL
	config := "[sso-session corp]\nsso_start_url = " + m.idc.StartURL + "\nsso_region = us-east-1\n"
	m.write(".aws/config", config)
	t.Cleanup(func() {
		if m.keyring == "os" || m.keyring == "kernel" { // a login each, or the keychain fills up
			m.run("logout", "--all")
		}
	})
	return m
}

func (m *machine) write(name, text string) {
	m.Helper()
	path := filepath.Join(m.home, name)
	if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o700), os.WriteFile(path, []byte(text), 0o600)); err != nil {
		m.Fatal(err)
	}
}

// outcome is how a process ended.
type outcome struct {
	args           []string
	stdout, stderr string
	status         int // -1: killed
}

// program is what the storms run: this binary, or a stripped one to measure.
func program() string { return cmp.Or(os.Getenv("STORM_PROGRAM"), os.Args[0]) }

// command is a process of credproc that has not started.
func (m *machine) command(args ...string) *exec.Cmd {
	c := exec.Command(cmp.Or(m.program, program()), args...)
	c.Env = append([]string{
		"STORM_RUN=1", "HOME=" + m.home, "TMPDIR=" + m.home, "PATH=" + os.Getenv("PATH"), "CREDPROC_KEYRING=" + m.keyring,
		"AWS_ENDPOINT_URL_SSO_OIDC=" + m.url, "AWS_ENDPOINT_URL_SSO=" + m.url, "AWS_ENDPOINT_URL_STS=" + m.url,
		"DBUS_SESSION_BUS_ADDRESS=" + os.Getenv("DBUS_SESSION_BUS_ADDRESS"), "XDG_RUNTIME_DIR=" + os.Getenv("XDG_RUNTIME_DIR"),
		"GORACE=halt_on_error=1", "GOCOVERDIR=" + m.home,
	}, m.env...)
	return c
}

func (m *machine) run(args ...string) outcome {
	return m.finish(m.command(args...))
}

func (m *machine) finish(c *exec.Cmd) outcome { return m.finishWith(c, make(chan struct{})) }

// finishWith closes started when the process runs, or never will.
func (m *machine) finishWith(c *exec.Cmd, started chan<- struct{}) outcome {
	var stdout, stderr bytes.Buffer
	c.Stdout, c.Stderr = &stdout, &stderr
	err := c.Start()
	close(started)
	if err == nil {
		err = c.Wait()
	}
	if _, ended := errors.AsType[*exec.ExitError](err); err != nil && !ended {
		m.Error(err)
	}
	return outcome{c.Args[1:], stdout.String(), stderr.String(), c.ProcessState.ExitCode()}
}

func process(role string) []string {
	account, name, _ := strings.Cut(role, "/")
	return []string{"process", "--sso-session", "corp", "--account-id", account, "--role-name", name}
}

const admin = "111111111111/Admin"

// unqueued has no effect on a process that finds a login but that it does not
// wait for the first of many before it starts: they all meet at the locks.
const unqueued = "CREDPROC_WAIT=1s"

// together runs processes at once, one for each list of arguments.
func (m *machine) together(all ...[]string) []outcome {
	outcomes := make([]outcome, len(all))
	var running sync.WaitGroup
	for i, args := range all {
		running.Go(func() { outcomes[i] = m.run(args...) })
	}
	running.Wait()
	return outcomes
}

func times(n int, args []string) [][]string {
	all := make([][]string, n)
	for i := range all {
		all[i] = args
	}
	return all
}

// signIn signs in with access tokens of a life that is over soon, if life is
// not 0, and waits until it is.
func (m *machine) signIn(life time.Duration) {
	m.Helper()
	old := m.idc.AccessTokenLife
	m.set(func(s *idctest.Server) { s.AccessTokenLife = cmp.Or(life, old) })
	if o := m.run("login", "corp", "--no-browser", "--force"); o.status != 0 {
		m.Fatalf("login: %d: %s", o.status, o.stderr)
	}
	m.set(func(s *idctest.Server) { s.AccessTokenLife = old })
	if life != 0 {
		<-time.After(life + time.Second) // there is nothing to poll: only time ends it
	}
	if m.cold {
		m.run("logout", "corp")
	}
}

func (m *machine) set(change func(*idctest.Server)) { m.idc.Set(change) }

// expired signs in so that the access token has expired, and no credentials are
// stored.
func (m *machine) expired() { m.signIn(time.Second) }

// forgetRoles removes what can be fetched again.
func (m *machine) forgetRoles() {
	m.Helper()
	if err := os.RemoveAll(filepath.Join(m.home, ".cache")); err != nil {
		m.Fatal(err)
	}
}

// calls counts what do calls; "total" is all of it.
func (m *machine) calls(do func()) map[string]int {
	before, total := m.idc.Counts(), m.idc.Total()
	do()
	after := m.idc.Counts()
	for op, n := range before {
		after[op] -= n
	}
	after["total"] = m.idc.Total() - total
	return after
}

// want checks a count.
func (m *machine) want(calls map[string]int, op string, n int) {
	m.Helper()
	if calls[op] != n {
		m.Errorf("%s: %d calls, want %d", op, calls[op], n)
	}
}

// answered checks that every process answered with valid credentials and said
// nothing else, and returns the different answers.
func (m *machine) answered(outcomes []outcome) map[string]int {
	m.Helper()
	answers := make(map[string]int)
	for _, o := range outcomes {
		if o.status != 0 || o.stderr != "" || !validDocument(o.stdout) {
			m.Fatalf("%v: exit status %d\n%s%s", o.args, o.status, o.stderr, o.stdout)
		}
		answers[o.stdout]++
	}
	return answers
}

func validDocument(text string) bool {
	var d struct {
		Version                                    int
		AccessKeyId, SecretAccessKey, SessionToken string
		Expiration                                 time.Time
	}
	err := json.Unmarshal([]byte(text), &d)
	return err == nil && d.Version == 1 && d.AccessKeyId != "" && d.SecretAccessKey != "" && d.SessionToken != "" && time.Now().Before(d.Expiration)
}

// failed checks that every process failed with the status and one sentence.
func (m *machine) failed(outcomes []outcome, status int, says string) {
	m.Helper()
	for _, o := range outcomes {
		if o.status != status || o.stdout != "" || !strings.Contains(o.stderr, says) {
			m.Fatalf("%v: exit status %d, want %d and %q\n%s%s", o.args, o.status, status, says, o.stderr, o.stdout)
		}
	}
}

// roles gives the person roles.
func (m *machine) roles(n int) (names []string) {
	account := idctest.Account{ID: "111111111111", Name: "Production"}
	for i := range n {
		account.Roles = append(account.Roles, fmt.Sprintf("Role%02d", i))
		names = append(names, account.ID+"/"+account.Roles[i])
	}
	m.set(func(s *idctest.Server) { s.Accounts = []idctest.Account{account} })
	return names
}

func TestHundredsOfProcessesMakeOneRefreshAndOneFetch(t *testing.T) {
	onEachAndUnattended(t, []idctest.Rotation{idctest.Strict, idctest.Grace, idctest.Omit, idctest.None}, func(m *machine) {
		n := *stormProcesses
		if m.idc.Rotation != idctest.Strict || m.unattended() { // the worst
			n /= 4
		}
		for _, m.env = range [][]string{nil, {unqueued}} {
			m.set(func(s *idctest.Server) { s.Latency = 0 })
			m.expired()
			m.set(func(s *idctest.Server) { s.Latency = 150 * time.Millisecond })
			var answers map[string]int
			calls := m.calls(func() { answers = m.answered(m.together(times(n, process(admin))...)) })
			m.want(calls, m.renewal, 1)
			m.want(calls, "GetRoleCredentials", 1)
			if len(answers) != 1 {
				m.Errorf("%d different answers", len(answers))
			}
			m.tells("after the storm", truth{state: "signed_in", roles: 1})
		}
	})
}

func TestTenRolesAreFetchedOnceEach(t *testing.T) {
	onEachAndUnattended(t, bothRotations, func(m *machine) {
		m.env = []string{unqueued}
		var all [][]string
		for _, role := range m.roles(10) {
			all = append(all, times(max(1, *stormProcesses/10), process(role))...)
		}
		m.expired()
		m.set(func(s *idctest.Server) { s.Latency = 150 * time.Millisecond })
		calls := m.calls(func() { m.answered(m.together(all...)) })
		m.want(calls, m.renewal, 1)
		m.want(calls, "GetRoleCredentials", 10)
	})
}

func TestFortyRolesAreAllServedBehindAQuota(t *testing.T) {
	onEach(t, bothRotations, func(m *machine) {
		var all [][]string
		for _, role := range m.roles(40) {
			all = append(all, process(role))
		}
		m.expired()
		m.set(func(s *idctest.Server) { s.RateLimit = 20 })
		m.answered(m.together(all...))
	})
}

func TestOneRolesQuotaDelaysNoOther(t *testing.T) {
	m := newMachine(t, "plaintext")
	m.signIn(0)
	m.answered(m.together(process(admin)))
	m.idc.Fault("GetRoleCredentials", idctest.Fault{Status: 429, RetryAfter: time.Minute})
	m.failed(m.together(process("222222222222/Admin")), 3, "TooManyRequests")
	m.tells("behind a quota", truth{state: "signed_in", blames: "role Admin in account 222222222222", says: "TooManyRequests", roles: 1})
	calls := m.calls(func() { m.answered(m.together(process(admin))) })
	m.want(calls, "total", 0)
}

func TestATokenRevokedAtTheServiceIsRenewedOnceForTenRoles(t *testing.T) {
	onEachAndUnattended(t, bothRotations, func(m *machine) {
		var all [][]string
		for _, role := range m.roles(10) {
			all = append(all, process(role))
		}
		m.set(func(s *idctest.Server) { s.RoleLife = time.Second })
		m.signIn(0)
		m.together(all...)
		m.set(func(s *idctest.Server) { s.RoleLife = time.Hour })
		<-time.After(2 * time.Second) // only time ends what is stored
		m.idc.RevokeAccessTokens()
		m.tells("revoked, which nobody has noticed", truth{state: "signed_in"})
		calls := m.calls(func() { m.answered(m.together(all...)) })
		m.want(calls, m.renewal, 1)
		m.tells("renewed", truth{state: "signed_in", roles: 10})
	})
}

func TestATokenRefusedAgainAndAgainIsAPassingFailure(t *testing.T) {
	onEachAndUnattended(t, bothRotations, func(m *machine) {
		m.env = []string{unqueued}
		var all [][]string
		for _, role := range m.roles(10) {
			all = append(all, process(role), process(role))
		}
		m.signIn(0)
		m.idc.Fault("GetRoleCredentials", idctest.Fault{Code: "UnauthorizedException"})
		var outcomes []outcome
		calls := m.calls(func() { outcomes = m.together(all...) })
		m.failed(outcomes, 3, "session corp")
		m.want(calls, m.renewal, map[bool]int{false: 1, true: 2}[m.cold])
		m.tells("refused", truth{state: "signed_in", blames: "^(get credentials of role|renew the session) "})
		refused := time.Now().Unix()
		m.until("a second later", func() bool { return time.Now().Unix() > refused }) // what works is told by the second
		m.idc.ClearFaults()
		m.untilAnswered(all[0], 15*time.Second)
		m.tells("taken again", truth{state: "signed_in", roles: 1})
	})
}

// untilAnswered tries until the back-off is over.
func (m *machine) untilAnswered(args []string, limit time.Duration) {
	m.Helper()
	for deadline := time.Now().Add(limit); ; {
		o := m.run(args...)
		if o.status == 0 && validDocument(o.stdout) {
			return
		}
		if time.Now().After(deadline) {
			m.Fatalf("%v: exit status %d\n%s", o.args, o.status, o.stderr)
		}
		<-time.After(200 * time.Millisecond)
	}
}

func TestShortLivedCredentialsAreFetchedOnce(t *testing.T) {
	m := newMachine(t, "plaintext")
	m.env = []string{unqueued}
	m.idc.RoleLife = 10 * time.Minute
	m.signIn(0)
	calls := m.calls(func() { m.answered(m.together(times(100, process(admin))...)) })
	m.want(calls, "GetRoleCredentials", 1)
}

func TestWithoutALoginNobodyCallsTheService(t *testing.T) {
	for _, keyring := range keyrings() {
		m := newMachine(t, keyring)
		m.env = []string{"BROWSER=" + filepath.Join(m.home, "no-browser-may-start")}
		var outcomes []outcome
		calls := m.calls(func() { outcomes = m.together(times(100, process(admin))...) })
		m.failed(outcomes, 4, `hint: run "credproc login corp"`)
		m.want(calls, "total", 0)
		for _, o := range outcomes {
			if strings.Count(o.stderr, "hint:") != 1 {
				t.Errorf("hints: %s", o.stderr)
			}
		}
		m.tells("without a login", truth{state: "signed_out"})
	}
}

func TestASessionThatEndedIsNotAskedForAgain(t *testing.T) {
	onEach(t, bothRotations, func(m *machine) {
		m.expired()
		m.idc.EndSessions()
		m.failed(m.together(process(admin)), 4, "credproc login corp")
		calls := m.calls(func() { m.failed(m.together(times(100, process(admin))...), 4, "credproc login corp") })
		m.want(calls, "total", 0)
		m.tells("after its end", truth{state: "ended"})
	})
}
