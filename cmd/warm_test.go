package cmd_test

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"net/http/httptest"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/credproc/credproc/cmd"
	"github.com/credproc/credproc/credproc/credproctest/idctest"
	"github.com/credproc/credproc/internal/agent"
	"github.com/credproc/credproc/internal/dirid"
	"github.com/credproc/credproc/internal/layout"
	"github.com/credproc/credproc/internal/lineage"
	"github.com/credproc/credproc/internal/sealed"
	"github.com/credproc/credproc/oidc"
)

const warmConfig = `[default]
region = us-east-1
[sso-session corp]
sso_start_url = %s
sso_region = us-east-1
[sso-session quiet]
sso_start_url = https://quiet.example/start
sso_region = us-east-1
[profile native]
sso_session = corp
sso_account_id = 111111111111
sso_role_name = Admin
[profile line]
credential_process = credproc process --sso-session corp --account-id 111111111111 --role-name Admin
[profile legacy]
sso_start_url = %[1]s/#
sso_region = us-east-1
sso_account_id = 111111111111
sso_role_name = Admin
[profile session-only]
sso_session = corp
[profile broken]
sso_session = none
sso_account_id = 111111111111
sso_role_name = Admin
[profile static]
aws_access_key_id = AKIAEXAMPLE
aws_secret_access_key = example
`

// A machine has a login, a record of one role, and a process that asks.
type machine struct {
	t        testing.TB
	idc      *idctest.Server
	endpoint string
	dir      string
	env      map[string]string
}

func newMachine(t testing.TB) *machine {
	t.Helper()
	idc := idctest.New()
	idc.AutoApprove = true
	server := httptest.NewServer(idc)
	t.Cleanup(server.Close)
	m := &machine{t: t, idc: idc, endpoint: server.URL, dir: t.TempDir()}
	if err := os.WriteFile(filepath.Join(m.dir, "config"), fmt.Appendf(nil, warmConfig, idc.StartURL), 0o600); err != nil {
		t.Fatal(err)
	}
	m.reset()
	m.signIn()
	m.run(0, "process", "--profile", "native")
	return m
}

// reset takes the environment back to what the login was made in.
func (m *machine) reset() {
	m.env = map[string]string{
		"HOME": m.dir, "AWS_CONFIG_FILE": filepath.Join(m.dir, "config"), "CREDPROC_DIR": filepath.Join(m.dir, "own"),
		"CREDPROC_KEYRING": "plaintext", "AWS_ENDPOINT_URL_SSO": m.endpoint, "AWS_ENDPOINT_URL_SSO_OIDC": m.endpoint,
	}
}

func (m *machine) app(stdout, stderr *bytes.Buffer) *cmd.App {
	return &cmd.App{Getenv: func(name string) string { return m.env[name] }, Stdin: strings.NewReader(""), Stdout: stdout, Stderr: stderr}
}

func (m *machine) signIn() {
	m.t.Helper()
	m.run(0, "login", "corp", "--flow", "pkce")
}

// run goes the long way.
func (m *machine) run(wanted int, args ...string) (stdout string) {
	m.t.Helper()
	var out, said bytes.Buffer
	app := m.app(&out, &said)
	app.Browser = cmd.ConfirmAtOnce
	if got := app.Run(m.t.Context(), args); got != wanted {
		m.t.Fatalf("%q in %q: exit status %d, want %d: %s", args, m.env, got, wanted, said.String())
	}
	return out.String()
}

func (m *machine) warm(args ...string) (stdout string, ok bool) {
	m.t.Helper()
	var out, said bytes.Buffer
	status, ok := m.app(&out, &said).AnswerWarm(args)
	if status != 0 || said.Len() > 0 || ok != (out.Len() > 0) {
		m.t.Fatalf("%q in %q: %v, exit status %d, %d bytes, and says %q", args, m.env, ok, status, out.Len(), said.String())
	}
	return out.String(), ok
}

var flagsOfAdmin = []string{"process", "--sso-session", "corp", "--account-id", "111111111111", "--role-name", "Admin"}

func TestDocumentedWaysToAskAreAnsweredWarm(t *testing.T) {
	m := newMachine(t)
	for _, args := range [][]string{
		{"process", "--profile", "native"}, {"process", "--profile=line"}, {"process", "-p", "legacy"},
		{"credential-process", "--profile", "native", "--wait", "50s"}, {"process", "--auto-login", "--profile", "line"},
		flagsOfAdmin,
		{"process", "--sso-start-url", m.idc.StartURL, "--sso-region", "us-east-1", "--account-id", "111111111111", "--role-name", "Admin"},
	} {
		got, ok := m.warm(args...)
		if want := m.run(0, args...); !ok || got != want {
			t.Errorf("%q: answered %v, the same %v", args, ok, got == want)
		}
	}
	m.env["AWS_PROFILE"] = "line"
	if _, ok := m.warm("process"); !ok {
		t.Error("AWS_PROFILE is not answered for")
	}
}

