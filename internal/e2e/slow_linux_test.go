package e2e

import (
	"bytes"
	"net"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// slow puts something between a machine and its keychain that holds each read of
// a secret back for so long, and all else meanwhile, as a keychain does that has
// to ask elsewhere. It returns the machine as it is then, and counts the reads.
func (m *machine) slow(delay time.Duration) (behind *machine, reads *atomic.Int32) {
	m.t.Helper()
	real := strings.TrimPrefix(m.env["DBUS_SESSION_BUS_ADDRESS"], "unix:path=")
	socket := filepath.Join(m.dir("run"), "slow")
	listener, err := net.Listen("unix", socket)
	if err != nil {
		m.t.Fatal(err)
	}
	reads = new(atomic.Int32)
	var turn sync.Mutex
	var all sync.WaitGroup
	// pass ends with either side: a program that has ended has closed its own, and
	// the bus the other.
	pass := func(to, from net.Conn, each func(message []byte)) {
		defer to.Close()
		buffer := make([]byte, 64<<10)
		for {
			n, err := from.Read(buffer)
			if each(buffer[:n]); n > 0 {
				to.Write(buffer[:n])
			}
			if err != nil {
				return
			}
		}
	}
	all.Go(func() {
		for {
			program, err := listener.Accept()
			if err != nil {
				return
			}
			bus, err := net.Dial("unix", real)
			if err != nil {
				program.Close()
				continue
			}
			all.Go(func() { pass(program, bus, func([]byte) {}) })
			all.Go(func() {
				pass(bus, program, func(message []byte) {
					turn.Lock()
					defer turn.Unlock()
					if bytes.Contains(message, []byte("GetSecret")) {
						reads.Add(1)
						<-time.After(delay)
					}
				})
			})
		}
	})
	m.t.Cleanup(func() { listener.Close(); all.Wait() })
	return m.with("DBUS_SESSION_BUS_ADDRESS=unix:path=" + socket), reads
}

// A process that asks it while it is busy would think that it does not answer.
func TestFortyProcessesReadASlowKeychainOnce(t *testing.T) {
	m := withKeychain(t)
	if m == nil {
		return
	}
	if _, err := unix.KeyctlGetKeyringID(unix.KEY_SPEC_USER_KEYRING, true); err != nil {
		notRun(t, t.Name(), "no kernel keyring: "+err.Error()) // then each has to read by itself
		return
	}
	m.login()
	m.serves(m.process("corp", "Admin"))
	m.must(binary, "keyring", "lock")
	m, reads := m.slow(2 * time.Second)
	shells := []*machine{m, m.quiet()}
	atOnce(40, func(i int) { m.serves(shells[i%2].process("corp", "Admin")) })
	if n := reads.Load(); n != 1 {
		t.Errorf("%d reads of the keychain", n)
	}
	m.counted(map[string]int{"RegisterClient": 1, "GetRoleCredentials": 1})
}
