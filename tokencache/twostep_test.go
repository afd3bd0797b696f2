package tokencache

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/credproc/credproc/credproc/credproctest/idctest"
	"github.com/credproc/credproc/oidc"
	"github.com/credproc/credproc/tokencache/keyring"
)

// starts starts a sign-in, and returns the code.
func (m *world) starts(s *Session) *oidc.DeviceCode {
	m.Helper()
	code, err := within(s).StartSignIn(m.Context())
	if err != nil || code == nil {
		m.Fatalf("start: %v, %v", code, err)
	}
	return code
}

func (m *world) resumes(wait time.Duration, want bool) {
	m.Helper()
	if done, err := within(m.session()).ResumeSignIn(m.Context(), wait); done != want || err != nil {
		m.Errorf("resumed: %v, %v, want %v", done, err, want)
	}
}

func TestASignInIsStartedByOneProcessAndFinishedByAnother(t *testing.T) {
	byHand(t, func(m *world) {
		began := time.Now()
		code := m.starts(m.session())
		if waited := time.Since(began); waited > time.Second {
			t.Errorf("it waited %v", waited)
		}
		m.keepsSecrets()
		m.resumes(time.Minute, false)
		if err := m.server.Approve(code.UserCode); err != nil {
			t.Fatal(err)
		}
		m.resumes(time.Minute, true)
		m.works()
		m.asksNothing(func() {
			m.resumes(time.Minute, true)
			if code, err := within(m.session()).StartSignIn(m.Context()); code != nil || err != nil {
				t.Errorf("signed in, and started %v, %v", code, err)
			}
		})
	})
}

func TestAllStartsShareOneCode(t *testing.T) {
	byHand(t, func(m *world) {
		sessions := m.sessions(20)
		codes := make([]*oidc.DeviceCode, 20)
		together(20, func(i int) {
			var err error
			if codes[i], err = within(sessions[i]).StartSignIn(m.Context()); err != nil {
				t.Error(err)
			}
		})
		for _, code := range codes {
			if code.UserCode != codes[0].UserCode || !code.Expiry.Equal(codes[0].Expiry) || code.Code != codes[0].Code {
				t.Errorf("code %v, and code %v", code, codes[0])
			}
		}
		if n := m.server.Count("StartDeviceAuthorization"); n != 1 {
			t.Errorf("%d codes", n)
		}
		// All who wait for it get the login, and one of them asks.
		time.AfterFunc(time.Minute, func() { m.server.Approve(codes[0].UserCode) })
		asked := m.server.Count("CreateToken")
		together(20, func(i int) {
			if done, err := within(sessions[i]).ResumeSignIn(m.Context(), time.Hour); !done || err != nil {
				t.Errorf("resumed: %v, %v", done, err)
			}
		})
		if n := m.server.Count("CreateToken") - asked; n > 65 { // at an interval of a second
			t.Errorf("asked %d times in a minute", n)
		}
		m.works()
	})
}

func TestAStartedSignInIsTakenUpByAProcessThatSignsInByItself(t *testing.T) {
	byHand(t, func(m *world) {
		code := m.starts(m.session())
		time.AfterFunc(time.Minute, func() { m.server.Approve(code.UserCode) })
		err := m.session().SignInByItself(m.Context(), func(shown oidc.DeviceCode, resumed bool) error {
			if !resumed || shown.UserCode != code.UserCode {
				t.Errorf("resumed %v, another code", resumed)
			}
			// While it waits, the others are told the same code at once.
			if again := m.starts(m.session()); again.UserCode != code.UserCode {
				t.Error("another code")
			}
			return nil
		})
		if err != nil {
			t.Error(err)
		}
		m.works()
	})
}

// An agent may ask again and again, each time with no time to wait.
func TestAResumptionWithoutTimeAsksOnce(t *testing.T) {
	byHand(t, func(m *world) {
		code := m.starts(m.session())
		for range 3 {
			asked := m.server.Count("CreateToken")
			m.resumes(0, false)
			if n := m.server.Count("CreateToken") - asked; n != 1 {
				t.Errorf("asked %d times", n)
			}
		}
		m.server.Approve(code.UserCode)
		m.resumes(0, true)
		m.works()
	})
}

func TestADeniedCodeIsToldOnceAndCanBeStartedAgain(t *testing.T) {
	byHand(t, func(m *world) {
		first := m.starts(m.session())
		m.server.Deny(first.UserCode)
		if done, err := within(m.session()).ResumeSignIn(m.Context(), time.Minute); done || !errors.Is(err, oidc.ErrDenied) {
			t.Errorf("got %v, %v", done, err)
		}
		m.asksNothing(func() {
			_, err := within(m.session()).ResumeSignIn(m.Context(), time.Minute)
			if _, denied := errors.AsType[*DeniedError](err); !denied {
				t.Errorf("got %v", err)
			}
		})
		second := m.starts(m.session())
		if second.UserCode == first.UserCode {
			t.Error("the same code")
		}
		m.server.Approve(second.UserCode)
		m.resumes(time.Minute, true)
		m.works()
	})
}

