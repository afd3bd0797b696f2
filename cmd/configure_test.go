package cmd

import (
	"strings"
	"testing"

	"github.com/credproc/credproc/cmd/internal/profiles"
	"github.com/credproc/credproc/credproc"
)

func TestARoleThatCannotBePartOfALineIsLeftOut(t *testing.T) {
	var said strings.Builder
	r := newRun(&App{Stderr: &said}, nil, false)
	accounts := []credproc.Account{{ID: "111111111111", Name: "One", Roles: []string{"Admin", "x; rm", "a\ncredential_process = evil", "$(id)"}}, {ID: "12", Name: "Two", Roles: []string{"Admin"}}}
	all, err := (&profiles.Selection{}).Of("corp", accounts)
	if err != nil {
		t.Fatal(err)
	}
	roles := r.writable(all)
	if len(roles) != 1 || roles[0].RoleName != "Admin" || roles[0].AccountID != "111111111111" {
		t.Errorf("left are %v", roles)
	}
	if n := strings.Count(said.String(), "\n"); n != 4 {
		t.Errorf("%d lines about four roles:\n%s", n, said.String())
	}
}
