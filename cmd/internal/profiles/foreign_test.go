package profiles

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/credproc/credproc/internal/awsconfig"
)

// file is a config file of a machine with that home directory.
func file(home string) *File {
	return &File{Files: awsconfig.Config{Path: "config"}, Mark: "credproc", Program: "credproc", Own: []string{"credproc"},
		Foreign: AWSSSOPlaces(func(name string) string { return map[string]string{"HOME": home}[name] })}
}

// theirs are config files as other tools write them, with 60 profiles each.
func theirs() map[string]string {
	each := func(head, text string) string {
		var all strings.Builder
		all.WriteString(head)
		for i := range 60 {
			fmt.Fprintf(&all, text, fmt.Sprintf("team%02d/Admin", i), fmt.Sprintf("%012d", 1000+i))
		}
		return all.String()
	}
	corp := "[sso-session corp]\nsso_start_url = https://idc.example/start/#/\nsso_region = us-east-1\nsso_registration_scopes = sso:account:access\n\n"
	return map[string]string{
		"AWS CLI":         each(corp, "[profile %[1]s]\nsso_session = corp\nsso_account_id = %[2]s\nsso_role_name = Admin\nregion = eu-west-1\noutput = json\n"),
		"AWS CLI, legacy": each("", "[profile %[1]s]\nsso_start_url = https://idc.example/start\nsso_region = us-east-1\nsso_account_id = %[2]s\nsso_role_name = Admin\n"),
		"granted": each("", "[profile %[1]s]\ngranted_sso_start_url      = https://idc.example/start\ngranted_sso_region         = us-east-1\n"+
			"granted_sso_account_id     = %[2]s\ngranted_sso_role_name      = Admin\ncommon_fate_generated_from = aws-sso\ncredential_process         = granted credential-process --profile %[1]s\n\n"),
		"granted with a session": each(corp, "[profile %[1]s]\r\nsso_session = corp\r\ngranted_sso_account_id = %[2]s\r\ngranted_sso_role_name = Admin\r\ncredential_process = granted credential-process --auto-login --profile %[1]s\r\n"),
		"aws-vault beside keys":  each(corp, "[profile %[1]s]\nsso_session=corp\nsso_account_id=%[2]s\nsso_role_name=Admin\ncredential_process=aws-vault export --format=json %[1]s\n"),
		"aws-vault for a profile": each(corp, "[profile sso-%[1]s]\nsso_session=corp\nsso_account_id=%[2]s\nsso_role_name=Admin\n"+
			"[profile %[1]s]\ncredential_process = /opt/homebrew/bin/aws-vault --prompt=osascript --backend keychain export --no-session --format json sso-%[1]s\nregion=us-east-1\n"),
		"aws-sso-cli": each("[default]\nregion = us-east-1\n# BEGIN_AWS_SSO_CLI_Default\n", "\n[profile %[1]s]\ncredential_process = /usr/bin/aws-sso -S \"Default\" process --arn arn:aws:iam::%[2]s:role/Admin\nregion = eu-west-1\n") +
			"# END_AWS_SSO_CLI_Default\n",
		"aws-sso-util": each("", "[profile %[1]s]\nsso_start_url = https://idc.example/start\nsso_region = us-east-1\nsso_account_name = x\nsso_account_id = %[2]s\nsso_role_name = Admin\n"+
			"credential_process = aws-sso-util credential-process --profile %[1]s\nsso_auto_populated = true\n"),
	}
}

