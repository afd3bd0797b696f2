package tokencache

import (
	"path/filepath"
	"testing"

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
	f, _ := st.keyring.(*found)
	if f == nil {
		t.Fatalf("keyring %T", st.keyring)
	}
	if k, ok := f.ring("os").(*keyring.OS); !ok || k.Service != "acme" || !k.MayPrompt {
		t.Errorf("keyring %#v", f.ring("os"))
	}
}
