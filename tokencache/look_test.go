package tokencache

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"reflect"
	"runtime"
	"testing"
	"testing/synctest"
	"time"

	"github.com/credproc/credproc/internal/inside"
	"github.com/credproc/credproc/oidc"
	"github.com/credproc/credproc/tokencache/keyring"
)

// look is what status says of the last look, or "".
func (m *world) look() string {
	m.Helper()
	status, err := m.session().Status()
	if err != nil || status == nil {
		m.Fatalf("status %+v, %v", status, err)
	}
	if status.Look == nil {
		return ""
	}
	if status.Look.At.After(time.Now()) || time.Since(status.Look.At) > time.Hour {
		m.Errorf("a look at %v", status.Look.At)
	}
	return status.Look.Found
}

// lose makes the keyring one that has nothing, and returns what brings it back.
func (m *world) lose() (restore func()) {
	m.Helper()
	text, item := m.raw(), m.store().nameOf(theTokens)
	if err := m.keyring.Delete(m.Context(), item); err != nil {
		m.Fatal(err)
	}
	return func() {
		if err := m.keyring.Set(m.Context(), item, text); err != nil {
			m.Fatal(err)
		}
	}
}

func TestStatusKnowsWhatTheLastProcessHasFound(t *testing.T) {
	for want, spoil := range map[string]func(m *world){
		inside.FoundNothing:     func(m *world) { m.lose() },
		inside.FoundLocked:      func(m *world) { m.watch().before = always("", keyring.ErrLocked) },
		inside.FoundUnavailable: func(m *world) { m.watch().before = always("", keyring.ErrUnavailable) },
		inside.FoundOlder:       func(m *world) { m.change(func(it *item) { it.Generation -= 2 }) },
		inside.FoundUnreadable:  func(m *world) { m.keyring.Set(m.Context(), m.store().nameOf(theTokens), "garbage") },
		inside.FoundRefused: func(m *world) {
			m.change(func(it *item) { it.RefreshToken = "" })
			time.Sleep(2 * time.Hour)
		},
	} {
		t.Run(want, func(t *testing.T) {
			onWorld(t, func(m *world) {
				whole := m.raw()
				keyring := m.keyring
				spoil(m)
				signIn := errors.Is(m.fails(m.session()), oidc.ErrSignInRequired)
				look := lookAt(time.Now(), want, "")
				if got := m.look(); got != want || signIn && !look.NeedsSignIn || look.CannotTell && signIn {
					t.Errorf("it found %q, want %q; a sign-in is required: %v", got, want, signIn)
				}
				if logins, err := Logins(string(m.state()), ""); err != nil || len(logins) != 1 || logins[0].Look.Found != want {
					t.Errorf("all logins: %+v, %v", logins, err)
				}
				// A note is no more than a hint: the next process looks for itself.
				if m.keyring = keyring; want != inside.FoundRefused {
					if err := m.keyring.Set(m.Context(), m.store().nameOf(theTokens), whole); err != nil {
						t.Fatal(err)
					}
				} else {
					m.signIn(m.session())
				}
				m.token(m.session())
				if got := m.look(); got != "" {
					t.Errorf("%q is still said of a login that works", got)
				}
			})
		})
	}
}

func TestANoteEndsWithASignInARenewalAndASignOut(t *testing.T) {
	for name, do := range map[string]func(m *world){
		"sign-in":  func(m *world) { m.signIn(m.session()) },
		"renewal":  func(m *world) { m.session().Renew(m.Context()) },
		"sign-out": func(m *world) { m.session().SignOut(m.Context()) },
	} {
		t.Run(name, func(t *testing.T) {
			onWorld(t, func(m *world) {
				restore := m.lose()
				m.fails(m.session())
				restore()
				do(m)
				if data, err := m.state().Read(m.store().id + noteFile); err == nil {
					t.Errorf("it is there: %s", data)
				}
			})
		})
	}
}

// The process that was told that there is no login comes back when another has
// signed in.
func TestALateNoteSaysNothingOfANewerLogin(t *testing.T) {
	onWorld(t, func(m *world) {
		keyring := m.keyring
		m.lose()
		w := m.watch()
		late := m.session()
		signedIn := false
		w.before = func(_ context.Context, op, item string) error {
			if w.before = nil; !signedIn {
				signedIn = true
				m.keyring = keyring
				m.signIn(m.session())
				m.lose() // what it is told is true
			}
			return nil
		}
		m.fails(late)
		if !signedIn {
			t.Fatal("nobody has signed in meanwhile")
		}
		if got, n := m.look(), m.store().readNote(); got != "" || n != nil {
			t.Errorf("it found %q of a login that it did not know, and noted %+v", got, n)
		}
		m.fails(m.session())
		if got := m.look(); got != inside.FoundNothing {
			t.Errorf("who knows it found %q", got)
		}
	})
}

