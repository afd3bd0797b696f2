// Package terminal is what the commands write to people and ask them with: streams,
// text that is safe to print, colors, prompts, and a picker for lists.
package terminal

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"strings"
	"text/tabwriter"

	"golang.org/x/term"

	"github.com/credproc/credproc/internal/printable"
)

// Terminal is a command's standard streams, and the terminal that they may be.
// All that people see, programs read and logs keep is written by this file alone,
// which a rule of the house checks.
type Terminal struct {
	in       io.Reader
	out, err io.Writer
	env      func(string) string
	// Cause returns why the command is to end, or nil. It is asked while a prompt
	// waits. nil: nothing ends it.
	Cause func() error
}

// New returns a terminal for these streams, and for the environment that env
// looks variables up in. nil is the process's own.
func New(in io.Reader, out, err io.Writer, env func(string) string) *Terminal {
	if env == nil {
		env = os.Getenv
	}
	return &Terminal{in: cmp.Or[io.Reader](in, os.Stdin), out: cmp.Or[io.Writer](out, os.Stdout), err: cmp.Or[io.Writer](err, os.Stderr), env: env}
}

// InReader returns stdin, for a command that is started.
func (t *Terminal) InReader() io.Reader { return t.in }

// OutWriter returns stdout, for a command that is started.
func (t *Terminal) OutWriter() io.Writer { return t.out }

// ErrWriter returns stderr, for a command that is started.
func (t *Terminal) ErrWriter() io.Writer { return t.err }

// Say tells the person something, on stderr.
func (t *Terminal) Say(format Prose, args ...any) { t.SayPart(format+"\n", args...) }

// SayPart is say without the end of the line.
func (t *Terminal) SayPart(format Prose, args ...any) {
	io.WriteString(t.err, string(Prosef(format, args...)))
}

// Print prints an answer for people, on stdout.
func (t *Terminal) Print(format Prose, args ...any) error {
	_, err := io.WriteString(t.out, string(Prosef(format, args...)))
	return err
}

// Paint says whether stdout is to have colors.
func (t *Terminal) Paint() Paint { return t.paintOn(t.out) }

// Page prints an answer for people, on stdout: through the user's pager, with
// environ as its environment, if that is a terminal.
func (t *Terminal) Page(draw func(Paint) Prose, environ []string) error {
	return t.page(t.out, draw, environ)
}

// PageAside is Page where the user is asked, on stderr.
func (t *Terminal) PageAside(draw func(Paint) Prose, environ []string) error {
	return t.page(t.err, draw, environ)
}

// Verbatim prints an answer for programs as it is. The rule of the house knows
// the few files that may: each has seen to it that there is nothing in it that
// is not its own, or cannot do harm.
func (t *Terminal) Verbatim(text string) error {
	_, err := io.WriteString(t.out, text)
	return err
}

// IsUnread reports whether stdout is a pipe that is not read any more.
func IsUnread(err error) bool {
	e, ok := errors.AsType[*fs.PathError](err)
	return ok && e.Path == os.Stdout.Name() && errors.Is(e.Err, brokenPipe)
}

// PrintURL prints an address on stdout, with all percent-encoded that has no place
// in one (RFC 3986, section 2).
func (t *Terminal) PrintURL(address string) error {
	var text strings.Builder
	for _, b := range []byte(address) {
		if b <= ' ' || b >= 0x7f {
			fmt.Fprintf(&text, "%%%02X", b)
		} else {
			text.WriteByte(b)
		}
	}
	return t.Verbatim(text.String() + "\n")
}

// SayJSON tells a program something: a line of JSON on stderr.
func (t *Terminal) SayJSON(value any) {
	if text, err := EncodeJSON(value, ""); err == nil {
		t.err.Write(text)
	}
}

// PrintJSON prints a value for programs, indented.
func (t *Terminal) PrintJSON(value any) error {
	text, err := EncodeJSON(value, "  ")
	if err != nil {
		return err
	}
	return t.Verbatim(string(text))
}

// A Table has aligned columns.
type Table struct{ w *tabwriter.Writer }

