//go:build windows

package e2e

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
	"unsafe"

	"golang.org/x/sys/windows"

	"github.com/credproc/credproc/credproc/credproctest/idctest"
	"github.com/credproc/credproc/internal/credman"
	"github.com/credproc/credproc/internal/dirid"
	"github.com/credproc/credproc/internal/flight"
	"github.com/credproc/credproc/internal/safedir"
	"github.com/credproc/credproc/internal/sealed"
	"github.com/credproc/credproc/internal/wsl"
	"github.com/credproc/credproc/tokencache/keyring"
)

// scripts/test-windows builds this file by itself: the others are about Unix.
// CREDPROC_EXE is the program.

// TestMain makes the test binary another process where a test wants one.
func TestMain(m *testing.M) {
	roles := map[string]func(safedir.Dir) error{"hold": hold, "count": count, "read": read}
	role, isOther := roles[os.Getenv("OTHER_ROLE")]
	if !isOther {
		os.Exit(m.Run())
	}
	if err := role(safedir.Dir(os.Getenv("OTHER_DIR"))); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// An other is this binary as another process.
type other struct {
	*exec.Cmd
	stdin  io.Closer
	stderr *bytes.Buffer
}

// start starts another process and waits for its first byte of output.
func start(t *testing.T, role string, dir safedir.Dir) *other {
	t.Helper()
	o := &other{Cmd: exec.CommandContext(t.Context(), os.Args[0]), stderr: new(bytes.Buffer)}
	o.Env = append(os.Environ(), "OTHER_ROLE="+role, "OTHER_DIR="+string(dir))
	o.Stderr = o.stderr
	stdin, err := o.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	o.stdin = stdin
	stdout, err := o.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := o.Start(); err != nil {
		t.Fatal(err)
	}
	if _, err := io.ReadFull(stdout, make([]byte, 1)); err != nil {
		o.Wait()
		t.Fatalf("%s: %v\n%s", role, err, o.stderr)
	}
	return o
}

func (o *other) succeeds(t *testing.T) {
	t.Helper()
	if err := o.Wait(); err != nil {
		t.Errorf("%v\n%s", err, o.stderr)
	}
}

func soon(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	t.Cleanup(cancel)
	return ctx
}

// testLock is one that the tests take.
var testLock = flight.Session("test")

// hold holds a lock until its stdin ends, or it is killed.
func hold(dir safedir.Dir) error {
	_, release, err := flight.Lock(context.Background(), dir, testLock, "hold it")
	if err != nil {
		return err
	}
	defer release()
	fmt.Print("!")
	_, err = io.Copy(io.Discard, os.Stdin)
	return err
}

func TestALockIsHeldAgainstAnotherProcessUntilItsEnd(t *testing.T) {
	for name, end := range map[string]func(*other) error{
		"released": func(o *other) error { return errors.Join(o.stdin.Close(), o.Wait()) },
		"killed": func(o *other) error {
			err := o.Process.Kill()
			o.Wait()
			return err
		},
	} {
		t.Run(name, func(t *testing.T) {
			dir := safedir.Dir(t.TempDir())
			holder := start(t, "hold", dir)
			if h, ok := flight.HeldBy(dir, testLock.String()); !ok || h.PID != holder.Process.Pid || h.Op != "hold it" {
				t.Errorf("held: %v, by %v, not by process %d", ok, h, holder.Process.Pid)
			}
			ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
			defer cancel()
			_, _, err := flight.Lock(ctx, dir, testLock, "get it")
			if busy, ok := errors.AsType[*flight.BusyError](err); !ok || busy.Holder.PID != holder.Process.Pid {
				t.Errorf("while it is held: %v", err)
			}
			if err := end(holder); err != nil {
				t.Error(err)
			}
			_, release, err := flight.Lock(soon(t), dir, testLock, "get it")
			if err != nil {
				t.Fatal(err)
			}
			release()
		})
	}
}

const rounds = 25

// count adds one to the number in a file, each time under the lock.
func count(dir safedir.Dir) error {
	fmt.Print("!")
	for range rounds {
		_, release, err := flight.Lock(context.Background(), dir, testLock, "count")
		if err != nil {
			return err
		}
		n, err := number(dir)
		if err == nil {
			err = dir.Write("number", []byte(strconv.Itoa(n+1)))
		}
		release()
		if err != nil {
			return err
		}
	}
	return nil
}

func number(dir safedir.Dir) (int, error) {
	data, err := dir.Read("number")
	if errors.Is(err, fs.ErrNotExist) {
		return 0, nil
	}
	if err != nil {
		return 0, err
	}
	return strconv.Atoi(string(data))
}

func TestOneProcessAtATimeHasALock(t *testing.T) {
	dir := safedir.Dir(t.TempDir())
	var all []*other
	for range 8 {
		all = append(all, start(t, "count", dir))
	}
	for _, o := range all {
		o.succeeds(t)
	}
	if n, err := number(dir); n != 8*rounds || err != nil {
		t.Errorf("counted to %d, want %d; error %v", n, 8*rounds, err)
	}
}

// content is what one write writes: much of one letter.
func content(letter byte) []byte { return bytes.Repeat([]byte{letter}, 20_000) }

// read reads a file over and over, until it is full of z.
func read(dir safedir.Dir) error {
	fmt.Print("!")
	for {
		data, err := dir.Read("file")
		switch {
		case err != nil:
			return err
		case len(data) == 0 || !bytes.Equal(data, content(data[0])):
			return fmt.Errorf("read %d bytes that nobody wrote so", len(data))
		case data[0] == 'z':
			return nil
		}
		<-time.After(time.Millisecond) // nobody has a file open all the time
	}
}

func TestAFileIsReplacedWhileAnotherProcessReadsIt(t *testing.T) {
	dir := safedir.Dir(t.TempDir())
	if err := dir.Write("file", content('a')); err != nil {
		t.Fatal(err)
	}
	reader := start(t, "read", dir)
	for i := range 200 {
		if err := dir.Write("file", content('a'+byte(i%25))); err != nil {
			t.Errorf("write %d: %v", i, err)
			break
		}
	}
	if err := dir.Write("file", content('z')); err != nil {
		t.Fatal(err)
	}
	reader.succeeds(t)
	if names, err := dir.Names(); err != nil || !slices.Equal(names, []string{"file"}) {
		t.Errorf("left: %q, error %v", names, err)
	}
}

func TestAShortSecretIsReadWithoutPackages(t *testing.T) {
	ctx, chain := soon(t), credentialManager("credproc-test")
	t.Cleanup(func() { chain.Delete(context.Background(), "short") })
	for _, secret := range []string{"", "secret", strings.Repeat("x", 256), strings.Repeat("x", 257)} {
		if secret != "" {
			if err := chain.Set(ctx, "short", secret); err != nil {
				t.Fatal(err)
			}
		}
		got, ok := credman.Get("credproc-test:short")
		if fits := secret != "" && len(secret) <= 256; ok != fits || fits && got != secret {
			t.Errorf("of %d bytes %d are read, %v", len(secret), len(got), ok)
		}
	}
	if _, ok := credman.Get("credproc-test:\x00"); ok {
		t.Error("a name that is none has a secret")
	}
}

func TestTheCredentialManagerTakes2560Bytes(t *testing.T) {
	ctx, chain := soon(t), credentialManager("credproc-test")
	t.Cleanup(func() {
		if err := chain.Delete(context.Background(), "item"); err != nil {
			t.Error(err)
		}
	})
	fits := strings.Repeat("x", 2560)
	if err := chain.Set(ctx, "item", fits+"x"); !errors.Is(err, keyring.ErrTooBig) {
		t.Errorf("2,561 bytes: %v", err)
	}
	if _, err := chain.Get(ctx, "item"); !errors.Is(err, keyring.ErrNotFound) {
		t.Errorf("what was too big: %v", err)
	}
	if err := chain.Set(ctx, "item", fits); err != nil {
		t.Errorf("2,560 bytes: %v", err)
	}
	if got, err := chain.Get(ctx, "item"); got != fits || err != nil {
		t.Errorf("read %d bytes, error %v", len(got), err)
	}
}

const ourRole = "--sso-session corp --account-id 111111111111 --role-name Admin"

// A pc is a person's computer and an Identity Center for it.
type pc struct {
	testing.TB
	server *idctest.Server
	url    string
	dir    string
}

func newPC(t testing.TB) *pc {
	t.Helper()
	p := &pc{TB: t, server: idctest.New(), dir: t.TempDir()}
	p.server.AutoApprove, p.server.Rotation = true, idctest.Strict
	listener := httptest.NewServer(p.server)
	t.Cleanup(listener.Close)
	t.Cleanup(func() {
		if v := p.server.Violations(); len(v) > 0 {
			t.Errorf("the service would not like: %q", v)
		}
	})
	p.url = listener.URL
	config := fmt.Sprintf("[sso-session corp]\nsso_start_url = %s\nsso_region = %s\n", p.server.StartURL, p.server.Region)
	err := errors.Join(os.Mkdir(filepath.Join(p.dir, ".aws"), 0o700), os.Mkdir(filepath.Join(p.dir, "local"), 0o700),
		os.WriteFile(filepath.Join(p.dir, ".aws", "config"), []byte(config), 0o600))
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// command is a process of credproc.exe that has not started.
func (p *pc) command(line string) *exec.Cmd {
	c := exec.CommandContext(p.Context(), os.Getenv("CREDPROC_EXE"), strings.Fields(line)...)
	c.Env = []string{
		"USERPROFILE=" + p.dir, "LOCALAPPDATA=" + filepath.Join(p.dir, "local"), "PATH=" + os.Getenv("PATH"), "TEMP=" + os.Getenv("TEMP"),
		"AWS_ENDPOINT_URL_SSO_OIDC=" + p.url, "AWS_ENDPOINT_URL_SSO=" + p.url, "AWS_ENDPOINT_URL_STS=" + p.url,
	}
	return c
}

// run runs credproc.exe, and returns its exit status and what it says.
func (p *pc) run(line string) (status int, stdout, stderr string) {
	p.Helper()
	var out, log bytes.Buffer
	c := p.command(line)
	c.Stdout, c.Stderr = &out, &log
	err := c.Run()
	if _, exited := errors.AsType[*exec.ExitError](err); err != nil && !exited {
		p.Errorf("%s: %v", line, err)
		return -1, "", ""
	}
	return c.ProcessState.ExitCode(), out.String(), log.String()
}

// ends expects an exit status, and returns stdout.
func (p *pc) ends(want int, line string) string {
	p.Helper()
	status, stdout, stderr := p.run(line)
	if status != want {
		p.Errorf("%s: exit status %d, want %d\n%s", line, status, want, stderr)
	}
	return stdout
}

// items are the names of what the Credential Manager has of this computer, once
// there is a login.
func (p *pc) items() (session, key string) {
	p.Helper()
	found, err := dirid.Look(safedir.Dir(filepath.Join(p.dir, "local", "credproc", "state")))
	if err != nil || found.ID == "" {
		p.Fatalf("the state directory has the identity %q, %v", found.ID, err)
	}
	identity := sealed.Identity("session", p.url, p.url, p.server.StartURL, p.server.Region, "corp")
	return "session-" + sealed.Name(sealed.Identity(found.ID, identity)), "key-" + sealed.Name(sealed.Identity(found.ID))
}

func TestALoginIsInTheCredentialManagerAndNowhereElse(t *testing.T) {
	p := newPC(t)
	chain, ctx := credentialManager(""), soon(t)
	if out := p.ends(4, "process "+ourRole); out != "" {
		t.Errorf("without a login there is something on stdout")
	}
	p.ends(2, "process --no-such-flag")
	p.ends(0, "login corp --flow device --no-browser")
	session, key := p.items()
	t.Cleanup(func() { chain.Delete(context.Background(), key) })
	document := p.ends(0, "process "+ourRole)
	if !strings.Contains(document, `"SessionToken"`) || !strings.Contains(document, p.server.Marker()) {
		t.Error("the document has no session token of the service")
	}
	if again := p.ends(0, "process "+ourRole); again != document {
		t.Error("another process got something else")
	}
	if out := p.ends(0, "status"); !strings.Contains(out, "corp") {
		t.Errorf("status does not name the session:\n%s", out)
	}
	if secret, err := chain.Get(ctx, session); err != nil || !strings.Contains(secret, p.server.Marker()) {
		t.Errorf("the tokens are not in the Credential Manager: %d bytes, error %v", len(secret), err)
	}
	if _, err := chain.Get(ctx, key); err != nil {
		t.Errorf("the sealing key is not in the Credential Manager: %v", err)
	}
	p.noSecretInFiles()

	p.ends(0, "logout corp")
	if _, err := chain.Get(ctx, session); !errors.Is(err, keyring.ErrNotFound) {
		t.Errorf("after the sign-out: %v", err)
	}
	p.ends(4, "process "+ourRole)
}

func (p *pc) noSecretInFiles() {
	p.Helper()
	files := 0
	err := filepath.WalkDir(p.dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		files++
		data, err := os.ReadFile(path)
		if bytes.Contains(data, []byte(p.server.Marker())) {
			p.Errorf("%s has a secret in it", path)
		}
		return err
	})
	if err != nil || files < 2 { // there is more than the config file
		p.Errorf("%d files, error %v", files, err)
	}
}

// forgets removes from the Credential Manager what a test leaves there.
func (p *pc) forgets() {
	p.Cleanup(func() {
		session, key := p.items()
		chain := credentialManager("")
		chain.Delete(context.Background(), session)
		chain.Delete(context.Background(), key)
	})
}

func TestTwentyProcessesRefreshOnceAndFetchOnce(t *testing.T) {
	p := newPC(t)
	p.forgets()
	p.server.Set(func(s *idctest.Server) { s.AccessTokenLife = time.Second })
	p.ends(0, "login corp --flow device --no-browser")
	<-time.After(1100 * time.Millisecond) // the access token is over
	p.server.Set(func(s *idctest.Server) { s.AccessTokenLife, s.Latency = time.Hour, 150*time.Millisecond })

	documents := make([]string, 20)
	var all sync.WaitGroup
	for i := range documents {
		all.Go(func() { documents[i] = p.ends(0, "process "+ourRole) })
	}
	all.Wait()
	for _, d := range documents {
		if d == "" || d != documents[0] {
			t.Error("not everybody got the same credentials")
		}
	}
	for op, want := range map[string]int{"CreateToken:device_code": 1, "CreateToken:refresh_token": 1, "GetRoleCredentials": 1} {
		if got := p.server.Count(op); got != want {
			t.Errorf("%s was called %d times, want %d", op, got, want)
		}
	}
}

// A warm answer starts neither a process nor the packages of main: a person on
// Windows has many more of them than sign-ins.
func TestAWarmAnswerTakesTheShortWay(t *testing.T) {
	p := newPC(t)
	p.forgets()
	p.ends(0, "login corp --flow device --no-browser")
	document := p.ends(0, "process "+ourRole)
	calls := p.server.Total()

	traced := func(line string) (inits int, log string) {
		var out, stderr bytes.Buffer
		c := p.command(line)
		c.Stdout, c.Stderr, c.Env = &out, &stderr, append(c.Env, "GODEBUG=inittrace=1")
		if err := c.Run(); err != nil || out.String() != document {
			t.Errorf("%s: %v, the same document %v", line, err, out.String() == document)
		}
		return strings.Count(stderr.String(), "init "), stderr.String()
	}
	t.Log("a warm answer begins") // scripts/test-windows reads wine's own log between these
	inits, log := traced("process " + ourRole)
	t.Log("a warm answer has ended")
	long, _ := traced("process --debug " + ourRole)
	t.Logf("%d packages are initialized before a warm answer, %d on the long way", inits, long)
	for _, unwanted := range []string{"init net ", "init crypto/tls ", "init golang.org/x/sys/windows ", "wincred", "go-keyring", "kong", "credproc/cmd "} {
		if strings.Contains(log, unwanted) {
			t.Errorf("%s comes before the answer", unwanted)
		}
	}
	if inits == 0 || inits > 66 || long < 2*inits {
		t.Errorf("%d packages are initialized before a warm answer, %d on the long way:\n%s", inits, long, log)
	}
	if got := p.server.Total(); got != calls {
		t.Errorf("the service was called %d times for warm answers", got-calls)
	}
	p.ends(0, "logout corp")
	p.ends(4, "process "+ourRole)
}

// BenchmarkAWarmAnswer runs a program that does nothing, CREDPROC_HELLO, and a warm
// answer in turn. Most of what either takes is the start of a process in wine.
func BenchmarkAWarmAnswer(b *testing.B) {
	p := newPC(b)
	p.forgets()
	p.ends(0, "login corp --flow device --no-browser")
	p.ends(0, "process "+ourRole)
	takes := func(c *exec.Cmd) time.Duration {
		began := time.Now()
		if err := c.Run(); err != nil {
			b.Fatal(err)
		}
		return time.Since(began)
	}
	var ratios, hellos, answers []float64
	for b.Loop() {
		hello, answer := takes(exec.Command(os.Getenv("CREDPROC_HELLO"))), takes(p.command("process "+ourRole))
		hellos, answers = append(hellos, hello.Seconds()*1e3), append(answers, answer.Seconds()*1e3)
		ratios = append(ratios, answer.Seconds()/hello.Seconds())
	}
	for unit, all := range map[string][]float64{"x-hello": ratios, "ms-hello": hellos, "ms-answer": answers} {
		slices.Sort(all)
		b.ReportMetric(all[len(all)/2], unit)
	}
	b.ReportMetric(0, "ns/op") // of both
}

// As a program in WSL has it.
func TestAnItemIsKeptForAnotherSystem(t *testing.T) {
	p := newPC(t)
	t.Cleanup(func() { credentialManager("").Delete(context.Background(), "session-wsl") })
	ask := func(verb, item, stdin string) (status int, line string) {
		var out bytes.Buffer
		c := p.command("keyring-item " + verb + " " + item)
		c.Stdin, c.Stdout = strings.NewReader(stdin), &out
		c.Run()
		return c.ProcessState.ExitCode(), strings.TrimRight(out.String(), "\r\n")
	}
	long := strings.Repeat("ü", 1280)
	for _, step := range []struct{ verb, stdin, want string }{
		{"get", "", wsl.None},
		{"set", wsl.Encode(long) + "\n", wsl.Done},
		{"get", "", wsl.Found + wsl.Encode(long)},
		{"set", wsl.Encode(long+"x") + "\n", wsl.TooBig},
		{"get", "", wsl.Found + wsl.Encode(long)},
		{"delete", "", wsl.Done},
		{"get", "", wsl.None},
	} {
		if status, line := ask(step.verb, "session-wsl", step.stdin); status != 0 || line != step.want {
			t.Errorf("%s: exit status %d, %.40q, want %.40q", step.verb, status, line, step.want)
		}
	}
	if status, line := ask("get", "a.b", ""); status == 0 || line != "" {
		t.Errorf("of what is no item: exit status %d, %q", status, line)
	}
}

// overflow are the files of tokens that the Credential Manager has no room for.
func (p *pc) overflow() (files []string) {
	files, err := filepath.Glob(filepath.Join(p.dir, "local", "credproc", "state", "*.tokens"))
	if err != nil {
		p.Fatal(err)
	}
	return files
}

func TestATokenOf2561BytesLiesInASealedFile(t *testing.T) {
	p := newPC(t)
	p.forgets()
	p.server.Set(func(s *idctest.Server) { s.TokenSize, s.AccessTokenLife = 2561, time.Second })
	p.ends(0, "login corp --flow device --no-browser")
	first := p.overflow()
	<-time.After(1100 * time.Millisecond) // the access token is over
	p.server.Set(func(s *idctest.Server) { s.AccessTokenLife = time.Hour })
	if document := p.ends(0, "process "+ourRole); !strings.Contains(document, p.server.Marker()) {
		t.Error("the document has no session token of the service")
	}
	second := p.overflow()
	if len(first) != 1 || len(second) != 1 || first[0] == second[0] || p.server.Count("CreateToken:refresh_token") != 1 {
		t.Errorf("files %q, and after the renewal %q", first, second)
	}
	session, _ := p.items()
	if short, err := credentialManager("").Get(soon(t), session); err != nil || strings.Contains(short, p.server.Marker()) {
		t.Errorf("the Credential Manager has %d bytes, error %v", len(short), err)
	}
	p.noSecretInFiles()
	p.ends(0, "logout corp")
	if files := p.overflow(); len(files) != 0 {
		t.Errorf("after the sign-out: %q", files)
	}
}

func TestExecEndsAsItsCommand(t *testing.T) {
	p := newPC(t)
	p.forgets()
	p.ends(0, "login corp --flow device --no-browser")
	p.ends(42, "exec "+ourRole+" -- cmd /c exit 42")
	p.ends(0xC000013A, "exec "+ourRole+" -- cmd /c exit -1073741510") // Ctrl-C
	if out := p.ends(0, "exec "+ourRole+" -- cmd /c echo %AWS_ACCESS_KEY_ID%"); !strings.HasPrefix(out, "ASIA") {
		t.Errorf("the command has no credentials: %q", out)
	}
	p.ends(127, "exec "+ourRole+" -- there-is-no-such-program")
}

// holding starts exec with a command that holds a lock in dir, and returns the
// command's process.
func (p *pc) holding(dir safedir.Dir, command string) (c *exec.Cmd, child *os.Process) {
	p.Helper()
	c = p.command("exec " + ourRole + " -- " + command)
	c.Env = append(c.Env, "OTHER_ROLE=hold", "OTHER_DIR="+string(dir))
	stdin, open, err := os.Pipe() // the command's, which does not end before the test
	if err != nil {
		p.Fatal(err)
	}
	p.Cleanup(func() { stdin.Close(); open.Close() })
	c.Stdin = stdin
	stdout, err := c.StdoutPipe()
	if err != nil {
		p.Fatal(err)
	}
	if err := c.Start(); err != nil {
		p.Fatal(err)
	}
	if _, err := io.ReadFull(stdout, make([]byte, 1)); err != nil {
		p.Fatal(err)
	}
	h, _ := flight.HeldBy(dir, testLock.String())
	child, err = os.FindProcess(h.PID)
	if err != nil || h.PID == c.Process.Pid {
		p.Fatalf("process %d has the lock, error %v", h.PID, err)
	}
	return c, child
}

func TestExecEndsWithACommandThatIsKilled(t *testing.T) {
	p := newPC(t)
	p.forgets()
	p.ends(0, "login corp --flow device --no-browser")
	c, child := p.holding(safedir.Dir(t.TempDir()), os.Args[0])
	if err := child.Kill(); err != nil {
		t.Error(err)
	}
	if c.Wait(); c.ProcessState.ExitCode() != 1 { // as Kill says
		t.Errorf("exit status %d", c.ProcessState.ExitCode())
	}
}

// script writes a batch file into the person's directory.
func (p *pc) script(name string, lines ...string) string {
	p.Helper()
	path := filepath.Join(p.dir, name)
	err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o700), os.WriteFile(path, []byte(strings.Join(append([]string{"@echo off"}, lines...), "\r\n")+"\r\n"), 0o700))
	if err != nil {
		p.Fatal(err)
	}
	return path
}

