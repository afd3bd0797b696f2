package tokencache

import (
	"context"
	"errors"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/credproc/credproc/credproc/credproctest/idctest"
	"github.com/credproc/credproc/internal/keycache"
	"github.com/credproc/credproc/internal/safedir"
	"github.com/credproc/credproc/internal/sealed"
	"github.com/credproc/credproc/oidc"
	"github.com/credproc/credproc/tokencache/keyring"
)

func sesame(context.Context, keyring.PassphraseRequest) (string, error) { return "open sesame", nil }

// everyKeyring are those that can be had here. That of the operating system
// needs one that is the test's, and the kernel's a kernel that lets us.
func everyKeyring(t *testing.T) map[string]keyring.Keyring {
	t.Helper()
	keyFile := filepath.Join(t.TempDir(), "key")
	if err := os.WriteFile(keyFile, []byte("Of these 32 bytes no two are lik"), 0o600); err != nil {
		t.Fatal(err)
	}
	all := map[string]keyring.Keyring{
		"plaintext":              ring("plaintext", keyring.Options{Dir: filepath.Join(t.TempDir(), "keyring")}),
		"file with a passphrase": ring("file", keyring.Options{Dir: filepath.Join(t.TempDir(), "file"), Unlock: keyring.Unlock{Passphrase: sesame}, NoKeyCache: true}),
		"file with a key":        ring("file", keyring.Options{Dir: filepath.Join(t.TempDir(), "file"), Unlock: keyring.Unlock{KeyFile: keyFile}}),
	}
	kernel := ring("kernel", keyring.Options{Service: "credproc-test"})
	if _, err := kernel.Get(t.Context(), "none"); errors.Is(err, keyring.ErrNotFound) {
		all["kernel"] = kernel
	}
	if os.Getenv("CREDPROC_TEST_KEYRING") == "1" {
		all["os"] = ring("os", keyring.Options{})
	}
	return all
}

// What a person sees of a login is the same wherever it is.
func TestALoginLivesTheSameInEveryKeyring(t *testing.T) {
	for name, k := range everyKeyring(t) {
		t.Run(name, func(t *testing.T) {
			m := newWorld(t)
			m.keyring = k
			m.signIn(m.session())
			first := m.token(m.session())
			if second := m.instead(m.session(), first); second == first || m.token(m.session()) != second {
				t.Error("a renewed token is not what the next process gets")
			}
			if status, err := m.session().Status(); err != nil || status.Keyring != k.Name() {
				t.Errorf("status %+v, %v", status, err)
			}
			if was, err := m.session().SignOut(t.Context()); err != nil || !was {
				t.Errorf("signed out: %v, %v", was, err)
			}
			st := m.store()
			for _, item := range []string{st.nameOf(theTokens), st.nameOf(theKey)} {
				if _, err := k.Get(t.Context(), item); !errors.Is(err, keyring.ErrNotFound) {
					t.Errorf("after the sign-out: %v", err)
				}
			}
		})
	}
}

// narrow is a keychain with no room for tokens.
type narrow struct{ keyring.Memory }

func (k *narrow) Set(ctx context.Context, item, secret string) error {
	if len(secret) > 200 {
		return &keyring.Error{Keyring: "memory", Op: "store", Kind: keyring.ErrTooBig}
	}
	return k.Memory.Set(ctx, item, secret)
}

func TestTokensThatAreTooBigGoToASealedFile(t *testing.T) {
	inBubble(t, func(m *world) {
		m.keyring = new(narrow)
		m.signIn(m.session())
		overflow := func() (files []string) {
			names, err := safedir.Dir(filepath.Join(m.dir, "state")).Names()
			if err != nil {
				t.Fatal(err)
			}
			for _, name := range names {
				if strings.HasSuffix(name, ".tokens") {
					files = append(files, name)
				}
			}
			return files
		}
		first := m.token(m.session())
		time.Sleep(2 * time.Hour)
		if second := m.token(m.session()); second == first || m.server.Count("RegisterClient") != 1 {
			t.Error("not renewed")
		}
		if ix := m.store().readIndex(); len(overflow()) != 1 || !ix.Overflow || strings.Contains(m.raw(), first) {
			t.Errorf("files %q, index %+v", overflow(), ix)
		}
		if was, err := m.session().SignOut(m.Context()); err != nil || !was || len(overflow()) != 0 {
			t.Errorf("after the sign-out: %v, %v, files %q", was, err, overflow())
		}
	})
}

