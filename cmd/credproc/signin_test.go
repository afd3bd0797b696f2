package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/credproc/credproc/credproc/credproctest/idctest"
)

// withBrowser gives the machine a browser that notes each page it opens.
func (m *machine) withBrowser() (opened func() int) {
	pages := filepath.Join(m.home, "pages")
	m.write("browser", "#!/bin/sh\necho \"$1\" >>'"+pages+"'\n")
	browser := filepath.Join(m.home, "browser")
	if err := os.Chmod(browser, 0o700); err != nil {
		m.Fatal(err)
	}
	m.env = append(m.env, "BROWSER="+browser)
	return func() int {
		text, _ := os.ReadFile(pages)
		return strings.Count(string(text), "\n")
	}
}

// until polls for a condition.
func (m *machine) until(what string, holds func() bool) {
	m.Helper()
	for deadline := time.Now().Add(30 * time.Second); !holds(); {
		if time.Now().After(deadline) {
			m.Fatalf("%s: not within 30 seconds", what)
		}
		<-time.After(10 * time.Millisecond)
	}
}

func autoLogin() []string { return append(process(admin), "--auto-login") }

// meanwhile runs do while processes are under way.
func (m *machine) meanwhile(all [][]string, do func()) []outcome {
	ended := make(chan []outcome, 1)
	go func() { ended <- m.together(all...) }()
	do()
	return <-ended
}

func TestOneSignInServesAllWhoMaySignIn(t *testing.T) {
	for _, keyring := range keyrings() {
		m := newMachine(t, keyring)
		m.idc.AutoApprove = false
		opened := m.withBrowser()
		calls := m.calls(func() {
			m.answered(m.meanwhile(times(50, autoLogin()), func() {
				m.until("a code", func() bool { return len(m.idc.Pending()) == 1 && opened() == 1 })
				if s := m.status(); s.State != "signed_out" || !s.doing("sign in to corp") {
					t.Errorf("while a code is pending: %+v", s)
				}
				if err := m.idc.Approve(m.idc.Pending()[0]); err != nil {
					t.Error(err)
				}
			}))
		})
		m.want(calls, "RegisterClient", 1)
		m.want(calls, "StartDeviceAuthorization", 1)
		m.want(calls, "GetRoleCredentials", 1)
		if opened() != 1 {
			t.Errorf("%d browser launches", opened())
		}
		m.tells("signed in", truth{state: "signed_in", roles: 1})
	}
}

func TestADenialStandsForAllWhoMaySignIn(t *testing.T) {
	for _, keyring := range keyrings() {
		m := newMachine(t, keyring)
		m.idc.AutoApprove = false
		opened := m.withBrowser()
		outcomes := m.meanwhile(times(10, autoLogin()), func() {
			m.until("a code", func() bool { return len(m.idc.Pending()) == 1 })
			if err := m.idc.Deny(m.idc.Pending()[0]); err != nil {
				t.Error(err)
			}
		})
		m.failed(outcomes, 4, "denied")
		m.tells("denied", truth{state: "signed_out"})
		calls := m.calls(func() { m.failed(m.together(times(50, autoLogin())...), 4, `hint: run "credproc login corp"`) })
		m.want(calls, "total", 0)
		if opened() != 1 {
			t.Errorf("%d browser launches", opened())
		}
		m.set(func(s *idctest.Server) { s.AutoApprove = true })
		m.signIn(0) // in person
		m.answered(m.together(autoLogin()))
		m.tells("allowed", truth{state: "signed_in", roles: 1})
	}
}

// A process that is killed, as an SDK does after a minute, leaves its code to
// the next one.
func TestAPendingCodeIsResumed(t *testing.T) {
	m := newMachine(t, "plaintext")
	m.idc.AutoApprove = false
	opened := m.withBrowser()
	c := m.command(autoLogin()...)
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	m.until("a code and a browser", func() bool { return len(m.idc.Pending()) == 1 && opened() == 1 })
	c.Process.Kill()
	c.Wait()
	m.tells("killed", truth{state: "signed_out"})
	calls := m.calls(func() {
		m.answered(m.meanwhile(times(5, autoLogin()), func() {
			if err := m.idc.Approve(m.idc.Pending()[0]); err != nil {
				t.Error(err)
			}
		}))
	})
	m.want(calls, "RegisterClient", 0)
	m.want(calls, "StartDeviceAuthorization", 0)
	if opened() != 1 {
		t.Errorf("%d browser launches", opened())
	}
}

func TestALoginMadeElsewhereIsWaitedFor(t *testing.T) {
	for _, keyring := range keyrings() {
		m := newMachine(t, keyring)
		m.env = []string{"CREDPROC_WAIT=45s"}
		calls := m.calls(func() {
			m.answered(m.meanwhile(times(20, process(admin)), func() {
				m.until("processes that wait", func() bool {
					locks, _ := filepath.Glob(filepath.Join(m.home, ".local/state/credproc/*/locks/*"))
					return len(locks) > 0
				})
				m.signIn(0)
			}))
		})
		m.want(calls, "RegisterClient", 1)
		m.want(calls, "GetRoleCredentials", 1)
	}
}

func TestWaitingEndsWithTheTimeGiven(t *testing.T) {
	m := newMachine(t, "plaintext")
	m.failed(m.together(append(process(admin), "--wait", "100ms")), 4, `hint: run "credproc login corp"`)
	m.env = []string{"CREDPROC_WAIT=soon"}
	m.failed(m.together(process(admin)), 2, `CREDPROC_WAIT is "soon"`)
}

func TestTheEnvironmentCanForbidEverySignIn(t *testing.T) {
	m := newMachine(t, "plaintext")
	m.env = []string{"CREDPROC_NO_LOGIN=1"}
	opened := m.withBrowser()
	calls := m.calls(func() {
		m.failed(m.together(times(10, autoLogin())...), 4, "sign-in required")
		m.failed(m.together([]string{"login", "corp"}), 4, "CREDPROC_NO_LOGIN")
	})
	m.want(calls, "total", 0)
	if opened() != 0 {
		t.Errorf("%d browser launches", opened())
	}
}
