package e2e

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/config"

	"github.com/credproc/credproc/internal/idctest"
)

// hard are names of accounts that a config file could break at.
var hard = []string{"Production", "Production", "Team A / Prod", "🚀 Launch", `"quoted" it's`, "x]y # z ; a=b %(c)s", "DEFAULT", strings.Repeat("long name ", 5)}

func TestEveryReaderTakesWhatConfigureWrites(t *testing.T) {
	m := newMachine(t)
	m.server.Set(func(s *idctest.Server) {
		s.Accounts = nil
		for i, name := range hard {
			s.Accounts = append(s.Accounts, idctest.Account{ID: fmt.Sprintf("%012d", i+1), Name: name, Roles: []string{"Admin", "Read_Only"}})
		}
	})
	m.login()
	m.must(binary, "configure", "corp", "--all", "--yes", "--region", "eu-west-1", "--region", "ap-south-1")
	profiles := m.profiles()
	if len(profiles) != 2*len(hard) {
		t.Fatalf("%d profiles for %d roles", len(profiles), 2*len(hard))
	}
	python, err := filepath.Abs("testdata/profiles.py")
	if err != nil {
		t.Fatal(err)
	}
	args := []string{m.url}
	for name := range profiles {
		args = append(args, name)
	}
	readers := map[string]func() map[string][3]string{
		"boto3": func() map[string][3]string {
			return m.decoded(m.must("python3", append([]string{python}, args...)...))
		},
		"the SDK for Go": func() map[string][3]string { return m.goReads(args[1:]) },
	}
	if modules, why := installJavaScript(t); why != "" {
		notRun(t, "the AWS SDK for JavaScript as a reader", why)
	} else {
		readers["the SDK for JavaScript"] = func() map[string][3]string {
			script := filepath.Join(modules, "profiles.mjs")
			text, err := os.ReadFile("testdata/profiles.mjs")
			if err == nil {
				err = os.WriteFile(script, text, 0o600)
			}
			if err != nil {
				t.Fatal(err)
			}
			return m.decoded(m.must("node", append([]string{script}, args...)...))
		}
	}
	for reader, read := range readers {
		got := read()
		for name, role := range profiles {
			line := fmt.Sprintf("%s process --sso-session corp --account-id %s --role-name %s", binary, role.account, role.role)
			arn := "arn:aws:sts::" + role.account + ":assumed-role/AWSReservedSSO_" + role.role + "_"
			if g := got[name]; g[0] != line || g[1] != "eu-west-1" || !strings.HasPrefix(g[2], arn) {
				t.Errorf("%s reads the profile %s as %q, want %q of %s", reader, name, g, line, arn)
			}
		}
	}
	for name := range profiles {
		if got := m.must("aws", "configure", "get", "credential_process", "--profile", name); !strings.Contains(got, profiles[name].account) {
			t.Errorf("the AWS CLI reads the profile %s as %q", name, got)
		}
		if r := m.aws("sts", "get-caller-identity", "--profile", name); !strings.Contains(r.stdout, profiles[name].account) {
			t.Errorf("the AWS CLI: %s: %d: %s", name, r.status, r.stderr)
		}
		break // it reads as botocore does, and takes a second
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

func (m *machine) decoded(text string) (read map[string][3]string) {
	m.t.Helper()
	if err := json.Unmarshal([]byte(text), &read); err != nil {
		m.t.Fatal(err)
	}
	return read
}

func (m *machine) goReads(names []string) map[string][3]string {
	m.t.Helper()
	m.enter()
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
