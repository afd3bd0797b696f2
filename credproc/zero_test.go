package credproc

import (
	"testing"

	"github.com/credproc/credproc/tokencache"
)

func TestZeroValuesAreErrors(t *testing.T) {
	ctx := t.Context()
	_, providerErr := new(Provider).Retrieve(ctx)
	_, auditedErr := (&Provider{AuditDir: t.TempDir()}).Retrieve(ctx)
	_, emptyErr := (&Provider{Session: new(tokencache.Session)}).Retrieve(ctx)
	_, _, listErr := new(Listing).Accounts(ctx)
	_, _, storedErr := (&Listing{Offline: true}).Accounts(ctx)
	_, nilErr := (*Provider)(nil).Retrieve(ctx)
	_, _, noListErr := (*Listing)(nil).Accounts(ctx)
	_, roleErr := new(Config).Role(nil, "111111111111", "Admin")
	_, noConfigErr := (*Config)(nil).Provider("dev")
	_, tokenErr := (*tokencache.Session)(nil).Token(ctx)
	_, statusErr := (*tokencache.Session)(nil).Status()
	_, checkErr := (*tokencache.Session)(nil).Check(ctx)
	for name, err := range map[string]error{
		"provider": providerErr, "with a trail": auditedErr, "of an empty session": emptyErr, "list": listErr, "stored list": storedErr,
		"nil provider": nilErr, "nil list": noListErr, "role": roleErr, "nil config": noConfigErr, "token": tokenErr, "status": statusErr, "check": checkErr,
		"sign-in":           new(tokencache.Session).SignIn(ctx, nil),
		"sign-in by itself": (*tokencache.Session)(nil).SignInByItself(ctx, nil),
	} {
		if err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}
