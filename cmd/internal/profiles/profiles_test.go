package profiles

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/credproc/credproc/credproc"
	"github.com/credproc/credproc/internal/awsconfig"
)

// hard are account names that organisations have.
var hard = []string{
	"Production", "Production", "production", "😀", "🚀 Launch", `"quoted"`, "it's", "a/b/c", "Team A / Prod", " spaces  around ",
	"x]y", "# no comment", "; neither", "ünïcödé", "日本", "...", "---", "-", "a=b", "%(x)s", "$HOME", "`id`", "tab\tand\nline",
	"default", "DEFAULT", "profile x", "[profile x]", strings.Repeat("long ", 10), strings.Repeat("é", 50), "",
}

// organisation has an account of each hard name, and roles that look alike.
func organisation() (accounts []credproc.Account) {
	for i, name := range hard {
		accounts = append(accounts, credproc.Account{ID: fmt.Sprintf("%012d", i+1), Name: name, Roles: []string{"Admin", "Read=Only", "Read,Only", "a+b.c@d_e-f"}})
	}
	return accounts
}

func everyRole(t *testing.T, accounts []credproc.Account) []Role {
	t.Helper()
	roles, err := (&Selection{}).Of("corp", accounts)
	if err != nil {
		t.Fatal(err)
	}
	return roles
}

