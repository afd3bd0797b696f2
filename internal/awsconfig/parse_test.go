package awsconfig

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
)

// files parses both files, neither of which may have an error.
func files(t testing.TB, config, credentials string) *Config {
	t.Helper()
	c := &Config{Path: "config", CredentialsPath: "credentials"}
	if err := c.add("config", config, false); err != nil {
		t.Fatal(err)
	}
	if err := c.add("credentials", credentials, true); err != nil {
		t.Fatal(err)
	}
	return c
}

// dump prints all that c says: "profile NAME, KEY "VALUE"; session NAME".
func dump(c *Config) string {
	var all []string
	for _, kind := range []struct {
		name     string
		sections map[string]*Section
	}{{"profile", c.Profiles}, {"session", c.Sessions}, {"services", c.Services}} {
		for _, name := range names(kind.sections) {
			var text strings.Builder
			text.WriteString(kind.name + " " + name)
			if kind.sections[name].Name != name {
				text.WriteString(" is called " + kind.sections[name].Name)
			}
			for _, p := range kind.sections[name].properties {
				text.WriteString(fmt.Sprintf(", %s %q", p.key, p.value))
			}
			all = append(all, text.String())
		}
	}
	return strings.Join(all, "; ")
}

// Most cases are from the AWS SDKs' shared test suite,
// https://github.com/smithy-lang/smithy-rs/blob/main/aws/rust-runtime/aws-runtime/test-data/profile-parser-tests.json
func TestParseConfigFile(t *testing.T) {
	tests := []struct{ name, file, want string }{
		{"empty file", "", ""},
		{"empty profile", "[profile foo]", "profile foo"},
		{"several profiles", "[profile foo]\na = 1\n[profile bar]\nb = 2\n", `profile bar, b "2"; profile foo, a "1"`},
		{"byte order mark", "\ufeff[profile foo]\na = 1", `profile foo, a "1"`},
		{"byte order mark, not at the start", "[profile foo]\na = \ufeff1", `profile foo, a "\ufeff1"`},
		{"CRLF", "[profile foo]\r\na = 1\r\n\r\nb = \r\n c = 2\r\n", `profile foo, a "1", b "\nc = 2"`},
		{"bytes that are not UTF-8", "[profile foo]\na = \xff", `profile foo, a "\xff"`},
		{"Unicode value", "[profile foo]\na = ü€", `profile foo, a "ü€"`},
		{"blank lines", "\t \n[profile foo]\n\t\n \na = 1\n\t \n[profile bar]\n \t", `profile bar; profile foo, a "1"`},

		{"first '=' splits", "[profile foo]\na = val=ue", `profile foo, a "val=ue"`},
		{"spaces around '='", "[profile foo]\na \t=  \t1 \t", `profile foo, a "1"`},
		{"no spaces around '='", "[profile foo]\na=1", `profile foo, a "1"`},
		{"empty value", "[profile foo]\na =\nb = 2", `profile foo, a "", b "2"`},
		{"quotes stay in a value", "[profile foo]\na = \"1 2\"", `profile foo, a "\"1 2\""`},
		{"keys in lower case", "[profile foo]\nSSO_Region = Eu", `profile foo, sso_region "Eu"`},
		{"all the characters of a key", "[profile foo]\nAZaz09-_ = 1", `profile foo, azaz09-_ "1"`},
		{"invalid key, with its continuation", "[profile foo]\nin valid = 1\n 2\nb = 3", `profile foo, b "3"`},

		{"comment lines", "# c\n[profile foo]\n; c = 1\n#c\na = 1", `profile foo, a "1"`},
		{"comment after a value", "[profile foo]\na = 1 # c # d\nb = 2\t; c = d\nc = ;\n", `profile foo, a "1", b "2", c ""`},
		{"no comment without a space", "[profile foo]\na = 1# c\nb = 2; c\nc =# c", `profile foo, a "1# c", b "2; c", c "# c"`},
		{"fragment of a start URL", "[profile foo]\na = https://x/start/#/", `profile foo, a "https://x/start/#/"`},
		{"comment after a header", "[profile foo] # c\n[profile bar]; c ] d\n[profile baz]#\t[x]\n", "profile bar; profile baz; profile foo"},
		{"indented comment", "[profile foo]\n  # c\na = 1\n  # c\nb =\n  ; c\n  c = 2", `profile foo, a "1", b "\nc = 2"`},

		{"continuation", "[profile foo]\na = 1\n -2\n\t \t3 \t", `profile foo, a "1\n-2\n3"`},
		{"continuation after a blank line", "[profile foo]\na = 1\n\n 2", `profile foo, a "1\n2"`},
		{"continuation keeps a comment", "[profile foo]\na = 1\n 2 # c\n 3 ; c", `profile foo, a "1\n2 # c\n3 ; c"`},
		{"continuation with an '='", "[profile foo]\noutput = json\n region = r1", `profile foo, output "json\nregion = r1"`},
		{"continuation of a repeated key", "[profile foo]\na = 1\nb = 2\na = 3\n 4", `profile foo, a "3\n4", b "2"`},
		{"nested block", "[profile foo]\ns3 =\n a = 1\n\t \n b=\n in valid = 2", `profile foo, s3 "\na = 1\nb=\nin valid = 2"`},
		{"nested block after a comment", "[profile foo]\ns3 = # c\n a = 1", `profile foo, s3 "\na = 1"`},

		{"repeated section", "[profile foo]\na = 1\n[profile bar]\n[profile foo]\nb = 2", `profile bar; profile foo, a "1", b "2"`},
		{"repeated key", "[profile foo]\na = 1\nb = 2\na = 3", `profile foo, a "3", b "2"`},
		{"repeated key in a repeated section", "[profile foo]\nA = 1\n[profile foo]\na = 2", `profile foo, a "2"`},
		{"repeated section in quotes", "[profile foo]\na = 1\n[profile \"foo\"]\na = 2", `profile foo, a "2"`},

		{"default", "[default]\na = 1\n[default]\nb = 2", `profile default, a "1", b "2"`},
		{"profile default", "[profile default]\na = 1", `profile default, a "1"`},
		{"profile default first", "[profile default]\na = 1\n[default]\nb = 2", `profile default, a "1"`},
		{"profile default last", "[default]\nb = 2\n[profile default]\na = 1", `profile default, a "1"`},
		{"profile default around", "[profile default]\na = 1\n[default]\nb = 2\n[profile default]\nc = 3", `profile default, a "1", c "3"`},
		{"empty profile default", "[default]\nb = 2\n[profile default]", "profile default"},
		{"DEFAULT is no default", "[DEFAULT]\na = 1\n[profile foo]", "profile foo"},

		{"all the characters of a name", "[profile some-thing:long/the_one%only.foo@bar+]\n[profile AZaz09]", "profile AZaz09; profile some-thing:long/the_one%only.foo@bar+"},
		{"names are case-sensitive", "[profile foo]\n[profile Foo]", "profile Foo; profile foo"},
		{"spaces around a name", "[profile \tfoo \t]\n[profile\tbar]\n[   profile baz    ]\n[ default ]", "profile bar; profile baz; profile default; profile foo"},
		{"name with spaces", "[profile a b\tc]", "profile a b\tc"},
		{"name in quotes", `[profile "foo"]` + "\n[profile 'bar']", "profile bar; profile foo"},
		{"name with spaces in quotes", `[profile "a b"]` + "\n" + `[profile 'c d']`, "profile a b; profile c d"},
		{"name as Python's shlex quotes it", `[profile 'it'"'"'s']`, "profile it's"},
		{"any character in quotes", `[profile "a#b;c]d!"]`, "profile a#b;c]d!"},

		{"sso-session", "[sso-session foo]\na = 1\n[profile foo]\n[sso-session \"my sso\"]\n[sso-session b c]", `profile foo; session b c; session foo, a "1"; session my sso`},
		{"services", "[services foo]\nsso =\n endpoint_url = x\n[services 'b c']", `services b c; services foo, sso "\nendpoint_url = x"`},
		{"another kind of section", "[profile foo]\na = 1\n[plugins]\nb = 2\n c = 3\njunk\n[sso-sesion foo]\n[profile bar]\nd = 4", `profile bar, d "4"; profile foo, a "1"`},
		{"no kind", "[foo]\na = 1\n[\"default\"]\n[profile]\n[sso-session]\n[services ]\n[]\n[ ]", ""},
		{"no space after the kind", "[profilefoo]\na = 1\n[profile\"foo\"]\n[sso-sessionfoo]\n[profile bar]", "profile bar"},
		{"names that only the AWS CLI and Go take", "[profile a,b!]\na = 1\n[profile größe]\n[sso-session 本番]\n[services a[b]]\n[profile o'brien]",
			`profile a,b!, a "1"; profile größe; profile o'brien; session 本番; services a[b]`},
		{"invalid name", "[profile a\x00b]\na = 1\n[profile a\x1bb]\n[profile a\x7f]\n[profile foo]\nb = 2", `profile foo, b "2"`},
		{"invalid quotes", "[profile \"\"]\n[profile a \"b\"]\n[profile \"a\" b]", ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c, err := parsed("config", []byte(tt.file), false)
			if err != nil {
				t.Fatal(err)
			}
			if got := dump(c); got != tt.want {
				t.Errorf("%q:\n got %s\nwant %s", tt.file, got, tt.want)
			}
			if c.Path != "config" || c.CredentialsPath != "" {
				t.Errorf("paths %q, %q", c.Path, c.CredentialsPath)
			}
		})
	}
}

