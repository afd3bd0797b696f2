package credproc

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/credproc/credproc/credproc/credproctest/idctest"
	"github.com/credproc/credproc/internal/portal"
	"github.com/credproc/credproc/oidc"
	"github.com/credproc/credproc/tokencache"
	"github.com/credproc/credproc/tokencache/keyring"
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
	got, err := accounts(m.Context(), m.session(), roles)
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

func TestPagesOfAnySizeAreListed(t *testing.T) {
	for _, size := range []int{1, 2, 99, 100} {
		onMachine(t, func(m *machine) {
			want := m.many(201)
			m.server.Set(func(s *idctest.Server) { s.MaxPageSize, s.RateLimit = size, 20 })
			m.lists(want, true)
			if n, least := m.server.Count("ListAccounts"), (201+size-1)/size; n < least || n > least+2 {
				t.Errorf("pages of %d: %d requests for accounts", size, n)
			}
		})
	}
}

func TestAListIsKeptForItsAge(t *testing.T) {
	onMachine(t, func(m *machine) {
		want := m.many(5)
		list := func(age time.Duration) (time.Time, string) {
			got, at, err := (&Listing{Session: m.session(), MaxAge: age}).Accounts(m.Context())
			if err != nil || len(got) != len(want) {
				t.Fatalf("%v, %v", got, err)
			}
			return at, fmt.Sprint(got)
		}
		stored := func() (int, time.Time) {
			got, at, err := (&Listing{Session: m.session(), Offline: true}).Accounts(m.Context())
			if err != nil {
				t.Fatal(err)
			}
			return len(got), at
		}
		if n, _ := stored(); n != 0 {
			t.Errorf("%d accounts are stored before the first list", n)
		}
		var first, second time.Time
		m.asks("ListAccountRoles 5, ListAccounts 1", func() { first, _ = list(time.Hour) })
		time.Sleep(59 * time.Minute)
		m.asks("", func() {
			if second, _ = list(time.Hour); !second.Equal(first) {
				t.Errorf("made at %v, then at %v", first, second)
			}
			if n, at := stored(); n != 5 || !at.Equal(first) {
				t.Errorf("%d accounts are stored, made at %v", n, at)
			}
		})
		time.Sleep(time.Minute)
		m.asks("CreateToken 1, ListAccountRoles 5, ListAccounts 1", func() { list(time.Hour) })
		m.asks("ListAccountRoles 5, ListAccounts 1", func() { time.Sleep(time.Millisecond); list(0) })
		if n, at := stored(); n != 5 || !at.After(first) {
			t.Errorf("%d accounts are stored, made at %v", n, at)
		}
	})
}

func TestProgressTellsOfEachAccountOnce(t *testing.T) {
	onMachine(t, func(m *machine) {
		want := m.many(60)
		seen, last := map[string]int{}, Progress{}
		l := &Listing{Session: m.session(), Progress: func(p Progress) {
			if p.Done != last.Done+1 || p.Total != 60 || p.Roles != 3*p.Done || len(p.Account.Roles) != 3 || p.Rate != listRate {
				t.Errorf("after %+v: %+v", last, p)
			}
			seen[p.Account.ID]++
			last = p
		}}
		if _, _, err := l.Accounts(m.Context()); err != nil || len(seen) != len(want) {
			t.Errorf("%d accounts of %d were told of, error %v", len(seen), len(want), err)
		}
		last = Progress{}
		l.MaxAge = time.Hour
		if _, _, err := l.Accounts(m.Context()); err != nil || last.Done != 0 {
			t.Errorf("there was progress in a list that was there: %+v, %v", last, err)
		}
	})
}

func TestManyWhoListAtOnceListOnce(t *testing.T) {
	onMachine(t, func(m *machine) {
		want := m.many(40)
		m.server.Set(func(s *idctest.Server) { s.Latency = 80 * time.Millisecond })
		m.asks("ListAccountRoles 40, ListAccounts 1", func() {
			var all errgroup.Group
			for range 10 {
				s := m.session()
				all.Go(func() error {
					got, _, err := (&Listing{Session: s}).Accounts(m.Context())
					if err == nil && len(got) != len(want) {
						return fmt.Errorf("%d accounts", len(got))
					}
					return err
				})
			}
			if err := all.Wait(); err != nil {
				t.Error(err)
			}
		})
	})
}

// A service may count what it refuses too: then only slowing down helps.
func TestAListSlowsDownUntilItIsServed(t *testing.T) {
	for _, limit := range []int{5, 2} {
		onMachine(t, func(m *machine) {
			want := m.many(40)
			m.server.Set(func(s *idctest.Server) { s.RateLimit, s.CountRefused, s.Latency = limit, true, 80*time.Millisecond })
			start := time.Now()
			m.lists(want, true)
			if took := time.Since(start); took > time.Duration(60+80/limit)*time.Second {
				t.Errorf("%d a second: it took %v", limit, took)
			}
			t.Logf("%d a second: it took %v", limit, time.Since(start))
		})
	}
}

