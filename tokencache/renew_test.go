package tokencache

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/credproc/credproc/credproc/credproctest/idctest"
	"github.com/credproc/credproc/oidc"
	"github.com/credproc/credproc/tokencache/keyring"
)

const due = 56 * time.Minute // after a sign-in: four minutes are left

func TestASignInIsInTheKeyringAndServesOtherProcesses(t *testing.T) {
	onWorld(t, func(m *world) {
		m.asksNothing(func() {
			first, err := m.session().Token(m.Context())
			if err != nil {
				t.Fatal(err)
			}
			if left := time.Until(first.Expiry); left <= 59*time.Minute || left > time.Hour {
				t.Errorf("the token has %v left", left)
			}
			if first.RefreshToken != "" || first.Client.Secret != "" || first.Client.ID == "" {
				t.Error("a token is to name its client, and have no refresh token and no client secret")
			}
			it := m.item()
			if it.AccessToken != first.AccessToken || it.RefreshToken == "" || it.ClientID != first.Client.ID {
				t.Error("the keyring has other tokens")
			}
			for range 3 {
				if m.token(m.session()) != first.AccessToken {
					t.Error("another process has another token")
				}
			}
			if strings.Contains(m.raw(), "secret") || len(m.raw()) > 1000 {
				t.Errorf("the item has %d bytes; it is to be small", len(m.raw()))
			}
		})
	})
}

func TestADueTokenIsRenewedOnce(t *testing.T) {
	for _, rotation := range []idctest.Rotation{idctest.None, idctest.Omit, idctest.Grace, idctest.Strict} {
		for _, crowd := range []struct{ processes, goroutines int }{{1, 200}, {20, 1}, {10, 10}} {
			t.Run(fmt.Sprintf("%v, %d processes with %d goroutines", rotation, crowd.processes, crowd.goroutines), func(t *testing.T) {
				onWorld(t, func(m *world) {
					m.server.Set(func(s *idctest.Server) { s.Rotation, s.Latency = rotation, 150*time.Millisecond })
					old := m.token(m.session())
					for range 3 { // what a renewal stores serves the next
						time.Sleep(due)
						sessions, got := m.sessions(crowd.processes), sync.Map{}
						m.renews(1, func() {
							together(crowd.processes*crowd.goroutines, func(i int) {
								got.Store(m.token(sessions[i%crowd.processes]), true)
							})
						})
						now := m.token(m.session())
						if _, ok := got.Load(now); !ok || now == old {
							t.Error("the old token is used")
						}
						got.Range(func(token, _ any) bool {
							if token != now {
								t.Error("there are several tokens")
							}
							return true
						})
						old = now
					}
				})
			})
		}
	}
}

func TestATokenIsRenewedFiveMinutesBeforeItsEnd(t *testing.T) {
	onWorld(t, func(m *world) {
		time.Sleep(54 * time.Minute)
		m.renews(0, func() { m.token(m.session()) })
		time.Sleep(2 * time.Minute)
		m.renews(1, func() { m.token(m.session()) })
	})
}

func TestATokenWithAShortLifeIsRenewedAtHalf(t *testing.T) {
	onWorld(t, func(m *world) {
		m.server.Set(func(s *idctest.Server) { s.AccessTokenLife = 4 * time.Minute })
		time.Sleep(due)
		m.renews(1, func() { m.token(m.session()) })
		time.Sleep(110 * time.Second)
		m.renews(0, func() { m.token(m.session()) })
		time.Sleep(20 * time.Second)
		m.renews(1, func() { m.token(m.session()) })
	})
}

func TestNobodyRenewsWithinHalfAMinute(t *testing.T) {
	onWorld(t, func(m *world) {
		m.server.Set(func(s *idctest.Server) { s.AccessTokenLife = 40 * time.Second })
		time.Sleep(due)
		m.renews(1, func() { m.token(m.session()) })
		time.Sleep(25 * time.Second)
		m.renews(0, func() { m.token(m.session()) })
		time.Sleep(10 * time.Second)
		m.renews(1, func() { m.token(m.session()) })
	})
}

func TestARefusedTokenIsReplacedOnce(t *testing.T) {
	onWorld(t, func(m *world) {
		m.server.Set(func(s *idctest.Server) { s.Rotation, s.Latency = idctest.Strict, 150*time.Millisecond })
		for range 3 {
			refused := m.token(m.session())
			sessions := m.sessions(10)
			m.renews(1, func() {
				together(50, func(i int) {
					if m.instead(sessions[i%10], refused) == refused {
						t.Error("the refused token is returned")
					}
				})
			})
			m.renews(0, func() { m.token(m.session()) })
		}
	})
}

