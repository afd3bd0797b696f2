package keyring_test

import (
	"strings"
	"testing"

	"github.com/credproc/credproc/tokencache/keyring"
	"github.com/credproc/credproc/tokencache/keyring/keyringtest"
)

func TestEveryKeyringKeepsTheContract(t *testing.T) {
	for name, k := range keyring.Every(t) {
		t.Run(name, func(t *testing.T) {
			if err := keyringtest.Check(t.Context(), k); err != nil {
				t.Error(err)
			}
		})
	}
}

// More than the contract asks for.
func TestEveryKeyringKeepsAnyBytes(t *testing.T) {
	const item = "session-00112233445566778899aabbccddeeff"
	for name, k := range keyring.Every(t) {
		t.Run(name, func(t *testing.T) {
			for _, want := range []string{"", "sécond \"{}\"\n\x00", "\xff\n", strings.Repeat("x", 2560)} {
				if err := k.Set(t.Context(), item, want); err != nil {
					t.Fatal(err)
				}
				if got, err := k.Get(t.Context(), item); err != nil || got != want {
					t.Errorf("got %q, %v, want %q", got, err, want)
				}
			}
			if err := k.Delete(t.Context(), item); err != nil {
				t.Error(err)
			}
		})
	}
}