func TestWhatAsksForMoreThanAnAnswerIsNotAnsweredWarm(t *testing.T) {
	m := newMachine(t)
	for name, value := range map[string]string{
		"CREDPROC_LOG": "debug", "CREDPROC_AUDIT": "on", "CREDPROC_KEY_CACHE": "off", "CREDPROC_CLI_CACHE": "export",
		"CREDPROC_KEYRING": "bogus", "CREDPROC_WAIT": "soon", "AWS_USE_FIPS_ENDPOINT": "bogus",
		"AWS_ENDPOINT_URL_SSO": "http://elsewhere.example", "CREDPROC_DIR": t.TempDir(), "AWS_CONFIG_FILE": filepath.Join(m.dir, "none"),
	} {
		m.reset()
		m.env[name] = value
		if _, ok := m.warm(flagsOfAdmin...); ok {
			t.Errorf("%s=%s: answered", name, value)
		}
	}
	m.reset()
	if _, ok := m.warm(flagsOfAdmin...); !ok {
		t.Error("not answered when all is as it was")
	}
}

func TestNoRecordThatCannotBeOpenedIsAnsweredWith(t *testing.T) {
	m := newMachine(t)
	for _, path := range records(t, m) {
		good, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		for name, data := range map[string][]byte{
			"empty": nil, "cut off": good[:len(good)/2], "longer": append(slices.Clip(good), 'x'), "flipped": append(slices.Clip(good[:len(good)-1]), good[len(good)-1]^1),
		} {
			if err := os.WriteFile(path, data, 0o600); err != nil {
				t.Fatal(err)
			}
			if _, ok := m.warm(flagsOfAdmin...); ok {
				t.Errorf("%s: answered", name)
			}
		}
	}
	m.run(0, flagsOfAdmin...)
	if _, ok := m.warm(flagsOfAdmin...); !ok {
		t.Error("not answered after the long way has made a new record")
	}
}

// records are the files of the cache.
func records(t *testing.T, m *machine) (files []string) {
	t.Helper()
	err := filepath.WalkDir(filepath.Join(m.env["CREDPROC_DIR"], "cache"), func(path string, d os.DirEntry, err error) error {
		if err == nil && d.Type().IsRegular() {
			files = append(files, path)
		}
		return err
	})
	if err != nil || len(files) == 0 {
		t.Fatalf("%d records: %v", len(files), err)
	}
	return files
}

// TestTheWarmWayDecidesAsTheLongWay generates arguments and environments. What
// is not answered warm goes the long way by itself; what is must be what the
// long way prints.
func TestTheWarmWayDecidesAsTheLongWay(t *testing.T) {
	m := newMachine(t)
	r := rand.New(rand.NewPCG(1, 2))
	long := make(map[string]string)
	answered := 0
	for range 100_000 {
		m.reset()
		change(r, m.env)
		args := arguments(r, m.idc.StartURL)
		got, ok := m.warm(args...)
		if !ok {
			continue
		}
		answered++
		key := fmt.Sprintf("%q %q", args, m.env)
		if _, known := long[key]; !known {
			long[key] = m.run(0, args...)
		}
		if got != long[key] {
			t.Fatalf("%s: not the document of the long way", key)
		}
	}
	t.Logf("%d are answered, in %d ways", answered, len(long))
	if len(long) < 100 {
		t.Errorf("%d ways are answered", len(long))
	}
}

