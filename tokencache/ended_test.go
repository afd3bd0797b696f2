package tokencache

import (
	"encoding/json"
	"errors"
	"net/http"
	"os"
	"reflect"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/credproc/credproc/credproc/credproctest/idctest"
	"github.com/credproc/credproc/internal/layout"
	"github.com/credproc/credproc/internal/safedir"
	"github.com/credproc/credproc/oidc"
)

func TestAnEndedSessionServesItsTokenToTheEnd(t *testing.T) {
	onWorld(t, func(m *world) {
		m.server.EndSessions()
		time.Sleep(due)
		access := m.item().AccessToken
		m.renews(1, func() {
			for range 5 {
				if m.token(m.session()) != access {
					t.Error("another token")
				}
			}
		})
		mark := m.store().readEnded()
		if mark == nil || mark.Token != tokenHash(m.item().RefreshToken) || mark.Access || !strings.Contains(mark.Reason, "invalid_grant") {
			t.Errorf("the mark is %+v", mark)
		}
		time.Sleep(5 * time.Minute)
		m.asksNothing(func() {
			sessions := m.sessions(10)
			together(1000, func(i int) {
				_, err := sessions[i%10].Token(m.Context())
				said, ok := errors.AsType[*SignInError](err)
				if !ok || !errors.Is(err, oidc.ErrSignInRequired) || said.Session != "corp" || !strings.Contains(said.Reason, "invalid_grant") {
					t.Errorf("got %v", err)
				}
			})
		})
		if m.item().RefreshToken == "" {
			t.Error("the refresh token was thrown away")
		}
	})
}

func TestAnEndedSessionHasOneLastRenewalHoweverManyAsk(t *testing.T) {
	onWorld(t, func(m *world) {
		m.server.EndSessions()
		m.server.Set(func(s *idctest.Server) { s.Latency = 150 * time.Millisecond })
		time.Sleep(2 * time.Hour)
		sessions := m.sessions(20)
		m.renews(1, func() {
			together(200, func(i int) {
				if _, err := sessions[i%20].Token(m.Context()); !errors.Is(err, oidc.ErrSignInRequired) {
					t.Errorf("got %v", err)
				}
			})
		})
	})
}

func TestEveryLastWordOfTheServiceEndsASession(t *testing.T) {
	for _, code := range []string{"invalid_grant", "expired_token", "invalid_client", "unauthorized_client"} {
		onWorld(t, func(m *world) {
			time.Sleep(2 * time.Hour)
			m.server.Fault("CreateToken", idctest.Fault{Code: code})
			m.renews(1, func() {
				for range 3 {
					if err := m.fails(m.session()); !errors.Is(err, oidc.ErrSignInRequired) || !strings.Contains(err.Error(), code) {
						t.Errorf("%s: got %v", code, err)
					}
				}
			})
		})
	}
}

func TestOtherRefusalsEndNothing(t *testing.T) {
	for _, code := range []string{"access_denied", "invalid_request", "invalid_scope", "slow_down", "unsupported_grant_type", "something_new"} {
		onWorld(t, func(m *world) {
			time.Sleep(2 * time.Hour)
			m.server.Fault("CreateToken", idctest.Fault{Code: code, Status: 400})
			m.sameItem(func() {
				if err := m.fails(m.session()); isUnavailable(err) == nil || errors.Is(err, oidc.ErrSignInRequired) {
					t.Errorf("%s: got %v", code, err)
				}
			})
			m.server.ClearFaults()
			time.Sleep(11 * time.Second)
			m.works()
		})
	}
}

func TestARefusedAccessTokenOfAnEndedSessionIsNotServed(t *testing.T) {
	onWorld(t, func(m *world) {
		access := m.token(m.session())
		m.server.EndSessions()
		m.renews(1, func() {
			for range 3 {
				if _, err := m.session().TokenAfter(m.Context(), access); !errors.Is(err, oidc.ErrSignInRequired) {
					t.Errorf("got %v", err)
				}
				if err := m.fails(m.session()); !errors.Is(err, oidc.ErrSignInRequired) {
					t.Errorf("who has not had it refused yet got %v", err)
				}
			}
		})
		status, err := m.session().Status()
		if err != nil || !strings.Contains(status.Ended, "invalid_grant") || !status.AccessEnded {
			t.Errorf("status %+v, %v", status, err)
		}
	})
}

