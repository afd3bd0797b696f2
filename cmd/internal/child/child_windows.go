package child

import (
	"errors"
	"os"
	"os/exec"
	"os/signal"
	"unsafe"

	"golang.org/x/sys/windows"
)

// relay stands for the signals of other systems: the console sends Ctrl-C and
// Ctrl-Break to the command itself.
type relay struct{}

func (*relay) pass(os.Signal) {}

// Become runs the command in this process's place: there is no exec on Windows.
func (c *Command) Become() error {
	ignored := make(chan os.Signal, 1)
	signal.Notify(ignored, os.Interrupt)
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
	cmd := c.cmd()
	if err := cmd.Start(); err != nil {
		return c.unable(err)
	}
	job, err := endWithUs(cmd.Process.Pid)
	if err == nil {
		defer windows.CloseHandle(job)
	}
	err = cmd.Wait()
	if ended, ok := errors.AsType[*exec.ExitError](err); ok {
		return &StatusError{Status: ended.ExitCode()}
	}
	return err
}

// endWithUs puts the command into a job that ends when this process does,
// however that comes. It is best effort: the command runs without it.
func endWithUs(pid int) (windows.Handle, error) {
	job, err := windows.CreateJobObject(nil, nil)
	if err != nil {
		return 0, err
	}
	limits := windows.JOBOBJECT_EXTENDED_LIMIT_INFORMATION{
		BasicLimitInformation: windows.JOBOBJECT_BASIC_LIMIT_INFORMATION{LimitFlags: windows.JOB_OBJECT_LIMIT_KILL_ON_JOB_CLOSE | windows.JOB_OBJECT_LIMIT_SILENT_BREAKAWAY_OK},
	}
	_, err = windows.SetInformationJobObject(job, windows.JobObjectExtendedLimitInformation, uintptr(unsafe.Pointer(&limits)), uint32(unsafe.Sizeof(limits)))
	if err == nil {
		err = assign(job, pid)
	}
	if err != nil {
		windows.CloseHandle(job)
		return 0, err
	}
	return job, nil
}

func assign(job windows.Handle, pid int) error {
	process, err := windows.OpenProcess(windows.PROCESS_SET_QUOTA|windows.PROCESS_TERMINATE, false, uint32(pid))
	if err != nil {
		return err
	}
	defer windows.CloseHandle(process)
	return windows.AssignProcessToJobObject(job, process)
}