// TestTheWarmWayDecidesAsTheLongWayInEveryState has records of every age, and
// what a record should not be: what is not to be served as it is must not be
// served by the warm way, whatever the arguments.
func TestTheWarmWayDecidesAsTheLongWayInEveryState(t *testing.T) {
	m := newMachine(t)
	path := records(t, m)[0]
	original, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	key, identity := m.key(), m.identity()
	plain, err := key.Open(identity, original)
	if err != nil {
		t.Fatal(err)
	}
	_, document, err := layout.SplitRecord(plain)
	if err != nil {
		t.Fatal(err)
	}
	now := time.Now()
	aged := func(fetched, stale, end time.Duration) []byte {
		return layout.JoinRecord(layout.Times{Fetched: now.Add(fetched), Stale: now.Add(stale), End: now.Add(end), Life: end - fetched}, document)
	}
	for name, state := range map[string]struct {
		plain  []byte
		served bool
	}{
		"as it was":           {plain, true},
		"valid for long":      {aged(-time.Hour, time.Hour, 2*time.Hour), true},
		"stale":               {aged(-time.Hour, -time.Minute, time.Hour), false},
		"ended":               {aged(-2*time.Hour, -time.Hour, -time.Second), false},
		"from the future":     {aged(time.Hour, 2*time.Hour, 3*time.Hour), false},
		"no times":            {document, false},
		"no document":         {aged(-time.Hour, time.Hour, 2*time.Hour)[:30], false},
		"spelled by somebody": {bytes.Replace(plain, []byte(`,"`), []byte(`, "`), 1), false},
	} {
		if err := os.WriteFile(path, key.Seal(identity, state.plain), 0o600); err != nil {
			t.Fatal(err)
		}
		r := rand.New(rand.NewPCG(5, 6))
		answered := 0
		for range 3_000 {
			m.reset()
			change(r, m.env)
			args := arguments(r, m.idc.StartURL)
			got, ok := m.warm(args...)
			if !ok {
				continue
			}
			answered++
			if answered <= 20 && got != m.run(0, args...) {
				t.Errorf("%s: %q: not the document of the long way", name, args)
			}
		}
		if (answered > 0) != state.served {
			t.Errorf("%s: %d are answered", name, answered)
		}
	}
}

// key returns the key that seals the machine's records.
func (m *machine) key() *sealed.Key {
	m.t.Helper()
	state, _ := layout.DirsIn(m.env["CREDPROC_DIR"])
	id, _ := dirid.Quick(state)
	text, err := os.ReadFile(filepath.Join(layout.PlaintextDir(state), layout.KeyItem(id)))
	if err != nil {
		m.t.Fatal(err)
	}
	key, err := sealed.ParseKey(string(text))
	if err != nil {
		m.t.Fatal(err)
	}
	return key
}

// identity returns that of the record of the machine's role.
func (m *machine) identity() string {
	m.t.Helper()
	start, err := oidc.NormalizeStartURL(m.idc.StartURL)
	if err != nil {
		m.t.Fatal(err)
	}
	session := layout.SessionIdentity(m.endpoint, m.endpoint, start, "us-east-1", "corp")
	return layout.RecordIdentity(session, layout.RoleWords("111111111111", "Admin"))
}

// FuzzTheWarmWayDecidesAsTheLongWay has arguments with a zero byte between them.
func FuzzTheWarmWayDecidesAsTheLongWay(f *testing.F) {
	m := newMachine(f)
	r := rand.New(rand.NewPCG(3, 4))
	for range 50 {
		f.Add(strings.Join(arguments(r, "https://idc.example/start"), "\x00"))
	}
	f.Add(strings.Join(flagsOfAdmin, "\x00"))
	f.Add("process\x00-p\x00native")
	f.Add("process\x00--profile=line\x00--wait\x001m\x00--auto-login")
	f.Fuzz(func(t *testing.T, line string) {
		m := &machine{t: t, idc: m.idc, endpoint: m.endpoint, dir: m.dir, env: m.env}
		args := strings.Split(line, "\x00")
		if got, ok := m.warm(args...); ok && got != m.run(0, args...) {
			t.Errorf("%q: not the document of the long way", args)
		}
	})
}

func TestASettingThatIsNotForProcessIsNoReasonForTheLongWay(t *testing.T) {
	m := newMachine(t)
	config := filepath.Join(m.dir, "config")
	good, err := os.ReadFile(config)
	if err != nil {
		t.Fatal(err)
	}
	for setting, want := range map[string]bool{
		"keyring = plaintext": true, "session_duration = 1h": true, "console_browser = firefox": true, "browser = firefox": true, "flow = device": true,
		"audit = on": false, "cli_cache = export": false, "anything = else": false,
	} {
		text := strings.Replace(string(good), "[sso-session corp]\n", "[sso-session corp]\ncredproc_"+setting+"\n", 1)
		if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		got, ok := m.warm(flagsOfAdmin...)
		if ok != want || ok && got != m.run(0, flagsOfAdmin...) {
			t.Errorf("%s: answered %v, want %v", setting, ok, want)
		}
	}
}

