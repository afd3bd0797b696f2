package tokencache

import (
	"context"
	"crypto/rand"
	"errors"
	"os"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/credproc/credproc/internal/flight"
	"github.com/credproc/credproc/internal/sealed"
	"github.com/credproc/credproc/oidc"
	"github.com/credproc/credproc/tokencache/keyring"
)

// isRecordError fails unless err says that something stored cannot be read,
// for that reason.
func isRecordError(t *testing.T, err error, what string, cause error) {
	t.Helper()
	e, ok := errors.AsType[*RecordError](err)
	if !ok || e.What != what || e.Session != "corp" || !errors.Is(err, cause) || errors.Is(err, oidc.ErrSignInRequired) {
		t.Errorf("got %v, want a RecordError about the %s: %v", err, what, cause)
	}
}

func TestALoginThatCannotBeReadIsLeftAsItIs(t *testing.T) {
	for text, cause := range map[string]error{
		"":                                 sealed.ErrDamaged,
		"garbage with a secret":            sealed.ErrDamaged,
		`{"v":1}`:                          sealed.ErrDamaged,
		`{"v":1,"client":"x"}`:             sealed.ErrDamaged,
		`{"v":2}`:                          sealed.ErrNewer,
		`{"v":2,"client":1,"access":"x"}`:  sealed.ErrDamaged,
		`{"v":99,"client":"","access":""}`: sealed.ErrNewer,
	} {
		onWorld(t, func(m *world) {
			if err := m.keyring.Set(m.Context(), m.store().nameOf(theTokens), text); err != nil {
				t.Fatal(err)
			}
			isRecordError(t, m.fails(m.session()), "login", cause) // which leaves a note
			files := len(m.files("state"))
			m.asksNothing(func() {
				err := m.fails(m.session())
				isRecordError(t, err, "login", cause)
				if strings.Contains(err.Error(), "secret") {
					t.Errorf("%v repeats what is stored", err)
				}
				isRecordError(t, m.session().Renew(m.Context()), "login", cause)
				isRecordError(t, within(m.session()).Revoke(m.Context()), "login", cause)
			})
			if now := len(m.files("state")); m.raw() != text || now != files {
				t.Errorf("the item is %q, %d files of %d", m.raw(), now, files)
			}
		})
	}
}

// What a newer release writes down while it renews is none of an older one's
// business, as long as it can read what comes of it.
func TestTheJournalOfANewerReleaseThatIsRenewingIsWaitedFor(t *testing.T) {
	onWorld(t, func(m *world) {
		st, now := m.store(), m.item()
		time.Sleep(2 * time.Hour)
		_, release, err := flight.Lock(m.Context(), st.locks(), flight.Session(st.id), "renew")
		if err != nil {
			t.Fatal(err)
		}
		renewed := now.next(&oidc.Token{AccessToken: "of the newer", RefreshToken: "r", Expiry: time.Now().Add(time.Hour), Client: oidc.Client{ID: now.ClientID}})
		newer := *renewed
		newer.Version = newestItem + 1
		if err := st.fillJournal(m.Context(), &newer); err != nil {
			t.Fatal(err)
		}
		go func() {
			time.Sleep(3 * time.Second)
			if err := st.writeItem(m.Context(), renewed); err != nil {
				t.Error(err)
			}
			st.removeJournal()
			release()
		}()
		m.asksNothing(func() {
			if got := m.token(m.session()); got != "of the newer" {
				t.Errorf("got %q", got)
			}
		})
	})
}

func TestNobodySignsInByItselfInPlaceOfANewerRelease(t *testing.T) {
	onWorld(t, func(m *world) {
		text := `{"v":2,"client":"x","access":"y"}`
		if err := m.keyring.Set(m.Context(), m.store().nameOf(theTokens), text); err != nil {
			t.Fatal(err)
		}
		m.asksNothing(func() {
			isRecordError(t, m.session().SignInByItself(m.Context(), nil), "login", sealed.ErrNewer)
		})
		if m.raw() != text {
			t.Errorf("the item is %q", m.raw())
		}
	})
}