func TestParseCredentialsFile(t *testing.T) {
	tests := []struct{ name, file, want string }{
		{"profiles have no prefix", "[foo]\na = 1\n[default]\nb = 2", `profile default, b "2"; profile foo, a "1"`},
		{"spaces around a name", "[   foo    ]\na = 1", `profile foo, a "1"`},
		{"name with spaces", "[a b]\na = 1", `profile a b, a "1"`},
		{"prefix", "[profile foo]\na = 1\n[bar]", "profile bar"},
		{"other sections", "[sso-session foo]\na = 1\n[services foo]\nb = 2\n[bar]", "profile bar"},
		{"prefix without a name", "[profile]\n[services]", "profile profile; profile services"},
		{"prefix without a space", "[sso-sessionfoo]\na = 1", `profile sso-sessionfoo, a "1"`},
		{"any name", "[größe, foo!bar]\na = 1\n[]", `profile größe, foo!bar, a "1"`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c, err := parsed("credentials", []byte(tt.file), true)
			if err != nil {
				t.Fatal(err)
			}
			if got := dump(c); got != tt.want {
				t.Errorf("%q:\n got %s\nwant %s", tt.file, got, tt.want)
			}
			if c.Path != "" || c.CredentialsPath != "credentials" {
				t.Errorf("paths %q, %q", c.Path, c.CredentialsPath)
			}
		})
	}
}

