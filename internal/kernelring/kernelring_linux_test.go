package kernelring

import (
	"fmt"
	"os"
	"runtime"
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

func TestASecretIsForAnHourAndWhoAsksForIt(t *testing.T) {
	if !can(t) {
		return
	}
	name := fmt.Sprintf("credproc-test-hour:%d", os.Getpid())
	t.Cleanup(func() { Delete(name) })
	Set(name, "secret")
	var keys []byte
	err := Do(func(r Ring) error {
		id, err := r.find(name)
		if err != nil {
			return err
		}
		about, err := unix.KeyctlString(unix.KEYCTL_DESCRIBE, id)
		if !strings.Contains(about, fmt.Sprintf(";%08x;", r.permissions)) {
			t.Errorf("the key is %s, %v", about, err)
		}
		keys, err = os.ReadFile("/proc/keys")
		return err
	})
	if err != nil || !strings.Contains(string(keys), name) {
		t.Errorf("the kernel does not list it: %v", err)
	}
	for line := range strings.Lines(string(keys)) {
		if strings.Contains(line, name) && !strings.Contains("59m 60m 1h", strings.Fields(line)[3]) {
			t.Errorf("it does not stay for an hour: %s", line)
		}
	}
}

// lent are the keyrings that a process has without asking for one.
var lent = map[string]int{
	"thread": unix.KEY_SPEC_THREAD_KEYRING, "process": unix.KEY_SPEC_PROCESS_KEYRING, "session": unix.KEY_SPEC_SESSION_KEYRING,
	"user": unix.KEY_SPEC_USER_KEYRING, "user session": unix.KEY_SPEC_USER_SESSION_KEYRING,
}

// A sandbox inherits the session keyring, in which the user keyring may be, and
// can try every number that a key may have.
func TestNothingIsLeftWhereAnotherProcessLooks(t *testing.T) {
	if !can(t) || !Persistent() {
		return
	}
	runtime.LockOSThread() // never unlocked: GetOnThread gives the thread a keyring
	name := fmt.Sprintf("credproc-test-left:%d", os.Getpid())
	t.Cleanup(func() { Delete(name) })
	Set(name, "secret")
	var key int
	if err := Do(func(r Ring) (err error) { key, err = r.find(name); return err }); err != nil {
		t.Fatal(err)
	}
	for how, get := range map[string]func(string) (string, bool){"Get": Get, "GetOnThread": GetOnThread} {
		if secret, ok := get(name); !ok || secret != "secret" {
			t.Errorf("%s: %q, %v", how, secret, ok)
		}
		for where, id := range lent {
			if _, err := unix.KeyctlSearch(id, "user", name, 0); err == nil {
				t.Errorf("after %s it is in the %s keyring", how, where)
			}
		}
		if n, err := unix.KeyctlBuffer(unix.KEYCTL_READ, key, make([]byte, most), 0); err == nil {
			t.Errorf("after %s the key can be read by its number: %d bytes", how, n)
		}
		if keys, err := os.ReadFile("/proc/keys"); err != nil || strings.Contains(string(keys), name) {
			t.Errorf("after %s it is in /proc/keys, or %v", how, err)
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
