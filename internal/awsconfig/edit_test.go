package awsconfig

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
	"testing"
)

const mark = Mark("credproc")

func edited(t *testing.T, text string, edit func(*Text) error) string {
	t.Helper()
	e := NewText("config", []byte(text))
	if err := edit(e); err != nil {
		t.Fatal(err)
	}
	return string(e.Bytes())
}

func TestABlockIsAddedReplacedAndRemoved(t *testing.T) {
	block := []string{"[profile a]", "region = r"}
	for _, tt := range []struct{ name, text, with string }{
		{"an empty file", "", "# >>> credproc >>> note\n[profile a]\nregion = r\n# <<< credproc <<<\n"},
		{"a file", "[default]\n", "[default]\n# >>> credproc >>> note\n[profile a]\nregion = r\n# <<< credproc <<<\n"},
		{"no last line end", "[default]", "[default]\n# >>> credproc >>> note\n[profile a]\nregion = r\n# <<< credproc <<<\n"},
		{"CRLF", "[default]\r\n", "[default]\r\n# >>> credproc >>> note\r\n[profile a]\r\nregion = r\r\n# <<< credproc <<<\r\n"},
		{"a block in the middle", "a\n# >>> credproc >>> old note\nx\n# <<< credproc <<<\nb", "a\n# >>> credproc >>> old note\n[profile a]\nregion = r\n# <<< credproc <<<\nb"},
		{"another one's block", "# >>> acme >>>\n# <<< acme <<<\n", "# >>> acme >>>\n# <<< acme <<<\n# >>> credproc >>> note\n[profile a]\nregion = r\n# <<< credproc <<<\n"},
		{"a byte order mark", "\ufeff# >>> credproc >>>\n# <<< credproc <<<\n", "\ufeff# >>> credproc >>>\n[profile a]\nregion = r\n# <<< credproc <<<\n"},
	} {
		set := func(e *Text) error { return e.SetBlock(mark, "note", block) }
		got := edited(t, tt.text, set)
		if got != tt.with {
			t.Errorf("%s: %q, want %q", tt.name, got, tt.with)
		}
		if again := edited(t, got, set); again != got {
			t.Errorf("%s: a second time %q", tt.name, again)
		}
		lines, ok, err := NewText("config", []byte(got)).Block(mark)
		if !slices.Equal(lines, block) || !ok || err != nil {
			t.Errorf("%s: the block is %q, %v, %v", tt.name, lines, ok, err)
		}
		gone := edited(t, got, func(e *Text) error { return e.SetBlock(mark, "note", nil) })
		if strings.Contains(gone, ">>> credproc") || len(gone) > len(tt.text)+2 {
			t.Errorf("%s: without it %q", tt.name, gone)
		}
	}
}

func TestMarksThatMakeNoPairAreAnError(t *testing.T) {
	for text, line := range map[string]int{
		"a\n# >>> credproc >>>\n": 2,
		"# <<< credproc <<<\n":    1,
		"# >>> credproc >>>\n# >>> credproc >>>\n# <<< credproc <<<\n": 2,
		"# >>> credproc >>>\n# <<< credproc <<<\n# <<< credproc <<<\n": 3,
	} {
		e := NewText("config", []byte(text))
		err := e.SetBlock(mark, "", []string{"x"})
		if syntax, ok := errors.AsType[*SyntaxError](err); !ok || syntax.Line != line || syntax.File != "config" {
			t.Errorf("%q: %v", text, err)
		}
		if string(e.Bytes()) != text {
			t.Errorf("%q was changed", text)
		}
	}
}