// Table returns one on stdout.
func (t *Terminal) Table() Table { return Table{tabwriter.NewWriter(t.out, 0, 0, 2, ' ', 0)} }

// Row adds a row.
func (t Table) Row(cells ...any) {
	line := make([]string, len(cells))
	for i, cell := range cells {
		line[i] = string(Prosef("%v", cell))
	}
	fmt.Fprintln(t.w, strings.Join(line, "\t"))
}

// Flush prints the rows.
func (t Table) Flush() error { return t.w.Flush() }

// Log returns a log of lines for people, on stderr if w is nil. The handler
// quotes and escapes what is not printable.
func (t *Terminal) Log(w io.Writer, level slog.Level) *slog.Logger {
	if w == nil {
		w = t.err
	}
	return slog.New(slog.NewTextHandler(lines{w, cleanLine}, &slog.HandlerOptions{Level: level, ReplaceAttr: shortened}))
}

// JSONLog returns a log of JSON lines on stderr, for programs.
func (t *Terminal) JSONLog() *slog.Logger {
	return slog.New(slog.NewJSONHandler(lines{t.err, printable.JSON}, &slog.HandlerOptions{ReplaceAttr: shortened}))
}

// shortened keeps a value that came from elsewhere from filling the log.
func shortened(_ []string, attr slog.Attr) slog.Attr {
	switch value := attr.Value.Any().(type) {
	case string:
		attr.Value = slog.StringValue(printable.Head(value, longest))
	case error:
		attr.Value = slog.StringValue(printable.Head(value.Error(), longest))
	}
	return attr
}

// lines is where a handler of logs writes, which it does line by line.
type lines struct {
	w    io.Writer
	pass func(line []byte) []byte
}

func (l lines) Write(line []byte) (int, error) {
	if _, err := l.w.Write(l.pass(line)); err != nil {
		return 0, err
	}
	return len(line), nil
}

// cleanLine is the last to see a line: what a handler takes for printable may be
// invisible all the same.
func cleanLine(line []byte) []byte {
	text := printable.Clean(strings.TrimSuffix(string(line), "\n"), len(line))
	return []byte(text + "\n")
}

// screen is the one on which people are spoken to, or nil.
func (t *Terminal) screen() *screen {
	f, ok := t.err.(*os.File)
	if !ok {
		return nil
	}
	return &screen{f}
}

// dialogue is for what prompts and reads.
func (t *Terminal) dialogue() io.ReadWriter {
	return struct {
		io.Reader
		io.Writer
	}{t.in, t.err}
}

// A screen is a terminal that is drawn on.
type screen struct{ tty *os.File }

func (s *screen) draw(text Prose) error {
	_, err := io.WriteString(s.tty, string(text))
	return err
}

// listen makes the terminal obey escape sequences.
func (s *screen) listen() (restore func()) { return enableScreen(s.tty) }

// size returns columns and lines, or 0 if unknown.
func (s *screen) size() (width, height int) {
	if s == nil {
		return 0, 0
	}
	width, height, err := term.GetSize(int(s.tty.Fd()))
	if err != nil {
		return 0, 0
	}
	return width, height
}

// WriteToControlling writes to the terminal that controls this process, if there is
// one, wherever the standard streams go.
func WriteToControlling(text Prose) error {
	terminal, err := OpenControlling()
	if err != nil {
		return err
	}
	defer terminal.Close()
	// The terminal may be in raw mode, where a line feed does not return.
	_, err = terminal.WriteString("\r" + strings.ReplaceAll(string(text), "\n", "\r\n") + "\r\n")
	return err
}

// Mode is the mode of the terminal that people are spoken to on. ok is
// false if there is none.
func (t *Terminal) Mode() (mode term.State, ok bool) {
	f, ok := t.err.(*os.File)
	if !ok {
		return term.State{}, false
	}
	state, err := term.GetState(int(f.Fd()))
	if err != nil {
		return term.State{}, false
	}
	return *state, true
}

// Interactive reports whether a person can be asked.
func (t *Terminal) Interactive() bool { return Is(t.in) && Is(t.err) }

// Is reports whether a stream is a terminal.
func Is(stream any) bool {
	f, ok := stream.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}
