package tokencache

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/credproc/credproc/credproc/credproctest/idctest"
	"github.com/credproc/credproc/oidc"
	"github.com/credproc/credproc/tokencache/keyring"
)

func byHand(t *testing.T, test func(m *world)) {
	t.Helper()
	inBubble(t, func(m *world) {
		m.server.Set(func(s *idctest.Server) { s.AutoApprove = false })
		test(m)
	})
}

func TestForAllProgramsThereIsOneCode(t *testing.T) {
	byHand(t, func(m *world) {
		var shown atomic.Int32
		sessions := m.sessions(20)
		together(20, func(i int) {
			err := sessions[i].SignInByItself(m.Context(), func(code oidc.DeviceCode, resumed bool) error {
				if shown.Add(1); resumed {
					t.Error("resumed")
				}
				time.AfterFunc(time.Minute, func() { m.server.Approve(code.UserCode) })
				return nil
			})
			if err != nil {
				t.Error(err)
			}
		})
		if shown.Load() != 1 || m.server.Count("StartDeviceAuthorization") != 1 {
			t.Errorf("%d codes, shown %d times", m.server.Count("StartDeviceAuthorization"), shown.Load())
		}
		m.works()
		m.renews(0, func() {
			if err := m.session().SignInByItself(m.Context(), nil); err != nil {
				t.Error(err)
			}
		})
	})
}

func TestACodeIsResumedByTheNextProcess(t *testing.T) {
	byHand(t, func(m *world) {
		var codes []string
		show := func(code oidc.DeviceCode, resumed bool) error {
			if resumed != (len(codes) > 0) {
				t.Errorf("code %d is resumed: %v", len(codes), resumed)
			}
			codes = append(codes, code.UserCode)
			return nil
		}
		for range 3 {
			ctx, cancel := context.WithTimeout(m.Context(), time.Minute)
			if err := m.session().SignInByItself(ctx, show); !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("got %v", err)
			}
			cancel()
		}
		if codes[0] != codes[2] || m.server.Count("StartDeviceAuthorization") != 1 {
			t.Errorf("codes %q", codes)
		}
		m.keepsSecrets()
		if err := m.server.Approve(codes[0]); err != nil {
			t.Fatal(err)
		}
		if err := m.session().SignInByItself(m.Context(), show); err != nil {
			t.Error(err)
		}
		m.works()
	})
}

func TestACodeThatIsOverIsNotResumed(t *testing.T) {
	byHand(t, func(m *world) {
		ctx, cancel := context.WithTimeout(m.Context(), time.Minute)
		defer cancel()
		m.session().SignInByItself(ctx, func(oidc.DeviceCode, bool) error { return nil })
		time.Sleep(time.Hour)
		err := m.session().SignInByItself(m.Context(), func(code oidc.DeviceCode, resumed bool) error {
			if resumed {
				t.Error("resumed")
			}
			return m.server.Approve(code.UserCode)
		})
		if err != nil {
			t.Error(err)
		}
	})
}

// A code that was redeemed is of no use to the next process, though its token
// could not be stored.
func TestARedeemedCodeIsNotResumed(t *testing.T) {
	byHand(t, func(m *world) {
		approve := func(code oidc.DeviceCode, resumed bool) error {
			if resumed {
				t.Error("resumed")
			}
			return m.server.Approve(code.UserCode)
		}
		m.store().sealingKey(m.Context(), true)
		w := m.watch()
		w.before = always("set", keyring.ErrUnavailable)
		if err := m.session().SignInByItself(m.Context(), approve); !errors.Is(err, keyring.ErrUnavailable) {
			t.Errorf("got %v", err)
		}
		w.before = nil
		if err := m.session().SignInByItself(m.Context(), approve); err != nil {
			t.Error(err)
		}
		m.works()
	})
}

