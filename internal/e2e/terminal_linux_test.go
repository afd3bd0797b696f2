package e2e

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/creack/pty"
	"golang.org/x/sys/unix"
)

// A cell is a place of a terminal.
type cell struct {
	letter rune // 0 behind one that takes two columns
	style
}

// A style is what escape sequences make of letters.
type style struct {
	color                  string // as in the sequence: "31", or "38;2;0;0;0"; "" is the terminal's own
	back                   string // likewise
	bold, faint, underline bool
}

// A display is what a terminal shows of what programs write to it: as much of
// ECMA-48 as credproc, shells and the line discipline use.
type display struct {
	width, height int
	lines         [][]cell
	row, column   int
	main          [][]cell // while another screen is shown
	mainRow       int
	style
	pending []byte // of a letter or a sequence whose end has not come yet
	strange []string
}

func newDisplay(width, height int) *display {
	d := &display{width: width, height: height}
	d.lines = d.blank()
	return d
}

func (d *display) blank() [][]cell {
	lines := make([][]cell, d.height)
	for i := range lines {
		lines[i] = make([]cell, d.width)
	}
	return lines
}

// Write shows text. It never fails.
func (d *display) Write(text []byte) (int, error) {
	d.pending = append(d.pending, text...)
	for len(d.pending) > 0 {
		n := d.take(d.pending)
		if n == 0 {
			break
		}
		d.pending = d.pending[n:]
	}
	return len(text), nil
}

// take obeys the first letter or sequence, and returns how many bytes it has; 0
// if its end has not come.
func (d *display) take(text []byte) int {
	switch text[0] {
	case '\r':
		d.column = 0
	case '\n':
		d.feed()
	case '\b':
		d.column = max(0, d.column-1)
	case 7: // a bell
	case 27:
		return d.sequence(text)
	default:
		if !utf8.FullRune(text) {
			return 0
		}
		r, n := utf8.DecodeRune(text)
		d.put(r)
		return n
	}
	return 1
}

func (d *display) put(r rune) {
	if d.column >= d.width {
		d.column = 0
		d.feed()
	}
	d.lines[d.row][d.column] = cell{r, d.style}
	d.column++
}

func (d *display) feed() {
	if d.row++; d.row == d.height {
		d.row--
		d.lines = append(d.lines[1:], make([]cell, d.width))
	}
}

// sequence obeys one that starts with Esc.
func (d *display) sequence(text []byte) int {
	if len(text) < 2 {
		return 0
	}
	if text[1] == ']' { // a title, up to a bell
		end := strings.IndexByte(string(text), 7)
		return end + 1
	}
	if text[1] != '[' {
		d.strange = append(d.strange, string(text[:2]))
		return 2
	}
	for i := 2; i < len(text); i++ {
		if text[i] >= 0x40 {
			d.control(string(text[2:i]), text[i])
			return i + 1
		}
	}
	return 0
}

func (d *display) control(words string, final byte) {
	number := func(i, otherwise int) int {
		if parts := strings.Split(words, ";"); i < len(parts) {
			if n, err := strconv.Atoi(parts[i]); err == nil {
				return n
			}
		}
		return otherwise
	}
	switch final {
	case 'm':
		d.restyle(words)
	case 'H':
		d.row, d.column = min(number(0, 1), d.height)-1, min(number(1, 1), d.width)-1
	case 'A':
		d.row = max(0, d.row-number(0, 1))
	case 'G':
		d.column = number(0, 1) - 1
	case 'K':
		clear(d.lines[d.row][min(d.column, d.width):])
	case 'J':
		clear(d.lines[d.row][min(d.column, d.width):])
		for _, line := range d.lines[d.row+1:] {
			clear(line)
		}
	case 'h', 'l':
		d.mode(words + string(final))
	default:
		d.strange = append(d.strange, "CSI "+words+string(final))
	}
}

func (d *display) mode(what string) {
	switch what {
	case "?1049h":
		d.main, d.mainRow, d.lines, d.row, d.column = d.lines, d.row, d.blank(), 0, 0
	case "?1049l":
		d.lines, d.row, d.column = d.main, d.mainRow, 0
	case "?7h", "?7l", "?25h", "?25l", "?2004h", "?2004l": // wrapping, the cursor, pasting
	default:
		d.strange = append(d.strange, "mode "+what)
	}
}

func (d *display) restyle(words string) {
	parts := strings.Split(words, ";")
	for i := 0; i < len(parts); i++ {
		switch p := parts[i]; {
		case p == "" || p == "0":
			d.style = style{}
		case p == "1":
			d.bold = true
		case p == "2":
			d.faint = true
		case p == "4":
			d.underline = true
		case (p == "38" || p == "48") && i+4 < len(parts):
			color := strings.Join(parts[i:i+5], ";")
			if i += 4; p == "38" {
				d.color = color
			} else {
				d.back = color
			}
		case len(p) == 2 && p[0] == '3':
			d.color = p
		default:
			d.strange = append(d.strange, "style "+p)
		}
	}
}

// text is what can be read, without blanks at the ends of lines and empty lines at
// the end.
func (d *display) text() string {
	var all strings.Builder
	for _, line := range d.lines {
		var text strings.Builder
		for _, c := range line {
			if c.letter == 0 {
				c.letter = ' '
			}
			text.WriteRune(c.letter)
		}
		all.WriteString(strings.TrimRight(text.String(), " ") + "\n")
	}
	return strings.TrimRight(all.String(), "\n") + "\n"
}

