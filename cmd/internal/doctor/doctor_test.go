package doctor

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/credproc/credproc/cmd/internal/status"
	"github.com/credproc/credproc/cmd/internal/terminal"
	"github.com/credproc/credproc/internal/awsconfig"
	"github.com/credproc/credproc/internal/safedir"
	"github.com/credproc/credproc/tokencache"
)

// at is a machine with these files in ~/.aws.
func at(t *testing.T, config, credentials string) *Checks {
	t.Helper()
	home := t.TempDir()
	m := Machine{
		Getenv:  func(name string) string { return map[string]string{"HOME": home}[name] },
		Program: "credproc", Command: []string{"credproc"},
		Config: filepath.Join(home, "config"), Credentials: filepath.Join(home, "credentials"),
		Takes:   func(words []string) error { return nil },
		Explain: func(err error) (string, string, string) { return err.Error(), "", "do it" },
	}
	for path, text := range map[string]string{m.Config: config, m.Credentials: credentials} {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	m.Files, _ = awsconfig.Load(m.Config, m.Credentials)
	return &Checks{Machine: m}
}

func TestEachCheckNamesThePlaceAndTheFix(t *testing.T) {
	for name, tt := range map[string]struct {
		config, seen, fix string
	}{
		"two of a section":     {"[profile a]\n[profile a]\n", "config:2: the section [profile a] is there twice", "merge the two sections"},
		"keys beside a line":   {"[profile a]\ncredential_process = x\nsso_account_id = 1\n", "config:2: sso_ keys beside credential_process", "remove sso_account_id from [profile a]"},
		"keys beside sso keys": {"[profile a]\nsso_session = s\nsso_region = x\n", "config:3: sso_region beside sso_session", "remove sso_region"},
		"an open quote":        {"[profile a]\ncredential_process = \"x\n", "a quote is not closed", "close its quotes"},
		"a tilde":              {"[profile a]\ncredential_process = ~/x\n", "no shell runs the line", "write the path"},
		"no such program":      {"[profile a]\ncredential_process = no-such-program-here\n", "there is no program", "write the path"},
		"no such session":      {"[profile a]\nsso_session = s\nsso_account_id = 111111111111\nsso_role_name = x\n", "s", "add [sso-session s]"},
	} {
		d := at(t, tt.config, "")
		d.Syntax()
		d.Profiles()
		d.Lines()
		found := false
		for _, f := range d.Found {
			found = found || f.Bad() && strings.Contains(f.Seen, tt.seen) && strings.Contains(f.Fix, tt.fix)
		}
		if !found {
			t.Errorf("%s: %+v", name, d.Found)
		}
	}
}

func TestALinkThatLeadsNowhereIsNotMadeByTheFirstLogin(t *testing.T) {
	for _, link := range []string{"own", "own/state"} {
		d := at(t, "", "")
		dir := t.TempDir()
		d.State, d.Cache = filepath.Join(dir, "own", "state"), filepath.Join(dir, "cache")
		err := errors.Join(os.MkdirAll(filepath.Dir(filepath.Join(dir, link)), 0o700), os.Symlink(filepath.Join(dir, "unmounted"), filepath.Join(dir, link)))
		if err != nil {
			t.Fatal(err)
		}
		if d.Directories(); len(d.Found) != 1 || d.Found[0].Verdict != Fault || !strings.Contains(d.Found[0].Seen, link+" leads nowhere") {
			t.Errorf("%s: %+v", link, d.Found)
		}
	}
}

func TestASessionIsCheckedAsItIsWritten(t *testing.T) {
	d := at(t, "[sso-session a]\nrole_arn = x\n[sso-session b]\n[sso-session c]\n", "")
	d.Written(func(name string) (*tokencache.Session, error) {
		s := &tokencache.Session{Name: name}
		s.Config.StartURL, s.Config.Region = "https://ssoins-1234567890abcdef.eu-west-1.portal.amazonaws.com", "eu-west-2"
		if name == "b" {
			return nil, errors.New("b is broken")
		}
		if name == "c" {
			s.Config.StartURL = "https://111111111111.signin.aws.amazon.com/console"
		}
		return s, nil
	})
	var seen []string
	for _, f := range d.Found {
		seen = append(seen, f.Seen)
	}
	text := strings.Join(seen, "\n")
	for _, want := range []string{"role_arn in [sso-session a]", "is of region eu-west-1, and sso_region is eu-west-2", "b is broken", "where IAM users sign in"} {
		if !strings.Contains(text, want) {
			t.Errorf("no %q in\n%s", want, text)
		}
	}
	if len(d.Sessions) != 2 {
		t.Errorf("%d sessions", len(d.Sessions))
	}
}

func TestALoginIsJudgedByItsState(t *testing.T) {
	for verdict, s := range map[string]status.Session{
		OK:      {Session: "a", State: status.SignedIn, Renewable: true, Keyring: "os"},
		Note:    {Session: "a", State: status.SignedOut},
		Warning: {Session: "a", State: status.Uncertain},
		Fault:   {Session: "a", State: status.Ended},
	} {
		d := new(Checks)
		d.Logins([]status.Session{s}, func(*status.Session, ...string) string { return "login a" })
		if len(d.Found) != 1 || d.Found[0].Verdict != verdict || (d.Found[0].Fix != "") != (verdict != OK) {
			t.Errorf("%s: %+v", s.State, d.Found)
		}
	}
}

func TestTheFindingsAreSummedUp(t *testing.T) {
	var paint terminal.Paint
	d := new(Checks)
	d.OK("a", "fine")
	if text := Text(d.Found, paint, "credproc"); !strings.HasSuffix(string(text), "\nNothing is wrong.\n") {
		t.Errorf("%s", text)
	}
	d.warn("b", "do this", "so so")
	d.fault("c", "", "bad")
	d.fault("c", "", "worse\x1b[31m")
	text := string(Text(d.Found, paint, "credproc"))
	if !strings.HasSuffix(text, "\n2 faults, 1 warning.\n") || !strings.Contains(text, "fix") || strings.Contains(text, "\x1b") {
		t.Errorf("%q", text)
	}
}

func TestNoUserIsToldToOwnTheRootOfAllFiles(t *testing.T) {
	root := filepath.VolumeName(os.TempDir()) + string(filepath.Separator)
	for path, want := range map[string]string{root: "", filepath.Join(root, "home"): "sudo chown root ", filepath.Join(root, "home", "zoe"): "sudo chown $(id -u) "} {
		got := UnsafeFix(&safedir.UnsafeError{Path: path, For: path, Problem: safedir.Foreign, Dir: true, Owner: 12345})
		if !strings.HasPrefix(got, want) || want == "" && got != "" {
			t.Errorf("%s: %q, want %q", path, got, want)
		}
	}
}
