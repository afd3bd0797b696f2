package e2e

import (
	"bufio"
	"os"
	"os/exec"
	"strings"
	"testing"
)

// A program that nobody watches must not open a dialog, and one that somebody
// does may: the person answers it, and the sign-in goes on.
func TestOnlyALoginShowsTheDialogOfALockedKeychain(t *testing.T) {
	m := withKeychain(t)
	if m == nil {
		return
	}
	const prompter = "/usr/libexec/gcr-prompter"
	for _, program := range []string{"Xvfb", "xdotool", prompter} {
		if _, err := exec.LookPath(program); err != nil {
			notRun(t, t.Name(), "there is no "+program)
			return
		}
	}
	m = m.with("DISPLAY=" + m.startDisplay())
	m.chain.m = m
	m.chain.kill(m.chain.daemon) // which had no display
	m.chain.startDaemon()
	m.chain.start(nil, prompter)
	await(t, "the prompter is there", func() bool {
		var owned bool
		err := m.chain.conn.BusObject().Call("org.freedesktop.DBus.NameHasOwner", 0, "org.gnome.keyring.SystemPrompter").Store(&owned)
		return err == nil && owned
	})
	m.login()
	m.chain.lock()
	m.refuses(m.process("corp", "Admin"), 6, "locked")
	if m.dialogs() {
		t.Error("process has opened a dialog")
	}

	done := make(chan result, 1)
	go func() { done <- m.run(binary, "login", "corp", "--force", "--flow", "device", "--no-browser") }()
	await(t, "the dialog is there", m.dialogs)
	m.must("xdotool", "type", password)
	m.must("xdotool", "key", "Return")
	if r := <-done; r.status != 0 {
		t.Errorf("login: status %d\n%s", r.status, r.stderr)
	}
	m.serves(m.process("corp", "Admin"))
}

// dialogs reports whether there is a window.
func (m *machine) dialogs() bool {
	r := m.run("xdotool", "search", "--onlyvisible", "--name", ".")
	return r.status == 0 && strings.TrimSpace(r.stdout) != ""
}

// startDisplay returns the name of a display of our own.
func (m *machine) startDisplay() string {
	m.t.Helper()
	number, ours, err := os.Pipe()
	if err != nil {
		m.t.Fatal(err)
	}
	defer number.Close()
	server := exec.Command("Xvfb", "-displayfd", "3", "-nolisten", "tcp")
	server.ExtraFiles = []*os.File{ours}
	if err := server.Start(); err != nil {
		m.t.Fatal(err)
	}
	m.t.Cleanup(func() { server.Process.Kill(); server.Wait() })
	ours.Close()
	line, err := bufio.NewReader(number).ReadString('\n')
	if err != nil {
		m.t.Fatal(err)
	}
	return ":" + strings.TrimSpace(line)
}
