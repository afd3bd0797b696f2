//go:build !linux && !windows && !darwin

package loopback

import (
	"context"
	"net"
)

func (g *gate) holders(context.Context, *net.TCPAddr, *net.TCPAddr) (Holders, error) {
	return Holders{}, nil
}

// Has reports whether a process has the connection open still, as far as this system
// tells.
func (h Holders) Has(int) bool { return true }
