package credproc

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/credproc/credproc/internal/inside"
	"github.com/credproc/credproc/internal/policy"
	"github.com/credproc/credproc/internal/settings"
	"github.com/credproc/credproc/tokencache"
)

// governed returns a Config on a machine with this policy, config file and
// environment.
func governed(t *testing.T, rules, config string, env map[string]string) *Config {
	t.Helper()
	home := t.TempDir()
	for name, text := range map[string]string{"etc/credproc/policy.ini": rules, ".aws/config": config} {
		path := filepath.Join(home, filepath.FromSlash(name))
		if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, []byte(text), 0o644)); err != nil {
			t.Fatal(err)
		}
	}
	c := &Config{StateDir: filepath.Join(home, "state"), CacheDir: filepath.Join(home, "cache"), Getenv: func(name string) string {
		if name == "HOME" {
			return home
		}
		return env[name]
	}}
	inside.Put[settings.Config](c, policy.Place{Root: filepath.Join(home, "etc"), Owner: os.Geteuid()})
	return c
}

// TestWhatThePolicyHoldsCountsFirstAndItsDefaultsLast is the table of precedence:
// what the policy holds, what a caller says (as flags do), the environment, the config
// file, the policy's default. "!" is a refusal.
func TestWhatThePolicyHoldsCountsFirstAndItsDefaultsLast(t *testing.T) {
	const held, open = "lock_sessions = on\n", ""
	sessionOf := func(c *Config) (*tokencache.Session, error) { return c.Session("corp") }
	keyringOf := func(c *Config) (string, error) {
		s, err := sessionOf(c)
		if err != nil {
			return "", err
		}
		return s.NewLoginKeyring, nil
	}
	setting := func(name string) func(*Config) (string, error) {
		return func(c *Config) (string, error) {
			if err := c.Open(); err != nil {
				return "", err
			}
			value, _ := c.files.Setting("corp", name)
			return value, nil
		}
	}
	start := func(c *Config) (string, error) {
		s, err := sessionOf(c)
		if err != nil {
			return "", err
		}
		return s.Config.StartURL, nil
	}
	trail := func(c *Config) (string, error) {
		s, err := sessionOf(c)
		if err != nil {
			return "", err
		}
		dir, err := c.auditOf(s.Name)
		return map[bool]string{true: "on", false: "off"}[dir != ""], err
	}
	account := func(c *Config) (string, error) {
		p, err := c.Provider("dev")
		if err != nil {
			return "", err
		}
		return p.AccountID, nil
	}
	for _, c := range []struct {
		what, rules, session, config string
		env                          map[string]string
		flag                         string // a keyring, as a caller names it
		read                         func(*Config) (string, error)
		want                         string
	}{
		{"a start URL", open, "", "", nil, "", start, "https://mine.example/start"},
		{"a start URL by default", open, "sso_start_url = https://corp.example", "", nil, "", start, "https://mine.example/start"},
		{"a start URL held", held, "sso_start_url = https://corp.example", "", nil, "", start, "https://corp.example"},
		{"a start URL allowed", "start_urls = https://mine.example/start/\n", "", "", nil, "", start, "https://mine.example/start"},
		{"a start URL refused", "start_urls = https://corp.example\n", "", "", nil, "", start, "!start_urls"},
		{"an account", "accounts = 1*\n", "", "", nil, "", account, "111111111111"},
		{"an account refused", "accounts = 2*\n", "", "", nil, "", account, "!accounts"},

		{"a keyring by default", open, "credproc_keyring = file", "", nil, "", keyringOf, "file"},
		{"a keyring of the config file", open, "credproc_keyring = file", "credproc_keyring = kernel", nil, "", keyringOf, "kernel"},
		{"a keyring of the caller", open, "credproc_keyring = file", "credproc_keyring = kernel", nil, "os", keyringOf, "os"},
		{"a keyring held", held, "credproc_keyring = file", "credproc_keyring = kernel", nil, "os", keyringOf, "file"},
		{"no keyring, and the first allowed", "keyrings = kernel, os\n", "", "", nil, "auto", keyringOf, "kernel"},
		{"an allowed keyring", "keyrings = kernel, os\n", "", "credproc_keyring = os", nil, "", keyringOf, "os"},
		{"a keyring of the caller refused", "keyrings = kernel, os\n", "", "", nil, "plaintext", keyringOf, "!keyrings"},
		{"a keyring of the config file refused", "keyrings = kernel\n", "", "credproc_keyring = plaintext", nil, "", keyringOf, "!keyrings"},

		{"a flow by default", open, "credproc_flow = pkce", "", nil, "", setting("flow"), "pkce"},
		{"a flow of the config file", open, "credproc_flow = pkce", "credproc_flow = auto", nil, "", setting("flow"), "auto"},
		{"a flow of the environment", open, "credproc_flow = pkce", "credproc_flow = auto", map[string]string{"CREDPROC_FLOW": "device"}, "", setting("flow"), "device"},
		{"a flow held", held, "credproc_flow = pkce", "credproc_flow = auto", map[string]string{"CREDPROC_FLOW": "device"}, "", setting("flow"), "pkce"},

		{"no trail", open, "", "", nil, "", trail, "off"},
		{"a trail by default", open, "credproc_audit = on", "", nil, "", trail, "on"},
		{"no trail by the config file", open, "credproc_audit = on", "credproc_audit = off", nil, "", trail, "off"},
		{"a trail by the environment", open, "", "credproc_audit = off", map[string]string{"CREDPROC_AUDIT": "on"}, "", trail, "on"},
		{"a trail held", held, "credproc_audit = on", "", map[string]string{"CREDPROC_AUDIT": "off"}, "", trail, "on"},
		{"a trail by the rule", "audit = on\n", "", "credproc_audit = off", map[string]string{"CREDPROC_AUDIT": "off"}, "", trail, "on"},
		{"a trail that is required", "audit = required\n", "", "", map[string]string{"CREDPROC_AUDIT": "off"}, "", trail, "on"},
	} {
		config := "[sso-session corp]\nsso_start_url = https://mine.example/start\nsso_region = eu-west-1\n" + c.config +
			"\n[profile dev]\nsso_session = corp\nsso_account_id = 111111111111\nsso_role_name = Admin\n"
		conf := governed(t, "[policy]\nversion = 1\n"+c.rules+"[sso-session corp]\n"+c.session+"\n", config, c.env)
		conf.NewLoginKeyring = c.flag
		got, err := c.read(conf)
		key, refused := strings.CutPrefix(c.want, "!")
		switch e, ok := errors.AsType[*policy.Refusal](err); {
		case refused && (!ok || e.Key != key || !errors.Is(err, ErrPolicy) || KindOf(err) != NoAccess):
			t.Errorf("%s: %q, %v, want a refusal by %s", c.what, got, err, key)
		case !refused && (err != nil || got != c.want):
			t.Errorf("%s: %q, %v, want %q", c.what, got, err, c.want)
		}
	}
}

