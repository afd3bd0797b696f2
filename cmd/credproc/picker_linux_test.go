package main

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/credproc/credproc/credproc/credproctest/idctest"
)

// screen is a terminal with a command on it, and a person before it.
type screen struct {
	*testing.T
	master  *os.File
	command *exec.Cmd
	stdout  bytes.Buffer
	mu      sync.Mutex
	shown   []byte // since the person last looked
	raw     []byte // all of it
}

func (m *machine) onScreen(t *testing.T, args ...string) *screen {
	t.Helper()
	master, slave := openTerminal(t)
	s := &screen{T: t, master: master, command: m.command(args...)}
	s.resize(80, 24)
	s.command.Env = append(s.command.Env, "TERM=xterm")
	s.command.Stdin, s.command.Stderr, s.command.Stdout = slave, slave, &s.stdout
	if err := s.command.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		slave.Close() // until then its settings can be read
		if s.command.ProcessState == nil {
			s.command.Process.Kill()
			s.command.Wait()
		}
	})
	go func() {
		buffer := make([]byte, 1<<16)
		for {
			n, err := master.Read(buffer)
			if err != nil {
				return
			}
			s.mu.Lock()
			s.shown, s.raw = append(s.shown, buffer[:n]...), append(s.raw, buffer[:n]...)
			s.mu.Unlock()
		}
	}()
	return s
}

func (s *screen) resize(width, height uint16) {
	s.Helper()
	if err := unix.IoctlSetWinsize(int(s.master.Fd()), unix.TIOCSWINSZ, &unix.Winsize{Row: height, Col: width}); err != nil {
		s.Fatal(err)
	}
}

// styles are the escape sequences for colors, bold and underlined letters.
var styles = regexp.MustCompile(`\x1b\[[0-9;]*m`)

// sees waits for a text, and forgets what was shown up to there. Styles do not count.
func (s *screen) sees(text string) (before string) {
	s.Helper()
	for end := time.Now().Add(20 * time.Second); time.Now().Before(end); <-time.After(5 * time.Millisecond) {
		s.mu.Lock()
		s.shown = styles.ReplaceAll(s.shown, nil)
		i := bytes.Index(s.shown, []byte(text))
		if i >= 0 {
			before = string(s.shown[:i+len(text)])
			s.shown = s.shown[i+len(text):]
		}
		s.mu.Unlock()
		if i >= 0 {
			return before
		}
	}
	s.Fatalf("there is no %q in %q", text, s.shown)
	return ""
}

func (s *screen) types(keys string) {
	s.Helper()
	if _, err := s.master.WriteString(keys); err != nil {
		s.Fatal(err)
	}
}

// ends expects the command to end so, and to leave the terminal as it was.
func (s *screen) ends(status int, stdout string) {
	s.Helper()
	s.command.Wait()
	if got := s.command.ProcessState.ExitCode(); got != status || s.stdout.String() != stdout {
		s.Errorf("exit status %d, want %d; stdout %q, want %q", got, status, s.stdout.String(), stdout)
	}
	s.sees("\x1b[?7h\x1b[?1049l")
	state, err := unix.IoctlGetTermios(int(s.master.Fd()), unix.TCGETS)
	if err != nil || state.Lflag&unix.ECHO == 0 || state.Lflag&unix.ICANON == 0 {
		s.Errorf("the terminal is left as %+v, %v", state, err)
	}
}

// choosing is a command for which a role has to be picked.
var choosing = []string{"exec", "--", "sh", "-c", "echo picked $CREDPROC_ACTIVE_PROFILE"}

func TestARoleIsPickedAmongFiveThousandOnATerminal(t *testing.T) {
	m := newMachine(t, "plaintext")
	var config strings.Builder
	for i := range 5000 {
		fmt.Fprintf(&config, "[profile team-%04d]\ncredential_process = credproc process --sso-session corp --account-id 111111111111 --role-name Admin\n", i)
	}
	m.write(".aws/config", m.configFile()+config.String())
	m.signIn(0)

	s := m.onScreen(t, choosing...)
	s.sees("of 5002") // two roles have no profile
	s.types("team-43")
	s.sees("383 of 5002")
	s.types("21")
	s.sees("> team-4321")
	s.types("\x7f")
	s.sees("> team-4320")
	s.types("1\r")
	s.ends(0, "picked team-4321\n")

	s = m.onScreen(t, choosing...) // what was taken last is the first
	s.sees("> team-4321")
	s.types("\x1b[B\x1b[B\x1b[B\x1b[A")
	s.sees("> team-0001")
	s.resize(40, 10)
	s.sees("\x1b[10;1H")
	s.types("\r")
	s.ends(0, "picked team-0001\n")

	for _, key := range []string{"\x1b", "\x03"} {
		s = m.onScreen(t, choosing...)
		s.sees("of 5002")
		s.types(key)
		s.ends(130, "")
	}

	m.env = append(m.env, "NO_COLOR=1")
	s = m.onScreen(t, choosing...)
	s.sees("Esc to cancel")
	s.mu.Lock()
	if styles.Match(s.raw) {
		t.Errorf("colors: %q", s.raw)
	}
	s.mu.Unlock()
	if err := s.command.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	s.ends(143, "")
}

