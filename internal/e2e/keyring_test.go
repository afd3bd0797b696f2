package e2e

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/credproc/credproc/credproc/credproctest/idctest"
)

func TestALoginIsInTheKeychainAndNoSecretIsAnywhereElse(t *testing.T) {
	m := withKeychain(t)
	if m == nil {
		return
	}
	m.server.Set(slowAndStrict) // slow, so that the processes can be watched
	m = m.with("CREDPROC_LOG=debug", "CREDPROC_LOG_FILE="+filepath.Join(m.home, "debug.log"))
	w := m.watchProcesses()
	said := m.must(binary, "login", "corp", "--flow", "device", "--no-browser")
	if said != "" {
		t.Errorf("login printed %q", said)
	}
	listing, names := m.chain.items()
	if !slices.ContainsFunc(m.server.Secrets(), func(s string) bool { return strings.HasPrefix(s, "aor") && strings.Contains(listing, s) }) {
		t.Errorf("secret-tool finds %q without the refresh token", names)
	}

	var log strings.Builder
	keep := func(r result) { // what is not the document itself
		if r.status != 0 {
			t.Errorf("status %d: %s", r.status, r.stderr)
		}
		log.WriteString(r.stderr)
	}
	keep(m.process("corp", "Admin"))
	m.server.RevokeAccessTokens()
	keep(m.process("corp", "ReadOnly"))
	keep(m.run(binary, "process", "--profile", "chain"))
	keep(m.run(binary, "process", "--profile", "dev"))
	for _, args := range [][]string{{"list", "corp"}, {"status"}, {"list", "corp", "--json"}, {"status", "--json"}} {
		r := m.run(binary, args...)
		keep(r)
		log.WriteString(r.stdout)
	}
	keep(m.aws("sts", "get-caller-identity", "--profile", "dev"))
	keep(m.with("CREDPROC_LOG_FILE=").run(binary, "--debug", "process", "--profile", "native"))
	m.write("stderr.log", log.String())

	m.counted(map[string]int{"CreateToken:refresh_token": 1, "AssumeRole": 1, "GetCallerIdentity": 1})
	if seen, leaky := w.end(); len(leaky) != 0 {
		t.Errorf("processes that show a secret: %q", leaky)
	} else {
		for _, command := range []string{"login corp", ourLine, "process --profile chain", "list corp"} {
			if !slices.ContainsFunc(seen, func(line string) bool { return strings.HasPrefix(line, binary+" "+command) }) {
				t.Errorf("%q was not watched, only %q", command, seen)
			}
		}
	}
	for _, file := range []string{"debug.log", "stderr.log", ".local/share/keyrings/login.keyring"} {
		if info, err := os.Stat(filepath.Join(m.home, file)); err != nil || info.Size() == 0 {
			t.Errorf("%s: nothing to look into: %v", file, err)
		}
	}
	leaky, looked := m.filesThatLeak()
	if len(leaky) != 0 {
		t.Errorf("files that have a secret: %q", leaky)
	}
	t.Logf("looked into %d files", looked)

	m.must(binary, "logout", "corp")
	if _, names := m.chain.items(); slices.ContainsFunc(names, func(name string) bool { return strings.HasPrefix(name, "session-") }) {
		t.Errorf("after logout the keychain has %q", names)
	}
}

