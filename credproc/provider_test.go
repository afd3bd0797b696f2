package credproc

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/credproc/credproc/credproc/credproctest/idctest"
	"github.com/credproc/credproc/oidc"
	"github.com/credproc/credproc/tokencache"
	"github.com/credproc/credproc/tokencache/keyring"
)

func TestTheFirstCallFetchesAndTheNextReadsWhatIsStored(t *testing.T) {
	onMachine(t, func(m *machine) {
		p := m.admin()
		var first aws.Credentials
		m.asks("GetRoleCredentials 1", func() { first = m.get(p) })
		if left := time.Until(first.Expires); !first.CanExpire || left > time.Hour || left < 59*time.Minute ||
			first.AccountID != "111111111111" || first.Source != "credproc" {
			t.Errorf("credentials of account %s by %s that end in %v", first.AccountID, first.Source, left)
		}
		if who := m.identity(first); !strings.HasPrefix(who, "arn:aws:sts::111111111111:assumed-role/AWSReservedSSO_Admin_") {
			t.Errorf("they are %s", who)
		}
		for which, p := range map[string]*Provider{"the same provider": p, "another process": m.admin()} {
			m.asks("", func() {
				if got := m.get(p); got != first {
					t.Errorf("%s has other credentials", which)
				}
			})
		}
	})
}

func TestAnotherProcessReadsWhatThisOneHasFetched(t *testing.T) {
	server, dir := idctest.New(), t.TempDir()
	server.AutoApprove = true
	s := sessionIn(dir, server.Client())
	err := s.SignIn(t.Context(), func(ctx context.Context, c *oidc.Config) (*oidc.Token, error) {
		return c.SignInWithCode(ctx, func(oidc.DeviceCode) error { return nil })
	})
	if err != nil {
		t.Fatal(err)
	}
	credentials, err := (&Provider{Session: s, AccountID: "111111111111", RoleName: "Admin"}).Retrieve(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var want, stderr bytes.Buffer
	if err := Write(&want, credentials); err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), os.Args[0])
	cmd.Env = append(os.Environ(), childDir+"="+dir)
	cmd.Stderr = &stderr
	got, err := cmd.Output()
	if err != nil || string(got) != want.String() {
		t.Errorf("the other process has other credentials: error %v, %s", err, stderr.Bytes())
	}
}

