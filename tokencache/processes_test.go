package tokencache

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http/httptest"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/credproc/credproc/credproc/credproctest/idctest"
	"github.com/credproc/credproc/internal/layout"
	"github.com/credproc/credproc/oidc"
	"github.com/credproc/credproc/tokencache/keyring"
)

// What another process is told in its environment.
const (
	roleVariable     = "TOKENCACHE_TEST_ROLE"
	dirVariable      = "TOKENCACHE_TEST_DIR"
	endpointVariable = "TOKENCACHE_TEST_ENDPOINT"
	numberVariable   = "TOKENCACHE_TEST_NUMBER"
)

// roles are what another process does.
var roles = map[string]func() error{
	"sign in": func() error {
		s := child("corp-" + os.Getenv(numberVariable))
		await()
		return s.SignIn(context.Background(), byCode)
	},
	"token": func() error { await(); return printToken(child("corp")) },
	"list": func() error {
		s := child("corp")
		await()
		data, err := cached(context.Background(), s, thing{
			words: []string{"list"}, op: "get the list",
			judge: func([]byte, time.Time) layout.Freshness { return layout.Fresh },
			fetch: func(ctx context.Context) ([]byte, error) {
				fmt.Print("fetched ")
				tok, err := s.Token(ctx)
				return fmt.Appendln(nil, "list of", tokenHash(tok.AccessToken)), err
			},
		})
		fmt.Print(string(data))
		return err
	},
	"die": func() error {
		s := child("corp")
		left, err := strconv.Atoi(os.Getenv(numberVariable))
		if err != nil {
			return err
		}
		w := &watched{Keyring: s.Keyring}
		step := func(context.Context, string, string) error {
			if left--; left == 0 {
				if self, err := os.FindProcess(os.Getpid()); err == nil {
					self.Kill()
				}
				select {} // until that has come
			}
			return nil
		}
		w.before, w.after = step, step
		s.Keyring = w
		return printToken(s)
	},
}

func printToken(s *Session) error {
	tok, err := s.Token(context.Background())
	if err == nil {
		fmt.Println(tokenHash(tok.AccessToken))
	}
	return err
}

// await waits until the test lets all processes start.
func await() { io.Copy(io.Discard, os.Stdin) }

func child(name string) *Session {
	return elsewhere(os.Getenv(dirVariable), os.Getenv(endpointVariable), name)
}

// elsewhere is a session with everything in files, at a service that is
// reached through a socket.
func elsewhere(dir, endpoint, name string) *Session {
	return &Session{
		Name: name, Config: oidc.Config{StartURL: "https://idc.example/start", Region: "us-east-1", Endpoint: endpoint},
		PortalEndpoint: endpoint, Keyring: ring("plaintext", keyring.Options{Dir: dir + "/keyring"}), StateDir: dir + "/state", CacheDir: dir + "/cache",
	}
}

// A city is where a test has many processes.
type city struct {
	*testing.T
	server *idctest.Server
	url    string
	dir    string
}

func newCity(t *testing.T) *city {
	t.Helper()
	c := &city{T: t, server: idctest.New(), dir: t.TempDir()}
	c.server.AutoApprove, c.server.Rotation = true, idctest.Strict
	service := httptest.NewServer(c.server)
	t.Cleanup(service.Close)
	c.url = service.URL
	return c
}

func (c *city) session(name string) *Session { return elsewhere(c.dir, c.url, name) }

func (c *city) signIn(name string) {
	c.Helper()
	if err := c.session(name).SignIn(c.Context(), byCode); err != nil {
		c.Fatal(err)
	}
}

// expire makes the stored access token one that is over.
func (c *city) expire(name string) {
	c.Helper()
	st, err := c.session(name).open()
	if err != nil {
		c.Fatal(err)
	}
	it, err := st.readItem(c.Context())
	if err != nil {
		c.Fatal(err)
	}
	it.Renewed, it.Expiry = it.Renewed-7200, time.Now().Unix()-1
	if err := st.writeItem(c.Context(), it); err != nil {
		c.Fatal(err)
	}
}

