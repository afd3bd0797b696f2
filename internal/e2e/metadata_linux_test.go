package e2e

import (
	"net"
	"net/http"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// onInstance moves this goroutine, and so what it listens on and runs from now on, to
// a network of its own that has the metadata service where EC2 has it. nil: only root
// can.
func onInstance(t *testing.T) *instance {
	t.Helper()
	if os.Geteuid() != 0 {
		notRun(t, "an EC2 instance with its own network", "only root can make one")
		return nil
	}
	runtime.LockOSThread() // and the thread ends with the goroutine
	if err := unix.Unshare(unix.CLONE_NEWNET); err != nil {
		t.Fatal(err)
	}
	for _, line := range []string{"link set lo up", "addr add 169.254.169.254/32 dev lo"} {
		if out, err := exec.Command("ip", strings.Fields(line)...).CombinedOutput(); err != nil {
			t.Fatalf("ip %s: %v: %s", line, err, out)
		}
	}
	listener, err := net.Listen("tcp4", "169.254.169.254:80")
	if err != nil {
		t.Fatal(err)
	}
	ec2 := &instance{}
	service := &http.Server{Handler: ec2}
	go service.Serve(listener)
	t.Cleanup(func() { service.Close() })
	return ec2
}

// minio-go knows no variable against the metadata service. It asks what it gets from
// exec first, and that service only where it gets nothing.
func TestMinioGoBecomesTheInstanceOnlyOutsideOfExec(t *testing.T) {
	t.Parallel()
	program, why := goJudges()
	if why != "" {
		notRun(t, "minio-go on an EC2 instance", why)
		return
	}
	ec2 := onInstance(t)
	if ec2 == nil {
		return
	}
	m := newMachine(t).with("AWS_PROFILE=second")
	m.secondProfile()
	m.login()
	m.serves(m.process("corp", "Admin")) // which exec finds stored
	m.server.EndSessions()
	m.server.RevokeAccessTokens()
	s := newService(m, anyBucket)
	if r := m.run(program, "minio-go", s.url); r.status == 0 || ec2.given.Load() != 1 {
		t.Errorf("by the line: status %d, role given %d times: docs/works-with.md says that it becomes the instance\n%s", r.status, ec2.given.Load(), r.stderr)
	}
	for _, mode := range modes {
		before := s.signers()
		m.must(binary, append(mode, "dev", "--", "env", "AWS_PROFILE=second", program, "minio-go", s.url)...)
		if after := s.signers(); after[account+"/Admin"] == before[account+"/Admin"] || after[""] > before[""] {
			t.Errorf("%s: the bucket was asked by %v, and %v before", mode, after, before)
		}
	}
	r := m.run(binary, "exec", "--server", "dev", "--", "sh", "-c", `rm -r .cache; exec "$@"`, "sh", program, "minio-go", s.url)
	if r.status == 0 || ec2.given.Load() != 1 {
		t.Errorf("a refusing endpoint: status %d, role given %d times\n%s", r.status, ec2.given.Load(), r.stderr)
	}
}
