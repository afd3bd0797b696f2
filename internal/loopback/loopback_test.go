package loopback

import (
	"bufio"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"
	"time"
)

// server is one that welcomes requests for /welcome and refuses all others.
type server struct {
	*testing.T
	addr string
	gate *gate
}

func serving(t *testing.T, most int) *server {
	t.Helper()
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &server{T: t, addr: l.Addr().String(), gate: newGate(l, most)}
	web := NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/welcome" {
			Welcome(r)
			io.WriteString(w, "welcome")
			return
		}
		Refuse(w)
		http.Error(w, "no", http.StatusForbidden)
	}), 4096)
	done := make(chan struct{})
	go func() { web.Serve(s.gate); close(done) }()
	t.Cleanup(func() { web.Close(); <-done })
	return s
}

func (s *server) dial() net.Conn {
	s.Helper()
	c, err := net.Dial("tcp4", s.addr)
	if err != nil {
		s.Fatal(err)
	}
	s.Cleanup(func() { c.Close() })
	return c
}

func (s *server) reader(c net.Conn) *bufio.Reader { return bufio.NewReader(c) }

// ask sends a request on a connection of its own.
func (s *server) ask(request string) (status int, closed bool) {
	s.Helper()
	c := s.dial()
	c.SetDeadline(time.Now().Add(20 * time.Second))
	if _, err := io.WriteString(c, request); err != nil {
		s.Fatal(err)
	}
	from := s.reader(c)
	answer, err := http.ReadResponse(from, nil)
	if err != nil {
		s.Error(err)
		return 0, false
	}
	io.Copy(io.Discard, answer.Body)
	if !answer.Close {
		return answer.StatusCode, false
	}
	_, err = io.Copy(io.Discard, from)
	return answer.StatusCode, err == nil
}

func TestTheOwnerIsServedThroughoutIdleConnections(t *testing.T) {
	s := serving(t, 64)
	kept := s.dial() // by one who has been welcome before
	served := 0
	for i := range 2000 {
		if i%50 == 0 {
			if status, _ := s.ask("GET /welcome HTTP/1.1\r\nHost: x\r\n\r\n"); status == http.StatusOK {
				served++
			}
			fmt.Fprintf(kept, "GET /welcome HTTP/1.1\r\nHost: x\r\n\r\n")
			kept.SetReadDeadline(time.Now().Add(20 * time.Second))
			if answer, err := http.ReadResponse(s.reader(kept), nil); err != nil || answer.StatusCode != http.StatusOK {
				t.Fatalf("after %d idle connections the one that is welcome is closed: %v", i, err)
			}
		}
		if s.dial(); i%3 == 0 {
			fmt.Fprint(s.dial(), "GET /wel") // and no more
		}
	}
	if served != 40 {
		t.Errorf("the owner was served %d times of 40", served)
	}
	s.gate.mu.Lock()
	defer s.gate.mu.Unlock()
	if s.gate.count > 64 {
		t.Errorf("%d strangers are there", s.gate.count)
	}
}

func TestAPlaceIsFreeWhenItsConnectionHasEnded(t *testing.T) {
	s := serving(t, 8)
	for range 100 {
		if status, closed := s.ask("GET / HTTP/1.1\r\nHost: x\r\n\r\n"); status != http.StatusForbidden || !closed {
			t.Fatalf("%d, closed: %t", status, closed)
		}
	}
	until(t, "nobody is left", func() bool {
		s.gate.mu.Lock()
		defer s.gate.mu.Unlock()
		return s.gate.count == 0 && len(s.gate.strangers) == 0
	})
}

// What is refused may not hold the connection by what it still has to say.
func TestARefusalEndsTheConnection(t *testing.T) {
	s := serving(t, 8)
	for name, request := range map[string]string{
		"a request":                   "GET / HTTP/1.1\r\nHost: x\r\n\r\n",
		"one that wants to stay":      "GET / HTTP/1.1\r\nHost: x\r\nConnection: keep-alive\r\n\r\n",
		"a body that does not come":   "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n",
		"a body in parts, unfinished": "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab",
	} {
		if status, closed := s.ask(request); status != http.StatusForbidden || !closed {
			t.Errorf("%s: %d, closed: %t", name, status, closed)
		}
	}
	if status, _ := s.ask("GET / HTTP/1.1\r\nHost: x\r\nA: " + strings.Repeat("x", 20_000) + "\r\n\r\n"); status != http.StatusRequestHeaderFieldsTooLarge {
		t.Errorf("a large header: %d", status)
	}
}

func TestRequestsWithoutAServerOfOursHaveNoPeer(t *testing.T) {
	r, err := http.NewRequest(http.MethodGet, "http://127.0.0.1/", nil)
	if err != nil {
		t.Fatal(err)
	}
	Welcome(r)
	if p := PeerOf(r); p.Known() || p.Other() || p.String() != "an unknown process" {
		t.Errorf("it is %s", p)
	}
}

func until(t *testing.T, what string, holds func() bool) {
	t.Helper()
	look, late := time.NewTicker(time.Millisecond), time.After(20*time.Second)
	defer look.Stop()
	for !holds() {
		select {
		case <-look.C:
		case <-late:
			t.Fatalf("still not so: %s", what)
		}
	}
}

// Hosts of a network are told apart by their addresses; what is not known of this
// machine's own processes is one crowd.
func TestHostsTakeNoPlacesFromOneAnother(t *testing.T) {
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	g := newGate(l, 16)
	defer l.Close()
	owner := &conn{gate: g, crowd: crowd{from: netip.MustParsePrefix("172.17.0.2/32")}}
	other := crowd{from: netip.MustParsePrefix("172.17.0.3/32")}
	g.strangers[owner.crowd], g.count = []*conn{owner}, 1
	for range 20 {
		g.strangers[other] = append(g.strangers[other], &conn{gate: g, crowd: other})
		g.count++
	}
	for g.count > 1 {
		leaves := g.oldest()
		if leaves == owner && g.count > 2 {
			t.Fatalf("the owner leaves for another host, of %d", g.count)
		}
		g.forget(leaves)
	}
}

// Whose TLS does not come to its end in time, or is no TLS, has no place for long.
func TestTheOwnerIsServedInTLSThroughoutIdleConnections(t *testing.T) {
	center := httptest.NewUnstartedServer(nil)
	center.StartTLS()
	pair := center.TLS.Certificates[0]
	roots := x509.NewCertPool()
	roots.AddCert(center.Certificate())
	center.Close()
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	web := NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { Welcome(r) }), 4096)
	web.TLSConfig = &tls.Config{Certificates: []tls.Certificate{pair}, MinVersion: tls.VersionTLS12}
	done := make(chan struct{})
	go func() { Serve(web, l); close(done) }()
	defer func() { web.Close(); <-done }()
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true, TLSClientConfig: &tls.Config{RootCAs: roots, ServerName: "example.com"}}}
	served := 0
	for i := range 2000 {
		idle, err := net.Dial("tcp4", l.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		defer idle.Close()
		if i%3 == 0 {
			io.WriteString(idle, "GET / HTTP/1.1\r\n")
		}
		if i%100 == 0 {
			if answer, err := client.Get("https://" + l.Addr().String()); err == nil {
				answer.Body.Close()
				served++
			}
		}
	}
	if served != 20 {
		t.Errorf("the owner was served %d times of 20", served)
	}
}
