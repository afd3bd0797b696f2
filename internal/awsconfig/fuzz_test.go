package awsconfig

import (
	"bytes"
	"errors"
	"maps"
	"reflect"
	"slices"
	"strings"
	"testing"
)

// FuzzParse reads anything as either file, and resolves every profile in it.
func FuzzParse(f *testing.F) {
	for _, file := range []string{
		"",
		"\ufeff[default]\r\nregion = eu-west-1\r\n",
		"[profile a b]\na = 1 # c\n  2\n[profile \"a b\"]\nb = 3",
		"[profile default]\n[default]\nA=1\na=2\n[services s]\nsso =\n  endpoint_url = https://x\n",
		"[sso-session s]\nsso_start_url = https://x/start\nsso_region = eu-west-1\n" +
			"[profile p]\nsso_session = s\nsso_account_id = 111111111111\nsso_role_name = R\n" +
			"[profile c]\nrole_arn = arn:aws:iam::222222222222:role/r\nsource_profile = p\n" +
			"[profile o]\ncredential_process = credproc process --profile c\n",
		"[p]\naws_access_key_id = AKIAEXAMPLE\nrole_arn = r\nsource_profile = p",
		"[profile l]\ncredential_process = credproc process -pl\nsource_profile = l\nrole_arn = r",
		"[profile x",
		"a = 1",
		"[profile x]\n y",
		"[profile x]\ny\n",
		"[profile x]\ny=\n z",
		"[profile x]\n=\xff\x00",
		"[profile \"a]#;\"] ; c",
		"[profile x]\na = 1\n b\nc =\n d\n[profile y]\ne=f # g\n h",
		"[profile y]\nk # = v\n",
		"[profile y]\nk = # v\n w\n",
		"[profile y]\nk=#v\n w\nb = v\n  # w\n\n; c\nd e = f\n=g\n",
		"[profile y]\n" + strings.Repeat("k = v\n", 30) + "[profile p]\nk = v\n w\n[profile y]\nk=\n  a=b\n[sso-session s]\nk = v\n[profile p]\nb = v\n",
	} {
		f.Add([]byte(file), false)
		f.Add([]byte(file), true)
	}
	f.Fuzz(func(t *testing.T, file []byte, credentials bool) {
		c, err := parsed("file", file, credentials)
		again, errAgain := parsed("file", file, credentials)
		if !reflect.DeepEqual(c, again) || !reflect.DeepEqual(err, errAgain) {
			t.Fatalf("%v, error %v, then %v, error %v", c, err, again, errAgain)
		}
		keepsOneProfile(t, c, err, file, credentials)
		lines := strings.Count(string(file), "\n") + 1
		isIn := func(l Location) bool { return l.File == "file" && 1 <= l.Line && l.Line <= lines }
		if err != nil {
			if e, ok := errors.AsType[*SyntaxError](err); !ok || !isIn(e.Location) {
				t.Errorf("of %d lines: %v", lines, err)
			}
			return
		}
		for _, sections := range []map[string]*Section{c.Profiles, c.Sessions, c.Services} {
			for name, s := range sections {
				if name == "" || s.Name != name || !isIn(s.Location) {
					t.Errorf("of %d lines: %q is %s, called %q", lines, name, s, s.Name)
				}
				for _, p := range s.properties {
					if p.key == "" || !isIn(p.Location) {
						t.Errorf("of %d lines: %q of %s at %s", lines, p.key, s, p.Location)
					}
				}
			}
		}
		for name := range c.Profiles {
			p, err := c.Profile(name, []string{"credproc"})
			if (p == nil) == (err == nil) {
				t.Errorf("%q: %v, error %v", name, p, err)
			}
		}
	})
}

// keepsOneProfile checks that a file says the same of one profile, and has the
// same fault, when no other is kept, and however it comes in pieces.
func keepsOneProfile(t *testing.T, all *Config, err error, file []byte, credentials bool) {
	names := []string{"", "default", "p"}
	if err == nil {
		names = slices.AppendSeq(names, maps.Keys(all.Profiles))
	}
	for _, name := range names {
		for _, size := range []int{piece, 1 + len(file)%31} {
			one := new(Config)
			p := parser{config: one, credentials: credentials, at: Location{File: "file"}, only: []string{name}}
			errOne := p.read(bytes.NewReader(file), size)
			if !reflect.DeepEqual(err, errOne) {
				t.Fatalf("error %v, with %q alone in pieces of %d %v", err, name, size, errOne)
			}
			if err != nil {
				continue
			}
			if !reflect.DeepEqual(one.Profiles[name], all.Profiles[name]) || len(one.Profiles) > 1 ||
				!reflect.DeepEqual(one.Sessions, all.Sessions) || !reflect.DeepEqual(one.Services, all.Services) {
				t.Fatalf("with %q alone in pieces of %d: %v, want it of %v", name, size, one, all)
			}
		}
	}
}