func TestATokenRefusedAtBirthIsNotReplacedForTenSeconds(t *testing.T) {
	onWorld(t, func(m *world) {
		second := m.instead(m.session(), m.token(m.session()))
		tried(m.session(), second, false)
		m.asksNothing(func() {
			_, err := m.session().TokenAfter(m.Context(), second)
			if isUnavailable(err) == nil || !strings.Contains(err.Error(), "just given") {
				t.Errorf("got %v", err)
			}
			if m.token(m.session()) != second {
				t.Error("who was not refused is to have the token there is")
			}
		})
		time.Sleep(11 * time.Second)
		m.renews(1, func() { m.instead(m.session(), second) })
	})
}

func TestWhoeverHadItRefusedFirstWaitsForTheVerdict(t *testing.T) {
	onWorld(t, func(m *world) {
		second := m.instead(m.session(), m.token(m.session()))
		m.asksNothing(func() {
			go func() {
				time.Sleep(time.Second) // the one who got it is slow to try it
				tried(m.session(), second, false)
			}()
			if _, err := m.session().TokenAfter(m.Context(), second); isUnavailable(err) == nil {
				t.Errorf("got %v", err)
			}
		})
		time.Sleep(11 * time.Second)
		// Nobody says that it was refused at birth: it was revoked.
		third := m.instead(m.session(), second)
		m.renews(1, func() { m.instead(m.session(), third) })
	})
}

func TestATokenThatWasAcceptedAndThenRefusedIsReplacedAtOnce(t *testing.T) {
	onWorld(t, func(m *world) {
		token := m.token(m.session())
		for range 3 {
			m.renews(1, func() {
				began := time.Now()
				token = m.instead(m.session(), token)
				if took := time.Since(began); took >= time.Second {
					t.Errorf("took %v", took)
				}
			})
			tried(m.session(), token, true)
			time.Sleep(time.Second)
		}
	})
}

func TestARenewalOnDemandProvesTheLogin(t *testing.T) {
	onWorld(t, func(m *world) {
		m.renews(1, func() {
			if err := m.session().Renew(m.Context()); err != nil {
				t.Error(err)
			}
		})
		m.server.EndSessions()
		m.renews(1, func() {
			if err := m.session().Renew(m.Context()); !errors.Is(err, oidc.ErrSignInRequired) {
				t.Errorf("got %v", err)
			}
		})
		// The access token is good by its own word, and Renew does not go by that.
		m.asksNothing(func() {
			m.token(m.session())
			if err := m.session().Renew(m.Context()); !errors.Is(err, oidc.ErrSignInRequired) {
				t.Errorf("got %v", err)
			}
		})
	})
}

// The item tells the second of a renewal, which is not enough to tell whether
// it was made after this caller started.
func TestRenewalsOnDemandAtOnceAreOne(t *testing.T) {
	onWorld(t, func(m *world) {
		m.server.Set(func(s *idctest.Server) { s.Rotation, s.Latency = idctest.Strict, 150*time.Millisecond })
		time.Sleep(time.Hour + 300*time.Millisecond)
		sessions := m.sessions(20)
		m.renews(1, func() {
			together(100, func(i int) {
				if err := sessions[i%20].Renew(m.Context()); err != nil {
					t.Error(err)
				}
			})
		})
		time.Sleep(time.Second)
		m.renews(1, func() { m.session().Renew(m.Context()) })
	})
}

func TestARenewalOnDemandTriesInSpiteOfABackOff(t *testing.T) {
	onWorld(t, func(m *world) {
		m.server.Fault("CreateToken", idctest.Fault{Status: 500})
		if err := m.session().Renew(m.Context()); isUnavailable(err) == nil {
			t.Errorf("got %v", err)
		}
		m.server.ClearFaults()
		m.renews(1, func() {
			if err := m.session().Renew(m.Context()); err != nil {
				t.Error(err)
			}
		})
	})
}

func TestATokenFromTheFutureIsRenewed(t *testing.T) {
	onWorld(t, func(m *world) {
		m.change(func(it *item) { it.Renewed += 7200; it.Expiry += 7200 }) // the clock was set back
		m.renews(1, func() { m.token(m.session()) })
		m.renews(0, func() { m.token(m.session()) })
	})
}

// The generation counts what was stored: keychains have been seen to show an
// older item for a while, and its refresh token may be void.
func TestAnOlderGenerationIsWaitedFor(t *testing.T) {
	onWorld(t, func(m *world) {
		old := m.raw()
		time.Sleep(due)
		now := m.token(m.session())
		late := &lateKeyring{Keyring: m.keyring, item: m.store().nameOf(theTokens), old: old, until: time.Now().Add(time.Second)}
		m.keyring = late
		m.asksNothing(func() {
			if m.token(m.session()) != now {
				t.Error("an older token is returned")
			}
		})
		if late.shown < 2 {
			t.Errorf("the old item was seen %d times; this proves nothing", late.shown)
		}
	})
}