func TestANoteThatCannotBeWrittenKeepsNobodyFromAnAnswer(t *testing.T) {
	onWorld(t, func(m *world) {
		m.lose()
		if err := os.Mkdir(m.state().Path(m.store().id+noteFile), 0o700); err != nil {
			t.Fatal(err)
		}
		began := time.Now()
		if err := m.fails(m.session()); !errors.Is(err, oidc.ErrSignInRequired) || time.Since(began) > 2*time.Second {
			t.Errorf("after %v: %v", time.Since(began), err)
		}
		if got := m.look(); got != "" {
			t.Errorf("it found %q", got)
		}
	})
}

func TestWhatManyFindAtOnceIsWrittenOnce(t *testing.T) {
	onWorld(t, func(m *world) {
		m.lose()
		m.fails(m.session())
		first := m.store().readNote()
		together(20, func(int) { m.fails(m.session()) })
		if again := m.store().readNote(); again == nil || !again.At.Equal(first.At) {
			t.Errorf("%+v, and then %+v", first, again)
		}
		time.Sleep(time.Minute)
		m.fails(m.session())
		if again := m.store().readNote(); again == nil || !again.At.After(first.At) {
			t.Errorf("a minute later it is as of %+v", again)
		}
	})
}

// kernelLike is the kernel's keyring without a kernel.
type kernelLike struct{ keyring.Memory }

func (*kernelLike) Name() string { return "kernel" }

func TestARestartTakesTheLoginOfTheKernelWithIt(t *testing.T) {
	if runtime.GOOS != "linux" {
		return // others have no such keyring
	}
	inBubble(t, func(m *world) {
		m.keyring = new(kernelLike)
		m.signIn(m.session())
		if ix := m.store().readIndex(); ix.Boot == "" || ix.Boot != bootID() {
			t.Fatalf("the index says boot %q", ix.Boot)
		}
		restart := func() {
			ix := m.store().readIndex()
			ix.Boot = "another"
			if err := m.store().writeIndex(ix); err != nil {
				t.Fatal(err)
			}
		}
		restart()
		if got := m.look(); got != inside.FoundNothing {
			t.Errorf("after a restart status says %q", got)
		}
		// A container has boots of its own, and its kernel lives on.
		m.token(m.session())
		if got := m.look(); got != "" {
			t.Errorf("it found %q, and the login is there", got)
		}
		restart()
		m.signIn(m.session())
		if got := m.look(); got != "" {
			t.Errorf("after a sign-in it found %q", got)
		}
		// Elsewhere a restart means nothing.
		m.keyring = new(keyring.Memory)
		m.signIn(m.session())
		restart()
		if got := m.look(); got != "" {
			t.Errorf("in another keyring it found %q", got)
		}
	})
}

func TestTheKernelForgetsWhatIsNotUsed(t *testing.T) {
	if kernelExpiry() == 0 {
		return // this one does not, or has no persistent keyrings
	}
	inBubble(t, func(m *world) {
		m.keyring = new(kernelLike)
		m.signIn(m.session())
		uncertain := func() bool {
			status, err := m.session().Status()
			if err != nil || status == nil {
				t.Fatalf("%+v, %v", status, err)
			}
			return status.Uncertain && status.Doubt != ""
		}
		if time.Sleep(kernelExpiry() - time.Hour); uncertain() {
			t.Error("it is in doubt too early")
		}
		if time.Sleep(2 * time.Hour); !uncertain() {
			t.Error("it is not in doubt")
		}
		status, err := m.session().Check(m.Context())
		if err != nil || status.Uncertain || status.Look.Found != inside.FoundLogin {
			t.Errorf("the keyring has it, and a check says %+v, %v", status, err)
		}
		if m.token(m.session()); uncertain() {
			t.Error("it is in doubt after a renewal")
		}
	})
}

// check is what a check finds within a second.
func (m *world) check() *Status {
	m.Helper()
	ctx, cancel := context.WithTimeout(m.Context(), time.Second)
	defer cancel()
	began := time.Now()
	status, err := m.session().Check(ctx)
	if took := time.Since(began); err != nil || took > 1100*time.Millisecond {
		m.Errorf("after %v: %v", took, err)
	}
	return status
}

func TestACheckAsksTheKeyringItself(t *testing.T) {
	onWorld(t, func(m *world) {
		if got := m.check(); got.Look.Found != inside.FoundLogin || got.Uncertain || !got.Refreshable {
			t.Errorf("of a login that is there: %+v, %+v", got, got.Look)
		}
		restore := m.lose()
		if got := m.check(); got.Look.Found != inside.FoundNothing {
			t.Errorf("of one that is gone: %+v", got.Look)
		}
		if got := m.look(); got != inside.FoundNothing {
			t.Errorf("and status then: %q", got)
		}
		restore()
		if m.check(); m.look() != "" {
			t.Errorf("of one that is there again, status says %q", m.look())
		}
		whole := m.raw()
		m.change(func(it *item) { it.Generation -= 2 })
		if got := m.check(); got.Look.Found != inside.FoundOlder {
			t.Errorf("of an older one: %+v", got.Look)
		}
		m.keyring.Set(m.Context(), m.store().nameOf(theTokens), whole)
		w := m.watch()
		for kind, want := range map[error]string{keyring.ErrLocked: inside.FoundLocked, keyring.ErrUnavailable: inside.FoundUnavailable} {
			w.before = always("", kind)
			if got := m.check(); got.Look.Found != want || !got.Refreshable {
				t.Errorf("%v: %+v", kind, got.Look)
			}
		}
		w.before = func(ctx context.Context, _, _ string) error { <-ctx.Done(); return broken(keyring.ErrUnavailable) }
		if got := m.check(); got.Look.Found != inside.FoundSlow || !got.Look.CannotTell {
			t.Errorf("of one that is slow: %+v", got.Look)
		}
		synctest.Wait() // the call that was given up comes back
		w.before = nil
		m.session().SignOut(m.Context())
		if got := m.check(); got != nil {
			t.Errorf("signed out: %+v", got)
		}
	})
}

