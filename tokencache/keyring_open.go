package tokencache

import (
	"cmp"
	"fmt"

	"github.com/credproc/credproc/internal/layout"
)

// openKeyring returns the keyring for a session without one of its own: where
// its login is, or else where a new one is wanted.
func (s *Session) openKeyring(st *store) (Keyring, error) {
	if s.Keyring != nil {
		return s.Keyring, nil
	}
	name := s.NewLoginKeyring
	if ix := st.readIndex(); ix != nil {
		name = ix.Keyring
	}
	switch cmp.Or(name, "os") {
	case "os":
		return &OS{Service: st.service, MayPrompt: s.MayPrompt}, nil
	case "plaintext":
		return &Plaintext{Dir: layout.PlaintextDir(string(st.state))}, nil
	}
	return nil, fmt.Errorf("session %q: no keyring is called %q", s.label(), name)
}
