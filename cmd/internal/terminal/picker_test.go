package terminal

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"
)

func accountsToPick(n int) (choices []Choice) {
	for i := range n {
		choices = append(choices, Choice{fmt.Sprintf("team-%d-prod", i), fmt.Sprintf("ReadOnly  %012d", i)})
	}
	return choices
}

// shown are the lines of a frame, as they are on the screen.
func shown(p *picker) []string {
	frame, _, _ := strings.Cut(strings.TrimPrefix(string(p.frame()), cursorHome), eraseRest)
	return strings.Split(strings.ReplaceAll(frame, EraseLine, ""), "\r\n")
}

func pressAll(p *picker, keys ...string) outcome {
	for _, key := range keys {
		if o := p.press(key); o != goOn {
			return o
		}
	}
	return goOn
}

func takenBy(p *picker) (names []string) {
	for _, i := range p.result() {
		names = append(names, p.Choices[i].Name)
	}
	return names
}

func TestWhatIsTypedFindsTheBestFirst(t *testing.T) {
	choices := []Choice{{"xprod", ""}, {"pr-old", ""}, {"dev", "prod"}, {"Prod/Admin", "111111111111"}, {"nothing", ""}}
	for _, test := range []struct {
		query string
		want  []string
	}{
		{"prod", []string{"Prod/Admin", "dev", "xprod", "pr-old"}},
		{"PROD adm", []string{"Prod/Admin"}},
		{"1111", []string{"Prod/Admin"}},
		{"zzz", nil},
		{"", []string{"xprod", "pr-old", "dev", "Prod/Admin", "nothing"}},
	} {
		p := newPicker(Menu{Choices: choices})
		for _, r := range test.query {
			p.press(string(r))
		}
		var got []string
		for _, i := range p.matches {
			got = append(got, p.Choices[i].Name)
		}
		if !slices.Equal(got, test.want) {
			t.Errorf("%q finds %q, want %q", test.query, got, test.want)
		}
	}
}

func TestSearchingLetterByLetterFindsWhatSearchingAtOnceFinds(t *testing.T) {
	choices := accountsToPick(300)
	for _, query := range []string{"team-12", "t7p only", "prod 299", "1 2 3"} {
		slow, quick := newPicker(Menu{Choices: choices}), newPicker(Menu{Choices: choices})
		for _, r := range query + "x" {
			slow.press(string(r))
		}
		slow.press("backspace")
		quick.search(query)
		if !slices.Equal(slow.matches, quick.matches) {
			t.Errorf("%q: %v, at once %v", query, slow.matches, quick.matches)
		}
	}
}

func TestTheCursorStaysInTheListAndOnTheScreen(t *testing.T) {
	p := newPicker(Menu{Title: "Which?", Choices: accountsToPick(100)})
	p.plain, p.width, p.height = true, 40, 10
	for _, test := range []struct {
		key  string
		want string
	}{
		{"up", "team-0-prod"}, {"down", "team-1-prod"}, {"pgdown", "team-8-prod"}, {"end", "team-99-prod"}, {"down", "team-99-prod"},
		{"pgup", "team-92-prod"}, {"home", "team-0-prod"}, {"ctrl-n", "team-1-prod"}, {"ctrl-p", "team-0-prod"},
	} {
		p.press(test.key)
		at := slices.IndexFunc(shown(p), func(line string) bool { return strings.Contains(line, "> "+test.want) })
		if got := takenBy(p); got[0] != test.want || at < 0 {
			t.Errorf("%s: at %q, on the screen in line %d", test.key, got, at)
		}
	}
}

func TestAFrameFitsIntoAnyWindow(t *testing.T) {
	choices := append(accountsToPick(60), Choice{"ein sehr langer Name 日本語 🚀 mit allem", strings.Repeat("x", 200)})
	for width := 20; width < 100; width += 7 {
		for height := 4; height < 40; height += 5 {
			p := newPicker(Menu{Title: "Which role?", Choices: choices, Many: true})
			p.plain, p.width, p.height = true, width, height
			p.press("end")
			lines := shown(p)
			if len(lines) > height-1 {
				t.Errorf("%dx%d: %d lines", width, height, len(lines))
			}
			for _, line := range lines {
				if wide := len([]rune(line)); wide > width {
					t.Errorf("%dx%d: %d columns: %q", width, height, wide, line)
				}
			}
		}
	}
}

func TestSeveralAreMarked(t *testing.T) {
	p := newPicker(Menu{Title: "Which?", Choices: accountsToPick(5), Many: true})
	pressAll(p, "tab", "down", "tab")
	if got := takenBy(p); !slices.Equal(got, []string{"team-0-prod", "team-2-prod"}) {
		t.Errorf("marked are %q", got)
	}
	pressAll(p, "ctrl-u", "4", "ctrl-a", "ctrl-u")
	if got := takenBy(p); !slices.Equal(got, []string{"team-0-prod", "team-2-prod", "team-4-prod"}) {
		t.Errorf("marked are %q", got)
	}
	pressAll(p, "ctrl-a", "ctrl-a")
	if got := len(p.marked); got != 0 {
		t.Errorf("%d are marked after all were", got)
	}
}

