package cmd

import (
	"strings"
	"testing"
)

func TestTheDoctorMissesAKeychain(t *testing.T) { // https://github.com/99designs/aws-vault/issues/304
	p := newPatient(t)
	t.Setenv("DBUS_SESSION_BUS_ADDRESS", "unix:path=/nonexistent/bus")
	p.env["CREDPROC_KEYRING"] = "os"
	bad, words := p.sees()
	if len(bad) != 1 || bad[0].Check != "keychain" || !strings.Contains(bad[0].Mend, "CREDPROC_KEYRING") {
		t.Errorf("it sees\n%s", words)
	}
	p.env["CREDPROC_KEYRING"] = "plaintext"
	if bad, words := p.sees(); len(bad) > 0 {
		t.Errorf("after that it sees\n%s", words)
	}
}

func TestTheDoctorSaysWhereANewLoginGoes(t *testing.T) {
	p := newPatient(t)
	t.Setenv("DBUS_SESSION_BUS_ADDRESS", "unix:path=/nonexistent/bus")
	p.env["CREDPROC_KEYRING"] = "auto"
	want := "a new login has nowhere to go"
	if kernelWorks() {
		want = "a new login goes to the kernel's keyring"
	}
	if bad, words := p.sees(); len(bad) > 0 || !strings.Contains(words, want) {
		t.Errorf("it sees\n%s", words)
	}
}
