package known

import (
	"strings"
	"testing"

	"github.com/credproc/credproc/cmd/internal/shell"
	"github.com/credproc/credproc/credproc"
	"github.com/credproc/credproc/internal/awsconfig"
)

func joined(all []shell.Candidate) string {
	var words []string
	for _, c := range all {
		words = append(words, c.Value+"="+c.Help)
	}
	return strings.Join(words, " ")
}

func TestWhatProfilesAndListsSayIsKnown(t *testing.T) {
	r := &Roles{
		Profiles: []credproc.ProfileRole{{Profile: "a", AccountID: "2", RoleName: "Admin"}, {Profile: "b", AccountID: "3", RoleName: "Ops"}, {Profile: "chain", RoleARN: "arn"}},
		Accounts: []credproc.Account{{ID: "1", Name: "Main", Roles: []string{"Admin", "Read"}}, {ID: "2", Name: "Test", Roles: []string{"Read"}}},
	}
	for _, tt := range []struct{ what, got, want string }{
		{"accounts", joined(r.AccountIDs()), "1=Main 2=Test 3=account"},
		{"roles", joined(r.RoleNames("")), "Admin=role Ops=role Read=role"},
		{"roles of an account", joined(r.RoleNames("2")), "Admin=role Read=role"},
		{"roles of another", joined(r.RoleNames("4")), ""},
		{"profiles", joined(r.ByRole()), "a=Admin 2 Test b=Ops 3 chain="},
		{"nothing", joined(new(Roles).AccountIDs()) + joined(new(Roles).ByRole()), ""},
	} {
		if tt.got != tt.want {
			t.Errorf("%s: %q, want %q", tt.what, tt.got, tt.want)
		}
	}
}

func TestRegionsAreThoseOfAWSAndOfTheFile(t *testing.T) {
	c, err := new(awsconfig.Config).With([]byte("[sso-session s]\nsso_region = xx-s-1\n[profile p]\nregion = xx-p-1\n[profile q]\nregion = us-east-1\n"))
	if err != nil {
		t.Fatal(err)
	}
	all := " " + joined(Regions(c)) + " "
	for _, region := range []string{"xx-s-1", "xx-p-1", "us-east-1", "cn-north-1"} {
		if strings.Count(all, " "+region+"=region ") != 1 {
			t.Errorf("%s is not once in %s", region, all)
		}
	}
	if !strings.Contains(joined(new(Names).Of("service", "")), "s3=service") {
		t.Error(joined(new(Names).Of("service", "")))
	}
}
