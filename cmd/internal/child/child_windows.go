package child

import (
	"errors"
	"os"
	"os/exec"
	"os/signal"
	"syscall"
	"unsafe"

	"golang.org/x/sys/windows"
)

// relay stands for the one of other systems: the console tells the command itself of
// Ctrl-C, and of its end.
type relay struct{}

// Become runs the command in this process's place: there is no exec on Windows.
func (c *Command) Become() error {
	// Ended at once with the console, this process would take the command with it,
	// which may have something to finish.
	ignored := make(chan os.Signal, 1)
	signal.Notify(ignored, os.Interrupt, syscall.SIGTERM)
	defer signal.Stop(ignored)
	return c.run()
}

// Run runs the command, and leaves Ctrl-C to it. After it has ended there is
// only its status to return.
func (d *Signals) Run(c *Command) error {
	d.relay.Store(new(relay))
	return c.run()
}

func (c *Command) run() error {
	release := endWithUs()
	defer release()
	cmd := c.cmd()
	if err := cmd.Start(); err != nil {
		return c.unable(err)
	}
	err := cmd.Wait()
	if ended, ok := errors.AsType[*exec.ExitError](err); ok {
		return &StatusError{Status: ended.ExitCode()}
	}
	return err
}

// endWithUs makes the processes that are started from now on end with this one,
// until release is called: not only the command, which may be a shim that starts
// another program. What they leave running when the command has ended goes on.
//
// This process joins the job itself, so that all of them are born in it: a shim is
// quicker than a call that would put it there. A process that asks for it
// (CREATE_BREAKAWAY_FROM_JOB) leaves the job. It is best effort: the command runs
// without it.
//
// See https://learn.microsoft.com/en-us/windows/win32/procthread/job-objects.
func endWithUs() (release func()) {
	job, err := windows.CreateJobObject(nil, nil)
	if err != nil {
		return func() {}
	}
	const leave = windows.JOB_OBJECT_LIMIT_BREAKAWAY_OK
	if limit(job, leave|windows.JOB_OBJECT_LIMIT_KILL_ON_JOB_CLOSE) != nil || windows.AssignProcessToJobObject(job, windows.CurrentProcess()) != nil {
		windows.CloseHandle(job)
		return func() {}
	}
	return func() {
		if limit(job, leave) == nil { // else the end of this process closes it
			windows.CloseHandle(job)
		}
	}
}

func limit(job windows.Handle, flags uint32) error {
	limits := windows.JOBOBJECT_EXTENDED_LIMIT_INFORMATION{BasicLimitInformation: windows.JOBOBJECT_BASIC_LIMIT_INFORMATION{LimitFlags: flags}}
	_, err := windows.SetInformationJobObject(job, windows.JobObjectExtendedLimitInformation, uintptr(unsafe.Pointer(&limits)), uint32(unsafe.Sizeof(limits)))
	return err
}