// many gives the user accounts, and a service that takes its time.
func (m *machine) many(n int, latency time.Duration) {
	m.idc.Set(func(s *idctest.Server) {
		s.Accounts, s.Latency = nil, latency
		for i := range n {
			s.Accounts = append(s.Accounts, idctest.Account{ID: fmt.Sprintf("%012d", i), Name: fmt.Sprintf("Team %03d", i), Roles: []string{"Admin", "ReadOnly"}})
		}
	})
}

func TestThePickerOpensBeforeTheListIsThere(t *testing.T) {
	m := newMachine(t, "plaintext")
	m.signIn(0)
	m.many(45, 2*time.Second)
	choosing := []string{"exec", "adm", "39", "--", "sh", "-c", "echo picked $AWS_ACCOUNT_ID"}

	s := m.onScreen(t, choosing...)
	s.sees("Which role? adm 39")
	s.sees("0 of 0, listing corp")
	s.sees("No match yet.")
	s.sees("left: ")
	s.resize(40, 8)
	s.sees("\x1b[8;1H")
	s.types("\x03")
	s.ends(130, "")

	// What was listed is there the next time, at once, and the rest follows.
	before := m.idc.Count("ListAccountRoles")
	s = m.onScreen(t, choosing...)
	s.sees("> Team 039  Admin")
	s.types("\r")
	m.idc.Set(func(s *idctest.Server) { s.Latency = 0 })
	s.ends(0, "picked 000000000039\n")
	if calls := m.idc.Count("ListAccountRoles") - before; calls >= 45 {
		t.Errorf("%d accounts are asked for again", calls)
	}
}

func TestAListThatCannotBeMadeIsSaidAndLeft(t *testing.T) {
	m := newMachine(t, "plaintext")
	m.signIn(0)
	m.idc.Fault("ListAccounts", idctest.Fault{Status: 403})
	s := m.onScreen(t, choosing...)
	s.command.Wait()
	if got := s.command.ProcessState.ExitCode(); got == 0 || got == 130 {
		t.Errorf("exit status %d", got)
	}
	s.sees("credproc: list accounts and roles through session corp: ")

	m.write(".aws/config", m.configFile()+"[profile dev]\nsso_session = corp\nsso_account_id = 111111111111\nsso_role_name = Admin\n")
	s = m.onScreen(t, choosing...)
	s.sees("1 of 1, list accounts and roles through session corp: ")
	s.types("zzz")
	s.sees("No match. Ctrl-U clears the search.")
	s.types("\x15\r")
	s.ends(0, "picked dev\n")
}

func TestProcessAndTokenAskNobody(t *testing.T) {
	m := newMachine(t, "plaintext")
	m.write(".aws/config", m.configFile()+"[sso-session other]\nsso_start_url = https://other.example/start\nsso_region = us-east-1\n")
	for _, command := range []string{"process", "token"} {
		s := m.onScreen(t, command)
		s.command.Wait()
		if got := s.command.ProcessState.ExitCode(); got != 2 || s.stdout.Len() != 0 {
			t.Errorf("%s: exit status %d, stdout %q", command, got, s.stdout.String())
		}
	}
}

func TestAConversationLeadsFromAStartURLToProfiles(t *testing.T) {
	m := newMachine(t, "plaintext")
	m.write(".aws/config", "# mine\n")
	m.env = append(m.env, "PAGER=sed 's/^/shown: /'")
	s := m.onScreen(t, "configure", "--command", "credproc")
	s.sees("Start URL of the access portal?")
	s.types(m.idc.StartURL + "/#/\n")
	s.sees("In which region is the Identity Center of idc (such as eu-west-1)?")
	s.types("us-east-1\n")
	s.sees("Name of the session? [idc]")
	s.types("\n")
	s.sees("Profiles for which roles?")
	s.sees("3 of 3")
	s.types("\t\t")
	s.sees("2 marked")
	s.types("\r")
	s.sees("Add 1 session and 2 profiles in ")
	s.types("d\n")
	s.sees("shown: +[profile Production/Admin]")
	s.mu.Lock()
	if !bytes.Contains(s.raw, []byte("\x1b[32m+[profile Production/Admin]\x1b[0m")) {
		t.Errorf("no colors: %q", s.raw)
	}
	s.mu.Unlock()
	s.types("\n")
	s.sees("configure --undo")
	s.command.Wait()
	if got := s.command.ProcessState.ExitCode(); got != 0 || s.stdout.Len() != 0 {
		t.Errorf("exit status %d, stdout %q", got, s.stdout.String())
	}
	text := m.configFile()
	for _, want := range []string{"# mine\n# >>> credproc >>>", "[sso-session idc]\nsso_start_url = https://idc.example/start\nsso_region = us-east-1\n", "[profile Production/ReadOnly]\n"} {
		if !strings.Contains(text, want) {
			t.Errorf("%q is not in\n%s", want, text)
		}
	}
	m.answered([]outcome{m.run("process", "--profile", "Production/Admin")})
}
