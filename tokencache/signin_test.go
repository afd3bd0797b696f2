package tokencache

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/credproc/credproc/credproc/credproctest/idctest"
	"github.com/credproc/credproc/oidc"
	"github.com/credproc/credproc/tokencache/keyring"
)

func TestASignInIsJoined(t *testing.T) {
	for _, signedIn := range []bool{false, true} {
		inBubble(t, func(m *world) {
			if signedIn {
				m.signIn(m.session())
			}
			var asked atomic.Int32
			sessions := m.sessions(10)
			together(30, func(i int) {
				err := sessions[i%10].SignIn(m.Context(), func(ctx context.Context, c *oidc.Config) (*oidc.Token, error) {
					asked.Add(1)
					return byCode(ctx, c)
				})
				if err != nil {
					t.Error(err)
				}
			})
			if asked.Load() != 1 {
				t.Errorf("%d people were asked", asked.Load())
			}
			m.works()
			// Who asks later asks for another.
			before := m.item().ClientID
			m.signIn(m.session())
			if m.item().ClientID == before {
				t.Error("no new sign-in")
			}
		})
	}
}

func TestATokenThatCannotBeALoginReplacesNone(t *testing.T) {
	good := func() *oidc.Token {
		return &oidc.Token{AccessToken: "a", RefreshToken: "r", Expiry: time.Now().Add(time.Hour), Client: oidc.Client{ID: "c", Secret: "s"}}
	}
	for name, spoil := range map[string]func(*oidc.Token){
		"no client":              func(tok *oidc.Token) { tok.Client = oidc.Client{} },
		"no client ID":           func(tok *oidc.Token) { tok.Client.ID = "" },
		"no client secret":       func(tok *oidc.Token) { tok.Client.Secret = "" },
		"no access token":        func(tok *oidc.Token) { tok.AccessToken = "" },
		"nothing":                func(tok *oidc.Token) { *tok = oidc.Token{} },
		"no expiry":              func(tok *oidc.Token) { tok.Expiry = time.Time{} },
		"expired":                func(tok *oidc.Token) { tok.Expiry, tok.RefreshToken = time.Now().Add(-time.Second), "" },
		"expired this moment":    func(tok *oidc.Token) { tok.Expiry, tok.RefreshToken = time.Now(), "" },
		"an expired client":      func(tok *oidc.Token) { tok.Client.Expiry = time.Now().Add(-time.Second) },
		"none, and without word": nil,
	} {
		onWorld(t, func(m *world) {
			m.sameItem(func() {
				err := m.session().SignIn(m.Context(), func(context.Context, *oidc.Config) (*oidc.Token, error) {
					tok := good()
					if spoil == nil {
						return nil, nil
					}
					spoil(tok)
					return tok, nil
				})
				if err == nil || !strings.HasPrefix(err.Error(), `session "corp": the sign-in gave a token that cannot be used: `) {
					t.Errorf("%s: %v", name, err)
				}
			})
			m.works()
		})
	}
}

// The AWS CLI's logins are such ones.
func TestAnExpiredTokenThatCanBeRenewedIsALogin(t *testing.T) {
	inBubble(t, func(m *world) {
		tok, err := byCode(m.Context(), &m.session().Config)
		if err != nil {
			t.Fatal(err)
		}
		tok.Expiry = time.Now().Add(-time.Hour)
		err = m.session().SignIn(m.Context(), func(context.Context, *oidc.Config) (*oidc.Token, error) { return tok, nil })
		if err != nil {
			t.Fatal(err)
		}
		m.works()
	})
}