// A copy of us that shares the keyring but not our locks, or an older token
// from a backup.
func TestATokenRenewedByAnotherProgramIsTaken(t *testing.T) {
	for name, expired := range map[string]bool{"and good": false, "and over": true} {
		t.Run(name, func(t *testing.T) {
			onWorld(t, func(m *world) {
				m.server.Set(func(s *idctest.Server) { s.Rotation = idctest.Strict })
				time.Sleep(2 * time.Hour)
				other := *m.item()
				client, err := m.store().readRegistration(m.Context(), other.ClientID)
				if err != nil {
					t.Fatal(err)
				}
				config := m.session().Config
				renewed, err := config.Refresh(m.Context(), &oidc.Token{RefreshToken: other.RefreshToken, Client: client})
				if err != nil {
					t.Fatal(err)
				}
				// The other's item appears while we are being refused.
				next := other.next(renewed)
				if expired {
					next.Expiry = time.Now().Unix() - 1
				}
				st, s := m.store(), m.session()
				s.Config.HTTPClient = &http.Client{Transport: roundTripper(func(r *http.Request) (*http.Response, error) {
					answer, err := m.client.Transport.RoundTrip(r)
					if answer != nil && answer.StatusCode == http.StatusBadRequest {
						err = st.writeItem(m.Context(), next)
					}
					return answer, err
				})}
				want := 1
				if expired {
					want = 2
				}
				m.renews(want, func() { m.token(s) })
				if st.ended(m.item()) != nil {
					t.Error("the other's token is marked")
				}
				m.works()
			})
		})
	}
}

func TestANewSignInClearsTheMarks(t *testing.T) {
	onWorld(t, func(m *world) {
		m.server.EndSessions()
		time.Sleep(2 * time.Hour)
		m.fails(m.session())
		st := m.store()
		for _, name := range []string{".verdict", ".denied", ".pending"} {
			m.state().Write(st.id+name, []byte("{}"))
		}
		m.signIn(m.session())
		if status, err := m.session().Status(); err != nil || status.Ended != "" {
			t.Errorf("status %+v, %v", status, err)
		}
		for _, name := range m.files("state") {
			for _, bad := range []string{".ended", ".verdict", ".denied", ".pending", ".failure", ".room"} {
				if strings.HasSuffix(name, bad) {
					t.Errorf("left: %s", name)
				}
			}
		}
		m.works()
	})
}

func TestAMarkIsAboutOneTokenOnly(t *testing.T) {
	onWorld(t, func(m *world) {
		m.store().markEnded(&item{RefreshToken: "another", Generation: 1}, true, "refused")
		m.works()
	})
}

// A clock that jumps into the next year and back must not end anything.
func TestAMarkFromTheFutureIsVoid(t *testing.T) {
	onWorld(t, func(m *world) {
		mark := ended{Token: tokenHash(m.item().RefreshToken), Generation: m.item().Generation, Access: true, At: time.Now().Add(8000 * time.Hour)}
		data, err := json.Marshal(mark)
		if err != nil {
			t.Fatal(err)
		}
		if err := m.state().Write(m.store().id+".ended", data); err != nil {
			t.Fatal(err)
		}
		if status, err := m.session().Status(); err != nil || status.Ended != "" {
			t.Errorf("status %+v, %v", status, err)
		}
		m.works()
	})
}

func TestThatARegistrationHasExpiredIsTheServicesToSay(t *testing.T) {
	inBubble(t, func(m *world) {
		m.server.Set(func(s *idctest.Server) { s.RegistrationLife = 10 * time.Hour })
		m.signIn(m.session())
		status, err := m.session().Status()
		if err != nil || time.Until(status.Registration).Round(time.Hour) != 10*time.Hour {
			t.Errorf("status %+v, %v", status, err)
		}
		time.Sleep(11 * time.Hour)
		m.renews(1, func() {
			for range 3 {
				if err := m.fails(m.session()); !errors.Is(err, oidc.ErrSignInRequired) || !strings.Contains(err.Error(), "invalid_client") {
					t.Errorf("got %v", err)
				}
			}
		})
		m.signIn(m.session())
		m.works()
	})
}

// Times in a login are by the clock it was made with.
func TestALoginMadeWithAClockYearsBehindGoesOn(t *testing.T) {
	onWorld(t, func(m *world) {
		m.server.Set(func(s *idctest.Server) { s.SessionLife = 20 * 365 * 24 * time.Hour })
		m.change(func(it *item) { it.Renewed, it.Expiry = it.Renewed-10*365*86400, it.Expiry-10*365*86400 })
		st := m.store()
		client, err := st.readRegistration(m.Context(), m.item().ClientID)
		if err != nil {
			t.Fatal(err)
		}
		client.Expiry = client.Expiry.AddDate(-10, 0, 0)
		if err := st.writeRegistration(m.Context(), client); err != nil {
			t.Fatal(err)
		}
		m.renews(1, func() { m.token(m.session()) })
		if status, err := m.session().Status(); err != nil || status.Ended != "" {
			t.Errorf("status %+v, %v", status, err)
		}
		m.works()
	})
}

