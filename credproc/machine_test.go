package credproc

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/aws/smithy-go"
	smithyhttp "github.com/aws/smithy-go/transport/http"
	"golang.org/x/sync/errgroup"

	"github.com/credproc/credproc/credproc/credproctest/idctest"
	"github.com/credproc/credproc/internal/agent"
	"github.com/credproc/credproc/oidc"
	"github.com/credproc/credproc/tokencache"
	"github.com/credproc/credproc/tokencache/keyring"
)

// A machine is what the processes of one machine share, and the service that
// they call. A process is a Session of its own.
type machine struct {
	*testing.T
	server  *idctest.Server
	keyring keyring.Keyring
	dir     string

	mu    sync.Mutex
	log   bytes.Buffer    // of all processes, at debug level
	asked []*http.Request // what they sent
}

// onMachine runs a test in a bubble of time, on a machine where somebody has
// signed in to the session corp.
func onMachine(t *testing.T, test func(m *machine)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		m := &machine{T: t, server: idctest.New(), keyring: new(keyring.Memory), dir: t.TempDir()}
		m.server.AutoApprove = true
		m.signIn(m.session())
		test(m)
		// What nobody waits for any more ends by itself.
		time.Sleep(time.Minute)
		m.hidesSecrets("the log", m.logged())
		if v := m.server.Violations(); len(v) > 0 {
			t.Errorf("violations: %q", v)
		}
	})
}

// session is the session corp in another process.
func (m *machine) session() *tokencache.Session {
	return &tokencache.Session{
		Name: "corp",
		Config: oidc.Config{
			StartURL: m.server.StartURL, Region: m.server.Region, HTTPClient: m.client(),
		},
		Keyring: m.keyring, StateDir: m.dir + "/state", CacheDir: m.dir + "/cache", Logger: m.logger(),
	}
}

func (m *machine) signIn(s *tokencache.Session) {
	m.Helper()
	err := s.SignIn(m.Context(), func(ctx context.Context, c *oidc.Config) (*oidc.Token, error) {
		return c.SignInWithCode(ctx, func(oidc.DeviceCode) error { return nil })
	})
	if err != nil {
		m.Fatal(err)
	}
}

// role is a provider in a process of its own.
func (m *machine) role(account, name string) *Provider {
	return &Provider{Session: m.session(), AccountID: account, RoleName: name}
}

func (m *machine) admin() *Provider { return m.role("111111111111", "Admin") }

// config is ~/.aws/config in another process. env has variables "NAME=value".
func (m *machine) config(text string, env ...string) *Config {
	m.Helper()
	home := m.TempDir()
	write(m.T, filepath.Join(home, ".aws", "config"), text)
	c := &Config{
		Getenv: environment(append(env, "HOME="+home, "USER=Zoë O'Hara")...), HTTPClient: m.client(), Logger: m.logger(),
		Keyring: m.keyring, StateDir: m.dir + "/state", CacheDir: m.dir + "/cache",
	}
	c.starter = new(agent.Asker) // an agent may run the tests
	return c
}

func environment(env ...string) func(string) string {
	return func(name string) string {
		for _, e := range env {
			if value, ok := strings.CutPrefix(e, name+"="); ok {
				return value
			}
		}
		return ""
	}
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// client reaches the service, whatever the host.
func (m *machine) client() *http.Client {
	next := m.server.Client().Transport
	return &http.Client{Transport: roundTripper(func(r *http.Request) (*http.Response, error) {
		m.mu.Lock()
		m.asked = append(m.asked, r)
		m.mu.Unlock()
		return next.RoundTrip(r)
	})}
}

type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// last is the last request that was sent.
func (m *machine) last() *http.Request {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.asked[len(m.asked)-1]
}

func (m *machine) logger() *slog.Logger {
	return slog.New(slog.NewTextHandler(m, &slog.HandlerOptions{Level: slog.LevelDebug}))
}

// Write takes a line of the log.
func (m *machine) Write(line []byte) (int, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.log.Write(line)
}

func (m *machine) logged() string {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.log.String()
}

// asks fails unless the service was called as want says while do ran:
// "GetRoleCredentials 1, ListAccounts 2", in the order of the alphabet.
func (m *machine) asks(want string, do func()) {
	m.Helper()
	before := m.server.Counts()
	do()
	counts := m.server.Counts()
	var calls []string
	for _, op := range slices.Sorted(maps.Keys(counts)) {
		if n := counts[op] - before[op]; n > 0 && !strings.Contains(op, ":") {
			calls = append(calls, fmt.Sprintf("%s %d", op, n))
		}
	}
	if got := strings.Join(calls, ", "); got != want {
		m.Errorf("the service was asked for %q, want %q", got, want)
	}
}

func (m *machine) get(p aws.CredentialsProvider) aws.Credentials {
	m.Helper()
	c, err := p.Retrieve(m.Context())
	if err != nil {
		m.Fatal(err)
	}
	return c
}

// refused returns the error that p gives, having looked for secrets in it.
func (m *machine) refused(p aws.CredentialsProvider) error {
	m.Helper()
	c, err := p.Retrieve(m.Context())
	if err == nil || c.HasKeys() {
		m.Fatalf("credentials that end at %v and error %v, want an error alone", c.Expires, err)
	}
	m.errorHidesSecrets(err)
	return err
}

func (m *machine) errorHidesSecrets(err error) {
	m.Helper()
	// These hold the request, with a token in its header, where no verb shows it.
	if isA[*smithyhttp.ResponseError](err) || isA[*smithy.OperationError](err) {
		m.Errorf("%v holds the SDK's error", err)
	}
	for e := err; e != nil; e = errors.Unwrap(e) {
		m.hidesSecrets("an error", fmt.Sprintf("%v\n%+v\n%#v\n%s\n%q", e, e, e, e, e))
	}
	var log bytes.Buffer
	slog.New(slog.NewJSONHandler(&log, nil)).Error("failed", "error", err)
	m.hidesSecrets("an error in a log", log.String())
}

func (m *machine) hidesSecrets(where, text string) {
	m.Helper()
	for _, secret := range append(m.server.Secrets(), m.server.Marker()) {
		if strings.Contains(text, secret) {
			m.Fatalf("%s has the secret %.12s… in it: %s", where, secret, text)
		}
	}
}

// identity is who credentials are, by the service's word.
func (m *machine) identity(c aws.Credentials) string {
	m.Helper()
	client := sts.New(sts.Options{
		Region: "us-east-1", HTTPClient: m.server.Client(), Retryer: aws.NopRetryer{},
		Credentials: credentials.StaticCredentialsProvider{Value: c},
	})
	out, err := client.GetCallerIdentity(m.Context(), nil)
	if err != nil {
		m.Fatal(err)
	}
	return aws.ToString(out.Arn)
}

// together runs do n times at once.
func (m *machine) together(n int, do func(i int) error) {
	m.Helper()
	var g errgroup.Group
	for i := range n {
		g.Go(func() error { return do(i) })
	}
	if err := g.Wait(); err != nil {
		m.Fatal(err)
	}
}

// signedIn fails unless the login is whole.
func (m *machine) signedIn() {
	m.Helper()
	status, err := m.session().Status()
	if err != nil || status == nil || status.Ended != "" {
		m.Errorf("status %+v, error %v, want a login that has not ended", status, err)
	}
	if _, err := m.session().Token(m.Context()); err != nil {
		m.Errorf("the login gives no token: %v", err)
	}
}

func isUnavailable(err error) *tokencache.ServiceError {
	unavailable, _ := errors.AsType[*tokencache.ServiceError](err)
	return unavailable
}