func TestALockedKeychainIsSaidAndCostsNothing(t *testing.T) {
	m := withKeychain(t)
	if m == nil {
		return
	}
	m.login()
	m.serves(m.process("corp", "Admin"))
	before := m.server.Total()
	m.chain.lock()
	m.refuses(m.process("corp", "ReadOnly"), 6, "locked")
	m.refuses(m.with("CREDPROC_KEY_CACHE=off").process("corp", "ReadOnly"), 6, "locked")
	// Nobody answers the dialog. A sign-in that could not be kept is not started.
	for _, args := range [][]string{{"login", "corp", "--flow", "device", "--no-browser"}, {"list", "corp"}, {"logout", "corp"}} {
		m.refuses(m.run(binary, args...), 6, "locked", "No login is lost")
	}
	newcomer := m.with("CREDPROC_DIR=" + m.dir("other"))
	newcomer.refuses(newcomer.run(binary, "login", "corp", "--flow", "device", "--no-browser"), 6, "locked")
	if after := m.server.Total(); after != before {
		t.Errorf("%d calls while locked", after-before)
	}
	if locked, err := m.chain.locked(); err != nil || !locked {
		t.Errorf("locked: %v, %v", locked, err)
	}
	m.chain.unlock()
	m.serves(m.process("corp", "ReadOnly"))
	m.counted(map[string]int{"RegisterClient": 1, "CreateToken": m.server.Count("CreateToken:device_code"), "GetRoleCredentials": 2})
}

func TestAKeychainThatIsNotThereIsSaidAndCostsNothing(t *testing.T) {
	m := withKeychain(t)
	if m == nil {
		return
	}
	m.login()
	before := m.server.Total()
	refuses := func(m *machine) {
		t.Helper()
		m.refuses(m.process("corp", "Admin"), 6, "not lost")
		m.refuses(m.with("CREDPROC_KEY_CACHE=off").process("corp", "Admin"), 6, "not lost")
	}

	noBus := "DBUS_SESSION_BUS_ADDRESS=unix:path=" + filepath.Join(m.root, "absent")
	refuses(m.with(noBus))
	newcomer := m.with(noBus, "CREDPROC_DIR="+m.dir("other"), "CREDPROC_KEYRING=os")
	newcomer.refuses(newcomer.run(binary, "login", "corp", "--flow", "device", "--no-browser"), 6, "CREDPROC_KEYRING=plaintext")
	m.chain.signal(syscall.SIGSTOP) // mute: only a deadline helps
	refuses(m)
	m.chain.signal(syscall.SIGCONT)
	m.chain.kill(m.chain.daemon)
	refuses(m)
	if after := m.server.Total(); after != before {
		t.Errorf("%d calls without a keychain", after-before)
	}

	m.chain.startDaemon()
	m.serves(m.process("corp", "Admin"))
	m.counted(map[string]int{"RegisterClient": 1, "CreateToken": m.server.Count("CreateToken:device_code"), "GetRoleCredentials": 1})

	m.chain.kill(m.chain.bus)
	m.refuses(m.process("corp", "ReadOnly"), 6, "not lost")
}

// dying makes the keychain crash whenever the service gives tokens of the kind
// that is sent, before the answer is there: what needed the keychain until then
// has been read, and the tokens are yet to be stored.
func (m *machine) dying() (kind chan string) {
	kind = make(chan string, 1)
	front := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			m.t.Error(err)
		}
		select {
		case wanted := <-kind:
			if r.URL.Path == "/token" && bytes.Contains(body, []byte(wanted)) {
				m.chain.kill(m.chain.daemon)
			} else {
				kind <- wanted
			}
		default:
		}
		r.Body = io.NopCloser(bytes.NewReader(body))
		m.server.ServeHTTP(w, r)
	}))
	m.t.Cleanup(front.Close)
	m.env["AWS_ENDPOINT_URL_SSO_OIDC"] = front.URL
	return kind
}

