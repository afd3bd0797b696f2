//go:build unix

package cmd

import (
	"maps"
	"os/exec"
	"os/user"
	"slices"
	"strings"
	"testing"
)

// A shell is said by how it evaluates what "credproc env" prints.
var shellsHere = []struct{ program, shell, eval string }{
	{"sh", "sh", `eval "$(credproc env %)"`},
	{"dash", "sh", `eval "$(credproc env %)"`},
	{"bash", "sh", `eval "$(credproc env %)"`},
	{"zsh", "sh", `eval "$(credproc env %)"`},
	{"fish", "fish", `credproc env --shell fish % | source`},
}

// inShells runs a test in each shell that is here: scripts/test sees to it that
// all are. do returns a script of these steps: the arguments of "env", or a
// command line that starts with "!".
func inShells(t *testing.T, test func(t *testing.T, m *machine, do func(steps ...string) map[string]string)) {
	for _, sh := range shellsHere {
		t.Run(sh.program, func(t *testing.T) {
			t.Parallel()
			if _, err := exec.LookPath(sh.program); err != nil {
				t.Logf("no %s here", sh.program)
				return
			}
			m := newMachine(t)
			if me, err := user.Current(); err == nil { // fish sets USER, which names the session of a role chain
				m.env = append(m.env, "USER="+me.Username)
			}
			m.signedIn()
			test(t, m, func(steps ...string) map[string]string {
				var script []string
				if sh.shell == "sh" {
					script = append(script, "set -eu")
				}
				for _, step := range steps {
					line, own := strings.CutPrefix(step, "!")
					if !own {
						line = strings.ReplaceAll(sh.eval, "%", step)
					}
					script = append(script, line)
				}
				return m.decided(sh.program, "-c", strings.Join(append(script, "env -0"), "\n"))
			})
		})
	}
}

// decided runs a program that ends in env -0, and returns what decides which
// credentials are used.
func (m *machine) decided(program string, args ...string) map[string]string {
	m.Helper()
	p := m.start(program, args...)
	if p.Wait(); p.ProcessState.ExitCode() != 0 || p.stderr.String() != "" {
		m.Fatalf("%s: %v: %s", program, p.ProcessState, &p.stderr)
	}
	all := settingsIn(strings.Split(strings.TrimSuffix(p.stdout.String(), "\x00"), "\x00"))
	maps.DeleteFunc(all, func(name, value string) bool {
		if name == "AWS_CONFIG_FILE" { // the machine has one
			return slices.Contains(m.env, name+"="+value)
		}
		ours := strings.HasPrefix(name, "CREDPROC_ACTIVE") || strings.HasPrefix(name, "GRANTED_")
		return !ours && (!strings.HasPrefix(name, "AWS_") && !strings.HasPrefix(name, "AMAZON_") || strings.HasPrefix(name, "AWS_ENDPOINT"))
	})
	return all
}

func (m *machine) same(what string, got, want map[string]string) {
	m.Helper()
	for _, name := range slices.Sorted(maps.Keys(want)) {
		if got[name] != want[name] {
			m.Errorf("%s: %s is %.40q, want %.40q", what, name, got[name], want[name])
		}
	}
	for name, value := range got {
		if _, ok := want[name]; !ok {
			m.Errorf("%s: it has %s=%.40s", what, name, value)
		}
	}
}

// What is to be done is the same for every shell: each does all of it one after the
// other, and the first of them, besides, every part of it.
func TestEnvMakesAShellWhatExecMakesACommand(t *testing.T) {
	t.Parallel()
	inShells(t, func(t *testing.T, m *machine, do func(...string) map[string]string) {
		isFirst := strings.HasSuffix(t.Name(), "/"+shellsHere[0].program)
		for _, before := range [][]string{nil, {"AWS_REGION=us-west-2"}, append(hostile, "AWS_DEFAULT_REGION=us-west-2", "AWS_EC2_METADATA_DISABLED=false")} {
			clean := m.env
			m.env = append(slices.Clone(clean), before...)
			for _, args := range []string{"line", "modern", "chain", "line --region sa-east-1 --metadata",
				"--sso-session corp --account-id 111111111111 --role-name Admin"} {
				command := append(append([]string{"exec"}, strings.Fields(args)...), "--", "env", "-0")
				want := m.decided("credproc", command...)
				if want["AWS_ACCESS_KEY_ID"] == "" || want["AWS_ACCOUNT_ID"] == "" || want["CREDPROC_ACTIVE"] == "" {
					t.Fatalf("exec %s gives %v", args, want)
				}
				m.same("env "+args+" after another and --unset, twice", do("legacy --region ap-south-1", "line", "--unset", args, args), want)
				if !isFirst {
					continue
				}
				m.same("env "+args, do(args), want)
				m.same("env "+args+" after another", do("legacy --region ap-south-1", "line", args), want)
				m.same("env "+args+" after --unset", do("line", "--unset", args), want)
				m.same("exec "+args+" after env", m.decided("credproc", append([]string{"exec", "legacy", "--region", "ap-south-1", "--", "credproc"}, command...)...), want)
				m.same("exec "+args+" in exec --server", m.decided("credproc", append([]string{"exec", "--server", "legacy", "--region", "ap-south-1", "--", "credproc"}, command...)...), want)
			}
			m.env = clean
		}
	})
}

