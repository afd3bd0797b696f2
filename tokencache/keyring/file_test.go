package keyring

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestAFileIsLockedUntilItsPassphraseIsGiven(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "file")
	k := quickly(dir, knows("open sesame"))
	if k.IsLocked() {
		t.Error("one that is not there is locked")
	}
	for range 2 { // the second time there is nothing to do
		if err := k.Open(t.Context()); err != nil || k.IsLocked() {
			t.Errorf("opened: %v", err)
		}
	}
	if err := k.Set(t.Context(), "session-1", "secret"); err != nil {
		t.Fatal(err)
	}
	k.Lock()
	if !k.IsLocked() || !quickly(dir, nil).IsLocked() {
		t.Error("it is open still")
	}
	_, err := quickly(dir, nil).Get(t.Context(), "session-1")
	if e, ok := errors.AsType[*Error](err); !ok || !errors.Is(err, ErrLocked) || e.Op != "read" || e.Keyring != "file" {
		t.Errorf("without a passphrase: %v", err)
	}
	if _, err := quickly(dir, nil).Get(t.Context(), "session-2"); err != ErrNotFound {
		t.Errorf("an item that is not there: %v", err)
	}
	if got, err := k.Get(t.Context(), "session-1"); err != nil || got != "secret" || k.IsLocked() {
		t.Errorf("%q, %v", got, err)
	}
	if err := quickly(dir, nil).Delete(t.Context(), "session-1"); err != nil {
		t.Errorf("a deletion needs no key: %v", err)
	}
}

func TestNoFailureToAskForThePassphraseLosesAnything(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "file")
	cause := errors.New("the terminal is gone")
	asks := func(answer string, err error) *fileKeyring {
		return quickly(dir, func(context.Context, PassphraseRequest) (string, error) { return answer, err })
	}
	for range 2 {
		for _, k := range []*fileKeyring{asks("", cause), asks("", nil), quickly(dir, nil)} {
			err := k.Open(t.Context())
			if e, ok := errors.AsType[*Error](err); !ok || !errors.Is(err, ErrLocked) || e.Op != "open" {
				t.Errorf("got %v", err)
			}
		}
		if err := asks("", cause).Open(t.Context()); !errors.Is(err, cause) {
			t.Errorf("no cause in %v", err)
		}
		// Once more, with one that is there.
		if err := asks("open sesame", nil).Set(t.Context(), "session-1", "secret"); err != nil {
			t.Fatal(err)
		}
	}
}

func TestADamagedKeyOfAFileIsSaidToBeOne(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "file")
	if err := quickly(dir, knows("right")).Set(t.Context(), "session-1", "secret"); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, ageFile)
	good, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for _, bad := range [][]byte{nil, good[:len(good)/2], good[:len(good)-1], []byte("age-encryption.org/v1\n"), append([]byte("x"), good...)} {
		if err := os.WriteFile(path, bad, 0o600); err != nil {
			t.Fatal(err)
		}
		_, err := quickly(dir, knows("right")).Get(t.Context(), "session-1")
		if !errors.Is(err, ErrUnreadable) || errors.Is(err, ErrNotFound) || !strings.Contains(err.Error(), path) {
			t.Errorf("%d bytes of %d: %v", len(bad), len(good), err)
		}
	}
	if err := os.WriteFile(path, good, 0o600); err != nil {
		t.Fatal(err)
	}
	if got, err := quickly(dir, knows("right")).Get(t.Context(), "session-1"); err != nil || got != "secret" {
		t.Errorf("%q, %v", got, err)
	}
}

func TestAKeyringPrintsNoSecret(t *testing.T) {
	m, f := new(Memory), quickly(filepath.Join(t.TempDir(), "file"), knows("open sesame"))
	for _, k := range []Keyring{m, f} {
		if err := k.Set(t.Context(), "session-1", "hidden"); err != nil {
			t.Fatal(err)
		}
		for _, v := range []any{k, []any{k}, struct{ K Keyring }{k}, Bounded(&foreign{Memory: Memory{items: m.items}}, false)} {
			for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
				if text := fmt.Sprintf(verb, v); strings.Contains(text, "hidden") || strings.Contains(text, "sesame") || strings.Contains(text, "68696464656e") {
					t.Errorf("%T in %s: %s", v, verb, text)
				}
			}
		}
	}
}
