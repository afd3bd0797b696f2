package loopback

import (
	"encoding/binary"
	"errors"
	"net"
	"os"
	"strings"
	"unsafe"

	"golang.org/x/sys/unix"
)

// looksUp says that this system tells whose a connection is.
const looksUp = true

// lookUp asks the kernel whose the socket at the other end is: by name, since
// /proc/net/tcp is read in parts, and a socket can be missed between two.
func lookUp(c *net.TCPConn) Peer {
	here, ok1 := c.LocalAddr().(*net.TCPAddr)
	there, ok2 := c.RemoteAddr().(*net.TCPAddr)
	if !ok1 || !ok2 {
		return Peer{}
	}
	s, err := findSocket(there, here)
	switch {
	case err != nil:
		return Peer{}
	case s.inode == 0: // closed by its process: the kernel may show root for any owner
		return Peer{kind: gone}
	}
	return whose(int(s.uid), os.Getuid(), os.Geteuid(), mapsAll)
}

// whose judges a user. In a user namespace without all users the kernel shows
// one and the same number for all that are not in it, root perhaps among them.
func whose(uid, mine, effective int, mapsAll func() bool) Peer {
	const overflow = 65534
	switch {
	case uid == mine || uid == effective:
		return Peer{kind: own}
	case uid == 0:
		return Peer{kind: root}
	case uid == overflow && !mapsAll():
		return Peer{}
	}
	return Peer{kind: other, uid: uid}
}

// mapsAll reports whether this process sees all users of the machine.
func mapsAll() bool {
	text, err := os.ReadFile("/proc/self/uid_map")
	fields := strings.Fields(string(text))
	return err == nil && len(fields) == 3 && fields[2] == "4294967295"
}

// established reports whether the other end has neither closed nor reset the
// connection.
func established(c *net.TCPConn) bool {
	raw, err := c.SyscallConn()
	if err != nil {
		return false
	}
	state := byte(0)
	err = raw.Control(func(fd uintptr) {
		if info, err := unix.GetsockoptTCPInfo(int(fd), unix.IPPROTO_TCP, unix.TCP_INFO); err == nil {
			state = info.State
		}
	})
	return err == nil && state == unix.BPF_TCP_ESTABLISHED
}

// diagRequest is struct inet_diag_req_v2 after a struct nlmsghdr.
//
// https://man7.org/linux/man-pages/man7/sock_diag.7.html
type diagRequest struct {
	header        unix.NlMsghdr
	family, proto uint8
	_             [2]byte
	states        uint32
	sport, dport  [2]byte
	source, dest  [16]byte
	iface         uint32
	cookie        [2]uint32
}

// diagAnswer is struct inet_diag_msg after a struct nlmsghdr.
type diagAnswer struct {
	header        unix.NlMsghdr
	family, state uint8
	_             [2]byte
	sport, dport  [2]byte
	_             [32 + 4 + 8 + 12]byte
	uid, inode    uint32
}

var errNoSocket = errors.New("no such socket")

// findSocket returns the socket at source that is connected to dest.
func findSocket(source, dest *net.TCPAddr) (diagAnswer, error) {
	fd, err := unix.Socket(unix.AF_NETLINK, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, unix.NETLINK_SOCK_DIAG)
	if err != nil {
		return diagAnswer{}, err
	}
	defer unix.Close(fd)
	q := diagRequest{family: unix.AF_INET6, proto: unix.IPPROTO_TCP, states: ^uint32(0), cookie: [2]uint32{^uint32(0), ^uint32(0)}}
	q.header = unix.NlMsghdr{Len: uint32(unsafe.Sizeof(q)), Type: unix.SOCK_DIAG_BY_FAMILY, Flags: unix.NLM_F_REQUEST, Seq: 1}
	binary.BigEndian.PutUint16(q.sport[:], uint16(source.Port))
	binary.BigEndian.PutUint16(q.dport[:], uint16(dest.Port))
	if from, to := source.IP.To4(), dest.IP.To4(); from != nil && to != nil {
		q.family = unix.AF_INET
		copy(q.source[:], from)
		copy(q.dest[:], to)
	} else {
		copy(q.source[:], source.IP.To16())
		copy(q.dest[:], dest.IP.To16())
	}
	request := unsafe.Slice((*byte)(unsafe.Pointer(&q)), unsafe.Sizeof(q))
	if err := unix.Sendto(fd, request, 0, &unix.SockaddrNetlink{Family: unix.AF_NETLINK}); err != nil {
		return diagAnswer{}, err
	}
	var a diagAnswer
	answer := unsafe.Slice((*byte)(unsafe.Pointer(&a)), unsafe.Sizeof(a))
	n, _, err := unix.Recvfrom(fd, answer, unix.MSG_DONTWAIT) // the kernel answers while it is asked
	if err != nil {
		return diagAnswer{}, err
	}
	// Where there is no such connection, the answer can be one that listens there.
	if n < len(answer) || a.header.Type != unix.SOCK_DIAG_BY_FAMILY || a.dport != q.dport || a.sport != q.sport {
		return diagAnswer{}, errNoSocket
	}
	return a, nil
}