func TestASignInThatFailsLeavesTheLoginAsItWas(t *testing.T) {
	wrong := errors.New("no terminal")
	for name, how := range map[string]func(context.Context, *oidc.Config) (*oidc.Token, error){
		"an error": func(context.Context, *oidc.Config) (*oidc.Token, error) { return nil, wrong },
		"a person who does not answer": func(ctx context.Context, c *oidc.Config) (*oidc.Token, error) {
			ctx, cancel := context.WithCancelCause(ctx)
			time.AfterFunc(time.Minute, func() { cancel(wrong) })
			<-ctx.Done()
			return nil, context.Cause(ctx)
		},
	} {
		t.Run(name, func(t *testing.T) {
			onWorld(t, func(m *world) {
				m.sameItem(func() {
					if err := m.session().SignIn(m.Context(), how); err != wrong {
						t.Errorf("got %v", err)
					}
				})
				m.works()
			})
		})
	}
}

func TestADeniedSignInLeavesTheLoginAsItWas(t *testing.T) {
	onWorld(t, func(m *world) {
		m.server.Set(func(s *idctest.Server) { s.AutoApprove = false })
		m.sameItem(func() {
			err := m.session().SignIn(m.Context(), func(ctx context.Context, c *oidc.Config) (*oidc.Token, error) {
				return c.SignInWithCode(ctx, func(code oidc.DeviceCode) error { return m.server.Deny(code.UserCode) })
			})
			if !errors.Is(err, oidc.ErrDenied) {
				t.Errorf("got %v", err)
			}
		})
		m.works()
	})
}

// A process that waits for a sign-in signs in itself when the other gives up.
func TestAWaiterGoesOnWhenAnotherGivesUp(t *testing.T) {
	inBubble(t, func(m *world) {
		ctx, cancel := context.WithCancel(m.Context())
		var first sync.WaitGroup
		first.Go(func() {
			err := m.session().SignIn(ctx, func(ctx context.Context, _ *oidc.Config) (*oidc.Token, error) {
				<-ctx.Done()
				return nil, ctx.Err()
			})
			if !errors.Is(err, context.Canceled) {
				t.Errorf("got %v", err)
			}
		})
		time.Sleep(time.Second)
		time.AfterFunc(time.Minute, cancel)
		m.signIn(m.session())
		first.Wait()
		m.works()
	})
}

func TestWhoCannotWaitLongerIsToldWhoSignsIn(t *testing.T) {
	inBubble(t, func(m *world) {
		var first sync.WaitGroup
		first.Go(func() {
			m.session().SignIn(m.Context(), func(ctx context.Context, c *oidc.Config) (*oidc.Token, error) {
				time.Sleep(time.Minute)
				return byCode(ctx, c)
			})
		})
		time.Sleep(time.Second)
		ctx, cancel := context.WithTimeout(m.Context(), time.Second)
		defer cancel()
		if err := m.session().SignIn(ctx, byCode); err == nil || !strings.Contains(err.Error(), "waited for process ") {
			t.Errorf("got %v", err)
		}
		first.Wait()
		m.works()
	})
}

func TestASignInThatCannotBeStoredIsNotBegun(t *testing.T) {
	for _, kind := range []error{keyring.ErrLocked, keyring.ErrUnavailable} {
		for name, signedIn := range map[string]bool{"first": false, "second": true} {
			t.Run(fmt.Sprint(kind, ", ", name), func(t *testing.T) {
				inBubble(t, func(m *world) {
					if signedIn {
						m.signIn(m.session())
					}
					w := m.watch()
					w.before = always("", kind)
					m.asksNothing(func() {
						if err := m.session().SignIn(m.Context(), byCode); !errors.Is(err, kind) {
							t.Errorf("got %v", err)
						}
					})
					w.before = nil
					if signedIn {
						m.works()
					}
				})
			})
		}
	}
}

func TestASignInThatTheKeyringDoesNotTakeLeavesTheLogin(t *testing.T) {
	for _, kind := range []error{keyring.ErrLocked, keyring.ErrUnavailable, keyring.ErrTooBig} {
		onWorld(t, func(m *world) {
			w := m.watch()
			w.before = always("set", kind)
			m.sameItem(func() {
				if err := m.session().SignIn(m.Context(), byCode); !errors.Is(err, kind) {
					t.Errorf("got %v", err)
				}
			})
			w.before = nil
			m.works()
		})
	}
}

