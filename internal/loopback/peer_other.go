//go:build !linux

package loopback

import "net"

// looksUp says that this system does not tell whose a connection is.
const looksUp = false

func lookUp(*net.TCPConn) Peer { return Peer{} }

func established(*net.TCPConn) bool { return true }

// Has reports whether a process has the connection open still, as far as this system
// tells.
func (h Holders) Has(int) bool { return true }
