package keyring

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/credproc/credproc/internal/layout"
	"github.com/credproc/credproc/internal/printable"
	"github.com/credproc/credproc/internal/wsl"
)

// windowsKeyring is the "windows" of [New].
type windowsKeyring struct {
	// Service gives CREDPROC_WINDOWS_PROGRAM its name.
	Service string

	calls deadline
}

var _ Keyring = (*windowsKeyring)(nil)

// windowsTime is how long credproc.exe may take: Windows looks at a program before
// it lets it run, which took seconds on managed machines.
const windowsTime = 10 * time.Second

// Name returns "windows".
func (*windowsKeyring) Name() string { return "windows" }

// Get implements [Keyring].
func (k *windowsKeyring) Get(ctx context.Context, item string) (string, error) {
	answer, err := k.ask(ctx, "read", "get", item, "")
	if err != nil {
		return "", err
	}
	encoded, found := strings.CutPrefix(answer, wsl.Found)
	switch {
	case answer == wsl.None:
		return "", ErrNotFound
	case !found:
		return "", k.fail("read", "its answer makes no sense")
	}
	secret, err := wsl.Decode(encoded)
	if err != nil {
		return "", k.fail("read", "its answer makes no sense: "+err.Error())
	}
	return secret, nil
}

// Set implements [Keyring].
func (k *windowsKeyring) Set(ctx context.Context, item, secret string) error {
	answer, err := k.ask(ctx, "store", "set", item, wsl.Encode(secret)+"\n")
	switch {
	case err != nil:
		return err
	case answer == wsl.TooBig:
		return &Error{Keyring: k.Name(), Op: "store", Kind: ErrTooBig}
	case answer != wsl.Done:
		return k.fail("store", "its answer makes no sense")
	}
	return nil
}

// Delete implements [Keyring].
func (k *windowsKeyring) Delete(ctx context.Context, item string) error {
	answer, err := k.ask(ctx, "delete", "delete", item, "")
	if err == nil && answer != wsl.Done {
		err = k.fail("delete", "its answer makes no sense")
	}
	return err
}

func (k *windowsKeyring) fail(op, detail string) *Error {
	return &Error{Keyring: k.Name(), Op: op, Kind: ErrUnavailable, Detail: detail}
}

// ask runs credproc.exe, and returns the line that it prints.
func (k *windowsKeyring) ask(ctx context.Context, op, verb, item, stdin string) (string, error) {
	if !wsl.IsItem(item) {
		return "", k.fail(op, "no item has that name")
	}
	program, err := k.program()
	if err != nil {
		fail := k.fail(op, err.Error())
		fail.Err, fail.Reason = errAbsent, errAbsent.word
		return "", fail
	}
	return k.calls.call(ctx, false, Error{Keyring: k.Name(), Op: op}, func(ctx context.Context) (string, error) {
		ctx, cancel := context.WithTimeout(ctx, windowsTime)
		defer cancel()
		return k.run(ctx, op, stdin, program, wsl.Command, verb, item)
	})
}

// program returns the path of credproc.exe.
func (k *windowsKeyring) program() (string, error) {
	if !(wsl.System{}).IsWSL() {
		return "", errors.New("this Linux does not run on Windows")
	}
	variable := layout.Variable(k.Service, "windows_program")
	named := os.Getenv(variable)
	if named != "" && !filepath.IsAbs(named) {
		return "", fmt.Errorf("%s is not an absolute path", variable)
	}
	if named == "" {
		named = "credproc.exe"
	}
	path, err := exec.LookPath(named)
	if err != nil || !filepath.IsAbs(path) {
		return "", fmt.Errorf("there is no %s to run: install credproc on Windows, and name its program with %s if it is not in PATH", named, variable)
	}
	return path, nil
}

// run runs a program for a line of its output. It has a process group of its own,
// so that what it starts ends with it.
func (k *windowsKeyring) run(ctx context.Context, op, stdin, path string, args ...string) (string, error) {
	child := exec.CommandContext(ctx, path, args...)
	out, complaint := &head{most: 64 << 10}, &head{most: 1 << 10}
	child.Stdin, child.Stdout, child.Stderr = strings.NewReader(stdin), out, complaint
	child.WaitDelay = time.Second
	asOne(child)
	err := child.Run()
	switch {
	case ctx.Err() != nil:
		return "", k.fail(op, fmt.Sprintf("%s did not answer in time", path))
	case err != nil:
		said, _, _ := strings.Cut(strings.TrimSpace(string(complaint.text)), "\n")
		return "", k.fail(op, strings.TrimSuffix(fmt.Sprintf("%s: %v: %s", path, err, printable.Line(said)), ": "))
	}
	line, _, _ := strings.Cut(string(out.text), "\n")
	return strings.TrimSuffix(line, "\r"), nil
}

// head keeps the start of what is written to it.
type head struct {
	text []byte
	most int
}

func (h *head) Write(p []byte) (int, error) {
	h.text = append(h.text, p[:min(len(p), h.most-len(h.text))]...)
	return len(p), nil
}
