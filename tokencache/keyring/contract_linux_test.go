//go:build !likemacos

package keyring_test

import (
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/godbus/dbus/v5"

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

// The last test of a real keychain: it stays locked.
func TestARealSecretServiceShowsItsItemsAndCanBeLocked(t *testing.T) {
	if os.Getenv("CREDPROC_TEST_KEYRING") != "1" {
		return
	}
	k, conn := keyring.RealService(t)
	const item = "session-of-the-test"
	if err := k.Set(t.Context(), item, "what is to be found"); err != nil {
		t.Fatal(err)
	}
	out, err := exec.CommandContext(t.Context(), "secret-tool", "search", "--all", "service", "credproc").CombinedOutput()
	if err != nil || !strings.Contains(string(out), item) || !strings.Contains(string(out), "what is to be found") {
		t.Errorf("secret-tool: %v: %s", err, out)
	}
	service := conn.Object("org.freedesktop.secrets", "/org/freedesktop/secrets")
	if err := service.Call("org.freedesktop.Secret.Service.Lock", 0, []dbus.ObjectPath{"/org/freedesktop/secrets/collection/login"}).Err; err != nil {
		t.Fatal(err)
	}
	keyring.UnavailableSoon(t, k, keyring.ErrLocked, "keyring locked")
}
