package awsconfig

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
)

var credproc = []string{"credproc"}

// sessions is what the config files of these tests start with: 6 lines.
const sessions = "[sso-session corp]\n" +
	"sso_start_url = https://corp.awsapps.com/start\n" +
	"sso_region = eu-west-1\n" +
	"[sso-session other]\n" +
	"sso_start_url = https://other.awsapps.com/start\n" +
	"sso_region = us-east-1\n"

// native is a role in the corp session.
const native = "sso_session = corp\nsso_account_id = 111111111111\nsso_role_name = Admin\n"

// ours is the process line for the same.
const ours = "credential_process = credproc process --sso-session corp --account-id 111111111111 --role-name Admin\n"

const keys = "aws_access_key_id = AKIAEXAMPLE\naws_secret_access_key = SECRET\n"

// kinds are the names of the kinds of profile, in their order.
var kinds = [...]string{"None", "LoginSession", "Ours", "SSO", "LegacySSO", "SessionOnly", "Chain",
	"CredentialSource", "WebIdentity", "Static", "OtherProcess"}

// meaning is what p means, in a word for each thing.
func meaning(p *Profile) string {
	text := kinds[p.Kind]
	if p.Role != nil {
		text += " " + roleText(p.Role)
	}
	if p.Chain != nil {
		text += " assumes " + p.Chain.RoleARN
		if p.Chain.CredentialSource != "" {
			text += " by " + p.Chain.CredentialSource
		}
		if p.Chain.Source != nil {
			text += " from " + p.Chain.Source.Name + ": " + meaning(p.Chain.Source)
		}
	}
	return text
}

func roleText(r *Role) string {
	return strings.Trim(fmt.Sprintf("%s@%s@%s@%s@%s", r.RoleName, r.AccountID, r.Session.Name, r.Session.StartURL, r.Session.Region), "@")
}

func TestProfileKinds(t *testing.T) {
	const role = " Admin@111111111111@corp@https://corp.awsapps.com/start@eu-west-1"
	const session = " corp@https://corp.awsapps.com/start@eu-west-1"
	const chain = "role_arn = ARN\nsource_profile = base\n"
	const legacy = "sso_start_url = https://l/start#/\nsso_region = eu-west-2\n"
	const account = "sso_account_id = 111111111111\nsso_role_name = Admin\n"
	tests := []struct{ name, config, credentials, want string }{
		{"nothing", "", "", "None"},
		{"region only", "region = eu-west-1\noutput = json", "", "None"},
		{"sso-session", native, "", "SSO" + role},
		{"sso-session, with the same again", native + "sso_start_url = https://CORP.awsapps.com:443/start/#/\nsso_region = eu-west-1", "", "SSO" + role},
		{"legacy", legacy + account, "", "LegacySSO Admin@111111111111@@https://l/start#/@eu-west-2"},
		{"session only", "sso_session = corp", "", "SessionOnly" + session},
		{"legacy session only", legacy, "", "SessionOnly https://l/start#/@eu-west-2"},
		{"our line", ours, "", "Ours" + role},
		{"another process", "credential_process = /opt/x --y", "", "OtherProcess"},
		{"static keys", keys, "", "Static"},
		{"static keys in the credentials file", "", keys, "Static"},
		{"chain", chain, "", "Chain assumes ARN from base: SSO" + role},
		{"credential source", "role_arn = ARN\ncredential_source = Environment", "", "CredentialSource assumes ARN by Environment"},
		{"web identity", "role_arn = ARN\nweb_identity_token_file = /x", "", "WebIdentity"},

		{"chain before all but web identity", chain + native + ours, keys, "Chain assumes ARN from base: SSO" + role},
		{"web identity before chain", "web_identity_token_file = /x\n" + chain, keys, "WebIdentity"},
		{"sso before keys in the credentials file", native, keys, "SSO" + role},
		{"sso before another process", native + "credential_process = x", "", "SSO" + role},
		{"our line for the same as sso", native + ours, "", "Ours" + role},
		{"our line for the same as legacy sso", legacy + account + "credential_process = credproc process --role-name Admin " +
			"--account-id 111111111111 --sso-start-url https://l/start --sso-region eu-west-2", "", "Ours Admin@111111111111@@https://l/start#/@eu-west-2"},
		{"our line for another role than sso", native + strings.ReplaceAll(ours, "Admin", "Reader"), "", "SSO" + role},
		{"our line for another account than sso", native + strings.ReplaceAll(ours, "111111111111", "222222222222"), "", "SSO" + role},
		{"our line for another session than sso", native + strings.ReplaceAll(ours, "corp", "other"), "", "SSO" + role},
		{"our line for no session, with sso", native + "credential_process = credproc process --role-name Admin " +
			"--account-id 111111111111 --sso-start-url https://corp.awsapps.com/start --sso-region eu-west-1", "", "SSO" + role},
		{"our line for another region than legacy sso", legacy + account + "credential_process = credproc process --role-name Admin " +
			"--account-id 111111111111 --sso-start-url https://l/start --sso-region eu-west-1", "", "LegacySSO Admin@111111111111@@https://l/start#/@eu-west-2"},
		{"our line for a chain, with sso", native + "credential_process = credproc process --profile chained", "", "SSO" + role},
		{"our line with an error, with sso", native + "credential_process = credproc process", "", "SSO" + role},
		{"keys in the credentials file before our line", ours, keys, "Static"},
		{"our line before keys in the config file", ours + keys, "", "Ours" + role},
		{"another process before keys in the config file", "credential_process = x\n" + keys, "", "OtherProcess"},
		{"our line before session only", "sso_session = other\n" + ours, "", "Ours" + role},
		{"static before session only", "sso_session = corp\n" + keys, "", "Static"},
		{"login_session", "login_session = arn:aws:iam::111111111111:user/ann", "", "LoginSession"},
		{"our line before login_session", "login_session = x\n" + ours, "", "Ours" + role},
		{"empty keys are none", "role_arn =\nsso_account_id =\nsso_role_name =\nsso_session =\ncredential_process =\naws_access_key_id =", "", "None"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c := files(t, sessions+"[profile base]\n"+native+"[profile chained]\n"+chain+"[profile p]\n"+tt.config, "[p]\n"+tt.credentials)
			p, err := c.Profile("p", credproc)
			if err != nil {
				t.Fatal(err)
			}
			if got := meaning(p); got != tt.want {
				t.Errorf("got %s\nwant %s", got, tt.want)
			}
			if p.Name != "p" || p.Section != c.Profiles["p"] {
				t.Errorf("got name %q, section %v", p.Name, p.Section)
			}
		})
	}
}

