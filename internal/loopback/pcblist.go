package loopback

import (
	"encoding/binary"
	"net/netip"
)

// What the kernel of macOS tells of TCP connections, as in netinet/in_pcb.h and
// sys/socketvar.h there: records with their length and kind, each at a multiple of 8
// bytes. Of each connection there is one of addresses, and then one of its socket.
//
// https://github.com/apple-oss-distributions/xnu/blob/main/bsd/netinet/in_pcblist.c
const (
	kindSocket    = 0x001
	kindAddresses = 0x010

	atForeignPort, atLocalPort = 16, 18
	atFlags                    = 44 // of which isIPv4 is one
	atForeign, atLocal         = 48, 64
	sizeAddresses              = 80 // as far as it is read
	atPID                      = 68 // of the process that used the socket last
	sizeSocket                 = 72
	isIPv4                     = 1
)

// lastUser returns the process that used the socket at from last, which is connected to
// another one, by such a table, or 0.
func lastUser(table []byte, from, to netip.AddrPort) int {
	found := false
	for len(table) >= 8 {
		size, kind := binary.LittleEndian.Uint32(table), binary.LittleEndian.Uint32(table[4:])
		if size < 8 || uint64(size) > uint64(len(table)) {
			return 0
		}
		record := table[:size]
		table = table[min((int(size)+7)&^7, len(table)):]
		switch {
		case kind == kindAddresses && size >= sizeAddresses:
			found = addressAt(record, atLocal, atLocalPort) == from && addressAt(record, atForeign, atForeignPort) == to
		case kind == kindSocket && size >= sizeSocket && found:
			return int(int32(binary.LittleEndian.Uint32(record[atPID:])))
		}
	}
	return 0
}

// addressAt is an address of 16 bytes, of which one of IPv4 has the last four.
func addressAt(record []byte, at, portAt int) netip.AddrPort {
	addr, _ := netip.AddrFromSlice(record[at : at+16])
	if record[atFlags]&isIPv4 != 0 {
		addr, _ = netip.AddrFromSlice(record[at+12 : at+16])
	}
	return netip.AddrPortFrom(addr, binary.BigEndian.Uint16(record[portAt:]))
}

// plain is an address without its zone, and of IPv4 if it is one.
func plain(a netip.AddrPort) netip.AddrPort {
	return netip.AddrPortFrom(a.Addr().Unmap().WithZone(""), a.Port())
}
