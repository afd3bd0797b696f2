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
	return err == nil
}

// set stores a secret for an hour, until the test is over.
func set(t *testing.T, name string) {
	t.Helper()
	t.Cleanup(func() { Do(func(r Ring) error { return r.Delete(name) }) })
	if err := Do(func(r Ring) error { return r.Write(name, []byte("secret"), 3600) }); err != nil {
		t.Fatal(err)
	}
}

func TestASecretIsForAnHourAndWhoAsksForIt(t *testing.T) {
	if !can(t) {
		return
	}
	name := fmt.Sprintf("credproc-test-hour:%d", os.Getpid())
	set(t, name)
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
	runtime.LockOSThread() // never unlocked: OnThread gives the thread a keyring
	name := fmt.Sprintf("credproc-test-left:%d", os.Getpid())
	set(t, name)
	const most = 256
	var key int
	if err := Do(func(r Ring) (err error) { key, err = r.find(name); return err }); err != nil {
		t.Fatal(err)
	}
	for how, do := range map[string]func(func(Ring) error) error{"Do": Do, "OnThread": OnThread} {
		err := do(func(r Ring) error {
			secret, err := r.Read(name, most)
			if string(secret) != "secret" {
				t.Errorf("%s: %q", how, secret)
			}
			return err
		})
		if err != nil {
			t.Errorf("%s: %v", how, err)
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

// An earlier key may have been left with other permissions.
func TestAKeyThatOthersMayOpenIsClosedByTheNextSecret(t *testing.T) {
	if !can(t) {
		return
	}
	name := fmt.Sprintf("credproc-test-open:%d", os.Getpid())
	set(t, name)
	err := Do(func(r Ring) error {
		id, err := r.find(name)
		if err == nil {
			err = unix.KeyctlSetperm(id, 0x3f3f3f3f)
		}
		if err == nil {
			err = r.Write(name, []byte("another"), 3600)
		}
		if err != nil {
			return err
		}
		about, err := unix.KeyctlString(unix.KEYCTL_DESCRIBE, id)
		if !strings.Contains(about, fmt.Sprintf(";%08x;", r.permissions)) {
			t.Errorf("the key is %s", about)
		}
		return err
	})
	if err != nil {
		t.Error(err)
	}
}