func TestCredentialsFileIsMergedOverConfigFile(t *testing.T) {
	tests := []struct{ name, config, credentials, want string }{
		{"other keys", "[profile foo]\na = 1", "[foo]\nb = 2", `profile foo, a "1", b "2"`},
		{"same key", "[profile foo]\na = 1\nb = 2", "[foo]\nA = 3", `profile foo, a "3", b "2"`},
		{"other profiles", "[profile foo]\na = 1", "[bar]\na = 2", `profile bar, a "2"; profile foo, a "1"`},
		{"default", "[default]\na = 1", "[default]\nb = 2", `profile default, a "1", b "2"`},
		{"profile default", "[profile default]\na = 1\n[default]\nb = 2", "[default]\nc = 3", `profile default, a "1", c "3"`},
		{"name in quotes", "[profile \"a b\"]\na = 1", "[a b]\nb = 2", `profile a b, a "1", b "2"`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := dump(files(t, tt.config, tt.credentials)); got != tt.want {
				t.Errorf("got %s\nwant %s", got, tt.want)
			}
		})
	}
}

func TestSyntaxErrorSaysWhereAndWhat(t *testing.T) {
	const (
		noEnd       = "expected a section header to end with ']'"
		noHeader    = "expected a section header before the first property"
		noProperty  = "expected a property before an indented line"
		noSign      = "expected an '=' sign"
		noName      = "expected a name before the '=' sign"
		inTheBlock  = " in the indented block"
		secret      = "SECRET"
		utf16       = "the file is UTF-16, and must be UTF-8"
		oldEnds     = "its lines end in CR alone, and must end in LF or CRLF"
		goodSection = "[profile foo]\na = 1\n"
	)
	tests := []struct {
		name, file string
		line       int
		problem    string
	}{
		{"header without end", "[profile foo", 1, noEnd},
		{"header with its end in a comment", "[profile foo # ]x", 1, noEnd},
		{"header followed by text", "[profile foo] SECRET", 1, noEnd},
		{"property before any section", "\n\nSECRET = SECRET", 3, noHeader},
		{"anything before any section", "SECRET", 1, noHeader},
		{"indented line before any section", " SECRET", 1, noHeader},
		{"indented header before any section", " [profile SECRET]", 1, noHeader},
		{"property after a second byte order mark", "\ufeff\ufeff[profile SECRET]", 1, noHeader},
		{"indented line before any property", "[profile foo]\n SECRET = 1", 2, noProperty},
		{"indented line after a repeated header", goodSection + "[profile foo]\n SECRET", 4, noProperty},
		{"no '=' sign", goodSection + "SECRET", 3, noSign},
		{"a ':' instead", goodSection + "\r\nSECRET : SECRET\r\n", 4, noSign},
		{"an '=' sign in a comment only", goodSection + "SECRET # = SECRET", 3, noSign},
		{"no key", goodSection + "= SECRET", 3, noName},
		{"no key but a carriage return", goodSection + "\r= SECRET", 3, noName},
		{"nested line without an '=' sign", goodSection + "s3 =\n b = 1\n SECRET", 5, noSign + inTheBlock},
		{"nested line without a key", goodSection + "s3 =\n = SECRET", 4, noName + inTheBlock},
		{"nested line under an invalid key", goodSection + "s 3 =\n SECRET", 4, noSign + inTheBlock},
		{"line after a section that is ignored", "[plugins]\nx\n[profile foo]\nSECRET", 4, noSign},
		{"the first of two", goodSection + "SECRET\n= SECRET", 3, noSign},
		{"UTF-16, of Windows", "\xff\xfe[\x00S\x00E\x00C\x00R\x00E\x00T\x00]\x00\n\x00", 1, utf16},
		{"UTF-16, high bytes first", "\xfe\xff\x00[\x00S", 1, utf16},
		{"UTF-16 without a mark", "[\x00S\x00", 1, utf16},
		{"UTF-16 without a mark, high bytes first", "\x00#\x00S", 1, utf16},
		{"line ends of old Macs", "[profile foo]\rSECRET = 1\r", 1, oldEnds},
		{"line ends of old Macs, and a last one of today's", "# SECRET\r[profile foo]\ra = 1\n", 1, oldEnds},
		{"UTF-32", "\xff\xfe\x00\x00[\x00\x00\x00", 1, strings.Replace(utf16, "16", "32", 1)},
		{"UTF-32 without a mark", "\x00\x00\x00[", 1, strings.Replace(utf16, "16", "32", 1)},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c, err := parsed("/etc/my config", []byte(tt.file), false)
			if err == nil { // it is of the one section that it is in
				_, err = c.Profile("foo", credproc)
			}
			e, ok := errors.AsType[*SyntaxError](err)
			if !ok {
				t.Fatalf("got %v, error %v", c, err)
			}
			if e.File != "/etc/my config" || e.Line != tt.line || e.Problem != tt.problem {
				t.Errorf("%q: got %+v", tt.file, *e)
			}
			if want := fmt.Sprintf("/etc/my config:%d: %s", tt.line, tt.problem); err.Error() != want {
				t.Errorf("got %q, want %q", err, want)
			}
			if strings.Contains(err.Error(), secret) {
				t.Errorf("the error repeats the line: %v", err)
			}
		})
	}
}

