package e2e

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// written is a call that gives bytes to something, with what strace knows of it.
var written = regexp.MustCompile(`^\d+ +(?:<\.\.\. )?(write|pwrite64|writev|pwritev|pwritev2|sendto|sendmsg|sendmmsg)\((\d+)<([^>]*)`)

// traced runs the program under strace, and returns what it wrote to, and
// whether each time a secret was in it, by what strace calls the descriptor.
func (m *machine) traced(file string, args ...string) (seen map[string]bool) {
	m.t.Helper()
	out := filepath.Join(m.dir("strace"), file)
	calls := "trace=write,pwrite64,writev,pwritev,pwritev2,sendto,sendmsg,sendmmsg"
	m.must("sh", append([]string{"-c", `umask 0; exec strace "$@"`, "sh", "-f", "-yy", "-qq", "-s", "100000", "-e", calls, "-o", out, binary}, args...)...)
	data, err := os.ReadFile(out)
	if err != nil {
		m.t.Fatal(err)
	}
	os.Remove(out) // it has all secrets in it
	seen = map[string]bool{}
	traces := traces(m.server.Marker())
	for line := range strings.Lines(string(data)) {
		secret := leaks([]byte(line), traces)
		match := written.FindStringSubmatch(line)
		if match == nil {
			if secret {
				m.t.Errorf("a secret in a call that is none of these: %.60s", line)
			}
			continue
		}
		to := match[3]
		if match[2] == "1" {
			to = "stdout"
		}
		seen[to] = seen[to] || secret
	}
	return seen
}

// The kernel's own word: whatever the program means to do, a secret goes to the
// keychain, to the service, or into the answer.
func TestNoSecretIsWrittenToAFileDescriptorButThoseThatAreToHaveIt(t *testing.T) {
	m := withKeychain(t)
	if m == nil {
		return
	}
	ours := []string{"process", "--sso-session", "corp", "--account-id", account, "--role-name"}
	steps := map[string]map[string]bool{}
	steps["login"] = m.traced("login", "login", "corp", "--flow", "device", "--no-browser")
	steps["process"] = m.traced("process", append(ours, "Admin")...)
	m.server.RevokeAccessTokens()
	steps["refresh"] = m.traced("refresh", append(ours, "ReadOnly")...)
	for step, seen := range steps {
		bus, service := false, false
		for to, secret := range seen {
			if !secret {
				continue
			}
			switch {
			case strings.HasPrefix(to, "UNIX"):
				bus = true
			case strings.HasPrefix(to, "TCP"):
				service = true
			case to == "stdout" && step != "login":
			default:
				t.Errorf("%s wrote a secret to %s", step, to)
			}
		}
		if !service || !bus && step != "process" {
			t.Errorf("%s: a secret went to the service: %v, to the keychain: %v: strace saw %v", step, service, bus, seen)
		}
	}
	m.counted(map[string]int{"CreateToken:refresh_token": 1})
	m.keepsFilesToItself()
}

// keepsFilesToItself fails if others can read or write what the program made.
func (m *machine) keepsFilesToItself() {
	m.t.Helper()
	looked := 0
	err := filepath.WalkDir(m.home, func(name string, d fs.DirEntry, err error) error {
		if err != nil || !strings.Contains(name, "/credproc") {
			return err
		}
		info, err := d.Info()
		if looked++; err == nil && info.Mode().Perm()&0o077 != 0 {
			m.t.Errorf("%s has mode %v", name, info.Mode())
		}
		return err
	})
	if err != nil || looked < 8 {
		m.t.Errorf("looked at %d files: %v", looked, err)
	}
}
