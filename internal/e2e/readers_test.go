package e2e

import "testing"

// Without the kernel's copy of the key each of them asks the keychain itself.
func TestFiftyProcessesReadTheKeychainAtOnce(t *testing.T) {
	m := withKeychain(t)
	if m == nil {
		return
	}
	m.login()
	m = m.with("CREDPROC_KEY_CACHE=off")
	m.serves(m.process("corp", "Admin"))
	atOnce(50, func(int) { m.serves(m.process("corp", "Admin")) })
	m.server.RevokeAccessTokens()
	atOnce(50, func(int) { m.serves(m.process("corp", "ReadOnly")) })
	m.counted(map[string]int{"RegisterClient": 1, "CreateToken:refresh_token": 1})
}
