package flight_test

import (
	"errors"
	"fmt"
	"os"
	"runtime"
	"syscall"
	"testing"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/credproc/credproc/internal/flight"
)

// refused runs do on a thread where the kernel answers a system call with an
// error, as it would on a file system that cannot do it. The thread ends with
// do: what it may not call is for ever.
func refused(t *testing.T, call uint32, errno syscall.Errno, do func()) {
	t.Helper()
	done := make(chan error)
	go func() {
		runtime.LockOSThread() // never unlocked
		err := refuse(call, errno)
		if err == nil {
			do()
		}
		done <- err
	}()
	if err := <-done; err != nil {
		t.Fatal(err)
	}
}

func refuse(call uint32, errno syscall.Errno) error {
	if err := unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); err != nil {
		return fmt.Errorf("no new privileges: %w", err)
	}
	filter := []unix.SockFilter{
		{Code: unix.BPF_LD | unix.BPF_W | unix.BPF_ABS, K: 0}, // the number of the call
		{Code: unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K, K: call, Jf: 1},
		{Code: unix.BPF_RET | unix.BPF_K, K: unix.SECCOMP_RET_ERRNO | uint32(errno)},
		{Code: unix.BPF_RET | unix.BPF_K, K: unix.SECCOMP_RET_ALLOW},
	}
	program := unix.SockFprog{Len: uint16(len(filter)), Filter: &filter[0]}
	if err := unix.Prctl(unix.PR_SET_SECCOMP, unix.SECCOMP_MODE_FILTER, uintptr(unsafe.Pointer(&program)), 0, 0); err != nil {
		return fmt.Errorf("set a filter: %w", err)
	}
	runtime.KeepAlive(filter)
	return nil
}

func TestWithoutLocksAProcessWorksAlone(t *testing.T) {
	for _, errno := range []syscall.Errno{syscall.ENOSYS, syscall.EOPNOTSUPP, syscall.ENOLCK} {
		s := newShop(t)
		refused(t, unix.SYS_FLOCK, errno, func() {
			_, first, err := flight.Lock(t.Context(), s.dir, theLock, op)
			if err != nil {
				t.Errorf("%v: %v", errno, err)
				return
			}
			if h, ok := flight.HeldBy(s.dir, name); ok {
				t.Errorf("%v: held by %v, who can lock nobody out", errno, h)
			}
			_, second, err := flight.Lock(t.Context(), s.dir, theLock, op)
			if err != nil {
				t.Errorf("%v: %v", errno, err)
				return
			}
			second()
			first()
		})
	}
}

func TestALockThatFailsIsAnError(t *testing.T) {
	for _, errno := range []syscall.Errno{syscall.EIO, syscall.EACCES, syscall.EINVAL, syscall.ENOSPC, syscall.ESTALE} {
		s := newShop(t)
		refused(t, unix.SYS_FLOCK, errno, func() {
			_, _, err := flight.Lock(t.Context(), s.dir, theLock, op)
			if e, ok := err.(*flight.LockError); !ok || !errors.Is(e, errno) || e.Path != s.dir.Path(name) {
				t.Errorf("%v: %v", errno, err)
			}
		})
	}
}

func TestALockOnAReadOnlyFileSystemServesIfItIsThere(t *testing.T) {
	s := newShop(t)
	s.hold(t, op)()
	if err := os.Chmod(string(s.dir), 0o755); err != nil { // to be narrowed, were it not read-only
		t.Fatal(err)
	}
	refused(t, unix.SYS_FCHMODAT, syscall.EROFS, func() {
		_, release, err := flight.Lock(t.Context(), s.dir, theLock, op)
		if err != nil {
			t.Error(err)
			return
		}
		release()
	})
	missing := newShop(t)
	refused(t, unix.SYS_MKDIRAT, syscall.EROFS, func() {
		_, _, err := flight.Lock(t.Context(), missing.dir, theLock, op)
		if e, ok := err.(*flight.LockError); !ok || !errors.Is(e, syscall.EROFS) {
			t.Errorf("without a directory: %v", err)
		}
	})
	refused(t, unix.SYS_FCHMODAT, syscall.EPERM, func() {
		_, _, err := flight.Lock(t.Context(), s.dir, theLock, op)
		if e, ok := err.(*flight.LockError); !ok || !errors.Is(e, syscall.EPERM) {
			t.Errorf("in a wide-open directory: %v", err)
		}
	})
}