// The Go SDK goes on past what it cannot read.
func TestABrokenSectionStopsNobodyWhoDoesNotUseIt(t *testing.T) {
	const good = "[sso-session s]\nsso_start_url = https://x/start\nsso_region = eu-west-1\n" +
		"[profile p]\nsso_session = s\nsso_account_id = 111111111111\nsso_role_name = R\n"
	for _, broken := range []string{
		"[profile other\n", "[profile other]\nx\n", "[profile other]\n y\n", "[profile other]\n=x\n", "[profile other]\ns3 =\n  x\n", "[sso-session other]\nx\n",
		"[services other]\nx\n", "[plugins\nx\n", "[\nx\n", "[other] x\n",
	} {
		for _, text := range []string{broken + good, good + broken} {
			c := files(t, text, "[stranger]\nx\n")
			if p, err := c.Profile("p", credproc); err != nil || p.Kind != SSO {
				t.Errorf("%q: %v, error %v", text, p, err)
			}
		}
	}
	c := files(t, "x\n"+good+"[profile chained]\nrole_arn = r\nsource_profile = q\n[profile q]\nx\n[profile served]\nservices = v\n[services v]\nx\n", "[p]\nx\n")
	for name, want := range map[string]string{"p": "credentials:2", "q": "config:13", "chained": "config:13"} {
		if p, err := c.Profile(name, credproc); err == nil || !strings.HasSuffix(err.Error(), want+": expected an '=' sign") {
			t.Errorf("%s: %v, error %v", name, p, err)
		}
	}
	p, err := c.Profile("served", credproc)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.Endpoint("sso", p, env(nil)); err == nil || !strings.HasSuffix(err.Error(), "config:17: expected an '=' sign") {
		t.Errorf("an endpoint: error %v", err)
	}
}

