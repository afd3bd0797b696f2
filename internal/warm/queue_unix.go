//go:build linux || (darwin && !ios)

package warm

import (
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/credproc/credproc/internal/safedir"
)

// patience is how long a process waits for the one in front, which may be
// stopped. The two requests that it usually makes take less.
const patience = 2 * time.Second

// queue reports whether this process was not the first of those that are here,
// and has waited until the first has ended. The first is let through, and is
// first until it ends, by whatever end: the kernel then releases the lock. Where
// there can be no lock everybody is let through. A signal that ends the command
// ends the waiting, and is returned.
func queue(dir safedir.Dir, name string) (waited bool, signalled syscall.Signal) {
	var info syscall.Stat_t
	if err := syscall.Stat(string(dir), &info); err != nil || info.Uid != uint32(os.Geteuid()) || info.Mode&0o022 != 0 {
		return false, 0
	}
	const flags = syscall.O_CREAT | syscall.O_RDONLY | syscall.O_NOFOLLOW | syscall.O_NONBLOCK | syscall.O_CLOEXEC
	fd, err := syscall.Open(dir.Path(name), flags, 0o600)
	if err != nil || syscall.Flock(fd, syscall.LOCK_EX|syscall.LOCK_NB) != syscall.EWOULDBLOCK {
		return false, 0
	}
	signals := make(chan os.Signal, 1)
	for _, s := range []os.Signal{syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP, syscall.SIGQUIT} {
		if !signal.Ignored(s) { // nohup means it
			signal.Notify(signals, s)
		}
	}
	ended := make(chan struct{})
	go func() {
		for syscall.Flock(fd, syscall.LOCK_SH) == syscall.EINTR { // shared: all go on at once
		}
		syscall.Close(fd)
		close(ended)
	}()
	select {
	case s := <-signals:
		signal.Stop(signals)
		return false, s.(syscall.Signal)
	case <-ended:
		waited = true
	case <-time.After(patience):
	}
	signal.Stop(signals)
	select {
	case s := <-signals: // Ctrl-C ends the first, too, at the same moment
		return false, s.(syscall.Signal)
	default:
		return waited, 0
	}
}
