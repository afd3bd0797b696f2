package tokencache

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/credproc/credproc/tokencache/keyring"
)

// keep asks for a secret that is made as "a secret of N".
func (m *world) keep(s *Session, made *int) string {
	m.Helper()
	data, err := m.tryToKeep(s, made)
	if err != nil {
		m.Error(err)
	}
	return data
}

func (m *world) tryToKeep(s *Session, made *int) (string, error) {
	usable := func(data []byte) bool { return bytes.HasPrefix(data, []byte("a secret")) }
	data, err := within(s).Kept(m.Context(), "ca-test", usable, func() ([]byte, error) {
		*made++
		return fmt.Appendf(nil, "a secret of %d", *made), nil
	})
	return string(data), err
}

func TestASecretOfTheMachineIsMadeOnceAndKeptSealed(t *testing.T) {
	onWorld(t, func(m *world) {
		made, got := 0, make([]string, 8)
		sessions := m.sessions(len(got))
		together(len(got), func(i int) { got[i] = m.keep(sessions[i], &made) })
		for _, secret := range got {
			if secret != "a secret of 1" || made != 1 {
				t.Errorf("%q, and %d were made", secret, made)
			}
		}
		record, err := m.state().Read("ca-test")
		if err != nil || bytes.Contains(record, []byte("a secret")) {
			t.Errorf("%v: the file holds %q", err, record)
		}
	})
}

func TestASecretOfTheMachineThatCannotBeUsedIsMadeAgain(t *testing.T) {
	for name, spoil := range map[string]func(m *world) error{
		"a damaged file": func(m *world) error { return m.state().Write("ca-test", []byte("damaged")) },
		"no file":        func(m *world) error { return m.state().Remove("ca-test") },
		"one of no use": func(m *world) error {
			st := m.store()
			record, err := st.seal(m.Context(), "of something else", []byte("a secret"))
			return errors.Join(err, st.state.Write("ca-test", record))
		},
		"another key": func(m *world) error { _, err := m.session().SignOut(m.Context()); return err },
	} {
		onWorld(t, func(m *world) {
			made := 0
			m.keep(m.session(), &made)
			if err := spoil(m); err != nil {
				t.Fatal(err)
			}
			for range 2 {
				if got := m.keep(m.session(), &made); got != "a secret of 2" {
					t.Errorf("%s: %q", name, got)
				}
			}
		})
	}
}

// The clients of an endpoint trust its CA: another one is made only if that one is
// gone for good.
func TestASecretOfTheMachineOutlivesAKeyringThatDoesNotAnswer(t *testing.T) {
	onWorld(t, func(m *world) {
		made := 0
		m.keep(m.session(), &made)
		w := m.watch()
		for _, kind := range []error{keyring.ErrLocked, keyring.ErrUnavailable} {
			w.before = always("get", kind)
			if got, err := m.tryToKeep(m.session(), &made); !errors.Is(err, kind) || made != 1 || got != "" {
				t.Errorf("%v: %q, %v, and %d were made", kind, got, err, made)
			}
		}
		w.before = nil
		if got := m.keep(m.session(), &made); got != "a secret of 1" {
			t.Errorf("%q", got)
		}
		_, err := within(m.session()).Kept(m.Context(), "ca-other", nil, func() ([]byte, error) { return nil, errors.New("no randomness") })
		if err == nil || !strings.Contains(err.Error(), "no randomness") {
			t.Errorf("%v", err)
		}
	})
}

// The sessions of a keyring share its key: a session that has no login yet finds it
// there, and another one is not put in its place.
func TestASecretForASessionWithoutALoginLeavesTheKeyOfTheOthers(t *testing.T) {
	for _, signedIn := range []bool{true, false} {
		onWorld(t, func(m *world) {
			m.keyring = nil
			plain := func(name string) *Session {
				s := m.named(name)
				s.NewLoginKeyring, s.StateDir = "plaintext", filepath.Join(m.dir, "plain")
				return s
			}
			if signedIn {
				m.signIn(plain("corp"))
			}
			made := 0
			for range 2 {
				if got := m.keep(plain("other"), &made); got != "a secret of 1" {
					t.Errorf("%q", got)
				}
			}
			if signedIn {
				time.Sleep(2 * time.Hour) // the registration is needed now, which the key seals
				m.token(plain("corp"))
			}
			m.must(os.RemoveAll(m.dir)) // plaintext secrets, as they are
		})
	}
}
