package loopback

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"runtime"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// stranger is a user who is neither the one who runs the tests nor root.
const stranger = 54321

// as runs f in a thread whose sockets belong to another user.
func as(t *testing.T, uid int, f func()) {
	t.Helper()
	var done sync.WaitGroup
	done.Go(func() {
		runtime.LockOSThread() // and ends with the goroutine
		if _, err := unix.SetfsuidRetUid(uid); err != nil {
			t.Error(err)
		}
		f()
	})
	done.Wait()
}

// accepted returns both ends of a connection that a user has made.
func accepted(t *testing.T, uid int, network, addr string) (client net.Conn, server *net.TCPConn) {
	t.Helper()
	l, err := net.Listen(network, addr)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	dial := func() {
		if client, err = net.Dial("tcp", l.Addr().String()); err != nil {
			t.Error(err)
		}
	}
	if uid < 0 {
		dial()
	} else {
		as(t, uid, dial)
	}
	if err != nil {
		t.FailNow()
	}
	end, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	server = end.(*net.TCPConn)
	t.Cleanup(func() { client.Close(); server.Close() })
	return client, server
}

func TestThePeerIsTheUserWhoConnected(t *testing.T) {
	for _, addr := range []string{"127.0.0.1:0", "[::1]:0"} {
		if _, server := accepted(t, -1, "tcp", addr); !peerOf(server).Known() {
			t.Errorf("%s: this user is %s", addr, peerOf(server))
		}
		if os.Geteuid() != 0 { // who may not become another user: see TestAUserIsJudged
			continue
		}
		_, server := accepted(t, stranger, "tcp", addr)
		if p := peerOf(server); !p.Other() || p.String() != "another user (uid 54321)" {
			t.Errorf("%s: another user is %s", addr, p)
		}
	}
}

func TestAUserIsJudged(t *testing.T) {
	all, some := func() bool { return true }, func() bool { return false }
	for _, tt := range []struct {
		name                 string
		uid, mine, effective int
		mapsAll              func() bool
		want                 Peer
	}{
		{"the user", 1000, 1000, 1000, all, Peer{kind: own}},
		{"the user, of a program that is set-uid", 1000, 1000, 0, all, Peer{kind: own}},
		{"root", 0, 1000, 1000, all, Peer{kind: root}},
		{"root, by root", 0, 0, 0, all, Peer{kind: own}},
		{"another user", 1001, 1000, 1000, all, Peer{kind: other, uid: 1001}},
		{"another user, by root", 1001, 0, 0, all, Peer{kind: other, uid: 1001}},
		{"nobody", 65534, 1000, 1000, all, Peer{kind: other, uid: 65534}},
		{"somebody outside of the namespace", 65534, 1000, 1000, some, Peer{}},
		{"another user of the namespace", 1001, 1000, 1000, some, Peer{kind: other, uid: 1001}},
	} {
		if got := whose(tt.uid, tt.mine, tt.effective, tt.mapsAll); got != tt.want {
			t.Errorf("%s: %s, want %s", tt.name, got, tt.want)
		}
	}
}

// The kernel shows root as the owner of a socket that its process has closed, so
// one could send a request, hang up and be taken for root.
func TestAPeerThatHangsUpIsRefused(t *testing.T) {
	for name, hangUp := range map[string]func(*net.TCPConn) error{
		"closed": func(c *net.TCPConn) error { return c.Close() },
		"reset":  func(c *net.TCPConn) error { c.SetLinger(0); return c.Close() },
	} {
		client, server := accepted(t, -1, "tcp4", "127.0.0.1:0")
		if _, err := io.WriteString(client, "GET / HTTP/1.0\r\n\r\n"); err != nil {
			t.Fatal(err)
		}
		if err := hangUp(client.(*net.TCPConn)); err != nil {
			t.Fatal(err)
		}
		if p := peerOf(server); !p.Other() {
			t.Errorf("%s: it is %s", name, p)
		}
	}
	client, server := accepted(t, -1, "tcp4", "127.0.0.1:0")
	if err := client.(*net.TCPConn).CloseWrite(); err != nil {
		t.Fatal(err)
	}
	if p := peerOf(server); !p.Known() {
		t.Errorf("one that has only said all it had to say is %s", p)
	}
}

// One that listens where a connection came from is not who made it.
func TestAListenerIsNoPeer(t *testing.T) {
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	there := l.Addr().(*net.TCPAddr)
	if _, err := findSocket(there, &net.TCPAddr{IP: there.IP, Port: 1}); err != errNoSocket {
		t.Errorf("%v", err)
	}
}

func TestAnotherUserTakesNobodysPlace(t *testing.T) {
	if os.Geteuid() != 0 { // who may not become another user
		return
	}
	s := serving(t, 16)
	first := s.dial()
	as(t, stranger, func() {
		for range 200 {
			s.dial()
		}
	})
	if _, err := fmt.Fprintf(first, "GET /welcome HTTP/1.1\r\nHost: x\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	first.SetReadDeadline(time.Now().Add(20 * time.Second))
	if answer, err := http.ReadResponse(s.reader(first), nil); err != nil || answer.StatusCode != http.StatusOK {
		t.Errorf("the first is not answered: %v", err)
	}
}
