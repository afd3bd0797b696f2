package main

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/credproc/credproc/credproc/credproctest/idctest"
	"github.com/credproc/credproc/internal/awsconfig"
)

// byHand is a long config file as people leave it after years.
func byHand(session string) string {
	var b strings.Builder
	b.WriteString("# ours, do not touch\r\n[default]\r\nregion = eu-west-1\r\n\r\n" + session)
	for i := range 280 {
		fmt.Fprintf(&b, "\n; team %d  \n[profile hand-%d]\nregion=us-west-2 # no, east\n\toutput = json\ns3 =\n  max_concurrent_requests = 20\n\n", i, i)
	}
	return b.String() + "[profile last]\nregion = x"
}

func (m *machine) configFile() string {
	m.Helper()
	text, err := os.ReadFile(filepath.Join(m.home, ".aws/config"))
	if err != nil {
		m.Fatal(err)
	}
	return string(text)
}

var configureAll = []string{"configure", "corp", "--all", "--yes", "--command", "credproc"}

func TestAConfigureThatIsKilledLeavesTheOldFileOrTheNew(t *testing.T) {
	m := newMachine(t, "plaintext")
	before := byHand(m.configFile())
	m.write(".aws/config", before)
	m.signIn(0)
	if o := m.run(configureAll...); o.status != 0 {
		t.Fatal(o.stderr)
	}
	after := m.configFile()
	if !strings.HasPrefix(after, before+"\n# >>> credproc >>>") && !strings.HasPrefix(after, before+"\r\n# >>> credproc >>>") || strings.Count(before, "\n") < 1900 {
		t.Fatalf("outside of the block something is changed:\n%s", after)
	}
	for _, call := range []string{"fsync", "renameat", "fchmod", "flock", "unlinkat"} {
		for n := 1; n < 20; n++ {
			m.write(".aws/config", before)
			_, killed := m.tampered(call, "signal=KILL", fmt.Sprint(n), configureAll)
			if got := m.configFile(); got != before && got != after {
				t.Fatalf("killed at %s %d: the file is neither\n%s", call, n, got)
			}
			if o := m.run(configureAll...); o.status != 0 || m.configFile() != after {
				t.Fatalf("after a kill at %s %d: %d: %s", call, n, o.status, o.stderr)
			}
			if left, _ := filepath.Glob(filepath.Join(m.home, ".aws/.config*")); left != nil {
				t.Fatalf("after a kill at %s %d there is %v", call, n, left)
			}
			if !killed {
				m.Logf("%s: %d points", call, n-1)
				break
			}
		}
	}
}

// The disk is full, or files may not be longer, at each step of the way: then
// nothing is changed, and the last change can still be undone.
func TestAConfigureThatFailsLeavesTheFileAndItsBackup(t *testing.T) {
	m := newMachine(t, "plaintext")
	before, last := byHand(m.configFile()), "# what was before\n"
	backup := ".aws/config.credproc-backup"
	m.signIn(0)
	for _, call := range []string{"write", "fsync", "renameat", "linkat", "fchmod"} {
		for n := 1; n < 60; n++ {
			m.write(".aws/config", before)
			m.write(backup, last)
			o, tampered := m.tampered(call, "error=ENOSPC", fmt.Sprint(n), configureAll)
			text, err := os.ReadFile(filepath.Join(m.home, backup))
			changed := m.configFile() != before
			if want := last; err != nil || !changed && string(text) != want || changed && string(text) != before || o.status != 0 && changed {
				t.Fatalf("%s %d fails: exit status %d, changed %v, the backup holds %.40q, %v\n%s", call, n, o.status, changed, text, err, o.stderr)
			}
			if left, _ := filepath.Glob(filepath.Join(m.home, ".aws/.config*")); left != nil {
				t.Fatalf("%s %d fails: there is %v", call, n, left)
			}
			if !tampered {
				m.Logf("%s: %d points", call, n-1)
				break
			}
		}
	}
}

func TestConfiguresAtOnceLoseNobodysWork(t *testing.T) {
	m := newMachine(t, "plaintext")
	before := byHand(m.configFile())
	m.write(".aws/config", before)
	m.signIn(0)
	var all [][]string
	for _, role := range m.roles(12) {
		_, name, _ := strings.Cut(role, "/")
		all = append(all, []string{"configure", "corp", "--match-role", name, "--yes", "--command", "credproc"})
	}
	for _, o := range m.together(all...) {
		if o.status != 0 {
			t.Errorf("%v: %d: %s", o.args, o.status, o.stderr)
		}
	}
	c, err := new(awsconfig.Config).With([]byte(m.configFile()))
	if err != nil {
		t.Fatal(err)
	}
	for i := range all {
		if name := fmt.Sprintf("Production/Role%02d", i); c.Profiles[name] == nil {
			t.Errorf("the profile %s is lost", name)
		}
	}
	if !strings.HasPrefix(m.configFile(), before) {
		t.Error("what stood there is changed")
	}
}

const threeHops = `
[profile one]
role_arn = arn:aws:iam::333333333333:role/One
source_profile = zero
[profile two]
role_arn = arn:aws:iam::444444444444:role/Two
source_profile = one
external_id = secret-handshake
[profile three]
role_arn = arn:aws:iam::555555555555:role/team/Three
source_profile = two
duration_seconds = 1800
[profile zero]
credential_process = credproc process --sso-session corp --account-id 111111111111 --role-name Admin
`

func TestFiftyProcessesAssumeEachRoleOfAChainOnce(t *testing.T) {
	m := newMachine(t, "plaintext")
	m.write(".aws/config", m.configFile()+threeHops)
	m.set(func(s *idctest.Server) {
		s.ExternalIDs = map[string]string{"arn:aws:iam::444444444444:role/Two": "secret-handshake"}
	})
	m.signIn(0)
	var answers map[string]int
	calls := m.calls(func() {
		answers = m.answered(m.together(times(50, []string{"process", "--profile", "three"})...))
	})
	if calls["AssumeRole"] != 3 || calls["GetRoleCredentials"] != 1 || len(answers) != 1 {
		t.Errorf("calls %v, and %d different answers", calls, len(answers))
	}
	for answer := range answers {
		if !strings.Contains(answer, `"AccountId":"555555555555"`) {
			t.Error("the credentials are of another account")
		}
	}
	var way []string
	for _, e := range m.idc.Log() {
		if e.Op == "AssumeRole" {
			way = append(way, e.Role[strings.LastIndex(e.Role, "/")+1:])
		}
	}
	if want := []string{"One", "Two", "Three"}; !slices.Equal(way, want) {
		t.Errorf("assumed were %v, want %v", way, want)
	}
	again := m.calls(func() { m.answered(m.together(times(5, []string{"process", "--profile", "three"})...)) })
	if again["total"] != 0 {
		t.Errorf("stored, and yet %v", again)
	}
}
