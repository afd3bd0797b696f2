package portal_test

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"net/http"
	"net/http/httptest"
	"reflect"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/credproc/credproc/internal/awsapi"
	"github.com/credproc/credproc/internal/portal"
)

const (
	token   = "access-SECRET"
	account = "012345678901"
	host    = "https://portal.sso.us-east-1.amazonaws.com"
)

func TestRoleCredentials(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, c := serving(ok(credentials))
		got, err := c.RoleCredentials(t.Context(), token, account, "Admin")
		if err != nil {
			t.Fatal(err)
		}
		want := portal.Credentials{
			AccessKeyID: "ASIAEXAMPLE", SecretAccessKey: "secret-SECRET", SessionToken: "session-SECRET",
			Expiration: time.Date(2030, 1, 2, 3, 4, 5, 678e6, time.UTC),
			Date:       time.Now().UTC(), RequestID: "req-1",
		}
		if *got != want {
			t.Errorf("other credentials than were sent: %v at %v, want %v at %v", got.Expiration, got.Date, want.Expiration, want.Date)
		}
		isRequest(t, s.asked[0], "GET", host+"/federation/credentials")
		if got := s.asked[0].URL.RawQuery; got != "account_id=012345678901&role_name=Admin" {
			t.Errorf("query %s", got)
		}
	})
}

func TestRoleCredentialsWithoutDate(t *testing.T) {
	for _, date := range []string{"", "yesterday"} {
		_, c := serving(reply{status: 200, header: map[string]string{"Date": date}, body: credentials})
		if got, err := c.RoleCredentials(t.Context(), token, account, "Admin"); err != nil || !got.Date.IsZero() {
			t.Errorf("%q: %v, %v", date, got, err)
		}
	}
}

func TestIncompleteCredentialsAreErrors(t *testing.T) {
	for _, change := range [][2]string{
		{`"accessKeyId":"ASIAEXAMPLE",`, ``},
		{`"secretAccessKey":"secret-SECRET",`, ``},
		{`"sessionToken":"session-SECRET",`, ``},
		{`"session-SECRET"`, `""`},
		{`"session-SECRET"`, `null`},
		{`,"expiration":1893553445678`, ``},
		{`1893553445678`, `1893553445`}, // seconds
		{`1893553445678`, `99999999999`},
		{`1893553445678`, `-1893553445678`},
		{`1893553445678`, `1893553445678000`}, // microseconds
		{`1893553445678`, `253402300800000`},  // the year 10000
		{`1893553445678`, `9223372036854775807`},
		{`1893553445678`, `"2030-01-02T03:04:05Z"`},
		{`"roleCredentials"`, `"other"`},
		{`}}`, ``},
		{credentials, ``},
		{credentials, `null`},
		{credentials, `[]`},
		{credentials, `<html>hotel</html>`},
	} {
		s, c := serving(ok(strings.Replace(credentials, change[0], change[1], 1)))
		_, err := c.RoleCredentials(t.Context(), token, account, "Admin")
		e, isError := errors.AsType[*awsapi.Error](err)
		if !isError || e.StatusCode != 200 || e.Op != "GetRoleCredentials" || e.Temporary() {
			t.Errorf("%q for %q: %v", change[1], change[0], err)
		}
		isNone(t, err)
		if strings.Contains(fmt.Sprintf("%v %+v %#v", err, err, err), "SECRET") {
			t.Errorf("%q for %q: shows a secret", change[1], change[0])
		}
		if len(s.asked) != 1 {
			t.Errorf("%q for %q: asked %d times", change[1], change[0], len(s.asked))
		}
	}
}

func TestAnExpirationMayBeWrittenInAnyWay(t *testing.T) {
	for _, form := range []string{`"1893553445678"`, `1893553445678.0`, `1.893553445678e12`} {
		_, c := serving(ok("\ufeff" + strings.Replace(credentials, "1893553445678", form, 1) + "\n-- "))
		got, err := c.RoleCredentials(t.Context(), token, account, "Admin")
		if err != nil || got.Expiration.UnixMilli() != 1893553445678 {
			t.Errorf("%s: %v, %v", form, got, err)
		}
	}
}

func TestAnAnswerCutShortIsAnError(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, c := serving(reply{status: 200, body: credentials[:50], cut: true})
		_, err := c.RoleCredentials(t.Context(), token, account, "Admin")
		if _, ok := errors.AsType[*awsapi.Error](err); !ok {
			t.Errorf("got %v", err)
		}
		isNone(t, err)
	})
}