func TestADenialStandsForFiveMinutes(t *testing.T) {
	byHand(t, func(m *world) {
		deny := func(code oidc.DeviceCode, _ bool) error { return m.server.Deny(code.UserCode) }
		if err := m.session().SignInByItself(m.Context(), deny); !errors.Is(err, oidc.ErrDenied) {
			t.Errorf("got %v", err)
		}
		m.asksNothing(func() {
			time.Sleep(4 * time.Minute)
			err := m.session().SignInByItself(m.Context(), deny)
			if denied, ok := errors.AsType[*DeniedError](err); !ok || denied.Session != "corp" || time.Since(denied.At).Round(time.Minute) != 4*time.Minute {
				t.Errorf("got %v", err)
			}
		})
		time.Sleep(2 * time.Minute)
		if _, again := errors.AsType[*DeniedError](m.session().SignInByItself(m.Context(), deny)); again {
			t.Error("not asked again after five minutes")
		}
		m.server.Set(func(s *idctest.Server) { s.AutoApprove = true })
		m.signIn(m.session()) // in person: the denial is void
		m.works()
	})
}

func TestAKeyringThatMayHaveALoginIsNoReasonToSignIn(t *testing.T) {
	onWorld(t, func(m *world) {
		w := m.watch()
		gets := 0
		w.before = func(_ context.Context, op, item string) error {
			if gets++; gets > 2 { // it is locked while we wait for our turn
				return broken(keyring.ErrLocked)
			}
			return nil
		}
		m.asksNothing(func() {
			if err := m.session().SignInByItself(m.Context(), nil); !errors.Is(err, keyring.ErrLocked) {
				t.Errorf("got %v", err)
			}
		})
		w.before = always("", keyring.ErrLocked)
		if err := m.session().SignInByItself(m.Context(), nil); !errors.Is(err, keyring.ErrLocked) {
			t.Errorf("got %v", err)
		}
	})
}

func TestErrorsOnTheWayToACodeAreReturned(t *testing.T) {
	byHand(t, func(m *world) {
		m.server.Fault("RegisterClient", idctest.Fault{Code: "invalid_request"})
		if err := m.session().SignInByItself(m.Context(), nil); err == nil {
			t.Error("no error")
		}
		m.server.ClearFaults()
		wrong := errors.New("no terminal")
		if err := m.session().SignInByItself(m.Context(), func(oidc.DeviceCode, bool) error { return wrong }); err != wrong {
			t.Errorf("got %v", err)
		}
	})
}

func TestALoginMadeElsewhereIsAwaited(t *testing.T) {
	for name, signedIn := range map[string]bool{"the first": false, "after one that has ended": true} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(m *world) {
				if signedIn {
					m.signIn(m.session())
					m.server.EndSessions()
					time.Sleep(2 * time.Hour)
				}
				required, ok := errors.AsType[*SignInError](m.fails(m.session()))
				if !ok {
					t.Fatal("no sign-in required")
				}
				ctx, cancel := context.WithTimeout(m.Context(), time.Minute)
				if err := m.session().AwaitLogin(ctx, required); !errors.Is(err, context.DeadlineExceeded) {
					t.Errorf("got %v", err)
				}
				cancel()
				var waiting sync.WaitGroup
				for range 5 {
					waiting.Go(func() {
						if err := m.session().AwaitLogin(m.Context(), required); err != nil {
							t.Error(err)
						}
						m.token(m.session())
					})
				}
				time.Sleep(time.Minute)
				m.signIn(m.session())
				waiting.Wait()
			})
		})
	}
}

func TestOneOfManyIsTheFirst(t *testing.T) {
	onWorld(t, func(m *world) {
		for range 3 {
			var firsts atomic.Int32
			sessions := m.sessions(20)
			together(200, func(i int) {
				if within(sessions[i%20]).First(m.Context(), "hint", time.Minute) {
					firsts.Add(1)
				}
			})
			if firsts.Load() != 1 {
				t.Errorf("%d are the first", firsts.Load())
			}
			if !within(m.session()).First(m.Context(), time.Now().String(), time.Minute) || !within(m.named("other")).First(m.Context(), time.Now().String(), time.Minute) {
				t.Error("not the first with another question")
			}
			time.Sleep(2 * time.Minute)
		}
	})
}
