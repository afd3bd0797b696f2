package idctest

import (
	"fmt"
	"net/url"
	"strconv"
	"testing"
	"testing/synctest"
	"time"
)

const adminPath = "/federation/credentials?account_id=111111111111&role_name=Admin"

func TestRoleCredentialsOnTheWire(t *testing.T) {
	s := New()
	s.RoleLife = 20 * time.Minute
	w := overSocket(t, s)
	_, tokens := w.signIn(accountAccess)
	before := time.Now()
	g := w.portal("GET", adminPath, tokens.text("accessToken"))
	w.expect(g, 200, "")
	role, _ := g.fields["roleCredentials"].(map[string]any)
	if len(g.fields) != 1 || len(role) != 4 {
		t.Fatalf("members in %v", g.fields)
	}
	expiration := time.UnixMilli(int64(role["expiration"].(float64)))
	if life := expiration.Sub(before); life < 19*time.Minute || life > 21*time.Minute {
		t.Errorf("credentials live %v", life)
	}
}

func TestPortalRefusals(t *testing.T) {
	s := New()
	w := inMemory(t, s)
	_, tokens := w.signIn(accountAccess)
	token := tokens.text("accessToken")
	for _, test := range []struct {
		name, path, token string
		status            int
		code              string
	}{
		{"no token", adminPath, "", 401, "UnauthorizedException"},
		{"unknown token", adminPath, "aoa", 401, "UnauthorizedException"},
		{"role not assigned", "/federation/credentials?account_id=222222222222&role_name=ReadOnly", token, 403, "ForbiddenException"},
		{"unknown account", "/federation/credentials?account_id=333333333333&role_name=Admin", token, 404, "ResourceNotFoundException"},
		{"roles of an unknown account", "/assignment/roles?account_id=333333333333", token, 404, "ResourceNotFoundException"},
		{"short account", "/federation/credentials?account_id=1111&role_name=Admin", token, 400, "InvalidRequestException"},
		{"no account", "/assignment/roles", token, 400, "InvalidRequestException"},
		{"no role", "/federation/credentials?account_id=111111111111", token, 400, "InvalidRequestException"},
		{"camel case", "/federation/credentials?accountId=111111111111&roleName=Admin", token, 400, "InvalidRequestException"},
		{"page of none", "/assignment/accounts?max_result=0", token, 400, "InvalidRequestException"},
		{"page of 101", "/assignment/accounts?max_result=101", token, 400, "InvalidRequestException"},
		{"bad page token", "/assignment/accounts?next_token=x", token, 400, "InvalidRequestException"},
	} {
		t.Run(test.name, func(t *testing.T) {
			w.expect(w.portal("GET", test.path, test.token), test.status, test.code)
		})
	}
	for path, message := range map[string]string{
		"/federation/credentials?account_id=222222222222&role_name=ReadOnly": `{"message":"No access"}`,
		"/federation/credentials?account_id=111111111111&role_name=Missing":  `{"message":"No access"}`,
	} {
		if got := w.portal("GET", path, token).body; got != message {
			t.Errorf("body %s, want %s", got, message)
		}
	}
	if got := w.portal("GET", adminPath, "").body; got != `{"message":"Session token not found or invalid"}` {
		t.Errorf("body %s", got)
	}
	if got := w.do(w.request("GET", "/nowhere", "")).status; got != 404 {
		t.Errorf("an unknown path gets %d", got)
	}
}

func TestAccessTokensEnd(t *testing.T) {
	for name, end := range map[string]func(*Server){
		"by age":        func(*Server) { time.Sleep(time.Hour) },
		"when revoked":  (*Server).RevokeAccessTokens,
		"with sessions": (*Server).EndSessions,
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := New()
				w := inMemory(t, s)
				client, tokens := w.signIn(accountAccess)
				w.expect(w.portal("GET", adminPath, tokens.text("accessToken")), 200, "")
				end(s)
				w.expect(w.portal("GET", adminPath, tokens.text("accessToken")), 401, "UnauthorizedException")
				fresh := w.refresh(client, tokens.text("refreshToken"))
				if renewable := name != "with sessions"; (fresh.status == 200) != renewable {
					t.Errorf("refresh afterwards: %d", fresh.status)
				}
			})
		})
	}
}

func TestRevokedRoleIsForbidden(t *testing.T) {
	s := New()
	w := inMemory(t, s)
	_, tokens := w.signIn(accountAccess)
	s.RevokeRole("111111111111", "Admin")
	w.expect(w.portal("GET", adminPath, tokens.text("accessToken")), 403, "ForbiddenException")
	w.expect(w.portal("GET", "/federation/credentials?account_id=222222222222&role_name=Admin", tokens.text("accessToken")), 200, "")
}

