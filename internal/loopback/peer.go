package loopback

import (
	"fmt"
	"net"
	"time"
)

// Peer is the process at the other end of a connection, as far as the system
// tells. The zero Peer is one that nothing is known of: on systems other than
// Linux, and where the other end is in another network namespace or on the host
// of a virtual machine (WSL's relay).
type Peer struct {
	kind kind
	uid  int // where kind is other
}

type kind int

const (
	unknown kind = iota
	own
	root
	other
	gone
)

// Known reports whether it is known to be a process of the user who runs this
// one.
func (p Peer) Known() bool { return p.kind == own }

// Other reports whether it is known not to be the user's or root's: it belongs
// to another user, or has hung up, which hides whose it was. A browser waits
// for its answer.
func (p Peer) Other() bool { return p.kind == other || p.kind == gone }

// String describes it to people.
func (p Peer) String() string {
	switch p.kind {
	case own:
		return "your user"
	case root:
		return "root"
	case other:
		return fmt.Sprintf("another user (uid %d)", p.uid)
	case gone:
		return "a process that hung up"
	}
	return "an unknown process"
}

// settling is how long the end of a connection may take to become visible.
const settling = 50 * time.Millisecond

// peerOf is lookUp for a decision: that nothing is known of a peer counts only
// if that is not because it has gone.
func peerOf(c *net.TCPConn) Peer {
	p := lookUp(c)
	if p != (Peer{}) || !looksUp {
		return p
	}
	time.Sleep(settling)
	if !established(c) {
		return Peer{kind: gone}
	}
	return p
}