func TestProfileHasRegion(t *testing.T) {
	c := files(t, "[default]\nregion = eu-west-1\noutput = json", "[default]\nregion = eu-west-2")
	p, err := c.Profile("default", nil)
	if err != nil || p.Region != "eu-west-2" {
		t.Errorf("got %+v, error %v", p, err)
	}
}

func TestProfileErrors(t *testing.T) {
	const at = "config:7: [profile p]: " // the header
	tests := []struct{ name, profile, want string }{
		// All the keys that are missing, in one error.
		{"no account", "sso_session = corp\nsso_role_name = Admin", at + "no sso_account_id"},
		{"no role", "sso_session = corp\nsso_account_id = 111111111111", at + "no sso_role_name"},
		{"no role, no session", "sso_account_id = 111111111111", at + "no sso_role_name, no sso_session"},
		{"no account, no session", "sso_role_name = Admin", at + "no sso_account_id, no sso_session"},
		{"no session", "sso_account_id = 111111111111\nsso_role_name = Admin", at + "no sso_session"},
		{"legacy, no region", "sso_start_url = https://x\nsso_account_id = 111111111111", at + "no sso_role_name, no sso_region"},
		{"legacy, no start URL", "sso_region = x\nsso_role_name = Admin", at + "no sso_account_id, no sso_start_url"},
		{"legacy session only, no region", "sso_start_url = https://x", at + "no sso_region"},
		{"no source", "role_arn = ARN", at + "no source_profile"},
		{"session without its keys", "sso_session = bare\nsso_account_id = 111111111111\nsso_role_name = Admin",
			"config:12: [sso-session bare]: no sso_start_url, no sso_region"},

		{"unknown session", "sso_session = none\nsso_account_id = 1\nsso_role_name = Admin", `config:8: no sso-session "none" in config`},
		{"unknown session, session only", "sso_session = none", `config:8: no sso-session "none" in config`},
		{"unknown source", "\nrole_arn = ARN\nsource_profile = none", `config:10: no profile "none" in config`},

		// One question with two answers.
		{"other start URL", native + "sso_start_url = https://other.awsapps.com/start",
			`sso_start_url is "https://other.awsapps.com/start" in [profile p] (config:11) and "https://corp.awsapps.com/start" in [sso-session corp] (config:2)`},
		{"start URL with another path", native + "sso_start_url = https://corp.awsapps.com/Start",
			`sso_start_url is "https://corp.awsapps.com/Start" in [profile p] (config:11) and "https://corp.awsapps.com/start" in [sso-session corp] (config:2)`},
		{"start URL with another port", native + "sso_start_url = https://corp.awsapps.com:8443/start",
			`sso_start_url is "https://corp.awsapps.com:8443/start" in [profile p] (config:11) and "https://corp.awsapps.com/start" in [sso-session corp] (config:2)`},
		{"other region", native + "sso_region = us-east-1",
			`sso_region is "us-east-1" in [profile p] (config:11) and "eu-west-1" in [sso-session corp] (config:3)`},
		{"other region, session only", "sso_session = corp\nsso_region = us-east-1",
			`sso_region is "us-east-1" in [profile p] (config:9) and "eu-west-1" in [sso-session corp] (config:3)`},
		{"other start URL, http", native + "sso_start_url = http://x", `config:11: [profile p]: sso_start_url "http://x": must start with https://`},
		{"other start URL, with a password", native + "sso_start_url = https://u:SECRET@x", `config:11: [profile p]: sso_start_url: must have no user`},
		{"other start URL, no URL", native + "sso_start_url = https://u:SECRET", `config:11: [profile p]: sso_start_url: not a URL`},

		{"account too short", strings.Replace(native, "111111111111", "11111111111", 1), `config:9: [profile p]: sso_account_id "11111111111": must be 12 digits`},
		{"role name with a space", strings.Replace(native, "Admin", "Ad min", 1), `config:10: [profile p]: sso_role_name "Ad min": must be 1 to 64 letters, digits and _+=,.@-`},
		{"role name of IAM's role", strings.Replace(native, "Admin", "AWSReservedSSO_Admin_0123456789abcdef", 1),
			`config:10: [profile p]: sso_role_name "AWSReservedSSO_Admin_0123456789abcdef": the IAM role of permission set "Admin"`},
		{"legacy, http", "sso_start_url = http://x\nsso_region = eu-west-1", `config:8: [profile p]: sso_start_url "http://x": must start with https://`},
		{"legacy, region", "sso_start_url = https://x\nsso_region = EU-WEST-1", `config:9: [profile p]: sso_region "EU-WEST-1": must be lower-case letters, digits and hyphens`},
		{"legacy, region that is a host", "sso_start_url = https://x\nsso_region = x.example/", `config:9: [profile p]: sso_region "x.example/": must be lower-case letters, digits and hyphens`},
		{"legacy, region that is too long", "sso_start_url = https://x\nsso_region = " + strings.Repeat("x", 64), `config:9: [profile p]: sso_region "` + strings.Repeat("x", 64) + `": must be the name of a region, such as us-east-1`},
		{"region of a chain", "role_arn = ARN\nsource_profile = p2\nregion = ../x", `config:10: [profile p]: region "../x": must be lower-case letters, digits and hyphens`},

		{"duration is no number", "role_arn = ARN\nsource_profile = p2\nduration_seconds = 1h", `config:10: [profile p]: duration_seconds "1h": must be a number of seconds`},
		{"duration is zero", "role_arn = ARN\nsource_profile = p2\nduration_seconds = 0", `config:10: [profile p]: duration_seconds "0": must be a number of seconds`},
		{"two sources", "role_arn = ARN\nsource_profile = p2\ncredential_source = Environment", `config:9: [profile p]: source_profile "p2": there is a credential_source too`},
		{"error in the source", "role_arn = ARN\nsource_profile = p2\n[profile p2]\nsso_role_name = Admin", "config:10: [profile p2]: no sso_account_id, no sso_session"},

		{"own source", "role_arn = ARN\nsource_profile = p", `config:9: [profile p]: source_profile "p": leads back to itself: p, p`},
		{"loop of two", "role_arn = ARN\nsource_profile = q\n[profile q]\nrole_arn = ARN\nsource_profile = p",
			`config:12: [profile q]: source_profile "p": leads back to itself: p, q, p`},
		{"loop that it is not in", "role_arn = ARN\nsource_profile = q\n[profile q]\nrole_arn = ARN\nsource_profile = q",
			`config:12: [profile q]: source_profile "q": leads back to itself: p, q, q`},
		{"our line for itself", "credential_process = credproc process --profile p",
			`config:8: [profile p]: --profile "p": leads back to itself: p, p`},
		{"loop through our line", "role_arn = ARN\nsource_profile = q\n[profile q]\ncredential_process = credproc process --profile p",
			`config:11: [profile q]: --profile "p": leads back to itself: p, q, p`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			text := sessions + "[profile p]\n" + tt.profile + "\n"
			if strings.Contains(tt.profile, "bare") {
				text += "\n[sso-session bare]"
			}
			p, err := files(t, text, "").Profile("p", credproc)
			if p != nil || err == nil {
				t.Fatalf("got %v, error %v", p, err)
			}
			if got := err.Error(); got != tt.want {
				t.Errorf("got  %s\nwant %s", got, tt.want)
			}
		})
	}
}

