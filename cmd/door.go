package cmd

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"strings"
	"text/tabwriter"

	"github.com/alecthomas/kong"
	"golang.org/x/term"

	"github.com/credproc/credproc/internal/printable"
)

// The door. All that people see, programs read and logs keep leaves by this file
// alone: a rule of the house knows no other. What comes from elsewhere (the
// service, a proxy, a certificate, a config file, another process) may hold what
// a terminal obeys, and passes the door only as something printable.

// prose is text that people are shown as it is: words of this program, with its
// line breaks and colours, in which what came from elsewhere is printable.
// Constants are prose. Nothing else becomes it but here.
type prose string

// longest is how many runes are shown of one value that came from elsewhere.
const longest = 2000

// prosef is [fmt.Sprintf] for people. Arguments that are prose keep their line
// breaks and colours; of all others only what is printable is left.
func prosef(format prose, args ...any) prose {
	shown := make([]any, len(args))
	for i, arg := range args {
		switch arg.(type) {
		case prose, int: // a width may be an int
			shown[i] = arg
		default:
			shown[i] = foreign{arg}
		}
	}
	return prose(fmt.Sprintf(string(format), shown...))
}

// foreign is a value that came from elsewhere.
type foreign struct{ value any }

// Format implements [fmt.Formatter].
func (v foreign) Format(f fmt.State, verb rune) {
	value := v.value
	if err, ok := value.(error); ok && err != nil && verb != 'T' {
		value = strings.ReplaceAll(string(proseOf(err)), "\n", "; ")
	}
	io.WriteString(f, printable.Clean(fmt.Sprintf(fmt.FormatString(f, verb), value), longest))
}

// oneLine is text from elsewhere on one line.
func oneLine(text string) prose {
	return prose(strings.TrimSpace(printable.Clean(text, longest)))
}

// proseOf is an error for people: one line, or, if several were joined, one for
// each.
func proseOf(err error) prose {
	many, ok := err.(interface{ Unwrap() []error })
	if !ok || err.Error() != errors.Join(many.Unwrap()...).Error() {
		return cmp.Or(oneLine(err.Error()), "an error with no printable text")
	}
	var lines []prose
	for _, one := range many.Unwrap() {
		if one != nil {
			lines = append(lines, proseOf(one))
		}
	}
	return joined(lines, "\n")
}

// joined is [strings.Join] for prose, and makes it of names.
func joined[T ~string](parts []T, between prose) prose {
	var text strings.Builder
	for i, part := range parts {
		if i > 0 {
			text.WriteString(string(between))
		}
		text.WriteString(string(prosef("%s", any(part))))
	}
	return prose(text.String())
}

// proseLines is text from elsewhere that people are shown line by line, as a
// difference between files is.
func proseLines(text string) prose {
	var shown []prose
	for line := range strings.Lines(text) {
		shown = append(shown, prose(printable.Clean(strings.TrimRight(line, "\r\n"), longest))+"\n")
	}
	return joined(shown, "")
}

// unended is prose without a suffix.
func unended(text prose, suffix string) prose { return prose(strings.TrimSuffix(string(text), suffix)) }

// mapped changes prose letter by letter, or otherwise in ways that bring nothing
// new into it.
func mapped(text prose, change func(string) string) prose { return prose(change(string(text))) }

// say tells the person something, on stderr.
func (a *App) say(format prose, args ...any) { a.sayPart(format+"\n", args...) }

// sayPart is say without the end of the line.
func (a *App) sayPart(format prose, args ...any) {
	io.WriteString(a.stderr(), string(prosef(format, args...)))
}

// print prints an answer for people, on stdout.
func (a *App) print(format prose, args ...any) error {
	_, err := io.WriteString(a.stdout(), string(prosef(format, args...)))
	return err
}

// verbatim prints an answer for programs as it is. The rule of the house knows
// the few files that may: each has seen to it that there is nothing in it that
// is not its own, or cannot do harm.
func (a *App) verbatim(text string) error {
	_, err := io.WriteString(a.stdout(), text)
	return err
}

// isUnread reports whether stdout is a pipe that is not read any more.
func isUnread(err error) bool {
	e, ok := errors.AsType[*fs.PathError](err)
	return ok && e.Path == os.Stdout.Name() && errors.Is(e.Err, brokenPipe)
}

