package credproc

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/credproc/credproc/internal/agent"
	"github.com/credproc/credproc/internal/policy"
	"github.com/credproc/credproc/oidc"
	"github.com/credproc/credproc/tokencache"
)

// under makes a session that a program filled by itself one of a machine with a
// policy.
func (m *machine) under(rules string, s *tokencache.Session) *tokencache.Session {
	policy.At(&s.Config, m.place(rules))
	return s
}

// place is where this policy is.
func (m *machine) place(rules string) policy.Place {
	m.Helper()
	etc := m.TempDir()
	path := filepath.Join(etc, "credproc", "policy.ini")
	if err := errors.Join(os.Chmod(etc, 0o755), os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, []byte(rules), 0o644)); err != nil {
		m.Fatal(err)
	}
	return policy.Place{Root: etc, Owner: os.Geteuid()}
}

// does is what a program does with a session that no Config has made.
func (m *machine) does(s *tokencache.Session) map[string]error {
	got := make(map[string]error)
	byCode := func(ctx context.Context, c *oidc.Config) (*oidc.Token, error) {
		return c.SignInWithCode(ctx, func(oidc.DeviceCode) error { return nil })
	}
	_, got["role"] = (&Provider{Session: s, AccountID: "111111111111", RoleName: "Admin"}).Retrieve(m.Context())
	_, got["token"] = s.Token(m.Context())
	_, _, got["list"] = (&Listing{Session: s}).Accounts(m.Context())
	got["sign-in"] = s.SignIn(m.Context(), byCode)
	return got
}

// TestASessionThatAProgramFillsObeysThePolicy is the table of what rules refuse such a
// session: "" is nothing, "all" everything but a sign-out.
func TestASessionThatAProgramFillsObeysThePolicy(t *testing.T) {
	const locked = "lock_sessions = on\n[sso-session corp]\n"
	above, _ := agent.ByProcess(os.Getppid(), nil)
	below := above.IsAgent()
	for _, tt := range []struct{ rules, agent, refused, by string }{
		{"", "", "", ""},
		{"start_urls = https://other.example\n", "", "all", "start_urls"},
		{"start_urls = https://IDC.example/start/#\n", "", "", ""},
		{"accounts = 2*\n", "", "role", "accounts"},
		{"keyrings = os\n", "", "all", "keyrings"},
		{"flows = pkce\n", "", "sign-in", "flows"},
		{locked + "sso_start_url = https://other.example\n", "", "all", "sso_start_url"},
		{locked + "sso_region = eu-south-2\n", "", "all", "sso_region"},
		{locked + "credproc_keyring = os\n", "", "all", "credproc_keyring"},
		{strings.Replace(locked, "corp", "other", 1) + "sso_region = eu-south-2\n", "", "", ""},
		{strings.Replace(locked, "= on", "= off", 1) + "sso_region = eu-south-2\n", "", "", ""},
		{"agents = none\n", "1", "role token sign-in", "agents"},
		{"agents = role:*/Admin\n", "1", "token sign-in", "agents"},
		{"agents = all\n", "1", "sign-in", "agents"},
		{"agents = all\n[sso-session corp]\ncredproc_agent_login = on\n", "1", "", ""},
		{"[sso-session x]\nsso_start_url = https://idc.example/start\ncredproc_agents = none\n", "1", "role token sign-in", "credproc_agents"},
		{"agents = none\n", "", "", ""},
		{"wrong = yes\n", "", "all", ""},
	} {
		onMachine(t, func(m *machine) {
			m.Setenv("CREDPROC_AGENT", tt.agent)
			for _, v := range os.Environ() {
				name, _, _ := strings.Cut(v, "=")
				only := func(other string) string { return map[bool]string{true: "1"}[other == name] }
				if agent.ByVariables(only, "").IsAgent() {
					m.Setenv(name, "")
				}
			}
			if below && tt.agent == "" && strings.HasPrefix(tt.rules, "agents") {
				return // the tests run below an agent
			}
			s := m.under("[policy]\nversion = 1\n"+tt.rules, m.session())
			for what, err := range m.does(s) {
				want := tt.refused == "all" || strings.Contains(tt.refused, what)
				broken := want && tt.by == ""
				if (err != nil) != want || want && !broken && (!errors.Is(err, ErrPolicy) || !strings.Contains(err.Error(), tt.by)) || broken && KindOf(err) != Misconfigured {
					m.Errorf("%q: %s: error %v, want one: %v", tt.rules, what, err, want)
				}
			}
			if _, err := s.SignOut(m.Context()); err != nil {
				m.Errorf("%q: sign out: %v", tt.rules, err)
			}
		})
	}
}