// npm, scoop and others put a .cmd file into PATH, which starts the program.
func TestACommandEndsWithExecThatIsKilled(t *testing.T) {
	p := newPC(t)
	p.forgets()
	p.ends(0, "login corp --flow device --no-browser")
	for what, command := range map[string]string{"a program": os.Args[0], "a shim": p.script("shim.cmd", os.Args[0])} {
		dir := safedir.Dir(t.TempDir())
		c, _ := p.holding(dir, command)
		if err := c.Process.Kill(); err != nil {
			t.Error(err)
		}
		c.Wait()
		_, release, err := flight.Lock(soon(t), dir, testLock, "get it")
		if err != nil {
			t.Fatalf("%s lives on: %v", what, err)
		}
		release()
	}
}

// As on other systems: a build server, an agent.
func TestWhatACommandLeavesRunningGoesOnAfterExec(t *testing.T) {
	p := newPC(t)
	p.forgets()
	p.ends(0, "login corp --flow device --no-browser")
	dir := safedir.Dir(t.TempDir())
	c, daemon := p.holding(dir, p.script("starts.cmd", `start "" /b `+os.Args[0], "exit 9"))
	defer daemon.Kill()
	if c.Wait(); c.ProcessState.ExitCode() != 9 {
		t.Errorf("exit status %d, want 9", c.ProcessState.ExitCode())
	}
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	if _, _, err := flight.Lock(ctx, dir, testLock, "get it"); err == nil {
		t.Error("it has ended with exec")
	}
}