// printURL prints an address on stdout, with all percent-encoded that has no place
// in one (RFC 3986, section 2).
func (a *App) printURL(address string) error {
	var text strings.Builder
	for _, b := range []byte(address) {
		if b <= ' ' || b >= 0x7f {
			fmt.Fprintf(&text, "%%%02X", b)
		} else {
			text.WriteByte(b)
		}
	}
	return a.verbatim(text.String() + "\n")
}

func (a *App) printJSON(value any) error {
	text, err := encoded(value, "  ")
	if err != nil {
		return err
	}
	return a.verbatim(string(text))
}

// encoded returns a line of JSON, or several with an indentation, in which all is
// escaped that a terminal would obey.
func encoded(value any, indent string) ([]byte, error) {
	var text strings.Builder
	enc := json.NewEncoder(&text)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", indent)
	err := enc.Encode(value)
	return printable.JSON([]byte(text.String())), err
}

// A table has aligned columns.
type table struct{ w *tabwriter.Writer }

// table returns one on stdout.
func (a *App) table() table { return table{tabwriter.NewWriter(a.stdout(), 0, 0, 2, ' ', 0)} }

func (t table) row(cells ...any) {
	line := make([]string, len(cells))
	for i, cell := range cells {
		line[i] = string(prosef("%v", cell))
	}
	fmt.Fprintln(t.w, strings.Join(line, "\t"))
}

func (t table) flush() error { return t.w.Flush() }

// newLog returns a log of lines for people, on stderr if w is nil. The handler
// quotes and escapes what is not printable.
func (a *App) newLog(w io.Writer, level slog.Level) *slog.Logger {
	w = orElse(w, a.stderr())
	return slog.New(slog.NewTextHandler(lines{w, cleanLine}, &slog.HandlerOptions{Level: level, ReplaceAttr: shortened}))
}

// newJSONLog returns a log of JSON lines on stderr, for programs.
func (a *App) newJSONLog() *slog.Logger {
	return slog.New(slog.NewJSONHandler(lines{a.stderr(), printable.JSON}, &slog.HandlerOptions{ReplaceAttr: shortened}))
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

// helpTo lets the parser print help, which has nothing in it from elsewhere.
func (a *App) helpTo() kong.Option { return kong.Writers(a.stdout(), a.stderr()) }

// terminal is the one on which people are spoken to, or nil.
func (a *App) terminal() *screen {
	f, ok := a.stderr().(*os.File)
	if !ok {
		return nil
	}
	return &screen{f}
}

// dialogue is for what asks on the terminal and reads from in.
func (a *App) dialogue(in io.Reader) io.ReadWriter {
	return struct {
		io.Reader
		io.Writer
	}{in, a.stderr()}
}

// A screen is a terminal that is drawn on.
type screen struct{ tty *os.File }

func (s *screen) draw(text prose) error {
	_, err := io.WriteString(s.tty, string(text))
	return err
}

// listen makes the terminal obey escape sequences.
func (s *screen) listen() (restore func()) { return enableScreen(s.tty) }

// size returns columns and lines, or 0 where nobody knows.
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

// onOwnTerminal writes to the terminal that controls this process, if there is
// one, wherever the standard streams go.
func (a *App) onOwnTerminal(text prose) error {
	terminal, err := openTerminal()
	if err != nil {
		return err
	}
	defer terminal.Close()
	// The terminal may be in raw mode, where a line feed does not return.
	_, err = terminal.WriteString("\r" + strings.ReplaceAll(string(text), "\n", "\r\n") + "\r\n")
	return err
}

func (a *App) stdout() io.Writer { return orElse[io.Writer](a.Stdout, os.Stdout) }
func (a *App) stderr() io.Writer { return orElse[io.Writer](a.Stderr, os.Stderr) }

// screenMode is the mode of the terminal that people are spoken to on. ok is
// false if there is none.
func (a *App) screenMode() (mode term.State, ok bool) {
	f, ok := a.stderr().(*os.File)
	if !ok {
		return term.State{}, false
	}
	state, err := term.GetState(int(f.Fd()))
	if err != nil {
		return term.State{}, false
	}
	return *state, true
}
