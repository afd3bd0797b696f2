package e2e

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// firstRun is a machine with no configuration and an instance of one account.
func firstRun(t *testing.T) *machine {
	t.Helper()
	m := newMachine(t)
	if err := os.Remove(filepath.Join(m.home, ".aws", "config")); err != nil {
		t.Fatal(err)
	}
	link := filepath.Join(m.dir("bin"), "credproc")
	if err := os.Symlink(binary, link); err != nil {
		t.Fatal(err)
	}
	return m.with("PATH=" + filepath.Dir(link) + ":" + m.env["PATH"])
}

// chooses finds a role in the picker, has its profile written, and expects the
// AWS CLI to answer after one sign-in, of one session.
func (m *machine) chooses(c *console) {
	m.t.Helper()
	c.types("Profiles for which roles?", "prod adm")
	c.types("roles? prod adm", "\r")
	c.types("[Y/n", "\r")
	if status := c.ends(); status != 0 {
		m.t.Fatalf("status %d:\n%s", status, c.screen())
	}
	r := m.aws("sts", "get-caller-identity", "--profile", "Production/Admin")
	if r.status != 0 {
		m.t.Errorf("the AWS CLI: status %d: %s", r.status, r.stderr)
	}
	m.usedTheLine(r.stdout)
	if n := m.server.Count("StartDeviceAuthorization"); n != 1 {
		m.t.Errorf("%d sign-ins", n)
	}
	if status := m.must(binary, "status", "--json"); strings.Count(status, `"session":`) != 1 || !strings.Contains(status, `"session": "idc"`) {
		m.t.Errorf("status: %s", status)
	}
}

// Each thing is asked for once: start URL, region, name, roles, and whether to write.
func TestAStartURLLeadsToAnAnswerOfTheAWSCLI(t *testing.T) {
	t.Parallel()
	m := firstRun(t)
	c := m.onConsole(120, 24, "sh", "-c", "exec credproc configure")
	c.types("Start URL of the access portal?", m.server.StartURL+"\r")
	c.types("In which region", m.server.Region+"\r")
	c.types("Name of the session? [idc]", "\r")
	m.chooses(c)
}

func TestALoginBeforeConfigureIsTheOnlyOne(t *testing.T) {
	t.Parallel()
	m := firstRun(t)
	c := m.onConsole(120, 24, "sh", "-c", "exec credproc login --sso-start-url "+m.server.StartURL+" --sso-region "+m.server.Region)
	if status := c.ends(); status != 0 {
		t.Fatalf("status %d:\n%s", status, c.screen())
	}
	c = m.onConsole(120, 24, "sh", "-c", "exec credproc configure")
	c.types("Start URL of the access portal?", "\r")
	c.types("Name of the session? [idc]", "\r")
	m.chooses(c)
}
