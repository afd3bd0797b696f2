package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"time"
)

// scratch is a home with the program in it.
type scratch struct {
	home string
	env  []string
	out  io.Writer
}

// environment is all that the programs see. It has what leads to the keychain
// of the person who runs this, and nothing else of theirs.
func environment(home, endpoint string) []string {
	env := []string{"HOME=" + home, "AWS_ENDPOINT_URL=" + endpoint}
	if runtime.GOOS == "windows" { // has other names for it
		env = append(env, "USERPROFILE="+home, "LOCALAPPDATA="+home)
	}
	for _, name := range []string{"DBUS_SESSION_BUS_ADDRESS", "XDG_RUNTIME_DIR"} {
		if value, ok := os.LookupEnv(name); ok {
			env = append(env, name+"="+value)
		}
	}
	return env
}

func (s *scratch) program() string {
	name := "credproc"
	if runtime.GOOS == "windows" {
		name += ".exe"
	}
	return filepath.Join(s.home, name)
}

func (s *scratch) goBuild(ctx context.Context, pkg string) error {
	fmt.Fprintf(s.out, "$ go build -o $HOME/%s %s\n", filepath.Base(s.program()), pkg)
	build := interruptible(ctx, "go", "build", "-o", s.program(), pkg)
	build.Env = append(os.Environ(), "GOTMPDIR="+s.home, "CGO_ENABLED=0") // as it is released
	build.Stdout, build.Stderr = s.out, s.out
	if err := build.Run(); err != nil {
		return fmt.Errorf("go build: %w", err)
	}
	return nil
}

// command is credproc in a process of its own.
func (s *scratch) command(ctx context.Context, args ...string) *exec.Cmd {
	command := interruptible(ctx, s.program(), args...)
	command.Env, command.Dir = s.env, s.home
	return command
}

// interruptible is a command that is interrupted when ctx ends, as by Ctrl-C,
// and then has a moment to clean up.
func interruptible(ctx context.Context, name string, args ...string) *exec.Cmd {
	command := exec.CommandContext(ctx, name, args...)
	if runtime.GOOS != "windows" { // cannot be interrupted by another process
		command.Cancel = func() error { return command.Process.Signal(os.Interrupt) }
	}
	command.WaitDelay = 10 * time.Second
	return command
}

// show runs credproc before the reader's eyes, and returns its stdout.
func (s *scratch) show(ctx context.Context, args ...string) (string, error) {
	fmt.Fprintf(s.out, "$ credproc %s\n", strings.Join(args, " "))
	var answer strings.Builder
	command := s.command(ctx, args...)
	command.Stdout, command.Stderr = &answer, s.out
	err := command.Run()
	return answer.String(), failed(args, err)
}

// output runs credproc silently, and returns its stdout.
func (s *scratch) output(ctx context.Context, args ...string) (string, error) {
	var answer, problem strings.Builder
	command := s.command(ctx, args...)
	command.Stdout, command.Stderr = &answer, &problem
	if err := command.Run(); err != nil {
		return "", fmt.Errorf("%w: %s", failed(args, err), problem.String())
	}
	return answer.String(), nil
}

func failed(args []string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("credproc %s: %w", args[0], err)
}

// exitStatus is that of a program that was run; -1 if it was not, or has none.
func exitStatus(err error) int {
	exit, ok := errors.AsType[*exec.ExitError](err)
	switch {
	case err == nil:
		return 0
	case ok:
		return exit.ExitCode()
	}
	return -1
}
