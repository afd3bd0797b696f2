//go:build unix

package cmd

import (
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
)

// A userShell is one in which people type.
type typedShell struct{ program, init, strict, alias string }

var typedShells = []typedShell{
	{"bash", `eval "$(credproc shell-init bash)"`, "set -eu", "shopt -s expand_aliases\nalias credproc='credproc --debug' role='credproc use'"},
	{"zsh", `eval "$(credproc shell-init zsh)"`, "set -eu; setopt no_unset err_return", "alias credproc='credproc --debug' role='credproc use'"},
	{"fish", "credproc shell-init fish | source", "true", "alias role 'credproc use'"},
}

// typing runs a test for each shell that is here: scripts/test sees to it that all
// are. run runs a script in the shell, whose function is defined after the first line.
func typing(t *testing.T, test func(t *testing.T, m *machine, sh typedShell, run func(lines ...string) *started)) {
	for _, sh := range typedShells {
		t.Run(sh.program, func(t *testing.T) {
			t.Parallel()
			if _, err := exec.LookPath(sh.program); err != nil {
				t.Logf("no %s here", sh.program)
				return
			}
			m := newMachine(t)
			m.env = append(m.env, "AWS_CONFIG_FILE="+m.home(useConfig))
			m.signedIn()
			test(t, m, sh, func(lines ...string) *started {
				script := filepath.Join(m.dir, "script") // read line by line, so that aliases count
				if err := os.WriteFile(script, []byte(strings.Join(append(lines[:1:1], append([]string{sh.init}, lines[1:]...)...), "\n")+"\n"), 0o600); err != nil {
					t.Fatal(err)
				}
				p := m.start(sh.program, append(map[string][]string{"zsh": {"-f"}}[sh.program], script)...)
				p.Wait()
				return p
			})
		})
	}
}

// home writes a config file, and returns where it is.
func (m *machine) home(config string) (path string) {
	m.Helper()
	path = filepath.Join(m.dir, "aws-config")
	if err := os.WriteFile(path, []byte(config), 0o600); err != nil {
		m.Fatal(err)
	}
	return path
}

const lineOfAccount = "credential_process = credproc process --sso-session corp --account-id "

var useConfig = `[sso-session corp]
sso_start_url = https://idc.example/start
sso_region = us-east-1
[profile line]
` + lineOfAccount + `111111111111 --role-name Admin
region = eu-west-1
[profile sandbox]
` + lineOfAccount + `222222222222 --role-name Admin
region = us-west-2
[profile "it's $(touch hacked) \"%q\" 本番"]
` + lineOfAccount + `111111111111 --role-name ReadOnly
[profile native]
sso_session = corp
sso_account_id = 111111111111
sso_role_name = ReadOnly
[profile chain]
role_arn = arn:aws:iam::333333333333:role/Deploy
source_profile = line
[profile native-chain]
role_arn = arn:aws:iam::333333333333:role/Deploy
source_profile = native
[profile both]
` + lineOfAccount + `111111111111 --role-name Admin
sso_session = corp
sso_account_id = 111111111111
sso_role_name = Admin
[profile keys]
aws_access_key_id = AKIAEXAMPLE
aws_secret_access_key = example
`

// shows is what a line prints that shows the variables.
const showRole = `printf '%s|' "$AWS_PROFILE" "$AWS_REGION" "$AWS_DEFAULT_REGION" "$CREDPROC_ACTIVE_PROFILE"; echo`

func (p *started) printed(want ...string) {
	p.m.Helper()
	got := strings.Split(strings.TrimSuffix(p.stdout.String(), "\n"), "\n")
	if !slices.Equal(got, want) || p.ProcessState.ExitCode() != 0 {
		p.m.Errorf("%v, printed %q, want %q\n%s", p.ProcessState, got, want, &p.stderr)
	}
}

func TestUseSwitchesTheShell(t *testing.T) {
	t.Parallel()
	typing(t, func(t *testing.T, m *machine, sh typedShell, run func(...string) *started) {
		run(sh.strict, "credproc use line", showRole, "credproc use sandbox", showRole, "credproc use -", showRole, "credproc use -", showRole).printed(
			"line|eu-west-1|eu-west-1|line|", "sandbox|us-west-2|us-west-2|sandbox|", "line|eu-west-1|eu-west-1|line|", "sandbox|us-west-2|us-west-2|sandbox|")
		odd := `it's $(touch hacked) "%q" 本番`
		run("true", "credproc use --account-id 111111111111 --role-name ReadOnly --sso-session corp", showRole).printed(odd + "|||" + odd + "|")
		run("true", "credproc use chain --region eu-north-1", showRole).printed("chain|eu-north-1|eu-north-1|chain|")
		run(sh.alias, "role line", showRole).printed("line|eu-west-1|eu-west-1|line|")
		if _, err := os.Stat("hacked"); err == nil {
			t.Error("a name was run")
		}
		// What would win over the profile is gone.
		m.env = append(m.env, hostile...)
		run("true", "credproc use line", showRole, "env | grep -c -e '^AWS_ACCESS' -e '^AWS_SECRET' -e '^AWS_SE' -e '^AWS_DEFAULT_PROFILE' -e 'AWS_WEB' || true").printed("line|eu-west-1|eu-west-1|line|", "0")
	})
}