// What is secret stays in the shell, in variables that no program gets: another
// process cannot bring it back.
func TestUnsetBringsBackWhatWasThere(t *testing.T) {
	t.Parallel()
	inShells(t, func(t *testing.T, m *machine, do func(...string) map[string]string) {
		theirs := []string{"AWS_PROFILE=modern", "AWS_DEFAULT_PROFILE=it's $(odd)", "AWS_DEFAULT_REGION=us-west-2", "AWS_ACCOUNT_ID=999999999999",
			"AWS_ROLE_ARN=arn", "AWS_VAULT=work", "AWS_EC2_METADATA_DISABLED=false"}
		secrets := []string{"AWS_ACCESS_KEY_ID=AKIASTALE", "AWS_SECRET_ACCESS_KEY=st'a\"l$e\\ ", "AWS_SECURITY_TOKEN=stale"}
		for _, before := range [][]string{nil, theirs, append(theirs, secrets...)} {
			clean := m.env
			m.env = append(slices.Clone(clean), before...)
			want := settingsIn(before)
			m.same("env, --unset", do("line", "--unset"), want)
			m.same("twice, --unset twice", do("line", "legacy --region ap-south-1", "--unset", "--unset"), want)
			want["AWS_REGION"] = "eu-north-1" // what the user has changed since is the user's
			m.same("changed, --unset", do("line", "!export AWS_REGION=eu-north-1", "--unset"), want)
			want["AWS_PROFILE"], want["AWS_SECURITY_TOKEN"] = "legacy", "mine"
			m.same("changed more, --unset", do("line", "!export AWS_REGION=eu-north-1 AWS_PROFILE=legacy AWS_SECURITY_TOKEN=mine", "--unset"), want)
			want = settingsIn(before)
			for _, s := range secrets {
				name, _, _ := strings.Cut(s, "=")
				delete(want, name)
			}
			m.same("exec, env, --unset", m.decided("credproc", "exec", "legacy", "--", "sh", "-c", `eval "$(credproc env line)"; eval "$(credproc env --unset)"; env -0`), want)
			m.same("exec --server, --unset", m.decided("credproc", "exec", "--server", "line", "--", "sh", "-c", `eval "$(credproc env --unset)"; env -0`), want)
			m.env = clean
		}
	})
}

// "set -a" exports every variable: then none is kept.
func TestNoSecretIsKeptWhereItWouldBeExported(t *testing.T) {
	t.Parallel()
	m := newMachine(t)
	m.signedIn()
	m.env = append(m.env, "AWS_SECURITY_TOKEN=stale")
	for _, script := range []string{"", "set -a; "} {
		p := m.start("sh", "-c", script+`eval "$(credproc env line)"; env`)
		p.ends(0, "")
		if strings.Contains(p.stdout.String(), "KEPT") || strings.Contains(p.stdout.String(), "stale") {
			t.Errorf("%q: a program gets it", script)
		}
	}
}

func TestUnsetWhereNothingIsSetIsHarmless(t *testing.T) {
	t.Parallel()
	inShells(t, func(t *testing.T, m *machine, do func(...string) map[string]string) {
		m.same("--unset", do("--unset"), map[string]string{})
		m.env = append(m.env, "AWS_PROFILE=line", "AWS_REGION=us-west-2", "AWS_CONTAINER_CREDENTIALS_FULL_URI=http://theirs", "AWS_CONTAINER_AUTHORIZATION_TOKEN=theirs")
		m.same("--unset", do("--unset"), settingsIn(m.env[len(m.env)-4:]))
	})
}

// What is printed by a process that does not see the variables undoes them, too.
func TestUnsetNeedsNotSeeTheShell(t *testing.T) {
	t.Parallel()
	m := newMachine(t)
	m.signedIn()
	m.same("--unset", m.decided("sh", "-euc", `eval "$(credproc env line)"; eval "$(env -i HOME="$HOME" PATH="$PATH" credproc env --unset)"; env -0`), map[string]string{})
}
