package awsconfig

import (
	"errors"
	"strings"
	"testing"
)

// What STS always refuses is an error with file and line, before STS is asked.
func TestWhatNoChainCanHaveIsNamedWithItsPlace(t *testing.T) {
	const role = "role_arn = arn:aws:iam::222222222222:role/x\n"
	for _, tt := range []struct{ name, text, want string }{
		{"in order", role, ""},
		{"with all there is", role + "external_id = a/b:c\nrole_session_name = me@home\nduration_seconds = 3600\nmfa_serial = arn:aws:iam::111111111111:mfa/me\n", ""},
		{"the shortest", role + "duration_seconds = 900", ""},
		{"too short", role + "duration_seconds = 899", `config:14: [profile p]: duration_seconds "899": must be from 900 to 3600, since the source is a role, too`},
		{"too long", role + "duration_seconds = 3601", `config:14: [profile p]: duration_seconds "3601": must be from 900 to 3600, since the source is a role, too`},
		{"as long as the role allows", role + "duration_seconds = 43200", `config:14: [profile p]: duration_seconds "43200": must be from 900 to 3600, since`},
		{"a path", "role_arn = arn:aws:iam::222222222222:role/a/b/x", ""},
		{"no ARN", "role_arn = x", `config:13: [profile p]: role_arn "x": must be the ARN of a role`},
		{"a user", "role_arn = arn:aws:iam::222222222222:user/x", `must be the ARN of a role`},
		{"no name", "role_arn = arn:aws:iam::222222222222:role/a/", `must be the ARN of a role`},
		{"no account", "role_arn = arn:aws:iam::x:role/x", `must be the ARN of a role`},
		{"a session", "role_arn = arn:aws:sts::222222222222:assumed-role/x/y", `must be the ARN of a role`},
		{"a space", "role_arn = arn:aws:iam::222222222222:role/a b", `must be the ARN of a role`},
		{"China", "role_arn = arn:aws-cn:iam::222222222222:role/x", `config:13: [profile p]: role_arn "arn:aws-cn:iam::222222222222:role/x": must be in the partition of the session, aws`},
		{"a name with a space", role + "role_session_name = a b", `config:14: [profile p]: role_session_name "a b": must be 2 to 64 letters, digits and _+=,.@-`},
		{"a name of a letter", role + "role_session_name = a", `must be 2 to 64`},
		{"a long name", role + "role_session_name = " + strings.Repeat("a", 65), `must be 2 to 64`},
		{"a foreign name", role + "role_session_name = größe", `must be 2 to 64`},
		{"an external ID, which is not repeated", role + "external_id = a b", `config:14: [profile p]: external_id: must be 2 to 1224`},
		{"an MFA device", role + "mfa_serial = me", `config:14: [profile p]: mfa_serial "me": must be 9 to 256`},
	} {
		c := files(t, sessions+"[profile base]\n"+native+"[profile p]\nsource_profile = base\n"+tt.text+"\n[profile line]\ncredential_process = credproc process --profile p\n", "")
		for _, name := range []string{"p", "line"} {
			p, err := c.Profile(name, credproc)
			if err != nil {
				t.Fatalf("%s: %v", tt.name, err)
			}
			err = p.CheckChain()
			if tt.want == "" && err != nil || tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want)) {
				t.Errorf("%s: %s: %v, want %s", tt.name, name, err, tt.want)
			}
			if _, value := errors.AsType[*ValueError](err); err != nil && !value {
				t.Errorf("%s: %T", tt.name, err)
			}
		}
	}
}

// Keys of a user may assume a role for longer, and what another program gives
// may be such keys.
func TestAChainThatDoesNotComeFromARoleMayLastLonger(t *testing.T) {
	for source, want := range map[string]bool{
		"aws_access_key_id = x\naws_secret_access_key = y": true, "credential_process = other": true,
		"role_arn = arn:aws:iam::222222222222:role/y\nsource_profile = keys\n[profile keys]\naws_access_key_id = x": false,
	} {
		c := files(t, "[profile p]\nrole_arn = arn:aws-cn:iam::222222222222:role/x\nsource_profile = base\nduration_seconds = 43200\n[profile base]\n"+source+"\n", "")
		p, err := c.Profile("p", credproc)
		if err != nil {
			t.Fatal(err)
		}
		if err := p.CheckChain(); (err == nil) != want {
			t.Errorf("from %q: %v", source, err)
		}
	}
}

func TestEveryRegionIsInAPartition(t *testing.T) {
	for region, want := range map[string]string{
		"us-east-1": "aws", "eu-central-2": "aws", "cn-north-1": "aws-cn", "us-gov-west-1": "aws-us-gov", "eusc-de-east-1": "aws-eusc",
		"us-iso-east-1": "aws-iso", "us-isob-east-1": "aws-iso-b", "eu-isoe-west-1": "aws-iso-e", "us-isof-south-1": "aws-iso-f", "": "aws",
	} {
		if got := Partition(region); got != want {
			t.Errorf("%q is in %s, want %s", region, got, want)
		}
	}
}

func TestOtherProfilesHaveNoChainToCheck(t *testing.T) {
	if err := new(Profile).CheckChain(); err != nil {
		t.Error(err)
	}
	if r, ok := ParseRoleARN("arn:aws:iam::222222222222:role/x"); !ok || r != (RoleARN{"aws", "222222222222"}) {
		t.Errorf("%+v, %v", r, ok)
	}
}
