//go:build unix

package audit

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"
)

// root has a socket of the system's at path; it is short, as its path must be.
func root(t *testing.T, path string) (dir, socket string) {
	t.Helper()
	dir, err := os.MkdirTemp("", "audit")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	socket = filepath.Join(dir, path)
	if err := os.MkdirAll(filepath.Dir(socket), 0o700); err != nil {
		t.Fatal(err)
	}
	return dir, socket
}

// daemon listens for datagrams. next returns one.
func daemon(t *testing.T, socket string) (next func() []byte, conn *net.UnixConn) {
	t.Helper()
	conn, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: socket, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return func() []byte {
		t.Helper()
		message := make([]byte, 64<<10)
		conn.SetReadDeadline(time.Now().Add(10 * time.Second))
		n, err := conn.Read(message)
		if err != nil {
			t.Fatal(err)
		}
		return message[:n]
	}, conn
}

func trailTo(t *testing.T, root string, sinks ...string) *Trail {
	return &Trail{Dir: Dir(t.TempDir()), Sinks: sinks, Name: "credproc", Root: root, Kind: func(error) (string, string) { return "policy", "" }}
}

func TestSyslogGetsEachLineAsAnAdministratorsMessage(t *testing.T) {
	for _, path := range []string{"dev/log", "var/run/syslog"} {
		dir, socket := root(t, path)
		next, _ := daemon(t, socket)
		trail := trailTo(t, dir, File, Syslog)
		for i, err := range []error{nil, os.ErrPermission} {
			trail.Leave(t.Context(), Line{Event: Answer, Session: forged}, err)
			_, text := lines(t, trail.Dir)
			line := strings.TrimSpace(string(text[bytes.LastIndexByte(bytes.TrimRight(text, "\n"), '\n')+1:]))
			want := fmt.Sprintf(`^<%d>[A-Z][a-z]{2} [ 0-9]\d \d\d:\d\d:\d\d credproc\[%d\]: %s$`, 86-i, os.Getpid(), regexp.QuoteMeta(line))
			if got := next(); !regexp.MustCompile(want).Match(got) {
				t.Errorf("%s: %q, want %s", path, got, want)
			}
		}
	}
}

