package tokencache

import (
	"context"
	"errors"
	"os"
	"testing"
	"time"

	"github.com/credproc/credproc/credproc/credproctest/idctest"
	"github.com/credproc/credproc/internal/flight"
	"github.com/credproc/credproc/oidc"
)

// usable is what a reader makes of a status: whether there will be a token. It
// is not certain after a sign-in or a sign-out that was cut off.
func (m *world) usable() (usable, certain bool) {
	m.Helper()
	status, err := m.session().Status()
	switch {
	case err != nil:
		m.Fatal(err)
	case status == nil:
		return false, true
	}
	if status.Look != nil && status.Look.NeedsSignIn {
		return false, !status.Uncertain
	}
	renewable := status.Refreshable && status.Ended == ""
	return renewable || time.Now().Before(status.Expiry) && !status.AccessEnded, !status.Uncertain
}

// tellsTheTruth fails unless the status says beforehand what a call will find.
func (m *world) tellsTheTruth() {
	m.Helper()
	usable, certain := m.usable()
	_, err := m.session().Token(m.Context())
	if signedOut := errors.Is(err, oidc.ErrSignInRequired); certain && usable == signedOut {
		m.Errorf("the status says usable: %v, and the token then: %v", usable, err)
	}
}

// Sign-ins that are cut off have tests of their own, which look at the status
// too.
func TestStatusTellsTheTruthAfterEveryMishap(t *testing.T) {
	for name, do := range map[string]func(context.Context, *Session){
		"renewal":  func(ctx context.Context, s *Session) { s.Token(ctx) },
		"sign-out": func(ctx context.Context, s *Session) { s.SignOut(ctx) },
	} {
		t.Run(name, func(t *testing.T) {
			everyMishap(t, func(m *world, h *mishap) {
				time.Sleep(2 * time.Hour)
				m.inItsOwn(func(ctx context.Context) { do(ctx, m.unlucky(h)) })
				if h.late != nil {
					h.late()
				}
				time.Sleep(2 * time.Second) // the first back-off
				m.tellsTheTruth()
				m.tellsTheTruth() // and what that has found
			})
		})
	}
}

func TestStatusKnowsTheEndOfASession(t *testing.T) {
	onWorld(t, func(m *world) {
		m.server.EndSessions()
		m.tellsTheTruth() // the access token is valid for an hour
		time.Sleep(2 * time.Hour)
		m.fails(m.session())
		m.tellsTheTruth()
		if usable, certain := m.usable(); usable || !certain {
			t.Errorf("usable: %v, certain: %v", usable, certain)
		}
	})
}

func TestTheLongestLifeIsWhatASessionWasSeenToLast(t *testing.T) {
	onWorld(t, func(m *world) {
		life := func() time.Duration {
			t.Helper()
			status, err := m.session().Status()
			if err != nil || status == nil {
				t.Fatalf("status %+v, error %v", status, err)
			}
			return status.LongestLife
		}
		for lasts, want := range map[time.Duration]time.Duration{5 * time.Hour: 5 * time.Hour, 3 * time.Hour: 5 * time.Hour} {
			m.signIn(m.session())
			for began := time.Now(); time.Since(began) < lasts; time.Sleep(time.Hour) {
				m.token(m.session())
			}
			m.server.EndSessions()
			time.Sleep(time.Hour)
			m.fails(m.session())
			if got := life(); got > want || got < lasts-time.Hour-time.Minute {
				t.Errorf("a session of %v was seen to last %v", lasts, got)
			}
		}
		if _, err := m.session().SignOut(m.Context()); err != nil {
			t.Fatal(err)
		}
		m.signIn(m.session())
		if got := life(); got < 3*time.Hour {
			t.Errorf("after a sign-out it is %v", got)
		}
		if err := m.state().Write(m.store().id+".life", []byte("garbage")); err != nil {
			t.Fatal(err)
		}
		if got := life(); got != 0 {
			t.Errorf("garbage is a life of %v", got)
		}
	})
}

func TestAFailureStaysOnRecordUntilSomethingWorks(t *testing.T) {
	onWorld(t, func(m *world) {
		failure := func() *Failure {
			t.Helper()
			status, err := m.session().Status()
			if err != nil {
				t.Fatal(err)
			}
			return status.Failure
		}
		time.Sleep(2 * time.Hour)
		m.server.Fault("CreateToken", idctest.Fault{Status: 500})
		at := time.Now()
		m.fails(m.session())
		f := failure()
		if f == nil || f.Op != "renew the session corp" || f.Count != 1 || f.At.Before(at) || !f.RetryAt.After(f.At) {
			t.Fatalf("the failure is %+v", f)
		}
		time.Sleep(time.Hour)
		if failure() == nil {
			t.Error("it is forgotten, and nothing has worked since")
		}
		m.server.ClearFaults()
		m.token(m.session())
		if f := failure(); f != nil {
			t.Errorf("after a renewal that worked: %+v", f)
		}
	})
}

func TestAFailureOfARoleStaysOnRecordUntilAnythingWorks(t *testing.T) {
	onShelf(t, func(sh *shelf) {
		failed := func() string {
			t.Helper()
			status, err := sh.session().Status()
			if err != nil {
				t.Fatal(err)
			}
			if status.Failure == nil {
				return ""
			}
			return status.Failure.Op
		}
		ask := func(role string, err error) {
			t.Helper()
			s := sh.session()
			c := sh.thing(s, "role", role)
			c.op = "get " + role
			c.role = func([]byte) *CachedRole {
				return &CachedRole{AccountID: "111111111111", RoleName: role, Fetched: time.Now().Truncate(time.Second), Expiry: time.Now().Add(time.Hour)}
			}
			if err != nil {
				c.fetch = func(context.Context) ([]byte, error) { return nil, err }
			}
			if _, got := cached(sh.Context(), s, c); (got != nil) != (err != nil) {
				t.Fatalf("%s: %v", role, got)
			}
		}
		ask("Before", nil)
		time.Sleep(2 * time.Second)
		ask("A", &ServiceError{Op: "get A", Reason: "HTTP 500"})
		if got := failed(); got != "get A" {
			t.Errorf("this has failed: %q", got)
		}
		time.Sleep(2 * time.Second)
		ask("B", nil)
		if got := failed(); got != "" {
			t.Errorf("B was fetched since, and this has failed: %q", got)
		}
		time.Sleep(2 * time.Hour) // B's credentials have ended
		if got := failed(); got != "" {
			t.Errorf("B was fetched since, and two hours later this has failed: %q", got)
		}
		ask("A", &ServiceError{Op: "get A", Reason: "HTTP 500"})
		if got := failed(); got != "get A" {
			t.Errorf("this has failed again: %q", got)
		}
	})
}

func TestStatusNamesTheRolesThatAreStored(t *testing.T) {
	onShelf(t, func(sh *shelf) {
		end := time.Now().Add(2 * time.Hour).Truncate(time.Second)
		roles := func() []CachedRole {
			t.Helper()
			status, err := sh.session().Status()
			if err != nil {
				t.Fatal(err)
			}
			return status.Roles
		}
		store := func(role string, end time.Time) {
			t.Helper()
			s := sh.session()
			c := sh.thing(s, "role", role)
			c.role = func([]byte) *CachedRole {
				return &CachedRole{AccountID: "111111111111", RoleName: role, Fetched: time.Now(), Expiry: end}
			}
			if _, err := cached(sh.Context(), s, c); err != nil {
				t.Fatal(err)
			}
		}
		store("Admin", end)
		store("ReadOnly", end.Add(-time.Hour))
		if got := roles(); len(got) != 2 || got[0].RoleName != "ReadOnly" || got[1].RoleName != "Admin" || !got[1].Expiry.Equal(end) {
			t.Errorf("the roles are %+v", got)
		}
		time.Sleep(61 * time.Minute)
		if got := roles(); len(got) != 1 || got[0].RoleName != "Admin" {
			t.Errorf("an hour later they are %+v", got)
		}
		for _, name := range sh.files("cache") {
			if err := os.WriteFile(name, []byte("no record"), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		if got := roles(); len(got) != 0 {
			t.Errorf("what is no record is taken for %+v", got)
		}
	})
}

func TestStatusWaitsForNoLock(t *testing.T) {
	onWorld(t, func(m *world) {
		_, release, err := flight.Lock(m.Context(), m.store().locks(), flight.Session(m.store().id), "renew the session corp")
		if err != nil {
			t.Fatal(err)
		}
		defer release()
		began := time.Now()
		status, err := m.session().Status()
		if err != nil || time.Since(began) != 0 {
			t.Fatalf("after %v: %v", time.Since(began), err)
		}
		if len(status.Holders) != 1 || status.Holders[0].Op != "renew the session corp" {
			t.Errorf("the holders are %+v", status.Holders)
		}
	})
}

func TestTheBearerTokenIsTheAccessToken(t *testing.T) {
	onWorld(t, func(m *world) {
		want := m.token(m.session())
		got, err := m.session().RetrieveBearerToken(m.Context())
		if err != nil || got.Value != want || !got.CanExpire || time.Until(got.Expires) < time.Minute {
			t.Errorf("error %v; it can expire: %v, at %v", err, got.CanExpire, got.Expires)
		}
		m.server.EndSessions()
		time.Sleep(2 * time.Hour)
		if got, err := m.session().RetrieveBearerToken(m.Context()); !errors.Is(err, oidc.ErrSignInRequired) || got.Value != "" {
			t.Errorf("error %v once the session has ended", err)
		}
	})
}
