package tokencache

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
	ring := &File{Dir: filepath.Join(t.TempDir(), "file"), Unlock: Unlock{KeyFile: file}}
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
	ring := &File{Dir: filepath.Join(t.TempDir(), "file"), Unlock: Unlock{KeyFile: file}, NoKeyCache: true}
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

func TestASessionDoesNotUseDirectoriesThatOthersCouldReplace(t *testing.T) {
	if runtime.GOOS == "windows" {
		return
	}
	above := filepath.Join(t.TempDir(), "above")
	if err := errors.Join(os.Mkdir(above, 0o700), os.Chmod(above, 0o777)); err != nil {
		t.Fatal(err)
	}
	mine := t.TempDir()
	for _, dirs := range [][2]string{{filepath.Join(above, "state"), mine}, {mine, filepath.Join(above, "cache")}} {
		for _, lax := range []bool{false, true} {
			s := &Session{Name: "corp", Keyring: new(Memory), StateDir: dirs[0], CacheDir: dirs[1], LaxModes: lax}
			s.Config.StartURL, s.Config.Region = "https://d-1234567890.awsapps.com/start", "us-east-1"
			_, err := s.Status()
			e, unsafe := errors.AsType[*safedir.UnsafeError](err)
			if unsafe == lax || unsafe && e.Path != above {
				t.Errorf("%q, lax %v: %v", dirs, lax, err)
			}
		}
	}
}
