package terminal

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/term"
)

// What asks a person says so on stderr, and reads from stdin no more than the
// answer: the rest may be meant for a command that is run next.

const (
	// tick is how soon a resized window, and a signal, are seen.
	tick = 100 * time.Millisecond
	// escTime is how long after the Esc byte the rest of a key may come.
	escTime = 60 * time.Millisecond
)

// ErrCancelled means that the person dismissed the prompt.
var ErrCancelled = &InterruptedError{"cancelled", 130}

// ended returns why the command is to end, or nil.
func (t *Terminal) ended() error {
	if t.Cause == nil {
		return nil
	}
	return t.Cause()
}

// Ask asks for a line. An empty one means what is in brackets.
func (t *Terminal) Ask(question Prose, otherwise string) (string, error) {
	if otherwise != "" {
		question += Prosef(" [%s]", otherwise)
	}
	t.SayPart("%s ", question)
	line, err := t.readLine()
	if err != nil {
		t.Say("")
		return "", err
	}
	return cmp.Or(strings.TrimSpace(line), otherwise), nil
}

func (t *Terminal) readLine() (string, error) {
	var line []byte
	one := make([]byte, 1)
	for {
		if err := t.awaitInput(); err != nil {
			return "", err
		}
		n, err := t.in.Read(one)
		switch {
		case n == 1 && one[0] == '\n':
			return string(line), nil
		case n == 1:
			line = append(line, one[0])
		case errors.Is(err, io.EOF) && len(line) > 0:
			return string(line), nil
		case errors.Is(err, io.EOF):
			return "", ErrCancelled
		case err != nil:
			return "", err
		}
	}
}

// awaitInput waits until there is something to read, or the command is to end.
func (t *Terminal) awaitInput() error {
	in, ok := t.in.(*os.File)
	if !ok || !term.IsTerminal(int(in.Fd())) {
		return t.ended()
	}
	for {
		if err := t.ended(); err != nil {
			return err
		}
		if ready, err := readable(in, tick); ready || err != nil {
			return err
		}
	}
}

// PickOne has the user pick one of the choices, and returns its index. It is for
// commands that run on a terminal.
func (t *Terminal) PickOne(m Menu) (int, error) {
	m.Many = false
	picked, err := t.Pick(m)
	if err != nil {
		return 0, err
	}
	return picked[0], nil
}

// Pick has the user pick one of the choices or, if m.Many is true, several, and
// returns their indexes.
func (t *Terminal) Pick(m Menu) ([]int, error) {
	in, _ := t.in.(*os.File)
	out := t.screen()
	if in == nil || out == nil {
		return nil, errors.New("there is no terminal")
	}
	p := newPicker(m)
	p.plain = t.env("NO_COLOR") != ""
	if t.env("TERM") == "dumb" || !p.fit(out) {
		return t.pickByLines(p)
	}
	stop := p.load()
	picked, err := t.pickOnScreen(p, in, out)
	stop()
	return picked, err
}

// fit takes the size of the window, if there is one to speak of.
func (p *picker) fit(out *screen) bool {
	width, height := out.size()
	if width < 20 || height < 4 {
		return false
	}
	p.width, p.height = width, height
	return true
}

const (
	// Another screen, which leaves the one that was there untouched, with lines
	// that end at the margin.
	screenOn  = "\x1b[?1049h\x1b[?7l"
	screenOff = "\x1b[?7h\x1b[?1049l"
)

func (t *Terminal) pickOnScreen(p *picker, in *os.File, out *screen) ([]int, error) {
	state, err := term.MakeRaw(int(in.Fd()))
	if err != nil {
		return nil, err
	}
	defer term.Restore(int(in.Fd()), state)
	restore := out.listen()
	defer restore()
	out.draw(screenOn)
	defer out.draw(screenOff)
	var typed []byte
	for {
		if p.receive(); p.loaded && len(p.Choices) == 0 {
			return nil, ErrNothing
		}
		if err := out.draw(p.frame()); err != nil {
			return nil, err
		}
		if typed, err = t.read(p, in, out, typed); err != nil {
			return nil, err
		}
		for len(typed) > 0 {
			key, n := decodeKey(typed)
			if n == 0 {
				break
			}
			typed = typed[n:]
			switch p.press(key) {
			case chosen:
				return p.result(), nil
			case abandoned:
				return nil, ErrCancelled
			}
		}
	}
}

// read waits for bytes and adds them to those that make no key yet, or returns
// these as keys of their own where nothing follows; or for another size of the
// window, or more choices.
func (t *Terminal) read(p *picker, in *os.File, out *screen, typed []byte) ([]byte, error) {
	wait := tick
	if len(typed) > 0 {
		wait = escTime
	}
	for {
		if err := t.ended(); err != nil {
			return nil, err
		}
		ready, err := readable(in, wait)
		switch {
		case err != nil:
			return nil, err
		case ready:
			buffer := make([]byte, 256)
			n, err := in.Read(buffer)
			if err != nil || n == 0 {
				return nil, cmp.Or(err, io.ErrUnexpectedEOF)
			}
			return append(typed, buffer[:n]...), nil
		case len(typed) > 0: // the Esc key, or half a letter
			if p.press(silent(typed)) == abandoned {
				return nil, ErrCancelled
			}
			return nil, nil
		}
		width, height := p.width, p.height
		if p.fit(out) && (width != p.width || height != p.height) || p.inbox.has() {
			return typed, nil
		}
	}
}

