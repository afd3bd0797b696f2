package terminal

import (
	"cmp"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Choice is something to be picked. Both parts are searched.
type Choice struct{ Name, Detail string }

// picker is a list that a person searches while it is on the screen. It knows
// keys and lines; the terminal is somebody else's affair.
type picker struct {
	title string
	many  bool // several may be marked
	plain bool // no colours

	choices []Choice
	lower   []string // what is searched
	query   string
	matches []int // indexes of choices, the best first
	at      int   // of matches: where the cursor is
	top     int   // of matches: the first on the screen
	marked  map[int]bool

	width, height int
}

func newPicker(title string, choices []Choice, many bool) *picker {
	p := &picker{title: title, many: many, choices: choices, marked: map[int]bool{}, width: 80, height: 24}
	for _, c := range choices {
		p.lower = append(p.lower, strings.ToLower(c.Name+" "+c.Detail))
	}
	p.search("")
	return p
}

// search shows what matches the query. What matches a longer one also matched
// the shorter.
func (p *picker) search(query string) {
	within := p.matches
	if p.matches == nil || !strings.HasPrefix(query, p.query) {
		within = make([]int, len(p.choices))
		for i := range within {
			within[i] = i
		}
	}
	p.query, p.at, p.top = query, 0, 0
	terms := strings.Fields(strings.ToLower(query))
	scores := make(map[int]int, len(within))
	p.matches = make([]int, 0, len(within))
	for _, i := range within {
		if score, ok := fuzzy(p.lower[i], terms); ok {
			scores[i] = score
			p.matches = append(p.matches, i)
		}
	}
	slices.SortFunc(p.matches, func(a, b int) int { return cmp.Or(scores[b]-scores[a], a-b) })
}

// fuzzy tells how well a text matches all of the terms.
func fuzzy(text string, terms []string) (score int, ok bool) {
	for _, term := range terms {
		s, ok := fuzzyTerm(text, term)
		if !ok {
			return 0, false
		}
		score += s
	}
	return score, true
}

// fuzzyTerm rates a term that is in the text as it is above one whose letters
// are in it one after the other, and the beginning of a word above its middle.
func fuzzyTerm(text, term string) (score int, ok bool) {
	if i := strings.Index(text, term); i >= 0 {
		score = 1000 - min(i, 100)
		for ; i >= 0; i = nextIndex(text, term, i) {
			if i == 0 || !isWordByte(text[i-1]) {
				return score + 500, true
			}
		}
		return score, true
	}
	from, gaps := 0, 0
	for _, letter := range term {
		i := strings.IndexRune(text[from:], letter)
		if i < 0 {
			return 0, false
		}
		if i > 0 && from > 0 {
			gaps++
		}
		from += i + utf8.RuneLen(letter)
	}
	return -10 * gaps, true
}

func nextIndex(text, term string, i int) int {
	next := strings.Index(text[i+1:], term)
	if next < 0 {
		return -1
	}
	return i + 1 + next
}

func isWordByte(b byte) bool {
	return b >= utf8.RuneSelf || b >= '0' && b <= '9' || b >= 'a' && b <= 'z'
}

// outcome is what a key comes to.
type outcome int

const (
	goOn outcome = iota
	chosen
	abandoned
)

// press does what a key means, as [decodeKey] names it.
func (p *picker) press(key string) outcome {
	switch key {
	case "enter":
		if len(p.matches) > 0 || len(p.marked) > 0 {
			return chosen
		}
	case "esc", "ctrl-c", "ctrl-g", "ctrl-d":
		return abandoned
	case "up", "ctrl-p":
		p.move(-1)
	case "down", "ctrl-n":
		p.move(1)
	case "pgup":
		p.move(-p.rows())
	case "pgdown":
		p.move(p.rows())
	case "home":
		p.move(-len(p.matches))
	case "end":
		p.move(len(p.matches))
	case "tab":
		p.toggle()
	case "ctrl-a":
		p.markAll()
	case "backspace":
		_, size := utf8.DecodeLastRuneInString(p.query)
		p.search(p.query[:len(p.query)-size])
	case "ctrl-u":
		p.search("")
	case "ctrl-w":
		p.search(p.query[:strings.LastIndex(strings.TrimRight(p.query, " "), " ")+1])
	default:
		if r, size := utf8.DecodeRuneInString(key); size > 0 && size == len(key) && r != utf8.RuneError && unicode.IsPrint(r) {
			p.search(p.query + key)
		}
	}
	return goOn
}

func (p *picker) move(by int) {
	p.at = max(0, min(len(p.matches)-1, p.at+by))
}

func (p *picker) toggle() {
	if !p.many || len(p.matches) == 0 {
		return
	}
	if i := p.matches[p.at]; p.marked[i] {
		delete(p.marked, i)
	} else {
		p.marked[i] = true
	}
	p.move(1)
}

// markAll marks all that match, or, if they are, none of them.
func (p *picker) markAll() {
	if !p.many {
		return
	}
	all := !slices.ContainsFunc(p.matches, func(i int) bool { return !p.marked[i] })
	for _, i := range p.matches {
		if all {
			delete(p.marked, i)
		} else {
			p.marked[i] = true
		}
	}
}

// result returns the indexes of what was chosen.
func (p *picker) result() (indexes []int) {
	for i := range p.choices {
		if p.marked[i] {
			indexes = append(indexes, i)
		}
	}
	if indexes == nil && len(p.matches) > 0 {
		indexes = []int{p.matches[p.at]}
	}
	return indexes
}

// rows is how many matches fit on the screen.
func (p *picker) rows() int { return max(1, p.height-3) }

const (
	cursorHome = "\x1b[H"
	// EraseLine erases from the cursor to the end of the line.
	EraseLine = "\x1b[K"
	eraseRest = "\x1b[J"
)

// frame returns what makes the screen show the picker: text for a terminal.
func (p *picker) frame() Prose {
	rows := p.rows()
	if p.at < p.top {
		p.top = p.at
	}
	p.top = max(0, min(max(p.top, p.at-rows+1), len(p.matches)-rows))
	head := Line(p.title) + " " + Prosef("%s", p.query)
	lines := []Prose{cut(head, p.width-1), p.faint(cut(p.summary(), p.width))}
	shown := p.matches[p.top:min(len(p.matches), p.top+rows)]
	nameWidth := 0
	for _, i := range shown {
		nameWidth = max(nameWidth, Width(Line(p.choices[i].Name)))
	}
	nameWidth = min(nameWidth, max(10, p.width*2/3))
	for n, i := range shown {
		lines = append(lines, p.line(i, p.top+n == p.at, nameWidth))
	}
	text := cursorHome + Join(lines, EraseLine+"\r\n") + EraseLine + eraseRest
	if help := cut(p.help(), p.width); p.height > 3 {
		text += Prosef("\x1b[%d;1H%s", p.height, p.faint(help)+EraseLine)
	}
	return text + Prosef("\x1b[1;%dH", min(p.width, Width(head)+1))
}

func (p *picker) summary() Prose {
	text := Prosef("  %d of %d", len(p.matches), len(p.choices))
	if len(p.marked) > 0 {
		text += Prosef(", %d marked", len(p.marked))
	}
	return text
}

func (p *picker) help() Prose {
	var text Prose = "Type to search, Up and Down to move, "
	if p.many {
		text += "Tab to mark, Ctrl-A to mark all, "
	}
	return text + "Enter to take, Esc to leave"
}

func (p *picker) line(i int, at bool, nameWidth int) Prose {
	var text Prose = "  "
	if at {
		text = "> "
	}
	if p.many && p.marked[i] {
		text += "[x] "
	} else if p.many {
		text += "[ ] "
	}
	name := cut(Line(p.choices[i].Name), nameWidth)
	text += name
	detail := Line(p.choices[i].Detail)
	if detail == "" {
		return p.bold(cut(text, p.width), at)
	}
	text = cut(text+Spaces(nameWidth-Width(name)+2), p.width)
	return p.bold(text, at) + p.faint(cut(detail, p.width-Width(text)))
}

func (p *picker) faint(text Prose) Prose {
	if p.plain || text == "" {
		return text
	}
	return "\x1b[2m" + text + "\x1b[0m"
}

func (p *picker) bold(text Prose, yes bool) Prose {
	if p.plain || !yes {
		return text
	}
	return "\x1b[1;36m" + text + "\x1b[0m"
}

// runeWidth is how many columns a letter takes, nearly: what joins with the one
// before it takes none, and CJK and emoji take two.
func runeWidth(r rune) int {
	switch {
	case unicode.In(r, unicode.Mn, unicode.Me, unicode.Cf):
		return 0
	case r >= 0x1100 && r <= 0x115f, r >= 0x2e80 && r <= 0xa4cf, r >= 0xac00 && r <= 0xd7a3, r >= 0xf900 && r <= 0xfaff,
		r >= 0xfe30 && r <= 0xfe6f, r >= 0xff00 && r <= 0xff60, r >= 0x1f300 && r <= 0x1faff, r >= 0x20000 && r <= 0x3fffd:
		return 2
	}
	return 1
}

// cut shortens a text to so many columns.
func cut(text Prose, columns int) Prose {
	if Width(text) <= columns {
		return text
	}
	return mapped(text, func(text string) string { return cutTo(text, columns) })
}

func cutTo(text string, columns int) string {
	var short strings.Builder
	left := columns - 1
	for _, r := range text {
		if left -= runeWidth(r); left < 0 {
			break
		}
		short.WriteRune(r)
	}
	if columns > 0 {
		short.WriteString("~")
	}
	return short.String()
}

// decodeKey names the key that bytes from a terminal begin with: a letter is
// itself. n is how many bytes it took; 0 means that more belong to it.
func decodeKey(bytes []byte) (key string, n int) {
	switch b := bytes[0]; {
	case b == '\r' || b == '\n':
		return "enter", 1
	case b == '\t':
		return "tab", 1
	case b == 0x7f || b == 0x08:
		return "backspace", 1
	case b == 0x1b:
		return decodeEscape(bytes)
	case b < 0x20:
		return "ctrl-" + string(rune('a'+b-1)), 1
	case !utf8.FullRune(bytes):
		return "", 0
	}
	_, size := utf8.DecodeRune(bytes)
	return string(bytes[:size]), size
}

// decodeEscape decodes what begins with the byte of the Esc key. The key itself
// sends nothing else; it is told by the silence that follows.
func decodeEscape(bytes []byte) (key string, n int) {
	if len(bytes) == 1 {
		return "", 0
	}
	if bytes[1] != '[' && bytes[1] != 'O' {
		return "esc", 1
	}
	for i := 2; i < len(bytes); i++ {
		if bytes[i] >= 0x40 && bytes[i] <= 0x7e {
			return map[string]string{
				"A": "up", "B": "down", "H": "home", "F": "end",
				"1~": "home", "4~": "end", "7~": "home", "8~": "end", "5~": "pgup", "6~": "pgdown",
			}[string(bytes[2:i+1])], i + 1
		}
	}
	return "", 0
}
