// Package credproctest gives a test a session that is signed in, without an AWS
// account, a keychain, a network or the user's files:
//
//	func TestReport(t *testing.T) {
//		provider := &credproc.Provider{
//			Session:   credproctest.SignedIn(t),
//			AccountID: "111111111111",
//			RoleName:  "Admin",
//		}
//		…
//	}
//
// A test of a program that only gets credentials needs no more than [SignedIn]. To
// count calls, make them fail, sign in or run several processes, make a [Machine]
// with [New]: its Center is a local IAM Identity Center ([idctest.Server]) with
// counters and faults.
//
// Nothing leaves the process: requests are answered in the goroutine that makes
// them, so that everything works inside a bubble of [testing/synctest] too,
// where hours pass at once. For other processes serve the Center with
// [net/http/httptest.NewServer], and name its URL in AWS_ENDPOINT_URL.
//
// The Identity Center is a package of its own, idctest, because it imports nothing of credproc's:
// the tests inside credproc's packages use it too, and so can clients that have
// nothing to do with them.
//
// # Stability
//
// The names follow the module's version: before 1.0 a release may change them, with
// an entry in the changelog; after that they only grow. Package idctest says which
// behavior of the service is promised.
package credproctest

import (
	"context"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/credproc/credproc/credproc"
	"github.com/credproc/credproc/credproc/credproctest/idctest"
	"github.com/credproc/credproc/internal/inside"
	"github.com/credproc/credproc/internal/settings"
	"github.com/credproc/credproc/oidc"
	"github.com/credproc/credproc/tokencache"
	"github.com/credproc/credproc/tokencache/keyring"
)

// pauseTime is more than any work of a session takes that a test leaves running.
const pauseTime = time.Minute

// SignedIn returns the session corp of a new [Machine], signed in. It calls
// t.Fatal if that fails.
func SignedIn(t testing.TB) *tokencache.Session {
	t.Helper()
	return New(t).SignedIn()
}

// Machine is what the processes of one user on one machine share: a keyring, a
// home directory, and the Identity Center that they call. Each Session, and each
// Config, is a process of its own on it.
//
// Make it with [New]. Its fields may be replaced before the first use; its
// methods are safe for concurrent use.
type Machine struct {
	// Center is the service. Its user is assigned to the roles Admin and
	// ReadOnly in account 111111111111, and Admin in 222222222222.
	Center *idctest.Server
	// Keyring keeps the tokens: a [keyring.Memory].
	Keyring keyring.Keyring
	// Home is the home directory, of this test alone. State and cache are in
	// it too.
	Home string

	t        testing.TB
	mu       sync.Mutex
	sessions []*tokencache.Session
	configs  []*credproc.Config
}

// New returns a machine without a login. At the end of the test it
// waits for the work that the test left under way, lets none start any more, and
// removes the files.
func New(t testing.TB) *Machine {
	t.Helper()
	m := &Machine{Center: idctest.New(), Keyring: new(keyring.Memory), Home: t.TempDir(), t: t}
	t.Cleanup(m.pause)
	return m
}

// pause runs before the directory is removed, which is why it waits for every
// lock and not only for what must reach the keyring.
func (m *Machine) pause() {
	ctx, cancel := context.WithTimeout(context.Background(), pauseTime)
	defer cancel()
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, c := range m.configs {
		if in, err := inside.Of[settings.Config](c); err == nil { // or it has made none
			m.sessions = append(m.sessions, in.Sessions()...)
		}
	}
	for _, s := range m.sessions {
		in, err := inside.Of[inside.Session](s)
		if err != nil {
			continue // it was never at work
		}
		if _, err := in.Pause(ctx); err != nil {
			m.t.Errorf("session %s is at work after the end of the test: %v", s.Name, err)
		}
	}
}

// Session returns the session corp in a process of its own, signed in or not:
// set its other fields before the first call.
func (m *Machine) Session() *tokencache.Session {
	s := &tokencache.Session{
		Name:     "corp",
		Config:   oidc.Config{StartURL: m.Center.StartURL, Region: m.Center.Region, HTTPClient: m.Center.Client()},
		Keyring:  m.Keyring,
		StateDir: m.stateDir(), CacheDir: m.cacheDir(), NoKeyCache: true,
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.sessions = append(m.sessions, s)
	return s
}

// SignedIn is [Machine.Session] after a sign-in that a person has approved at
// once. The sign-in is in the Center's counters, as one RegisterClient, one
// StartDeviceAuthorization and one CreateToken:device_code. SignedIn calls
// t.Fatal if it fails.
func (m *Machine) SignedIn() *tokencache.Session {
	m.t.Helper()
	s := m.Session()
	if err := s.SignIn(m.t.Context(), m.approve); err != nil {
		m.t.Fatalf("sign in to the session corp of the test: %v", err)
	}
	return s
}

// approve signs in, and is the person, who has approved before the first poll:
// there is nothing to wait for.
func (m *Machine) approve(ctx context.Context, c *oidc.Config) (*oidc.Token, error) {
	code, err := c.StartDeviceCode(ctx)
	if err != nil {
		return nil, err
	}
	m.Center.Approve(code.UserCode) // fails with AutoApprove, which has done it
	code.Interval = time.Nanosecond
	return c.Redeem(ctx, code)
}

// Config returns the configuration of a process of its own, whose ~/.aws/config
// has the section [sso-session corp] and after it these profiles:
//
//	config := machine.Config(`
//	[profile dev]
//	sso_session = corp
//	sso_account_id = 111111111111
//	sso_role_name = Admin
//	`)
//
// Of the environment it sees only HOME. Another call writes the file again. It
// calls t.Fatal if that fails.
func (m *Machine) Config(profiles string) *credproc.Config {
	m.t.Helper()
	text := "[sso-session corp]\nsso_start_url = " + m.Center.StartURL + "\nsso_region = " + m.Center.Region + "\n\n" + profiles
	dir := filepath.Join(m.Home, ".aws")
	if err := os.MkdirAll(dir, 0o700); err != nil {
		m.t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "config"), []byte(text), 0o600); err != nil {
		m.t.Fatal(err)
	}
	c := &credproc.Config{
		Getenv: m.getenv, HTTPClient: m.Center.Client(), Keyring: m.Keyring,
		StateDir: m.stateDir(), CacheDir: m.cacheDir(), NoKeyCache: true,
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.configs = append(m.configs, c)
	return c
}

func (m *Machine) getenv(name string) string {
	if name == "HOME" {
		return m.Home
	}
	return ""
}

func (m *Machine) stateDir() string { return filepath.Join(m.Home, "state") }
func (m *Machine) cacheDir() string { return filepath.Join(m.Home, "cache") }
