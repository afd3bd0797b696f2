package cmd

import (
	"cmp"
	"errors"
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

// errLeft is a person who wants nothing of what is offered.
var errLeft = &interruptedError{"nothing was chosen", interrupted}

// ended returns why the command is to end, or nil.
func (r *run) ended() error {
	if r.cause == nil {
		return nil
	}
	return r.cause()
}

// ask asks for a line. An empty one means what is in brackets.
func (r *run) ask(question prose, otherwise string) (string, error) {
	if otherwise != "" {
		question += prosef(" [%s]", otherwise)
	}
	r.sayPart("%s ", question)
	line, err := r.readLine()
	if err != nil {
		r.say("")
		return "", err
	}
	return cmp.Or(strings.TrimSpace(line), otherwise), nil
}

func (r *run) readLine() (string, error) {
	var line []byte
	one := make([]byte, 1)
	for {
		if err := r.awaitInput(); err != nil {
			return "", err
		}
		n, err := r.stdin().Read(one)
		switch {
		case n == 1 && one[0] == '\n':
			return string(line), nil
		case n == 1:
			line = append(line, one[0])
		case errors.Is(err, io.EOF) && len(line) > 0:
			return string(line), nil
		case errors.Is(err, io.EOF):
			return "", errLeft
		case err != nil:
			return "", err
		}
	}
}

// awaitInput waits until there is something to read, or the command is to end.
func (r *run) awaitInput() error {
	in, ok := r.stdin().(*os.File)
	if !ok || !term.IsTerminal(int(in.Fd())) {
		return r.ended()
	}
	for {
		if err := r.ended(); err != nil {
			return err
		}
		if ready, err := readable(in, tick); ready || err != nil {
			return err
		}
	}
}

// pickOne has the person pick one of the choices, and returns its index. It is
// for commands that run on a terminal.
func (r *run) pickOne(title string, choices []pickable) (int, error) {
	picked, err := r.pick(title, choices, false)
	if err != nil {
		return 0, err
	}
	return picked[0], nil
}

func (r *run) pick(title string, choices []pickable, many bool) ([]int, error) {
	in, _ := r.stdin().(*os.File)
	out := r.terminal()
	if in == nil || out == nil {
		return nil, errors.New("there is no terminal")
	}
	p := newPicker(title, choices, many)
	p.plain = r.getenv("NO_COLOR") != ""
	if r.getenv("TERM") == "dumb" || !p.fit(out) {
		return r.pickByLines(p)
	}
	return r.pickOnScreen(p, in, out)
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

func (r *run) pickOnScreen(p *picker, in *os.File, out *screen) ([]int, error) {
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
		if err := out.draw(p.frame()); err != nil {
			return nil, err
		}
		if typed, err = r.read(p, in, out, typed); err != nil {
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
				return nil, errLeft
			}
		}
	}
}

// read waits for bytes and adds them to those that make no key yet, or returns
// these as keys of their own where nothing follows; or for another size of the
// window.
func (r *run) read(p *picker, in *os.File, out *screen, typed []byte) ([]byte, error) {
	wait := tick
	if len(typed) > 0 {
		wait = escTime
	}
	for {
		if err := r.ended(); err != nil {
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
				return nil, errLeft
			}
			return nil, nil
		}
		width, height := p.width, p.height
		if p.fit(out) && (width != p.width || height != p.height) {
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
func (r *run) pickByLines(p *picker) ([]int, error) {
	for {
		shown := p.matches[:min(len(p.matches), mostLines)]
		for n, i := range shown {
			r.say("%3d  %s", n+1, oneLine(p.choices[i].name+"  "+p.choices[i].detail))
		}
		if more := len(p.matches) - len(shown); more > 0 {
			r.say("     and %d more: type a part of the name", more)
		}
		answer, err := r.ask(oneLine(p.title), "")
		if err != nil {
			return nil, err
		}
		if picked := p.answered(answer, shown); picked != nil {
			return picked, nil
		}
		p.search(answer)
		if len(p.matches) == 1 && !p.many {
			return p.matches, nil
		}
		if len(p.matches) == 0 {
			r.say("Nothing is like %s.", answer)
			p.search("")
		}
	}
}

// answered returns what numbers, or a whole name, stand for.
func (p *picker) answered(answer string, shown []int) (picked []int) {
	if i := slices.IndexFunc(p.choices, func(c pickable) bool { return c.name == answer }); i >= 0 {
		return []int{i}
	}
	for word := range strings.FieldsFuncSeq(answer, func(r rune) bool { return r == ' ' || r == ',' }) {
		n, err := strconv.Atoi(word)
		if err != nil || n < 1 || n > len(shown) || picked != nil && !p.many {
			return nil
		}
		picked = append(picked, shown[n-1])
	}
	return picked
}