func TestAccountsGoThroughThePages(t *testing.T) {
	s, c := serving(
		ok(`{"nextToken":"n/1=","accountList":[{"accountId":"012345678901","accountName":"Dev","emailAddress":"dev@example.com"},{"accountId":"111111111111"}]}`),
		ok(`{"nextToken":"n2","accountList":[]}`),
		ok(`{"nextToken":"","accountList":[{"accountId":"222222222222","accountName":null}]}`),
	)
	var got []portal.Account
	for a, err := range accounts(t, c) {
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, a)
	}
	want := []portal.Account{{"012345678901", "Dev", "dev@example.com"}, {"111111111111", "", ""}, {"222222222222", "", ""}}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got %v", got)
	}
	var queries []string
	for _, r := range s.asked {
		isRequest(t, r, "GET", host+"/assignment/accounts")
		queries = append(queries, r.URL.RawQuery)
	}
	if want := []string{"max_result=100", "max_result=100&next_token=n%2F1%3D", "max_result=100&next_token=n2"}; !reflect.DeepEqual(queries, want) {
		t.Errorf("queries %q", queries)
	}
}

func TestRolesGoThroughThePages(t *testing.T) {
	s, c := serving(
		ok(`{"nextToken":"n1","roleList":[{"roleName":"Admin","accountId":"012345678901"}]}`),
		ok(`{"roleList":[{"roleName":"ReadOnly","accountId":"012345678901"}]}`),
	)
	var got []string
	for name, err := range c.Roles(t.Context(), token, account) {
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, name)
	}
	if want := []string{"Admin", "ReadOnly"}; !reflect.DeepEqual(got, want) {
		t.Errorf("got %q", got)
	}
	isRequest(t, s.asked[1], "GET", host+"/assignment/roles")
	if got := s.asked[1].URL.RawQuery; got != "account_id=012345678901&max_result=100&next_token=n1" {
		t.Errorf("query %s", got)
	}
}

func TestNothingAssignedIsAnEmptyList(t *testing.T) {
	for _, body := range []string{`{"accountList":[]}`, `{"accountList":null}`, `{}`} {
		_, c := serving(ok(body))
		for a, err := range accounts(t, c) {
			t.Errorf("%s: %v, %v", body, a, err)
		}
	}
}

func TestAListEndsWithItsLoop(t *testing.T) {
	s, c := serving(ok(`{"nextToken":"n1","roleList":[{"roleName":"A"},{"roleName":"B"}]}`))
	for range c.Roles(t.Context(), token, account) {
		break
	}
	if len(s.asked) != 1 {
		t.Errorf("asked %d times", len(s.asked))
	}
}

func TestAListGoesRoundOnlyOnce(t *testing.T) {
	for name, next := range map[string][]string{"at once": {"a"}, "later": {"a", "b", "c", "b"}} {
		var replies []reply
		for _, n := range next {
			replies = append(replies, ok(fmt.Sprintf(`{"nextToken":%q,"roleList":[{"roleName":"R"}]}`, n)))
		}
		s, c := serving(replies...)
		var last error
		names := 0
		for _, err := range c.Roles(t.Context(), token, account) {
			if last = err; err == nil {
				names++
			}
		}
		if e, ok := errors.AsType[*awsapi.Error](last); !ok || e.Op != "ListAccountRoles" {
			t.Errorf("%s: %v", name, last)
		}
		isNone(t, last)
		if want := max(len(next), 2); len(s.asked) != want || names != want {
			t.Errorf("%s: asked %d times, %d names", name, len(s.asked), names)
		}
	}
}

func TestAListEndsWithAnError(t *testing.T) {
	_, c := serving(ok(`{"nextToken":"n1","accountList":[{"accountId":"012345678901"}]}`), refused(401, "UnauthorizedException", "Session token not found or invalid"))
	var got []string
	for a, err := range accounts(t, c) {
		got = append(got, fmt.Sprintf("%s %v", a.ID, errors.Is(err, portal.ErrUnauthorized)))
	}
	if want := []string{"012345678901 false", " true"}; !reflect.DeepEqual(got, want) {
		t.Errorf("got %q", got)
	}
}

func TestLogout(t *testing.T) {
	s, c := serving(ok(""))
	if err := c.Logout(t.Context(), token); err != nil {
		t.Fatal(err)
	}
	isRequest(t, s.asked[0], "POST", host+"/logout")
}

func TestAStrangersNothingIsNotTheServices(t *testing.T) {
	for name, answer := range map[string]reply{"an empty page": {status: 200}, "no content": {status: 204}, "JSON": {status: 200, body: `{}`}, "a web page": page(200)} {
		_, c := serving(answer)
		_, _, accounts := c.AccountsPage(t.Context(), token, nil)
		_, _, roles := c.RolesPage(t.Context(), token, account, nil)
		for op, err := range map[string]error{"ListAccounts": accounts, "ListAccountRoles": roles, "Logout": c.Logout(t.Context(), token)} {
			if e, ok := errors.AsType[*awsapi.Error](err); !ok || e.Op != op || e.Marked {
				t.Errorf("%s after %s: %v", op, name, err)
			}
		}
	}
}

