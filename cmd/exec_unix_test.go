//go:build unix

package cmd

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/creack/pty"

	"github.com/credproc/credproc/cmd/internal/child"
	"github.com/credproc/credproc/cmd/internal/endpoint"
	"github.com/credproc/credproc/cmd/internal/shell"
	"github.com/credproc/credproc/cmd/internal/terminal"
	"github.com/credproc/credproc/credproc"
	"github.com/credproc/credproc/credproc/credproctest/idctest"
)

// inBothModes runs a test with the arguments for each way to run a command.
func inBothModes(t *testing.T, test func(t *testing.T, m *machine, exec ...string)) {
	for _, mode := range [][]string{{"exec"}, {"exec", "--server"}} {
		t.Run(strings.Join(mode, " "), func(t *testing.T) {
			t.Parallel()
			m := newMachine(t)
			m.signedIn()
			test(t, m, append(mode, "line", "--")...)
		})
	}
}

func (m *machine) signedIn() {
	m.Helper()
	m.idc.Set(func(i *idctest.Server) { i.AutoApprove = true })
	m.start("credproc", "login", "corp", "--no-browser").ends(0, "")
}

// apart runs a program that no terminal reaches.
func (m *machine) apart(program string, args ...string) *started {
	m.Helper()
	p := &started{Cmd: exec.Command(program, args...), m: m}
	p.Env, p.Stdout, p.Stderr = m.env, &p.stdout, &p.stderr
	p.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if err := p.Start(); err != nil {
		m.Fatal(err)
	}
	m.Cleanup(func() {
		if p.ProcessState == nil {
			p.Process.Kill()
			p.Wait()
		}
	})
	return p
}

// program makes a file to run. A shell writes it: while this process has a file
// open, so has each that it starts just then, and such a file cannot be run.
func (m *machine) program(name, text, mode string) (path string) {
	m.Helper()
	path = filepath.Join(m.dir, name)
	out, err := exec.Command("sh", "-c", `printf %b "$2" >"$1" && chmod "$3" "$1"`, "sh", path, text, mode).CombinedOutput()
	if err != nil {
		m.Fatalf("%v: %s", err, out)
	}
	return path
}

// writes waits for a file with something in it.
func (m *machine) writes(name string) (text string) {
	m.Helper()
	m.until(name+" written", func() bool {
		content, err := os.ReadFile(filepath.Join(m.dir, name))
		text = strings.TrimSpace(string(content))
		return err == nil && strings.HasSuffix(string(content), "\n")
	})
	return text
}

func TestTheStatusOfTheCommandComesThrough(t *testing.T) {
	t.Parallel()
	inBothModes(t, func(t *testing.T, m *machine, exec ...string) {
		for _, status := range []int{0, 1, 42, 126, 127, 255} {
			m.start("credproc", append(exec, "sh", "-c", fmt.Sprintf("exit %d", status))...).ends(status, "")
		}
		for _, s := range []syscall.Signal{syscall.SIGTERM, syscall.SIGKILL, syscall.SIGINT} {
			p := m.start("credproc", append(exec, "sh", "-c", fmt.Sprintf("kill -%d $$", s))...)
			p.Wait()
			ended := p.ProcessState.Sys().(syscall.WaitStatus)
			replaced := ended.Signaled() && ended.Signal() == s
			passed := ended.ExitStatus() == 128+int(s)
			if slices.Contains(exec, "--server") && !passed || !slices.Contains(exec, "--server") && !replaced {
				t.Errorf("%v: %v", s, p.ProcessState)
			}
		}
	})
}

func TestACommandThatCannotBeRunIsToldAsByAShell(t *testing.T) {
	t.Parallel()
	inBothModes(t, func(t *testing.T, m *machine, exec ...string) {
		run := func(name string) *started { return m.start("credproc", append(exec, name, "x y")...) }
		run("no-such-command").ends(127, "credproc: no-such-command: command not found\n")
		run(m.dir+"/none").ends(127, "none: command not found\n")
		run(m.program("data", "", "600")).ends(126, "data: cannot be run: permission denied\n")
		run(m.dir).ends(126, "cannot be run: ")
		run(m.program("lost", "#!/no/such/interpreter\n", "700")).ends(127, "lost: cannot be run: no such file or directory\n")
		run(m.program("garbage", "\x7fELF\\0garbage\n", "700")).ends(126, "garbage: cannot be run: exec format error\n")
		// A script without a first line is one for sh.
		script := run(m.program("script", `echo "$#: $1"; exit 5`+"\n", "700"))
		script.Wait()
		if script.ProcessState.ExitCode() != 5 || script.stdout.String() != "1: x y\n" {
			t.Errorf("%v: %s%s", script.ProcessState, &script.stdout, &script.stderr)
		}
		m.env = append(m.env, "PATH="+m.dir)
		run("data").ends(126, "data: cannot be run: permission denied\n")
	})
}

