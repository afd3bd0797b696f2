package tokencache

import (
	"context"
	"errors"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/credentials"

	"github.com/credproc/credproc/credproc/credproctest/idctest"
	"github.com/credproc/credproc/oidc"
)

const applicationARN = "arn:aws:sso::123456789012:application/ssoins-1234567890abcdef/apl-1234567890abcdef"

// byApplication runs a test on a machine whose session corp an application signs
// in, with tokens of the server's issuer, or with what the test puts in their
// place.
func byApplication(t *testing.T, test func(m *world, machine *machine)) {
	t.Helper()
	inBubble(t, func(m *world) {
		m.server.Set(func(s *idctest.Server) {
			s.Applications = map[string]idctest.Application{applicationARN: {}}
			s.AutoApprove = false
		})
		id, secret, token := m.server.IssueKey("arn:aws:sts::123456789012:assumed-role/ci/session", 10_000*time.Hour)
		c := &machine{}
		c.token = func() (string, error) { return m.server.IssueToken("ci", "", 10*time.Minute), nil }
		c.app = &oidc.Application{
			ARN: applicationARN, Credentials: credentials.NewStaticCredentialsProvider(id, secret, token),
			Assertion: func(context.Context) (string, error) {
				c.mu.Lock()
				defer c.mu.Unlock()
				c.asked++
				return c.token()
			},
		}
		test(m, c)
	})
}

// machine is what a machine has that signs in by itself.
type machine struct {
	app   *oidc.Application
	mu    sync.Mutex
	token func() (string, error)
	asked int // how often
}

func (c *machine) session(m *world) *Session {
	s := m.session()
	s.Application = c.app
	return s
}

func (m *world) counts(want map[string]int) {
	m.Helper()
	for op, n := range want {
		if got := m.server.Count(op); got != n {
			m.Errorf("%s: %d calls, want %d", op, got, n)
		}
	}
}

func TestTwentyProcessesSignInByTheApplicationOnce(t *testing.T) {
	byApplication(t, func(m *world, c *machine) {
		m.server.Set(func(s *idctest.Server) { s.Rotation, s.Latency = idctest.Strict, 150*time.Millisecond })
		for range 3 {
			together(20, func(int) { m.token(c.session(m)) })
			time.Sleep(due)
		}
		m.counts(map[string]int{"CreateTokenWithIAM:jwt-bearer": 1, "CreateTokenWithIAM:refresh_token": 2, "RegisterClient": 0, "StartDeviceAuthorization": 0})
		if c.asked != 1 {
			t.Errorf("%d tokens of the issuer", c.asked)
		}
	})
}

func TestWithoutARefreshGrantTheIssuerIsAskedAgainOnce(t *testing.T) {
	byApplication(t, func(m *world, c *machine) {
		m.token(c.session(m))
		m.server.Set(func(s *idctest.Server) {
			s.Applications = map[string]idctest.Application{applicationARN: {NoRefresh: true}}
		})
		for range 2 {
			time.Sleep(2 * time.Hour)
			together(20, func(int) { m.token(c.session(m)) })
		}
		m.counts(map[string]int{"CreateTokenWithIAM:jwt-bearer": 3, "CreateTokenWithIAM:refresh_token": 1})
	})
}

func TestALoginThatEndsIsReplacedByTheApplication(t *testing.T) {
	byApplication(t, func(m *world, c *machine) {
		for what, end := range map[string]func(){
			"ended":      m.server.EndSessions,
			"signed out": func() { c.session(m).SignOut(m.Context()) },
			"deleted":    func() { m.keyring.Delete(m.Context(), m.store().nameOf(theTokens)) },
			"damaged":    func() { m.keyring.Set(m.Context(), m.store().nameOf(theTokens), "garbage") },
			"rejected":   func() { time.Sleep(1001 * time.Hour) },
		} {
			old := m.token(c.session(m))
			end()
			if got := m.instead(c.session(m), old); got == old {
				t.Errorf("%s: the old token is used", what)
			}
		}
		m.counts(map[string]int{"StartDeviceAuthorization": 0})
	})
}

func TestATokenThatIsNotAcceptedIsShownOnceAndANewOneAtOnce(t *testing.T) {
	byApplication(t, func(m *world, c *machine) {
		stale := m.server.IssueToken("ci", "", time.Second)
		time.Sleep(2 * time.Second)
		issue := c.token
		c.token = func() (string, error) { return stale, nil }
		together(20, func(int) {
			err := m.fails(c.session(m))
			if e, ok := errors.AsType[*ApplicationError](err); !ok || e.Session != "corp" || !errors.Is(err, oidc.ErrAssertionExpired) || errors.Is(err, oidc.ErrSignInRequired) {
				t.Errorf("%v", err)
			}
		})
		m.counts(map[string]int{"CreateTokenWithIAM": 1})
		c.token = issue
		m.token(c.session(m))
	})
}