func TestAProfileIsConvertedAndReverted(t *testing.T) {
	const process = "credproc process --sso-session corp"
	for _, tt := range []struct{ name, text, converted string }{
		{
			"keys, comments and blank lines",
			"# mine\n[profile dev]\n\nsso_session = corp\nregion=eu-west-1\nSSO_Account_ID=1 ; c\n\n; end\n[profile dev2]\nsso_session = corp\n",
			"# mine\n[profile dev]\n\ncredential_process = " + process + "\n#credproc: sso_session = corp\nregion=eu-west-1\n#credproc: SSO_Account_ID=1 ; c\n\n; end\n[profile dev2]\nsso_session = corp\n",
		},
		{
			"no last line end", "[profile dev]\nsso_session = corp",
			"[profile dev]\ncredential_process = " + process + "\n#credproc: sso_session = corp",
		},
		{
			"CRLF, and two sections", "[profile dev]\r\nsso_session = corp\r\n[other]\r\nsso_session = x\r\n[ profile  dev ]\r\nsso_role_name = r\r\n",
			"[profile dev]\r\ncredential_process = " + process + "\r\n#credproc: sso_session = corp\r\n[other]\r\nsso_session = x\r\n[ profile  dev ]\r\n#credproc: sso_role_name = r\r\n",
		},
		{
			"a line beside the keys", "[profile dev]\ncredential_process = old line\nsso_session = corp\n",
			"[profile dev]\ncredential_process = " + process + "\n#credproc: credential_process = old line\n#credproc: sso_session = corp\n",
		},
	} {
		got := edited(t, tt.text, func(e *Text) error { return e.Convert("dev", mark, process) })
		if got != tt.converted {
			t.Errorf("%s: %q, want %q", tt.name, got, tt.converted)
		}
		if back := edited(t, got, func(e *Text) error { return e.Revert("dev", mark, []string{"not this"}) }); back != tt.text {
			t.Errorf("%s: back %q, want %q", tt.name, back, tt.text)
		}
	}
}

func TestANoteBehindTheWordsOfAConversionIsNoKey(t *testing.T) {
	text := "[profile own]\n#credproc: not yet = no\ncredential_process = other-tool get\n[profile dev]\nsso_session = corp\n#credproc: soon\n"
	converted := edited(t, text, func(e *Text) error { return e.Convert("dev", mark, "credproc process") })
	if got := NewText("config", []byte(converted)).Converted(mark); !slices.Equal(got, []string{"dev"}) {
		t.Errorf("converted are %v", got)
	}
	if back := edited(t, converted, func(e *Text) error { return e.Revert("dev", mark, nil) }); back != text {
		t.Errorf("back %q, want %q", back, text)
	}
}

func TestAProfileThatWasNeverConvertedGetsNativeKeys(t *testing.T) {
	native := []string{"sso_session = corp", "sso_account_id = 111111111111"}
	got := edited(t, "[profile dev]\nregion = r\ncredential_process = credproc process", func(e *Text) error { return e.Revert("dev", mark, native) })
	if want := "[profile dev]\nregion = r\nsso_session = corp\nsso_account_id = 111111111111"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
}

func TestTheProfileDefaultIsWhereItCounts(t *testing.T) {
	const process = "credproc process"
	for text, want := range map[string]string{
		"[default]\nsso_session = a\n":                                     "[default]\ncredential_process = credproc process\n#credproc: sso_session = a\n",
		"[default]\nsso_session = a\n[profile default]\nsso_session = b\n": "[default]\nsso_session = a\n[profile default]\ncredential_process = credproc process\n#credproc: sso_session = b\n",
	} {
		if got := edited(t, text, func(e *Text) error { return e.Convert("default", mark, process) }); got != want {
			t.Errorf("%q: %q, want %q", text, got, want)
		}
	}
}