func TestAPassphraseCommandMayHaveQuotes(t *testing.T) {
	p := newPC(t)
	tool := p.script(`my tools\ask.cmd`, `if "%~1"=="correct horse" echo battery staple`)
	environment := []string{"CREDPROC_KEYRING=file", `CREDPROC_PASSPHRASE_COMMAND="` + tool + `" "correct horse"`}
	for _, line := range []string{"login corp --flow device --no-browser", "process " + ourRole, "keyring show"} {
		c := p.command(line)
		c.Env = append(c.Env, environment...)
		if out, err := c.CombinedOutput(); err != nil {
			t.Errorf("%s: %v\n%s", line, err, out)
		}
	}
}

// onConsole runs credproc.exe on a console of its own, with stderr elsewhere, and
// returns what the console shows.
func (p *pc) onConsole(line string) string {
	p.Helper()
	for _, setting := range p.command(line).Env {
		name, value, _ := strings.Cut(setting, "=")
		p.Setenv(name, value)
	}
	must := func(err error) {
		p.Helper()
		if err != nil {
			p.Fatal(err)
		}
	}
	keys, typed, err := os.Pipe()
	must(err)
	shown, screen, err := os.Pipe()
	must(err)
	log, err := os.Create(filepath.Join(p.dir, "stderr"))
	must(err)
	defer func() { keys.Close(); typed.Close(); shown.Close(); log.Close() }()
	var console windows.Handle
	must(windows.CreatePseudoConsole(windows.Coord{X: 200, Y: 30}, windows.Handle(keys.Fd()), windows.Handle(screen.Fd()), 0, &console))
	screen.Close()
	attributes, err := windows.NewProcThreadAttributeList(1)
	must(err)
	defer attributes.Delete()
	must(attributes.Update(windows.PROC_THREAD_ATTRIBUTE_PSEUDOCONSOLE, *(*unsafe.Pointer)(unsafe.Pointer(&console)), unsafe.Sizeof(console)))
	start := &windows.StartupInfoEx{ProcThreadAttributeList: attributes.List()}
	start.Cb, start.Flags = uint32(unsafe.Sizeof(*start)), windows.STARTF_USESTDHANDLES
	start.StdInput, start.StdOutput, start.StdErr = windows.Handle(log.Fd()), windows.Handle(log.Fd()), windows.Handle(log.Fd())
	must(windows.SetHandleInformation(start.StdErr, windows.HANDLE_FLAG_INHERIT, windows.HANDLE_FLAG_INHERIT))
	words, err := windows.UTF16PtrFromString(os.Getenv("CREDPROC_EXE") + " " + line)
	must(err)
	var started windows.ProcessInformation
	must(windows.CreateProcess(nil, words, nil, nil, true, windows.EXTENDED_STARTUPINFO_PRESENT, nil, nil, &start.StartupInfo, &started))
	text := make(chan string, 1)
	go func() {
		all, _ := io.ReadAll(shown)
		text <- string(all)
	}()
	if event, err := windows.WaitForSingleObject(started.Process, 30_000); event != windows.WAIT_OBJECT_0 {
		p.Errorf("it does not end: %v, %v", event, err)
	}
	windows.ClosePseudoConsole(console)
	return <-text
}

