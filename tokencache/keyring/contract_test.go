package keyring_test

import (
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"testing"

	"github.com/credproc/credproc/tokencache/keyring"
	"github.com/credproc/credproc/tokencache/keyring/keyringtest"
)

func TestFilesAndMemoryKeepTheContract(t *testing.T) {
	for _, name := range []string{"memory", "plaintext"} {
		k, err := keyring.New(name, keyring.Options{Dir: filepath.Join(t.TempDir(), "keyring")})
		if err != nil {
			t.Fatal(err)
		}
		if err := keyringtest.Check(t.Context(), k); err != nil {
			t.Errorf("%T: %v", k, err)
		}
	}
}

// manager stands in for pass: it keeps each item in a file of STORE.
const manager = `#!/bin/sh
for item; do :; done
file="$STORE/${item#credproc/}"
if [ -e "$STORE/broken" ]; then echo 'gpg: decryption failed: No secret key' >&2; exit 2; fi
case $1 in
insert) cat >"$file.$$" && mv "$file.$$" "$file" ;;
*) [ -e "$file" ] || { echo "Error: $item is not in the password store." >&2; exit 1; } ;;
esac
case $1 in
show) cat "$file" ;;
rm) rm "$file" ;;
esac
`

func TestTheKeyringOfTheExampleKeepsTheContract(t *testing.T) {
	if runtime.GOOS == "windows" {
		return // has no sh
	}
	bin, store := t.TempDir(), t.TempDir()
	if err := os.WriteFile(filepath.Join(bin, "pass"), []byte(manager), 0o700); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", bin+string(os.PathListSeparator)+os.Getenv("PATH"))
	t.Setenv("STORE", store)
	k := keyring.Bounded(passKeyring{}, false)
	if err := keyringtest.Check(t.Context(), k); err != nil {
		t.Error(err)
	}
	if err := os.WriteFile(filepath.Join(store, "broken"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	_, err := k.Get(t.Context(), "item")
	for op, err := range map[string]error{"read": err, "store": k.Set(t.Context(), "item", "secret"), "delete": k.Delete(t.Context(), "item")} {
		if e, ok := errors.AsType[*keyring.Error](err); !ok || !errors.Is(err, keyring.ErrLocked) || e.Op != op || e.Keyring != "pass" {
			t.Errorf("%s: %v", op, err)
		}
	}
}