func TestAKeychainThatDiesBeforeATokenIsStoredCostsNoLogin(t *testing.T) {
	m := withKeychain(t)
	if m == nil {
		return
	}
	m.server.Set(func(s *idctest.Server) { s.Rotation = idctest.Strict })
	dies := m.dying()
	signIn := []string{"login", "corp", "--flow", "device", "--no-browser"}

	dies <- "device_code"
	m.refuses(m.run(binary, signIn...), 6, "credproc: os keyring: ")
	m.chain.startDaemon()
	m.refuses(m.process("corp", "Admin"), 4, "credproc login corp")
	m.must(binary, signIn...)
	m.serves(m.process("corp", "Admin"))

	signIns := m.server.Count("RegisterClient")
	for i, shell := range []*machine{m, m.with("CREDPROC_KEY_CACHE=off")} {
		m.server.RevokeAccessTokens()
		dies <- "refresh_token"
		during := shell.process("corp", "ReadOnly")
		if len(dies) > 0 {
			t.Error("the keychain did not die")
		}
		if during.status == 0 { // what was got can be used, though not stored
			m.serves(during)
		} else {
			m.refuses(during, 6, "not lost")
		}
		m.refuses(m.with("CREDPROC_KEY_CACHE=off").process("corp", "ReadOnly"), 6, "not lost")
		m.chain.startDaemon()
		m.serves(shell.process("corp", "ReadOnly"))
		m.counted(map[string]int{"RegisterClient": signIns, "CreateToken:refresh_token": 2*i + 1})
		m.must(binary, "login", "corp") // renews, with the refresh token that was kept
		m.counted(map[string]int{"RegisterClient": signIns, "CreateToken:refresh_token": 2*i + 2})
		if err := os.RemoveAll(filepath.Join(m.home, ".cache")); err != nil {
			t.Fatal(err)
		}
	}
}

func (k *keychain) signal(s syscall.Signal) {
	k.m.t.Helper()
	if err := k.daemon.Process.Signal(s); err != nil {
		k.m.t.Fatal(err)
	}
}

// Without an address, godbus would start a bus by itself, and leave it running.
func TestWithoutABusNoneIsStarted(t *testing.T) {
	m := withKeychain(t)
	if m == nil {
		return
	}
	if _, err := os.Stat(filepath.Join("/run/user", strconv.Itoa(os.Getuid()), "bus")); err == nil {
		notRun(t, t.Name(), "the person who runs the tests has a session bus")
		return
	}
	m.login()
	m.write("bin/dbus-launch", "#!/bin/sh\n: >\"$HOME/launched\"\nexit 1\n")
	if err := os.Chmod(filepath.Join(m.home, "bin/dbus-launch"), 0o700); err != nil {
		t.Fatal(err)
	}
	alone := m.with("DBUS_SESSION_BUS_ADDRESS=", "PATH="+filepath.Join(m.home, "bin")+":"+m.env["PATH"])
	alone.refuses(alone.process("corp", "Admin"), 6, "not lost")
	if _, err := os.Stat(filepath.Join(m.home, "launched")); err == nil {
		t.Error("dbus-launch was run")
	}
}

func TestFirstRunsAtOnceAgreeOnOneKey(t *testing.T) {
	m := withKeychain(t)
	if m == nil {
		return
	}
	var config strings.Builder
	session := func(i int) string { return fmt.Sprintf("corp-%d", i) }
	for i := range crowd {
		config.WriteString(m.session(session(i)))
	}
	m.write(".aws/config", config.String())
	if _, names := m.chain.items(); len(names) != 0 {
		t.Fatalf("the keychain has %q", names)
	}
	m.server.Set(func(s *idctest.Server) { s.Latency = 150 * time.Millisecond })
	atOnce(crowd, func(i int) {
		if r := m.run(binary, "login", session(i), "--flow", "device", "--no-browser"); r.status != 0 {
			t.Errorf("login %s: status %d\n%s", session(i), r.status, r.stderr)
		}
	})
	_, names := m.chain.items()
	kinds := map[string]int{}
	for _, name := range names {
		kind, _, _ := strings.Cut(name, "-")
		kinds[kind]++
	}
	if kinds["key"] != 1 || kinds["session"] != crowd || len(names) != crowd+1 {
		t.Errorf("the keychain has %v", kinds)
	}

	// Only a key that all agree on opens all registrations, which a refresh needs.
	m.server.RevokeAccessTokens()
	strangers := m.with("CREDPROC_KEY_CACHE=off")
	atOnce(crowd, func(i int) { strangers.serves(strangers.process(session(i), "Admin")) })
	m.counted(map[string]int{"RegisterClient": crowd, "CreateToken:refresh_token": crowd})
}