func TestProfilesOfOtherToolsKeepTheirNamesAndComeBackToTheByte(t *testing.T) {
	home := t.TempDir()
	if err := os.MkdirAll(filepath.Join(home, ".aws-sso"), 0o700); err != nil {
		t.Fatal(err)
	}
	yaml := "SSOConfig:\n    Default:\n        SSORegion: us-east-1\n        StartUrl: https://idc.example/start\n"
	if err := os.WriteFile(filepath.Join(home, ".aws-sso", "config.yaml"), []byte(yaml), 0o600); err != nil {
		t.Fatal(err)
	}
	for tool, text := range theirs() {
		f := file(home)
		done, left, converted, err := f.Convert(nil, Place{}, "/usr/bin/credproc", []byte(text))
		if err != nil || len(left) > 0 || len(done) < 60 {
			t.Errorf("%s: %d profiles, left are %q, %v", tool, len(done), left, err)
			continue
		}
		files, err := f.Files.With(converted)
		if err != nil {
			t.Fatal(err)
		}
		for i := range 60 {
			p, err := files.Profile(fmt.Sprintf("team%02d/Admin", i), []string{"credproc"})
			if err != nil || p.Kind != awsconfig.Ours || p.Role.AccountID != fmt.Sprintf("%012d", 1000+i) || p.Role.RoleName != "Admin" ||
				files.Named(p.Role.Session).StartURL[:25] != "https://idc.example/start" || len(p.Section.Keys("sso_"))+len(p.Section.Keys("granted_sso_")) > 2 {
				t.Errorf("%s: profile %d is %+v, %v", tool, i, p, err)
			}
		}
		if again, _, text, err := f.Convert(nil, Place{}, "/usr/bin/credproc", converted); err != nil || len(again) > 0 || string(text) != string(converted) {
			t.Errorf("%s: a second time %q, %v", tool, again, err)
		}
		if _, back, err := f.Revert(nil, converted); err != nil || string(back) != text {
			t.Errorf("%s: it does not come back: %v\n%.300s", tool, err, back)
		}
	}
}

func TestALineOfAnotherToolSaysItsRole(t *testing.T) {
	for value, want := range map[string]said{
		"granted credential-process --profile dev":                                   {tool: "granted", profile: "dev"},
		"/usr/local/bin/dgranted credential-process --auto-login --profile=dev":      {tool: "granted", profile: "dev"},
		"granted credential-process --window 10m --profile dev --url https://x":      {tool: "granted", profile: "dev"},
		"aws-vault export --format=json dev":                                         {tool: "aws-vault", profile: "dev"},
		"env AWS_VAULT= aws-vault --debug export -d 1h -n --format json dev":         {tool: "aws-vault", profile: "dev"},
		"aws-vault exec dev --json":                                                  {tool: "aws-vault", profile: "dev"},
		"aws-vault exec -j -d1h dev":                                                 {tool: "aws-vault", profile: "dev"},
		`aws-sso -u open -S "My SSO" process --arn arn:aws:iam::111111111111:role/A`: {tool: "aws-sso", instance: "My SSO", account: "111111111111", role: "A"},
		"aws-sso process --sso=X --account 42 --role A":                              {tool: "aws-sso", instance: "X", account: "000000000042", role: "A"},
		"aws-sso -L error -SX process -a 42:A":                                       {tool: "aws-sso", instance: "X", account: "000000000042", role: "A"},
		"aws-sso --config /x.yaml process -p dev":                                    {tool: "aws-sso", config: "/x.yaml"},
		"aws configure export-credentials --profile dev --format process":            {tool: "the AWS CLI", profile: "dev"},
		"aws --profile dev configure export-credentials":                             {tool: "the AWS CLI", profile: "dev"},
		"aws-sso-util credential-process --profile dev":                              {tool: "aws-sso-util", profile: "dev"},
	} {
		if got, ok := foreignLine(value); got != want || !ok {
			t.Errorf("%s: %+v, %v, want %+v", value, got, ok, want)
		}
	}
	for _, value := range []string{"", "granted", "granted login", "aws-vault export dev", "aws-vault exec dev -- cmd", "aws-sso list", "aws sts get-caller-identity",
		"aws configure export-credentials --format env", "other-tool process", `aws-sso "`, "env", "-"} {
		if got, ok := foreignLine(value); ok {
			t.Errorf("%q is taken for %+v", value, got)
		}
	}
}

