// Package loopback has servers on the loopback interface, and on others with TLS.
// Every process of the machine or the network can connect to one, so it finds out
// whose process that is, and limits what a client can use up before it has shown that
// it may ask.
package loopback

import (
	"context"
	"crypto/tls"
	"io"
	"log"
	"net"
	"net/http"
	"net/netip"
	"runtime"
	"slices"
	"sync"
	"time"
)

const (
	headerTime = 5 * time.Second // for the handshake of TLS, and then to the end of the header
	idleTime   = 2 * time.Minute // between two requests of one that is welcome
	// refusedTime is how long a request that is refused may still send.
	refusedTime = time.Second
	// mostStrangers is how many connections may be open that are not welcome yet.
	// It is more than a machine's processes open in the time that it takes to
	// read a request.
	mostStrangers = 512
)

// NewServer returns a server with limits for strangers. Its handler may call
// [PeerOf], [HoldersOf], [Welcome] and [Refuse].
func NewServer(h http.Handler, maxHeader int) *http.Server {
	return &http.Server{
		Handler: h, ReadHeaderTimeout: headerTime, IdleTimeout: idleTime, MaxHeaderBytes: maxHeader,
		ErrorLog: log.New(io.Discard, "", 0), // what strangers send is no news
		ConnContext: func(ctx context.Context, c net.Conn) context.Context {
			return context.WithValue(ctx, connKey{}, c)
		},
	}
}

// Serve accepts connections for a server of [NewServer] until that is closed: in
// TLS if the server has a TLSConfig.
func Serve(s *http.Server, l net.Listener) error {
	l = newGate(l, min(mostStrangers, max(openFiles()/2, 16)))
	if s.TLSConfig != nil {
		l = tls.NewListener(l, s.TLSConfig)
	}
	return s.Serve(l)
}

type connKey struct{}

// connOf returns the connection of a request, below TLS; nil if the server is not
// one of [Serve].
func connOf(r *http.Request) *conn {
	over := r.Context().Value(connKey{})
	if secure, ok := over.(*tls.Conn); ok {
		over = secure.NetConn()
	}
	c, _ := over.(*conn)
	return c
}

// PeerOf says whose process sent a request. The zero Peer is one that nothing
// is known of.
func PeerOf(r *http.Request) Peer {
	if c := connOf(r); c != nil {
		return peerOf(c.TCPConn)
	}
	return Peer{}
}

// Welcome takes a request for one that may ask: its connection is no longer
// among those that make room for others.
func Welcome(r *http.Request) {
	if c := connOf(r); c != nil {
		c.gate.forget(c)
	}
}

// Refuse makes the connection of a request end after the answer, and soon,
// whatever the client still sends. It must be called before the header is
// written.
func Refuse(w http.ResponseWriter) {
	w.Header().Set("Connection", "close")
	late := time.Now().Add(refusedTime)
	control := http.NewResponseController(w)
	control.SetReadDeadline(late)
	control.SetWriteDeadline(late)
}

// gate bounds the connections of strangers. When there are too many, the crowd with
// the most loses the oldest: crowds do not take places from one another, and a client
// that sends its request at once is answered before its place is needed.
type gate struct {
	net.Listener
	most  int
	looks *turns[sockets]

	mu        sync.Mutex
	count     int
	strangers map[crowd][]*conn // oldest first
}

func newGate(l net.Listener, most int) *gate {
	return &gate{Listener: l, most: most, looks: newTurns[sockets](), strangers: map[crowd][]*conn{}}
}

// A crowd is those whose connections share places: the processes of one user of
// this machine, or what comes from one address of the network.
type crowd struct {
	Peer
	from netip.Prefix // where the peer is not known
}

func crowdOf(c *net.TCPConn) crowd {
	peer := lookUp(c)
	there, ok := c.RemoteAddr().(*net.TCPAddr)
	if !ok || peer != (Peer{}) || there.IP.IsLoopback() {
		return crowd{Peer: peer}
	}
	from := there.AddrPort().Addr().Unmap()
	bits := from.BitLen()
	if from.Is6() {
		bits = 64 // a host has as many addresses as it wants
	}
	network, _ := from.Prefix(bits)
	return crowd{from: network}
}

// conn is a connection that leaves the gate when it is closed.
type conn struct {
	*net.TCPConn
	gate  *gate
	crowd crowd // when it was accepted
	kept  any
}

// Accept implements [net.Listener].
func (g *gate) Accept() (net.Conn, error) {
	accepted, err := g.Listener.Accept()
	if err != nil {
		return nil, err
	}
	tcp, ok := accepted.(*net.TCPConn)
	if !ok {
		return accepted, nil // of a test
	}
	c := &conn{TCPConn: tcp, gate: g, crowd: crowdOf(tcp)}
	g.mu.Lock()
	full := g.count >= g.most
	g.mu.Unlock()
	if full {
		runtime.Gosched() // to those whose request has arrived
	}
	g.mu.Lock()
	g.strangers[c.crowd] = append(g.strangers[c.crowd], c)
	g.count++
	var leaves *conn
	if g.count > g.most {
		leaves = g.oldest()
	}
	g.mu.Unlock()
	if leaves != nil {
		leaves.Close()
	}
	return c, nil
}

// oldest returns the connection that has to leave.
func (g *gate) oldest() *conn {
	var most []*conn
	for _, those := range g.strangers {
		if len(those) > len(most) {
			most = those
		}
	}
	return most[0]
}

func (g *gate) forget(c *conn) {
	g.mu.Lock()
	defer g.mu.Unlock()
	those := g.strangers[c.crowd]
	i := slices.Index(those, c)
	if i < 0 {
		return
	}
	g.count--
	if g.strangers[c.crowd] = slices.Delete(those, i, i+1); len(those) == 1 {
		delete(g.strangers, c.crowd)
	}
}

// Close implements [net.Conn].
func (c *conn) Close() error {
	c.gate.forget(c)
	return c.TCPConn.Close()
}