func TestProfileErrorsCarryData(t *testing.T) {
	c := files(t, sessions+"[profile p]\nsso_session = none\n[profile a]\nsso_role_name = R\n[profile m]\n"+native+"sso_region = x\n"+
		"[profile r]\n"+strings.Replace(native, "Admin", "AWSReservedSSO_A_B_0123456789abcdef", 1), "[b]")

	_, err := c.Profile("none", credproc)
	if e, ok := errors.AsType[*UnknownProfileError](err); !ok || e.Name != "none" || e.Path != "config" || e.Location != (Location{}) ||
		!slices.Equal(e.Known, []string{"a", "b", "m", "p", "r"}) {
		t.Errorf("unknown profile: %+v", err)
	} else if e.Error() != `no profile "none" in config` {
		t.Errorf("unknown profile: %v", e)
	}

	_, err = c.Profile("p", credproc)
	if e, ok := errors.AsType[*UnknownSessionError](err); !ok || e.Name != "none" || e.Path != "config" || e.Location != (Location{"config", 8}) ||
		!slices.Equal(e.Known, []string{"corp", "other"}) {
		t.Errorf("unknown session: %+v", err)
	}

	_, err = c.Profile("a", credproc)
	if e, ok := errors.AsType[*MissingError](err); !ok || e.Location != (Location{"config", 9}) || e.Section != "[profile a]" ||
		!slices.Equal(e.Keys, []string{"sso_account_id", "sso_session"}) {
		t.Errorf("missing: %+v", err)
	}

	_, err = c.Profile("m", credproc)
	if e, ok := errors.AsType[*MismatchError](err); !ok ||
		e.Profile != (Setting{Location{"config", 15}, "[profile m]", "sso_region", "x"}) ||
		e.Session != (Setting{Location{"config", 3}, "[sso-session corp]", "sso_region", "eu-west-1"}) {
		t.Errorf("mismatch: %+v", err)
	}

	_, err = c.Profile("r", credproc)
	if e, ok := errors.AsType[*ReservedRoleError](err); !ok || e.PermissionSet != "A_B" || e.Key != "sso_role_name" || e.Line != 19 {
		t.Errorf("reserved role: %+v", err)
	}
}

