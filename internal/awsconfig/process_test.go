package awsconfig

import (
	"errors"
	"maps"
	"slices"
	"strings"
	"testing"
)

func TestOurLineIsRecognized(t *testing.T) {
	const rest = " process --sso-session corp --account-id 111111111111 --role-name Admin"
	want := map[string]string{"--sso-session": "corp", "--account-id": "111111111111", "--role-name": "Admin"}
	acme := []string{"acme", "aws"}
	tests := []struct {
		name, line string
		command    []string
	}{
		{"bare", "credproc" + rest, credproc},
		{"path", "/usr/local/bin/credproc" + rest, credproc},
		{"path in quotes", `"/opt/my tools/credproc"` + rest, credproc},
		{"exe", "/mnt/c/tools/credproc.exe" + rest, credproc},
		{"command given as a path", "credproc" + rest, []string{"/usr/bin/credproc.EXE"}},
		{"longer name", "credproc credential-process" + strings.TrimPrefix(rest, " process"), credproc},
		{"words", "/opt/acme aws" + rest, acme},
		{"any order", "credproc process --role-name Admin --account-id 111111111111 --sso-session corp", credproc},
		{"joined by =", "credproc process --role-name=Admin --account-id=111111111111 --sso-session=corp", credproc},
		{"unknown flags", "credproc --debug process --wait 5s --sso-session corp --auto-login --account-id 111111111111 --role-name Admin --x=y", credproc},
		{"flags before the command", "credproc --sso-session corp --debug --account-id=111111111111 process --role-name Admin", credproc},
		{"flag twice", "credproc process --role-name x --sso-session corp --account-id 111111111111 --role-name=Admin", credproc},
		{"words in quotes", `credproc "process" '--sso-session' "corp" --account-id "111111111111" --role-name=Ad"min"`, credproc},
		{"env", "env credproc" + rest, credproc},
		{"settings", "env AWS_CA_BUNDLE=/x HTTPS_PROXY=http://p credproc" + rest, credproc},
		{"env with flags", "/usr/bin/env -i -u X --unset=Y --chdir / -- FOO=1 /opt/acme aws" + rest, acme},
		{"over several lines", "credproc\nprocess\n--sso-session corp\n--account-id 111111111111\n--role-name Admin", credproc},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got, ok := ourFlags(tt.line, tt.command, false); !ok || !maps.Equal(got, want) {
				t.Errorf("%s: %v, %t", tt.line, got, ok)
			}
		})
	}
}

func TestProfileFlag(t *testing.T) {
	for _, line := range []string{"--profile dev", "--profile=dev", "-p dev", "-pdev", "--debug --profile dev", "-p x --profile dev"} {
		if got, ok := ourFlags("credproc process "+line, credproc, false); !ok || !maps.Equal(got, map[string]string{"--profile": "dev"}) {
			t.Errorf("%s: %v, %t", line, got, ok)
		}
	}
	for line, want := range map[string]string{"-p": "", "--profile": "", "--profile=": "", "--profile=a=b": "a=b", "--profile ''": "", "-p=x": "=x"} {
		if got, ok := ourFlags("credproc process "+line, credproc, false); !ok || !maps.Equal(got, map[string]string{"--profile": want}) {
			t.Errorf("%s: %v, %t", line, got, ok)
		}
	}
}

func TestOtherLinesAreNotOurs(t *testing.T) {
	tests := []struct {
		line    string
		command []string
	}{
		{"", credproc},
		{"credproc", credproc},
		{"credproc --debug", credproc},
		{"credproc exec dev", credproc},
		{"credproc env --format process", credproc},
		{"env", credproc},
		{"env FOO=1", credproc},
		{"env -u credproc process -p a", credproc},
		{"env FOO=1 acme process -p a", credproc},
		{"credproc --profile process", credproc},
		{"credproc2 process", credproc},
		{"/opt/credproc/other process", credproc},
		{"xcredproc process", credproc},
		{"Credproc process", credproc},
		{"aws-vault exec credproc process", credproc},
		{`credproc process "`, credproc},
		{".exe process", credproc},
		{"acme process", []string{"acme", "aws"}},
		{"acme AWS process", []string{"acme", "aws"}},
		{"aws process", []string{"acme", "aws"}},
		{"acme", []string{"acme", "aws"}},
		{"credproc process", nil},
		{"credproc process", []string{"acme", "aws"}},
	}
	for _, tt := range tests {
		if got, ok := ourFlags(tt.line, tt.command, false); ok {
			t.Errorf("%s as %q: %v", tt.line, tt.command, got)
		}
	}
}

func TestOurLineOnWindows(t *testing.T) {
	for _, line := range []string{
		`C:\tools\credproc.exe process -p dev`,
		`"C:\my tools\CredProc.EXE" process --profile "dev"`,
		`C:/tools/CREDPROC process --profile=dev`,
	} {
		if got, ok := ourFlags(line, credproc, true); !ok || got["--profile"] != "dev" {
			t.Errorf("%s: %v, %t", line, got, ok)
		}
	}
	if got, ok := ourFlags(`C:\tools\credproc.exe process`, credproc, false); ok {
		t.Errorf("backslashes are gone elsewhere, but: %v", got)
	}
}

