package awsconfig

import "testing"

func TestWithoutDefault(t *testing.T) {
	for _, tt := range []struct {
		name        string
		credentials bool
		file, want  string
		found       bool
	}{
		{"nothing", false, "", "", false},
		{"no default", false, "[profile a]\nsso_session = s\n", "[profile a]\nsso_session = s\n", false},
		{"a default of settings", false, "[default]\nregion = eu-west-1\n", "[default]\nregion = eu-west-1\n", false},
		{"settings stay", false, "# c\n[default] # d\nregion = eu-west-1\nSSO_Session=s\ns3 =\n  addressing_style = path\n\n[sso-session s]\nsso_region = x",
			"# c\n[default] # d\nregion = eu-west-1\ns3 =\n  addressing_style = path\n\n[sso-session s]\nsso_region = x", true},
		{"continued", false, "[default]\ncredential_process = x\n  y\n # c\nregion = a\n", "[default]\n # c\nregion = a\n", true},
		{"also as a profile", false, "\ufeff[profile default]\r\nrole_arn = r\r\n[profile b]\r\nrole_arn = r\r\n", "\ufeff[profile default]\r\n[profile b]\r\nrole_arn = r\r\n", true},
		{"a session of that name is none", false, "[sso-session default]\nsso_start_url = u\n", "[sso-session default]\nsso_start_url = u\n", false},
		{"keys of others", false, "[profile b]\naws_access_key_id = A\naws_secret_access_key = S\nregion = r\n[other x]\naws_secret_access_key = S\n",
			"[profile b]\nregion = r\n[other x]\n", false},
		{"what has no key may be a secret", false, "SECRET\n[profile b]\naws_secret_access_key: SECRET\n  SECRET\nSECRET\nregion = r\n", "#\n[profile b]\nregion = r\n", false},
		{"a credentials file", true, "[default]\naws_access_key_id = A\naws_secret_access_key = S\naws_session_token = T\n[b]\nregion = r\naws_secret_access_key = S\n", "[default]\n[b]\nregion = r\n", true},
		{"a profile called so in a credentials file is none", true, "[profile default]\nrole_arn = r\n", "[profile default]\nrole_arn = r\n", false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, found := WithoutDefault([]byte(tt.file), tt.credentials)
			if string(got) != tt.want || found != tt.found {
				t.Errorf("%t %q\nwant %t %q", found, got, tt.found, tt.want)
			}
		})
	}
}

// FuzzWithoutDefault takes any file and checks that the copy says what the file
// says, but for what is to be left out.
func FuzzWithoutDefault(f *testing.F) {
	for _, file := range []string{
		"", "[default]\nrole_arn = r\nregion=x\n", "[profile default]\nsso_session = s\n[default]\na=b\n", "\ufeff[default]\r\naws_access_key_id=a\r\n  b\r\n",
		"[profile a]\naws_secret_access_key =\n x = y\nregion = z # c\n[services s]\nsso =\n  endpoint_url = https://x\n", "[\"default\"]\nrole_arn = r\n", "0\n[\x00",
	} {
		f.Add([]byte(file), false)
		f.Add([]byte(file), true)
	}
	f.Fuzz(func(t *testing.T, file []byte, credentials bool) {
		before, err := parsed("file", file, credentials)
		if err != nil {
			return
		}
		rest, _ := WithoutDefault(file, credentials)
		after, err := parsed("file", rest, credentials)
		if err != nil {
			t.Fatalf("the copy cannot be read: %v\n%q\n%q", err, file, rest)
		}
		for name, s := range before.Profiles {
			for _, p := range s.properties {
				value, ok := after.Profiles[name].Get(p.key)
				switch left := isLeftOut(name, p.key); {
				case left && ok:
					t.Errorf("%s of %s is still there\n%q\n%q", p.key, name, file, rest)
				case !left && (!ok || value != p.value):
					t.Errorf("%s of %s is %q, was %q\n%q\n%q", p.key, name, value, p.value, file, rest)
				}
			}
		}
	})
}

func isLeftOut(profile, key string) bool {
	for i, gives := range giving {
		if key == gives && (profile == "default" || i < 4) {
			return true
		}
	}
	return false
}
