package main

import (
	"path/filepath"
	"strings"
	"testing"
)

// withoutKeychain makes a machine one without a Secret Service.
func (m *machine) withoutKeychain() {
	m.env = append(m.env, "DBUS_SESSION_BUS_ADDRESS=unix:path="+filepath.Join(m.home, "absent"))
}

// kernelless runs a command where the kernel forbids calls of its keyrings, as it
// does in most containers, and checks that the command met with that.
func (m *machine) kernelless(calls, errno string, args ...string) outcome {
	m.Helper()
	o, met := m.tampered(calls, "error="+errno, "1+", args)
	if !met {
		m.Errorf("%v: the kernel was not asked", args)
	}
	return o
}

const kernelCalls = "keyctl,add_key"

// offersFiles checks that a command failed for want of a keyring, and offered those
// that are left.
func (m *machine) offersFiles(o outcome, says string) {
	m.Helper()
	m.failed([]outcome{o}, 6, says)
	for _, choice := range []string{"\n  CREDPROC_KEYRING=file       ", "\n  CREDPROC_KEYRING=plaintext  "} {
		if !strings.Contains(o.stderr, choice) {
			m.Errorf("%v: %q is not in\n%s", o.args, choice, o.stderr)
		}
	}
	if strings.Contains(o.stderr, "=kernel") {
		m.Errorf("%v: it offers what the kernel forbids:\n%s", o.args, o.stderr)
	}
}

func TestWithNoKeyringAtAllEveryChoiceIsNamed(t *testing.T) {
	m := newMachine(t, "auto")
	m.withoutKeychain()
	login := []string{"login", "corp", "--no-browser"}
	for _, errno := range []string{"ENOSYS", "EACCES", "EPERM"} {
		o := m.kernelless(kernelCalls, errno, login...)
		m.offersFiles(o, "credproc: no keyring is there for a login: os keyring: ")
		if !strings.Contains(o.stderr, "; kernel keyring: ") {
			t.Errorf("nothing is said of the kernel's:\n%s", o.stderr)
		}
	}
	for _, args := range [][]string{append(login, "--force"), process(admin)} {
		m.offersFiles(m.kernelless(kernelCalls, "EPERM", args...), "no keyring is there")
	}
	m.want(m.idc.Counts(), "RegisterClient", 0) // for what could not be kept

	m.keyring = "plaintext"
	if o := m.run(login...); o.status != 0 || !strings.Contains(o.stderr, "Its tokens are in plaintext files") {
		t.Errorf("login: exit status %d\n%s", o.status, o.stderr)
	}
	m.keyring = "auto" // the index knows
	if o := m.run("status", "corp"); o.status != 0 || !strings.HasPrefix(o.stdout, "corp  signed in, plaintext keyring\n") {
		t.Errorf("status: exit status %d\n%s%s", o.status, o.stdout, o.stderr)
	}
	o, _ := m.tampered(kernelCalls, "error=EPERM", "1+", process(admin))
	m.answered([]outcome{o})
}

// A keyring that was named is not offered again where it failed, nor is the
// kernel's where that is no way out.
func TestAKeyringThatDoesNotWorkIsNotOffered(t *testing.T) {
	m := newMachine(t, "os")
	m.withoutKeychain()
	m.offersFiles(m.kernelless(kernelCalls, "EPERM", "login", "corp"), "os keyring: read: keyring unavailable")
	m.keyring = "kernel"
	for _, calls := range []string{kernelCalls, "add_key"} { // all of it, or only to write
		m.offersFiles(m.kernelless(calls, "EPERM", "login", "corp"), "kernel keyring: ")
	}
	m.want(m.idc.Counts(), "RegisterClient", 0)
}