func TestOurOwnFailuresAre125(t *testing.T) {
	t.Parallel()
	m := newMachine(t)
	for _, mode := range [][]string{{"exec"}, {"exec", "--server"}} {
		run := func(args ...string) *started { return m.start("credproc", append(mode, args...)...) }
		run("none", "--", "true").ends(125, `no profile "none"`)
		run("static", "--", "true").ends(125, "has static keys")
		run("line", "--", "true").ends(125, `hint: run "credproc login line"`)
		run("--bogus", "--", "true").ends(125, "unknown flag --bogus")
		run("line", "sh", "x").ends(125, `hint: run "credproc exec line -- sh x"`)
		run("line", "ls", "-l").ends(125, "Put the command and its own flags after --.")
		run("line", "--").ends(125, "there is no command after --")
		run("line", "-p", "line", "--", "true").ends(125, "name a profile or --profile, not both")
		run("line", "other", "--", "true").ends(125, "no profile \"line other\"")
		run("line", "--min-validity=-1s", "--", "true").ends(125, "--min-validity must not be negative")
	}
}

// dumped runs a command that prints its environment.
func (m *machine) dumped(args ...string) map[string]string {
	m.Helper()
	p := m.start("credproc", append(args, "env", "-0")...)
	if p.Wait(); p.ProcessState.ExitCode() != 0 {
		m.Fatalf("%v: %s", p.ProcessState, &p.stderr)
	}
	return settingsIn(strings.Split(strings.TrimSuffix(p.stdout.String(), "\x00"), "\x00"))
}

func settingsIn(list []string) map[string]string {
	all := make(map[string]string)
	for _, setting := range list {
		name, value, _ := strings.Cut(setting, "=")
		all[name] = value
	}
	return all
}

// hostile is what somebody else has left in the environment, and all of it
// would win over what we give, or be mixed with it.
var hostile = []string{
	"AWS_PROFILE=stale", "AWS_DEFAULT_PROFILE=stale", "AWS_ACCESS_KEY_ID=AKIASTALE", "AWS_SECRET_ACCESS_KEY=stale secret",
	"AWS_SESSION_TOKEN=stale secret", "AWS_SECURITY_TOKEN=stale secret", "AWS_ACCESS_KEY=stale", "AWS_SECRET_KEY=stale secret",
	"AWS_CREDENTIAL_EXPIRATION=stale", "AWS_ACCOUNT_ID=999999999999", "AWS_CREDENTIAL_FILE=stale",
	"AWS_CONTAINER_CREDENTIALS_RELATIVE_URI=/stale", "AWS_CONTAINER_CREDENTIALS_FULL_URI=http://stale",
	"AWS_CONTAINER_AUTHORIZATION_TOKEN=stale secret", "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE=/stale",
	"AWS_WEB_IDENTITY_TOKEN_FILE=/stale", "AWS_ROLE_ARN=stale", "AWS_ROLE_SESSION_NAME=stale", "AWS_CREDENTIAL_SCOPE=stale",
	"AMAZON_ACCESS_KEY_ID=stale", "AMAZON_SECRET_ACCESS_KEY=stale secret", "AMAZON_SESSION_TOKEN=stale secret",
	"AWS_SESSION_EXPIRATION=stale", "AWS_VAULT=stale", "GRANTED_SSO=true", "GRANTED_SSO_ROLE_NAME=stale", "GRANTED_SSO_ACCOUNT_ID=stale",
	"AWS_SSO=stale", "AWS_SSO_PROFILE=stale", "AWS_SSO_ROLE_NAME=stale", "AWS_SSO_DEFAULT_REGION=stale",
	"CREDPROC_ACTIVE_PROFILE=stale", "CREDPROC_ACTIVE=stale", "CREDPROC_PASSPHRASE=stale secret", "CREDPROC_SERVE_TOKEN=stale secret",
}