func TestAnOlderGenerationIsNeverUsed(t *testing.T) {
	onWorld(t, func(m *world) {
		m.server.Set(func(s *idctest.Server) { s.Rotation = idctest.Strict })
		old := m.raw()
		time.Sleep(due)
		m.token(m.session())
		right := m.keyring
		m.keyring = &lateKeyring{Keyring: right, item: m.store().nameOf(theTokens), old: old, until: time.Now().Add(24 * time.Hour)}
		m.asksNothing(func() {
			for range 3 {
				if err := m.fails(m.session()); !errors.Is(err, oidc.ErrSignInRequired) || !errors.Is(err, errOlder) || !strings.Contains(err.Error(), "generation") {
					t.Errorf("got %v", err)
				}
			}
			time.Sleep(time.Hour)
			if err := m.fails(m.session()); !errors.Is(err, oidc.ErrSignInRequired) {
				t.Errorf("got %v", err)
			}
		})
		m.keyring = right
		m.works()
	})
}

// lateKeyring shows an old item until some time.
type lateKeyring struct {
	keyring.Keyring
	item, old string
	until     time.Time
	shown     int
}

func (k *lateKeyring) Get(ctx context.Context, item string) (string, error) {
	if item == k.item && time.Now().Before(k.until) {
		k.shown++
		return k.old, nil
	}
	return k.Keyring.Get(ctx, item)
}

func TestALoginWithoutARefreshTokenLastsAsLongAsItsAccessToken(t *testing.T) {
	inBubble(t, func(m *world) {
		err := m.session().SignIn(m.Context(), func(ctx context.Context, c *oidc.Config) (*oidc.Token, error) {
			tok, err := byCode(ctx, c)
			if err == nil {
				tok.RefreshToken = ""
			}
			return tok, err
		})
		if err != nil {
			t.Fatal(err)
		}
		if status, err := m.session().Status(); err != nil || status.Refreshable {
			t.Errorf("status %+v, %v", status, err)
		}
		m.asksNothing(func() {
			time.Sleep(59 * time.Minute)
			m.token(m.session())
			time.Sleep(2 * time.Minute)
			if err := m.fails(m.session()); !errors.Is(err, oidc.ErrSignInRequired) || !strings.Contains(err.Error(), "no refresh token") {
				t.Errorf("got %v", err)
			}
		})
	})
}

func TestACallerWhoGivesUpLeavesTheRenewalToItsEnd(t *testing.T) {
	onWorld(t, func(m *world) {
		m.server.Set(func(s *idctest.Server) { s.Rotation, s.Latency = idctest.Strict, 5*time.Second })
		for _, wait := range []time.Duration{0, time.Second} {
			time.Sleep(2 * time.Hour)
			ctx, cancel := context.WithTimeout(m.Context(), wait)
			_, err := m.session().Token(ctx)
			cancel()
			if waited := isUnavailable(err) != nil; waited != (wait > 0) || !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("got %v", err)
			}
			m.works()
		}
	})
}

func TestAWaiterSaysWhomItWaitedFor(t *testing.T) {
	onWorld(t, func(m *world) {
		time.Sleep(2 * time.Hour)
		m.server.Set(func(s *idctest.Server) { s.Latency = 10 * time.Second })
		var held sync.WaitGroup
		held.Go(func() { m.token(m.session()) })
		time.Sleep(time.Second)
		ctx, cancel := context.WithTimeout(m.Context(), time.Second)
		defer cancel()
		_, err := m.session().Token(ctx)
		if isUnavailable(err) == nil || !strings.HasPrefix(err.Error(), "renew the session corp: waited for process ") {
			t.Errorf("got %v", err)
		}
		held.Wait()
	})
}

func TestAProgramThatEndsWaitsForARenewalUnderWay(t *testing.T) {
	onWorld(t, func(m *world) {
		time.Sleep(2 * time.Hour)
		m.server.Set(func(s *idctest.Server) { s.Rotation, s.Latency = idctest.Strict, 5*time.Second })
		pause := func(s *Session, ctx context.Context) error {
			resume, err := within(s).Pause(ctx)
			if err == nil {
				defer resume()
			}
			return err
		}
		for _, wait := range []func(*Session, context.Context) error{(*Session).Close, pause} {
			s := m.session()
			var working sync.WaitGroup
			working.Go(func() { s.Renew(context.Background()) })
			time.Sleep(time.Second)
			before := m.item().Generation
			err := wait(s, m.Context())
			if err != nil || m.item().Generation != before+1 {
				t.Errorf("generation %d after %d, error %v", m.item().Generation, before, err)
			}
			working.Wait()
		}
	})
}