func TestUnknownNamesWithoutAnyFile(t *testing.T) {
	var c Config
	if _, err := c.Profile("p", credproc); !isError(err, `no profile "p"`) {
		t.Error(err)
	}
	if _, err := c.Session("s"); !isError(err, `no sso-session "s"`) {
		t.Error(err)
	}
}

func TestSession(t *testing.T) {
	c := files(t, "[sso-session corp]\nsso_start_url = https://corp.awsapps.com/start/#/\nsso_region = eu-west-1\n"+
		"sso_registration_scopes = sso:account:access, ,a:b,\ncredproc_keyring = file\n"+
		"[sso-session local]\nsso_start_url = http://127.0.0.1:8080\nsso_region = local\n", "")
	s, err := c.Session("corp")
	if err != nil {
		t.Fatal(err)
	}
	if s.Name != "corp" || s.StartURL != "https://corp.awsapps.com/start/#/" || s.Region != "eu-west-1" || s.Location != (Location{"config", 1}) ||
		!slices.Equal(s.Scopes, []string{"sso:account:access", "a:b"}) {
		t.Errorf("got %+v", s)
	}
	if got, _ := s.Section.Get("credproc_keyring"); got != "file" {
		t.Errorf("keyring %q", got)
	}
	s, err = c.Session("local")
	if err != nil || s.StartURL != "http://127.0.0.1:8080" || s.Scopes != nil {
		t.Errorf("got %+v, error %v", s, err)
	}
}