// change changes an environment, mostly by nothing.
func change(r *rand.Rand, env map[string]string) {
	for name, values := range map[string][]string{
		"AWS_PROFILE":           {"native", "line", "none", ""},
		"AWS_DEFAULT_PROFILE":   {"legacy", "static"},
		"CREDPROC_WAIT":         {"50s", "1m", "-1s", "x", "0"},
		"CREDPROC_KEYRING":      {"auto", "os", "Plaintext", ""},
		"CREDPROC_NO_LOGIN":     {"1"},
		"CREDPROC_LOG_FILE":     {"/nowhere/log"},
		"CREDPROC_CLI_CACHE":    {"bogus"},
		"CREDPROC_AUDIT":        {"off", "bogus"},
		"AWS_USE_FIPS_ENDPOINT": {"true", "x"},
		"AWS_CONFIG_FILE":       {"/nowhere/config", "~/config"},
		"AWS_CA_BUNDLE":         {"/nowhere"},
	} {
		if r.IntN(40) == 0 {
			env[name] = values[r.IntN(len(values))]
		}
	}
}

// arguments makes a command line of words that mean something somewhere.
func arguments(r *rand.Rand, start string) []string {
	pick := func(words ...string) string { return words[r.IntN(len(words))] }
	args := []string{pick("process", "process", "process", "credential-process", "login", "proces", "")}
	for range r.IntN(6) {
		name := pick("--profile", "-p", "--sso-session", "--account-id", "--role-name", "--sso-start-url", "--sso-region", "--wait", "--auto-login",
			"--no-auto-login", "--debug", "--help", "--prof", "--Profile", "-pnative", "-p=native", "--", "", "-", "native")
		value := pick("native", "line", "legacy", "broken", "session-only", "corp", "quiet", "111111111111", "Admin", "Gone", start, start+"/#/",
			"us-east-1", "us_east", "50s", "5", "1h", "-1s", "", "-x", "--debug", "a=b", "ä", "@file")
		if r.IntN(3) > 0 { // one that fits
			switch name {
			case "--profile", "-p":
				value = pick("native", "line", "legacy")
			case "--sso-session":
				value = "corp"
			case "--account-id":
				value = "111111111111"
			case "--role-name":
				value = "Admin"
			case "--wait":
				value = pick("0s", "50s", "1m")
			}
		}
		switch {
		case name == "--auto-login" || !strings.HasPrefix(name, "-") || len(name) < 2:
			args = append(args, name)
		case r.IntN(3) == 0:
			args = append(args, name+"="+value)
		default:
			args = append(args, name, value)
		}
	}
	if r.IntN(4) == 0 {
		args = append(args[:1:1], flagsOfAdmin[1:]...)
	}
	return args
}

// Memory is what a short process pays for most: each page that it touches first
// costs more than what is done there.
func TestAWarmAnswerAllocatesLittle(t *testing.T) {
	m := newMachine(t)
	most := 171.0 // one for each directory above the plaintext key, and four to see that there is no policy
	if runtime.GOOS == "windows" {
		most = 180 // each path is made UTF-16
	}
	for way, args := range map[string][]string{"--profile": {"process", "--profile", "native"}, "flags": flagsOfAdmin} {
		var before, after runtime.MemStats
		got := testing.AllocsPerRun(10, func() { m.warm(args...) })
		runtime.ReadMemStats(&before)
		_, ok := m.warm(args...)
		runtime.ReadMemStats(&after)
		size := (after.TotalAlloc - before.TotalAlloc) >> 10
		t.Logf("%s: %v allocations, %d KiB", way, got, size)
		if !ok || got > most || size > 64 {
			t.Errorf("%s: answered %v, %v allocations, %d KiB, want at most %v, 64 KiB", way, ok, got, size, most)
		}
	}
}

func BenchmarkAnswerWarm(b *testing.B) {
	m := newMachine(b)
	b.ReportAllocs()
	for b.Loop() {
		if _, ok := m.warm(flagsOfAdmin...); !ok {
			b.Fatal("not answered")
		}
	}
}

func TestTheWarmWayKnowsADirectoryByEveryNameAndNoCopyOfIt(t *testing.T) {
	m := newMachine(t)
	own := m.env["CREDPROC_DIR"]
	link, away, twin := filepath.Join(m.dir, "link"), filepath.Join(m.dir, "away"), filepath.Join(m.dir, "twin")
	if err := os.Symlink(own, link); err != nil {
		t.Fatal(err)
	}
	if err := os.CopyFS(twin, os.DirFS(own)); err != nil {
		t.Fatal(err)
	}
	answers := func(dir string, want bool) {
		t.Helper()
		m.env["CREDPROC_DIR"] = dir
		if _, ok := m.warm(flagsOfAdmin...); ok != want {
			t.Errorf("%s: answered %v, want %v", dir, ok, want)
		}
	}
	answers(own, true)
	answers(link, runtime.GOOS != "windows") // where no file tells its number
	answers(twin, false)
	m.run(4, flagsOfAdmin...)
	answers(own, true)
	if err := os.Rename(own, away); err != nil {
		t.Fatal(err)
	}
	answers(away, runtime.GOOS != "windows")
	m.run(0, "status")
	answers(away, true)
	if err := os.Remove(filepath.Join(away, "state", dirid.File)); err != nil {
		t.Fatal(err)
	}
	answers(away, false)
}

