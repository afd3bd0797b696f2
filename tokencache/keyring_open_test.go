package tokencache

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/credproc/credproc/oidc"
	"github.com/credproc/credproc/tokencache/keyring"
)

func TestASessionFindsTheKeyringItsLoginIsIn(t *testing.T) {
	inBubble(t, func(m *world) {
		fresh := func(wanted string) *Session {
			s := m.session()
			s.Keyring, s.NewLoginKeyring = nil, wanted
			// The plain tokens are not to be in a directory that is searched.
			s.StateDir = filepath.Join(m.dir, "plain")
			return s
		}
		m.signIn(fresh("plaintext"))
		for _, wanted := range []string{"", "os", "plaintext"} {
			m.token(fresh(wanted))
		}
		if status, err := fresh("").Status(); err != nil || status.Keyring != "plaintext" {
			t.Errorf("status %+v, %v", status, err)
		}
		if st, err := m.session().open(); err != nil || st.keyring != m.keyring {
			t.Errorf("not the session's own keyring: %v", err)
		}
	})
	s := &Session{Name: "x", StateDir: t.TempDir(), CacheDir: t.TempDir(), Service: "acme", MayPrompt: true}
	s.Config.StartURL = "https://idc.example/start"
	st, err := s.open()
	if err != nil {
		t.Fatal(err)
	}
	f, _ := st.keyring.(*loginKeyring)
	if f == nil {
		t.Fatalf("keyring %T", st.keyring)
	}
	if got := fmt.Sprintf("%+v", f.ring("os")); !strings.Contains(got, "Service:acme MayPrompt:true") {
		t.Errorf("keyring %s", got)
	}
}

// stuck is a keyring of the program's own that never answers again.
type stuck struct {
	keyring.Keyring
	back chan struct{}
}

func (s *stuck) Get(context.Context, string) (string, error) {
	<-s.back
	return "", errors.New("too late")
}

func TestAKeyringThatNeverAnswersIsGivenUpByTheSession(t *testing.T) {
	onWorld(t, func(m *world) {
		k := &stuck{m.keyring, make(chan struct{})}
		m.keyring = k
		defer close(k.back)
		began := time.Now()
		err := m.fails(m.session())
		e, ok := errors.AsType[*keyring.Error](err)
		if !ok || !errors.Is(err, keyring.ErrUnavailable) || e.Keyring != "memory" || errors.Is(err, oidc.ErrSignInRequired) {
			t.Errorf("got %v", err)
		}
		if took := time.Since(began); took > 30*time.Second {
			t.Errorf("it took %v", took)
		}
	})
}

func TestAnErrorWithoutAKindIsTheKeyringsFailure(t *testing.T) {
	onWorld(t, func(m *world) {
		w := m.watch()
		w.before = func(context.Context, string, string) error { return errors.New("pass: exit status 1") }
		err := m.fails(m.session())
		e, ok := errors.AsType[*keyring.Error](err)
		if !ok || !errors.Is(err, keyring.ErrUnavailable) || e.Op != "read" || e.Detail != "pass: exit status 1" {
			t.Errorf("got %v", err)
		}
	})
}