// Opened for writing alone, a console shows UTF-8 in its own code page.
func TestTheHintOnTheConsoleIsReadable(t *testing.T) {
	p := newPC(t)
	config := fmt.Sprintf("[sso-session Zürich]\nsso_start_url = %s\nsso_region = %s\n", p.server.StartURL, p.server.Region)
	if err := os.WriteFile(filepath.Join(p.dir, ".aws", "config"), []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	shown := p.onConsole("process --sso-session Zürich --account-id 111111111111 --role-name Admin")
	if !strings.Contains(shown, `hint: run credproc login "Zürich"`) {
		t.Errorf("the console shows %q", shown)
	}
}

// People paste it, and cmd.exe runs what stands after an &.
func TestAHintCanBePastedIntoTheCommandPrompt(t *testing.T) {
	p := newPC(t)
	const name = "R&D's(50%^x)"
	config := fmt.Sprintf("[sso-session %s]\nsso_start_url = %s\nsso_region = %s\n", name, p.server.StartURL, p.server.Region)
	if err := os.WriteFile(filepath.Join(p.dir, ".aws", "config"), []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	_, _, said := p.run("process --sso-session " + name + " --account-id 111111111111 --role-name Admin")
	_, hint, ok := strings.Cut(strings.TrimSpace(said), "hint: run ")
	if !ok || strings.Contains(hint, "\n") {
		t.Fatalf("it says %q", said)
	}
	pasted := p.command("")
	pasted.Path = os.Getenv("COMSPEC")
	pasted.SysProcAttr = &syscall.SysProcAttr{CmdLine: `cmd /S /C "` + hint + ` --flow device --no-browser"`}
	pasted.Env = append(pasted.Env, "PATH="+filepath.Dir(os.Getenv("CREDPROC_EXE"))+";"+os.Getenv("PATH"))
	if out, err := pasted.CombinedOutput(); err != nil {
		t.Errorf("%s: %v\n%s", hint, err, out)
	}
	p.ends(0, "process --sso-session "+name+" --account-id 111111111111 --role-name Admin")
	p.ends(0, "logout --all")
}

// credentialManager is the keyring of Windows.
func credentialManager(service string) keyring.Keyring {
	k, err := keyring.New("os", keyring.Options{Service: service})
	if err != nil {
		panic(err)
	}
	return k
}