func planned(t *testing.T, parts []awsconfig.Part, roles []Role) *Block {
	t.Helper()
	plan := &Plan{Session: awsconfig.Session{Name: "corp"}, flags: "--sso-session corp", Command: "/usr/bin/credproc", region: "us-east-1"}
	b, err := plan.apply(parts, roles, nil)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestHardAccountNamesMakeNamesThatEverySDKReads(t *testing.T) {
	roles := everyRole(t, organisation())
	b := planned(t, nil, roles)
	c, err := new(awsconfig.Config).With([]byte(strings.Join(b.lines(), "\n")))
	if err != nil {
		t.Fatal(err)
	}
	if len(c.Profiles) != len(roles) {
		t.Errorf("%d profiles of %d roles", len(c.Profiles), len(roles))
	}
	for _, part := range b.parts {
		name := part.Name
		if !awsconfig.IsSectionName(name) || strings.ContainsAny(name, "%:") || strings.HasPrefix(name, "-") {
			t.Errorf("the name %q", name)
		}
		if want := "[profile " + name + "]"; part.Lines[0] != want {
			t.Errorf("header %q, want %q", part.Lines[0], want)
		}
	}
}

func TestNamesAreTheSameInAnyOrderAndStayWhenAccountsCome(t *testing.T) {
	roles := everyRole(t, organisation())
	first := planned(t, nil, roles)
	names := func(b *Block) map[Key]string {
		names := map[Key]string{}
		for key, i := range new(Plan).keys(b.parts) {
			names[key] = b.parts[i].Name
		}
		return names
	}
	shuffled := slices.Clone(roles)
	rand.Shuffle(len(shuffled), func(i, j int) { shuffled[i], shuffled[j] = shuffled[j], shuffled[i] })
	for key, name := range names(planned(t, nil, shuffled)) {
		if was := names(first)[key]; was != name {
			t.Errorf("%v is %q in one order and %q in another", key, was, name)
		}
	}
	again := planned(t, first.parts, roles)
	if !slices.Equal(again.lines(), first.lines()) {
		t.Error("a second run changes something")
	}
	more := append(organisation(), credproc.Account{ID: "999999999999", Name: "Team A - Prod", Roles: []string{"Admin"}})
	later := names(planned(t, first.parts, everyRole(t, more)))
	for key, name := range names(first) {
		if later[key] != name {
			t.Errorf("%v was %q and is %q", key, name, later[key])
		}
	}
	if len(later) != len(roles)+1 {
		t.Errorf("%d profiles, want one more than %d", len(later), len(roles))
	}
}

func TestATemplateThatTellsNothingApartIsRefusedWithBoth(t *testing.T) {
	accounts := []credproc.Account{{ID: "111111111111", Name: "One", Roles: []string{"Admin"}}, {ID: "222222222222", Name: "Two", Roles: []string{"Admin"}}}
	plan := &Plan{Session: awsconfig.Session{Name: "corp"}, flags: "--sso-session corp", Command: "credproc", Template: "x-{{.RoleName}}"}
	_, err := plan.apply(nil, everyRole(t, accounts), nil)
	usage, ok := errors.AsType[*Error](err)
	if !ok || !strings.Contains(usage.Problem, "111111111111") || !strings.Contains(usage.Problem, "222222222222") {
		t.Errorf("the error is %v", err)
	}
}

func TestARefusalOfHundredsOfRolesIsALine(t *testing.T) {
	account := credproc.Account{ID: "111111111111", Name: "a\nb\x1b[31m\u202e"}
	for i := range 400 {
		account.Roles = append(account.Roles, fmt.Sprintf("Role%03d", i))
	}
	plan := &Plan{Session: awsconfig.Session{Name: "corp"}, flags: "--sso-session corp", Command: "credproc", Template: "x"}
	_, err := plan.apply(nil, everyRole(t, []credproc.Account{account}), nil)
	usage, ok := errors.AsType[*Error](err)
	want := `the template gives the name "x" to role Role000 in account 111111111111 (a b [31m ) and to role Role001 in account 111111111111 (a b [31m ) and to 398 others`
	if !ok || usage.Problem != want {
		t.Errorf("the error is %q, want %q", err, want)
	}
}

func TestADifferenceShowsNoSecretNearIt(t *testing.T) {
	old := "[default]\naws_access_key_id = AKIAEXAMPLE\nAWS_Secret_Access_Key = s3cr3t\r\n  aws_session_token=t0ken\n"
	got := string(Difference("config", []byte(old), []byte(old+"[profile x]\n")))
	if strings.Contains(got, "s3cr3t") || strings.Contains(got, "t0ken") {
		t.Errorf("a secret is in it:\n%s", got)
	}
	for _, want := range []string{"AWS_Secret_Access_Key = ***\n", "aws_session_token=***\n", "AKIAEXAMPLE", "+[profile x]\n"} {
		if !strings.Contains(got, want) {
			t.Errorf("%q is not in\n%s", want, got)
		}
	}
}

func TestALineIsReadAsItWasMeant(t *testing.T) {
	for _, name := range []string{"Admin", "-rf", "--role-name", "a=b", "=", "@x"} {
		role := &awsconfig.Role{Session: awsconfig.Session{Name: "corp"}, AccountID: "111111111111", RoleName: name}
		line, err := processFor(nil, role, "credproc")
		if err != nil {
			t.Fatal(err)
		}
		looksLikeAFlag := strings.HasSuffix(line, " "+name) && name[0] == '-'
		if got := awsconfig.LineFlags(line); got["--role-name"] != name || looksLikeAFlag {
			t.Errorf("%s: %q", line, got)
		}
	}
}

func TestPatternsAreLikeNames(t *testing.T) {
	for _, test := range []struct {
		pattern, text string
		want          bool
	}{
		{"prod*", "Production", true}, {"*", "a/b", true}, {"a*c", "a/b/c", true}, {"*dev", "Development", false},
		{"[pd]ev", "dev", true}, {"123*", "123456789012", true}, {"Read?nly", "readOnly", true},
	} {
		if got, err := matches(test.pattern, test.text); got != test.want || err != nil {
			t.Errorf("%q is like %q: %v, %v", test.text, test.pattern, got, err)
		}
	}
}

func TestAProfileInTheBlockThatWasRevertedStaysAndNoNameComesTwice(t *testing.T) {
	accounts := []credproc.Account{{ID: "111111111111", Name: "One", Roles: []string{"Admin"}}}
	native := []string{"[profile One/Admin]", "sso_session = corp", "sso_account_id = 111111111111", "sso_role_name = Admin", ""}
	b := planned(t, awsconfig.Parts(native), everyRole(t, accounts))
	if !slices.Equal(b.lines(), native) {
		t.Errorf("the block is %q", b.lines())
	}
	for _, stranger := range [][]string{{"[profile One/Admin]", "region = x"}, {"[profile One/Admin]", "credential_process = other"}} {
		plan := &Plan{Session: awsconfig.Session{Name: "corp"}, flags: "--sso-session corp", Command: "credproc"}
		if b, err := plan.apply(awsconfig.Parts(stranger), everyRole(t, accounts), nil); err == nil {
			t.Errorf("beside %q: %q", stranger, b.lines())
		}
	}
}