func TestUseUnsetLeavesTheEnvironmentAsItWas(t *testing.T) {
	t.Parallel()
	typing(t, func(t *testing.T, m *machine, sh typedShell, run func(...string) *started) {
		clean := m.env
		theirs := slices.DeleteFunc(slices.Clone(hostile), func(setting string) bool { return strings.HasPrefix(setting, "CREDPROC_ACTIVE") })
		for _, before := range [][]string{nil, {"AWS_PROFILE=mine", "AWS_REGION=", "AWS_DEFAULT_REGION=us-west-2"}, theirs} {
			m.env = append(slices.Clone(clean), before...)
			for _, use := range []string{"credproc use line", "credproc use line; credproc use sandbox; credproc use -", "true", "credproc use --unset; credproc use chain; credproc use --unset"} {
				p := run(sh.strict, "env -0", use, "credproc use --unset", "printf @", "env -0", "true")
				was, is, _ := strings.Cut(p.stdout.String(), "@")
				if was == "" || sorted(was) != sorted(is) || p.ProcessState.ExitCode() != 0 {
					t.Errorf("%q: %v %s\n%q\nbecame %q", use, p.ProcessState, &p.stderr, missingIn(was, is), missingIn(is, was))
				}
			}
		}
	})
}

// missingIn returns the settings of one environment that the other lacks.
func missingIn(environ, other string) (lost []string) {
	for setting := range strings.SplitAfterSeq(environ, "\x00") {
		if !strings.Contains("\x00"+other, "\x00"+setting) {
			lost = append(lost, setting)
		}
	}
	return lost
}

// The function is no more than a way to the program for everything else.
func TestTheFunctionLeavesOtherCommandsAsTheyAre(t *testing.T) {
	t.Parallel()
	typing(t, func(t *testing.T, m *machine, sh typedShell, run func(...string) *started) {
		for _, line := range []string{
			"credproc", "credproc version", "credproc bogus", "credproc exec line -- sh -c 'exit 42'", "credproc exec line -- printf '%s|' a 'b  c' '' '*' -- '$x'",
			"credproc process --profile none", "echo in | credproc exec line -- cat", "credproc exec line -- sh -c 'echo out; echo err >&2'", "credproc user", "credproc 'use x'",
		} {
			got, want := run("true", line), m.start(sh.program, "-c", strings.ReplaceAll(line, "credproc", "command credproc"))
			want.Wait()
			if got.stdout.String() != want.stdout.String() || got.stderr.String() != want.stderr.String() || got.ProcessState.ExitCode() != want.ProcessState.ExitCode() {
				t.Errorf("%s: %v %q %q\nwithout the function: %v %q %q", line, got.ProcessState, &got.stdout, &got.stderr, want.ProcessState, &want.stdout, &want.stderr)
			}
		}
		if help := run("true", "credproc use --help"); !strings.HasPrefix(help.stdout.String(), "Usage: credproc use ") || help.ProcessState.ExitCode() != 0 {
			t.Errorf("%v %s%s", help.ProcessState, &help.stdout, &help.stderr)
		}
		status := map[bool]string{true: "$status", false: "$?"}[sh.program == "fish"]
		fails := run("true", "credproc use nosuch", "echo status "+status)
		if out := fails.stdout.String(); !strings.HasPrefix(out, "status 2") || !strings.Contains(fails.stderr.String(), "The nearest roles are") {
			t.Errorf("%s%s", out, &fails.stderr)
		}
		if sh.program != "fish" { // which has no such mode
			strict := run("set -eu", "credproc use nosuch", "echo goes on")
			if strict.ProcessState.ExitCode() != 2 || strict.stdout.String() != "" {
				t.Errorf("%v %s", strict.ProcessState, &strict.stdout)
			}
		}
	})
}

