package cmd_test

import (
	"bytes"
	"context"
	"errors"
	"testing"

	"github.com/credproc/credproc/tokencache/keyring"
	"golang.org/x/sys/unix"
)

// Other programs of the user are not to read what is in our memory, nor the
// kernel to write it to a core file.
func TestAProcessWithSecretsCannotBeDumped(t *testing.T) {
	before, err := unix.PrctlRetInt(unix.PR_GET_DUMPABLE, 0, 0, 0, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Prctl(unix.PR_SET_DUMPABLE, uintptr(before), 0, 0, 0)
	m := newMachine(t)
	for _, command := range [][]string{{"status"}, {"doctor", "--offline"}, {"completion", "bash"}} {
		if err := unix.Prctl(unix.PR_SET_DUMPABLE, 1, 0, 0, 0); err != nil {
			t.Fatal(err)
		}
		m.app(new(bytes.Buffer), new(bytes.Buffer)).Run(t.Context(), command)
		if now, err := unix.PrctlRetInt(unix.PR_GET_DUMPABLE, 0, 0, 0, 0); err != nil || now != 0 {
			t.Errorf("%s: dumpable %d, %v", command, now, err)
		}
	}
}

func TestALoginInOtherKeyringsIsAnsweredWarm(t *testing.T) {
	if !kernelWorks() {
		return // a kernel that forbids it keeps no key for a warm answer
	}
	for _, keyring := range []string{"kernel", "file"} {
		m := newMachine(t)
		m.run(0, "logout", "corp")
		m.env["CREDPROC_KEYRING"], m.env["CREDPROC_PASSPHRASE"] = keyring, "open sesame"
		m.signIn()
		want := m.run(0, flagsOfAdmin...)
		m.env["CREDPROC_PASSPHRASE"] = ""
		if got, ok := m.warm(flagsOfAdmin...); !ok || got != want {
			t.Errorf("%s: answered %v", keyring, ok)
		}
		m.run(0, "keyring", "lock")
		if _, ok := m.warm(flagsOfAdmin...); ok {
			t.Errorf("%s: answered without a key", keyring)
		}
		m.run(0, "keyring", "reset", keyring, "--yes")
	}
}

// kernelWorks reports whether this kernel lets programs have a keyring.
func kernelWorks() bool {
	k, err := keyring.New("kernel", keyring.Options{})
	if err == nil {
		_, err = k.Get(context.Background(), "none")
	}
	return errors.Is(err, keyring.ErrNotFound)
}