func TestStatusTellsOfTheCurrentLoginOnly(t *testing.T) {
	onWorld(t, func(m *world) {
		before, err := m.session().Status()
		if err != nil {
			t.Fatal(err)
		}
		if before.Name != "corp" || before.StartURL != m.server.StartURL || before.Region != "us-east-1" || before.Keyring != "memory" ||
			!before.Refreshable || before.Ended != "" || before.SignedIn.IsZero() || before.Renewed.IsZero() || time.Until(before.Expiry) > time.Hour {
			t.Errorf("status %+v", before)
		}
		m.store().markEnded(&item{RefreshToken: "x", Generation: m.item().Generation - 1}, true, "old news")
		if now, err := m.session().Status(); err != nil || !reflect.DeepEqual(now, before) {
			t.Errorf("status %+v, %v", now, err)
		}
		m.store().markEnded(m.item(), true, "")
		if now, err := m.session().Status(); err != nil || now.Ended != "refused" || !now.AccessEnded {
			t.Errorf("status %+v, %v", now, err)
		}
		if none, err := m.named("other").Status(); err != nil || none != nil {
			t.Errorf("another session's status %+v, %v", none, err)
		}
	})
}

func TestStatusNamesTheProcessesAtWork(t *testing.T) {
	onWorld(t, func(m *world) {
		if at := m.session().Holders(); len(at) != 0 {
			t.Errorf("at work: %v", at)
		}
		m.server.Set(func(s *idctest.Server) { s.Latency = 2 * time.Second })
		var working sync.WaitGroup
		working.Go(func() { m.session().Renew(m.Context()) })
		time.Sleep(time.Second)
		at := m.session().Holders()
		if len(at) != 1 || at[0].PID != os.Getpid() || at[0].Op != "renew the session corp" || time.Since(at[0].Since).Round(time.Second) != time.Second {
			t.Errorf("at work: %v", at)
		}
		if status, err := m.session().Status(); err != nil || !reflect.DeepEqual(status.Holders, at) {
			t.Errorf("status %+v, %v", status, err)
		}
		if others := m.named("other").Holders(); len(others) != 0 {
			t.Errorf("at work for another session: %v", others)
		}
		working.Wait()
	})
}

func TestLoginsListsThemAll(t *testing.T) {
	onWorld(t, func(m *world) {
		custom := m.named("custom")
		custom.Config.Endpoint, custom.PortalEndpoint = "https://oidc.example", "https://portal.example"
		m.signIn(custom)
		m.signIn(m.named(""))
		m.state().Write("broken.json", []byte("{"))
		logins, err := Logins(string(m.state()), "")
		if err != nil || len(logins) != 3 {
			t.Fatalf("%d logins, %v", len(logins), err)
		}
		for _, l := range logins {
			if (l.Name == "custom") != (l.Endpoint == "https://oidc.example" && l.PortalEndpoint == "https://portal.example") {
				t.Errorf("login %+v", l)
			}
		}
		if none, err := Logins(m.dir+"/nowhere", ""); err != nil || len(none) != 0 {
			t.Errorf("%d logins, %v", len(none), err)
		}
	})
}

func TestLoginsLooksWhereSessionsKeepTheirState(t *testing.T) {
	home := t.TempDir()
	t.Setenv("HOME", home)
	t.Setenv("XDG_STATE_HOME", home+"/state")
	t.Setenv("XDG_CACHE_HOME", home+"/cache")
	m := newWorld(t)
	s := m.session()
	s.StateDir, s.CacheDir, s.Service = "", "", "acme"
	m.signIn(s)
	logins, err := Logins("", "acme")
	if err != nil || len(logins) != 1 {
		t.Errorf("%d logins, %v", len(logins), err)
	}
	if others, err := Logins("", ""); err != nil || len(others) != 0 {
		t.Errorf("%d logins of another program, %v", len(others), err)
	}
	state, cache, err := layout.DefaultDirs("acme")
	if names, _ := safedir.Dir(state).Names(); err != nil || len(names) == 0 || !strings.HasPrefix(state, home+"/state/acme") || !strings.HasPrefix(cache, home+"/cache/acme") {
		t.Errorf("%s and %s, %v", state, cache, err)
	}
	t.Setenv("XDG_STATE_HOME", "not/absolute")
	if state, _, err = layout.DefaultDirs(""); err != nil || !strings.HasPrefix(state, home+"/.local/state/credproc") {
		t.Errorf("%s, %v", state, err)
	}
	t.Setenv("HOME", "")
	t.Setenv("XDG_CACHE_HOME", "")
	if _, err := Logins("", ""); err == nil {
		t.Error("no error without a home")
	}
	homeless := m.session()
	homeless.StateDir = ""
	if _, err := homeless.Status(); err == nil {
		t.Error("no error without a home")
	}
}

type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }
