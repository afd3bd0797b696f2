package credproc

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/credproc/credproc/internal/idctest"
	"github.com/credproc/credproc/internal/portal"
	"github.com/credproc/credproc/oidc"
	"github.com/credproc/credproc/tokencache"
)

func TestAccountsAreListedByName(t *testing.T) {
	onMachine(t, func(m *machine) {
		m.server.Set(func(s *idctest.Server) {
			s.Accounts = []idctest.Account{
				{ID: "333333333333", Name: "beta", Email: "b@idc.example", Roles: []string{"Z", "A", "m"}},
				{ID: "222222222222", Name: "Alpha", Roles: []string{"Admin"}},
				{ID: "444444444444", Roles: []string{"Admin"}},
				{ID: "111111111111", Name: "alpha", Roles: []string{"Admin"}},
			}
		})
		want := []Account{
			{ID: "444444444444", Roles: []string{"Admin"}},
			{ID: "111111111111", Name: "alpha", Roles: []string{"Admin"}},
			{ID: "222222222222", Name: "Alpha", Roles: []string{"Admin"}},
			{ID: "333333333333", Name: "beta", Email: "b@idc.example", Roles: []string{"A", "Z", "m"}},
		}
		m.asks("ListAccountRoles 4, ListAccounts 1", func() { m.lists(want, true) })
		for i := range want {
			want[i].Roles = nil
		}
		m.asks("ListAccounts 1", func() { m.lists(want, false) })
		text, err := json.Marshal(want[3])
		if want := `{"account_id":"333333333333","name":"beta","email":"b@idc.example"}`; err != nil || string(text) != want {
			t.Errorf("as JSON %s, want %s", text, want)
		}
	})
}

func (m *machine) lists(want []Account, roles bool) {
	m.Helper()
	got, err := Accounts(m.Context(), m.session(), roles)
	if err != nil {
		m.Fatal(err)
	}
	same := func(a, b Account) bool {
		return a.ID == b.ID && a.Name == b.Name && a.Email == b.Email && slices.Equal(a.Roles, b.Roles)
	}
	if !slices.EqualFunc(got, want, same) {
		m.Errorf("got  %+v\nwant %+v", got, want)
	}
}

// many makes accounts with three roles each, in the order they are listed in.
func (m *machine) many(n int) (want []Account) {
	var accounts []idctest.Account
	for i := range n {
		id, name, roles := fmt.Sprintf("%012d", i), fmt.Sprintf("account %04d", i), []string{"Admin", "Audit", "ReadOnly"}
		accounts = append(accounts, idctest.Account{ID: id, Name: name, Roles: roles})
		want = append(want, Account{ID: id, Name: name, Roles: roles})
	}
	m.server.Set(func(s *idctest.Server) { s.Accounts = accounts })
	return want
}

func TestAllPagesAreListed(t *testing.T) {
	onMachine(t, func(m *machine) {
		want := m.many(250)
		m.asks("ListAccountRoles 250, ListAccounts 3", func() { m.lists(want, true) })
	})
	onMachine(t, func(m *machine) {
		var roles []string
		for i := range 130 {
			roles = append(roles, fmt.Sprintf("Role%03d", i))
		}
		m.server.Set(func(s *idctest.Server) { s.Accounts = []idctest.Account{{ID: "111111111111", Roles: roles}} })
		m.asks("ListAccountRoles 2, ListAccounts 1", func() { m.lists([]Account{{ID: "111111111111", Roles: roles}}, true) })
	})
}

func TestNoAccountsAreNoError(t *testing.T) {
	onMachine(t, func(m *machine) {
		m.server.Set(func(s *idctest.Server) { s.Accounts = nil })
		m.asks("ListAccounts 1", func() { m.lists(nil, true) })
	})
}

// slowKeyring counts, as some keychains take seconds.
type slowKeyring struct {
	tokencache.Keyring
	reads int
}

func (k *slowKeyring) Get(ctx context.Context, item string) (string, error) {
	k.reads++
	time.Sleep(time.Second)
	return k.Keyring.Get(ctx, item)
}

func TestTheKeyringIsAskedOnceForAWholeList(t *testing.T) {
	onMachine(t, func(m *machine) {
		want := m.many(100)
		read := func(roles bool) int {
			slow := &slowKeyring{Keyring: m.keyring}
			s := m.session()
			s.Keyring = slow
			got, err := Accounts(m.Context(), s, roles)
			if err != nil || len(got) != len(want) {
				t.Fatalf("%d accounts, error %v", len(got), err)
			}
			return slow.reads
		}
		if one, all := read(false), read(true); all != one {
			t.Errorf("the keyring is read %d times for accounts, and %d times for their roles too", one, all)
		}
	})
}

func TestATokenThatIsRefusedInTheMiddleOfAListIsRenewedOnce(t *testing.T) {
	onMachine(t, func(m *machine) {
		want := m.many(100)
		// The renewal itself takes no time: the others wait for it with a mutex,
		// and in a bubble no time passes then.
		m.server.Fault("ListAccountRoles", idctest.Fault{Delay: 200 * time.Millisecond})
		go func() {
			time.Sleep(3 * time.Second)
			m.server.RevokeAccessTokens()
		}()
		before := m.server.Count("CreateToken")
		m.lists(want, true)
		if n := m.server.Count("CreateToken") - before; n != 1 {
			t.Errorf("%d renewals", n)
		}
	})
}

func TestAListKeepsBelowTheServicesRate(t *testing.T) {
	for _, tt := range []struct {
		rate, accounts int
		within         time.Duration
	}{
		{20, 500, 27 * time.Second},
		{10, 200, 40 * time.Second},
		{3, 30, 30 * time.Second},
	} {
		t.Run(fmt.Sprintf("%d a second", tt.rate), func(t *testing.T) {
			onMachine(t, func(m *machine) {
				want := m.many(tt.accounts)
				m.server.Set(func(s *idctest.Server) { s.RateLimit, s.Latency = tt.rate, 80*time.Millisecond })
				start, calls := time.Now(), m.server.Total()
				m.lists(want, true)
				took, calls := time.Since(start), m.server.Total()-calls
				if took > tt.within || calls > 3*tt.accounts/2 {
					t.Errorf("%d accounts took %v and %d calls", tt.accounts, took, calls)
				}
				t.Logf("%d accounts took %v and %d calls", tt.accounts, took, calls)
			})
		})
	}
}

func TestAServiceThatRefusesForEverEndsTheList(t *testing.T) {
	onMachine(t, func(m *machine) {
		m.server.Fault("ListAccounts", idctest.Fault{Status: 429, RetryAfter: 5 * time.Second})
		start := time.Now()
		got, err := Accounts(m.Context(), m.session(), true)
		if e := isUnavailable(err); e == nil || !errors.Is(err, portal.ErrThrottled) || got != nil {
			t.Errorf("accounts %v, error %v", got, err)
		}
		m.errorHidesSecrets(err)
		if took := time.Since(start); took < 25*time.Second {
			t.Errorf("it gave up after %v although it was asked to wait for 5 s each time", took)
		}
	})
}

func TestAFailureEndsTheList(t *testing.T) {
	for _, op := range []string{"ListAccounts", "ListAccountRoles"} {
		onMachine(t, func(m *machine) {
			m.many(100)
			m.server.Fault(op, idctest.Fault{Status: 500})
			got, err := Accounts(m.Context(), m.session(), true)
			if e := isUnavailable(err); e == nil || e.Op != "list accounts and roles through session corp" || got != nil {
				t.Errorf("%s: accounts %v, error %v", op, got, err)
			}
			m.errorHidesSecrets(err)
			if n := m.server.Count("ListAccountRoles"); n > 3*listWorkers {
				t.Errorf("%d calls after the first failure", n)
			}
		})
	}
}

func TestAListIsNotMadeWithoutALogin(t *testing.T) {
	onMachine(t, func(m *machine) {
		s := m.session()
		s.Name = "other"
		m.asks("", func() {
			if got, err := Accounts(m.Context(), s, true); !errors.Is(err, oidc.ErrSignInRequired) || got != nil {
				t.Errorf("accounts %v, error %v", got, err)
			}
		})
	})
}

func TestAListEndsWithItsContext(t *testing.T) {
	onMachine(t, func(m *machine) {
		m.many(400)
		ctx, cancel := context.WithTimeout(m.Context(), 3*time.Second)
		defer cancel()
		start := time.Now()
		got, err := Accounts(ctx, m.session(), true)
		if !errors.Is(err, context.DeadlineExceeded) || got != nil {
			t.Errorf("%d accounts, error %v", len(got), err)
		}
		if took := time.Since(start); took > 3*time.Second {
			t.Errorf("it took %v", took)
		}
	})
	onMachine(t, func(m *machine) {
		ctx, cancel := context.WithCancel(m.Context())
		m.server.Fault("ListAccounts", idctest.Fault{Status: 429, RetryAfter: time.Minute})
		go func() {
			time.Sleep(30 * time.Second)
			cancel()
		}()
		if _, err := Accounts(ctx, m.session(), false); !errors.Is(err, context.Canceled) {
			t.Errorf("error %v", err)
		}
	})
}
