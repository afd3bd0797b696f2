package awsconfig

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestLoadReadsBothFiles(t *testing.T) {
	dir := t.TempDir()
	config, credentials := filepath.Join(dir, "config"), filepath.Join(dir, "credentials")
	write(t, config, "[profile foo]\na = 1\nb = 2")
	write(t, credentials, "[foo]\nb = 3")
	c, err := Load(config, credentials)
	if err != nil {
		t.Fatal(err)
	}
	if got := dump(c); got != `profile foo, a "1", b "3"` {
		t.Errorf("got %s", got)
	}
	if c.Path != config || c.CredentialsPath != credentials {
		t.Errorf("paths %q, %q", c.Path, c.CredentialsPath)
	}
	if got := c.Profiles["foo"].Where("b"); got != (Location{credentials, 2}) {
		t.Errorf("b is at %v", got)
	}
}

func TestLoadTakesFilesThatDoNotExistAsEmpty(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "file")
	write(t, file, "[foo]")
	for _, config := range []string{"", filepath.Join(dir, "none"), filepath.Join(dir, "none", "none"), filepath.Join(file, ".aws", "config")} {
		c, err := Load(config, file)
		if err != nil {
			t.Errorf("%q: %v", config, err)
			continue
		}
		if got := dump(c); got != "profile foo" || c.Path != config {
			t.Errorf("%q: %s, path %q", config, got, c.Path)
		}
	}
}

func TestLoadErrorsNameTheFile(t *testing.T) {
	dir := t.TempDir()
	good, bad := filepath.Join(dir, "good"), filepath.Join(dir, "bad")
	write(t, good, "")
	write(t, bad, "\nSECRET")
	one := func(config, credentials string) (*Config, error) {
		return LoadProfile(config, credentials, "foo", Mention{})
	}
	for i, load := range []func(config, credentials string) (*Config, error){Load, one} {
		for _, paths := range [][2]string{{dir, good}, {good, dir}} {
			c, err := load(paths[0], paths[1])
			if e, ok := errors.AsType[*fs.PathError](err); !ok || e.Path != dir || c != nil {
				t.Errorf("%d: %q: %v, error %v", i, paths, c, err)
			}
		}
		for _, paths := range [][2]string{{bad, good}, {good, bad}} {
			c, err := load(paths[0], paths[1])
			if e, ok := errors.AsType[*SyntaxError](err); !ok || e.Location != (Location{bad, 2}) || c != nil || strings.Contains(err.Error(), "SECRET") {
				t.Errorf("%d: %q: %v, error %v", i, paths, c, err)
			}
		}
	}
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func env(values map[string]string) func(string) string {
	return func(name string) string { return values[name] }
}

func TestPaths(t *testing.T) {
	home := filepath.FromSlash("/home/ann")
	in := func(base string) string { return filepath.Join(home, ".aws", base) }
	const config, credentials = "AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"
	tests := []struct {
		name                    string
		env                     map[string]string
		home                    string
		config, credentials, no string
	}{
		{"home", nil, home, in("config"), in("credentials"), ""},
		{"set", map[string]string{config: "/x/c", credentials: "k"}, home, "/x/c", "k", ""},
		{"config set", map[string]string{config: "/x/c"}, home, "/x/c", in("credentials"), ""},
		{"credentials set", map[string]string{credentials: "/x/k"}, home, in("config"), "/x/k", ""},
		{"leading ~/", map[string]string{config: "~/c", credentials: "~/x/k"}, home, filepath.Join(home, "c"), filepath.Join(home, "x", "k"), ""},
		{"other ~ and $", map[string]string{config: "~ann/c", credentials: "$HOME/~/k"}, home, "~ann/c", "$HOME/~/k", ""},
		{"no home", nil, "", "", "", "there is no home directory, and AWS_CONFIG_FILE is not set"},
		{"no home, both set", map[string]string{config: "/c", credentials: "/k"}, "", "/c", "/k", ""},
		{"no home, config set", map[string]string{config: "/c"}, "", "/c", "", ""},
		{"no home, credentials set", map[string]string{credentials: "/k"}, "", "", "", "there is no home directory, and AWS_CONFIG_FILE is not set"},
		{"no home, config in it", map[string]string{config: "~/c"}, "", "", "", `AWS_CONFIG_FILE is "~/c", and there is no home directory`},
		{"no home, credentials in it", map[string]string{config: "/c", credentials: "~/k"}, "", "", "", `AWS_SHARED_CREDENTIALS_FILE is "~/k", and there is no home directory`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			config, credentials, err := Paths(env(tt.env), tt.home)
			if config != tt.config || credentials != tt.credentials || !isError(err, tt.no) {
				t.Errorf("got %q, %q, %v", config, credentials, err)
			}
		})
	}
}