func TestWhatCannotBeEditedIsLeftAlone(t *testing.T) {
	for _, tt := range []struct {
		text    string
		edit    func(*Text) error
		problem string
	}{
		{"[profile dev]\nregion = r\n", func(e *Text) error { return e.Convert("dev", mark, "p") }, "has no sso_ keys and no credential_process in config"},
		{"", func(e *Text) error { return e.Convert("dev", mark, "p") }, "has no sso_ keys and no credential_process in config"},
		{"[profile dev]\nsso_session = a\n  b\n", func(e *Text) error { return e.Convert("dev", mark, "p") }, "has a value of sso_session that goes on in the next line"},
		{"[profile dev]\n#credproc: sso_region = b\nsso_session = a\n", func(e *Text) error { return e.Convert("dev", mark, "p") }, "was converted before"},
		{"[profile dev]\nregion = r\n", func(e *Text) error { return e.Revert("dev", mark, nil) }, "has no credential_process in config"},
		{"[profile dev]\ncredential_process = a\n\n b\n", func(e *Text) error { return e.Revert("dev", mark, []string{"x"}) }, "has a credential_process that goes on in the next line"},
	} {
		e := NewText("config", []byte(tt.text))
		err := tt.edit(e)
		if edit, ok := errors.AsType[*EditError](err); !ok || edit.Problem != tt.problem || edit.Profile != "dev" {
			t.Errorf("%q: %v, want %s", tt.text, err, tt.problem)
		}
		if string(e.Bytes()) != tt.text {
			t.Errorf("%q was changed to %q", tt.text, e.Bytes())
		}
	}
}

func TestPartsOfABlockKeepWhatIsInThem(t *testing.T) {
	lines := []string{"# lead", "[sso-session corp]", "a = 1", "", "[profile x] # c", "region = r # old", "# hand", "[nonsense]", "b"}
	parts := Parts(lines)
	var names, all []string
	for _, p := range parts {
		names = append(names, p.Kind+" "+p.Name)
		all = append(all, p.Lines...)
	}
	if !slices.Equal(all, lines) || !slices.Equal(names, []string{" ", "sso-session corp", "profile x", " "}) {
		t.Errorf("%q: %q", names, all)
	}
	x := &parts[2]
	x.Set("region", "r") // which it is
	x.Set("output", "json")
	x.Set("Region", "no")
	if v, ok := x.Get("region"); !ok || v != "r" {
		t.Errorf("region is %q", v)
	}
	if want := []string{"[profile x] # c", "Region = no", "output = json", "region = r # old", "# hand"}; !slices.Equal(x.Lines, want) {
		t.Errorf("%q, want %q", x.Lines, want)
	}
}

func TestOnlyNamesThatEverySDKReadsAreWritten(t *testing.T) {
	for name, want := range map[string]bool{"": false, "a b": false, "a/b@c.d_e-f:g+h%i": true, "größe": false, "a]": false, `"a"`: false, "a#b": false} {
		if got := IsSectionName(name); got != want {
			t.Errorf("%q: %v", name, got)
		}
		c, err := parsed("f", []byte("[profile "+name+"]\n"), false)
		if want && (err != nil || c.Profiles[name] == nil) {
			t.Errorf("%q is not read back: %v", name, err)
		}
	}
}

func TestTheFlagsOfALineAreReadWhateverProgramItRuns(t *testing.T) {
	got := LineFlags("/opt/acme aws process --sso-session corp --account-id=111111111111 --role-name Admin")
	if want := map[string]string{"--sso-session": "corp", "--account-id": "111111111111", "--role-name": "Admin"}; !maps.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
}

// FuzzEdit edits anything, and finds everything else as it was: to the byte, and
// to the reader.
func FuzzEdit(f *testing.F) {
	for _, file := range []string{
		"", "[default]", "\ufeff[default]\r\nregion = eu-west-1\r\n", "[profile a]\nsso_session = s\nsso_account_id = 111111111111\nsso_role_name = R",
		"[profile \"a b\"]\nsso_start_url = https://x/start#/\nsso_region = r\nsso_account_id = 1\nsso_role_name = R\n\n\n",
		"[default]\nsso_session=s\n[profile default]\nsso_session = s ; c\n [x]\n#credproc: a = b\n",
		"# >>> credproc >>>\n[profile a]\nsso_session = s\n# <<< credproc <<<\n[profile a]\nSSO_REGION = x\n  y = z\n",
		"# >>> credproc >>>\n", "x\r\ny\nz\r", "[profile a\nsso_session = s", "[default]\nsso_session=\n[profile default", "[services s]\nsso =\n  endpoint_url = x\n",
	} {
		f.Add([]byte(file), "[profile new]\ncredential_process = c")
	}
	f.Fuzz(func(t *testing.T, file []byte, block string) {
		lines := strings.Split(strings.NewReplacer("\r", "", "<<<", "", ">>>", "").Replace(block), "\n")
		checkBlock(t, file, lines)
		c, err := parsed("config", file, false)
		if err != nil {
			return
		}
		for name := range c.Profiles {
			checkConversion(t, file, c, name)
		}
	})
}

