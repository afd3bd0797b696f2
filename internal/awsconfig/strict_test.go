package awsconfig_test

import (
	"testing"

	"github.com/credproc/credproc/internal/awsconfig"
)

func TestWhatIsPassedOverElsewhereIsAnErrorInAStrictFile(t *testing.T) {
	for text, want := range map[string]string{
		"[a]\nb = c\n[a]":     "f:3: a second [a]: the first one is in line 1",
		"[a]\nb = c\nB = d":   "f:3: a second b: the first one is in line 2",
		"[other]":             "f:1: unknown section [other]",
		"[a 'x' y]":           "f:1: [a 'x' y] has no valid name",
		"[a]\nb":              "f:2: expected an '=' sign",
		"[a]\nb c = d":        `f:2: "b c" is not a valid key`,
		"[a]\n  b = c":        "f:2: expected a property before an indented line",
		"[a]\nb = c\x1b":      "f:2: the line has a control character",
		"\ufeff[a]":           "f:1: the file starts with a byte order mark, and must not have one",
		"[\x00a\x00]\x00\n":   "f:1: the file is UTF-16, and must be UTF-8",
		"[a]\nb = c\rd = e\r": "f:2: the line has a control character",
	} {
		sections, err := awsconfig.ParseStrict("f", text, "a")
		if sections != nil || err == nil || err.Error() != want {
			t.Errorf("%q: %v, %v, want %s", text, sections, err, want)
		}
	}
}

func TestAStrictFileIsReadAsAConfigFileIs(t *testing.T) {
	const text = "# first\r\n[a]\r\n\r\nb = c # d\r\n; e\r\nlist =\r\n  one ; no\r\n  two\r\n[b \"x y\"] # named\nB = C"
	sections, err := awsconfig.ParseStrict("f", text, "a", "b")
	if err != nil || len(sections) != 2 {
		t.Fatalf("%v, %v, want two sections", sections, err)
	}
	for i, want := range []map[string]string{{"b": "c", "list": "\none\ntwo"}, {"b": "C"}} {
		for key, value := range want {
			if got, _ := sections[i].Get(key); got != value {
				t.Errorf("%s of %v is %q, want %q", key, sections[i], got, value)
			}
		}
	}
	if s := sections[1]; s.Name != "x y" || awsconfig.KindOf(s) != "b" || s.Where("b").Line != 10 || s.Line != 9 {
		t.Errorf("the second section is %q of %q in line %d", s.Name, awsconfig.KindOf(s), s.Line)
	}
}

func TestKeysAreRenamedInACopy(t *testing.T) {
	sections, err := awsconfig.ParseStrict("f", "[a]\ncredproc_flow = pkce\nregion = x", "a")
	if err != nil {
		t.Fatal(err)
	}
	renamed := sections[0].Renamed("credproc_", "acme_")
	if got, _ := renamed.Get("acme_flow"); got != "pkce" || len(renamed.Keys("")) != 2 {
		t.Errorf("acme_flow is %q in %v", got, renamed.Keys(""))
	}
	if _, ok := sections[0].Get("credproc_flow"); !ok {
		t.Error("the section itself has changed")
	}
}
