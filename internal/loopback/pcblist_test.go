package loopback

import (
	"encoding/binary"
	"net/netip"
	"slices"
	"testing"
)

// record is one of a table of macOS, with other bytes between those that are read.
func record(size, kind int, fill func(r []byte)) []byte {
	r := make([]byte, (size+7)&^7)
	for i := range r {
		r[i] = 0xee
	}
	binary.LittleEndian.PutUint32(r, uint32(size))
	binary.LittleEndian.PutUint32(r[4:], uint32(kind))
	if fill != nil {
		fill(r)
	}
	return r
}

// connected is what such a table has of a connection: six records, the last of which
// has a length that is no multiple of 8.
func connected(local, foreign string, pid int) []byte {
	addresses := record(104, kindAddresses, func(r []byte) {
		l, f := netip.MustParseAddrPort(local), netip.MustParseAddrPort(foreign)
		r[44] = 2
		if l.Addr().Is4() {
			r[44] = 1
		}
		binary.BigEndian.PutUint16(r[16:], f.Port())
		binary.BigEndian.PutUint16(r[18:], l.Port())
		copy(r[64-f.Addr().BitLen()/8:], f.Addr().AsSlice())
		copy(r[80-l.Addr().BitLen()/8:], l.Addr().AsSlice())
	})
	socket := record(104, kindSocket, func(r []byte) { binary.LittleEndian.PutUint32(r[68:], uint32(pid)) })
	return slices.Concat(addresses, socket, record(32, 2, nil), record(32, 4, nil), record(136, 8, nil), record(204, 0x20, nil))
}

func TestTheTableOfMacOSTellsWhichProcessUsedAConnectionLast(t *testing.T) {
	head := record(24, 3, nil)
	table := slices.Concat(head,
		connected("127.0.0.1:9911", "127.0.0.1:50000", 1), // the endpoint's own end
		connected("127.0.0.1:50000", "127.0.0.1:9911", 4711),
		connected("[::1]:50000", "[::1]:9911", 4712),
		connected("192.0.2.1:50000", "127.0.0.1:9911", 4713),
		head)
	for _, tt := range []struct {
		from, to string
		want     int
	}{
		{"127.0.0.1:50000", "127.0.0.1:9911", 4711},
		{"[::1]:50000", "[::1]:9911", 4712},
		{"[::ffff:127.0.0.1]:50000", "[::ffff:127.0.0.1]:9911", 4711},
		{"127.0.0.1:50001", "127.0.0.1:9911", 0},
		{"127.0.0.1:50000", "127.0.0.1:9912", 0},
		{"127.0.0.2:50000", "127.0.0.1:9911", 0},
	} {
		from, to := plain(netip.MustParseAddrPort(tt.from)), plain(netip.MustParseAddrPort(tt.to))
		if got := lastUser(table, from, to); got != tt.want {
			t.Errorf("%s to %s: process %d, want %d", tt.from, tt.to, got, tt.want)
		}
		for n := range table { // whatever is missing
			if got := lastUser(table[:n], from, to); got != 0 && got != tt.want {
				t.Errorf("%s to %s, of %d bytes: process %d", tt.from, tt.to, n, got)
			}
		}
	}
}
