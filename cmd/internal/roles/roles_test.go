package roles

import (
	"slices"
	"strings"
	"testing"

	"github.com/credproc/credproc/cmd/internal/match"
	"github.com/credproc/credproc/credproc"
	"github.com/credproc/credproc/internal/safedir"
)

var (
	accounts = []credproc.Account{
		{ID: "111111111111", Name: "Prod", Email: "prod@example.com", Roles: []string{"Admin", "ReadOnly"}},
		{ID: "222222222222", Name: "Empty"},
	}
	configured = []credproc.ProfileRole{{Profile: "prod", Session: "corp", AccountID: "111111111111", RoleName: "Admin"}}
)

func TestARowThatIsFilteredForgetsProfilesOfOtherRoles(t *testing.T) {
	rows := Rows("corp", accounts, configured)
	if got := rows[0].Profiles["Admin"]; !slices.Equal(got, []string{"prod"}) {
		t.Errorf("profiles of the role: %q", got)
	}
	got := Filter(rows, match.Words("readonly"))
	if len(got) != 1 || !slices.Equal(got[0].Roles, []string{"ReadOnly"}) || len(got[0].Profiles) != 0 {
		t.Errorf("%+v", got)
	}
	if got := Filter(rows, match.Words("empty")); len(got) != 1 || got[0].ID != "222222222222" {
		t.Errorf("an account without roles: %+v", got)
	}
	if len(rows[0].Roles) != 2 || len(rows[0].Profiles) != 1 {
		t.Errorf("the rows were changed: %+v", rows)
	}
}

func TestWhatWasPickedLatelyIsOfferedFirst(t *testing.T) {
	dir := safedir.Dir(t.TempDir())
	lists := []List{{Name: "corp", Accounts: accounts}}
	c := NewCatalog(configured, lists)
	c.Sort(RecentIn(dir))
	picked := c.Only("readonly")
	if picked == nil || picked.Role.RoleName != "ReadOnly" || c.Offers[0].Name != "prod" {
		t.Fatalf("%+v", c.Offers)
	}
	c.Remember(picked, dir)
	c = NewCatalog(configured, lists)
	c.Sort(RecentIn(dir))
	if c.Offers[0].Role.RoleName != "ReadOnly" || len(c.Offers) != 2 {
		t.Errorf("%+v", c.Offers)
	}
	if got := string(c.Nearest("prd readony", 1)); !strings.Contains(got, "--account-id 111111111111 --role-name ReadOnly --sso-session corp") {
		t.Errorf("%s", got)
	}
	if c.Only("nothing like it") != nil || c.Empty() {
		t.Error("words that find nothing choose nothing")
	}
}
