package layout_test

import (
	"os"
	"runtime"
	"strconv"
	"strings"
	"testing"

	"github.com/credproc/credproc/internal/layout"
)

// Another name would be a login that is not found any more.
func TestNamesStayAsTheyWereReleased(t *testing.T) {
	session := layout.SessionIdentity("", "", "https://example.awsapps.com/start", "eu-west-1", "corp")
	record := layout.RecordIdentity(session, layout.RoleWords("111111111111", "Admin"))
	dir, file := layout.RecordFile(session, record)
	for got, want := range map[string]string{
		session: "7:session,0:,0:,33:https://example.awsapps.com/start,9:eu-west-1,4:corp,",
		record:  "6:record,72:7:session,0:,0:,33:https://example.awsapps.com/start,9:eu-west-1,4:corp,,4:role,12:111111111111,5:Admin,",
		dir:     "5b9689c1bda5b6b9d70897306ed20a08",
		file:    "3c10a87c7cf2806db74b80d37587e2f4",
		layout.SessionItem("000102030405060708090a0b0c0d0e0f", session):                  "session-9a5499255a562b486eac785b974cac08",
		layout.CacheName("credproc", layout.KeyItem("000102030405060708090a0b0c0d0e0f")): "credproc:key-55fa108e6cde64970bc9c1f3d6947aba",
	} {
		if got != want {
			t.Errorf("%s, want %s", got, want)
		}
	}
}

func TestAnItemIsToldFromOtherFilesOfAKeyring(t *testing.T) {
	for name, want := range map[string]bool{layout.SessionItem("id", "corp"): true, layout.KeyItem("id"): true, "key.age": false, "unlock.lock": false} {
		if layout.IsItem(name) != want {
			t.Errorf("%s: an item: %v", name, !want)
		}
	}
}

func TestDirectoriesFollowTheEnvironment(t *testing.T) {
	if runtime.GOOS != "linux" {
		return
	}
	home := t.TempDir()
	t.Setenv("HOME", home)
	for _, tt := range []struct{ id, xdgState, xdgCache, state, cache string }{
		{"", "", "", home + "/.local/state/credproc", home + "/.cache/credproc"},
		{"acme", "", "", home + "/.local/state/acme", home + "/.cache/acme"},
		{"", "/s", "/c", "/s/credproc", "/c/credproc"},
		{"", "not/absolute", "", home + "/.local/state/credproc", home + "/.cache/credproc"},
	} {
		t.Setenv("XDG_STATE_HOME", tt.xdgState)
		t.Setenv("XDG_CACHE_HOME", tt.xdgCache)
		state, cache, err := layout.DefaultDirs(tt.id)
		if err != nil || !strings.HasPrefix(state, tt.state) || !strings.HasPrefix(cache, tt.cache) {
			t.Errorf("%+v: %s and %s, %v", tt, state, cache, err)
		}
		if id, err := os.ReadFile("/etc/machine-id"); err == nil {
			host := strings.TrimPrefix(state, tt.state)
			if len(host) != len("/0123456789ab") || cache != tt.cache+host || strings.Contains(string(id), host[1:]) {
				t.Errorf("of one host: %s and %s", state, cache)
			}
		}
	}
	t.Setenv("XDG_CACHE_HOME", "")
	t.Setenv("HOME", "")
	if _, _, err := layout.DefaultDirs(""); err == nil {
		t.Error("no error without a home")
	}
}

// TestARelativeHomeHoldsNothing: each working directory would have a login of its own.
func TestARelativeHomeHoldsNothing(t *testing.T) {
	for _, name := range []string{"XDG_STATE_HOME", "XDG_CACHE_HOME"} {
		t.Setenv(name, "")
	}
	for _, home := range []string{"~", ".", "home"} {
		t.Setenv("HOME", home)
		t.Setenv("LocalAppData", home)
		if state, cache, err := layout.DefaultDirs(""); err == nil || !strings.Contains(err.Error(), strconv.Quote(home)) {
			t.Errorf("in %s: %s and %s, %v", home, state, cache, err)
		}
	}
}

func TestADirectoryOfTheUsersHoldsBoth(t *testing.T) {
	state, cache := layout.DirsIn("/mnt")
	if state == cache || !strings.HasSuffix(state, "state") || !strings.HasSuffix(cache, "cache") {
		t.Errorf("%s and %s", state, cache)
	}
	if dir := layout.PlaintextDir(state); !strings.HasPrefix(dir, state) {
		t.Errorf("plaintext in %s", dir)
	}
}

func TestTheNameOfASettingIsMadeOfTheProgramsOwn(t *testing.T) {
	for id, want := range map[string][2]string{
		"":           {"CREDPROC_KEY_FILE", "credproc_key_file"},
		"acme-tools": {"ACME_TOOLS_KEY_FILE", "acme_tools_key_file"},
		"Acme.2":     {"ACME_2_KEY_FILE", "acme_2_key_file"},
		"ä":          {"__KEY_FILE", "__key_file"},
	} {
		if got := [2]string{layout.Variable(id, "key_file"), layout.Key(id, "KEY_FILE")}; got != want {
			t.Errorf("%q: %q, want %q", id, got, want)
		}
	}
}