func TestEndpointsFollowTheRules(t *testing.T) {
	tests := []struct {
		c    portal.Client
		want string
	}{
		{portal.Client{Region: "eu-west-1"}, "https://portal.sso.eu-west-1.amazonaws.com"},
		{portal.Client{Region: "eu-west-1", UseFIPS: true}, "https://portal.sso-fips.eu-west-1.amazonaws.com"},
		{portal.Client{Region: "eu-west-1", UseDualStack: true}, "https://portal.sso.eu-west-1.api.aws"},
		{portal.Client{Region: "us-gov-west-1", UseFIPS: true}, "https://portal.sso.us-gov-west-1.amazonaws.com"},
		{portal.Client{Region: "cn-north-1"}, "https://portal.sso.cn-north-1.amazonaws.com.cn"},
		{portal.Client{Region: "us-east-1", URL: "http://127.0.0.1:8080/", AppID: "their-app"}, "http://127.0.0.1:8080"},
	}
	for _, tt := range tests {
		s, with := serving(ok(""))
		tt.c.HTTPClient = with.HTTPClient
		if err := tt.c.Logout(t.Context(), token); err != nil {
			t.Error(err)
			continue
		}
		isRequest(t, s.asked[0], "POST", tt.want+"/logout")
		if got := s.asked[0].Header.Get("User-Agent"); strings.Contains(got, " app/their-app") != (tt.c.AppID != "") {
			t.Errorf("User-Agent %q", got)
		}
	}
}

func TestSettingsThatCannotWorkSendNothing(t *testing.T) {
	for _, c := range []portal.Client{
		{},
		{Region: "us-east-1/"},
		{Region: "us-east-1", URL: "http://portal.example"},
		{Region: "us-east-1", URL: "https://portal.example", UseFIPS: true},
		{Region: "us-east-1", URL: "https://portal.example", UseDualStack: true},
	} {
		s, with := serving(ok(credentials))
		c.HTTPClient = with.HTTPClient
		_, err := c.RoleCredentials(t.Context(), token, account, "Admin")
		errs := []error{err, c.Logout(t.Context(), token)}
		for _, err := range accounts(t, &c) {
			errs = append(errs, err)
		}
		for _, err := range c.Roles(t.Context(), token, account) {
			errs = append(errs, err)
		}
		for _, err := range errs {
			if _, ok := errors.AsType[*awsapi.SettingError](err); !ok {
				t.Errorf("%+v: %v", c, err)
			}
		}
		if len(errs) != 4 || len(s.asked) > 0 {
			t.Errorf("%+v: %d errors, %d requests", c, len(errs), len(s.asked))
		}
	}
}

func TestAnOperationTakesFifteenSecondsAtMost(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, c := serving(page(503), reply{stall: true})
		start := time.Now()
		_, err := c.RoleCredentials(t.Context(), token, account, "Admin")
		if took := time.Since(start); took != 15*time.Second {
			t.Errorf("took %v", took)
		}
		if e, ok := errors.AsType[*awsapi.Error](err); !ok || e.StatusCode != 0 || !errors.Is(err, context.DeadlineExceeded) || !strings.Contains(err.Error(), "no answer within 15s") {
			t.Errorf("got %v", err)
		}
	})
}

func TestTheTokenIsNotCarriedToAnotherHost(t *testing.T) {
	thief := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		t.Errorf("%s with %d headers of the token", r.URL.Path, len(r.Header["X-Amz-Sso_bearer_token"]))
	}))
	defer thief.Close()
	for _, status := range []int{301, 302, 303, 307, 308} {
		far := httptest.NewServer(http.RedirectHandler(thief.URL, status))
		for _, client := range []*http.Client{nil, {}} {
			c := &portal.Client{Region: "us-east-1", URL: far.URL, HTTPClient: client}
			_, err := c.RoleCredentials(t.Context(), token, account, "Admin")
			if e, ok := errors.AsType[*awsapi.Error](err); !ok || e.StatusCode != status {
				t.Errorf("HTTP %d: %v", status, err)
			}
			isNone(t, err)
		}
		far.Close()
	}
}

func TestAListThatDoesNotEndIsAnError(t *testing.T) {
	for name, c := range map[string]struct {
		items, token int // on each page
		pages        int // that are asked for
	}{
		"pages":       {1, 8, 2000},
		"empty pages": {0, 8, 100},
		"tokens":      {1, 64<<10 + 1, 1},
	} {
		asked := 0
		var failed error
		for _, err := range portal.Pages("ListAccounts", func(*string) ([]int, *string, error) {
			asked++
			next := fmt.Sprintf("%0*d", c.token, asked)
			return make([]int, c.items), &next, nil
		}) {
			failed = err
		}
		if e, ok := errors.AsType[*awsapi.Error](failed); !ok || e.Op != "ListAccounts" || !strings.Contains(e.Error(), "does not end") || asked != c.pages {
			t.Errorf("%s: after %d of them: %v", name, asked, failed)
		}
	}
}

// accounts are all pages of the accounts.
func accounts(t *testing.T, c *portal.Client) iter.Seq2[portal.Account, error] {
	return portal.Pages("ListAccounts", func(next *string) ([]portal.Account, *string, error) { return c.AccountsPage(t.Context(), token, next) })
}