func TestLogoutEndsThisSessionOnly(t *testing.T) {
	w := inMemory(t, New())
	client, tokens := w.signIn(accountAccess)
	second := w.refresh(client, tokens.text("refreshToken"))
	otherClient, other := w.signIn(accountAccess)

	g := w.portal("POST", "/logout", tokens.text("accessToken"))
	w.expect(g, 200, "")
	if g.body != "" {
		t.Errorf("body %q", g.body)
	}
	for _, dead := range []string{tokens.text("accessToken"), second.text("accessToken")} {
		w.expect(w.portal("GET", adminPath, dead), 401, "UnauthorizedException")
	}
	w.expect(w.refresh(client, second.text("refreshToken")), 400, "invalid_grant")
	w.expect(w.portal("POST", "/logout", tokens.text("accessToken")), 401, "UnauthorizedException")
	w.expect(w.portal("GET", adminPath, other.text("accessToken")), 200, "")
	w.expect(w.refresh(otherClient, other.text("refreshToken")), 200, "")
}

// manyAccounts returns n accounts, the first with n roles.
func manyAccounts(n int) []Account {
	accounts := make([]Account, n)
	for i := range accounts {
		accounts[i] = Account{ID: fmt.Sprintf("%012d", i+1), Roles: []string{"Admin"}}
		if i > 0 {
			accounts[0].Roles = append(accounts[0].Roles, fmt.Sprintf("Role%d", i))
		}
	}
	return accounts
}

func TestPagesOfAllSizes(t *testing.T) {
	for _, test := range []struct{ items, size, pages int }{
		{0, 1, 1}, {1, 1, 1}, {2, 1, 2}, {99, 99, 1}, {100, 99, 2}, {100, 100, 1}, {101, 100, 2}, {5, 2, 3}, {120, 0, 3},
	} {
		t.Run(fmt.Sprintf("%d by %d", test.items, test.size), func(t *testing.T) {
			s := New()
			s.Accounts = manyAccounts(test.items)
			w := inMemory(t, s)
			_, tokens := w.signIn(accountAccess)
			seen := make(map[string]bool)
			pages := 0
			query := url.Values{}
			if test.size > 0 {
				query.Set("max_result", strconv.Itoa(test.size))
			}
			for more := true; more; pages++ {
				g := w.portal("GET", "/assignment/accounts?"+query.Encode(), tokens.text("accessToken"))
				w.expect(g, 200, "")
				for _, account := range g.fields["accountList"].([]any) {
					seen[account.(map[string]any)["accountId"].(string)] = true
				}
				more = g.fields["nextToken"] != nil
				query.Set("next_token", g.text("nextToken"))
			}
			if len(seen) != test.items || pages != test.pages {
				t.Errorf("%d accounts on %d pages, want %d on %d", len(seen), pages, test.items, test.pages)
			}
		})
	}
}

func TestNamesThatAreEmptyAreMissing(t *testing.T) {
	s := New()
	s.Accounts = []Account{{ID: "000000000001", Roles: []string{"Admin"}}}
	w := inMemory(t, s)
	_, tokens := w.signIn(accountAccess)
	g := w.portal("GET", "/assignment/accounts", tokens.text("accessToken"))
	if g.body != `{"accountList":[{"accountId":"000000000001"}],"nextToken":null}` {
		t.Errorf("body %s", g.body)
	}
}

func TestAnAccountWithoutRolesIsNotListed(t *testing.T) {
	s := New()
	s.PageSize = 1
	s.Accounts = []Account{{ID: "000000000001"}, {ID: "000000000002", Roles: []string{"Admin"}}}
	w := inMemory(t, s)
	_, tokens := w.signIn(accountAccess)
	g := w.portal("GET", "/assignment/accounts", tokens.text("accessToken"))
	if g.body != `{"accountList":[{"accountId":"000000000002"}],"nextToken":null}` {
		t.Errorf("body %s", g.body)
	}
}

func TestRateLimitRefusesWhatIsAbove(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := New()
		s.RateLimit = 20
		w := inMemory(t, s)
		_, tokens := w.signIn(accountAccess)
		served := func(calls int) (n int) {
			for range calls {
				if g := w.portal("GET", adminPath, tokens.text("accessToken")); g.status == 200 {
					n++
				} else {
					w.expect(g, 429, "TooManyRequestsException")
				}
			}
			return n
		}
		if n := served(30); n != 20 {
			t.Errorf("%d of 30 at once were served, want 20", n)
		}
		time.Sleep(time.Second - 1)
		if n := served(1); n != 0 {
			t.Error("served before the second was over")
		}
		time.Sleep(time.Nanosecond)
		if n := served(30); n != 20 {
			t.Errorf("%d of 30 a second later were served, want 20", n)
		}
	})
}