func TestALoginOfASessionThatAProgramFillsGoesWhereThePolicySays(t *testing.T) {
	for rules, want := range map[string]string{
		"keyrings = plaintext\n":                                                                  "plaintext",
		"[sso-session corp]\ncredproc_keyring = plaintext\n":                                      "plaintext",
		"lock_sessions = on\n[sso-session corp]\ncredproc_keyring = plaintext\n":                  "plaintext",
		"keyrings = plaintext\nlock_sessions = on\n[sso-session corp]\ncredproc_keyring = auto\n": "plaintext",
		"keyrings = os plaintext\n":                                                               "refused",
		"lock_sessions = on\n[sso-session corp]\ncredproc_keyring = os\n":                         "refused",
	} {
		onMachine(t, func(m *machine) {
			s := m.under("[policy]\nversion = 1\n"+rules, m.session())
			s.Keyring, s.StateDir = nil, m.dir+"/other"
			if want == "refused" {
				s.Keyring = m.keyring
				if err := m.does(s)["sign-in"]; !errors.Is(err, ErrPolicy) {
					m.Errorf("%q: error %v", rules, err)
				}
				return
			}
			m.signIn(s)
			if status, err := s.Status(); err != nil || status.Keyring != want {
				m.Errorf("%q: the login is in %+v, error %v", rules, status, err)
			}
		})
	}
}

func TestAConfigurationOfOIDCObeysThePolicyAlone(t *testing.T) {
	onMachine(t, func(m *machine) {
		for rules, by := range map[string]string{"flows = pkce": "flows", "start_urls = https://other.example": "start_urls", "accounts = 1*": ""} {
			c := m.under("[policy]\nversion = 1\n"+rules+"\n", m.session()).Config
			if _, err := c.StartDeviceCode(m.Context()); errors.Is(err, ErrPolicy) != (by != "") || err != nil && !strings.Contains(err.Error(), by) {
				m.Errorf("%s: error %v", rules, err)
			}
		}
	})
}

// TestTheRulesOfTheConfigFileHoldForWhatAProgramMakesOfASession is about providers that
// no Config has made, of a session that one has.
func TestTheRulesOfTheConfigFileHoldForWhatAProgramMakesOfASession(t *testing.T) {
	onMachine(t, func(m *machine) {
		c := m.config(ruled, "CLAUDECODE=1")
		s, err := c.Session("corp")
		if err != nil {
			m.Fatal(err)
		}
		if _, err := (&Provider{Session: s, AccountID: "222222222222", RoleName: "Admin"}).Retrieve(m.Context()); !errors.Is(err, ErrPolicy) {
			m.Errorf("a role that is refused: %v", err)
		}
		own := &Provider{Session: s, AccountID: "111111111111", RoleName: "Admin"}
		if who := m.identity(m.get(own)); !strings.Contains(who, "Work") {
			m.Errorf("in place of Admin: %s", who)
		}
		for what, err := range m.does(s) {
			if refused := what == "token" || what == "sign-in"; refused != errors.Is(err, ErrPolicy) || !refused && err != nil {
				m.Errorf("%s: error %v", what, err)
			}
		}
		person := m.config(ruled)
		if s, err = person.Session("corp"); err != nil {
			m.Fatal(err)
		}
		for what, err := range m.does(s) {
			if err != nil {
				m.Errorf("%s: a person gets error %v", what, err)
			}
		}
	})
}

func TestASessionThatAProgramFillsLeavesTheTrailOfThePolicy(t *testing.T) {
	onMachine(t, func(m *machine) {
		m.Setenv("CLAUDECODE", "")
		lines := func(rules string, do func(s *tokencache.Session) error) (string, error) {
			s := m.under("[policy]\nversion = 1\n"+rules, m.session())
			os.Remove(filepath.Join(s.StateDir, "audit.jsonl"))
			err := do(s)
			text, _ := os.ReadFile(filepath.Join(s.StateDir, "audit.jsonl"))
			return string(text), err
		}
		token := func(s *tokencache.Session) error { _, err := s.Token(m.Context()); return err }
		if got, err := lines("audit = on\n", token); err != nil || strings.Count(got, `"event":"token","outcome":"given"`) != 1 {
			t.Errorf("a token: error %v, lines %s", err, got)
		}
		m.Setenv("CLAUDECODE", "1")
		if got, err := lines("audit = on\nagents = none\n", func(s *tokencache.Session) error {
			_, err := (&Provider{Session: s, AccountID: "111111111111", RoleName: "Admin"}).Retrieve(m.Context())
			return err
		}); !errors.Is(err, ErrPolicy) || strings.Count(got, `"wanted":"answer"`) != 1 || !strings.Contains(got, `"agent":"claude"`) {
			t.Errorf("a role that an agent may not have: error %v, lines %s", err, got)
		}
		m.Setenv("CLAUDECODE", "")
		if got, err := lines("audit = on\nstart_urls = https://other.example\n", token); !errors.Is(err, ErrPolicy) || strings.Count(got, `"wanted":"token"`) != 1 || !strings.Contains(got, ": start_urls") {
			t.Errorf("a token that a rule refuses: error %v, lines %s", err, got)
		}
		if _, err := lines("audit = required\naudit_sink = file\n", func(s *tokencache.Session) error {
			if err := os.MkdirAll(filepath.Join(s.StateDir, "audit.jsonl"), 0o700); err != nil {
				t.Fatal(err)
			}
			return token(s)
		}); !errors.Is(err, ErrPolicy) {
			t.Errorf("a token without the line that is required: error %v", err)
		}
	})
}