func TestSessionErrors(t *testing.T) {
	tests := []struct{ name, keys, want string }{
		{"empty", "", "config:1: [sso-session s]: no sso_start_url, no sso_region"},
		{"no region", "sso_start_url = https://x", "config:1: [sso-session s]: no sso_region"},
		{"no start URL", "sso_region = x", "config:1: [sso-session s]: no sso_start_url"},
		{"http", "sso_region = x\nsso_start_url = http://x", `config:3: [sso-session s]: sso_start_url "http://x": must start with https://`},
		{"no scheme", "sso_region = x\nsso_start_url = corp.awsapps.com/start", `config:3: [sso-session s]: sso_start_url "corp.awsapps.com/start": must start with https://`},
		{"no host", "sso_region = x\nsso_start_url = https:///start", `config:3: [sso-session s]: sso_start_url "https:///start": has no host`},
		{"user", "sso_region = x\nsso_start_url = https://SECRET@x", `config:3: [sso-session s]: sso_start_url: must have no user`},
		{"region", "sso_start_url = https://x\nsso_region = eu west", `config:3: [sso-session s]: sso_region "eu west": must be lower-case letters, digits and hyphens`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s, err := files(t, "[sso-session s]\n"+tt.keys, "").Session("s")
			if !isError(err, tt.want) {
				t.Errorf("got %v, error %v", s, err)
			}
		})
	}
	if _, err := files(t, sessions, "").Session("s"); !isError(err, `no sso-session "s" in config`) {
		t.Error(err)
	}
}

func TestSessionOfLegacyProfileIsItsSection(t *testing.T) {
	c := files(t, "[profile p]\nsso_start_url = https://x\nsso_region = eu-west-1\ncredproc_keyring = file", "")
	p, err := c.Profile("p", nil)
	if err != nil {
		t.Fatal(err)
	}
	if s := p.Role.Session; s.Name != "" || s.Section != p.Section || s.Location != (Location{"config", 1}) {
		t.Errorf("got %+v", s)
	}
}

func TestChainHasAllItsKeys(t *testing.T) {
	c := files(t, sessions+"[profile base]\n"+native+"[profile p]\nrole_arn = arn:aws:iam::222222222222:role/x\nsource_profile = base\n"+
		"external_id = e\nrole_session_name = n\nmfa_serial = m\nduration_seconds = 3600\nregion = eu-west-3\n", "")
	p, err := c.Profile("p", credproc)
	if err != nil {
		t.Fatal(err)
	}
	got := *p.Chain
	if got.Source == nil || got.Source.Kind != SSO || got.Source.Role.RoleName != "Admin" {
		t.Errorf("source %+v", got.Source)
	}
	got.Source = nil
	if got != (AssumeRole{RoleARN: "arn:aws:iam::222222222222:role/x", ExternalID: "e", SessionName: "n", MFASerial: "m", Region: "eu-west-3", DurationSeconds: 3600}) {
		t.Errorf("got %+v", got)
	}
}

func TestChainsOfChains(t *testing.T) {
	const role = "Admin@111111111111@corp@https://corp.awsapps.com/start@eu-west-1"
	tests := []struct{ name, config, credentials, want string }{
		{"three", "role_arn = A\nsource_profile = q\n[profile q]\nrole_arn = B\nsource_profile = r\n[profile r]\n" + ours, "",
			"Chain assumes A from q: Chain assumes B from r: Ours " + role},
		{"to another process", "role_arn = A\nsource_profile = q\n[profile q]\ncredential_process = x", "", "Chain assumes A from q: OtherProcess"},
		{"to an instance", "role_arn = A\nsource_profile = q\n[profile q]\nrole_arn = B\ncredential_source = Ec2InstanceMetadata", "",
			"Chain assumes A from q: CredentialSource assumes B by Ec2InstanceMetadata"},
		{"to nothing", "role_arn = A\nsource_profile = q\n[profile q]\nregion = x", "", "Chain assumes A from q: None"},

		// https://github.com/aws/aws-sdk-go-v2/blob/main/config/shared_config.go
		{"own source", "role_arn = A\nsource_profile = p\n" + keys, "", "Chain assumes A from p: Static"},
		{"own source in the credentials file", "role_arn = A\nsource_profile = p", "[p]\n" + keys, "Chain assumes A from p: Static"},
		{"source with a role and keys", "role_arn = A\nsource_profile = q\n[profile q]\nrole_arn = B\nsource_profile = r", "[q]\n" + keys,
			"Chain assumes A from q: Static"},
		{"back to itself, with keys", "role_arn = A\nsource_profile = q\n[profile q]\nrole_arn = B\nsource_profile = p", "[p]\n" + keys,
			"Chain assumes A from q: Chain assumes B from p: Static"},
		{"our line to a role with keys", "credential_process = credproc process -p q\n[profile q]\nrole_arn = B\nsource_profile = r\n" + keys + "[profile r]\n" + native, "",
			"Ours assumes B from r: SSO " + role},
		{"source that is our line to a role with keys", "role_arn = A\nsource_profile = o\n[profile o]\ncredential_process = credproc process -p q\n" +
			"[profile q]\nrole_arn = B\nsource_profile = r\n" + keys + "[profile r]\n" + native, "",
			"Chain assumes A from o: Ours assumes B from r: SSO " + role},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			p, err := files(t, sessions+"[profile p]\n"+tt.config, tt.credentials).Profile("p", credproc)
			if err != nil {
				t.Fatal(err)
			}
			if got := meaning(p); got != tt.want {
				t.Errorf("got %s\nwant %s", got, tt.want)
			}
		})
	}
}