func TestSyslogMayReadAStream(t *testing.T) {
	dir, socket := root(t, "dev/log")
	listener, err := net.Listen("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	read := make(chan string, 1)
	go func() {
		conn, err := listener.Accept()
		if err != nil {
			read <- err.Error()
			return
		}
		defer conn.Close()
		text, _ := io.ReadAll(conn)
		read <- string(text)
	}()
	trail := trailTo(t, dir, Syslog)
	trail.Refuse = func(err error) error { return err }
	if err := trail.Leave(t.Context(), Line{Event: Answer}, nil); err != nil {
		t.Fatal(err)
	}
	if got := <-read; !strings.HasPrefix(got, "<86>") || !strings.HasSuffix(got, "}\n") {
		t.Errorf("%q", got)
	}
}

// journalFields reads the journal's protocol.
func journalFields(t *testing.T, message []byte) map[string][]string {
	t.Helper()
	fields := make(map[string][]string)
	for len(message) > 0 {
		name, rest, ok := bytes.Cut(message, []byte("\n"))
		if !ok || len(rest) < 8 || bytes.ContainsRune(name, '=') {
			t.Fatalf("%q", message)
		}
		size := binary.LittleEndian.Uint64(rest)
		value := rest[8 : 8+size]
		if rest[8+size] != '\n' {
			t.Fatalf("%q", message)
		}
		fields[string(name)] = append(fields[string(name)], string(value))
		message = rest[9+size:]
	}
	return fields
}

func TestTheJournalGetsAFieldForEachFieldAndForgedOnesStayInTheirs(t *testing.T) {
	dir, socket := root(t, "run/systemd/journal/socket")
	next, _ := daemon(t, socket)
	trail := trailTo(t, dir, File, Journald)
	trail.Name = "acme-tools"
	trail.Leave(t.Context(), Line{Event: Answer, Session: forged, RoleName: "PRIORITY=0\nPRIORITY\n", AccessKeyID: "ASIA1"}, nil)
	fields := journalFields(t, next())
	_, text := lines(t, trail.Dir)
	for name, want := range map[string]string{
		"MESSAGE": strings.TrimSpace(string(text)), "PRIORITY": "6", "SYSLOG_FACILITY": "10", "SYSLOG_IDENTIFIER": "acme-tools",
		"ACME_TOOLS_EVENT": "answer", "ACME_TOOLS_ACCESS_KEY_ID": "ASIA1", "ACME_TOOLS_PID": fmt.Sprint(os.Getpid()),
		"ACME_TOOLS_ROLE_NAME": "PRIORITY=0 PRIORITY",
	} {
		if got := fields[name]; len(got) != 1 || got[0] != want {
			t.Errorf("%s is %q, want %q", name, got, want)
		}
	}
	if got := fields["ACME_TOOLS_SESSION"]; len(got) != 1 || strings.ContainsAny(got[0], "\n\x1b\u009b\u202e") {
		t.Errorf("the forged name is %q", got)
	}
	trail.Leave(t.Context(), Line{Event: Answer}, os.ErrPermission)
	if got := journalFields(t, next())["PRIORITY"]; len(got) != 1 || got[0] != "5" {
		t.Errorf("the priority of a refusal is %q", got)
	}
}

// TestAnAnswerDoesNotWaitForADaemonThatDoesNotRead fills its socket: the line after
// that is given up.
func TestAnAnswerDoesNotWaitForADaemonThatDoesNotRead(t *testing.T) {
	for sink, path := range map[string]string{Syslog: "dev/log", Journald: "run/systemd/journal/socket"} {
		dir, socket := root(t, path)
		daemon(t, socket)
		trail := trailTo(t, dir, sink)
		var refused error
		trail.Refuse = func(err error) error { refused = err; return err }
		for range 5000 { // more than any queue has room for
			if trail.Leave(t.Context(), Line{Event: Answer}, nil) != nil {
				break
			}
		}
		if !errors.Is(refused, errSlow) || !strings.Contains(refused.Error(), socket) {
			t.Errorf("%s: error %v", sink, refused)
		}
		if trail.Problem() != nil || trail.Lost() == nil {
			t.Errorf("%s: it can be reached (%v), and has lost %v", sink, trail.Problem(), trail.Lost())
		}
	}
}

func TestASinkThatIsNotThereOrHasGoneIsSaid(t *testing.T) {
	for sink, path := range map[string]string{Syslog: "dev/log", Journald: "run/systemd/journal/socket"} {
		dir, socket := root(t, path)
		trail := trailTo(t, dir, sink)
		says := func(when string) {
			t.Helper()
			var refused error
			trail.Refuse = func(err error) error { refused = err; return err }
			if trail.Leave(t.Context(), Line{Event: Answer}, nil) == nil || !strings.Contains(refused.Error(), path) || trail.Problem() == nil || trail.Lost() == nil {
				t.Errorf("%s %s: error %v, problem %v", sink, when, refused, trail.Problem())
			}
		}
		says("that is not there")
		_, conn := daemon(t, socket)
		file, err := os.Lstat(socket)
		if err != nil || file.Mode()&os.ModeSocket == 0 {
			t.Fatal(err)
		}
		conn.Close()
		if _, err := os.Lstat(socket); err != nil { // Go removes what it made; a daemon that was killed does not
			fd, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: socket + "2", Net: "unixgram"})
			if err != nil {
				t.Fatal(err)
			}
			if err := os.Link(socket+"2", socket); err != nil {
				t.Fatal(err)
			}
			fd.Close()
		}
		says("that has gone")
	}
}

func TestNoLineOfAStormIsLostWhereTheDaemonReads(t *testing.T) {
	dir, socket := root(t, "dev/log")
	next, _ := daemon(t, socket)
	const writers, each = 50, 4
	var all sync.WaitGroup
	for w := range writers {
		trail := trailTo(t, dir, Syslog) // as of a process of its own
		trail.Refuse = func(err error) error { return err }
		all.Go(func() {
			for n := range each {
				err := errSlow // as it may be on a machine that is overloaded
				for range 100 {
					if !errors.Is(err, errSlow) {
						break
					}
					err = trail.Leave(t.Context(), Line{Event: Answer, AccessKeyID: fmt.Sprint(w, "/", n)}, nil)
				}
				if err != nil {
					t.Error(err)
				}
			}
		})
	}
	seen := make(map[string]bool)
	for range writers * each {
		_, text, _ := bytes.Cut(next(), []byte("]: "))
		var line Line
		if err := json.Unmarshal(text, &line); err != nil {
			t.Fatalf("%s: %v", text, err)
		}
		seen[line.AccessKeyID] = true
	}
	if all.Wait(); len(seen) != writers*each {
		t.Errorf("%d lines of %d", len(seen), writers*each)
	}
}
