package credproc

import (
	"testing"

	"github.com/credproc/credproc/tokencache"
)

func TestZeroValuesAreErrors(t *testing.T) {
	ctx := t.Context()
	_, providerErr := new(Provider).Retrieve(ctx)
	_, auditedErr := (&Provider{Audit: &Audit{Dir: t.TempDir()}}).Retrieve(ctx)
	_, emptyErr := (&Provider{Session: new(tokencache.Session)}).Retrieve(ctx)
	_, _, listErr := new(Listing).Accounts(ctx)
	_, _, storedErr := new(Listing).Stored(ctx)
	_, accountsErr := Accounts(ctx, nil, true)
	_, tokenErr := (*tokencache.Session)(nil).Token(ctx, "")
	_, statusErr := (*tokencache.Session)(nil).Status()
	_, checkErr := (*tokencache.Session)(nil).Check(ctx)
	for name, err := range map[string]error{
		"provider": providerErr, "with a trail": auditedErr, "of an empty session": emptyErr, "list": listErr, "stored list": storedErr,
		"accounts": accountsErr, "token": tokenErr, "status": statusErr, "check": checkErr,
		"sign-in":           new(tokencache.Session).SignIn(ctx, nil),
		"sign-in by itself": (*tokencache.Session)(nil).SignInByItself(ctx, nil),
	} {
		if err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}