// Each profile of a file of thousands is resolved for a list, so a chain through all
// of them would take the square of its length each.
func TestAChainOfProfilesHasAnEnd(t *testing.T) {
	for name, link := range map[string]string{
		"sources": "role_arn = ARN\nsource_profile = p%d\n", "our lines": "credential_process = credproc process --profile p%d\n",
	} {
		var text strings.Builder
		text.WriteString(sessions + "[profile p1]\n" + native)
		for i := 2; i <= 4000; i++ {
			fmt.Fprintf(&text, "[profile p%d]\n"+link, i, i-1)
		}
		c := files(t, text.String(), "")
		if p, err := c.Profile(fmt.Sprintf("p%d", MaxChain), credproc); err != nil || p.Role == nil && p.Chain == nil {
			t.Errorf("%s: %+v, %v", name, p, err)
		}
		for _, far := range []string{fmt.Sprintf("p%d", MaxChain+1), "p4000"} {
			_, err := c.Profile(far, credproc)
			if e, ok := errors.AsType[*ValueError](err); !ok || !strings.HasSuffix(e.Error(), "is one too many: at most 20 profiles may name each other in a chain") {
				t.Errorf("%s: %s: %v", name, far, err)
			}
		}
	}
}

func TestSourceWithKeysThatRunsUsForItselfIsALoop(t *testing.T) {
	_, err := files(t, "[profile p]\nrole_arn = A\nsource_profile = p\ncredential_process = credproc process --profile p\n"+keys, "").Profile("p", credproc)
	if !isError(err, `config:4: [profile p]: --profile "p": leads back to itself: p, p, p`) {
		t.Error(err)
	}
}

func TestCheckRole(t *testing.T) {
	const account = "111111111111"
	for _, role := range []string{"A", "Admin", "a_b+c=d,e.f@g-h", strings.Repeat("x", 64), "AWSReservedSSO_Admin", "AWSReservedSSO_Admin_0123456789abcde",
		"AWSReservedSSO_Admin_0123456789ABCDEF", "AWSReservedSSO_0123456789abcdef", "xAWSReservedSSO_Admin_0123456789abcdef", "AWSReservedSSO_Admin-0123456789abcdef"} {
		if err := CheckRole(account, role); err != nil {
			t.Errorf("%q: %v", role, err)
		}
	}
	for _, role := range []string{"", strings.Repeat("x", 65), "Ad min", "Admin ", "a/b", "arn:aws:iam::111111111111:role/x", "Ädmin", "a\x00", "a\n"} {
		if e, ok := errors.AsType[*ValueError](CheckRole(account, role)); !ok || e.Key != "role name" || e.Value != role {
			t.Errorf("%q: %v", role, e)
		}
	}
	for _, account := range []string{"", "11111111111", "1111111111111", "11111111111a", "1111-1111-11", " 11111111111", "１１１１"} {
		if e, ok := errors.AsType[*ValueError](CheckRole(account, "Admin")); !ok || e.Key != "account ID" || e.Value != account || e.Problem != "must be 12 digits" {
			t.Errorf("%q: %v", account, e)
		}
	}
	for role, set := range map[string]string{"AWSReservedSSO_Admin_0123456789abcdef": "Admin", "AWSReservedSSO_a_b_0123456789abcdef": "a_b",
		"AWSReservedSSO___0123456789abcdef": "_"} {
		if e, ok := errors.AsType[*ReservedRoleError](CheckRole(account, role)); !ok || e.PermissionSet != set || e.Value != role {
			t.Errorf("%q: %v", role, e)
		}
	}
}
