package main

import (
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// ofTheRuntime are the calls for memory, threads and signals, of which there are
// more on some days than on others.
var ofTheRuntime = []string{
	"mmap", "munmap", "mprotect", "madvise", "prctl", "brk", "arch_prctl", "futex", "nanosleep", "sched_yield", "sched_getaffinity", "gettid", "getpid", "tgkill",
	"clone", "clone3", "sigaltstack", "rt_sigaction", "rt_sigprocmask", "rt_sigreturn", "epoll_pwait", "set_robust_list", "rseq", "exit_group", "exit",
	"restart_syscall", "clock_gettime",
}

// TestAWarmAnswerTouchesNothingItNeedNot reads what the process asked of the
// kernel: no socket (D-Bus, TLS, resolver), no lock, nothing written but the
// answer; and how many packages were initialized before it.
func TestAWarmAnswerTouchesNothingItNeedNot(t *testing.T) {
	m := newMachine(t, "plaintext")
	m.program = built(t, "STORM_PROGRAM")
	m.signIn(0)
	want := m.run(process(admin)...)
	if want.status != 0 {
		t.Fatal(want.stderr)
	}
	c, trace := m.traced([]string{"-e", "signal=none"}, process(admin))
	m.write("ca.pem", strings.Repeat("a certificate\n", 16<<10)) // for connections, of which there are none
	c.Env = append(c.Env, "AWS_CA_BUNDLE="+filepath.Join(m.home, "ca.pem"))
	if got := m.finish(c); got.status != 0 || got.stdout != want.stdout || got.stderr != "" {
		t.Fatalf("exit status %d, the same document %v\n%s", got.status, got.stdout == want.stdout, got.stderr)
	}
	data, err := os.ReadFile(trace)
	if err != nil {
		t.Fatal(err)
	}
	calls, opened, read, identity, walked, policies := 0, 0, 0, 0, 0, 0
	for line := range strings.Lines(string(data)) {
		_, line, _ := strings.Cut(line, " ") // after the thread
		name, _, isCall := strings.Cut(strings.TrimLeft(line, " "), "(")
		switch {
		case !isCall || strings.Contains(name, "<...") || slices.Contains(ofTheRuntime, name):
			continue
		case name == "openat":
			opened++
		case name == "read" || name == "pread64":
			n, err := strconv.Atoi(strings.TrimSpace(line[strings.LastIndex(line, " = ")+3:]))
			if err == nil {
				read += n
			}
		}
		calls++
		if strings.Contains(line, "/etc/credproc") {
			policies++
			continue
		}
		if name == "newfstatat" && !strings.Contains(line, "/.aws/") {
			walked++
			continue // a home directory that is deeper has more of these
		}
		if strings.Contains(line, `/identity"`) || strings.Contains(line, "stat") && strings.Contains(line, "/.local/state/credproc") && !strings.Contains(line, "plaintext") {
			identity++
		}
		for _, unwanted := range []string{
			"socket(", "connect(", "flock(", "fsync(", "O_CREAT", "rename", "unlink", "mkdir",
			"resolv.conf", "nsswitch", "/etc/hosts", "ssl/certs", "ca.pem", ".lock",
		} {
			if strings.Contains(line, unwanted) {
				t.Errorf("%s: %s", unwanted, line)
			}
		}
	}
	t.Logf("%d files are opened, %d bytes are read, %d system calls", opened, read, calls)
	if opened == 0 || opened > 18 {
		t.Errorf("%d files are opened, want at most 18", opened)
	}
	if read == 0 || read > 8<<10 {
		t.Errorf("%d bytes are read, want at most 8 KiB", read)
	}
	if policies != 1 { // its directory, which is not there
		t.Errorf("%d system calls look for a policy, want 1", policies)
	}
	if identity != 1 { // it is opened, read and closed; the directory is not looked at
		t.Errorf("%d system calls name the identity of the state directory, want 1", identity)
	}
	// The root, those down to the home directory, and below it .local, state,
	// credproc, the machine's and plaintext.
	looks := 1 + strings.Count(m.home, "/") + 5
	if os.Geteuid() == 0 { // whose directory is it?
		looks++
	}
	if walked != looks {
		t.Errorf("%d directories are looked at, want %d\n%s", walked, looks, data)
	}
	if calls > 75 {
		t.Errorf("%d system calls, want at most 75\n%s", calls, data)
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
	if inits == 0 || inits > 66 { // two more than there are
		t.Errorf("%d packages are initialized before the answer, want at most 66\n%s", inits, warm.stderr)
	}
}