func TestSettingsThatCannotWorkAreErrors(t *testing.T) {
	inBubble(t, func(m *world) {
		bad := func() *Session { s := m.session(); s.Config.StartURL = "ftp://x"; return s }
		unknown := m.session()
		unknown.Keyring, unknown.NewLoginKeyring = nil, "tin"
		_, tokenErr := bad().Token(m.Context())
		_, outErr := bad().SignOut(m.Context())
		_, statusErr := bad().Status()
		_, cachedErr := cached(m.Context(), bad(), thing{})
		_, unknownErr := unknown.Token(m.Context())
		for i, err := range []error{
			tokenErr, outErr, statusErr, cachedErr, unknownErr, bad().SignIn(m.Context(), byCode), bad().Renew(m.Context()), bad().Open(),
			bad().SignInByItself(m.Context(), nil), bad().AwaitLogin(m.Context(), nil),
		} {
			if err == nil {
				t.Errorf("%d: no error", i)
			}
		}
		tried(bad(), "x", false)
		if len(m.files("")) > 0 {
			t.Errorf("files: %q", m.files(""))
		}
	})
}

func TestTheIndexSaysWhatTheItemDoes(t *testing.T) {
	onWorld(t, func(m *world) {
		signedIn := time.Now()
		time.Sleep(due)
		m.token(m.session())
		it, ix := m.item(), m.store().readIndex()
		if ix == nil || ix.Generation != it.Generation || ix.Login != login(it.ClientID) || ix.Expiry.Unix() != it.Expiry ||
			ix.Renewed.Unix() != it.Renewed || !ix.Refreshable || ix.SignedIn.Sub(signedIn).Abs() > time.Minute {
			t.Errorf("index %+v of %v", ix, it)
		}
	})
}

func TestWithoutAnIndexTheKeyringDecides(t *testing.T) {
	onWorld(t, func(m *world) {
		for _, content := range []string{"", "not JSON", `{"version":99}`} {
			if err := m.state().Write(m.store().id+".json", []byte(content)); err != nil {
				t.Fatal(err)
			}
			m.renews(0, func() { m.token(m.session()) })
			time.Sleep(due)
			sessions := m.sessions(10)
			m.renews(1, func() { together(10, func(i int) { m.token(sessions[i]) }) })
		}
	})
}

func TestFailuresAreOneSentence(t *testing.T) {
	at := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	cause := errors.New("cause")
	for want, err := range map[string]error{
		`renew the session corp: down`:                              &ServiceError{Op: "renew the session corp", Reason: "down", Err: cause},
		`session "corp": sign-in required: not signed in`:           &SignInError{Session: "corp", Reason: "not signed in"},
		`session "corp": the stored login cannot be read: cause`:    &RecordError{What: "login", Session: "corp", Err: cause},
		`session "corp": the sign-in was denied at 03:04:05`:        &DeniedError{Session: "corp", At: at},
		`signed out here, but the service could not be told: cause`: &RevokeError{Err: cause},
	} {
		if err.Error() != want {
			t.Errorf("%s, want %s", err, want)
		}
	}
	for err, want := range map[error]error{
		&ServiceError{Err: cause}: cause, &SignInError{}: oidc.ErrSignInRequired, &RecordError{Err: cause}: cause,
		&DeniedError{}: oidc.ErrDenied, &keyring.Error{Kind: keyring.ErrLocked}: keyring.ErrLocked, &RevokeError{Err: cause}: cause,
	} {
		if !errors.Is(err, want) {
			t.Errorf("%T is not %v", err, want)
		}
	}
}

func TestAnItemKeepsToItsFormat(t *testing.T) {
	data, err := json.Marshal(item{Version: 1, Generation: 2, ClientID: "client", AccessToken: "access", RefreshToken: "refresh", Renewed: 3, Expiry: 4})
	const want = `{"v":1,"gen":2,"client":"client","access":"access","refresh":"refresh","at":3,"exp":4}`
	if err != nil || string(data) != want {
		t.Errorf("%s, %v: what older releases read has changed", data, err)
	}
	if itemVersion != 1 {
		t.Errorf("format %d is not tested", itemVersion)
	}
}

func TestTheEndOfAContextIsNoFaultOfTheService(t *testing.T) {
	onWorld(t, func(m *world) {
		time.Sleep(2 * time.Hour)
		canceled, cancel := context.WithCancel(m.Context())
		cancel()
		late, cancelLate := context.WithTimeout(m.Context(), 0)
		defer cancelLate()
		for want, ctx := range map[error]context.Context{context.Canceled: canceled, context.DeadlineExceeded: late} {
			_, err := m.session().Token(ctx)
			if !errors.Is(err, want) || isUnavailable(err) != nil {
				t.Errorf("%T %v, want %v", err, err, want)
			}
		}
	})
}