func TestWhatDoesNotSayItsRoleIsLeftWithTheReason(t *testing.T) {
	const keys = "sso_start_url = https://idc.example/start\nsso_region = us-east-1\nsso_account_id = 111111111111\nsso_role_name = Admin\n"
	for text, reason := range map[string]string{
		"[profile p]\n" + keys + "credential_process = other-tool get\n":                                                                             "has a credential_process of its own beside the keys",
		"[profile p]\n" + keys + "credential_process = aws-vault export --format=json q\n[profile q]\n" + strings.ReplaceAll(keys, "Admin", "Other"): "has keys for one role and a line of aws-vault for another",
		"[profile p]\n" + keys + "credential_process = aws-sso process --arn arn:aws:iam::222222222222:role/Admin\n":                                 "start URL",
		"[profile p]\ncredential_process = aws-vault export --format=json p\n":                                                                       "has a line of aws-vault that does not say which role it is for",
		"[profile p]\ncredential_process = granted credential-process --profile q\n":                                                                 `no profile "q"`,
		"[profile p]\ncredential_process = granted credential-process --profile q\n[profile q]\nregion = x\n":                                        "for profile q, which has no role of IAM Identity Center",
		"[profile p]\ncredential_process = aws-vault exec -j q\n[profile q]\ncredential_process = aws-vault exec -j p\n":                             "leads back to itself",
		"[profile p]\ncredential_process = aws-sso process --arn arn:aws:iam::111111111111:role/Admin\n":                                             "add --sso-session NAME",
		"[profile p]\ngranted_sso_account_id = 1\ngranted_sso_role_name = A\n":                                                                       "must be 12 digits",
		"[profile p]\ngranted_sso_account_id = 111111111111\ngranted_sso_role_name = A\ngranted_sso_start_url = https://x.example/start\n":           "add --sso-session NAME",
		"[profile p]\ngranted_sso_account_id = 111111111111\ngranted_sso_role_name = A\nsso_session = gone\n":                                        `"gone"`,
	} {
		_, left, converted, err := file(t.TempDir()).Convert(nil, Place{}, "credproc", []byte(text))
		i := slices.IndexFunc(left, func(line string) bool { return strings.HasPrefix(line, "p stays as it is: ") })
		if err != nil || i < 0 || !strings.Contains(left[i], reason) || !strings.HasPrefix(string(converted), text[:strings.LastIndex(text, "\n[")+1]) {
			t.Errorf("%s: left are %q, %v, want %s", text, left, err, reason)
		}
		if _, _, _, err := file(t.TempDir()).Convert([]string{"p"}, Place{}, "credproc", []byte(text)); err == nil {
			t.Errorf("%s: no error where it is named", text)
		}
	}
	for _, text := range []string{"[profile p]\ncredential_process = other-tool get\n", "[profile p]\naws_access_key_id = x\n",
		"[profile p]\nrole_arn = arn:aws:iam::1:role/x\nsource_profile = q\n[profile q]\nregion = x\n"} {
		if done, left, _, err := file(t.TempDir()).Convert(nil, Place{}, "credproc", []byte(text)); err != nil || len(done)+len(left) > 0 {
			t.Errorf("%s: %q, %q, %v", text, done, left, err)
		}
	}
}

func TestAChainOfLinesOfOtherToolsIsFollowedToAnEnd(t *testing.T) {
	var text strings.Builder
	text.WriteString("[profile p1]\nsso_start_url = https://idc.example/start\nsso_region = us-east-1\nsso_account_id = 111111111111\nsso_role_name = Admin\n")
	for i := 2; i <= 2000; i++ {
		fmt.Fprintf(&text, "[profile p%d]\ncredential_process = aws-vault export --format=json p%d\n", i, i-1)
	}
	done, left, _, err := file(t.TempDir()).Convert(nil, Place{}, "credproc", []byte(text.String()))
	if err != nil || len(done) != awsconfig.MaxChain || len(left) != 2000-awsconfig.MaxChain || !strings.Contains(left[0], "is one too many: at most 20 profiles") {
		t.Errorf("%q, %d are left, %.200q, %v", done, len(left), left, err)
	}
}