// What the person has confirmed is stored, whatever has become of the caller.
func TestAConfirmedSignInIsStoredAfterItsCallerHasGone(t *testing.T) {
	inBubble(t, func(m *world) {
		ctx, cancel := context.WithCancel(m.Context())
		err := m.session().SignIn(ctx, func(ctx context.Context, c *oidc.Config) (*oidc.Token, error) {
			defer cancel()
			return byCode(ctx, c)
		})
		if err != nil {
			t.Error(err)
		}
		m.works()
	})
}

func TestASignInMendsWhatCannotBeRead(t *testing.T) {
	onWorld(t, func(m *world) {
		for _, garbage := range []string{"garbage", "{}", `{"v":99}`} {
			if err := m.keyring.Set(m.Context(), m.store().nameOf(theTokens), garbage); err != nil {
				t.Fatal(err)
			}
			m.signIn(m.session())
			m.works()
		}
	})
}

func TestEachSignInHasARegistrationOfItsOwn(t *testing.T) {
	onWorld(t, func(m *world) {
		for range 3 {
			m.signIn(m.session())
			var clients []string
			for _, name := range m.files("state") {
				if strings.HasSuffix(name, ".client") {
					clients = append(clients, name)
				}
			}
			if want := m.state().Path(m.store().registrationFile(m.item().ClientID)); !slices.Equal(clients, []string{want}) {
				t.Errorf("registrations: %q, want %q", clients, want)
			}
		}
		if n := m.server.Count("RegisterClient"); n != 4 {
			t.Errorf("%d registrations for 4 sign-ins", n)
		}
	})
}

func TestANewLoginIsNewerThanWhatWasThere(t *testing.T) {
	onWorld(t, func(m *world) {
		m.change(func(it *item) { it.Generation += 1 << 40 }) // by a clock that was ahead
		old := m.item().Generation
		m.signIn(m.session())
		if m.item().Generation <= old {
			t.Error("the generation went back")
		}
		m.works()
		if _, err := m.session().SignOut(m.Context()); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Hour)
		m.signIn(m.session())
		if now := m.item().Generation; now < time.Now().Unix()-1 {
			t.Errorf("generation %d, which is not by the clock", now)
		}
	})
}

func TestFirstSignInsAtOnceAgreeOnOneKey(t *testing.T) {
	inBubble(t, func(m *world) {
		w := m.watch()
		var keys atomic.Int32
		w.before = func(_ context.Context, op, item string) error {
			if op == "set" && strings.HasPrefix(item, "key-") {
				keys.Add(1)
			}
			time.Sleep(10 * time.Millisecond) // others come in between
			return nil
		}
		together(20, func(i int) { m.signIn(m.named(fmt.Sprint("corp-", i))) })
		if keys.Load() != 1 {
			t.Errorf("%d keys were made", keys.Load())
		}
		time.Sleep(2 * time.Hour)
		m.renews(20, func() { together(20, func(i int) { m.token(m.named(fmt.Sprint("corp-", i))) }) })
	})
}

func TestLoginsOfOtherNamesAndEndpointsAreOthers(t *testing.T) {
	onWorld(t, func(m *world) {
		endpoint, portal := m.session(), m.session()
		endpoint.Config.Endpoint = "https://oidc.example"
		portal.PortalEndpoint = "https://portal.example"
		region, url, dir := m.session(), m.session(), m.session()
		region.Config.Region = "eu-west-1"
		url.Config.StartURL = "https://other.example/start"
		dir.StateDir += "-2"
		m.asksNothing(func() {
			for i, s := range []*Session{endpoint, portal, region, url, dir, m.named("other"), m.named("")} {
				if err := m.fails(s); !errors.Is(err, oidc.ErrSignInRequired) || !strings.Contains(err.Error(), "not signed in") {
					t.Errorf("%d: %v", i, err)
				}
			}
			// Another way to write the same.
			same := m.session()
			same.Config.StartURL += "/#/"
			m.token(same)
		})
	})
}
