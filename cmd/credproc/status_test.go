package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/jsonschema-go/jsonschema"

	"github.com/credproc/credproc/credproc/credproctest/idctest"
)

// told is what status says of the session corp, to a program.
type told struct {
	State      string    `json:"state"`
	SignedIn   bool      `json:"signed_in"`
	SignedInAt time.Time `json:"signed_in_at"`
	RenewedAt  time.Time `json:"last_renewed_at"`
	InProgress []struct {
		PID       int
		Operation string
		Since     time.Time
	} `json:"in_progress"`
	LastFailure *struct{ Operation, Reason string } `json:"last_failure"`
	Cached      []struct {
		AccountID string    `json:"account_id"`
		RoleName  string    `json:"role_name"`
		FetchedAt time.Time `json:"fetched_at"`
		Left      int       `json:"seconds_left"`
	} `json:"cached_roles"`
}

// doing reports whether a process is at work on something.
func (s *told) doing(what string) bool {
	for _, p := range s.InProgress {
		if p.Operation == what {
			return true
		}
	}
	return false
}

func (m *machine) status() (s told) {
	m.Helper()
	o := m.run("status", "--json")
	var all []told
	if err := json.Unmarshal([]byte(o.stdout), &all); err != nil || len(all) != 1 || o.status != 0 || o.stderr != "" {
		m.Fatalf("exit status %d, error %v\n%s%s", o.status, err, o.stdout, o.stderr)
	}
	m.described(o.stdout)
	return all[0]
}

// described checks what status says against docs/status.schema.json.
func (m *machine) described(answer string) {
	m.Helper()
	text, err := os.ReadFile(filepath.Join("..", "..", "docs", "status.schema.json"))
	if err != nil {
		m.Fatal(err)
	}
	var schema jsonschema.Schema
	if err := json.Unmarshal(text, &schema); err != nil {
		m.Fatal(err)
	}
	resolved, err := schema.Resolve(nil)
	if err != nil {
		m.Fatal(err)
	}
	var value any
	if err := json.Unmarshal([]byte(answer), &value); err != nil {
		m.Fatal(err)
	}
	if err := resolved.Validate(value); err != nil {
		m.Errorf("%v in\n%s", err, answer)
	}
}

// truth is what a test has brought about.
type truth struct {
	state  string
	blames string // what failed last, as a regular expression, and then what it came to
	says   string
	roles  int // that are stored
}

// tells checks what status says while nobody is at work, to programs and by its
// exit status, against the truth, and its times against the service's log.
func (m *machine) tells(when string, want truth) {
	m.Helper()
	s := m.status()
	usable := want.state == "signed_in"
	if s.State != want.state || s.SignedIn != usable || len(s.InProgress) > 0 || len(s.Cached) != want.roles {
		m.Errorf("%s: status says %+v, want %+v", when, s, want)
	}
	if f := s.LastFailure; (f != nil) != (want.blames != "") || f != nil && !(regexp.MustCompile(want.blames).MatchString(f.Operation) && strings.Contains(f.Reason, want.says)) {
		m.Errorf("%s: status says that this failed: %+v, want %+v", when, f, want)
	}
	exit := map[bool]int{true: 0, false: 4}[usable]
	if o := m.run("status", "--quiet", "corp"); o.status != exit || o.stdout+o.stderr != "" {
		m.Errorf("%s: status --quiet: exit status %d, want %d\n%s%s", when, o.status, exit, o.stdout, o.stderr)
	}
	if o := m.run("status", "--quiet", "--check", "corp"); want.state != "signed_out" && (o.status != exit || o.stdout+o.stderr != "") {
		m.Errorf("%s: status --check: exit status %d, want %d\n%s%s", when, o.status, exit, o.stdout, o.stderr)
	}
	m.timely(when, s)
}

// timely checks that nothing is told to be older than the last answer of the
// service that it must come from.
func (m *machine) timely(when string, s told) {
	m.Helper()
	at := make(map[string]time.Time)
	for _, e := range m.idc.Log() {
		if e.Status == 200 && e.Delivered && e.Code == "" {
			at[e.Op], at[e.Grant], at[e.Role] = e.Time, e.Time, e.Time
		}
	}
	check := func(what string, said, was time.Time) {
		// What is told is in whole seconds.
		if !said.IsZero() && (said.Before(was.Add(-time.Second)) || said.After(time.Now().Add(time.Second))) {
			m.Errorf("%s: %s at %s, when the service did it at %s", when, what, said, was)
		}
	}
	check("signed in", s.SignedInAt, at["device_code"])
	check("renewed", s.RenewedAt, at[m.renewal])
	for _, role := range s.Cached {
		check(role.RoleName, role.FetchedAt, at[role.AccountID+"/"+role.RoleName])
	}
}

