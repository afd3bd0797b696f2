package e2e

import (
	"testing"

	"golang.org/x/sys/unix"
)

// The key is in the kernel's keyring for an hour after its first use.
func TestAWarmAnswerNeedsNoKeychain(t *testing.T) {
	m := withKeychain(t)
	if m == nil {
		return
	}
	if _, err := unix.KeyctlGetKeyringID(unix.KEY_SPEC_USER_KEYRING, true); err != nil {
		notRun(t, t.Name(), "no kernel keyring: "+err.Error()) // as in most containers
		return
	}
	m.login()
	m = m.quiet()
	first := m.process("corp", "Admin")
	m.serves(first)
	warm := func(keychain string) {
		t.Helper()
		if r := m.process("corp", "Admin"); r != first {
			t.Errorf("with a keychain that is %s: status %d\n%s", keychain, r.status, r.stderr)
		}
	}
	m.chain.lock()
	warm("locked")
	m.chain.signal(unix.SIGSTOP)
	warm("mute")
	m.chain.kill(m.chain.daemon)
	warm("gone")
	m.chain.kill(m.chain.bus)
	warm("gone with the bus")
	m.counted(map[string]int{"GetRoleCredentials": 1})
}
