package awsconfig

import (
	"fmt"
	"strings"
	"testing"
)

func TestWhatSDKsReadDifferentlyIsOdd(t *testing.T) {
	for _, tt := range []struct {
		text        string
		credentials bool
		want        string // "LINE KIND NAME", separated by commas
	}{
		{"\ufeff[default]\n", false, "1 byte order mark "},
		{"[profile a]\nregion = \xff\n", false, "2 not UTF-8 [profile a]"},
		{"[profile a]\n[profile b]\n[profile a]\n", false, "3 repeated section [profile a]"},
		{"[profile a]\nregion = x\nRegion = y\n", false, "3 repeated key Region, 3 key in upper case Region"},
		{"# c\nregion = x\n[profile a]\n", false, "2 line before the first section "},
		{"[profile a]\nregion\n= x\n", false, "2 line without an equals sign [profile a], 3 line without an equals sign [profile a]"},
		{"[profile a\nregion = x\n", false, "1 header without an end "},
		{"[profile a]\nregion = x # c\noutput = json ; c\n", false, "2 comment after a value region, 3 comment after a value output"},
		{"[profile a]\ncredential_process = \"credproc\"\n", false, "2 value in quotes credential_process"},
		{"[profile \"a b\"]\n", false, `1 name in quotes [profile "a b"]`},
		{"[profile a b]\n[profile a!]\n[profile ä]\n", false, "1 name with odd characters [profile a b], 2 name with odd characters [profile a!], 3 name with odd characters [profile ä]"},
		{"[ profile a ]\n[profile  b]\n[ default]\n", false, "1 spaces in a header [ profile a ], 2 spaces in a header [profile  b], 3 spaces in a header [ default]"},
		{"[a]\n[profilea]\n[sso-sesion a]\n", false, "1 unknown section [a], 2 unknown section [profilea], 3 unknown section [sso-sesion a]"},
		{"[profile a]\n[sso-session b]\n[c]\n", true, "1 prefix in the credentials file [profile a], 2 prefix in the credentials file [sso-session b]"},
		{"[DEFAULT]\nregion = x\n", false, "1 section DEFAULT [DEFAULT]"},
		{"[default]\n[profile default]\n", false, "2 default twice [profile default]"},
		{"[profile a]\noutput = json\n region = x\n", false, "3 indented key region"},
		{"[profile a]\nregion: x\n", false, "2 colon for an equals sign region"},
		{"[profile a]\n  region = x\n", false, "2 indented line below a header [profile a]"},
		{"[profile a]\ns3 =\n  x\n", false, "3 line without an equals sign [profile a]"},
		{"\xff\xfe[\x00a\x00", false, "1 another encoding UTF-16"},
		{"[\x00\n\x00x\x00", true, "1 another encoding UTF-16"},
		{"[profile a]\rregion = x\r", false, "1 lines that end in CR alone "},
		// These are not.
		{"", false, ""},
		{"[default]\r\nregion = x\r\n\r\n# c\r\n; c\r\n[profile a] # c\r\n", false, ""},
		{"[profile a]\ns3 =\n  max_queue_size = 1\n\n  use_x = 2\nregion =\n", false, ""},
		{"[sso-session a]\nsso_start_url = https://x/start/#/\nsso_registration_scopes = a:b,c\n", false, ""},
		{"[profile a]\ncredential_process = x --a=b\nca_bundle = C:\\x\n", false, ""},
		{"[profile a]\nrole_arn = arn:aws:iam::1:role/x\ncredential_process = \"x\" --y \"z\" w\n", false, ""},
		{"[profile a]\nx = 1\n  -b 2\n", false, ""},
		{"[preview]\ncloudfront = true\n[plugins]\n[services s]\nsso =\n  endpoint_url = https://x\n", false, ""},
		{"[default]\naws_access_key_id = A\n[my.name_1@x]\n", true, ""},
	} {
		var got []string
		for _, o := range Lint("file", []byte(tt.text), tt.credentials) {
			if o.File != "file" {
				t.Errorf("%q: in %q", tt.text, o.File)
			}
			got = append(got, fmt.Sprintf("%d %s %s", o.Line, o.Kind, o.Name))
		}
		if got := strings.Join(got, ", "); got != tt.want {
			t.Errorf("%q:\n%s\nwant\n%s", tt.text, got, tt.want)
		}
	}
}

// FuzzLint holds that what cannot be parsed is odd, on that line, and that no
// value is told.
func FuzzLint(f *testing.F) {
	for _, text := range []string{"", "[profile a]\nb = SECRET\n", "[profile a]\nSECRET\n", " SECRET", "[profile a\n", "[a]\nb=\n SECRET"} {
		f.Add([]byte(text), false)
		f.Add([]byte(text), true)
	}
	f.Fuzz(func(t *testing.T, data []byte, credentials bool) {
		found := Lint("file", data, credentials)
		lines := strings.Count(string(data), "\n") + 1
		for i, o := range found {
			if o.Line < 1 || o.Line > lines || i > 0 && o.Line < found[i-1].Line {
				t.Errorf("of %d lines: %+v", lines, found)
			}
		}
		if _, err := parsed("file", data, credentials); err != nil && len(found) == 0 {
			t.Errorf("%v, and nothing is odd", err)
		}
	})
}