// A console is a terminal with programs on it, and a person before it.
type console struct {
	*testing.T
	command *exec.Cmd
	keys    *os.File
	gone    chan struct{}     // closed when the last process has left it
	short   *strings.Replacer // nil: names are shown as they are

	mu sync.Mutex
	*display
}

// onConsole runs a program in the foreground of a terminal.
func (m *machine) onConsole(width, height int, program string, args ...string) *console {
	m.t.Helper()
	if signal.Ignored(unix.SIGHUP) { // by nohup; a program must not inherit that, or it outlives its terminal
		signal.Notify(make(chan os.Signal, 1), unix.SIGHUP)
	}
	c := &console{T: m.t, command: exec.Command(program, args...), gone: make(chan struct{}), display: newDisplay(width, height)}
	c.command.Dir, c.command.Env = m.home, m.with("TERM=xterm-256color").environ()
	var err error
	if c.keys, err = pty.StartWithSize(c.command, &pty.Winsize{Cols: uint16(width), Rows: uint16(height)}); err != nil {
		m.t.Fatal(err)
	}
	go func() {
		defer close(c.gone)
		var chunk [4096]byte
		for {
			n, err := c.keys.Read(chunk[:])
			c.mu.Lock()
			c.display.Write(chunk[:n])
			c.mu.Unlock()
			if err != nil { // how Linux says that no process has the terminal open any more
				return
			}
		}
	}()
	m.t.Cleanup(func() {
		if c.command.ProcessState == nil {
			c.command.Process.Kill()
			c.command.Wait()
		}
		c.leaves()
		c.keys.Close()
		if len(c.strange) > 0 {
			c.Errorf("the terminal does not know %q", c.strange)
		}
	})
	return c
}

// leaves waits until no process has the terminal open any more, since the end of
// the shell is the end of all on it, and names one that stays.
func (c *console) leaves() {
	select {
	case <-c.gone:
		return
	case <-time.After(20 * time.Second):
	}
	var number uint32
	if err := c.control(func(fd uintptr) (err error) {
		number, err = unix.IoctlGetUint32(int(fd), unix.TIOCGPTN)
		return err
	}); err != nil {
		c.Fatal(err)
	}
	files, err := filepath.Glob("/proc/[0-9]*/fd/*")
	if err != nil {
		c.Fatal(err)
	}
	name := fmt.Sprintf("/dev/pts/%d", number)
	for _, file := range files {
		if at, err := os.Readlink(file); err != nil || at != name {
			continue
		}
		dir := filepath.Dir(filepath.Dir(file))
		var about strings.Builder
		for _, name := range []string{"cmdline", "stat", "status", "wchan", "stack"} {
			text, _ := os.ReadFile(filepath.Join(dir, name))
			about.WriteString(name + ": " + strings.ReplaceAll(string(text), "\x00", " ") + "\n")
		}
		c.Errorf("%s is open still:\n%s\n%s", file, about.String(), c.screen())
		if pid, err := strconv.Atoi(filepath.Base(dir)); err == nil {
			unix.Kill(pid, unix.SIGKILL)
		}
	}
	c.Fatal("a process stays on the terminal")
}

func (c *console) control(f func(fd uintptr) error) (err error) {
	raw, err := c.keys.SyscallConn()
	if err != nil {
		return err
	}
	return errors.Join(raw.Control(func(fd uintptr) { err = f(fd) }), err)
}

func (c *console) screen() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.short != nil {
		return c.short.Replace(c.text())
	}
	return c.text()
}

// types waits until a text is shown, and then types keys.
func (c *console) types(shown, keys string) {
	c.Helper()
	late := time.After(20 * time.Second)
	look := time.NewTicker(5 * time.Millisecond)
	defer look.Stop()
	for over := false; !over && !strings.Contains(c.screen(), shown); {
		select {
		case <-c.gone:
			over = true
		case <-late:
			over = true
		case <-look.C:
		}
	}
	if screen := c.screen(); !strings.Contains(screen, shown) {
		c.Fatalf("%q is not shown:\n%s", shown, screen)
	}
	if _, err := c.keys.WriteString(keys); err != nil {
		c.Fatal(err)
	}
}

// ends waits for the program; one that waits for keys is killed.
func (c *console) ends() (status int) {
	late := time.AfterFunc(20*time.Second, func() { c.command.Process.Kill() })
	defer late.Stop()
	c.command.Wait()
	c.leaves()
	return c.command.ProcessState.ExitCode()
}

func TestADisplayObeysWhatProgramsWrite(t *testing.T) {
	d := newDisplay(10, 3)
	for _, part := range []string{"one\r\ntwo\x1b[", "1;36mthr", "\x1b[0mee\r\n\xe2\x94", "\x80 end of it, wrapped", "\x1b[1;2HX\x1b[K", "\x1b[?1049hother\x1b[?1049l"} {
		d.Write([]byte(part))
	}
	if got, want := d.text(), "tX\n─ end of i\nt, wrapped\n"; got != want {
		t.Errorf("it shows\n%s", got)
	}
	d.Write([]byte("\x1b[H\x1b[38;2;0;0;0;48;2;255;255;255mq\x1b[0;2;4;32mr"))
	if q, r := d.lines[0][0].style, d.lines[0][1].style; q != (style{color: "38;2;0;0;0", back: "48;2;255;255;255"}) || r != (style{color: "32", faint: true, underline: true}) {
		t.Errorf("styles %+v, %+v", q, r)
	}
	if d.Write([]byte("\x1b[5n")); len(d.strange) != 1 {
		t.Errorf("strange to it is %q", d.strange)
	}
}
