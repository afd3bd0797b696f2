package loopback

import (
	"context"
	"errors"
	"io/fs"
	"net"
	"os"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/credproc/credproc/internal/safedir"
)

func (g *gate) holders(ctx context.Context, there, here *net.TCPAddr) (Holders, error) {
	s, err := findSocket(there, here)
	if safedir.IsShort(err) {
		return Holders{}, err // a later look may not meet it
	}
	if err != nil || s.inode == 0 {
		return Holders{}, nil // the system does not tell
	}
	all, err := g.looks.do(ctx, openSockets)
	if err != nil {
		return Holders{}, err
	}
	if pids := all.open[s.inode]; pids != nil {
		return Holders{PIDs: pids, inode: s.inode}, nil
	}
	var closed []int
	for _, pid := range all.closed {
		is, err := runsAs(pid, s.uid)
		if safedir.IsShort(err) {
			return Holders{}, err
		}
		if is {
			closed = append(closed, pid)
		}
	}
	return Holders{Closed: closed}, nil
}

// Has reports whether a process has the connection open still: once it is over, the
// number can be another's.
func (h Holders) Has(pid int) bool {
	now := sockets{open: make(map[uint32][]int)}
	now.add(pid, "/proc/"+strconv.Itoa(pid)+"/fd")
	return now.open[h.inode] != nil
}

// runsAs reports whether a user is among those that a process is of: the owner of its
// files in /proc can be another one.
//
// https://man7.org/linux/man-pages/man5/proc_pid_status.5.html
func runsAs(pid int, uid uint32) (bool, error) {
	text, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/status")
	_, users, _ := strings.Cut(string(text), "\nUid:\t")
	users, _, _ = strings.Cut(users, "\n")
	return slices.Contains(strings.Fields(users), strconv.FormatUint(uint64(uid), 10)), err
}

// openSockets reads what all processes have open: that of other users only as root.
//
// https://man7.org/linux/man-pages/man5/proc_pid_fd.5.html
func openSockets(ctx context.Context) (all sockets, err error) {
	all.open = make(map[uint32][]int)
	processes, err := namesIn("/proc")
	if errors.Is(err, fs.ErrNotExist) {
		return all, nil
	}
	for _, name := range processes {
		pid, notOne := strconv.Atoi(name)
		if notOne != nil {
			continue
		}
		if err := ctx.Err(); err != nil {
			return sockets{}, err
		}
		switch err := all.add(pid, "/proc/"+name+"/fd"); {
		case errors.Is(err, fs.ErrPermission):
			all.closed = append(all.closed, pid)
		case errors.Is(err, fs.ErrNotExist) || errors.Is(err, unix.ESRCH): // it has ended
		case err != nil:
			return sockets{}, err
		}
	}
	return all, err
}

func (s *sockets) add(pid int, dir string) error {
	names, err := namesIn(dir)
	for _, name := range names {
		to, _ := os.Readlink(dir + "/" + name) // it may be closed by now
		number, ok := strings.CutPrefix(to, "socket:[")
		if !ok {
			continue
		}
		inode, _ := strconv.ParseUint(strings.TrimSuffix(number, "]"), 10, 32)
		if pids := s.open[uint32(inode)]; !slices.Contains(pids, pid) {
			s.open[uint32(inode)] = append(pids, pid)
		}
	}
	return err
}

func namesIn(dir string) ([]string, error) {
	f, err := os.Open(dir)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return f.Readdirnames(-1)
}
