package status

import (
	"bytes"
	"strings"
	"testing"

	"github.com/credproc/credproc/cmd/internal/terminal"
	"github.com/credproc/credproc/internal/inside"
	"github.com/credproc/credproc/tokencache/keyring"
)

func TestEachKeyringIsShownOnceWithAllItHolds(t *testing.T) {
	k := NewKeyrings()
	k.Add(InKeyring{Session: "a", Title: "a (eu)", Keyring: "file", Why: "the login is there", Cached: true}, []inside.KeyringState{
		{Name: "file", Key: 32, Tokens: 700},
		{Name: "os", Err: &keyring.Error{Keyring: "os", Op: "read", Kind: keyring.ErrLocked, Detail: "it is shut"}},
	})
	k.Add(InKeyring{Session: "b", Title: "b", Keyring: "file", Why: "the login is there"}, []inside.KeyringState{
		{Name: "file", Key: 32, Tokens: 9000, Overflow: true},
		{Name: "plaintext"},
	})
	var out bytes.Buffer
	if err := k.Print(terminal.New(nil, &out, nil, nil)); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"a (eu)  file keyring  the login is there, and the key is cached\n",
		"b       file keyring  the login is there\n",
		"open    sealing key, 32 bytes; tokens of a (eu), 700 bytes; tokens of b, 9000 bytes (too big for it: in a sealed file)\n",
		"locked  it is shut\n",
		"open    no entries of this program\n",
	} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("no %q in\n%s", want, &out)
		}
	}
}