func checkBlock(t *testing.T, file []byte, lines []string) {
	e := NewText("config", file)
	before, err := NewText("config", file).Outside(mark)
	if errSet := e.SetBlock(mark, "note", lines); (errSet == nil) != (err == nil) {
		t.Fatalf("errors %v and %v", errSet, err)
	}
	if err != nil {
		if !bytes.Equal(e.Bytes(), file) {
			t.Fatalf("changed to %q although %v", e.Bytes(), err)
		}
		return
	}
	got := e.Bytes()
	after, err := NewText("config", got).Outside(mark)
	if err != nil {
		t.Fatal(err)
	}
	was, is := before.Bytes(), after.Bytes()
	if len(was) > 0 && was[len(was)-1] != '\n' && len(is) > len(was) {
		was = append(was, is[len(was):]...) // the line end that the block needs before it
	}
	if !bytes.Equal(was, is) || len(is) > len(before.Bytes())+2 {
		t.Fatalf("outside of the block %q, before %q", is, was)
	}
	if back, ok, err := NewText("config", got).Block(mark); !ok || err != nil || !slices.Equal(back, lines) {
		t.Fatalf("the block is %q, want %q (%v)", back, lines, err)
	}
	e.SetBlock(mark, "note", lines)
	if !bytes.Equal(e.Bytes(), got) {
		t.Fatalf("a second time %q, the first time %q", e.Bytes(), got)
	}
}

func checkConversion(t *testing.T, file []byte, c *Config, name string) {
	e := NewText("config", file)
	err := e.Convert(name, mark, "credproc process --account-id 1")
	if err != nil {
		if !bytes.Equal(e.Bytes(), file) {
			t.Fatalf("%q: changed although %v", name, err)
		}
		return
	}
	now, err := parsed("config", e.Bytes(), false)
	if err != nil {
		t.Fatalf("%q: %v\n%q", name, err, e.Bytes())
	}
	if v, _ := now.Profiles[name].Get("credential_process"); v != "credproc process --account-id 1" {
		t.Fatalf("%q: its process is %q in %q", name, v, e.Bytes())
	}
	want := values(c)
	maps.DeleteFunc(want, func(k, _ string) bool {
		return slices.ContainsFunc(append(nativeKeys, "credential_process"), func(key string) bool { return k == fmt.Sprintf("profile %q %s", name, key) })
	})
	got := values(now)
	delete(got, fmt.Sprintf("profile %q credential_process", name))
	if !reflect.DeepEqual(got, want) {
		t.Fatalf("%q: read as %v, want %v", name, got, want)
	}
	if err := e.Revert(name, mark, nil); err != nil {
		t.Fatalf("%q: %v", name, err)
	}
	if !bytes.Equal(e.Bytes(), file) {
		t.Fatalf("%q: back %q, want %q", name, e.Bytes(), file)
	}
}

// values is everything that a config says.
func values(c *Config) map[string]string {
	all := map[string]string{}
	for kind, sections := range map[string]map[string]*Section{"profile": c.Profiles, "sso-session": c.Sessions, "services": c.Services} {
		for name, s := range sections {
			for _, p := range s.properties {
				all[fmt.Sprintf("%s %q %s", kind, name, p.key)] = p.value
			}
		}
	}
	return all
}
