package tokencache

import (
	"context"
	"net/http"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/credproc/credproc/credproc/credproctest/idctest"
	"github.com/credproc/credproc/oidc"
)

// moving are processes of a machine that has all keyrings there are here, each
// with a setting of its own for where a new login goes.
func moving(t *testing.T) (m *world, keyrings []string, process func(wanted string) *Session) {
	t.Helper()
	m = newWorld(t)
	keyFile := filepath.Join(t.TempDir(), "key")
	if err := os.WriteFile(keyFile, []byte("Of these 32 bytes no two are lik"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, name := range KeyringNames() {
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
	states, err := s.KeyringStates(m.Context())
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
	states, err := process("auto").KeyringStates(t.Context())
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
			old := st.keyring.(*found).ring(from)
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