func TestARegistrationThatCannotBeReadIsLeftAsItIs(t *testing.T) {
	for name, tt := range map[string]struct {
		change func([]byte) []byte
		cause  error
	}{
		"damaged":         {func(b []byte) []byte { b[len(b)-1] ^= 1; return b }, sealed.ErrDamaged},
		"empty":           {func(b []byte) []byte { return nil }, sealed.ErrDamaged},
		"newer":           {func(b []byte) []byte { b[4] = 2; return b }, sealed.ErrNewer},
		"of another key":  {func(b []byte) []byte { b[6] ^= 1; return b }, sealed.ErrOtherKey},
		"not there":       {nil, os.ErrNotExist},
		"of another name": {func([]byte) []byte { return sealed.NewKey(rand.Read).Seal("x", nil) }, sealed.ErrOtherKey},
	} {
		t.Run(name, func(t *testing.T) {
			onWorld(t, func(m *world) {
				file := m.store().registrationFile(m.item().ClientID)
				data, err := m.state().Read(file)
				if err != nil {
					t.Fatal(err)
				}
				if tt.change == nil {
					err = m.state().Remove(file)
				} else {
					err = m.state().Write(file, tt.change(append([]byte(nil), data...)))
				}
				if err != nil {
					t.Fatal(err)
				}
				m.sameItem(func() {
					m.asksNothing(func() {
						time.Sleep(due)
						m.token(m.session()) // there are four minutes left
						isRecordError(t, m.session().Renew(m.Context()), "client registration", tt.cause)
						time.Sleep(time.Hour)
						isRecordError(t, m.fails(m.session()), "client registration", tt.cause)
					})
				})
				if m.store().readEnded() != nil {
					t.Error("there is a mark that the session has ended")
				}
				if err := m.state().Write(file, data); err != nil {
					t.Fatal(err)
				}
				m.works()
			})
		})
	}
}

func TestAKeyThatCannotBeReadIsLeftAsItIs(t *testing.T) {
	onWorld(t, func(m *world) {
		item := m.store().nameOf(theKey)
		if err := m.keyring.Set(m.Context(), item, "garbage"); err != nil {
			t.Fatal(err)
		}
		time.Sleep(2 * time.Hour)
		m.asksNothing(func() {
			for _, err := range []error{m.fails(m.session()), m.session().SignIn(m.Context(), byCode)} {
				if e, ok := errors.AsType[*RecordError](err); !ok || e.What != "client registration" && e.What != "sealing key" {
					t.Errorf("got %v", err)
				}
			}
		})
		if text, err := m.keyring.Get(m.Context(), item); text != "garbage" || err != nil {
			t.Errorf("the key is %q, %v", text, err)
		}
	})
}

// A long-lived process may have seen a key that was deleted with the last login,
// and replaced with the next.
func TestARecordOfAnotherKeyMakesAProcessAskForItsKeyAgain(t *testing.T) {
	onWorld(t, func(m *world) {
		old := m.session()
		sh := &shelf{world: m}
		sh.from(old, 1, "list")
		first, err := old.store.sealingKey(m.Context(), false)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := m.session().SignOut(m.Context()); err != nil {
			t.Fatal(err)
		}
		m.signIn(m.session())
		list := sh.get(1, "list")
		if sh.from(old, 0, "list") != list {
			t.Error("another list")
		}
		second, err := old.store.sealingKey(m.Context(), false)
		if err != nil || second.ID() == first.ID() {
			t.Errorf("the key is the old one, %v", err)
		}
		time.Sleep(2 * time.Hour)
		m.renews(1, func() { m.token(old) })
		// Also where it signs in with the old key in mind.
		if _, err := m.session().SignOut(m.Context()); err != nil {
			t.Fatal(err)
		}
		m.signIn(old)
		m.works()
	})
}

func TestOneCallOfTheKeyringServesAllWhoNeedTheKey(t *testing.T) {
	onWorld(t, func(m *world) {
		(&shelf{world: m}).get(1, "list")
		w := m.watch()
		gets := 0
		w.before = func(_ context.Context, op, item string) error {
			gets++
			time.Sleep(20 * time.Second)
			return nil
		}
		s := m.session()
		ask := func(i int) {
			ctx, cancel := context.WithTimeout(m.Context(), time.Duration(i+1)*time.Second)
			defer cancel()
			_, err := cached(ctx, s, (&shelf{world: m}).thing(s, "list"))
			if i > 20 && err != nil || i > 0 && i < 19 && !errors.Is(err, keyring.ErrUnavailable) && err != nil {
				t.Errorf("who waits %d s got %v", i+1, err)
			}
		}
		var first sync.WaitGroup // one that waits for the answer
		first.Go(func() { ask(49) })
		synctest.Wait()
		together(49, ask)
		first.Wait()
		if gets != 1 {
			t.Errorf("%d calls", gets)
		}
	})
}