// silent is the key that bytes are after which nothing came.
func silent(typed []byte) string {
	if len(typed) == 1 && typed[0] == 0x1b {
		return "esc"
	}
	return ""
}

// mostLines is how many choices are shown where there is no screen.
const mostLines = 20

// pickByLines asks on terminals that can do no more than lines.
func (t *Terminal) pickByLines(p *picker) ([]int, error) {
	if p.Load != nil {
		p.Load(context.Background(), p.inbox.put)
		p.inbox.end()
		p.receive()
	}
	if len(p.Choices) == 0 {
		return nil, ErrNothing
	}
	for {
		shown := p.matches[:min(len(p.matches), mostLines)]
		for n, i := range shown {
			t.Say("%3d  %s", n+1, Line(p.Choices[i].Name+"  "+p.Choices[i].Detail))
		}
		if more := len(p.matches) - len(shown); more > 0 {
			t.Say("     and %d more: type a part of the name", more)
		}
		answer, err := t.Ask(Line(p.Title), "")
		if err != nil {
			return nil, err
		}
		if picked := p.answered(answer, shown); picked != nil {
			return picked, nil
		}
		p.search(answer)
		if len(p.matches) == 1 && !p.Many {
			return p.matches, nil
		}
		if len(p.matches) == 0 {
			t.Say("Nothing is like %s.", answer)
			p.search("")
		}
	}
}

// answered returns what numbers, or a whole name, stand for.
func (p *picker) answered(answer string, shown []int) (picked []int) {
	if i := slices.IndexFunc(p.Choices, func(c Choice) bool { return c.Name == answer }); i >= 0 {
		return []int{i}
	}
	for word := range strings.FieldsFuncSeq(answer, func(r rune) bool { return r == ' ' || r == ',' }) {
		n, err := strconv.Atoi(word)
		if err != nil || n < 1 || n > len(shown) || picked != nil && !p.Many {
			return nil
		}
		picked = append(picked, shown[n-1])
	}
	return picked
}

var errNoPassphrase = errors.New("no passphrase was given")

// ReadSecret reads a line from the terminal. The echo is off before the prompt
// is there, and on again whatever ends the wait.
func (t *Terminal) ReadSecret(ctx context.Context, prompt string) (string, error) {
	in, ok := t.in.(*os.File)
	if !ok {
		return "", errNoPassphrase
	}
	before, err := term.MakeRaw(int(in.Fd()))
	if err != nil {
		return "", err
	}
	defer term.Restore(int(in.Fd()), before)
	type line struct {
		text string
		err  error
	}
	read := make(chan line, 1)
	go func() {
		text, err := term.NewTerminal(t.dialogue(), "").ReadPassword(prompt)
		read <- line{text, err}
	}()
	select {
	case l := <-read:
		if errors.Is(l.err, io.EOF) { // ctrl-C, which is no signal in this mode, or ctrl-D
			return "", &InterruptedError{Name: "interrupted", Status: 130}
		}
		return l.text, l.err
	case <-ctx.Done():
		if cause := context.Cause(ctx); !errors.Is(cause, context.DeadlineExceeded) {
			return "", cause
		}
		return "", fmt.Errorf("%w in time", errNoPassphrase)
	}
}

// ReadNew is ReadSecret that has a new secret typed twice.
func (t *Terminal) ReadNew(ctx context.Context, prompt string, isNew bool) (string, error) {
	for {
		secret, err := t.ReadSecret(ctx, prompt)
		if err != nil || !isNew {
			return secret, err
		}
		again, err := t.ReadSecret(ctx, "Once more: ")
		if err != nil || again == secret {
			return again, err
		}
		t.Say("These are not the same.")
	}
}

// Agrees asks a question that Enter says yes to.
func (t *Terminal) Agrees(question Prose) (bool, error) {
	answer, err := t.Ask(question+" [Y/n]", "")
	if errors.Is(err, ErrCancelled) {
		return false, nil
	}
	answer = strings.ToLower(answer)
	return answer == "" || answer == "y" || answer == "yes", err
}

// Confirms asks a question that Enter says no to.
func (t *Terminal) Confirms(question Prose) (bool, error) {
	answer, err := t.Ask(question+" [y/N]", "")
	answer = strings.ToLower(answer)
	return answer == "y" || answer == "yes", err
}

// InterruptedError is the end of a command by a signal.
type InterruptedError struct {
	Name   string
	Status int
}

func (e *InterruptedError) Error() string { return e.Name }
