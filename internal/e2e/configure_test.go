package e2e

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/config"

	"github.com/credproc/credproc/credproc/credproctest/idctest"
)

// hard are names of accounts that a config file could break at.
var hard = []string{
	"Production", "Production", "production", "😀", "🚀 Launch", `"quoted" it's`, "it's", "a/b/c", "Team A / Prod", " spaces  around ",
	"x]y # z ; a=b %(c)s", "# no comment", "; neither", "ünïcödé", "日本", "...", "---", "-", "a=b", "$HOME", "`id`", "tab\tand\nline",
	"default", "DEFAULT", "profile x", "[profile x]", strings.Repeat("long name ", 5), strings.Repeat("é", 50), "",
}

// hardRoles are names of roles with what IAM lets them have in them.
var hardRoles = []string{"Admin", "Read_Only", "Read=Only,", "a+b.c@d-e"}

// A reader returns how it reads each profile: its line, its region, and the ARN
// of who the credentials that the line gives belong to.
type reader func(m *machine, names []string) map[string][3]string

func TestEveryReaderTakesWhatConfigureWrites(t *testing.T) {
	m := newMachine(t)
	m.server.Set(func(s *idctest.Server) {
		s.Accounts = nil
		for i, name := range hard {
			s.Accounts = append(s.Accounts, idctest.Account{ID: fmt.Sprintf("%012d", i+1), Name: name, Roles: hardRoles})
		}
	})
	m.login()
	m = m.quiet() // as quick as it is
	m.must(binary, "configure", "corp", "--all", "--yes", "--region", "eu-west-1", "--region", "ap-south-1")
	profiles := m.profiles()
	if want := len(hard) * len(hardRoles); len(profiles) != want {
		t.Fatalf("%d profiles for %d roles", len(profiles), want)
	}
	readers := m.readers()
	m.enter()
	t.Run("all", func(t *testing.T) {
		for name, read := range readers {
			t.Run(name, func(t *testing.T) {
				t.Parallel() // each needs seconds of one processor
				shell := *m
				shell.t = t
				shell.sees(profiles, read)
			})
		}
	})
	m.counted(map[string]int{"GetRoleCredentials": len(profiles)}) // all readers share them
}

// sees expects a reader to read all profiles as configure means them.
func (m *machine) sees(profiles map[string]accountRole, read reader) {
	m.t.Helper()
	got := read(m, slices.Sorted(maps.Keys(profiles)))
	for name, role := range profiles {
		line := fmt.Sprintf("%s process --sso-session corp --account-id %s --role-name %s", binary, role.account, role.role)
		arn := "arn:aws:sts::" + role.account + ":assumed-role/AWSReservedSSO_" + role.role + "_"
		if g := got[name]; g[0] != line || g[1] != "eu-west-1" || !strings.HasPrefix(g[2], arn) {
			m.t.Errorf("the profile %s is read as %q, want %q of %s", name, g, line, arn)
		}
	}
}

// readers returns those that are here.
func (m *machine) readers() map[string]reader {
	m.t.Helper()
	all := map[string]reader{"the SDK for Go": goReads, "boto3": scriptReads("python3", "testdata/profiles.py")}
	if python, version := m.pythonOfTheCLI(); python != "" {
		all["the AWS CLI "+version] = scriptReads(python, "testdata/cli.py")
	} else {
		notRun(m.t, "the AWS CLI as a reader", "no Python has its modules")
	}
	if script := javaScript(m.t, "profiles.mjs", "the AWS SDK for JavaScript as a reader"); script != "" {
		all["the SDK for JavaScript"] = scriptReads("node", script)
	}
	return all
}

// pythonOfTheCLI prefers version 1, which comes from PyPI, to Debian's.
func (m *machine) pythonOfTheCLI() (python, version string) {
	m.t.Helper()
	for _, python := range []string{"python3", "/usr/bin/python3"} {
		r := m.run(python, "-c", "import awscli.clidriver; print(awscli.__version__)")
		if r.status == 0 {
			return python, strings.TrimSpace(r.stdout)
		}
	}
	return "", ""
}

// scriptReads returns the reader that a script is. It starts again after some
// profiles, so that none of them runs for minutes where all is slow.
func scriptReads(interpreter, file string) reader {
	return func(m *machine, names []string) map[string][3]string {
		m.t.Helper()
		script, err := filepath.Abs(file)
		if err != nil {
			m.t.Fatal(err)
		}
		all := map[string][3]string{}
		for some := range slices.Chunk(names, 40) {
			out := m.must(interpreter, append([]string{script, m.url}, some...)...)
			if err := json.Unmarshal([]byte(out), &all); err != nil {
				m.t.Fatal(err)
			}
		}
		return all
	}
}