// A process that asks again looks at the file that it has read, and no more. Here
// it could not read it: the file is damaged in a way that nobody does.
func TestWhatWasReadIsNotReadAgainUntilAnotherProcessReplacesIt(t *testing.T) {
	p := warmProvider(t)
	get := func(p *Provider) aws.Credentials {
		t.Helper()
		c, err := p.Retrieve(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	first := get(p)
	dir := p.Session.CacheDir
	damageInPlace(t, dir)
	if get(p) != first {
		t.Error("what was read is not remembered")
	}
	s := p.Session
	other := &Provider{AccountID: p.AccountID, RoleName: p.RoleName,
		Session: &tokencache.Session{Name: s.Name, Config: s.Config, Keyring: s.Keyring, StateDir: s.StateDir, CacheDir: dir}}
	second := get(other)
	if second == first || get(p) != second {
		t.Error("not what another process has stored")
	}
	age(t, dir)
	get(p) // reads it, and remembers
	if get(p) != second {
		t.Error("not what another process has stored, when it is older")
	}
	if _, err := other.Session.SignOut(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, err := p.Retrieve(t.Context()); !errors.Is(err, oidc.ErrSignInRequired) {
		t.Errorf("after another process has signed out: %v", err)
	}
}

// damageInPlace changes the content of all files below dir, and neither their
// sizes nor their times.
func damageInPlace(t *testing.T, dir string) {
	t.Helper()
	err := filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || !entry.Type().IsRegular() {
			return err
		}
		info, err := entry.Info()
		if err != nil {
			return err
		}
		garbage := bytes.Repeat([]byte("x"), int(info.Size()))
		return errors.Join(os.WriteFile(path, garbage, 0o600), os.Chtimes(path, info.ModTime(), info.ModTime()))
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestRolesAreFetchedOneByOne(t *testing.T) {
	onMachine(t, func(m *machine) {
		seen := make(map[string]bool)
		for _, p := range []*Provider{m.admin(), m.role("111111111111", "ReadOnly"), m.role("222222222222", "Admin")} {
			m.asks("GetRoleCredentials 1", func() { seen[m.get(p).AccessKeyID] = true })
		}
		if len(seen) != 3 {
			t.Errorf("three roles have %d credentials", len(seen))
		}
	})
}

func TestStaleCredentialsAreFetchedAnew(t *testing.T) {
	onMachine(t, func(m *machine) {
		first := m.get(m.admin())
		time.Sleep(44 * time.Minute)
		m.asks("", func() { m.get(m.admin()) })
		time.Sleep(2 * time.Minute)
		m.asks("GetRoleCredentials 1", func() {
			if m.get(m.admin()) == first {
				t.Error("the old ones were served")
			}
		})
		m.asks("", func() { m.get(m.admin()) })
	})
}

func TestMinValidityIsWhatTheCallerNeeds(t *testing.T) {
	onMachine(t, func(m *machine) {
		long := m.admin()
		long.MinValidity = 50 * time.Minute
		m.get(long)
		time.Sleep(11 * time.Minute)
		m.asks("", func() { m.get(m.admin()) })
		m.asks("GetRoleCredentials 1", func() { m.get(long) })
		short := m.admin()
		short.MinValidity = time.Minute
		time.Sleep(58 * time.Minute)
		m.asks("", func() { m.get(short) })
	})
}

func TestMoreValidityThanThereIsCostsOneFetchInHalfAMinute(t *testing.T) {
	onMachine(t, func(m *machine) {
		p := m.admin()
		p.MinValidity = 2 * time.Hour
		m.asks("GetRoleCredentials 1", func() { m.get(p) })
		time.Sleep(28 * time.Second)
		m.asks("", func() { m.get(p) })
		time.Sleep(3 * time.Second)
		m.asks("GetRoleCredentials 1", func() { m.get(p) })
	})
}

func TestShortLivedCredentialsAreFetchedOnceForAHundredCallers(t *testing.T) {
	for _, tt := range []struct{ life, minValidity time.Duration }{
		{10 * time.Minute, 0},
		{10 * time.Minute, 30 * time.Minute}, // never enough
		{5 * time.Second, 0},
	} {
		t.Run(fmt.Sprintf("%v of %v", tt.minValidity, tt.life), func(t *testing.T) {
			onMachine(t, func(m *machine) {
				m.server.Set(func(s *idctest.Server) { s.RoleLife, s.Latency = tt.life, time.Second })
				m.asks("GetRoleCredentials 1", func() {
					m.together(100, func(i int) error {
						p := m.admin()
						p.MinValidity = tt.minValidity
						_, err := p.Retrieve(m.Context())
						return err
					})
				})
			})
		})
	}
}

func TestAThousandGoroutinesShareFiveFetches(t *testing.T) {
	onMachine(t, func(m *machine) {
		roles := []string{"A", "B", "C", "D", "E"}
		m.server.Set(func(s *idctest.Server) {
			s.Accounts = []idctest.Account{{ID: "111111111111", Roles: roles}}
			s.Latency = 150 * time.Millisecond
		})
		// Of two processes, so that it is not only one that joins its callers.
		sessions := []*tokencache.Session{m.session(), m.session()}
		got := make([]aws.Credentials, 1000)
		m.asks("GetRoleCredentials 5", func() {
			m.together(len(got), func(i int) (err error) {
				got[i], err = (&Provider{Session: sessions[i/5%2], AccountID: "111111111111", RoleName: roles[i%5]}).Retrieve(m.Context())
				return err
			})
		})
		distinct := make(map[string]bool)
		for i, c := range got {
			distinct[c.AccessKeyID] = true
			if c != got[i%5] {
				t.Fatalf("caller %d has other credentials than caller %d", i, i%5)
			}
		}
		if len(distinct) != 5 {
			t.Errorf("%d credentials for 5 roles", len(distinct))
		}
	})
}

func TestCredentialsOfACustomEndpointAreNeverServedWithoutIt(t *testing.T) {
	onMachine(t, func(m *machine) {
		custom := func() *Provider {
			p := m.admin()
			p.Session.PortalEndpoint = "https://portal.internal"
			return p
		}
		if err := m.refused(custom()); !errors.Is(err, oidc.ErrSignInRequired) {
			t.Errorf("the login without the endpoint serves with it: %v", err)
		}
		m.signIn(custom().Session)
		var there, here aws.Credentials
		m.asks("GetRoleCredentials 1", func() { there = m.get(custom()) })
		if host := m.last().URL.Host; host != "portal.internal" {
			t.Errorf("fetched from %s", host)
		}
		m.asks("GetRoleCredentials 1", func() { here = m.get(m.admin()) })
		if host := m.last().URL.Host; host != "portal.sso.us-east-1.amazonaws.com" {
			t.Errorf("fetched from %s", host)
		}
		m.asks("", func() {
			if here == there || m.get(custom()) != there || m.get(m.admin()) != here {
				t.Error("the two are mixed up")
			}
		})
	})
}

func TestAnEndpointThatIsNotSafeIsRefused(t *testing.T) {
	onMachine(t, func(m *machine) {
		p := m.admin()
		p.Session.PortalEndpoint = "http://portal.internal"
		m.signIn(p.Session)
		m.asks("", func() {
			if err := m.refused(p); isUnavailable(err) != nil || !strings.Contains(err.Error(), "must be https") {
				t.Errorf("error %v", err)
			}
		})
	})
}

func TestAWrongLocalClockCostsNothing(t *testing.T) {
	for _, offset := range []time.Duration{-2 * time.Hour, 2 * time.Hour} {
		t.Run(offset.String(), func(t *testing.T) {
			onMachine(t, func(m *machine) {
				m.server.Set(func(s *idctest.Server) { s.ClockOffset = offset })
				var first aws.Credentials
				m.asks("GetRoleCredentials 1", func() { first = m.get(m.admin()) })
				if left := time.Until(first.Expires); left > time.Hour || left < 59*time.Minute {
					t.Errorf("the end is %v away", left)
				}
				time.Sleep(44 * time.Minute)
				m.asks("", func() { m.get(m.admin()) })
				time.Sleep(2 * time.Minute)
				m.asks("GetRoleCredentials 1", func() { m.get(m.admin()) })
			})
		})
	}
}

func TestASignInIsAskedForWithoutALogin(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := &machine{T: t, server: idctest.New(), keyring: new(keyring.Memory), dir: t.TempDir()}
		m.asks("", func() {
			if err := m.refused(m.admin()); !errors.Is(err, oidc.ErrSignInRequired) {
				t.Errorf("error %v, want %v", err, oidc.ErrSignInRequired)
			}
		})
	})
}

func TestACallerThatGoesAwayDoesNotStopTheFetch(t *testing.T) {
	onMachine(t, func(m *machine) {
		m.server.Set(func(s *idctest.Server) { s.Latency = 5 * time.Second })
		p := m.admin()
		m.asks("GetRoleCredentials 1", func() {
			ctx, cancel := context.WithTimeout(m.Context(), time.Second)
			defer cancel()
			_, err := p.Retrieve(ctx)
			if isUnavailable(err) == nil || !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("error %v", err)
			}
			m.errorHidesSecrets(err)
			m.get(p)
		})
	})
}

func TestRetrieveEndsWithinFiftySeconds(t *testing.T) {
	onMachine(t, func(m *machine) {
		// Each of these may take fifteen seconds with its retries, and does.
		m.server.Set(func(s *idctest.Server) { s.Latency = 14 * time.Second })
		m.server.RevokeAccessTokens()
		start := time.Now()
		if _, err := m.admin().Retrieve(m.Context()); err != nil {
			m.errorHidesSecrets(err)
		}
		if took := time.Since(start); took < 14*time.Second || took > 50*time.Second {
			t.Errorf("took %v", took)
		}
	})
}

func TestTheSDKTakesAProvider(t *testing.T) {
	onMachine(t, func(m *machine) {
		cache := aws.NewCredentialsCache(m.admin())
		m.asks("GetRoleCredentials 1", func() {
			first := m.get(cache)
			if second := m.get(cache); first != second {
				t.Error("the SDK's cache does not keep them")
			}
		})
	})
}

func TestNothingIsStoredInClear(t *testing.T) {
	onMachine(t, func(m *machine) {
		m.get(m.admin())
		files := 0
		err := fs.WalkDir(os.DirFS(m.dir), ".", func(name string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() {
				return err
			}
			files++
			data, err := fs.ReadFile(os.DirFS(m.dir), name)
			m.hidesSecrets(name, string(data))
			return err
		})
		if err != nil || files < 3 {
			t.Errorf("%d files, error %v", files, err)
		}
	})
}

func TestTheUsersAppIDIsInTheUserAgent(t *testing.T) {
	onMachine(t, func(m *machine) {
		p := m.admin()
		p.Session.Config.AppID = "their-app"
		m.get(p)
		if agent := m.last().Header.Get("User-Agent"); !strings.Contains(agent, "app/their-app") || !strings.Contains(agent, "lib/credproc#") {
			t.Errorf("User-Agent %q", agent)
		}
		if m.last().Method != http.MethodGet {
			t.Errorf("the last request was a %s", m.last().Method)
		}
	})
}

// A cache goes by the local clock, and asks again only when that says so.
func TestACacheNeverHandsOutWhatHasEnded(t *testing.T) {
	for _, offset := range []time.Duration{4 * time.Minute, time.Minute, 2 * time.Second, 0, -2 * time.Second, -time.Minute, -4 * time.Minute} {
		t.Run(offset.String(), func(t *testing.T) {
			onMachine(t, func(m *machine) {
				m.server.Set(func(s *idctest.Server) {
					s.ClockOffset, s.RoleLife, s.Latency = offset, 40*time.Second, 150*time.Millisecond
				})
				cache := aws.NewCredentialsCache(m.admin())
				for range 100 {
					c, err := cache.Retrieve(m.Context())
					if err != nil {
						t.Fatal(err)
					}
					m.identity(c)
					if offset.Abs() > noise && time.Until(c.Expires) <= 0 {
						t.Errorf("the cache cannot keep what ended %v ago by its clock", -time.Until(c.Expires))
					}
					time.Sleep(3 * time.Second)
				}
			})
		})
	}
}

func TestADocumentSaysTheServicesTime(t *testing.T) {
	for _, offset := range []time.Duration{time.Minute, 0, -time.Minute} {
		onMachine(t, func(m *machine) {
			m.server.Set(func(s *idctest.Server) { s.ClockOffset = offset })
			want := time.Now().Add(time.Hour + offset).UTC().Format(time.RFC3339)
			for range 2 { // fetched, and stored
				_, document, err := m.admin().RetrieveDocument(m.Context())
				if err != nil || !strings.Contains(string(document), `"Expiration":"`+want+`"`) {
					t.Errorf("%v off: %s, %v, want %s", offset, document, err, want)
				}
			}
		})
	}
}
