package credproctest_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"go.uber.org/goleak"

	"github.com/credproc/credproc/credproc"
	"github.com/credproc/credproc/credproc/credproctest"
	"github.com/credproc/credproc/credproc/credproctest/idctest"
	"github.com/credproc/credproc/oidc"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestTheExamplesWork(test *testing.T) {
	for name, example := range map[string]func(){
		"SignedIn": ExampleSignedIn, "New": ExampleNew, "Machine.SignedIn": ExampleMachine_SignedIn, "Machine.Config": ExampleMachine_Config,
	} {
		test.Run(name, func(test *testing.T) {
			synctest.Test(test, func(test *testing.T) {
				t = test
				example()
			})
		})
	}
}

func TestASessionIsSignedInForHours(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := credproctest.New(t)
		s := m.SignedIn()
		for range 4 {
			if _, err := s.Token(t.Context()); err != nil {
				t.Fatal(err)
			}
			time.Sleep(90 * time.Minute)
		}
		if n := m.Center.Count("CreateToken:refresh_token"); n != 3 {
			t.Errorf("%d renewals, want 3", n)
		}
		if v := m.Center.Violations(); len(v) > 0 {
			t.Errorf("violations: %q", v)
		}
	})
}

func TestASignInDoesNotWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		credproctest.SignedIn(t)
		if took := time.Since(began); took > time.Millisecond {
			t.Errorf("it took %v of the clock", took)
		}
	})
}

func TestAutoApproveIsNoObstacle(t *testing.T) {
	m := credproctest.New(t)
	m.Center.AutoApprove = true
	m.SignedIn()
}

func TestSessionsOfAMachineShareALoginAndMachinesDoNot(t *testing.T) {
	m := credproctest.New(t)
	if _, err := m.Session().Token(t.Context()); !errors.Is(err, oidc.ErrSignInRequired) {
		t.Errorf("before the sign-in: error %v", err)
	}
	m.SignedIn()
	if _, err := m.Session().Token(t.Context()); err != nil {
		t.Error(err)
	}
	if _, err := credproctest.New(t).Session().Token(t.Context()); !errors.Is(err, oidc.ErrSignInRequired) {
		t.Errorf("on another machine: error %v", err)
	}
}

func TestNothingOfTheUserIsReadOrWritten(t *testing.T) {
	home := t.TempDir()
	for _, name := range []string{"HOME", "USERPROFILE", "LOCALAPPDATA", "XDG_STATE_HOME", "XDG_CACHE_HOME"} {
		t.Setenv(name, home)
	}
	t.Setenv("AWS_PROFILE", "mine")
	t.Setenv("AWS_CONFIG_FILE", filepath.Join(home, "mine"))
	m := credproctest.New(t)
	m.SignedIn()
	c := m.Config("[profile dev]\nsso_session = corp\nsso_account_id = 111111111111\nsso_role_name = Admin\n")
	provider, err := c.Provider("dev")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := provider.Retrieve(t.Context()); err != nil {
		t.Error(err)
	}
	if p, err := c.Provider(""); err == nil {
		t.Errorf("a default profile is there, of session %s", p.Session.Name)
	}
	if entries, err := os.ReadDir(home); err != nil || len(entries) > 0 {
		t.Errorf("in the user's home: %v, error %v", entries, err)
	}
}

func TestAProgramMayCloseItself(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := &recorded{TB: t}
		if err := credproctest.New(r).SignedIn().Close(t.Context()); err != nil {
			t.Fatal(err)
		}
		if r.end(); len(r.failures) > 0 {
			t.Errorf("failures: %q", r.failures)
		}
	})
}

// recorded is a test that neither fails nor ends by itself.
type recorded struct {
	testing.TB
	failures []string
	cleanups []func()
}

func (r *recorded) Cleanup(f func()) { r.cleanups = append(r.cleanups, f) }

func (r *recorded) Errorf(format string, args ...any) {
	r.failures = append(r.failures, fmt.Sprintf(format, args...))
}

// Fatalf leaves the test, as that of testing does.
func (r *recorded) Fatalf(format string, args ...any) {
	r.Errorf(format, args...)
	panic(r)
}

// end is the end of the test.
func (r *recorded) end() {
	for _, f := range slices.Backward(r.cleanups) {
		f()
	}
}

func TestASignInThatFailsEndsTheTest(t *testing.T) {
	r := &recorded{TB: t}
	defer func() {
		if recover() != r || len(r.failures) != 1 || !strings.Contains(r.failures[0], "session corp") {
			t.Errorf("failures: %q", r.failures)
		}
	}()
	m := credproctest.New(r)
	m.Center.Fault("CreateToken", idctest.Fault{Code: "access_denied"})
	m.SignedIn()
}

func TestTheEndOfATestWaitsForItsWork(t *testing.T) {
	for name, provider := range map[string]func(m *credproctest.Machine) aws.CredentialsProvider{
		"of a session": func(m *credproctest.Machine) aws.CredentialsProvider {
			return &credproc.Provider{Session: m.SignedIn(), AccountID: "111111111111", RoleName: "Admin"}
		},
		"of a config": func(m *credproctest.Machine) aws.CredentialsProvider {
			m.SignedIn()
			p, err := m.Config("[profile dev]\nsso_session = corp\nsso_account_id = 111111111111\nsso_role_name = Admin\n").Provider("dev")
			if err != nil {
				t.Fatal(err)
			}
			return p
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := &recorded{TB: t}
				m := credproctest.New(r)
				p := provider(m)
				m.Center.Set(func(c *idctest.Server) { c.Latency = 10 * time.Second })
				ctx, leave := context.WithCancel(t.Context())
				go p.Retrieve(ctx)
				synctest.Wait()
				leave()
				synctest.Wait()
				r.end()
				calls := m.Center.Log()
				if last := calls[len(calls)-1]; last.Op != "GetRoleCredentials" || !last.Delivered || len(r.failures) > 0 {
					t.Errorf("it did not wait for the answer to %+v; failures: %q", last, r.failures)
				}
			})
		})
	}
}

func TestWorkThatDoesNotEndFailsTheTest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := &recorded{TB: t}
		m := credproctest.New(r)
		m.Center.AutoApprove = true
		s, release := m.Session(), make(chan struct{})
		s.Export = func(*oidc.Token) error { <-release; return nil }
		go s.SignIn(t.Context(), func(ctx context.Context, c *oidc.Config) (*oidc.Token, error) {
			return c.SignInWithCode(ctx, func(oidc.DeviceCode) error { return nil })
		})
		time.Sleep(2 * time.Second) // it polls after one
		r.end()
		close(release)
		if len(r.failures) != 1 || !strings.Contains(r.failures[0], "session corp is at work") {
			t.Errorf("failures: %q", r.failures)
		}
	})
}