func TestAProgramThatUsesTheLibraryObeysThePolicy(t *testing.T) {
	const config = "[sso-session corp]\nsso_start_url = https://corp.example\nsso_region = eu-west-1\n"
	c := governed(t, "[policy]\nversion = 1\naccounts = 1*\nflows = pkce\n", config, nil)
	s, err := c.Session("corp")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.Role(s, "222222222222", "Admin"); !errors.Is(err, ErrPolicy) {
		t.Errorf("the role of another account: %v, want a refusal", err)
	}
	if _, err := (&Provider{Session: s, AccountID: "222222222222", RoleName: "Admin"}).Retrieve(t.Context()); !errors.Is(err, ErrPolicy) {
		t.Errorf("by a provider of its own: %v, want a refusal", err)
	}
	audited := governed(t, "[policy]\nversion = 1\naudit = on\n", config, nil)
	if s, err := audited.Session("corp"); err != nil {
		t.Error(err)
	} else if trail, err := (&Provider{Session: s, AccountID: "111111111111", RoleName: "Admin"}).trail(); err != nil || string(trail.Dir) != audited.StateDir {
		t.Errorf("a provider of its own leaves its trail in %v, error %v", trail, err)
	}
	if _, err := s.Config.StartDeviceCode(t.Context()); !errors.Is(err, ErrPolicy) {
		t.Errorf("a device code: %v, want a refusal", err)
	}
	broken := governed(t, "[policy]\n", config, nil)
	e, ok := errors.AsType[*ConfigError](broken.Open())
	if !ok || filepath.Base(e.Path) != "policy.ini" || e.Line != 1 || KindOf(e) != Misconfigured {
		t.Errorf("a broken policy is %v, want an error of the configuration with its line", e)
	}
}
