package policy_test

import (
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/credproc/credproc/internal/awsconfig"
	"github.com/credproc/credproc/internal/policy"
)

// place is a place for policies, with these files: "credproc" is that of credproc.
func place(t *testing.T, files map[string]string) policy.Place {
	t.Helper()
	root := t.TempDir()
	for name, text := range files {
		write(t, root, name, text)
	}
	return policy.Place{Root: root, Owner: os.Geteuid()}
}

func write(t *testing.T, root, name, text string) (path string) {
	t.Helper()
	dir := filepath.Join(root, name)
	path = filepath.Join(dir, "policy.ini")
	if err := errors.Join(os.MkdirAll(dir, 0o755), os.WriteFile(path, []byte(text), 0o644)); err != nil {
		t.Fatal(err)
	}
	return path
}

func load(t *testing.T, id string, files map[string]string) *policy.Policy {
	t.Helper()
	p, err := place(t, files).Load(id)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// one is the policy of credproc alone.
func one(t *testing.T, lines ...string) *policy.Policy {
	t.Helper()
	return load(t, "", map[string]string{"credproc": "[policy]\nversion = 1\n" + strings.Join(lines, "\n")})
}

func TestNoPolicyAllowsEverything(t *testing.T) {
	p := load(t, "acme", nil)
	if p != nil {
		t.Fatalf("a policy %v, want none", p)
	}
	empty := place(t, nil)
	if err := os.Mkdir(filepath.Join(empty.Root, "credproc"), 0o755); err != nil {
		t.Fatal(err)
	}
	if p, err := empty.Load(""); p != nil || err != nil {
		t.Errorf("an empty directory is %v, %v, want no policy", p, err)
	}
	for _, err := range []error{p.CheckStartURL("https://x.example"), p.CheckAccount("1"), p.CheckKeyring("x"), p.CheckFlow("x"), p.CheckOutput("x")} {
		if err != nil {
			t.Error(err)
		}
	}
	if p.Audit() != "" || p.Hash() != "" || p.HowToRequest("1", "x") != "" || p.AgentRules() != nil || p.AgentPrograms() != nil || p.Holds("corp", "sso_region") {
		t.Error("no policy says something")
	}
}

func TestWhatIsWrongWithTheTextOfAPolicyIsSaidWithItsLine(t *testing.T) {
	const head = "[policy]\nversion = 1\n"
	for text, want := range map[string]string{
		"":                                                         "it has no section [policy]",
		"# nothing\n":                                              "it has no section [policy]",
		"[sso-session a]\n":                                        "it has no section [policy]",
		"[policy]\naccounts = *\n":                                 ":1: [policy] has no version = 1",
		"[policy]\nversion = 2\n":                                  `:2: version is "2": this program reads version 1`,
		"\ufeff" + head:                                            ":1: the file starts with a byte order mark, and must not have one",
		"\xff\xfe[\x00p\x00":                                       ":1: the file is UTF-16, and must be UTF-8",
		head + "account = *":                                       ":3: unknown key account",
		head + "optional = a b\nc = 1":                             ":4: unknown key c",
		head + "accounts":                                          ":3: expected an '=' sign",
		head + "accounts = ":                                       ":3: accounts is empty",
		head + "accounts = ,":                                      ":3: accounts: it lists nothing",
		head + "accounts = 12":                                     `:3: accounts: "12" must be 12 digits`,
		head + "accounts = 1111-1111-1111":                         `:3: accounts: "1111-1111-1111" must be 12 digits`,
		head + "accounts = prod*":                                  `:3: accounts: "prod*" is not a pattern of account IDs`,
		head + "accounts = [1":                                     `:3: accounts: "[1" is not a pattern of account IDs`,
		head + "start_urls = http://a.example":                     `:3: start_urls: "http://a.example" must start with https://`,
		head + "keyrings = os, safe":                               `:3: keyrings: "safe" must be os or windows or kernel or file or plaintext`,
		head + "flows = auto":                                      `:3: flows: "auto" must be pkce or device`,
		head + "audit = off":                                       `:3: audit: "off" must be on or required`,
		head + "audit_sink = stdout":                               `:3: audit_sink: "stdout" must be file or syslog or journald or eventlog`,
		head + "audit_sink = file, syslog":                         `:3: audit_sink: "file, syslog" must be file or syslog or journald or eventlog`,
		head + "env_output = no":                                   `:3: env_output: "no" must be off or on`,
		head + "agents = Admin":                                    ":3: agents: must be profile:GLOB or role:ACCOUNT/ROLE, with the wildcards * and ?",
		head + "agents =":                                          ":3: agents is empty",
		head + "agents = ,":                                        ":3: agents: must be none, all, or patterns such as profile:GLOB and role:ACCOUNT/ROLE",
		head + "[sso-session a]\ncredproc_agents = no":             ":4: credproc_agents: must be profile:GLOB or role:ACCOUNT/ROLE, with the wildcards * and ?",
		head + "[sso-session a]\ncredproc_agents =":                ":4: credproc_agents: must be none, all, or patterns such as profile:GLOB and role:ACCOUNT/ROLE",
		head + "[sso-session a]\ncredproc_agent_login = yes":       `:4: credproc_agent_login: "yes" must be on or off`,
		head + "[sso-session a]\ncredproc_audit = no":              `:4: credproc_audit: "no" must be on or off`,
		head + "[sso-session a]\ncredproc_flow = browser":          `:4: credproc_flow: "browser" must be auto or pkce or device`,
		head + "[sso-session a]\ncredproc_keyring = safe":          `:4: credproc_keyring: "safe" must be auto or os or windows or kernel or file or plaintext`,
		head + "[sso-session a]\ncredproc_keyring =":               `:4: credproc_keyring: "" must be auto or os or windows or kernel or file or plaintext`,
		head + "[sso-session a]\nsso_start_url = http://a.example": `:4: sso_start_url: "http://a.example" must start with https://`,
		head + "[sso-session a]\nsso_start_url =":                  `:4: sso_start_url: "" must not be empty`,
		head + "[sso-session a]\ncredproc_agent_profile = x":       ":4: unknown key credproc_agent_profile",
		head + "version = 1":                                       ":3: a second version: the first one is in line 2",
		head + "[policy]":                                          ":3: a second [policy]: the first one is in line 1",
		head + "[policy x]":                                        ":3: unknown section [policy x]",
		head + "[profile x]":                                       ":3: unknown section [profile x]",
		head + "[sso-session]":                                     ":3: [sso-session] has no name",
		head + "[sso-session a]\nrole_arn = x":                     ":4: unknown key role_arn",
		head + "[sso-session a]\ncredproc_x = x":                   ":4: unknown key credproc_x",
		head + "[sso-session a":                                    ":3: expected a section header to end with ']'",
		head + "a\x00b = c":                                        ":3: the line has a control character",
		head + "a\xffb = c":                                        ":3: the line is not UTF-8",
		head + "a b = c":                                           `:3: "a b" is not a valid key`,
		"version = 1\n[policy]":                                    ":1: expected a section header before the first property",
		"[policy]\n  version = 1":                                  ":2: expected a property before an indented line",
	} {
		at := place(t, map[string]string{"credproc": text})
		p, err := at.Load("")
		path := filepath.Join(at.Root, "credproc", "policy.ini")
		wrong, ok := errors.AsType[*policy.FileError](err)
		if p != nil || !ok || wrong.Path != path {
			t.Errorf("%q: %v, %v, want an error that names the file", text, p, err)
			continue
		}
		if got := strings.TrimPrefix(strings.TrimPrefix(err.Error(), "policy file "+path), ": "); got != want {
			t.Errorf("%q: %s, want %s", text, got, want)
		}
	}
}

func TestAKeyOfANewerVersionIsPassedOverWhereThePolicySaysSo(t *testing.T) {
	p := one(t, "optional = Moon, credproc_tide", "moon = full", "accounts = 1*", "[sso-session corp]", "credproc_tide = high")
	if err := p.CheckAccount("211111111111"); !errors.Is(err, policy.ErrRefused) {
		t.Errorf("another account: %v, want a refusal", err)
	}
}

func TestARefusalNamesItsRuleWithFileAndLine(t *testing.T) {
	p := one(t, "start_urls = https://Corp.awsapps.com/start/ ", "accounts = 1111*", "  222222222222", "keyrings = os, kernel", "flows = pkce", "env_output = off")
	for _, allowed := range []error{
		p.CheckStartURL("https://corp.awsapps.com/start#/"), p.CheckAccount("111111111111"), p.CheckAccount("222222222222"),
		p.CheckKeyring("kernel"), p.CheckFlow("pkce"),
	} {
		if allowed != nil {
			t.Error(allowed)
		}
	}
	for want, err := range map[string]error{
		`:3: start_urls does not allow the start URL "https://evil.example/start"`: p.CheckStartURL("https://evil.example/start"),
		`:3: start_urls does not allow the start URL "::"`:                         p.CheckStartURL("::"),
		":4: accounts does not allow account 333333333333":                         p.CheckAccount("333333333333"),
		":6: keyrings does not allow the keyring plaintext, but os, kernel":        p.CheckKeyring("plaintext"),
		":7: flows does not allow sign-in with the flow device, but pkce":          p.CheckFlow("device"),
		":8: env_output does not allow env":                                        p.CheckOutput("env"),
	} {
		r, ok := errors.AsType[*policy.Refusal](err)
		if !ok || !errors.Is(err, policy.ErrRefused) || r.File != p.Files[0].Path {
			t.Errorf("%s: %v, want a refusal", want, err)
			continue
		}
		if got := strings.TrimPrefix(r.Location.String(), r.File) + ": " + r.Key + " " + r.Problem; got != want {
			t.Errorf("%s, want %s", got, want)
		}
		if text := err.Error(); !strings.HasPrefix(text, "the policy "+r.Problem) || !strings.HasSuffix(text, r.Location.String()+": "+r.Key) {
			t.Errorf("%s, which does not say all of it", text)
		}
	}
}

func TestOfTwoPoliciesTheStricterHolds(t *testing.T) {
	p := load(t, "acme", map[string]string{
		"credproc": "[policy]\nversion = 1\naccounts = 1* 2*\naudit = required\nrequest_access = ask credproc\n[sso-session corp]\nsso_region = us-east-1\ncredproc_keyring = os\n",
		"acme":     "[policy]\nversion = 1\naccounts = 2* 3*\naudit = on\nrequest_access = ask for {role} in {account}\nlock_sessions = on\n[sso-session corp]\nsso_region = eu-west-1\nacme_flow = pkce\n",
		"other":    "broken",
	})
	for account, allowed := range map[string]bool{"111111111111": false, "222222222222": true, "333333333333": false} {
		if err := p.CheckAccount(account); (err == nil) != allowed {
			t.Errorf("account %s: %v", account, err)
		}
	}
	if p.Audit() != "required" || p.HowToRequest("1", "Admin") != "ask for Admin in 1" {
		t.Errorf("audit is %q, and access is requested by %q", p.Audit(), p.HowToRequest("1", "Admin"))
	}
	if own := load(t, "", map[string]string{"acme": "broken"}); own != nil {
		t.Error("credproc reads the policy of another program")
	}
	c, err := new(awsconfig.Config).With([]byte("[sso-session corp]\nsso_region = ap-south-1\n"))
	if err != nil {
		t.Fatal(err)
	}
	p.Rule(c)
	for key, want := range map[string]string{"sso_region": "eu-west-1", "acme_flow": "pkce", "acme_keyring": "os", "credproc_keyring": ""} {
		if got, _ := c.Sessions["corp"].Get(key); got != want {
			t.Errorf("%s is %q, want %q", key, got, want)
		}
	}
	if !p.Holds("corp", "sso_region") || p.Holds("corp", "acme_keyring") || p.Holds("x", "sso_region") {
		t.Error("what is locked is not what the own policy says")
	}
	if len(p.Hash()) != 64 || p.Hash() == p.Files[0].Hash() || len(p.Values()) != 13 {
		t.Errorf("the hash is %q, and there are the values %v", p.Hash(), p.Values())
	}
}

func TestASessionOfThePolicyIsADefaultUntilItIsLocked(t *testing.T) {
	const session = "[sso-session corp]\nsso_start_url = https://corp.example\nsso_region = eu-west-1\ncredproc_flow = pkce"
	for lock, want := range map[string]string{"off": "https://mine.example", "on": "https://corp.example"} {
		p := one(t, "lock_sessions = "+lock, session)
		c, err := new(awsconfig.Config).With([]byte("[sso-session corp]\nsso_start_url = https://mine.example\n"))
		if err != nil {
			t.Fatal(err)
		}
		p.Rule(c)
		got, _ := c.Sessions["corp"].Get("sso_start_url")
		flow, _ := c.Sessions["corp"].Get("credproc_flow")
		if got != want || flow != "pkce" || p.Holds("corp", "credproc_flow") != (lock == "on") {
			t.Errorf("lock_sessions = %s: the start URL is %q, and the flow %q", lock, got, flow)
		}
		none := new(awsconfig.Config)
		p.Rule(none)
		if s, err := none.Session("corp"); err != nil || s.Region != "eu-west-1" {
			t.Errorf("lock_sessions = %s: without a config file the session is %v, %v", lock, s, err)
		}
	}
}

func TestTheTrailGoesWhereEachPolicyWantsItAndNowhereThatThisSystemDoesNotHave(t *testing.T) {
	sinks := map[string][]string{"linux": {"file", "syslog", "journald"}, "windows": {"file", "eventlog"}}[runtime.GOOS]
	if sinks == nil {
		sinks = []string{"file", "syslog"}
	}
	for _, sink := range []string{"file", "syslog", "journald", "eventlog"} {
		at := place(t, map[string]string{"credproc": "[policy]\nversion = 1\naudit_sink = " + sink, "acme": "[policy]\nversion = 1\naudit = on\naudit_sink = file"})
		p, err := at.Load("acme")
		if !slices.Contains(sinks, sink) {
			if wrong, ok := errors.AsType[*policy.FileError](err); !ok || wrong.Line != 3 || !strings.Contains(wrong.Problem, "this system has no "+sink) {
				t.Errorf("%s: error %v", sink, err)
			}
			continue
		}
		want := slices.Compact([]string{"file", sink})
		if got := p.AuditSinks(); err != nil || !slices.Equal(got, want) || p.Root != at.Root {
			t.Errorf("%s: the trail goes to %q below %q, error %v", sink, got, p.Root, err)
		}
	}
}
