package printable

import (
	"encoding/json"
	"strings"
	"testing"
	"unicode/utf8"
)

func TestALineHasNothingThatATerminalObeys(t *testing.T) {
	for in, want := range map[string]string{
		"Invalid grant":        "Invalid grant",
		" a\r\nb\x1b[31m ":     "a  b [31m",
		"a\tb":                 "a b",
		"\xff":                 "",
		"naïve – 日本":           "naïve – 日本",
		"a\u202eb":             "a b",
		"a\u2066b\u2069c":      "a b c",
		"a\u200eb\u061cc":      "a b c",
		"a\u0085b\u009b31m":    "a b 31m",
		"a\u2028b\u2029c":      "a b c",
		"\ufeffa":              "a",
		"a\u3164b\uffa0c":      "a b c",
		"a\U000e0041b":         "a b",
		"\u26a0\ufe0f warning": "\u26a0\ufe0f warning",
	} {
		if got := Line(in); got != want {
			t.Errorf("%q: %q, want %q", in, got, want)
		}
	}
	if got := Line(strings.Repeat("ü", 10000)); got != strings.Repeat("ü", Most)+"…" {
		t.Errorf("%d bytes", len(got))
	}
	if got := Clean(" a b", 2); got != " a…" {
		t.Errorf("%q", got)
	}
}

func TestJSONKeepsItsValuesAndShowsNoControls(t *testing.T) {
	in := `{"a":"\u001b[31m` + "\u009b\u202e\u2066\u200e\u061c\u2028\ufeff\x7f\U000e0041日本" + "\"}\n"
	want := `{"a":"\u001b[31m\u009b\u202e\u2066\u200e\u061c\u2028\ufeff\u007f\udb40\udc41日本"}` + "\n"
	if got := string(JSON([]byte(in))); got != want {
		t.Errorf("%q, want %q", got, want)
	}
}

func FuzzPrintable(f *testing.F) {
	f.Add("a\x1b]0;x\x07b\u202e\u2028")
	f.Add("\xff\xfe\xed\xa0\x80")
	f.Fuzz(func(t *testing.T, text string) {
		line := Line(text)
		if n := utf8.RuneCountInString(line); n > Most+1 {
			t.Errorf("%d runes", n)
		}
		if again := Line(line); again != line && len(text) <= Most {
			t.Errorf("%q becomes %q", line, again)
		}
		data, err := json.Marshal(map[string]string{text: text})
		if err != nil {
			t.Fatal(err)
		}
		var before, after map[string]string
		if json.Unmarshal(data, &before) != nil || json.Unmarshal(JSON(data), &after) != nil {
			t.Fatalf("%q is no JSON any more: %q", data, JSON(data))
		}
		for key, value := range before {
			if after[key] != value {
				t.Errorf("%q: %q, not %q", key, after[key], value)
			}
		}
		for _, shown := range []string{line, string(JSON(data))} {
			for _, r := range shown {
				if !Is(r) || r == utf8.RuneError && !strings.ContainsRune(text, r) && utf8.ValidString(text) {
					t.Errorf("%q has %q in it", shown, r)
				}
			}
		}
	})
}
