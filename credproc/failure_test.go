package credproc

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/credproc/credproc/credproc/credproctest/idctest"
	"github.com/credproc/credproc/internal/awsapi"
	"github.com/credproc/credproc/internal/portal"
	"github.com/credproc/credproc/oidc"
)

func TestStaleCredentialsAreServedWhenTheyCannotBeFetched(t *testing.T) {
	for name, fault := range map[string]idctest.Fault{
		"an error of the service":  {Status: 500},
		"too many requests":        {Status: 429},
		"no access any more":       {Status: 403},
		"a refused token":          {Status: 401},
		"a broken connection":      {Reset: true},
		"garbage":                  {Body: "<html>sign in to the wifi</html>"},
		"a portal that hangs":      {Delay: time.Hour},
		"an answer cut in half":    {Truncate: true},
		"a portal slower than 3 s": {Delay: 4 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			onMachine(t, func(m *machine) {
				first := m.get(m.admin())
				time.Sleep(50 * time.Minute)
				m.server.Fault("GetRoleCredentials", fault)
				start := time.Now()
				if got := m.get(m.admin()); got != first {
					t.Error("other credentials were served")
				}
				if took := time.Since(start); took > 3*time.Second {
					t.Errorf("it took %v with credentials at hand", took)
				}
				// Once they have ended there is nothing to serve.
				time.Sleep(11 * time.Minute)
				if fault.Delay != 4*time.Second {
					m.refused(m.admin())
				}
				m.server.ClearFaults()
				time.Sleep(2 * time.Minute)
				if got := m.get(m.admin()); got == first {
					t.Error("the old credentials were served after their end")
				}
				m.signedIn()
			})
		})
	}
}

func TestATokenThatThePortalRefusesIsRenewedOnce(t *testing.T) {
	onMachine(t, func(m *machine) {
		m.server.RevokeAccessTokens()
		m.asks("CreateToken 1, GetRoleCredentials 2", func() { m.get(m.admin()) })
		m.asks("GetRoleCredentials 1", func() { m.get(m.role("111111111111", "ReadOnly")) })
	})
}

func TestARefusalOfTheFreshTokenTooIsAFailureThatPasses(t *testing.T) {
	onMachine(t, func(m *machine) {
		m.server.Fault("GetRoleCredentials", idctest.Fault{Code: "UnauthorizedException", Description: "Session token not found or invalid"})
		m.asks("CreateToken 1, GetRoleCredentials 2", func() {
			err := m.refused(m.admin())
			if isUnavailable(err) == nil || !errors.Is(err, portal.ErrUnauthorized) || errors.Is(err, oidc.ErrSignInRequired) {
				t.Errorf("error %v", err)
			}
		})
		// The next callers wait, in this role, and do not renew again, in any.
		m.asks("", func() {
			if err := isUnavailable(m.refused(m.admin())); err == nil || !err.RetryAt.After(time.Now()) {
				t.Errorf("error %v", err)
			}
		})
		m.asks("GetRoleCredentials 1", func() {
			if err := m.refused(m.role("222222222222", "Admin")); isUnavailable(err) == nil {
				t.Errorf("error %v", err)
			}
		})
		m.server.ClearFaults()
		m.signedIn()
		time.Sleep(11 * time.Second)
		m.asks("GetRoleCredentials 1", func() { m.get(m.admin()) })
	})
}

func TestASecondRefusalCostsWhatTheFirstDoes(t *testing.T) {
	onMachine(t, func(m *machine) {
		var roles []string
		for i := range 40 {
			roles = append(roles, fmt.Sprintf("Role%d", i))
		}
		m.server.Set(func(s *idctest.Server) {
			s.Accounts, s.Rotation = []idctest.Account{{ID: "111111111111", Roles: roles}}, idctest.Strict
			s.Latency = 150 * time.Millisecond
		})
		for len(roles) > 0 {
			now := roles[:10]
			roles = roles[10:]
			m.server.RevokeAccessTokens()
			began := time.Now()
			m.asks("CreateToken 1, GetRoleCredentials 20", func() {
				m.together(10, func(i int) error {
					_, err := m.role("111111111111", now[i]).Retrieve(m.Context())
					return err
				})
			})
			if took := time.Since(began); took > time.Second {
				t.Errorf("took %v", took)
			}
			time.Sleep(time.Second)
		}
		m.signedIn()
	})
}