func TestUseRefusesARoleThatOtherProgramsWouldNotGet(t *testing.T) {
	t.Parallel()
	m := newMachine(t)
	m.env = append(m.env, "AWS_CONFIG_FILE="+m.home(useConfig))
	for name, want := range map[string]string{
		"native":       `hint: run "credproc configure --convert native"`,
		"both":         `hint: run "credproc configure --convert both"`,
		"native-chain": "Convert the profile that it assumes its role with",
		"keys":         "has static keys",
		"-":            "no other role was used in this shell before",
		"nosuch":       "The nearest roles are",
	} {
		p := m.start("credproc", "use", "--shell", "sh", name)
		if p.ends(2, want); p.stdout.String() != "" {
			t.Errorf("%s: %s", name, &p.stdout)
		}
	}
	m.start("credproc", "use", "--shell", "sh", "--account-id", "222222222222", "--role-name", "Other", "--sso-session", "corp").
		ends(2, `hint: run "credproc configure corp --match-account 222222222222 --match-role Other"`)
	m.start("credproc", "use", "--shell", "sh").ends(2, "which role?")
	m.start("credproc", "use", "--shell", "sh", "--unset", "line").ends(2, "--unset takes no role")
}

func TestWithoutTheFunctionUseSaysHowToGetIt(t *testing.T) {
	t.Parallel()
	m := newMachine(t)
	clean := m.env
	for path, want := range map[string]string{
		"/bin/bash": "Add this line to ~/.bashrc, and start a new shell:\n    eval \"$(credproc shell-init bash)\"\n",
		"/bin/zsh":  "Add this line to ~/.zshrc, ",
		"/bin/fish": "Add this line to ~/.config/fish/config.fish, and start a new shell:\n    credproc shell-init fish | source\n",
		"/bin/tcsh": "Add this line to $PROFILE, and start a new shell:\n    credproc shell-init powershell | Out-String | Invoke-Expression\n",
	} {
		m.env = append(slices.Clone(clean), "SHELL="+path)
		p := m.start("credproc", "use", "line")
		if p.ends(2, want); p.stdout.String() != "" {
			t.Errorf("%s", &p.stdout)
		}
	}
	m.env = append(slices.Clone(clean), "SHELL=/bin/bash")
	m.start("acme", "aws", "use", "line").ends(2, `eval "$(acme aws shell-init bash --function acme-aws)"`)
}

// Another tool's own name is not ours to take.
func TestTheFunctionOfAMountedCommandHasANameOfItsOwn(t *testing.T) {
	t.Parallel()
	m := newMachine(t)
	for _, args := range [][]string{nil, {"--function", "acme"}} {
		p := m.start("acme", append([]string{"aws", "shell-init", "bash"}, args...)...)
		if p.ends(2, `hint: run "acme aws shell-init bash --function acme-aws"`); p.stdout.String() != "" {
			t.Errorf("%s", &p.stdout)
		}
	}
	for _, name := range []string{"a b", "x;y", "-x", "command", "if", "é"} {
		m.start("acme", "aws", "shell-init", "bash", "--function="+name).ends(2, "--function is "+name)
	}
	m.env = append(m.env, "ACME_DIR="+m.dir, "ACME_KEYRING=plaintext", "AWS_CONFIG_FILE="+m.home(strings.ReplaceAll(useConfig, "credproc process", "acme aws process")))
	for _, sh := range typedShells {
		if _, err := exec.LookPath(sh.program); err != nil {
			continue
		}
		line := strings.ReplaceAll(strings.ReplaceAll(sh.init, "credproc", "acme aws"), "shell-init "+sh.program, "shell-init "+sh.program+" --function acme-aws")
		p := m.start(sh.program, "-c", line+"\nacme-aws use line\n"+strings.ReplaceAll(showRole, "CREDPROC", "ACME")+"\nacme-aws version\nacme version >/dev/null 2>&1 || echo acme is left alone")
		p.Wait()
		p.printed("line|eu-west-1|eu-west-1|line|", "acme aws v7.0.0 ("+runtime.Version()+", "+runtime.GOOS+"/"+runtime.GOARCH+")", "acme is left alone")
	}
}

// A list that was made is read where nobody has to be asked for its key.
func TestAccountsOfAStoredListAreCompleted(t *testing.T) {
	t.Parallel()
	m := newMachine(t)
	m.signedIn()
	offered := func(words ...string) string {
		p := m.start("credproc", append([]string{"complete-line", "zsh"}, words...)...)
		p.ends(0, "")
		return p.stdout.String()
	}
	if got := offered("exec", "--role-name", "Read"); got != "" {
		t.Errorf("without a list: %q", got)
	}
	m.start("credproc", "list", "corp").ends(0, "")
	for want, words := range map[string][]string{
		"ReadOnly\trole\n":                     {"exec", "--role-name", "Read"},
		"111111111111\tProduction\n":           {"exec", "--account-id", "1"},
		"legacy\tAdmin 222222222222 Sandbox\n": {"exec", "sandbox"},
	} {
		if got := offered(words...); got != want {
			t.Errorf("%q: %q, want %q", words, got, want)
		}
	}
	m.env = append(m.env, "CREDPROC_KEYRING=nonsense") // what stops every command stops no completion of names
	if got := offered("exec", "leg"); got != "legacy\tprofile\n" {
		t.Errorf("%q", got)
	}
}
