//go:build unix

package cmd

import (
	"os/exec"
	"strconv"
	"testing"

	"github.com/credproc/credproc/credproc/credproctest/idctest"
)

// prompting starts a shell on a terminal, as a person has it.
func (m *machine) prompting(sh typedShell) *display {
	m.Helper()
	m.env = append(m.env, "TERM=xterm", "PS1=ready> ", "SHELL="+sh.program)
	flags := map[string][]string{"bash": {"--norc", "--noprofile", "-i"}, "zsh": {"-f", "-i"}, "fish": {"-i", "--no-config"}}[sh.program]
	p := m.onTerminal(sh.program, flags...)
	p.types(sh.init + "; printf 'is %s\\n' here\r")
	p.shows("is here\n")
	return p
}

// onShells runs a test with each shell that is here, on a terminal.
func onShells(t *testing.T, test func(p *display, m *machine)) {
	for _, sh := range typedShells {
		t.Run(sh.program, func(t *testing.T) {
			t.Parallel()
			if _, err := exec.LookPath(sh.program); err != nil {
				t.Logf("no %s here", sh.program)
				return
			}
			m := newMachine(t)
			m.env = append(m.env, "AWS_CONFIG_FILE="+m.home(useConfig), "CREDPROC_FLOW=device")
			p := m.prompting(sh)
			t.Cleanup(func() { exec.Command("pkill", "-KILL", "-s", strconv.Itoa(p.Process.Pid)).Run() }) // its jobs, too
			test(p, m)
		})
	}
}

func TestUseAsksOnTheTerminalOfAShell(t *testing.T) {
	t.Parallel()
	onShells(t, func(p *display, m *machine) {
		m.signedIn()
		p.types("credproc use adm 2222\r")
		p.shows("using sandbox: Admin")
		p.types(`printf 'now %s\n' $AWS_PROFILE $AWS_REGION` + "\r")
		p.shows("now us-west-2\n")
		p.types("credproc use adm 1111\r")
		p.shows("Which role?")
		p.types("line\r")
		p.types(`printf 'now %s\n' $AWS_PROFILE $AWS_REGION` + "\r")
		p.shows("now line\nnow eu-west-1\n")
		p.types("credproc use\r")
		p.shows("  1  line") // what was chosen last
		p.types("\x03")
		p.shows("interrupted\n")
		p.types(`printf 'still %s\n' $AWS_PROFILE` + "\r")
		p.shows("still line\n")
	})
}

// The shell waits for what use prints: it could not continue a job that is stopped.
func TestUseCannotBeStoppedAndLost(t *testing.T) {
	t.Parallel()
	onShells(t, func(p *display, _ *machine) {
		p.types("credproc use line\r")
		p.shows("Sign in now?")
		p.types("\x1a")
		p.types("n\r")
		p.types(`printf 'now %s\n' $AWS_PROFILE` + "\r")
		p.shows("now line\n")
	})
}

// Job control is as it is without the function.
func TestOtherCommandsCanBeStoppedAndContinued(t *testing.T) {
	t.Parallel()
	onShells(t, func(p *display, m *machine) {
		p.types("credproc login corp --no-browser\r")
		p.shows("user_code")
		p.types("\x1a")
		p.types(`printf 'prompt %s\n' again` + "\r")
		p.shows("prompt again\n")
		p.types("fg\r")
		for _, code := range m.idc.Pending() {
			m.idc.Approve(code)
		}
		p.shows("Signed in to corp")
	})
}

// A role without a profile gets one, if the person agrees.
func TestUseOffersToWriteAProfile(t *testing.T) {
	t.Parallel()
	onShells(t, func(p *display, m *machine) {
		m.signedIn()
		m.idc.Set(func(i *idctest.Server) { i.Accounts[0].Roles = append(i.Accounts[0].Roles, "Ops") })
		m.start("credproc", "list", "corp").ends(0, "")
		p.types("credproc use 1111 ops\r")
		p.shows("in " + m.dir + "/aws-config?")
		p.types("y\r")
		p.types(`printf 'now %s\n' $AWS_PROFILE` + "\r")
		p.shows("now Production/Ops\n")
		p.types("credproc use native\r")
		p.shows("Convert 1 profile in ")
		p.types("y\r")
		p.types(`printf 'now %s\n' $AWS_PROFILE` + "\r")
		p.shows("now native\n")
		p.types("credproc use --unset\r")
		p.types(`printf 'then %s.\n' "$AWS_PROFILE"` + "\r")
		p.shows("then .\n")
	})
}
