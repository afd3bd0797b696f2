package tokencache

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/credproc/credproc/credproc/credproctest/idctest"
	"github.com/credproc/credproc/internal/flight"
	"github.com/credproc/credproc/oidc"
)

var outages = map[string]idctest.Fault{
	"an internal error":         {Status: 500},
	"unavailable":               {Status: 503},
	"unavailable for a while":   {Status: 503, RetryAfter: 25 * time.Second},
	"unavailable for a day":     {Status: 503, RetryAfter: 24 * time.Hour},
	"too many requests":         {Status: 429, RetryAfter: 5 * time.Second},
	"a proxy's page":            {Status: 502, Body: "<html>bad gateway</html>"},
	"a hotel's page":            {Body: "<html>room number?</html>"},
	"an internal invalid_grant": {Status: 500, Code: "invalid_grant"},
	"a reset":                   {Reset: true},
	"somebody else's JSON":      {Status: 401, Body: `{"error":"invalid_client"}`, ContentType: "application/json"},
	"somebody else's success":   {Body: `{"error":"invalid_grant"}`, ContentType: "application/json"},
	"no answer":                 {Delay: time.Minute, Reset: true},
}

func TestAnOutageCostsNothing(t *testing.T) {
	for name, fault := range outages {
		t.Run(name, func(t *testing.T) {
			onWorld(t, func(m *world) {
				time.Sleep(due)
				m.server.Fault("CreateToken", fault)
				access := m.item().AccessToken
				m.sameItem(func() {
					for range 3 {
						if m.token(m.session()) != access { // it has four minutes left
							t.Error("another token")
						}
					}
					time.Sleep(6 * time.Minute)
					err := m.fails(m.session())
					down := isUnavailable(err)
					if down == nil || errors.Is(err, oidc.ErrSignInRequired) || !strings.HasPrefix(err.Error(), "renew the session corp: ") {
						t.Errorf("got %v", err)
					}
					m.shareTheFailure()
				})
				if m.store().readEnded() != nil {
					t.Error("there is a mark that the session has ended")
				}
				m.server.ClearFaults()
				time.Sleep(time.Minute)
				m.renews(1, func() { m.token(m.session()) })
				m.works()
			})
		})
	}
}

// shareTheFailure fails unless a thousand calls get the failure there was
// without asking the service.
func (m *world) shareTheFailure() {
	m.Helper()
	m.asksNothing(func() {
		sessions := m.sessions(10)
		together(1000, func(i int) {
			_, err := sessions[i%10].Token(m.Context())
			if down := isUnavailable(err); down == nil || !time.Now().Before(down.RetryAt) || time.Until(down.RetryAt) > time.Minute {
				m.Errorf("got %v", err)
			}
		})
	})
}

func TestAfterAnOutageOneCallerTriesAgain(t *testing.T) {
	onWorld(t, func(m *world) {
		time.Sleep(2 * time.Hour)
		m.server.Fault("CreateToken", idctest.Fault{Status: 500})
		var waits []time.Duration
		for range 6 {
			m.fails(m.session())
			down := isUnavailable(m.fails(m.session()))
			if down == nil {
				t.Fatal("the failure is not shared")
			}
			waits = append(waits, time.Until(down.RetryAt).Round(time.Second))
			time.Sleep(time.Until(down.RetryAt))
		}
		if got := fmt.Sprint(waits); got != "[1s 2s 4s 8s 10s 10s]" {
			t.Errorf("tried again after %s", got)
		}
		m.server.ClearFaults()
		sessions := m.sessions(20)
		m.renews(1, func() { together(100, func(i int) { m.token(sessions[i%20]) }) })
	})
}

// A broken proxy is the fault of those who use it.
func TestAFailureToConnectIsSharedAmongEqualsOnly(t *testing.T) {
	onWorld(t, func(m *world) {
		time.Sleep(2 * time.Hour)
		behind := func(proxy string) *Session { s := m.session(); s.Network = proxy; return s }
		m.server.Fault("CreateToken", idctest.Fault{Reset: true})
		m.fails(behind("proxy"))
		m.asksNothing(func() { m.fails(behind("proxy")) })
		m.server.ClearFaults()
		m.renews(1, func() { m.token(behind("")) })
		time.Sleep(2 * time.Hour)
		m.server.Fault("CreateToken", idctest.Fault{Status: 500})
		m.fails(behind("proxy"))
		m.server.ClearFaults()
		m.asksNothing(func() { m.fails(behind("")) }) // the service itself said so
	})
}

func TestTheEnvironmentTellsNetworksApart(t *testing.T) {
	plain := new(Session)
	seen := map[string]string{"nothing": plain.network()}
	for _, name := range []string{"HTTPS_PROXY", "NO_PROXY", "AWS_CA_BUNDLE", "SSL_CERT_FILE"} {
		t.Run(name, func(t *testing.T) {
			t.Setenv(name, "other")
			seen[name] = plain.network()
			if named := (&Session{Network: "n"}).network(); seen["named"] != "" && seen["named"] != named {
				t.Error("the caller's own word is not the last")
			} else {
				seen["named"] = named
			}
		})
	}
	fips := new(Session)
	fips.Config.UseFIPS = true
	seen["FIPS"] = fips.network()
	different := map[string]bool{}
	for _, network := range seen {
		different[network] = true
	}
	if len(different) != len(seen) {
		t.Errorf("networks: %v", seen)
	}
}

func TestWhereLocksCannotBeHadATokenIsServedToItsEnd(t *testing.T) {
	onWorld(t, func(m *world) {
		st := m.store()
		if err := os.RemoveAll(string(st.locks())); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(string(st.locks()), nil, 0o600); err != nil {
			t.Fatal(err)
		}
		m.asksNothing(func() {
			m.token(m.session())
			time.Sleep(due)
			m.token(m.session())
			time.Sleep(time.Hour)
			if _, noLock := errors.AsType[*flight.LockError](m.fails(m.session())); !noLock {
				t.Error("renewed without a lock")
			}
			if err := m.session().SignIn(m.Context(), byCode); err == nil {
				t.Error("signed in without a lock")
			}
			if _, err := m.session().SignOut(m.Context()); err == nil {
				t.Error("signed out without a lock")
			}
			if within(m.session()).First(m.Context(), "hint", time.Hour) {
				t.Error("first without a lock")
			}
		})
		if err := os.Remove(string(st.locks())); err != nil {
			t.Fatal(err)
		}
		m.works()
	})
}

func TestAnotherUsersDirectoryIsNotWritten(t *testing.T) {
	if os.Getuid() != 0 {
		return // only root can make one
	}
	onWorld(t, func(m *world) {
		for _, dir := range []string{"", "/locks"} {
			if err := os.Chown(string(m.state())+dir, 12345, 12345); err != nil {
				t.Fatal(err)
			}
		}
		before := len(m.files("state"))
		m.token(m.session())
		time.Sleep(2 * time.Hour)
		m.asksNothing(func() { m.fails(m.session()) })
		if err := m.session().SignIn(m.Context(), byCode); err == nil {
			t.Error("signed in")
		}
		if after := len(m.files("state")); after != before {
			t.Errorf("%d files after %d", after, before)
		}
		for _, dir := range []string{"", "/locks"} {
			if err := os.Chown(string(m.state())+dir, 0, 0); err != nil {
				t.Fatal(err)
			}
		}
		m.works()
	})
}
