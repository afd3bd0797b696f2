package tokencache

import (
	"context"
	"errors"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/credproc/credproc/credproc/credproctest/idctest"
	"github.com/credproc/credproc/internal/dirid"
	"github.com/credproc/credproc/oidc"
	"github.com/credproc/credproc/tokencache/keyring"
)

// isGone fails if anything is left of a login.
func (m *world) isGone() {
	m.Helper()
	st := m.store()
	for _, item := range []string{st.nameOf(theTokens), st.nameOf(theKey)} {
		if _, err := m.keyring.Get(m.Context(), item); !errors.Is(err, keyring.ErrNotFound) {
			m.Errorf("%s is still in the keyring: %v", item, err)
		}
	}
	for _, name := range append(m.files("state"), m.files("cache")...) {
		if !strings.HasSuffix(name, ".lock") && !strings.HasSuffix(name, ".signin") && !strings.HasSuffix(name, ".room") && filepath.Base(name) != dirid.File {
			m.Errorf("left: %s", name)
		}
	}
	if status, err := m.session().Status(); status != nil || err != nil {
		m.Errorf("status %+v, %v", status, err)
	}
}

func TestASignOutLeavesNothing(t *testing.T) {
	onWorld(t, func(m *world) {
		s := m.session()
		if _, err := cached(m.Context(), s, (&shelf{world: m}).thing(s, "list")); err != nil {
			t.Fatal(err)
		}
		access := m.token(s)
		st := m.store()
		m.server.Fault("CreateToken", idctest.Fault{Status: 500})
		m.session().Renew(m.Context()) // leaves a failure
		st.markEnded(m.item(), false, "x")
		st.writeVerdict("x", false)
		st.markDenied()
		if err := st.writePending(m.Context(), &oidc.DeviceCode{Expiry: time.Now().Add(time.Hour)}); err != nil {
			t.Fatal(err)
		}
		if err := st.fillJournal(m.Context(), m.item()); err != nil {
			t.Fatal(err)
		}
		was, err := s.SignOut(m.Context())
		if !was || err != nil {
			t.Errorf("signed out: %v, %v", was, err)
		}
		m.isGone()
		if m.server.Count("Logout") != 1 {
			t.Error("the service was not told")
		}
		m.asksNothing(func() {
			for _, s := range []*Session{s, m.session()} {
				if _, err := s.TokenAfter(m.Context(), access); !errors.Is(err, oidc.ErrSignInRequired) {
					t.Errorf("got %v", err)
				}
				if was, err := s.SignOut(m.Context()); was || err != nil {
					t.Errorf("signed out again: %v, %v", was, err)
				}
			}
		})
		m.server.ClearFaults()
		m.signIn(s)
		m.works()
	})
}

func TestASignOutLeavesOtherSessionsAlone(t *testing.T) {
	onWorld(t, func(m *world) {
		m.signIn(m.named("corp-2"))
		if _, err := m.named("corp-2").SignOut(m.Context()); err != nil {
			t.Fatal(err)
		}
		m.works()
	})
}

func TestASignOutThatTheServiceDoesNotHearIsSaid(t *testing.T) {
	for name, fault := range map[string]idctest.Fault{"down": {Status: 500}, "gone": {Reset: true}, "mute": {Delay: time.Hour}} {
		t.Run(name, func(t *testing.T) {
			onWorld(t, func(m *world) {
				m.server.Fault("Logout", fault)
				began := time.Now()
				was, err := m.session().SignOut(m.Context())
				if _, revoke := errors.AsType[*RevokeError](err); !was || !revoke {
					t.Errorf("signed out: %v, %v", was, err)
				}
				if took := time.Since(began); took > logoutTime+time.Second { // of the bubble's clock
					t.Errorf("it took %v", took)
				}
				m.isGone()
			})
		})
	}
}