// A hundred processes find at once that the login is gone, and each says so.
func TestAfterALoginIsLostStatusSendsPeopleToLogin(t *testing.T) {
	m := newMachine(t, "plaintext")
	m.env = []string{unqueued}
	m.expired()
	items, _ := filepath.Glob(filepath.Join(m.home, ".local", "state", "credproc", "*", "plaintext", "session-*"))
	if len(items) != 1 || os.Remove(items[0]) != nil {
		t.Fatalf("the items are %q", items)
	}
	m.failed(m.together(times(100, process(admin))...), 4, "credproc login corp")
	m.tells("without its tokens", truth{state: "lost"})
	for range 2 { // as status --quiet || login does it
		if o := m.run("status", "--quiet", "corp"); o.status != 0 {
			m.signIn(0)
		}
	}
	m.answered(m.together(process(admin)))
	m.tells("signed in again", truth{state: "signed_in", roles: 1})
	if n := m.idc.Count("RegisterClient"); n != 2 {
		t.Errorf("%d sign-ins", n)
	}
}

// foretold runs what comes after a mishap, and compares what status says before
// with what comes: whether the role is stored or has to be fetched, and whether
// the session is over. Nobody is at work. A login that was lost at the service
// is one until somebody uses it.
func (m *machine) foretold(after string, next func()) {
	m.Helper()
	s := m.status()
	calls := m.calls(next)
	stored := len(s.Cached) == 1 && s.Cached[0].RoleName == "Admin" && s.Cached[0].Left > 3000
	switch {
	case len(s.InProgress) > 0 || s.SignedIn != (s.State == "signed_in") || len(s.Cached) > 0 && !stored:
	case s.State == "signed_in" && stored == (calls["GetRoleCredentials"] == 0):
		return
	case m.cold && (s.State == "unknown" || calls["CreateTokenWithIAM:jwt-bearer"] > 0): // it died before it was known, or before there was one
		return
	case s.State == "ended" && calls["total"] == 0:
		return
	}
	m.Errorf("%s: status said %+v, and then these calls were made: %v", after, s, calls)
}

// watching asks for the status over and over until the last of some processes
// has ended, however slow the machine is.
func (m *machine) watching(all [][]string, look func(told)) []outcome {
	ended := make(chan []outcome, 1)
	go func() { ended <- m.together(all...) }()
	for {
		look(m.status())
		select {
		case outcomes := <-ended:
			return outcomes
		default:
		}
	}
}

func TestStatusTellsTheTruthWhileAStormGoesOn(t *testing.T) {
	t.Parallel()
	onEach(t, []idctest.Rotation{idctest.Strict}, func(m *machine) {
		if s := m.status(); s.State != "signed_out" || s.SignedIn {
			t.Errorf("before the first login: %+v", s)
		}
		m.env = []string{unqueued}
		m.expired()
		m.set(func(s *idctest.Server) { s.Latency = 300 * time.Millisecond })
		busy, stored := 0, 0
		outcomes := m.watching(times(20, process(admin)), func(s told) {
			if s.State != "signed_in" || !s.SignedIn || s.LastFailure != nil {
				t.Errorf("in the middle of a storm: %+v", s)
			}
			if len(s.Cached) > 0 {
				stored++
			}
			for _, p := range s.InProgress {
				busy++
				if p.PID <= 0 || p.Operation == "" || time.Since(p.Since).Abs() > time.Minute {
					t.Errorf("a process at work: %+v", p)
				}
			}
			if stored > 0 && len(s.Cached) == 0 {
				t.Error("what was stored is gone again")
			}
		})
		m.answered(outcomes)
		if s := m.status(); busy == 0 || len(s.InProgress) != 0 || len(s.Cached) != 1 || s.Cached[0].RoleName != "Admin" || s.Cached[0].Left < 3000 {
			t.Errorf("%d times somebody was at work; afterwards %+v", busy, s)
		}
	})
}

func TestStatusTellsTheTruthWhileTheServiceFailsAndAfterItHasEndedTheSession(t *testing.T) {
	t.Parallel()
	onEach(t, []idctest.Rotation{idctest.Strict}, func(m *machine) {
		m.expired()
		m.idc.Fault("CreateToken", idctest.Fault{Status: 500})
		m.failed(m.together(times(10, process(admin))...), 3, "HTTP 500")
		if s := m.status(); s.State != "signed_in" || s.LastFailure == nil || !strings.Contains(s.LastFailure.Reason, "500") {
			t.Errorf("after failures: %+v", s)
		}
		m.idc.ClearFaults()
		m.untilAnswered(process(admin), 20*time.Second)
		if s := m.status(); s.LastFailure != nil || !s.SignedIn {
			t.Errorf("after an answer: %+v", s)
		}
		m.expired()
		m.idc.EndSessions()
		outcomes := m.watching(times(10, process(admin)), func(s told) {
			if s.SignedIn != (s.State == "signed_in") || s.State != "signed_in" && s.State != "ended" {
				t.Errorf("while the session ends: %+v", s)
			}
		})
		m.failed(outcomes, 4, "the session corp has ended")
		if s := m.status(); s.State != "ended" || s.SignedIn {
			t.Errorf("after that: %+v", s)
		}
		if o := m.run("logout", "corp"); o.status != 0 {
			t.Fatal(o.stderr)
		}
		if s := m.status(); s.State != "signed_out" || len(s.Cached) != 0 {
			t.Errorf("after the logout: %+v", s)
		}
	})
}
