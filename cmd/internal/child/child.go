// Package child runs another program in place of this process or beside it: its
// environment, the signals of both, and the status that it ends with.
package child

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
)

// The statuses of a command that cannot be run, as a shell has them.
const (
	notRunning = 126 // the command is there and cannot be run
	notFound   = 127
)

// StatusError is the end of a command with a status that is not 0. If say is
// "" it has spoken for itself.
type StatusError struct {
	Status int
	Say    string
}

func (e *StatusError) Error() string { return cmp.Or(e.Say, fmt.Sprintf("exit status %d", e.Status)) }

// Find returns the path of a command, or how a shell would end without it.
func Find(name string) (string, error) {
	path, err := exec.LookPath(name)
	switch {
	case err == nil, errors.Is(err, exec.ErrDot) && runtime.GOOS != "windows": // the user's PATH says so
		return path, nil
	case errors.Is(err, fs.ErrPermission), isThere(name):
		return "", &StatusError{notRunning, name + ": cannot be run: permission denied"}
	}
	return "", &StatusError{notFound, name + ": command not found"}
}

// isThere reports whether there is a file that is not executable.
func isThere(name string) bool {
	if strings.ContainsRune(name, filepath.Separator) {
		_, err := os.Stat(name)
		return err == nil
	}
	return slices.ContainsFunc(filepath.SplitList(os.Getenv("PATH")), func(dir string) bool {
		info, err := os.Stat(filepath.Join(dir, name))
		return dir != "" && err == nil && info.Mode().IsRegular()
	})
}

// Command is a command to run.
type Command struct {
	Path string
	Args []string
	Env  Environment

	Stdin          io.Reader
	Stdout, Stderr io.Writer
}

// unable tells why the command could not be started, as a shell would.
func (c *Command) unable(err error) error {
	status := notRunning
	if errors.Is(err, fs.ErrNotExist) {
		status = notFound
	}
	if e, ok := errors.AsType[*fs.PathError](err); ok {
		err = e.Err
	}
	return &StatusError{status, fmt.Sprintf("%s: cannot be run: %v", c.Args[0], err)}
}

func (c *Command) cmd() *exec.Cmd {
	return &exec.Cmd{Path: c.Path, Args: c.Args, Env: c.Env, Stdin: c.Stdin, Stdout: c.Stdout, Stderr: c.Stderr}
}
