package terminal

import (
	"cmp"
	"context"
	"slices"
	"sort"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/credproc/credproc/cmd/internal/match"
)

// Choice is something to be picked. Both parts are searched.
type Choice struct{ Name, Detail string }

// Choices are names that say all there is.
func Choices(names ...string) (all []Choice) {
	for _, name := range names {
		all = append(all, Choice{Name: name})
	}
	return all
}

// A Menu is a list from which the user picks.
type Menu struct {
	Title   string
	Choices []Choice
	Query   string // what is searched for at first
	Many    bool   // several may be marked
	// Load, if not nil, runs while the menu is open, and calls add for choices that
	// come later. It must return soon after ctx ends, which the end of the menu does.
	Load func(ctx context.Context, add func(News))
}

// picker is a list that the user searches while it is on the screen. It knows
// keys and lines; package terminal's [Terminal] knows the terminal.
type picker struct {
	Menu
	plain bool // no colors

	inbox  inbox
	note   string
	loaded bool // everything is here

	shown   []Choice // printable
	folded  []string // what is searched: the name, a space, the detail
	query   string
	matches []int // indexes of choices, the best first
	at      int   // of matches: where the cursor is
	top     int   // of matches: the first on the screen
	moved   bool  // the cursor was, since the search
	marked  map[int]bool

	width, height int
}

func newPicker(m Menu) *picker {
	p := &picker{Menu: m, loaded: m.Load == nil, marked: map[int]bool{}, width: 80, height: 24}
	p.Choices = nil
	p.add(m.Choices)
	p.search(m.Query)
	return p
}

func (p *picker) add(choices []Choice) {
	p.Choices = append(p.Choices, choices...)
	for _, c := range choices {
		c = Choice{string(Line(c.Name)), string(Line(c.Detail))}
		p.shown = append(p.shown, c)
		p.folded = append(p.folded, match.Fold(c.Name+" "+c.Detail))
	}
}

// search shows what matches the query. What matches a longer one also matched
// the shorter.
func (p *picker) search(query string) {
	within := p.matches
	if p.matches == nil || !strings.HasPrefix(query, p.query) {
		within = make([]int, len(p.Choices))
		for i := range within {
			within[i] = i
		}
	}
	p.query, p.at, p.top, p.moved = query, 0, 0, false
	words := match.Words(query)
	scores := make(map[int]int, len(within))
	p.matches = make([]int, 0, len(within))
	for _, i := range within {
		if score, ok := words.Rate(p.folded[i]); ok {
			scores[i] = score
			p.matches = append(p.matches, i)
		}
	}
	sort.Slice(p.matches, func(i, j int) bool {
		a, b := p.matches[i], p.matches[j]
		return cmp.Or(scores[b]-scores[a], a-b) < 0
	})
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
	p.moved = true
	p.at = max(0, min(len(p.matches)-1, p.at+by))
}

func (p *picker) toggle() {
	if !p.Many || len(p.matches) == 0 {
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
	if !p.Many {
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
	for i := range p.Choices {
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
	head := Line(p.Title) + " " + Prosef("%s", p.query)
	lines := []Prose{cut(head, p.width-1), p.faint(cut(p.summary(), p.width))}
	lines = append(lines, p.list(p.matches[p.top:min(len(p.matches), p.top+rows)])...)
	text := cursorHome + Join(lines, EraseLine+"\r\n") + EraseLine + eraseRest
	if p.height > 3 {
		text += Prosef("\x1b[%d;1H%s", p.height, p.faint(p.help())+EraseLine)
	}
	return text + Prosef("\x1b[1;%dH", min(p.width, Width(head)+1))
}

func (p *picker) summary() Prose {
	text := Prosef("  %d of %d", len(p.matches), len(p.Choices))
	if len(p.marked) > 0 {
		text += Prosef(", %d marked", len(p.marked))
	}
	if p.note != "" {
		text += ", " + Line(p.note)
	}
	return text
}

// help returns the longest line of help that fits.
func (p *picker) help() Prose {
	lines := []Prose{"Type to search, Up/Down to move, Enter to select, Esc to cancel", "Enter to select, Esc to cancel", "Enter, or Esc"}
	if p.Many {
		lines = []Prose{"Type to search, Tab to mark, Ctrl-A to mark all, Enter to accept, Esc to cancel",
			"Tab: mark, Ctrl-A: all, Enter: accept", "Tab, Enter, or Esc"}
	}
	for _, line := range lines {
		if Width(line) <= p.width {
			return line
		}
	}
	return ""
}

// list draws the choices that are on the screen.
func (p *picker) list(shown []int) (lines []Prose) {
	switch {
	case len(shown) == 0 && !p.loaded:
		return []Prose{cut("  No match yet.", p.width)}
	case len(shown) == 0:
		return []Prose{cut("  No match. Ctrl-U clears the search.", p.width)}
	}
	nameWidth := 0
	for _, i := range shown {
		nameWidth = max(nameWidth, Width(p.shown[i].Name))
	}
	if p.width >= 60 { // else there is room for names alone
		nameWidth = min(nameWidth, p.width*2/3)
	}
	for n, i := range shown {
		lines = append(lines, p.line(i, p.top+n == p.at, nameWidth))
	}
	return lines
}

func (p *picker) line(i int, at bool, nameWidth int) Prose {
	var text Prose = "  "
	if at {
		text = "> "
	}
	if p.Many && p.marked[i] {
		text += "[x] "
	} else if p.Many {
		text += "[ ] "
	}
	var style string
	if at {
		style = "1;36"
	}
	c, letters := p.shown[i], match.Words(p.query).Letters(p.folded[i])
	name := cut(Line(c.Name), min(nameWidth, p.width-Width(text)))
	gap := nameWidth - Width(name) + 2
	room := p.width - Width(text) - nameWidth - 2
	text = p.lit(text+name, letters, -Width(text), style)
	if c.Detail == "" || room < 1 {
		return text
	}
	return text + Spaces(gap) + p.lit(cut(Line(c.Detail), room), letters, utf8.RuneCountInString(c.Name)+1, "2")
}

// lit draws text in a style, and the letters that the search has found in bold and
// underlined. The first rune of the text is one of those found if found[first].
//
// A negative first is for what comes before the text that is searched.
func (p *picker) lit(text Prose, found map[int]bool, first int, style string) Prose {
	var drawn Prose
	runes := []rune(string(text))
	for from := 0; from < len(runes); {
		to := from + 1
		for to < len(runes) && found[first+to] == found[first+from] {
			to++
		}
		run := mapped(text, func(string) string { return string(runes[from:to]) })
		if found[first+from] {
			drawn += p.styled(run, strings.TrimPrefix(strings.TrimPrefix(style, "2")+";1;4", ";"))
		} else {
			drawn += p.styled(run, style)
		}
		from = to
	}
	return drawn
}

func (p *picker) faint(text Prose) Prose { return p.styled(text, "2") }

func (p *picker) styled(text Prose, style string) Prose {
	if p.plain || text == "" || style == "" {
		return text
	}
	return Prosef("\x1b[%sm%s\x1b[0m", style, text)
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

// decodeKey names the key that bytes from a terminal start with: a letter is
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

// decodeEscape decodes what starts with the byte of the Esc key. The key itself
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