func TestALineThatNamesNoInstanceGetsTheOneThatIsSaidOrTheOnlyOne(t *testing.T) {
	const line = "[profile p]\ncredential_process = aws-sso -S Work process --arn arn:aws:iam::111111111111:role/Admin\n"
	session := func(name string) string {
		return "[sso-session " + name + "]\nsso_start_url = https://" + name + ".example/start\nsso_region = us-east-1\n"
	}
	for _, test := range []struct {
		text string
		at   Place
		want string
	}{
		{session("corp"), Place{}, "--sso-session corp"},
		{session("corp") + session("Work"), Place{}, "--sso-session Work"},
		{session("corp") + session("Work"), Place{Session: "corp"}, "--sso-session corp"},
		{"", Place{StartURL: "https://x.example/start/", Region: "eu-west-1"}, "--sso-start-url https://x.example/start --sso-region eu-west-1"},
		{session("a") + session("b"), Place{}, ""},
		{session("a"), Place{Session: "b"}, ""},
		{"", Place{StartURL: "http://[", Region: "eu-west-1"}, ""},
		{"", Place{StartURL: "https://x.example/start", Region: "e/1"}, ""},
	} {
		_, left, text, err := file(t.TempDir()).Convert(nil, test.at, "credproc", []byte(line+test.text))
		if err != nil || test.want == "" && len(left) != 1 || test.want != "" && !strings.Contains(string(text), "credproc process "+test.want+" --account-id 111111111111") {
			t.Errorf("%q, %+v: left %q, %v\n%s", test.text, test.at, left, err, text)
		}
	}
}

func TestTheConfigFileOfAwsSsoNamesInstances(t *testing.T) {
	for _, test := range []struct {
		text, name string
		want       Place
	}{
		{"SSOConfig:\n    Default:\n        SSORegion: us-east-1\n        StartUrl: https://a.example/start\n", "Default", Place{"", "https://a.example/start", "us-east-1"}},
		{"# c\r\nSSOConfig: # c\r\n  \"My SSO\":\r\n    StartUrl: 'https://a.example/start' # c\r\n    SSORegion: \"eu-west-1\"\r\n    Accounts:\r\n      1:\r\n        StartUrl: x\r\n", "My SSO", Place{"", "https://a.example/start", "eu-west-1"}},
		{"SSOConfig:\n  A:\n    StartUrl: https://a.example/start\n    SSORegion: us-east-1\n  B:\n    StartUrl: https://b.example/start#/\n    SSORegion: us-east-2\nDefaultSSO: B\n", "", Place{"", "https://b.example/start#/", "us-east-2"}},
		{"SSOConfig:\n  A:\n    StartUrl: https://a.example/start\n", "A", Place{}},
		{"SSOConfig: {A: {StartUrl: x, SSORegion: y}}\n", "A", Place{}},
		{"Other:\n  A:\n    StartUrl: https://a.example/start\n    SSORegion: us-east-1\n", "A", Place{}},
		{"SSOConfig:\n  A:\n    StartUrl: https://a.example/start\n    SSORegion: us-east-1/evil\n", "A", Place{}},
		{"SSOConfig:\n  A:\n    StartUrl: ftp://a.example/start\n    SSORegion: us-east-1\n", "A", Place{}},
		{":\n::\n  :\n'\n\"\n", "", Place{}},
	} {
		at, ok := awsSSOPlace(test.text, test.name)
		if ok != (test.want != Place{}) || ok && at != test.want {
			t.Errorf("%q: %+v, %v, want %+v", test.text, at, ok, test.want)
		}
	}
}