func TestACodeThatNobodyConfirmedIsExpired(t *testing.T) {
	inBubble(t, func(m *world) {
		m.server.Set(func(s *idctest.Server) { s.AutoApprove = false })
		first := m.starts(m.session())
		if done, err := within(m.session()).ResumeSignIn(m.Context(), time.Hour); done || !errors.Is(err, oidc.ErrExpired) {
			t.Errorf("got %v, %v", done, err)
		}
		m.starts(m.session())
		time.Sleep(time.Hour)
		m.asksNothing(func() {
			if done, err := within(m.session()).ResumeSignIn(m.Context(), time.Hour); done || !errors.Is(err, oidc.ErrExpired) {
				t.Errorf("got %v, %v", done, err)
			}
			_, err := within(m.session()).ResumeSignIn(m.Context(), time.Hour)
			if needed, ok := errors.AsType[*SignInError](err); !ok || needed.Reason != "no sign-in has been started" {
				t.Errorf("got %v", err)
			}
		})
		if m.starts(m.session()).UserCode == first.UserCode {
			t.Error("the same code")
		}
	})
}

func TestACodeIsOfOneSession(t *testing.T) {
	byHand(t, func(m *world) {
		code := m.starts(m.session())
		m.server.Approve(code.UserCode)
		m.asksNothing(func() {
			if done, err := within(m.named("other")).ResumeSignIn(m.Context(), time.Minute); done || !errors.Is(err, oidc.ErrSignInRequired) {
				t.Errorf("got %v, %v", done, err)
			}
		})
		m.resumes(time.Minute, true)
	})
}

func TestASignInInPersonEndsAStartedOne(t *testing.T) {
	byHand(t, func(m *world) {
		m.starts(m.session())
		m.server.Set(func(s *idctest.Server) { s.AutoApprove = true })
		m.signIn(m.session())
		m.asksNothing(func() { m.resumes(time.Minute, true) })
		if _, err := m.session().SignOut(m.Context()); err != nil {
			t.Fatal(err)
		}
		if _, err := within(m.session()).ResumeSignIn(m.Context(), time.Minute); !errors.Is(err, oidc.ErrSignInRequired) {
			t.Errorf("signed out, got %v", err)
		}
	})
}

// Of a person at a terminal, nothing is known that could be shared: the others do
// not wait for them.
func TestAStartDoesNotWaitForAPersonElsewhere(t *testing.T) {
	inBubble(t, func(m *world) {
		m.server.Set(func(s *idctest.Server) { s.AutoApprove = false })
		ctx, cancel := context.WithCancel(m.Context())
		var person sync.WaitGroup
		person.Go(func() {
			m.session().SignIn(ctx, func(ctx context.Context, _ *oidc.Config) (*oidc.Token, error) {
				<-ctx.Done()
				return nil, ctx.Err()
			})
		})
		time.Sleep(time.Second)
		began := time.Now()
		_, err := within(m.session()).StartSignIn(m.Context())
		if err == nil || !strings.Contains(err.Error(), "waited for process ") || time.Since(began) > 10*time.Second {
			t.Errorf("after %v: %v", time.Since(began), err)
		}
		m.resumes(time.Minute, false)
		cancel()
		person.Wait()
		m.starts(m.session())
	})
}

func TestAServiceThatIsDownEndsNoStartedSignIn(t *testing.T) {
	byHand(t, func(m *world) {
		code := m.starts(m.session())
		m.server.Fault("CreateToken", idctest.Fault{Status: 503, Times: 1000})
		if done, err := within(m.session()).ResumeSignIn(m.Context(), time.Minute); done || err == nil || errors.Is(err, oidc.ErrExpired) || !strings.Contains(err.Error(), "503") {
			t.Errorf("got %v, %v", done, err)
		}
		m.server.ClearFaults()
		m.server.Approve(code.UserCode)
		m.resumes(time.Minute, true)
		m.works()
	})
}

func TestACodeThatCannotBeStoredIsNotReturned(t *testing.T) {
	for _, kind := range []error{keyring.ErrLocked, keyring.ErrUnavailable} {
		t.Run(fmt.Sprint(kind), func(t *testing.T) {
			byHand(t, func(m *world) {
				m.watch().before = always("", kind)
				m.asksNothing(func() {
					if code, err := within(m.session()).StartSignIn(m.Context()); code != nil || !errors.Is(err, kind) {
						t.Errorf("got %v, %v", code, err)
					}
				})
			})
		})
	}
}

// A login that the service has ended is one that a sign-in is started for.
func TestAnEndedSessionIsSignedInToInTwoSteps(t *testing.T) {
	byHand(t, func(m *world) {
		m.server.Set(func(s *idctest.Server) { s.AutoApprove = true })
		m.signIn(m.session())
		m.server.Set(func(s *idctest.Server) { s.AutoApprove = false })
		m.server.EndSessions()
		if err := m.session().Renew(m.Context()); !errors.Is(err, oidc.ErrSignInRequired) {
			t.Fatal(err)
		}
		var started atomic.Int32
		sessions := m.sessions(5)
		together(5, func(i int) {
			if code, err := within(sessions[i]).StartSignIn(m.Context()); err != nil || code == nil {
				t.Errorf("got %v, %v", code, err)
			} else if started.Add(1) == 1 {
				time.AfterFunc(time.Minute, func() { m.server.Approve(code.UserCode) })
			}
		})
		m.resumes(time.Hour, true)
		m.works()
	})
}
