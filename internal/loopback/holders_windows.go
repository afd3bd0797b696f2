package loopback

import (
	"context"
	"encoding/binary"
	"net"
	"net/netip"
	"unsafe"

	"golang.org/x/sys/windows"
)

// Of GetExtendedTcpTable: TCP_TABLE_OWNER_PID_CONNECTIONS, and a row of each family.
//
// https://learn.microsoft.com/en-us/windows/win32/api/iphlpapi/nf-iphlpapi-getextendedtcptable
const (
	ownerPIDConnections = 4
	row4, row6          = 24, 56
	mostRows            = 64 << 20 // bytes
)

func (g *gate) holders(_ context.Context, there, here *net.TCPAddr) (Holders, error) {
	from, to := there.AddrPort(), here.AddrPort()
	family, size, owner := uint32(windows.AF_INET), row4, ownerOf4
	if !from.Addr().Unmap().Is4() {
		family, size, owner = windows.AF_INET6, row6, ownerOf6
	}
	rows := connections(family)
	for ; len(rows) >= size; rows = rows[size:] {
		if pid := owner(rows, plain(from), plain(to)); pid != 0 {
			return Holders{PIDs: []int{pid}}, nil
		}
	}
	return Holders{}, nil
}

// ownerOf4 returns the process of the connection from one address to another if a
// MIB_TCPROW_OWNER_PID is of that, or 0.
func ownerOf4(row []byte, from, to netip.AddrPort) int {
	if at(row[4:8], row[8:]) != from || at(row[12:16], row[16:]) != to {
		return 0
	}
	return int(binary.NativeEndian.Uint32(row[20:]))
}

// ownerOf6 is ownerOf4 of a MIB_TCP6ROW_OWNER_PID.
func ownerOf6(row []byte, from, to netip.AddrPort) int {
	if at(row[:16], row[20:]) != from || at(row[24:40], row[44:]) != to {
		return 0
	}
	return int(binary.NativeEndian.Uint32(row[52:]))
}

func at(address, port []byte) netip.AddrPort {
	addr, _ := netip.AddrFromSlice(address)
	return netip.AddrPortFrom(addr, binary.BigEndian.Uint16(port))
}

// connections returns the rows of the table of connections, or nil.
func connections(family uint32) []byte {
	read := windows.NewLazySystemDLL("iphlpapi.dll").NewProc("GetExtendedTcpTable")
	if read.Find() != nil {
		return nil
	}
	for size := uint32(1 << 14); size < mostRows; size += 1 << 12 { // as the table grows meanwhile
		table := make([]byte, size)
		result, _, _ := read.Call(uintptr(unsafe.Pointer(&table[0])), uintptr(unsafe.Pointer(&size)), 0, uintptr(family), ownerPIDConnections, 0)
		switch windows.Errno(result) {
		case windows.ERROR_SUCCESS:
			return table[4:]
		case windows.ERROR_INSUFFICIENT_BUFFER:
		default:
			return nil
		}
	}
	return nil
}