// The service takes a token with a jti claim once.
func TestATokenThatIsAcceptedOnceIsEnoughForAllProcesses(t *testing.T) {
	byApplication(t, func(m *world, c *machine) {
		m.server.Set(func(s *idctest.Server) {
			s.Applications = map[string]idctest.Application{applicationARN: {Once: true}}
		})
		issue, token := c.token, m.server.IssueToken("ci", "", 10*time.Hour)
		c.token = func() (string, error) { return token, nil }
		for range 3 {
			together(20, func(int) { m.token(c.session(m)) })
			time.Sleep(due)
		}
		m.counts(map[string]int{"CreateTokenWithIAM:jwt-bearer": 1, "CreateTokenWithIAM:refresh_token": 2})
		c.session(m).SignOut(m.Context())
		if err := m.fails(c.session(m)); !errors.Is(err, oidc.ErrUntrusted) {
			t.Errorf("%v", err)
		}
		c.token = issue
		m.token(c.session(m))
	})
}

func TestWhyAnApplicationCannotSignInIsTold(t *testing.T) {
	for what, test := range map[string]struct {
		app   idctest.Application
		token string // "": one of the issuer
		err   error
		want  error
	}{
		"not assigned":   {app: idctest.Application{Assigned: []string{"somebody"}}, want: oidc.ErrNotAssigned},
		"wrong audience": {app: idctest.Application{Audience: "aws"}, want: oidc.ErrUntrusted},
		"other issuer":   {token: "e30.e30.e30", want: oidc.ErrUntrusted},
		"no JWT":         {token: "hello", want: oidc.ErrAssertion},
		"no file":        {err: errors.New("open /run/token: no such file"), want: oidc.ErrAssertion},
	} {
		t.Run(what, func(t *testing.T) {
			byApplication(t, func(m *world, c *machine) {
				m.token(c.session(m))
				time.Sleep(1001 * time.Hour) // the refresh token has ended, too
				allowed := m.server.Applications
				m.server.Set(func(s *idctest.Server) { s.Applications = map[string]idctest.Application{applicationARN: test.app} })
				issue := c.token
				if test.token != "" || test.err != nil {
					c.token = func() (string, error) { return test.token, test.err }
				}
				m.sameItem(func() {
					for range 2 { // of which the second is told what the first was
						err := m.fails(c.session(m))
						if e, ok := errors.AsType[*ApplicationError](err); !ok || !errors.Is(err, test.want) || e.Reason == "" {
							t.Errorf("%v", err)
						}
					}
				})
				m.server.Set(func(s *idctest.Server) { s.Applications = allowed })
				c.token = issue
				m.token(c.session(m))
			})
		})
	}
}

func TestAFaultOfTheServiceKeepsTheLoginAndIsShared(t *testing.T) {
	byApplication(t, func(m *world, c *machine) {
		m.server.Fault("CreateTokenWithIAM", idctest.Fault{Status: 503})
		together(20, func(int) {
			if _, ok := errors.AsType[*ServiceError](m.fails(c.session(m))); !ok {
				t.Error("not a ServiceError")
			}
		})
		if n := m.server.Count("CreateTokenWithIAM"); n > 5 { // the retries of one
			t.Errorf("%d calls", n)
		}
		m.server.ClearFaults()
		time.Sleep(15 * time.Second)
		old := m.token(c.session(m))
		time.Sleep(due)
		m.server.Fault("CreateTokenWithIAM", idctest.Fault{Status: 503})
		if got := m.token(c.session(m)); got != old {
			t.Error("the token that still works was not used")
		}
	})
}

func TestAPersonIsNotAskedWhereAnApplicationSignsIn(t *testing.T) {
	byApplication(t, func(m *world, c *machine) {
		s := c.session(m)
		if err := s.SignInByItself(m.Context(), func(oidc.DeviceCode, bool) error { t.Error("a code is shown"); return nil }); err != nil {
			t.Error(err)
		}
		if err := c.session(m).SignIn(m.Context(), c.app.SignIn); err != nil {
			t.Error(err)
		}
		m.token(c.session(m))
		m.counts(map[string]int{"RegisterClient": 0, "CreateTokenWithIAM:jwt-bearer": 2})
		if files := m.files(filepath.Join("state")); len(files) == 0 {
			t.Error("nothing is stored")
		}
	})
}
