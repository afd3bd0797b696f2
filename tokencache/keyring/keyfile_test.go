package keyring

import (
	"bytes"
	"crypto/rand"
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/credproc/credproc/internal/safedir"
)

func TestAKeyWithoutChanceInItIsRefused(t *testing.T) {
	counting := make([]byte, 32)
	for i := range counting {
		counting[i] = byte(3 * i)
	}
	for name, key := range map[string][]byte{
		"nothing":       make([]byte, 32),
		"one byte":      bytes.Repeat([]byte{0xff}, 32),
		"a word":        bytes.Repeat([]byte("password"), 4),
		"a half twice":  bytes.Repeat([]byte("0123456789abcdef"), 2),
		"three bytes":   bytes.Repeat([]byte("abc"), 11)[:32],
		"counting":      counting,
		"nearly empty":  append([]byte("secret"), make([]byte, 26)...),
		"few different": []byte("00101110101000101101001011010001"),
	} {
		if isRandom(key) {
			t.Errorf("%s: taken", name)
		}
	}
	key := make([]byte, 32)
	for range 10_000 {
		if rand.Read(key); !isRandom(key) {
			t.Fatalf("%x: refused", key)
		}
	}
	file := filepath.Join(t.TempDir(), "key")
	if err := os.WriteFile(file, make([]byte, 32), 0o600); err != nil {
		t.Fatal(err)
	}
	ring := &fileKeyring{Options: Options{Dir: filepath.Join(t.TempDir(), "file"), Unlock: Unlock{KeyFile: file}}}
	if err := ring.Set(t.Context(), "item", "secret"); !errors.Is(err, ErrLocked) || !strings.Contains(err.Error(), "not random") {
		t.Errorf("32 zero bytes: %v", err)
	}
}

func TestAKeyFileThatOthersCanWriteIsNotUsed(t *testing.T) {
	if runtime.GOOS == "windows" {
		return // access lists decide there
	}
	file := filepath.Join(t.TempDir(), "key")
	if err := os.WriteFile(file, []byte("Of these 32 bytes no two are lik"), 0o600); err != nil {
		t.Fatal(err)
	}
	ring := &fileKeyring{Options: Options{Dir: filepath.Join(t.TempDir(), "file"), Unlock: Unlock{KeyFile: file}, NoKeyCache: true}}
	if err := ring.Set(t.Context(), "item", "secret"); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(file, 0o666); err != nil {
		t.Fatal(err)
	}
	_, err := ring.Get(t.Context(), "item")
	if e, ok := errors.AsType[*safedir.UnsafeError](err); !ok || e.Path != file || !errors.Is(err, ErrLocked) {
		t.Errorf("error %v", err)
	}
}

func TestAFileKeyringInUseGetsNoOtherKey(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "file")
	keyFile := filepath.Join(t.TempDir(), "key")
	if err := os.WriteFile(keyFile, []byte("0123456789abcdefghijklmnopqrstuv"), 0o600); err != nil {
		t.Fatal(err)
	}
	given := &fileKeyring{Options: Options{Dir: dir, Unlock: Unlock{KeyFile: keyFile}}}
	if err := given.Set(t.Context(), "session-1", "secret"); err != nil {
		t.Fatal(err)
	}
	other := quickly(dir, knows("open sesame"))
	_, err := other.Get(t.Context(), "session-1")
	for op, err := range map[string]error{"read": err, "store": other.Set(t.Context(), "session-2", "x"), "open": other.Open(t.Context())} {
		if !errors.Is(err, errNoKeyFile) || !errors.Is(err, ErrLocked) {
			t.Errorf("%s: %v", op, err)
		}
	}
	if got, err := given.Get(t.Context(), "session-1"); got != "secret" || err != nil {
		t.Errorf("%q, %v", got, err)
	}
}
