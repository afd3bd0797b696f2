package cmd

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/alecthomas/kong"
	"github.com/credproc/credproc/cmd/internal/advice"
	"github.com/credproc/credproc/credproc"
)

// completes returns what is offered for the last of the words, by lines.
func completes(t *testing.T, config string, words ...string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "config")
	if err := os.WriteFile(path, []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	var stdout, stderr bytes.Buffer
	app := &App{Stdout: &stdout, Stderr: &stderr, Getenv: func(name string) string {
		return map[string]string{"AWS_CONFIG_FILE": path, "HOME": "/nowhere"}[name]
	}}
	if status := app.Run(t.Context(), append([]string{"complete-line"}, words...)); status != 0 || stderr.Len() > 0 {
		t.Fatalf("status %d, %s", status, &stderr)
	}
	return stdout.String()
}

func TestNoShellIsOfferedWhatATerminalObeys(t *testing.T) {
	config := "[profile a\x1b[2J]\n[profile b\u009b]\n[profile c\u202e]\n[profile d\u2066x\u2069]\n[profile \"e'e\"]\n[profile fine]\n"
	for shell, want := range map[string]string{
		"zsh":        "e'e\tprofile\nfine\tprofile\n",
		"fish":       "e'e\tprofile\nfine\tprofile\n",
		"powershell": "'e''e'\te'e\tprofile\nfine\tfine\tprofile\n",
	} {
		if got := completes(t, config, shell, "login", ""); got != want {
			t.Errorf("%s is offered %q", shell, got)
		}
	}
	if got := completes(t, config, "bash", "=:", "credproc login "); got != "e\\'e\nfine\n" {
		t.Errorf("bash is offered %q", got)
	}
}

func TestPartsOfAWordAreCompletedWhereNothingBeginsWithIt(t *testing.T) {
	var config strings.Builder
	config.WriteString("[sso-session corp]\nsso_start_url = https://corp.example/start\nsso_region = eu-isoe-west-1\n")
	for _, one := range [][2]string{{"prod/Admin", "111111110003"}, {"prod/ReadOnly", "111111110003"}, {"team:x/Admin", "222222220004"}} {
		role := one[0][strings.Index(one[0], "/")+1:]
		config.WriteString("[profile " + one[0] + "]\ncredential_process = credproc process --sso-session corp --account-id " + one[1] + " --role-name " + role + "\n")
	}
	for line, want := range map[string]string{
		"use pro":                "prod/Admin\nprod/ReadOnly\n",
		"exec 0004":              "team:x/Admin\n",
		"exec eam:x":             "", // bash keeps what is before a colon
		"exec 0003":              "prod/Admin\nprod/ReadOnly\n \n",
		"process --profile=READ": "prod/ReadOnly\n",
		"exec readonly":          "prod/ReadOnly\n",
		"use nosuch":             "",
		"exec --account-id 2222": "222222220004\n",
		"exec --account-id 0003": "111111110003\n",
		"exec --account-id=":     "111111110003\n222222220004\n",
		"exec --role-name ":      "Admin\nReadOnly\n",
		"exec --account-id 222222220004 --role-name ": "Admin\n",
		"exec --account-id=222222220004 --role-name=": "Admin\n",
		"configure --match-role only":                 "ReadOnly\n",
		"login --sso-region isoe":                     "eu-isoe-west-1\n",
		"use --region sa-e":                           "sa-east-1\n",
		"console --service lamb":                      "lambda\n",
		"login orp":                                   "corp\n",
		"use --uns":                                   "--unset\n",
		"use --nset":                                  "", // flags are typed from their beginning
	} {
		if got := completes(t, config.String(), "bash", "=:", "credproc "+line); got != want {
			t.Errorf("%q: %q, want %q", line, got, want)
		}
	}
	if got := completes(t, config.String(), "zsh", "exec", "0004"); got != "team:x/Admin\tAdmin 222222220004\n" {
		t.Errorf("zsh is offered %q", got)
	}
}

func TestAToolMayCompleteTheWordsItself(t *testing.T) {
	config := filepath.Join(t.TempDir(), "config")
	if err := os.WriteFile(config, []byte("[sso-session corp]\n[profile dev]\n[profile \"d\x1b[2J\"]\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	app := &App{Identity: credproc.Identity{Name: "acme aws"}, Getenv: func(name string) string {
		return map[string]string{"AWS_CONFIG_FILE": config, "HOME": "/nowhere"}[name]
	}}
	for _, tt := range []struct {
		args  []string
		want  string
		files bool
	}{
		{nil, "", false},
		{[]string{"conf"}, "configure", false},
		{[]string{"login", ""}, "corp dev", false},
		{[]string{"login", "--for"}, "--force", false},
		{[]string{"process", "--profile=d"}, "--profile=dev", false},
		{[]string{"process", "--profile", ""}, "dev", false},
		{[]string{"exec", "dev", "--", "l"}, "", true},
	} {
		found, files := app.Complete(tt.args)
		var words []string
		for _, c := range found {
			words = append(words, c.Word)
		}
		if got := strings.Join(words, " "); got != tt.want || files != tt.files {
			t.Errorf("%q: %q, files %v; want %q, %v", tt.args, got, files, tt.want, tt.files)
		}
	}
	if found, _ := app.Complete([]string{"lis"}); len(found) != 1 || found[0].Help != "List your accounts and roles" {
		t.Errorf("%q", found)
	}
}

func TestAMountElsewhereThanItsNameIsAnError(t *testing.T) {
	var grammar struct {
		Cloud Mount `cmd:"" passthrough:""`
	}
	var stderr bytes.Buffer
	app := &App{Identity: credproc.Identity{Name: "acme aws"}, Stderr: &stderr}
	parsed, err := kong.Must(&grammar, kong.Bind(app), kong.BindTo(t.Context(), (*context.Context)(nil))).Parse([]string{"cloud", "version"})
	if err != nil {
		t.Fatal(err)
	}
	if status := app.Report(parsed.Run()); status != advice.Failed || !strings.Contains(stderr.String(), `mounted at "cloud"`) {
		t.Errorf("status %d: %s", status, &stderr)
	}
}

func TestSomeCommandsMayBeMountedBesideOthers(t *testing.T) {
	var grammar struct {
		JSON bool `name:"json"`
		AWS  struct {
			Process Mount    `cmd:"" passthrough:""`
			Own     struct{} `cmd:""`
		} `cmd:"" name:"aws"`
	}
	for line, want := range map[string]string{
		"--json aws process --help": "Usage: acme aws process",
		"aws process --json":        `hint: run "acme aws process --help"`,
		"aws process -p x login":    `hint: run "acme aws process --help"`,
	} {
		var out bytes.Buffer
		app := &App{Identity: credproc.Identity{Name: "acme aws"}, Stdout: &out, Stderr: &out}
		parsed, err := kong.Must(&grammar, kong.Bind(app), kong.BindTo(t.Context(), (*context.Context)(nil))).Parse(strings.Fields(line))
		if err != nil {
			t.Fatal(err)
		}
		if app.Report(parsed.Run()); !strings.Contains(out.String(), want) {
			t.Errorf("%q: there is no %s in\n%s", line, want, &out)
		}
	}
}