func TestTenRolesWithARefusedTokenShareOneRenewal(t *testing.T) {
	for _, age := range []time.Duration{50 * time.Minute, 61 * time.Minute} { // stale, expired
		t.Run(age.String(), func(t *testing.T) {
			onMachine(t, func(m *machine) {
				var roles []string
				for i := range 10 {
					roles = append(roles, fmt.Sprintf("Role%d", i))
				}
				m.server.Set(func(s *idctest.Server) {
					s.Accounts = []idctest.Account{{ID: "111111111111", Roles: roles}}
					s.Rotation = idctest.Strict
					s.AccessTokenLife = 8 * time.Hour
				})
				// So that the token has not run out by then.
				if err := m.session().Renew(m.Context()); err != nil {
					t.Fatal(err)
				}
				old := make([]aws.Credentials, len(roles))
				for i, role := range roles {
					old[i] = m.get(m.role("111111111111", role))
				}
				time.Sleep(age)
				m.server.RevokeAccessTokens()
				m.server.Set(func(s *idctest.Server) { s.Latency = 150 * time.Millisecond })
				m.asks("CreateToken 1, GetRoleCredentials 20", func() {
					m.together(len(roles), func(i int) error {
						c, err := m.role("111111111111", roles[i]).Retrieve(m.Context())
						if c == old[i] {
							t.Errorf("%s: the old credentials", roles[i])
						}
						return err
					})
				})
				m.signedIn()
			})
		})
	}
}

func TestARoleThatIsNotAssignedIsNoAccess(t *testing.T) {
	onMachine(t, func(m *machine) {
		m.server.RevokeRole("111111111111", "Admin")
		check := func(err error) {
			t.Helper()
			e, ok := errors.AsType[*NoAccessError](err)
			if !ok || e.Session != "corp" || e.AccountID != "111111111111" || e.RoleName != "Admin" || e.RoleARN != "" || !slices.Equal(e.Held, []string{"ReadOnly"}) {
				t.Errorf("error %#v", err)
			}
			if want := "no access to role Admin in account 111111111111 through session corp"; err.Error() != want {
				t.Errorf("got  %v\nwant %s", err, want)
			}
		}
		m.asks("GetRoleCredentials 1, ListAccountRoles 1", func() {
			err := m.refused(m.admin())
			check(err)
			if !errors.Is(err, portal.ErrNoAccess) {
				t.Errorf("%v does not wrap the service's answer", err)
			}
		})
		m.asks("", func() {
			for range 3 {
				check(m.refused(m.admin()))
			}
		})
		m.signedIn()
		m.asks("GetRoleCredentials 1", func() { m.get(m.role("111111111111", "ReadOnly")) })
		time.Sleep(2 * time.Second)
		m.asks("GetRoleCredentials 1, ListAccountRoles 1", func() { check(m.refused(m.admin())) })
	})
}

func TestAnAccountThatIsNotThereIsNoAccess(t *testing.T) {
	onMachine(t, func(m *machine) {
		p := m.role("999999999999", "Admin")
		m.asks("GetRoleCredentials 1, ListAccountRoles 1", func() {
			err := m.refused(p)
			e, ok := errors.AsType[*NoAccessError](err)
			if !ok || len(e.Held) != 0 || !errors.Is(err, portal.ErrNotFound) {
				t.Errorf("error %#v", err)
			}
		})
		m.asks("", func() {
			if e, ok := errors.AsType[*NoAccessError](m.refused(p)); !ok || len(e.Held) != 0 {
				t.Errorf("error %#v", e)
			}
		})
		m.signedIn()
	})
}

func TestNoAccessIsSaidAlsoWhereTheRolesCannotBeListed(t *testing.T) {
	onMachine(t, func(m *machine) {
		m.server.RevokeRole("111111111111", "Admin")
		m.server.Fault("ListAccountRoles", idctest.Fault{Status: 500})
		if e, ok := errors.AsType[*NoAccessError](m.refused(m.admin())); !ok || e.Held != nil {
			t.Errorf("error %#v", e)
		}
	})
}

