package profiles

import (
	"strings"
	"testing"

	"github.com/credproc/credproc/internal/awsconfig"
)

const twinned = `[sso-session corp]
sso_start_url = https://idc.example/start
sso_region = us-east-1
[profile dev]
credential_process = credproc process --sso-session corp --account-id 111111111111 --role-name Admin
region = eu-west-1
[profile deploy]
role_arn = arn:aws-us-gov:iam::333333333333:role/Deploy
source_profile = dev
external_id = x1`

func twinOf(t Twin, text string) (string, error) {
	t.Command = "credproc"
	f := &File{Files: awsconfig.Config{Path: "config"}, Own: []string{"credproc"}}
	got, err := t.Write(f, []byte(text))
	return string(got), err
}

func TestATwinOfAPermissionSetAssumesTheRoleThatIsNamed(t *testing.T) {
	const role = "arn:aws:iam::111111111111:role/Work"
	got, err := twinOf(Twin{Profile: "dev", RoleARN: role}, twinned)
	want := strings.Replace(twinned, "[profile dev]\n", "[profile dev]\ncredproc_agent_profile = dev-agent\n", 1) + `

[profile dev-agent]
credential_process = credproc process --profile dev-agent-role
region = eu-west-1

[profile dev-agent-role]
role_arn = ` + role + `
source_profile = dev
region = eu-west-1
credproc_policy_arns = arn:aws:iam::aws:policy/ReadOnlyAccess
`
	if err != nil || got != want {
		t.Errorf("error %v, text\n%s\nwant\n%s", err, got, want)
	}
}

func TestATwinOfAnAssumedRoleIsTheSameRole(t *testing.T) {
	got, err := twinOf(Twin{Profile: "deploy", ID: "acme"}, strings.ReplaceAll(twinned, "\n", "\r\n"))
	for _, want := range []string{"[profile deploy]\r\nacme_agent_profile = deploy-agent\r\n", "[profile deploy-agent-role]\r\nrole_arn = arn:aws-us-gov:iam::333333333333:role/Deploy\r\nsource_profile = dev\r\nexternal_id = x1\r\nacme_policy_arns = arn:aws-us-gov:iam::aws:policy/ReadOnlyAccess\r\n"} {
		if err != nil || !strings.Contains(got, want) {
			t.Errorf("error %v, no %q in\n%s", err, want, got)
		}
	}
}

func TestATwinThatCannotBeIsAnError(t *testing.T) {
	const role = "arn:aws:iam::111111111111:role/Work"
	for _, tt := range []struct {
		twin       Twin
		text, says string
	}{
		{Twin{Profile: "dev"}, twinned, "has a permission set, which cannot be limited"},
		{Twin{Profile: "dev", RoleARN: "Work"}, twinned, "must be the ARN of a role in account 111111111111"},
		{Twin{Profile: "dev", RoleARN: strings.Replace(role, "111111111111", "222222222222", 1)}, twinned, "must be the ARN of a role in account 111111111111"},
		{Twin{Profile: "none", RoleARN: role}, twinned, `no profile "none"`},
		{Twin{Profile: "a b", RoleARN: role}, strings.Replace(twinned, "profile dev]", "profile 'a b']", 1), "a name that a credential_process line cannot contain"},
		{Twin{Profile: "dev", RoleARN: role}, twinned + "\n[profile dev-agent-role]\n", "already"},
		{Twin{Profile: "dev", RoleARN: role}, strings.Replace(twinned, "region = eu", "credproc_agent_profile = x\nregion = eu", 1), `agents get the profile "x" in place of "dev" already`},
		{Twin{Profile: "static", RoleARN: role}, twinned + "\n[profile static]\naws_access_key_id = A\n", "has no role of IAM Identity Center"},
	} {
		if got, err := twinOf(tt.twin, tt.text); got != "" || err == nil || !strings.Contains(err.Error(), tt.says) {
			t.Errorf("%+v: error %v, want %s", tt.twin, err, tt.says)
		}
	}
}
