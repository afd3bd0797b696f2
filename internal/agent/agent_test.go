package agent

import (
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/credproc/credproc/internal/lineage"
)

func TestAnAgentIsKnownByItsVariableOrByTheOneForOthers(t *testing.T) {
	for _, name := range append(variableNames(), "CREDPROC_AGENT") {
		env := func(value string) func(string) string {
			return func(n string) string { return map[string]string{name: value}[n] }
		}
		if who := ByVariables(env("1"), "CREDPROC_AGENT"); !who.IsAgent() || who.Why != name+" is set" {
			t.Errorf("%s: %+v", name, who)
		}
		if who := ByVariables(env(""), "CREDPROC_AGENT"); who.IsAgent() {
			t.Errorf("%s is empty: %+v", name, who)
		}
	}
	for word := range strings.FieldsSeq(programs) {
		if slices.Contains([]string{"code", "cursor", "zed", "vim", "nvim", "emacs", "idea", "bash", "zsh", "sh", "fish", "tmux", "node", "python", "python3", "ghostty", "kitty"}, word) {
			t.Errorf("%s is not an agent: people work in it", word)
		}
	}
}

func TestAnAgentIsKnownByTheNameOfAProcessAbove(t *testing.T) {
	self, _, _ := lineage.Process(os.Getpid())
	if self == "" {
		return // not on this system
	}
	if who, err := ByProcess(os.Getpid(), []string{"other", strings.ToUpper(self)}); err != nil || !who.IsAgent() || !strings.HasSuffix(who.Why, " is "+strings.ToLower(self)) {
		t.Errorf("%+v", who)
	}
	if who, err := ByProcess(1<<30, []string{self}); who.IsAgent() || err != nil {
		t.Errorf("of a process that is not there: %+v, %v", who, err)
	}
}

func TestAProgramIsKnownByItsNameThoughLinuxHasTheStartOfIt(t *testing.T) {
	more := []string{"My-Very-Long-Agent-Name", "short"}
	for name, want := range map[string]bool{
		"claude": true, "my-very-long-agent-name": true, "my-very-long-ag": true, "short": true,
		"": false, "bash": false, "my-very-long-a": false, "shor": false, "claude codex": false, "my-very-long-ax": false,
	} {
		if IsProgram(name, more) != want {
			t.Errorf("%q: %v", name, !want)
		}
	}
}

func TestARuleMeansNoneAllOrPatterns(t *testing.T) {
	for _, tt := range []struct {
		text                   string
		bad, all, role, person bool
	}{
		{"none", false, false, false, false},
		{"all", false, true, false, false},
		{"role:111111111111/Admin", false, false, true, false},
		{"role:*/Adm?n", false, false, true, false},
		{"role:*/Read*, profile:Prod*", false, false, false, true},
		{"profile:Production/Admin", false, false, false, true},
		{"profile:111111111111/Admin", false, false, false, false}, // a profile's name opens no role
		{"role:Production/*", false, false, false, false},
		{"", true, false, false, false},
		{",", true, false, false, false},
		{"none all", true, false, false, false},
		{"ALL", true, false, false, false},
		{"profile:", true, false, false, false},
		{"profile:[", true, false, false, false},
		{"role:111111111111", true, false, false, false},
		{"role:/Admin", true, false, false, false},
		{"account:111111111111", true, false, false, false},
	} {
		r, err := ParseRule(tt.text)
		if (err != nil) != tt.bad || r.All != tt.all || r.Role("111111111111", "Admin") != tt.role || r.Profile("Production/Admin") != tt.person {
			t.Errorf("%q: %+v, error %v", tt.text, r, err)
		}
	}
}

func TestThePageNamesEveryVariableAndEveryProgram(t *testing.T) {
	page, err := os.ReadFile("../../docs/agents.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range append(variableNames(), strings.Fields(programs)...) {
		if !strings.Contains(string(page), "`"+name+"`") {
			t.Errorf("docs/agents.md has no `%s`", name)
		}
	}
}

func TestWhatAnEndpointMayGiveIsARuleInWhichAProfileNeedsNoPrefix(t *testing.T) {
	for _, tt := range []struct {
		words                   []string
		want                    string // the rule, as it can be read again
		profile, slashed, admin bool   // dev, Production/Admin, and the role 111111111111/Admin
	}{
		{[]string{"none"}, "none", false, false, false},
		{nil, "none", false, false, false},
		{[]string{"all"}, "all", true, true, true},
		{[]string{"dev"}, "profile:dev", true, false, false},
		{[]string{"*"}, "profile:*", true, true, false},
		{[]string{"de?", "role:*/Adm*"}, "profile:de? role:*/Adm*", true, false, true},
		{[]string{"profile:Production/*"}, "profile:Production/*", false, true, false},
		{[]string{"my profile"}, "profile:my profile", false, false, false},
		{[]string{"profile:all"}, "profile:all", false, false, false},
		{[]string{"Production/*"}, "", false, false, false},
		{[]string{"111111111111/Admin"}, "", false, false, false},
		{[]string{"dev", "all"}, "", false, false, false},
		{[]string{"none", "none"}, "", false, false, false},
		{[]string{""}, "", false, false, false},
		{[]string{"["}, "", false, false, false},
		{[]string{"roles:1/b"}, "", false, false, false},
		{[]string{"role:1"}, "", false, false, false},
	} {
		r, err := ParseAllow(tt.words)
		if (err != nil) != (tt.want == "") || err == nil && r.String() != tt.want {
			t.Errorf("%q: %v, error %v", tt.words, r, err)
			continue
		}
		for what, got := range map[string][2]bool{
			"a profile": {r.All || r.Profile("dev"), tt.profile}, "another": {r.All || r.Profile("Production/Admin"), tt.slashed}, "a role": {r.All || r.Role("111111111111", "Admin"), tt.admin},
		} {
			if got[0] != got[1] {
				t.Errorf("%q: %s: %t", tt.words, what, got[0])
			}
		}
	}
}

func variableNames() (names []string) {
	for _, v := range variables {
		names = append(names, v[0])
	}
	return names
}