// isError reports whether err has the text, "" being that of none.
func isError(err error, text string) bool {
	return err == nil && text == "" || err != nil && err.Error() == text
}

func TestAWordIsFoundWhereverItStandsAndWhatIsSaidAfterIt(t *testing.T) {
	const programs = "[sso-session a]\ncredproc_agent_programs = "
	counts := func(rest string) bool { return strings.HasPrefix(rest, "_agent") || rest == " agents" }
	comments := strings.Repeat("# a_comment\n", 9000)
	for _, tt := range []struct {
		text   string
		word   bool
		values string
		cut    bool
	}{
		{"[profile a]\nregion = x\n", false, "", false},
		{"[profile a]\ncredproc_agen = x\n", false, "", false},
		{"[profile a]\ncredproc_agents = x\n", true, "", false},
		{"[profile a]\nCREDPROC_AGENT_PROFILE = x\n", true, "", false},
		{"[DEFAULT]\nCredproc Agents = x\n", true, "", false},
		{"[profile a]\nregion = x\n  credproc_agents = x\n", true, "", false},
		{"[profile a]\nregion = credproc_agents\n# credproc_agents = x\n", false, "", false},
		{"[profile a]\ncredproc_keyring = x\n", false, "", false},
		{"[sso-session a]\ncredproc_agents = x\nCredProc_Agent_Programs=y, z\r\n", true, "y, z", false},
		{comments + "[profile a]\ncredproc_agents = x\n" + strings.Repeat("# b\n", 9000), true, "", false},
		{comments + programs + "x\n" + comments + "[profile b]\ncredproc_agent_programs = y", true, "x|y", true},
		{programs + "x", true, "x", false},
		{programs + "x # y\n\n# z\n[profile b]\n", true, "x # y", false},
		{programs + "x\n  y\n", true, "x", true},
		{programs + "x\n\n # z\n\ty\n", true, "x", true},
		{programs + "\n  y\n", true, "", true},
		{strings.Repeat(" ", piece-len(programs+"x\n")) + "\n" + programs + "x\n" + "  y\n", true, "x", true},
		{strings.Repeat(" ", piece-len(programs)) + "\n" + programs + "xyz\n" + "y = z\n", true, "xyz", false},
	} {
		path := filepath.Join(t.TempDir(), "config")
		if err := os.WriteFile(path, []byte(tt.text), 0o600); err != nil {
			t.Fatal(err)
		}
		c, err := LoadProfile(path, "", "b", Mention{"credproc", counts, "_agent_programs"})
		if err != nil {
			t.Fatalf("%.60q: %v", tt.text, err)
		}
		if word, values, whole := c.Mentions(); word != tt.word || strings.Join(values, "|") != tt.values || whole == tt.cut {
			t.Errorf("%.60q: %v, %q, whole %v", tt.text, word, values, whole)
		}
		if c, err := LoadProfile("", path, "b", Mention{}); err != nil || c.mention.found {
			t.Errorf("%.60q: found without a word, or %v", tt.text, err)
		}
	}
}