func TestASessionThatHasEndedIsSignedOutInPeace(t *testing.T) {
	onWorld(t, func(m *world) {
		m.server.EndSessions()
		if was, err := m.session().SignOut(m.Context()); !was || err != nil {
			t.Errorf("signed out: %v, %v", was, err)
		}
		m.isGone()
		m.signIn(m.session())
		time.Sleep(2 * time.Hour) // an access token that is over ends nothing
		m.asksNothing(func() {
			if was, err := m.session().SignOut(m.Context()); !was || err != nil {
				t.Errorf("signed out: %v, %v", was, err)
			}
		})
		m.isGone()
	})
}

// In particular the service must not have ended it already.
func TestALoginThatCannotBeDeletedStaysWhole(t *testing.T) {
	for _, op := range []string{"get", "delete"} {
		for _, kind := range []error{keyring.ErrLocked, keyring.ErrUnavailable} {
			onWorld(t, func(m *world) {
				if _, err := cached(m.Context(), m.session(), (&shelf{world: m}).thing(m.session(), "list")); err != nil {
					t.Fatal(err)
				}
				files := len(m.files(""))
				w := m.watch()
				w.before = always(op, kind)
				m.asksNothing(func() {
					if _, err := m.session().SignOut(m.Context()); !errors.Is(err, kind) {
						t.Errorf("got %v", err)
					}
				})
				w.before = nil
				if now := len(m.files("")); now != files {
					t.Errorf("%d files of %d", now, files)
				}
				m.works()
			})
		}
	}
}

func TestALoginThatCannotBeReadCanBeSignedOut(t *testing.T) {
	onWorld(t, func(m *world) {
		if err := m.keyring.Set(m.Context(), m.store().nameOf(theTokens), "garbage"); err != nil {
			t.Fatal(err)
		}
		if was, err := m.session().SignOut(m.Context()); !was || err != nil {
			t.Errorf("signed out: %v, %v", was, err)
		}
		m.isGone()
	})
}

func TestRevokeEndsTheSessionAtTheServiceAlone(t *testing.T) {
	onWorld(t, func(m *world) {
		m.sameItem(func() {
			if err := within(m.session()).Revoke(m.Context()); err != nil {
				t.Error(err)
			}
		})
		if err := m.session().Renew(m.Context()); !errors.Is(err, oidc.ErrSignInRequired) {
			t.Errorf("got %v", err)
		}
		if err := within(m.named("other")).Revoke(m.Context()); !errors.Is(err, keyring.ErrNotFound) {
			t.Errorf("without a login: %v", err)
		}
	})
}

func TestASignOutWaitsForARenewalAndAfterItNobodyRenews(t *testing.T) {
	onWorld(t, func(m *world) {
		time.Sleep(2 * time.Hour)
		m.server.Set(func(s *idctest.Server) { s.Latency = 3 * time.Second })
		var working sync.WaitGroup
		for range 5 {
			working.Go(func() { m.session().Token(m.Context()) })
		}
		time.Sleep(time.Second)
		m.renews(0, func() {
			if was, err := m.session().SignOut(m.Context()); !was || err != nil {
				t.Errorf("signed out: %v, %v", was, err)
			}
			working.Wait()
		})
		m.isGone()
	})
}

func TestSignInsAndSignOutsAndRenewalsAtOnceLeaveAWholeState(t *testing.T) {
	onWorld(t, func(m *world) {
		m.server.Set(func(s *idctest.Server) { s.Rotation, s.Latency = idctest.Strict, 20*time.Millisecond })
		together(60, func(i int) {
			s := m.session()
			ctx, cancel := context.WithTimeout(m.Context(), 10*time.Minute)
			defer cancel()
			switch i % 4 {
			case 0:
				if err := s.SignIn(ctx, byCode); err != nil {
					t.Error(err)
				}
			case 1:
				if _, err := s.SignOut(ctx); err != nil {
					t.Error(err)
				}
			default:
				if err := s.Renew(ctx); err != nil && !errors.Is(err, oidc.ErrSignInRequired) {
					t.Error(err)
				}
			}
		})
		m.signIn(m.session())
		m.works()
		if _, err := m.session().SignOut(m.Context()); err != nil {
			t.Error(err)
		}
		m.isGone()
	})
}