// Somebody who can exchange a directory can exchange the key in it, and a record
// for that key: whose credentials would these be?
func TestAKeyThatAnotherUserCouldHavePlantedAnswersNothing(t *testing.T) {
	m := newMachine(t)
	parent := filepath.Join(m.dir, "own", "state")
	if err := os.Chmod(parent, 0o777); err != nil {
		t.Fatal(err)
	}
	if _, ok := m.warm(flagsOfAdmin...); ok && runtime.GOOS != "windows" {
		t.Error("answered")
	}
	m.env["CREDPROC_STRICT_MODES"] = "off"
	if _, ok := m.warm(flagsOfAdmin...); !ok {
		t.Error("not answered where that is meant")
	}
	m.env["CREDPROC_STRICT_MODES"] = "bogus"
	if _, ok := m.warm(flagsOfAdmin...); ok {
		t.Error("answered with a setting that is none")
	}
}

func TestADirectoryIsTheSameWhereverAProcessIsStarted(t *testing.T) {
	m := newMachine(t)
	m.env["CREDPROC_DIR"] = "~/own"
	if _, ok := m.warm(flagsOfAdmin...); !ok {
		t.Error("~/ is not replaced")
	}
	t.Chdir(m.dir)
	m.env["CREDPROC_DIR"] = "own"
	if _, ok := m.warm(flagsOfAdmin...); ok {
		t.Error("a relative directory is used")
	}
	m.run(2, flagsOfAdmin...)
}

func TestRulesAboutAgentsSendOnlyAgentsTheLongWay(t *testing.T) {
	m := newMachine(t)
	path := filepath.Join(m.dir, "config")
	plain, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	self, _, _ := lineage.Process(os.Getppid()) // as a warm answer looks from its parent
	above, _ := agent.ByProcess(os.Getppid(), nil)
	person := !above.IsAgent() // who runs the tests
	for _, tt := range []struct {
		rules, variable string
		isAnswer        bool
	}{
		{"", "", true},
		{"", "CLAUDECODE", true},
		{"[profile other]\ncredproc_agents = none\n", "", person},
		{"[profile other]\nCredProc_Agents = none\n", "CLAUDECODE", false},
		{"[sso-session quiet]\ncredproc_agents = none\n", "CREDPROC_AGENT", false},
		{"[profile native]\ncredproc_agent_profile = other\n", "", person},
		{"[profile other]\ncredproc_agnets = none\n", "", person},
		{"[profile other]\ncredproc_agnets = none\n", "CLAUDECODE", false},
		{"[sso-session quiet]\ncredproc-agents = none\n", "CLAUDECODE", false},
		{"[DEFAULT]\ncredproc agents = none\n", "CLAUDECODE", false},
		{"[DEFAULT]\n  credproc_agents none\n", "CLAUDECODE", false},
		{"[profile other]\ncredproc_policy_arns = x\ncredproc_keyrng = x\ncredential_process =\n  credproc process --profile agents\n", "CLAUDECODE", true},
		{"[profile native]\ncredproc_agent_profile = other\n", "OPENCODE", false},
		{"[profile other]\ncredproc_agent_programs = robot\n", "", person},
		{"[profile other]\ncredproc_agent_programs = robot, " + self + "\n", "", false},
		{"[profile other]\ncredproc_agent_programs = robot\n  droid\n", "", false}, // the long way knows them
		{strings.Repeat("# a long file\n", 5000) + "[profile other]\ncredproc_agents = none\n", "CLAUDECODE", false},
	} {
		m.reset()
		if err := os.WriteFile(path, append(slices.Clone(plain), tt.rules...), 0o600); err != nil {
			t.Fatal(err)
		}
		m.env[tt.variable] = "1"
		for _, args := range [][]string{{"process", "--profile", "native"}, {"process", "--sso-session", "corp", "--account-id", "111111111111", "--role-name", "Admin"}} {
			if _, ok := m.warm(args...); ok != tt.isAnswer {
				t.Errorf("%.80q, %s: a warm answer: %v", tt.rules, tt.variable, ok)
			}
		}
	}
}
