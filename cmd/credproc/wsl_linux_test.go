package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// credprocEXE stands in for the program on Windows: it keeps each item in a file,
// and notes each call.
const credprocEXE = `#!/bin/sh
store=${0%/*}/../store
echo "$2" >>"$store/../asked"
case $1-$2 in
keyring-item-get) if [ -e "$store/$3" ]; then printf 'found '; tr -d '\n' <"$store/$3"; printf '\r\n'; else printf 'none\r\n'; fi ;;
keyring-item-set) cat >"$store/$3.$$" && mv "$store/$3.$$" "$store/$3" && printf 'done\r\n' ;;
keyring-item-delete) rm -f "$store/$3"; printf 'done\r\n' ;;
*) exit 2 ;;
esac
`

// onWindows makes a machine one in WSL, without a keychain on Linux.
func (m *machine) onWindows() (exe string) {
	m.withoutKeychain()
	m.write("store/.keep", "")
	m.write("asked", "")
	m.env = append(m.env, "WSL_DISTRO_NAME=Debian", "PATH="+filepath.Join(m.home, "bin")+":"+os.Getenv("PATH"))
	exe = filepath.Join(m.home, "bin", "credproc.exe")
	m.installs(exe)
	return exe
}

func (m *machine) installs(exe string) {
	m.Helper()
	m.write("bin/credproc.exe", credprocEXE)
	if err := os.Chmod(exe, 0o700); err != nil {
		m.Fatal(err)
	}
}

func TestInWSLALoginIsKeptByWindowsAndAWarmAnswerAsksNobody(t *testing.T) {
	m := newMachine(t, "auto")
	exe := m.onWindows()
	if o := m.run("login", "corp", "--no-browser"); o.status != 0 || !strings.Contains(o.stderr, "Its tokens are in the Windows Credential Manager.") {
		t.Fatalf("login: exit status %d\n%s", o.status, o.stderr)
	}
	defer m.run("logout", "--all")
	items, err := filepath.Glob(filepath.Join(m.home, "store", "*-*"))
	if err != nil || len(items) != 2 {
		t.Errorf("Windows has %q, %v; want the tokens and the key", items, err)
	}
	m.answered([]outcome{m.run(process(admin)...)})
	asked := m.lines("asked")
	signIns := m.idc.Count("CreateToken:device_code")

	if m.hasKernelKeyring() {
		if err := os.Rename(exe, exe+".away"); err != nil {
			t.Fatal(err)
		}
		m.answered(m.together(process(admin), process(admin), process(admin)))
		if now := m.lines("asked"); now != asked {
			t.Errorf("credproc.exe was asked %d times for warm answers", now-asked)
		}
		m.installs(exe)
	}

	m.run("keyring", "lock")
	m.answered([]outcome{m.run(process(admin)...)})
	if m.lines("asked") == asked {
		t.Error("the key is read without credproc.exe")
	}
	m.want(m.idc.Counts(), "GetRoleCredentials", 1)
	m.goneAndBack(exe, signIns)
}

// goneAndBack checks that a login is not lost with the program that keeps it.
func (m *machine) goneAndBack(exe string, signIns int) {
	m.Helper()
	if err := os.Remove(exe); err != nil {
		m.Fatal(err)
	}
	m.run("keyring", "lock")
	for _, args := range [][]string{process(admin), {"login", "corp", "--no-browser"}, {"token", "corp"}} {
		o := m.run(args...)
		m.failed([]outcome{o}, 6, "there is no credproc.exe to run")
		if !strings.Contains(o.stderr, "is not lost") {
			m.Errorf("%v says only\n%s", args, o.stderr)
		}
	}
	if o := m.run("doctor", "--offline"); !strings.Contains(o.stdout, "CREDPROC_WINDOWS_PROGRAM") {
		m.Errorf("the doctor says\n%s", o.stdout)
	}
	m.env = append(m.env, "CREDPROC_WINDOWS_PROGRAM="+exe)
	m.installs(exe)
	m.answered([]outcome{m.run(process(admin)...)})
	m.want(m.idc.Counts(), "CreateToken:device_code", signIns)
	if o := m.run("logout", "corp"); o.status != 0 {
		m.Errorf("logout: %s", o.stderr)
	}
	if items, _ := filepath.Glob(filepath.Join(m.home, "store", "session-*")); len(items) != 0 {
		m.Errorf("after the sign-out Windows has %q", items)
	}
}

func TestInWSLWithoutCredprocOnWindowsALoginGoesToTheKernel(t *testing.T) {
	m := newMachine(t, "auto")
	exe := m.onWindows()
	if !m.hasKernelKeyring() {
		return
	}
	if err := os.Remove(exe); err != nil {
		t.Fatal(err)
	}
	if o := m.run("login", "corp", "--no-browser"); o.status != 0 || !strings.Contains(o.stderr, "kernel's keyring") {
		t.Errorf("login: exit status %d\n%s", o.status, o.stderr)
	}
	defer m.run("logout", "--all")
	m.installs(exe) // which is no reason to look there
	m.answered([]outcome{m.run(process(admin)...)})
	if n := m.lines("asked"); n != 0 {
		t.Errorf("credproc.exe was asked %d times", n)
	}
}

func TestInWSLTwentyProcessesRenewOnce(t *testing.T) {
	m := newMachine(t, "windows")
	m.onWindows()
	m.expired()
	defer m.run("logout", "--all")
	var all [][]string
	for range 20 {
		all = append(all, process(admin))
	}
	calls := m.calls(func() { m.answered(m.together(all...)) })
	m.want(calls, "CreateToken:refresh_token", 1)
	m.want(calls, "GetRoleCredentials", 1)
}