// moving are processes of a machine that has all keyrings there are here, each
// with a setting of its own for where a new login goes.
func moving(t *testing.T) (m *world, keyrings []string, process func(wanted string) *Session) {
	t.Helper()
	m = newWorld(t)
	keyFile := filepath.Join(t.TempDir(), "key")
	if err := os.WriteFile(keyFile, []byte("Of these 32 bytes no two are lik"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, name := range keyring.Names() {
		for here := range everyKeyring(t) {
			if here == name || name == "file" && here == "file with a key" {
				keyrings = append(keyrings, name)
			}
		}
	}
	return m, keyrings, func(wanted string) *Session {
		s := m.session()
		s.Keyring, s.NewLoginKeyring, s.Unlock.KeyFile, s.Service = nil, wanted, keyFile, "credproc-test"
		return s
	}
}

// isIn checks that a login works and is in one keyring, and nothing in another,
// by what a process sees that has nothing but these.
func (m *world) isIn(s *Session, keyring string) {
	m.Helper()
	if status, err := s.Status(); err != nil || status == nil || status.Keyring != keyring {
		m.Errorf("the status is %+v, %v, and not of %s", status, err, keyring)
	}
	states, err := within(s).KeyringStates(m.Context())
	if err != nil {
		m.Fatal(err)
	}
	for _, state := range states {
		if here := state.Name == keyring; state.Tokens > 0 != here || state.Key > 0 != here {
			m.Errorf("of a login in %s, %+v is in %s", keyring, state, state.Name)
		}
	}
	m.renews(1, func() {
		if err := s.Renew(m.Context()); err != nil {
			m.Errorf("in %s: %v", keyring, err)
		}
	})
}

// arrives signs in with a browser, which takes no time where nobody has to wait
// for a code to be confirmed.
func (m *world) arrives(s *Session) {
	m.Helper()
	browser := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	visit := func(transport http.RoundTripper, page string) *http.Response {
		browser.Transport = transport
		resp, err := browser.Get(page)
		if err != nil {
			m.Error(err)
			return new(http.Response)
		}
		resp.Body.Close()
		return resp
	}
	err := s.SignIn(m.Context(), func(ctx context.Context, c *oidc.Config) (*oidc.Token, error) {
		return c.SignInWithBrowser(ctx, func(page string) error {
			back := visit(m.client.Transport, page).Header.Get("Location")
			go visit(&http.Transport{DisableKeepAlives: true}, back)
			return nil
		})
	})
	if err != nil {
		m.Error(err)
	}
}

// loseIndex takes away what says where the login is.
func (m *world) loseIndex() {
	m.Helper()
	if err := m.state().Remove(m.store().id + ".json"); err != nil {
		m.Fatal(err)
	}
}

func TestALoginMovesFromEachKeyringToEachOther(t *testing.T) {
	m, keyrings, process := moving(t)
	for _, from := range keyrings {
		for _, to := range keyrings {
			for _, lost := range []bool{false, true} {
				if from == to {
					continue
				}
				m.arrives(process(from))
				if lost {
					m.loseIndex()
				} else {
					m.isIn(process(to), from) // only a sign-in moves it
				}
				m.arrives(process(to))
				m.isIn(process("auto"), to)
				m.loseIndex()
				m.renews(1, func() { process("auto").Renew(t.Context()) })
				m.isIn(process(from), to)
			}
		}
	}
	if was, err := process("auto").SignOut(t.Context()); err != nil || !was {
		t.Errorf("signed out: %v, %v", was, err)
	}
	states, err := within(process("auto")).KeyringStates(t.Context())
	for _, state := range states {
		if err != nil || state.Tokens > 0 || state.Key > 0 {
			t.Errorf("after the sign-out: %+v, %v", state, err)
		}
	}
}

func TestLoginsToSeveralKeyringsAtOnceEndInOne(t *testing.T) {
	m, keyrings, process := moving(t)
	m.arrives(process("plaintext"))
	m.server.Set(func(s *idctest.Server) { s.Latency = 20 * time.Millisecond })
	for range 3 {
		together(len(keyrings), func(i int) { m.arrives(process(keyrings[i])) })
		status, err := process("auto").Status()
		if err != nil {
			t.Fatal(err)
		}
		m.isIn(process("auto"), status.Keyring)
	}
	if _, err := process("auto").SignOut(t.Context()); err != nil {
		t.Error(err)
	}
}

// The keyring that is moved away from may be unreachable, and come back.
func TestALoginThatStayedBehindInAKeyringIsNotTakenForTheNewOne(t *testing.T) {
	m, keyrings, process := moving(t)
	for _, from := range keyrings {
		for _, to := range keyrings {
			if from == to {
				continue
			}
			m.arrives(process(from))
			st, err := process(from).open()
			if err != nil {
				t.Fatal(err)
			}
			old := st.keyring.(*loginKeyring).ring(from)
			item, err := old.Get(t.Context(), st.nameOf(theTokens))
			if err != nil {
				t.Fatal(err)
			}
			m.arrives(process(to))
			if err := old.Set(t.Context(), st.nameOf(theTokens), item); err != nil {
				t.Fatal(err)
			}
			m.loseIndex()
			m.renews(1, func() {
				if err := process("auto").Renew(t.Context()); err != nil {
					t.Errorf("from %s to %s: %v", from, to, err)
				}
			})
			if status, err := process("auto").Status(); err != nil || status.Keyring != to {
				t.Errorf("from %s to %s: %+v, %v", from, to, status, err)
			}
			if err := old.Delete(t.Context(), st.nameOf(theTokens)); err != nil {
				t.Fatal(err)
			}
		}
	}
	if _, err := process("auto").SignOut(t.Context()); err != nil {
		t.Error(err)
	}
}

// The key of a keyring is that of every login there.
func TestAMoveLeavesTheKeyOfOtherLoginsInTheKeyring(t *testing.T) {
	m, _, process := moving(t)
	other := func() *Session {
		s := process("plaintext")
		s.Name = "other"
		return s
	}
	m.arrives(other())
	m.arrives(process("plaintext"))
	m.arrives(process("file"))
	if err := other().Renew(t.Context()); err != nil {
		t.Errorf("the other login: %v", err)
	}
	if err := process("").Renew(t.Context()); err != nil {
		t.Errorf("the one that has moved: %v", err)
	}
}

// osMemory is a keyring that has the kernel's in front.
type osMemory struct{ *keyring.Memory }

func (osMemory) Name() string { return "os" }

func TestTheKernelKeepsTheKeyForOthersToUse(t *testing.T) {
	// A container may forbid it: everything then works without.
	const probe = "credproc-test-probe"
	keycache.System().Set(probe, "probe")
	text, can := keycache.System().Get(probe)
	keycache.System().Delete(probe)
	if _, left := keycache.System().Get(probe); left || can && text != "probe" {
		t.Errorf("the kernel keeps %q, deleted: %v", text, !left)
	}
	m := newWorld(t)
	m.keyring = osMemory{new(keyring.Memory)}
	w := m.watch()
	m.signIn(m.session())
	st := m.store()
	t.Cleanup(func() { keycache.System().Delete(st.cacheName()) })
	sh := &shelf{world: m}
	sh.get(1, "list")
	kept, ok := keycache.System().Get(st.cacheName())
	if ok != can {
		t.Errorf("the key is in the kernel: %v, it can be: %v", ok, can)
	}
	if can {
		if key, err := sealed.ParseKey(kept); err != nil || key == nil {
			t.Errorf("not a key: %v", err)
		}
	}
	gets := 0
	w.before = func(_ context.Context, op, _ string) error { gets++; return nil }
	sh.get(0, "list")
	if want := map[bool]int{true: 0, false: 1}[can]; gets != want {
		t.Errorf("the keychain was asked %d times, want %d", gets, want)
	}
	gets = 0
	alone := m.session()
	alone.NoKeyCache = true
	if sh.from(alone, 0, "list"); gets != 1 {
		t.Errorf("with NoKeyCache the keychain was asked %d times", gets)
	}
	// What is no key there is asked for again.
	keycache.System().Set(st.cacheName(), "garbage")
	sh.get(0, "list")
	if _, err := m.session().SignOut(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, left := keycache.System().Get(st.cacheName()); left {
		t.Error("the kernel has it still after the last sign-out")
	}
}
