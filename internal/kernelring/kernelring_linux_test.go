package kernelring

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// can reports whether this machine lets us use the kernel's keyring: a
// container may forbid it.
func can(t testing.TB) bool {
	_, err := unix.KeyctlGetKeyringID(unix.KEY_SPEC_USER_KEYRING, true)
	t.Logf("the user keyring: %v", err)
	if Usable() != (err == nil) {
		t.Errorf("usable: %v, but %v", Usable(), err)
	}
	return err == nil
}

func TestASecretIsReadBackAndForgotten(t *testing.T) {
	name := fmt.Sprintf("credproc-test:%d", os.Getpid())
	t.Cleanup(func() { Delete(name) })
	if secret, ok := Get(name); ok {
		t.Errorf("there is %q already", secret)
	}
	for _, want := range []string{"one", "another", strings.Repeat("x", 256)} {
		Set(name, want)
		if secret, ok := Get(name); ok != can(t) || ok && secret != want {
			t.Errorf("%q, %v", secret, ok)
		}
	}
	Set(name, strings.Repeat("x", 257))
	if secret, ok := Get(name); ok {
		t.Errorf("%d bytes of more than there is room for", len(secret))
	}
	Delete(name)
	if secret, ok := Get(name); ok {
		t.Errorf("deleted, and still %q", secret)
	}
}

func TestASecretIsForTheUserAndForAnHour(t *testing.T) {
	if !can(t) {
		return
	}
	name := fmt.Sprintf("credproc-test-hour:%d", os.Getpid())
	t.Cleanup(func() { Delete(name) })
	Set(name, "secret")
	id, err := unix.KeyctlSearch(unix.KEY_SPEC_USER_KEYRING, "user", name, 0)
	if err != nil {
		t.Fatal(err)
	}
	if about, err := unix.KeyctlString(unix.KEYCTL_DESCRIBE, id); err != nil || !strings.Contains(about, fmt.Sprintf(";%08x;", permissions)) {
		t.Errorf("the key is %s, %v", about, err)
	}
	keys, err := os.ReadFile("/proc/keys")
	if err != nil || !strings.Contains(string(keys), name) {
		t.Errorf("the kernel does not list it: %v", err)
	}
	for line := range strings.Lines(string(keys)) {
		if strings.Contains(line, name) && !strings.Contains("59m 60m 1h", strings.Fields(line)[3]) {
			t.Errorf("it does not stay for an hour: %s", line)
		}
	}
}

func FuzzWhatIsReadIsWhatWasSet(f *testing.F) {
	f.Add("secret")
	f.Add("")
	f.Add("\x00\xff")
	f.Add(strings.Repeat("long", 100))
	name := fmt.Sprintf("credproc-test-fuzz:%d", os.Getpid())
	f.Cleanup(func() { Delete(name) })
	f.Fuzz(func(t *testing.T, secret string) {
		Delete(name)
		Set(name, secret)
		if got, ok := Get(name); ok && got != secret {
			t.Errorf("%q, want %q", got, secret)
		}
	})
}