type accountRole struct{ account, role string }

// profiles returns those that list knows to be of a role.
func (m *machine) profiles() map[string]accountRole {
	m.t.Helper()
	var rows []struct {
		ID       string              `json:"account_id"`
		Profiles map[string][]string `json:"profiles"`
	}
	if err := json.Unmarshal([]byte(m.must(binary, "list", "corp", "--json")), &rows); err != nil {
		m.t.Fatal(err)
	}
	found := map[string]accountRole{}
	for _, row := range rows {
		for role, names := range row.Profiles {
			for _, name := range names {
				if name != "dev" {
					found[name] = accountRole{row.ID, role}
				}
			}
		}
	}
	return found
}

func goReads(m *machine, names []string) map[string][3]string {
	m.t.Helper()
	read := map[string][3]string{}
	for _, name := range names {
		profile, err := config.LoadSharedConfigProfile(m.t.Context(), name, func(o *config.LoadSharedConfigOptions) {
			o.ConfigFiles = []string{filepath.Join(m.home, ".aws", "config")}
			o.CredentialsFiles = []string{}
		})
		if err != nil {
			m.t.Fatal(err)
		}
		read[name] = [3]string{profile.CredentialProcess, profile.Region, m.goCaller(name)}
	}
	return read
}

// corp is the session of a config file that other tools have written.
const corp = "[sso-session corp]\nsso_start_url = https://idc.example/start\nsso_region = us-east-1\nsso_registration_scopes = sso:account:access\n"

// theirs are profiles as other tools write them, for a name and an account.
var theirs = map[string]string{
	"the AWS CLI": "[profile %[1]s]\nsso_session = corp\nsso_account_id = %[2]s\nsso_role_name = Admin\nregion = eu-west-1\n",
	"granted": "[profile %[1]s]\ngranted_sso_start_url      = https://idc.example/start/\ngranted_sso_region         = us-east-1\n" +
		"granted_sso_account_id     = %[2]s\ngranted_sso_role_name      = Admin\ncommon_fate_generated_from = aws-sso\n" +
		"credential_process         = granted credential-process --profile %[1]s\nregion                     = eu-west-1\n\n",
	"aws-vault": "[profile %[1]s]\nsso_session=corp\nsso_account_id=%[2]s\nsso_role_name=Admin\n" +
		"credential_process=aws-vault export --format=json %[1]s\nregion=eu-west-1\n",
	"aws-sso-cli": "\n[profile %[1]s]\ncredential_process = /usr/bin/aws-sso -u open -S \"Default\" process --arn arn:aws:iam::%[2]s:role/Admin\nregion = eu-west-1\n",
}

func TestProfilesOfOtherToolsWorkByTheirNames(t *testing.T) {
	m := newMachine(t)
	const n = 60
	profiles := map[string]string{}
	m.server.Set(func(s *idctest.Server) {
		s.Accounts = nil
		for i := range n {
			id := fmt.Sprintf("%012d", i+1)
			profiles[fmt.Sprintf("Team-%02d/Admin", i)] = id
			s.Accounts = append(s.Accounts, idctest.Account{ID: id, Name: fmt.Sprintf("Team %02d", i), Roles: []string{"Admin"}})
		}
	})
	m.write(".aws/config", corp)
	m.login()
	m = m.quiet()
	names := slices.Sorted(maps.Keys(profiles))
	file := filepath.Join(m.home, ".aws", "config")
	for tool, profile := range theirs {
		var before strings.Builder
		before.WriteString(corp)
		for _, name := range names {
			before.WriteString(fmt.Sprintf(profile, name, profiles[name]))
		}
		m.write(".aws/config", before.String())
		m.must(binary, "configure", "--convert", "--yes")
		got := scriptReads("python3", "testdata/profiles.py")(m, names)
		for name, id := range profiles {
			if g := got[name]; !strings.HasPrefix(g[0], binary+" process ") || g[1] != "eu-west-1" || !strings.HasPrefix(g[2], "arn:aws:sts::"+id+":assumed-role/AWSReservedSSO_Admin_") {
				t.Errorf("%s: boto3 reads %s as %q", tool, name, g)
			}
		}
		m.must(binary, "configure", "--revert", "--yes")
		if after, err := os.ReadFile(file); string(after) != before.String() || err != nil {
			t.Errorf("%s: the file does not come back: %v", tool, err)
		}
	}
	m.counted(map[string]int{"GetRoleCredentials": n}) // for all tools
}