func TestOurLineResolves(t *testing.T) {
	const role = " Admin@111111111111@corp@https://corp.awsapps.com/start@eu-west-1"
	tests := []struct{ name, line, want string }{
		{"session", "credproc process --sso-session corp --account-id 111111111111 --role-name Admin", "Ours" + role},
		{"session with the same region", "credproc process --sso-session corp --sso-region eu-west-1 --account-id 111111111111 --role-name Admin", "Ours" + role},
		{"start URL", "credproc process --sso-start-url https://x/start/#/ --sso-region eu-west-1 --account-id 111111111111 --role-name Admin",
			"Ours Admin@111111111111@@https://x/start/#/@eu-west-1"},
		{"profile", "credproc process --profile sso", "Ours" + role},
		{"profile of the profile", "credproc process --profile again", "Ours" + role},
		{"profile with a space", `credproc process --profile "a b"`, "Ours" + role},
		{"chain", "credproc process --profile chain", "Ours assumes ARN from sso: SSO" + role},
		{"credential source", "credproc process --profile instance", "Ours assumes ARN by Ec2InstanceMetadata"},
		{"not ours", "credproc exec --profile sso", "OtherProcess"},
	}
	const others = "[profile sso]\n" + native + "[profile a b]\n" + native + "[profile again]\ncredential_process = credproc process -p sso\n" +
		"[profile chain]\nrole_arn = ARN\nsource_profile = sso\n[profile instance]\nrole_arn = ARN\ncredential_source = Ec2InstanceMetadata\n"
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			p, err := files(t, sessions+others+"[profile p]\nregion = eu-north-1\ncredential_process = "+tt.line, "").Profile("p", credproc)
			if err != nil {
				t.Fatal(err)
			}
			if got := meaning(p); got != tt.want {
				t.Errorf("got %s\nwant %s", got, tt.want)
			}
			if p.Name != "p" || p.Region != "eu-north-1" {
				t.Errorf("got name %q, region %q", p.Name, p.Region)
			}
		})
	}
}

func TestOurLineForAnotherProgramName(t *testing.T) {
	c := files(t, sessions+"[profile p]\ncredential_process = /opt/acme aws process --sso-session corp --account-id 111111111111 --role-name Admin", "")
	for command, want := range map[string]Kind{"acme aws": Ours, "acme": OtherProcess, "credproc": OtherProcess} {
		p, err := c.Profile("p", strings.Fields(command))
		if err != nil || p.Kind != want {
			t.Errorf("%s: %+v, error %v", command, p, err)
		}
	}
}

func TestOurLineErrors(t *testing.T) {
	const at = "config:8: [profile p]: "
	tests := []struct{ name, flags, want string }{
		{"nothing", "", at + "no --account-id, no --role-name, no --sso-session"},
		{"no role", "--sso-session corp --account-id 111111111111", at + "no --role-name"},
		{"empty role", "--sso-session corp --account-id 111111111111 --role-name=", at + "no --role-name"},
		{"no session", "--account-id 111111111111 --role-name Admin", at + "no --sso-session"},
		{"no region", "--sso-start-url https://x --role-name Admin", at + "no --account-id, no --sso-region"},
		{"unknown session", "--sso-session none --account-id 111111111111 --role-name Admin", `config:8: no sso-session "none" in config`},
		{"unknown profile", "--profile none", `config:8: no profile "none" in config`},
		{"account", "--sso-session corp --account-id 1 --role-name Admin", at + `--account-id "1": must be 12 digits`},
		{"role", "--sso-session corp --account-id 111111111111 --role-name a/b", at + `--role-name "a/b": must be 1 to 64 letters, digits and _+=,.@-`},
		{"IAM's role", "--sso-session corp --account-id 111111111111 --role-name AWSReservedSSO_Admin_0123456789abcdef",
			at + `--role-name "AWSReservedSSO_Admin_0123456789abcdef": the IAM role of permission set "Admin"`},
		{"other region", "--sso-session corp --sso-region us-east-1 --account-id 111111111111 --role-name Admin",
			`--sso-region is "us-east-1" in [profile p] (config:8) and "eu-west-1" in [sso-session corp] (config:3)`},
		{"password", "--sso-start-url https://u:SECRET@x --sso-region eu-west-1 --account-id 111111111111 --role-name Admin", at + `--sso-start-url: must have no user`},
		{"profile and more", "--profile q --role-name Admin", at + `--profile "q": there are flags for the same beside it`},
		{"profile without a role", "--profile q", at + `--profile "q": that profile has no role`},
		{"profile with keys", "--profile keys", at + `--profile "keys": that profile has no role`},
		{"profile with a session only", "--profile session", at + `--profile "session": that profile has no role`},
		{"profile with another process", "--profile process", at + `--profile "process": that profile has no role`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			p, err := files(t, sessions+"[profile p]\ncredential_process = credproc process "+tt.flags+"\n[profile q]\n[profile keys]\n"+keys+
				"[profile session]\nsso_session = corp\n[profile process]\ncredential_process = x", "").Profile("p", credproc)
			if p != nil || !isError(err, tt.want) {
				t.Errorf("got  %v, %v\nwant %s", p, err, tt.want)
			}
		})
	}

	_, err := files(t, "[profile p]\ncredential_process = credproc process", "").Profile("p", credproc)
	if e, ok := errors.AsType[*MissingError](err); !ok || !slices.Equal(e.Keys, []string{"--account-id", "--role-name", "--sso-session"}) {
		t.Errorf("got %+v", err)
	}
}

func TestSessionOfOurLineWithoutOneIsTheProfile(t *testing.T) {
	p, err := files(t, "[profile p]\n\ncredential_process = credproc process --sso-start-url https://x --sso-region eu-west-1 --account-id 111111111111 --role-name R\n", "").Profile("p", credproc)
	if err != nil {
		t.Fatal(err)
	}
	if s := p.Role.Session; s.Section != p.Section || s.Location != (Location{"config", 3}) {
		t.Errorf("got %+v", s)
	}
}