func TestAFaultOfTheServiceIsUnavailableAndShared(t *testing.T) {
	tests := []struct {
		name   string
		fault  idctest.Fault
		calls  int
		status int // of the answer
		reason string
	}{
		{"too many requests", idctest.Fault{Status: 429}, 5, 429, "TooManyRequestsException"},
		{"an error of the service", idctest.Fault{Status: 500}, 2, 500, "InternalServerException"},
		{"a service that is down", idctest.Fault{Status: 503}, 2, 503, "ServiceUnavailableException"},
		{"a broken connection", idctest.Fault{Reset: true}, 2, 0, "connection reset by peer"},
		{"a login page", idctest.Fault{Body: "<html>sign in to the wifi</html>"}, 1, 200, "not JSON"},
		{"a proxy's 403", idctest.Fault{Status: 403, Body: "<html>blocked</html>"}, 1, 403, "did not come from AWS"},
		{"a proxy's 401", idctest.Fault{Status: 401, Body: "<html>who are you</html>"}, 1, 401, "did not come from AWS"},
		{"half an answer", idctest.Fault{Truncate: true}, 1, 200, "cut short"},
		{"JSON of something else", idctest.Fault{Body: `{"a":1}`, ContentType: "application/json"}, 1, 200, "no credentials"},
		{"a bad request", idctest.Fault{Status: 400}, 1, 400, "InvalidRequestException"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			onMachine(t, func(m *machine) {
				m.server.Fault("GetRoleCredentials", tt.fault)
				m.asks(fmt.Sprintf("GetRoleCredentials %d", tt.calls), func() {
					err := m.refused(m.admin())
					e := isUnavailable(err)
					if e == nil || !strings.Contains(e.Reason, tt.reason) || !strings.HasPrefix(err.Error(), "get credentials of role Admin in account 111111111111 through session corp: ") {
						t.Fatalf("error %v, want it to say %q", err, tt.reason)
					}
					if answer, ok := errors.AsType[*awsapi.Error](err); !ok || answer.StatusCode != tt.status {
						t.Errorf("the cause is %#v", e.Err)
					}
					if tt.fault.Reset && !errors.Is(err, syscall.ECONNRESET) {
						t.Errorf("the cause of %v is lost", err)
					}
				})
				m.asks("", func() {
					e := isUnavailable(m.refused(m.admin()))
					if e == nil || !strings.Contains(e.Reason, tt.reason) || !e.RetryAt.After(time.Now()) || e.RetryAt.After(time.Now().Add(time.Second)) {
						t.Errorf("the next caller has %+v", e)
					}
				})
				m.server.ClearFaults()
				time.Sleep(time.Second)
				m.asks("GetRoleCredentials 1", func() { m.get(m.admin()) })
				m.signedIn()
			})
		})
	}
}

func TestTheServiceSaysWhenToTryAgain(t *testing.T) {
	onMachine(t, func(m *machine) {
		m.server.Fault("GetRoleCredentials", idctest.Fault{Status: 429, RetryAfter: 40 * time.Second})
		m.refused(m.admin())
		m.server.ClearFaults()
		time.Sleep(38 * time.Second)
		m.asks("", func() { m.refused(m.admin()) })
		time.Sleep(3 * time.Second)
		m.asks("GetRoleCredentials 1", func() { m.get(m.admin()) })
	})
}

func TestCredentialsThatHaveEndedAlreadyAreAFaultOfTheService(t *testing.T) {
	onMachine(t, func(m *machine) {
		m.server.Set(func(s *idctest.Server) { s.RoleLife = -time.Hour })
		m.asks("GetRoleCredentials 1", func() {
			e := isUnavailable(m.refused(m.admin()))
			if e == nil || !strings.Contains(e.Reason, "before it gave them") || e.Err == nil {
				t.Errorf("error %#v", e)
			}
		})
		m.asks("", func() { m.refused(m.admin()) })
	})
}

func TestASessionThatTheServiceHasEndedAsksForASignIn(t *testing.T) {
	onMachine(t, func(m *machine) {
		m.server.EndSessions()
		m.asks("CreateToken 1, GetRoleCredentials 1", func() {
			if err := m.refused(m.admin()); !errors.Is(err, oidc.ErrSignInRequired) {
				t.Errorf("error %v", err)
			}
		})
		m.signIn(m.session())
		m.asks("GetRoleCredentials 1", func() { m.get(m.admin()) })
	})
}

func TestAFaultOfTheSignInServiceIsUnavailable(t *testing.T) {
	onMachine(t, func(m *machine) {
		m.server.RevokeAccessTokens()
		m.server.Fault("CreateToken", idctest.Fault{Status: http.StatusServiceUnavailable})
		if e := isUnavailable(m.refused(m.admin())); e == nil || !strings.HasPrefix(e.Op, "renew the session") {
			t.Errorf("error %v", e)
		}
		m.server.ClearFaults()
		time.Sleep(11 * time.Second)
		m.get(m.admin())
	})
}

func TestASessionWithoutANameGoesByTheFirstLabelOfItsHost(t *testing.T) {
	onMachine(t, func(m *machine) {
		p := m.role("111111111111", "Nobody")
		p.Session.Name = ""
		m.signIn(p.Session)
		if e, ok := errors.AsType[*NoAccessError](m.refused(p)); !ok || e.Session != "idc" || !slices.Equal(e.Held, []string{"Admin", "ReadOnly"}) {
			t.Errorf("error %#v", e)
		}
	})
}