// crowd runs n processes that start at the same moment, and returns what they
// say.
func (c *city) crowd(n int, role string) []string {
	c.Helper()
	exe, err := os.Executable()
	if err != nil {
		c.Fatal(err)
	}
	gate, opener, err := os.Pipe()
	if err != nil {
		c.Fatal(err)
	}
	defer gate.Close()
	ctx, cancel := context.WithTimeout(c.Context(), time.Minute)
	defer cancel()
	said, errs := make([]bytes.Buffer, n), make([]bytes.Buffer, n)
	var all []*exec.Cmd
	for i := range n {
		p := exec.CommandContext(ctx, exe)
		p.Env = append(os.Environ(), roleVariable+"="+role, dirVariable+"="+c.dir, endpointVariable+"="+c.url, fmt.Sprint(numberVariable, "=", i))
		p.Stdin, p.Stdout, p.Stderr = gate, &said[i], &errs[i]
		if err := p.Start(); err != nil {
			c.Fatal(err)
		}
		all = append(all, p)
	}
	opener.Close()
	var lines []string
	for i, p := range all {
		if err := p.Wait(); err != nil {
			c.Errorf("process %d: %v: %s%s", i, err, &said[i], &errs[i])
		}
		lines = append(lines, said[i].String())
	}
	return lines
}

func TestTwentyProcessesThatSignInFirstAgreeOnOneKey(t *testing.T) {
	c := newCity(t)
	c.crowd(20, "sign in")
	for i := range 20 {
		name := fmt.Sprint("corp-", i)
		c.expire(name)
		if _, err := c.session(name).Token(t.Context()); err != nil { // needs the registration, sealed
			t.Error(err)
		}
	}
}

func TestTwentyProcessesRenewOnce(t *testing.T) {
	c := newCity(t)
	c.server.Latency = 50 * time.Millisecond
	c.signIn("corp")
	c.expire("corp")
	lines := c.crowd(20, "token")
	for _, line := range lines {
		if line != lines[0] || line == "" {
			t.Errorf("%q and %q", line, lines[0])
		}
	}
	if n := c.server.Count("CreateToken:refresh_token"); n != 1 {
		t.Errorf("%d renewals", n)
	}
}

func TestTwentyProcessesFetchOnce(t *testing.T) {
	c := newCity(t)
	c.server.Latency = 50 * time.Millisecond
	c.signIn("corp")
	c.expire("corp")
	fetched := 0
	for _, line := range c.crowd(20, "list") {
		fetched += strings.Count(line, "fetched ")
		if !strings.Contains(line, "list of ") {
			t.Errorf("a process says %q", line)
		}
	}
	if n := c.server.Count("CreateToken:refresh_token"); n != 1 || fetched != 1 {
		t.Errorf("%d renewals, %d fetches", n, fetched)
	}
}

func TestALoginOutlivesAProcessThatIsKilled(t *testing.T) {
	c := newCity(t)
	c.signIn("corp")
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	kills := 0
	for step := 1; step < 100; step++ {
		c.expire("corp")
		p := exec.CommandContext(t.Context(), exe)
		p.Env = append(os.Environ(), roleVariable+"=die", dirVariable+"="+c.dir, endpointVariable+"="+c.url, fmt.Sprint(numberVariable, "=", step))
		said, err := p.CombinedOutput()
		status, killed := errors.AsType[*exec.ExitError](err)
		if err != nil && (!killed || status.Exited()) {
			t.Fatalf("step %d: %v: %s", step, err, said)
		}
		if _, err := c.session("corp").Token(t.Context()); err != nil {
			t.Fatalf("killed at step %d: %v", step, err)
		}
		if err == nil {
			break
		}
		kills++
	}
	if kills < 6 {
		t.Errorf("killed %d times: this proves little", kills)
	}
	if err := c.session("corp").Renew(t.Context()); err != nil {
		t.Error(err)
	}
}
