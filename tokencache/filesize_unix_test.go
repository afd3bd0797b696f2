//go:build unix

package tokencache

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/credproc/credproc/credproc/credproctest/idctest"
	"github.com/credproc/credproc/tokencache/keyring"
)

const aloneVariable = "TOKENCACHE_TEST_ALONE"

// alone runs a test in a process of its own, and reports whether this is it: a
// limit on files would hit what go test itself writes, too.
func alone(t *testing.T) bool {
	if os.Getenv(aloneVariable) != "" {
		return true
	}
	c := exec.Command(os.Args[0], "-test.run=^"+t.Name()+"$")
	c.Env = append(os.Environ(), aloneVariable+"=1")
	if out, err := c.CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
	return false
}

// withFileSize runs do in a process whose files cannot be longer than size, as
// on a disk that is full.
func withFileSize(m *world, size uint64, do func()) {
	m.Helper()
	var before syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_FSIZE, &before); err != nil {
		m.Fatal(err)
	}
	small := before
	small.Cur = size
	if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &small); err != nil {
		m.Fatal(err)
	}
	defer func() {
		if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &before); err != nil {
			m.Fatal(err)
		}
	}()
	do()
}

func TestOnAFullDiskTheKeyringMustProveThatItCanBeWritten(t *testing.T) {
	if !alone(t) {
		return
	}
	for name, small := range map[string]uint64{"no room for a journal": 2000, "no room for anything": 0} {
		t.Run(name, func(t *testing.T) {
			onWorld(t, func(m *world) {
				m.server.Set(func(s *idctest.Server) { s.Rotation = idctest.Strict })
				w := m.watch()
				sets := 0
				count := func(op string) error {
					if op == "set" {
						sets++
					}
					return nil
				}
				w.before = func(_ context.Context, op, _ string) error { return count(op) }
				full := func(do func()) { m.Helper(); withFileSize(m, small, do) }
				time.Sleep(2 * time.Hour)
				full(func() { m.renews(1, func() { m.token(m.session()) }) })
				if sets != 2 { // the proof, and the answer
					t.Errorf("the keyring was written %d times", sets)
				}
				m.works()

				w.before = always("set", keyring.ErrLocked)
				time.Sleep(2 * time.Hour)
				full(func() {
					m.asksNothing(func() {
						err := m.fails(m.session())
						if isUnavailable(err) == nil || !errors.Is(err, keyring.ErrLocked) || !strings.Contains(err.Error(), "not started") {
							t.Errorf("got %v", err)
						}
					})
				})
				w.before = nil
				time.Sleep(11 * time.Second)
				m.works()
				full(func() {
					m.asksNothing(func() {
						if err := m.session().SignIn(m.Context(), byCode); err == nil || !strings.Contains(err.Error(), "not started") {
							t.Errorf("sign-in: %v", err)
						}
					})
				})
				m.works()
			})
		})
	}
}
