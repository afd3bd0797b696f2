package child

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// orphanSignal has the kernel end the command if this process is killed: its
// endpoint is gone then, and signals are not passed on.
func orphanSignal() *syscall.SysProcAttr { return &syscall.SysProcAttr{Pdeathsig: syscall.SIGTERM} }

// endTree ends a process and those that it has started, all the way down.
func endTree(top *os.Process) error {
	if err := stop(top.Pid); err != nil {
		return err
	}
	endBelow(top.Pid)
	return top.Kill()
}

// stop returns when a process has stopped, and so starts no more: a fork under way ends
// first. It does not wait long for one that the kernel does not let stop.
func stop(pid int) error {
	if err := syscall.Kill(pid, syscall.SIGSTOP); err != nil {
		return err
	}
	for range 100 {
		text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
		state := string(text[bytes.LastIndexByte(text, ')')+1:])
		if err != nil || !strings.HasPrefix(state, " R") && !strings.HasPrefix(state, " S") && !strings.HasPrefix(state, " D") {
			break
		}
		time.Sleep(time.Millisecond)
	}
	return nil
}

// endBelow ends the children of a stopped process. It does not reap them, so that none
// of their IDs is used again meanwhile.
func endBelow(pid int) {
	tasks := fmt.Sprintf("/proc/%d/task", pid)
	threads, _ := os.ReadDir(tasks)
	for _, thread := range threads {
		text, _ := os.ReadFile(filepath.Join(tasks, thread.Name(), "children"))
		for word := range strings.FieldsSeq(string(text)) {
			if started, err := strconv.Atoi(word); err == nil && stop(started) == nil {
				endBelow(started)
				syscall.Kill(started, syscall.SIGKILL)
			}
		}
	}
}

// stopsWithCommand says that this process stops when the command has, and not
// before: the command may take its time, or not stop at all. A server need not
// stop, but a shell waits for this process: an editor or an inner shell that
// suspends itself would leave the person with a terminal that answers nothing.
const stopsWithCommand = true

// stopWith stops this process as often as the command stops, which may well do
// that by itself, and returns when it has ended. A shell sees no other process.
func (d *Signals) stopWith(pid int) {
	for changed(pid, unix.WEXITED|unix.WSTOPPED|unix.WNOWAIT) != 0 {
		resume := d.Pause()
		s := changed(pid, unix.WSTOPPED|unix.WNOHANG) // 0 if it has been continued meanwhile
		if s == unix.SIGTSTP || s == unix.SIGTTIN || s == unix.SIGTTOU || s != 0 && inForeground() {
			stopJob()
		}
		resume()
	}
}

// changed returns the signal that has stopped a process, or 0.
func changed(pid, options int) syscall.Signal {
	var info struct {
		signo, errno, code int32
		_                  [0]uintptr
		pid                int32
		uid                uint32
		status             int32
		_                  [104]byte // unix.Siginfo is no longer than this
	}
	var err error = unix.EINTR
	for errors.Is(err, unix.EINTR) {
		err = unix.Waitid(unix.P_PID, pid, (*unix.Siginfo)(unsafe.Pointer(&info)), options, nil)
	}
	const stopped = 5 // CLD_STOPPED
	if err != nil || info.code != stopped {
		return 0
	}
	return syscall.Signal(info.status)
}

// stopJob stops this process if a shell is there to continue it. Of the two
// signals the kernel discards TTIN where none is, and a shell tells people of
// the other in plain words.
func stopJob() {
	s := syscall.SIGTTIN
	session, _ := unix.Getsid(0)
	parents, err := unix.Getsid(os.Getppid())
	group, errGroup := unix.Getpgid(os.Getppid())
	if err == nil && errGroup == nil && parents == session && group != unix.Getpgrp() {
		s = syscall.SIGSTOP
	}
	syscall.Kill(os.Getpid(), s)
	time.Sleep(time.Millisecond) // the signal takes effect here at the latest
}