func TestACheckKnowsWhatCameOfASignOutThatWasCutOff(t *testing.T) {
	for _, gone := range []bool{false, true} {
		onWorld(t, func(m *world) {
			m.store().leave()
			if gone {
				m.lose()
			}
			got := m.check()
			if got == nil || got.Uncertain || (got.Look.Found == inside.FoundNothing) != gone {
				t.Errorf("the login is gone: %v, and a check says %+v", gone, got)
			}
		})
	}
}

func TestACheckFindsALoginWithoutAnIndex(t *testing.T) {
	onWorld(t, func(m *world) {
		if err := m.state().Remove(m.store().id + ".json"); err != nil {
			t.Fatal(err)
		}
		if got := m.check(); got == nil || got.Uncertain || !got.Refreshable || got.Expiry.IsZero() {
			t.Errorf("a check says %+v", got)
		}
	})
}

func TestTheServicesRefusalOutlivesACheck(t *testing.T) {
	onWorld(t, func(m *world) {
		m.change(func(it *item) { it.RefreshToken = "" })
		time.Sleep(2 * time.Hour)
		m.fails(m.session())
		for range 2 {
			if got := m.check(); got.Look.Found != inside.FoundRefused {
				t.Errorf("a check says %+v", got.Look)
			}
		}
	})
}

// A field that is added later must reach who looks quietly, too.
func TestAQuietSessionLooksWhereTheSessionDoes(t *testing.T) {
	s := &Session{
		Name: "corp", Config: oidc.Config{StartURL: "https://idc.example/start", Region: "us-east-1"}, PortalEndpoint: "x", Keyring: new(keyring.Memory),
		NewLoginKeyring: "file", Unlock: keyring.Unlock{KeyFile: "/key"}, StateDir: "/state", CacheDir: "/cache", LaxModes: true, Service: "acme",
		NoKeyCache: true, Network: "x", Logger: slog.New(slog.DiscardHandler),
		Application: new(oidc.Application), MayPrompt: true, Export: func(*oidc.Token) error { return nil },
	}
	quiet, loud := reflect.ValueOf(s.quiet()).Elem(), reflect.ValueOf(s).Elem()
	for i := range loud.NumField() {
		switch name := loud.Type().Field(i).Name; {
		case !loud.Type().Field(i).IsExported():
		case loud.Field(i).IsZero():
			t.Errorf("the test does not set %s", name)
		case name == "MayPrompt" || name == "Export":
			if !quiet.Field(i).IsZero() {
				t.Errorf("%s is kept", name)
			}
		case !reflect.DeepEqual(quiet.Field(i).Interface(), loud.Field(i).Interface()):
			t.Errorf("%s is lost", name)
		}
	}
}

func TestASignInWithoutAFunctionIsAnError(t *testing.T) {
	onWorld(t, func(m *world) {
		first := m.token(m.session())
		if err := m.session().SignIn(m.Context(), nil); err == nil {
			t.Error("SignIn: no error")
		}
		if m.token(m.session()) != first {
			t.Error("the login is another")
		}
		m.session().SignOut(m.Context())
		if err := m.session().SignInByItself(m.Context(), nil); err == nil {
			t.Error("SignInByItself: no error")
		}
	})
}

// No dialog, and no command for a passphrase, whatever the session may do.
func TestACheckOpensNoFileKeyring(t *testing.T) {
	m := newWorld(t)
	asked := 0
	unlock := func(ctx context.Context, r keyring.PassphraseRequest) (string, error) {
		asked++
		return "open sesame", nil
	}
	session := func() *Session {
		s := m.session()
		s.Keyring, s.NewLoginKeyring, s.NoKeyCache, s.MayPrompt = nil, "file", true, true
		s.Unlock = keyring.Unlock{Passphrase: unlock, Person: true}
		return s
	}
	m.signIn(session())
	before := asked
	got, err := session().Check(m.Context())
	if err != nil || got.Look.Found != inside.FoundLocked || asked != before {
		t.Errorf("%+v, %v; asked %d times", got.Look, err, asked-before)
	}
	if states, err := within(session()).KeyringStates(m.Context()); err != nil || asked != before {
		t.Errorf("%+v, %v; asked %d times", states, err, asked-before)
	}
}