func TestTheCommandGetsExactlyWhatItIsToGet(t *testing.T) {
	t.Parallel()
	inBothModes(t, func(t *testing.T, m *machine, exec ...string) {
		m.env = append(m.env, "AWS_SDK_LOAD_CONFIG=1") // without which version 1 of the SDK for Go finds no other profile
		want := settingsIn(append(slices.Clone(m.env), "AWS_REGION=eu-west-1", "AWS_DEFAULT_REGION=eu-west-1", "CREDPROC_ACTIVE_PROFILE=line",
			"AWS_EC2_METADATA_DISABLED=true"))
		m.env = append(append(m.env, hostile...), "AWS_REGION=stale")
		got := m.dumped(exec...)
		given := map[string]string{}
		for name, value := range got {
			if _, inherited := want[name]; !inherited && strings.HasPrefix(name, "AWS_") {
				given[name] = value
				delete(got, name)
			}
		}
		for _, value := range own(new(App)).ActiveIn(func(name string) string { return got[name] }).Was {
			if strings.HasPrefix(value, "stale secret") {
				t.Errorf("it keeps a secret that was there before: %s", value)
			}
		}
		delete(got, "CREDPROC_ACTIVE") // see active_unix_test.go
		if !maps.Equal(got, want) {
			t.Errorf("it has %v\nwant %v", got, want)
		}
		names := []string{"AWS_ACCESS_KEY_ID", "AWS_ACCOUNT_ID", "AWS_CREDENTIAL_EXPIRATION", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"}
		if slices.Contains(exec, "--server") {
			names = []string{"AWS_CONTAINER_AUTHORIZATION_TOKEN", "AWS_CONTAINER_CREDENTIALS_FULL_URI"}
		}
		if !slices.Equal(slices.Sorted(maps.Keys(given)), names) {
			t.Errorf("it is given %v", slices.Sorted(maps.Keys(given)))
		}
		for _, secret := range m.idc.Secrets() {
			mine := secret == given["AWS_SECRET_ACCESS_KEY"] || secret == given["AWS_SESSION_TOKEN"]
			for name, value := range got {
				if !mine && strings.Contains(value, secret) {
					t.Errorf("%s holds a secret", name)
				}
			}
		}
	})
}

func TestTheRegionIsSetInBothVariablesOrInNeither(t *testing.T) {
	t.Parallel()
	m := newMachine(t)
	m.signedIn()
	role := []string{"exec", "--sso-session", "corp", "--account-id", "111111111111", "--role-name", "Admin", "--"}
	for _, tt := range []struct {
		env, want string
		args      []string
	}{
		{"", "eu-west-1", []string{"exec", "line", "--"}},
		{"AWS_REGION=us-west-2", "eu-west-1", []string{"exec", "line", "--"}},
		{"AWS_REGION=us-west-2", "sa-east-1", []string{"exec", "line", "--region", "sa-east-1", "--"}},
		{"", "", []string{"exec", "modern", "--"}},
		{"AWS_REGION=us-west-2", "us-west-2", []string{"exec", "modern", "--"}},
		{"AWS_DEFAULT_REGION=us-west-2", "us-west-2", []string{"exec", "modern", "--"}},
		{"AWS_PROFILE=line", "eu-west-1", []string{"exec", "--"}},
		{"AWS_PROFILE=line", "", role},
	} {
		base := m.env
		if tt.env != "" {
			m.env = append(slices.Clone(m.env), tt.env)
		}
		got := m.dumped(tt.args...)
		m.env = base
		a, hasA := got["AWS_REGION"]
		b, hasB := got["AWS_DEFAULT_REGION"]
		if a != tt.want || b != tt.want || hasA != (tt.want != "") || hasB != hasA {
			t.Errorf("%s %v: %q and %q, want %q", tt.env, tt.args, a, b, tt.want)
		}
	}
}

func TestTheInstancesRoleIsTheCommandsOnlyIfTheUserSaysSo(t *testing.T) {
	t.Parallel()
	inBothModes(t, func(t *testing.T, m *machine, exec ...string) {
		allowed := slices.Insert(slices.Clone(exec), 1, "--metadata")
		for _, tt := range []struct {
			env  string
			exec []string
			want string // "-" if the variable is not set
		}{
			{"X=y", exec, "true"},
			{"AWS_EC2_METADATA_DISABLED=", exec, "true"},
			{"AWS_EC2_METADATA_DISABLED=false", exec, "false"},
			{"X=y", allowed, "-"},
			{"AWS_EC2_METADATA_DISABLED=true", allowed, "-"}, // in the shell of another exec
		} {
			base := m.env
			m.env = append(slices.Clone(m.env), tt.env)
			got, ok := m.dumped(tt.exec...)["AWS_EC2_METADATA_DISABLED"]
			m.env = base
			if !ok {
				got = "-"
			}
			if got != tt.want {
				t.Errorf("%s, %v: %q, want %q", tt.env, tt.exec, got, tt.want)
			}
		}
	})
}

func TestCtrlCReachesACommandThatTakesItsTime(t *testing.T) {
	t.Parallel()
	inBothModes(t, func(t *testing.T, m *machine, exec ...string) {
		p := m.onTerminal("credproc", append(exec, "sh", "-c",
			`trap 'n=$((n+1)); echo caught $n' INT; sleep 1.5 & echo ready; while kill -0 $! 2>/dev/null; do wait $!; done; echo done; exit 42`)...)
		p.shows("ready")
		p.types("\x03")
		p.ends(42)
		if screen := p.shows("done"); strings.Contains(screen, "caught 2") || !strings.Contains(screen, "caught 1") {
			t.Errorf("it was not interrupted once:\n%s", screen)
		}
	})
}

func TestACommandCanBeStoppedAndContinued(t *testing.T) {
	t.Parallel()
	inBothModes(t, func(t *testing.T, m *machine, exec ...string) {
		m.env = append(m.env, "PS1=$ ", "TERM=dumb")
		p := m.onTerminal("bash", "--norc", "--noprofile", "-i")
		p.shows("$ ")
		p.types("credproc " + strings.Join(exec, " ") + ` sh -c 'echo rea""dy; read line; echo got $line; exit 7'` + "\n")
		p.shows("ready")
		p.types("\x1a")
		p.shows("Stopped")
		p.types("fg; echo status $?\n")
		p.types("words\n")
		p.shows("got words")
		p.shows("status 7")
		p.types("exit\n")
		p.ends(0)
	})
}

func TestSignalsArePassedOn(t *testing.T) {
	t.Parallel()
	inBothModes(t, func(t *testing.T, m *machine, exec ...string) {
		for i, s := range []syscall.Signal{syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP, syscall.SIGQUIT, syscall.SIGUSR1, syscall.SIGUSR2, syscall.SIGALRM} {
			heard(t, s)
			ready := fmt.Sprintf("ready%d", i)
			p := m.apart("credproc", append(exec, "sh", "-c",
				fmt.Sprintf(`trap 'exit %d' %d; echo > %s/%s; while :; do sleep 0.05; done`, 50+i, s, m.dir, ready))...)
			m.until("ready", func() bool { _, err := os.Stat(filepath.Join(m.dir, ready)); return err == nil })
			p.send(s)
			p.ends(50+i, "")
		}
	})
}

func TestASignalThatComesWhileCredentialsAreFetchedEndsIt(t *testing.T) {
	t.Parallel()
	inBothModes(t, func(t *testing.T, m *machine, exec ...string) {
		m.idc.Fault("GetRoleCredentials", idctest.Fault{Delay: 3e9})
		p := m.apart("credproc", append(exec, "echo", "it ran")...)
		m.until("asked", func() bool { return m.idc.Count("GetRoleCredentials") > 0 })
		p.send(syscall.SIGTERM)
		p.ends(143, "credproc: terminated")
	})
}

func TestSecretsOfTheEnvironmentAreNotTheCommands(t *testing.T) {
	e := inherited(&App{Identity: credproc.Identity{ID: "acme"}, Environ: func() []string {
		return []string{"ACME_PASSPHRASE=a", "ACME_SERVE_TOKEN=b", "ACME_KEYRING=d", "EMPTY=", "odd"}
	}})
	if got := strings.Join(e, " "); got != "ACME_KEYRING=d EMPTY= odd" {
		t.Errorf("%s", got)
	}
}

// See endpoint_test.go for what an endpoint answers, and to whom.
func TestAnEndpointAndItsCommandEndTogether(t *testing.T) {
	t.Parallel()
	m := newMachine(t)
	m.signedIn()
	start := func() (p *started, url, token string) {
		os.Remove(filepath.Join(m.dir, "endpoint"))
		os.Remove(filepath.Join(m.dir, "ended"))
		p = m.apart("credproc", "exec", "--server", "line", "--", "sh", "-c",
			`trap 'echo > "$HOME/ended"; exit 3' TERM; echo "$AWS_CONTAINER_CREDENTIALS_FULL_URI $AWS_CONTAINER_AUTHORIZATION_TOKEN" > "$HOME/endpoint"; while :; do sleep 0.05; done`)
		if _, err := fmt.Sscan(m.writes("endpoint"), &url, &token); err != nil {
			t.Fatal(err)
		}
		return p, url, token
	}
	ask := func(url, token string) int {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Authorization", token)
		resp, err := http.DefaultTransport.RoundTrip(r)
		if err != nil {
			return 0
		}
		resp.Body.Close()
		return resp.StatusCode
	}
	for _, tt := range []struct {
		signal syscall.Signal
		status int
	}{{syscall.SIGTERM, 3}, {syscall.SIGKILL, -1}} {
		if tt.signal == syscall.SIGKILL && runtime.GOOS != "linux" { // no other kernel tells the command
			continue
		}
		p, url, token := start()
		if !strings.HasPrefix(url, "http://127.0.0.1:") || len(token) < endpoint.ShortestToken {
			t.Fatalf("%s, and a token of %d characters", url, len(token))
		}
		if a, b, c := ask(url, token), ask(url, "wrong"), ask(url+"profile/line", token); a != 200 || b != 403 || c != 404 {
			t.Errorf("%d with the token, %d with another, %d elsewhere", a, b, c)
		}
		p.send(tt.signal)
		p.Wait()
		if got := p.ProcessState.ExitCode(); got != tt.status {
			t.Errorf("%v: exit status %d, want %d: %s", tt.signal, got, tt.status, &p.stderr)
		}
		m.writes("ended")
		if status := ask(url, token); status != 0 {
			t.Errorf("%v: the endpoint answers without the command: %d", tt.signal, status)
		}
		for _, secret := range append(m.idc.Secrets(), token) {
			if strings.Contains(p.stderr.String()+p.stdout.String(), secret) {
				t.Errorf("it says a secret")
			}
		}
	}
}

func TestWhatNeedsASignInOffersOneOnATerminal(t *testing.T) {
	t.Parallel()
	inBothModesSignedOut(t, func(t *testing.T, m *machine, exec ...string) {
		say := append(exec, "sh", "-c", `read line; echo "$line: ${AWS_ACCESS_KEY_ID:+keys}$AWS_CONTAINER_CREDENTIALS_FULL_URI"`)
		p := m.onTerminal("credproc", say...)
		p.shows("Not signed in to corp. Sign in now? [Y/n] ")
		p.types("n\n")
		p.ends(125)
		p.shows(`hint: run "credproc login line"`)
		if n := m.idc.Total(); n > 0 {
			t.Errorf("the service was called %d times", n)
		}
		p = m.onTerminal("credproc", say...)
		p.shows("[Y/n] ")
		p.types("\nfor the command\n")
		screen := p.shows("for the command: ")
		p.ends(0)
		if !strings.Contains(screen, "Signed in to corp.") {
			t.Errorf("%s", screen)
		}
	})
}

func TestAnOfferCanBeInterrupted(t *testing.T) {
	t.Parallel()
	inBothModesSignedOut(t, func(t *testing.T, m *machine, exec ...string) {
		p := m.onTerminal("credproc", append(exec, "true")...)
		p.shows("[Y/n] ")
		p.types("\x03")
		p.ends(130)
	})
}

// The program that a command is mounted in may read what is typed afterwards.
func TestAnOfferThatIsOverReadsNothing(t *testing.T) {
	m := newMachine(t)
	there, here, err := pty.Open()
	if err != nil {
		t.Fatal(err)
	}
	defer there.Close()
	defer here.Close()
	ctx, cancel := context.WithCancel(t.Context())
	a := &App{
		Stdin: here, Stdout: here, Stderr: here, HTTPClient: m.idc.Client(), Environ: func() []string { return m.env },
		Getenv: func(name string) string { return child.Environment(m.env).Get(name) },
	}
	status := make(chan int, 1)
	go func() { status <- a.Run(ctx, []string{"exec", "line", "--", "true"}) }()
	var shown []byte
	for chunk := make([]byte, 100); !bytes.Contains(shown, []byte("[Y/n] ")); {
		n, err := there.Read(chunk)
		if err != nil {
			t.Fatal(err)
		}
		shown = append(shown, chunk[:n]...)
	}
	cancel()
	if got := <-status; got != ownFailure {
		t.Errorf("exit status %d", got)
	}
	if _, err := there.WriteString("for another\n"); err != nil {
		t.Fatal(err)
	}
	read := make(chan string, 1)
	go func() {
		line := make([]byte, 100)
		n, _ := here.Read(line)
		read <- string(line[:n])
	}()
	select {
	case line := <-read:
		if line != "for another\n" {
			t.Errorf("%q", line)
		}
	case <-time.After(20 * time.Second):
		t.Error("the line went to the offer")
	}
}

func TestNobodyIsAskedWhereSignInsAreForbidden(t *testing.T) {
	t.Parallel()
	inBothModesSignedOut(t, func(t *testing.T, m *machine, exec ...string) {
		m.env = append(m.env, "CREDPROC_NO_LOGIN=1")
		m.onTerminal("credproc", append(exec, "true")...).ends(125)
	})
}

func inBothModesSignedOut(t *testing.T, test func(t *testing.T, m *machine, exec ...string)) {
	for _, mode := range [][]string{{"exec"}, {"exec", "--server"}} {
		t.Run(strings.Join(mode, " "), func(t *testing.T) {
			t.Parallel()
			m := newMachine(t)
			m.idc.AutoApprove = true
			m.env = append(m.env, "BROWSER=true")
			test(t, m, append(mode, "line", "--")...)
		})
	}
}

func TestSecretsAreNotPrintedOnATerminalUnasked(t *testing.T) {
	t.Parallel()
	m := newMachine(t)
	m.signedIn()
	uses := map[string]terminal.Prose{"--shell=": shell.Shells["sh"].Use}
	for name, format := range shell.Formats {
		uses["--format="+name] = format.Use
	}
	for name, shell := range shell.Shells {
		uses["--shell="+name] = shell.Use
	}
	for flag, use := range uses {
		p := m.onTerminal("credproc", "env", "line", flag)
		if use == "" {
			p.ends(0)
			continue
		}
		p.ends(2)
		if screen := p.screen(); !strings.Contains(screen, "Run: "+string(terminal.Prosef(use, "credproc"))) || !strings.Contains(screen, "--force") {
			t.Errorf("%s: %s", flag, screen)
		}
		m.onTerminal("credproc", "env", "line", flag, "--force").ends(0)
		m.onTerminal("credproc", "env", "line", flag, "--unset").ends(0)
	}
	for _, name := range []string{"--shell=sh", "--format=env", "--format=env-no-export"} { // the hints are right
		use := strings.Replace(string(terminal.Prosef(uses[name], "credproc")), "…", "line", 1)
		var text bytes.Buffer
		c := exec.Command("sh", "-c", use+`; echo "${AWS_SESSION_TOKEN:+set}"`)
		c.Env, c.Stdout = m.env, &text
		if err := c.Run(); err != nil || text.String() != "set\n" {
			t.Errorf("%s: %v, %s", use, err, &text)
		}
	}
	// env asks nobody to sign in.
	m.idc.EndSessions()
	m.onTerminal("credproc", "env", "--format", "json", "--sso-session", "corp", "--account-id", "111111111111", "--role-name", "ReadOnly").ends(4)
}

func TestAShellIsStartedWhereThereIsNoCommand(t *testing.T) {
	t.Parallel()
	inBothModes(t, func(t *testing.T, m *machine, exec ...string) {
		shell := m.program("shell", "#!/bin/sh\necho \"$# in $CREDPROC_ACTIVE_PROFILE\"; exit 9\n", "700")
		m.env = append(m.env, "SHELL="+shell)
		p := m.start("credproc", exec[:len(exec)-1]...)
		p.Wait()
		if p.ProcessState.ExitCode() != 9 || p.stdout.String() != "0 in line\n" || !strings.HasPrefix(p.stderr.String(), "Starting "+shell+" with credentials of line, ") {
			t.Errorf("%v: %s%s", p.ProcessState, &p.stdout, &p.stderr)
		}
	})
}

// A command may be run in the environment of another, and ask for any profile.
func TestUseCanBeNested(t *testing.T) {
	t.Parallel()
	inBothModes(t, func(t *testing.T, m *machine, exec ...string) {
		p := m.start("credproc", append(exec, "sh", "-c", `credproc exec legacy -- sh -c 'echo $AWS_ACCOUNT_ID$AWS_CONTAINER_CREDENTIALS_FULL_URI $CREDPROC_ACTIVE_PROFILE'; credproc process --profile chain`)...)
		p.Wait()
		first, rest, _ := strings.Cut(p.stdout.String(), "\n")
		var d struct{ AccountId string }
		if err := json.Unmarshal([]byte(rest), &d); err != nil || d.AccountId != "333333333333" || first != "222222222222 legacy" {
			t.Errorf("%s, account %s, %v: %s", first, d.AccountId, err, &p.stderr)
		}
	})
}