func TestTheRateOfAListCanBeSet(t *testing.T) {
	onMachine(t, func(m *machine) {
		m.many(40)
		start := time.Now()
		if _, _, err := (&Listing{Session: m.session(), Rate: 4}).Accounts(m.Context()); err != nil {
			t.Fatal(err)
		}
		if took := time.Since(start); took < 9*time.Second || took > 11*time.Second {
			t.Errorf("41 requests at 4 a second took %v", took)
		}
	})
}

func TestARoleThatIsCachedDoesNotWaitForAList(t *testing.T) {
	onMachine(t, func(m *machine) {
		want := m.many(100)
		role := m.role(want[0].ID, "Admin")
		role.Session = m.session()
		if _, err := role.Retrieve(m.Context()); err != nil {
			t.Fatal(err)
		}
		m.server.Set(func(s *idctest.Server) { s.RateLimit = 5 })
		done := make(chan error)
		s := m.session()
		go func() {
			_, _, err := (&Listing{Session: s}).Accounts(m.Context())
			done <- err
		}()
		time.Sleep(5 * time.Second)
		start, calls := time.Now(), m.server.Count("GetRoleCredentials")
		if _, err := m.role(want[0].ID, "Admin").Retrieve(m.Context()); err != nil || time.Since(start) > 0 || m.server.Count("GetRoleCredentials") != calls {
			t.Errorf("it took %v, error %v", time.Since(start), err)
		}
		if err := <-done; err != nil {
			t.Error(err)
		}
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
	keyring.Keyring
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
			got, err := accounts(m.Context(), s, roles)
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
		got, err := accounts(m.Context(), m.session(), true)
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
			got, err := accounts(m.Context(), m.session(), true)
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
			if got, err := accounts(m.Context(), s, true); !errors.Is(err, oidc.ErrSignInRequired) || got != nil {
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
		got, err := accounts(ctx, m.session(), true)
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
		if _, err := accounts(ctx, m.session(), false); !errors.Is(err, context.Canceled) {
			t.Errorf("error %v", err)
		}
	})
}

func TestAListThatWasCutOffGoesOnWhereItWas(t *testing.T) {
	onMachine(t, func(m *machine) {
		want := m.many(100)
		m.server.Latency = 100 * time.Millisecond
		ctx, cancel := context.WithCancel(m.Context())
		l := &Listing{Session: m.session(), MaxAge: time.Hour, Progress: func(p Progress) {
			if p.Done == 40 {
				cancel()
			}
		}}
		if _, _, err := l.Accounts(ctx); !errors.Is(err, context.Canceled) {
			t.Fatalf("error %v", err)
		}
		before := m.server.Count("ListAccountRoles")
		time.Sleep(10 * time.Minute)
		seen := 0
		again := &Listing{Session: m.session(), MaxAge: time.Hour, Progress: func(p Progress) {
			if seen++; p.Done != seen {
				t.Errorf("%d are done, told of %d", p.Done, seen)
			}
		}}
		got, at, err := again.Accounts(m.Context())
		if err != nil || len(got) != len(want) || seen != len(want) || time.Since(at) < 10*time.Minute {
			t.Errorf("%d accounts, told of %d, made at %v, error %v", len(got), seen, at, err)
		}
		for _, a := range got {
			if len(a.Roles) != 3 {
				t.Errorf("%d roles in %s", len(a.Roles), a.ID)
			}
		}
		if calls := m.server.Count("ListAccountRoles"); calls-before > len(want)-40 || before >= len(want) {
			t.Errorf("%d calls, and then %d more", before, calls-before)
		}
		// What was asked for again is asked for in whole.
		before = m.server.Count("ListAccountRoles")
		if _, _, err := (&Listing{Session: m.session()}).Accounts(m.Context()); err != nil || m.server.Count("ListAccountRoles")-before != len(want) {
			t.Errorf("%d calls, error %v", m.server.Count("ListAccountRoles")-before, err)
		}
	})
}

func TestAListHasItsLimit(t *testing.T) {
	m := new(maker)
	name := strings.Repeat("x", 1<<20)
	for range 7 {
		if err := m.keep(name); err != nil {
			t.Fatal(err)
		}
	}
	if err := m.keep(name); err == nil || !strings.Contains(err.Error(), "larger than 8 MiB") {
		t.Errorf("it has more: %v", err)
	}
}

func accounts(ctx context.Context, s *tokencache.Session, roles bool) ([]Account, error) {
	all, _, err := (&Listing{Session: s, AccountsOnly: !roles}).Accounts(ctx)
	return all, err
}
