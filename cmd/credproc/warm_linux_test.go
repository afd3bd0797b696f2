package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// TestAWarmAnswerTouchesNothingItNeedNot reads what the process asked of the
// kernel: no socket (D-Bus, TLS, resolver), no lock, nothing written but the
// answer; and how many packages were initialized before it.
func TestAWarmAnswerTouchesNothingItNeedNot(t *testing.T) {
	// The test binary has more in it, and so another order of things.
	built := filepath.Join(t.TempDir(), "credproc")
	if out, err := exec.Command("go", "build", "-o", built, ".").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	t.Setenv("STORM_PROGRAM", built)
	m := newMachine(t, "plaintext")
	m.signIn(0)
	want := m.run(process(admin)...)
	if want.status != 0 {
		t.Fatal(want.stderr)
	}
	strace, err := exec.LookPath("strace")
	if err != nil {
		t.Fatal(err)
	}
	trace := filepath.Join(m.home, "trace")
	c := m.command(process(admin)...)
	c.Args = append([]string{"strace", "-f", "-qq", "-e", "signal=none", "-o", trace, c.Path}, c.Args[1:]...)
	c.Path = strace
	if got := m.finish(c); got.status != 0 || got.stdout != want.stdout || got.stderr != "" {
		t.Fatalf("exit status %d, the same document %v\n%s", got.status, got.stdout == want.stdout, got.stderr)
	}
	data, err := os.ReadFile(trace)
	if err != nil {
		t.Fatal(err)
	}
	opened := 0
	for line := range strings.Lines(string(data)) {
		if strings.Contains(line, "openat(") {
			opened++
		}
		for _, unwanted := range []string{
			"socket(", "connect(", "flock(", "fsync(", "O_CREAT", "rename", "unlink", "mkdir",
			"resolv.conf", "nsswitch", "/etc/hosts", "ssl/certs", ".lock",
		} {
			if strings.Contains(line, unwanted) {
				t.Errorf("%s: %s", unwanted, line)
			}
		}
	}
	t.Logf("%d files are opened", opened)
	if opened == 0 || opened > 30 {
		t.Errorf("%d files are opened, want at most 30", opened)
	}

	c = m.command(process(admin)...)
	c.Env = append(c.Env, "GODEBUG=inittrace=1")
	warm := m.finish(c)
	inits := strings.Count(warm.stderr, "init ")
	t.Logf("%d packages are initialized", inits)
	for _, unwanted := range []string{
		"init net ", "init net/", "init crypto/tls ", "init crypto/x509 ", "init math/big ", "init regexp", "kong", "smithy", "aws-sdk-go-v2/service/",
		"godbus", "go-keyring", "credproc/cmd ",
	} {
		if strings.Contains(warm.stderr, unwanted) {
			t.Errorf("%s comes before the answer", unwanted)
		}
	}
	if inits == 0 || inits > 68 {
		t.Errorf("%d packages are initialized before the answer, want at most 68\n%s", inits, warm.stderr)
	}
}