func TestOneIsTakenAndTheListCanBeLeft(t *testing.T) {
	p := newPicker(Menu{Title: "Which?", Choices: accountsToPick(5)})
	if got := pressAll(p, "3", "enter"); got != chosen || takenBy(p)[0] != "team-3-prod" {
		t.Errorf("%v: %q", got, takenBy(p))
	}
	if got := pressAll(p, "z", "enter"); got != goOn {
		t.Errorf("nothing matches, and yet %v", got)
	}
	if got := pressAll(p, "tab", "\x00", ""); got != goOn || len(p.marked) != 0 {
		t.Errorf("%v, %d marked", got, len(p.marked))
	}
	for _, key := range []string{"esc", "ctrl-c"} {
		if got := p.press(key); got != abandoned {
			t.Errorf("%s: %v", key, got)
		}
	}
}

func TestKeysAreToldApart(t *testing.T) {
	for _, test := range []struct {
		bytes, key string
		n          int
	}{
		{"a", "a", 1}, {"é!", "é", 2}, {"\xc3", "", 0}, {"\r", "enter", 1}, {"\n", "enter", 1}, {"\t", "tab", 1}, {"\x7f", "backspace", 1},
		{"\x03", "ctrl-c", 1}, {"\x1b", "", 0}, {"\x1b[A", "up", 3}, {"\x1bOB", "down", 3}, {"\x1b[", "", 0}, {"\x1b[5~x", "pgup", 4},
		{"\x1b[1;5C", "", 6}, {"\x1b\x1b", "esc", 1}, {"\xff", "\xff", 1},
	} {
		if key, n := decodeKey([]byte(test.bytes)); key != test.key || n != test.n {
			t.Errorf("%q: %q of %d bytes, want %q of %d", test.bytes, key, n, test.key, test.n)
		}
	}
}

func TestAPickerShowsNothingThatMovesTheCursor(t *testing.T) {
	p := newPicker(Menu{Title: "\x1b[2J", Choices: []Choice{{"\x1b]0;evil\a", "\r\n\x1b[H"}}})
	p.plain = true
	for _, line := range shown(p) {
		if strings.ContainsAny(line, "\x1b\a\r\n") {
			t.Errorf("%q", line)
		}
	}
}

func TestAPickerOpensWithAQueryThatCanBeChanged(t *testing.T) {
	p := newPicker(Menu{Choices: accountsToPick(50), Query: "prod 0007"})
	if got := takenBy(p); got[0] != "team-7-prod" {
		t.Errorf("%d matches, the first is %q", len(p.matches), got)
	}
	pressAll(p, "backspace")
	if len(p.matches) != 50 || p.query != "prod 000" {
		t.Errorf("%d matches of %q", len(p.matches), p.query)
	}
}

func TestAQueryThatMatchesNothingSaysSo(t *testing.T) {
	p := newPicker(Menu{Title: "Which?", Choices: accountsToPick(5), Query: "zzz"})
	p.plain, p.width = true, 40
	want := []string{"Which? zzz", "  0 of 5", "  No match. Ctrl-U clears the search."}
	if got := shown(p); !slices.Equal(got, want) {
		t.Errorf("shown are %q, want %q", got, want)
	}
}

func TestTheHelpFitsAndSaysHowToAcceptAndToLeave(t *testing.T) {
	for _, many := range []bool{false, true} {
		for width := 20; width <= 200; width++ {
			p := newPicker(Menu{Choices: accountsToPick(5), Many: many})
			p.width = width
			help := string(p.help())
			if len(help) > width || !strings.Contains(help, "Enter") || many != strings.Contains(help, "Tab") {
				t.Errorf("%d columns, many %v: %q", width, many, help)
			}
			if width >= 80 && !strings.Contains(help, "Type to search") || width >= 30 && !many && !strings.Contains(help, "Esc to cancel") {
				t.Errorf("%d columns, many %v: only %q", width, many, help)
			}
		}
	}
}

func TestTheLettersThatMatchAreShown(t *testing.T) {
	for _, test := range []struct{ query, name, detail, want string }{
		{"adm", "Prod/Admin", "", "Prod/<Adm>in"},
		{"PRD", "Prod/Admin", "", "<Pr>o<d>/Admin"},
		{"min 77", "Prod/Admin", "000777", "Prod/Ad<min>  0007<77>"},
		{"日", "ÄÖ 日本", "x日", "ÄÖ <日>本  x日"},
		{"d a", "bad ad", "", "ba<d> <a>d"}, // which starts a word
		{"", "Prod", "1", "Prod  1"},
		{"ı", "İı\x1b", "", "İ<ı>"},
	} {
		p := newPicker(Menu{Choices: []Choice{{test.name, test.detail}}, Query: test.query})
		line := strings.Split(string(p.frame()), "\r\n")[2]
		line, _, _ = strings.Cut(line, EraseLine)
		for _, style := range []string{"1;36;1;4", "1;4"} {
			line = regexp.MustCompile("\x1b\\["+style+"m(.*?)\x1b\\[0m").ReplaceAllString(line, "<$1>")
		}
		line = regexp.MustCompile("\x1b\\[[0-9;]*m").ReplaceAllString(line, "")
		if line != "> "+test.want {
			t.Errorf("%q: %q, want %q", test.query, line, "> "+test.want)
		}
	}
}

func BenchmarkAKeyAmongFiveThousand(b *testing.B) {
	p := newPicker(Menu{Choices: accountsToPick(5000)})
	for b.Loop() {
		p.press("t")
		p.frame()
		p.press("ctrl-u")
	}
}