func TestLocationsAreOfTheLastValue(t *testing.T) {
	c := files(t, "# c\n[profile foo]\na = 1\nb = 2\n\n[sso-session s]\nc = 3\n[profile foo] # again\nb =\n  x = 1\nin valid = 1\n", "[foo]\na = 4\n")
	s := c.Profiles["foo"]
	for key, want := range map[string]string{"a": "credentials:2", "b": "config:9", "in valid": "", "": "", "c": ""} {
		if got := s.Where(key).String(); got != want {
			t.Errorf("%s: at %q, want %q", key, got, want)
		}
	}
	if got := s.Location.String(); got != "config:2" {
		t.Errorf("the section is at %q", got)
	}
	if s.Header != "[profile foo]" || s.Name != "foo" {
		t.Errorf("header %q, name %q", s.Header, s.Name)
	}
	if got := c.Sessions["s"].Where("c").String(); got != "config:7" {
		t.Errorf("c: at %q", got)
	}
}

func TestHeaderIsAsWrittenWithoutComment(t *testing.T) {
	c := files(t, "[ profile  \"a b\" ]\t# c\n[default]", "")
	if got := c.Profiles["a b"].Header; got != `[ profile  "a b" ]` {
		t.Errorf("got %q", got)
	}
	if got := c.Profiles["default"].Header; got != "[default]" {
		t.Errorf("got %q", got)
	}
}

func TestGetAndNested(t *testing.T) {
	s := files(t, "[services s]\nempty =\nplain = a = 1\ncontinued = x\n  a = 1\n"+
		"sso =\n  Endpoint_URL = https://x/#/ # c\n  a = 1\n  a = 2\n  b =\n", "").Services["s"]
	for key, want := range map[string]string{"empty": "", "plain": "a = 1", "continued": "x\na = 1"} {
		if got, ok := s.Get(key); got != want || !ok {
			t.Errorf("%s: %q, %t", key, got, ok)
		}
	}
	if got, ok := s.Get("none"); got != "" || ok {
		t.Errorf("none: %q, %t", got, ok)
	}
	tests := []struct {
		key, sub, want string
		ok             bool
	}{
		{"sso", "endpoint_url", "https://x/#/", true},
		{"sso", "a", "2", true},
		{"sso", "b", "", true},
		{"sso", "c", "", false},
		{"empty", "a", "", false},
		{"plain", "a", "", false},
		{"continued", "a", "", false},
		{"none", "a", "", false},
	}
	for _, tt := range tests {
		if got, ok := s.Nested(tt.key, tt.sub); got != tt.want || ok != tt.ok {
			t.Errorf("%s, %s: %q, %t", tt.key, tt.sub, got, ok)
		}
	}
}

func TestNilSectionIsEmpty(t *testing.T) {
	var s *Section
	if got, ok := s.Get("a"); got != "" || ok {
		t.Errorf("Get: %q, %t", got, ok)
	}
	if got, ok := s.Nested("a", "b"); got != "" || ok {
		t.Errorf("Nested: %q, %t", got, ok)
	}
	if got := s.Where("a"); got != (Location{}) || got.String() != "" {
		t.Errorf("Where: %v", got)
	}
	if got := fmt.Sprint(s); !slices.Contains([]string{"", "<nil>"}, got) {
		t.Errorf("Sprint: %q", got)
	}
}

func TestSectionPrintsNoValues(t *testing.T) {
	c := files(t, "[profile foo]\naws_secret_access_key = SECRET", "")
	s := c.Profiles["foo"]
	p, err := c.Profile("foo", nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, v := range []any{s, *s, c, *c, p, *p, []*Section{s}, []Section{*s}, Session{Section: s}, &Role{Session: Session{Section: s}}} {
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
			if got := fmt.Sprintf(verb, v); strings.Contains(got, "SECRET") || strings.Contains(got, "534543524554") {
				t.Errorf("%s of %T: %s", verb, v, got)
			}
		}
	}
	if got := fmt.Sprintf("%v, %+v", s, *s); got != "[profile foo] at config:1, [profile foo] at config:1" {
		t.Errorf("got %s", got)
	}
}

// parsed is what a file says that is a credentials file, or else a config file.
func parsed(name string, data []byte, credentials bool) (*Config, error) {
	c := &Config{Path: name}
	if credentials {
		c = &Config{CredentialsPath: name}
	}
	return c, c.add(name, string(data), credentials)
}
