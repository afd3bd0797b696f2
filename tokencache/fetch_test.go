package tokencache

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/credproc/credproc/internal/fetch"
	"github.com/credproc/credproc/internal/flight"
	"github.com/credproc/credproc/internal/inside"
	"github.com/credproc/credproc/internal/layout"
	"github.com/credproc/credproc/internal/pause"
	"github.com/credproc/credproc/oidc"
	"github.com/credproc/credproc/tokencache/keyring"
)

// A thing is a fetch.Thing that a test is about.
type thing struct {
	words       []string
	variant, op string
	judge       func(data []byte, since time.Time) layout.Freshness
	fetch       func(ctx context.Context) ([]byte, error)
	role        func(data []byte) *CachedRole
}

func (c thing) Words() []string { return c.words }
func (c thing) Steps() int      { return 0 }
func (c thing) Variant() string { return c.variant }
func (c thing) Op() string      { return c.op }

func (c thing) Failure(error) (flight.Failure, bool) { return flight.Failure{}, false }

func (c thing) Judge(data []byte, since time.Time) layout.Freshness { return c.judge(data, since) }

func (c thing) Fetch(ctx context.Context) (data, label []byte, err error) {
	if data, err = c.fetch(ctx); err == nil && c.role != nil {
		label, err = json.Marshal(c.role(data))
	}
	return data, label, err
}

func cached(ctx context.Context, s *Session, c thing) ([]byte, error) {
	in, err := inside.Of[inside.Session](s)
	if err != nil {
		return nil, err
	}
	data, _, err := fetch.Once(ctx, in, c)
	return data, err
}

func gathered(ctx context.Context, s *Session, c thing) ([]byte, error) {
	in, err := inside.Of[inside.Session](s)
	if err != nil {
		return nil, err
	}
	return fetch.Slowly(ctx, in, c)
}

func stored(ctx context.Context, s *Session, words []string) ([]byte, error) {
	in, err := inside.Of[inside.Session](s)
	if err != nil {
		return nil, err
	}
	return in.Load(ctx, words)
}

func tried(s *Session, token string, accepted bool) {
	if in, err := inside.Of[inside.Session](s); err == nil {
		in.Tried(token, accepted)
	}
}

// A shelf has things that are fresh for an hour and usable for two. What they
// are is when they were fetched, and how many were before.
type shelf struct {
	*world
	takes   time.Duration
	err     error
	fetches atomic.Int32
}

func (sh *shelf) thing(s *Session, words ...string) thing {
	return thing{
		words: words, op: "get the " + strings.Join(words, " "),
		judge: func(data []byte, since time.Time) layout.Freshness {
			at, err := time.Parse(time.RFC3339Nano, strings.Fields(string(data))[0])
			switch age := time.Since(at); {
			case err != nil || age >= 2*time.Hour:
				return layout.Useless
			case age < time.Hour || at.After(since):
				return layout.Fresh
			}
			return layout.Stale
		},
		fetch: func(ctx context.Context) ([]byte, error) {
			n := sh.fetches.Add(1)
			if _, err := s.Token(ctx); err != nil {
				return nil, err
			}
			if pause.For(ctx, sh.takes) != nil {
				return nil, ctx.Err()
			}
			if sh.err != nil {
				return nil, sh.err
			}
			return fmt.Appendf(nil, "%s %d", time.Now().Format(time.RFC3339Nano), n), nil
		},
	}
}

// get fails unless there are as many fetches while a process gets a thing.
func (sh *shelf) get(fetches int32, words ...string) string {
	sh.Helper()
	return sh.from(sh.session(), fetches, words...)
}

func (sh *shelf) from(s *Session, fetches int32, words ...string) string {
	sh.Helper()
	before := sh.fetches.Load()
	data, err := cached(sh.Context(), s, sh.thing(s, words...))
	if err != nil {
		sh.Fatal(err)
	}
	if got := sh.fetches.Load() - before; got != fetches {
		sh.Errorf("%d fetches, want %d", got, fetches)
	}
	return string(data)
}

func onShelf(t *testing.T, test func(sh *shelf)) {
	t.Helper()
	onWorld(t, func(m *world) { test(&shelf{world: m}) })
}

func TestWhatIsFreshIsNotFetched(t *testing.T) {
	onShelf(t, func(sh *shelf) {
		first := sh.get(1, "list")
		time.Sleep(59 * time.Minute)
		if sh.get(0, "list") != first {
			t.Error("another list")
		}
		if sh.get(1, "li", "st") == first || sh.get(1, "list", "") == first {
			t.Error("other words got the same")
		}
		time.Sleep(2 * time.Minute)
		if sh.get(1, "list") == first {
			t.Error("the stale list")
		}
		time.Sleep(3 * time.Hour)
		sh.get(1, "list")
	})
}

func TestAThingIsFetchedOnceForAll(t *testing.T) {
	onShelf(t, func(sh *shelf) {
		sh.takes = 150 * time.Millisecond
		for range 3 {
			sessions, before := sh.sessions(20), sh.fetches.Load()
			var got sync.Map
			sh.renews(0, func() {
				together(1000, func(i int) {
					data, err := cached(sh.Context(), sessions[i%20], sh.thing(sessions[i%20], "list"))
					if err != nil {
						t.Error(err)
					}
					got.Store(string(data), true)
				})
			})
			n := 0
			got.Range(func(any, any) bool { n++; return true })
			if fetches := sh.fetches.Load() - before; fetches != 1 || n != 1 {
				t.Errorf("%d fetches, %d different answers", fetches, n)
			}
			sh.keepsSecrets()
			if err := os.RemoveAll(filepath.Join(sh.dir, "cache")); err != nil { // costs a fetch, no more
				t.Fatal(err)
			}
		}
	})
}

func TestWhatIsStaleIsUsedIfItCannotBeFetched(t *testing.T) {
	onShelf(t, func(sh *shelf) {
		first := sh.get(1, "list")
		time.Sleep(90 * time.Minute)
		sh.err = errors.New("down")
		if sh.get(1, "list") != first {
			t.Error("another list")
		}
		sh.err, sh.takes = nil, 20*time.Second
		began := time.Now()
		if sh.get(1, "list") != first {
			t.Error("another list")
		}
		if took := time.Since(began); took != 3*time.Second { // of the bubble's clock
			t.Errorf("it took %v", took)
		}
		time.Sleep(30 * time.Second)
		if sh.get(0, "list") == first { // what nobody waited for is there
			t.Error("the stale list")
		}
		time.Sleep(3 * time.Hour)
		sh.err, sh.takes = errors.New("down"), 0
		if data, err := cached(sh.Context(), sh.session(), sh.thing(sh.session(), "list")); err != sh.err || data != nil {
			t.Errorf("got %q, %v", data, err)
		}
	})
}

func TestAFailedFetchIsShared(t *testing.T) {
	onShelf(t, func(sh *shelf) {
		sh.err = &ServiceError{Op: "get the list", Reason: "down"}
		for range 10 {
			_, err := cached(sh.Context(), sh.session(), sh.thing(sh.session(), "list"))
			if down := isUnavailable(err); down == nil || down.Op != "get the list" {
				t.Errorf("got %v", err)
			}
		}
		if n := sh.fetches.Load(); n != 1 {
			t.Errorf("%d fetches", n)
		}
		sh.err = nil
		time.Sleep(2 * time.Second)
		sh.get(1, "list")
	})
}

func TestWithoutALoginNothingIsFetched(t *testing.T) {
	onShelf(t, func(sh *shelf) {
		sh.get(1, "list")
		if _, err := sh.session().SignOut(sh.Context()); err != nil {
			t.Fatal(err)
		}
		if _, err := cached(sh.Context(), sh.session(), sh.thing(sh.session(), "list")); !errors.Is(err, oidc.ErrSignInRequired) {
			t.Errorf("got %v", err)
		}
		if left := sh.files("cache"); len(left) > 0 {
			t.Errorf("left: %q", left)
		}
	})
}

// A process that looked for a login a moment before there was one must store what
// it fetches with it: the next would fetch again.
func TestALoginThatComesAtTheMomentOfAFetchKeepsIt(t *testing.T) {
	inBubble(t, func(m *world) {
		sh, elsewhere := &shelf{world: m}, m.session()
		eager := &eagerKeyring{Keyring: m.keyring, item: m.store().nameOf(theTokens), signIn: func() { m.signIn(elsewhere) }}
		m.keyring = eager
		first := sh.get(1, "list")
		if eager.signIn != nil {
			t.Fatal("nobody has looked for a login")
		}
		if sh.get(0, "list") != first {
			t.Error("another list")
		}
	})
}

// eagerKeyring has somebody sign in as soon as it has said that there is no login.
type eagerKeyring struct {
	keyring.Keyring
	item   string
	signIn func()
}

func (k *eagerKeyring) Get(ctx context.Context, item string) (string, error) {
	text, err := k.Keyring.Get(ctx, item)
	if then := k.signIn; item == k.item && errors.Is(err, keyring.ErrNotFound) && then != nil {
		k.signIn = nil
		then()
	}
	return text, err
}

func TestAFetchUnderWayAtASignOutIsAnsweredButNotStored(t *testing.T) {
	for name, again := range map[string]bool{"signed out": false, "signed in again": true} {
		t.Run(name, func(t *testing.T) {
			onShelf(t, func(sh *shelf) {
				sh.takes = 5 * time.Second
				s := sh.session()
				var working sync.WaitGroup
				working.Go(func() {
					if data, err := cached(sh.Context(), s, sh.thing(s, "list")); err != nil || data == nil {
						t.Errorf("got %q, %v", data, err)
					}
				})
				time.Sleep(time.Second)
				if _, err := sh.session().SignOut(sh.Context()); err != nil {
					t.Fatal(err)
				}
				if again {
					sh.signIn(sh.session())
				}
				working.Wait()
				if left := sh.files("cache"); len(left) > 0 {
					t.Errorf("stored: %q", left)
				}
			})
		})
	}
}

func TestRecordsAreForgottenWithTheirLogin(t *testing.T) {
	onShelf(t, func(sh *shelf) {
		sh.get(1, "list")
		sh.signIn(sh.session())
		sh.get(1, "list")
	})
}

func TestRecordsOfOthersAreNotSeen(t *testing.T) {
	onShelf(t, func(sh *shelf) {
		sh.get(1, "list")
		name, endpoint := sh.named("other"), sh.session()
		endpoint.PortalEndpoint = "https://portal.example"
		for _, s := range []*Session{name, endpoint} {
			sh.signIn(s)
			sh.from(s, 1, "list")
			sh.from(s, 0, "list")
		}
		sh.get(0, "list")
	})
}

func TestARecordThatCannotBeReadIsFetchedAgain(t *testing.T) {
	onShelf(t, func(sh *shelf) {
		for _, damage := range []func([]byte) []byte{
			func([]byte) []byte { return nil },
			func(b []byte) []byte { return b[:len(b)/2] },
			func(b []byte) []byte { b[len(b)-1] ^= 1; return b },
			func(b []byte) []byte { b[4] = 9; return b }, // of a newer release
			func(b []byte) []byte { b[7] ^= 1; return b },
		} {
			sh.get(1, "list")
			for _, name := range sh.files("cache") {
				data, err := os.ReadFile(name)
				if err != nil {
					t.Fatal(err)
				}
				if err := os.WriteFile(name, damage(data), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			sh.get(1, "list")
			os.RemoveAll(filepath.Join(sh.dir, "cache"))
		}
		// A record under the name of another thing.
		st := sh.store()
		sh.get(1, "a")
		from, err := os.ReadFile(sh.files("cache")[0])
		if err != nil {
			t.Fatal(err)
		}
		sh.get(1, "b")
		for _, name := range sh.files("cache") {
			os.WriteFile(name, from, 0o600)
		}
		if a, err := st.readRecord(sh.Context(), []string{"a"}); err != nil || a == nil {
			t.Errorf("its own name: %q, %v", a, err)
		}
		if b, err := st.readRecord(sh.Context(), []string{"b"}); err != nil || b != nil {
			t.Errorf("another's name: %q, %v", b, err)
		}
	})
}

func TestALockedKeyringIsAnErrorAndNoReasonToFetch(t *testing.T) {
	for _, kind := range []error{keyring.ErrLocked, keyring.ErrUnavailable} {
		onShelf(t, func(sh *shelf) {
			sh.get(1, "list")
			w := sh.watch()
			w.before = always("", kind)
			began := time.Now()
			sh.asksNothing(func() {
				if _, err := cached(sh.Context(), sh.session(), sh.thing(sh.session(), "list")); !errors.Is(err, kind) {
					t.Errorf("got %v", err)
				}
				if err := sh.fails(sh.session()); !errors.Is(err, kind) || errors.Is(err, oidc.ErrSignInRequired) {
					t.Errorf("got %v", err)
				}
			})
			if waited := time.Since(began); waited > 0 {
				t.Errorf("%v: it is told after %v", kind, waited)
			}
			w.before = nil
			sh.get(0, "list")
			if n := sh.fetches.Load(); n != 1 {
				t.Errorf("%d fetches", n)
			}
		})
	}
}

func TestWhereLocksCannotBeHadAThingIsFetchedWithoutOne(t *testing.T) {
	onShelf(t, func(sh *shelf) {
		stale := sh.get(1, "stale")
		time.Sleep(90 * time.Minute)
		sh.token(sh.session())
		locks := string(sh.store().locks())
		if err := os.RemoveAll(locks); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(locks, nil, 0o600); err != nil {
			t.Fatal(err)
		}
		sh.get(1, "list")
		sh.get(1, "list") // for it could not be stored either
		if sh.get(0, "stale") != stale {
			t.Error("not what was stored")
		}
	})
}

func TestWhatCannotBeStoredIsAnsweredAllTheSame(t *testing.T) {
	onShelf(t, func(sh *shelf) {
		cache := filepath.Join(sh.dir, "cache")
		if err := os.WriteFile(cache, nil, 0o600); err != nil {
			t.Fatal(err)
		}
		sh.get(1, "list")
		sh.get(1, "list")
		if err := os.Remove(cache); err != nil {
			t.Fatal(err)
		}
		sh.get(1, "list")
		sh.get(0, "list")
	})
}

func TestVariantsDoNotGetOneAnothersAnswer(t *testing.T) {
	onShelf(t, func(sh *shelf) {
		sh.takes = time.Second
		s := sh.session()
		picky := sh.thing(s, "list")
		picky.variant = "picky"
		picky.judge = func([]byte, time.Time) layout.Freshness { return layout.Useless }
		together(2, func(i int) {
			c := sh.thing(s, "list")
			if i == 1 {
				c = picky
			}
			if _, err := cached(sh.Context(), s, c); err != nil {
				t.Error(err)
			}
		})
		if n := sh.fetches.Load(); n < 1 || n > 2 {
			t.Errorf("%d fetches", n)
		}
		if _, err := cached(sh.Context(), s, picky); err != nil || sh.fetches.Load() < 2 {
			t.Errorf("after %d fetches: %v", sh.fetches.Load(), err)
		}
	})
}

// An index without a login, as a sign-in cut short leaves it.
func TestWithoutALoginInTheIndexTheKeyringTellsWhoseARecordIs(t *testing.T) {
	onShelf(t, func(sh *shelf) {
		st := sh.store()
		ix := st.readIndex()
		ix.Login = ""
		if err := st.writeIndex(ix); err != nil {
			t.Fatal(err)
		}
		sh.get(1, "list")
		sh.get(0, "list")
	})
}

func TestWhatIsGatheredIsKeptAndMayTakeLong(t *testing.T) {
	onWorld(t, func(m *world) {
		sh := &shelf{world: m}
		s, calls := sh.session(), 0
		c := thing{words: []string{"list"}, op: "list",
			judge: func(data []byte, _ time.Time) layout.Freshness {
				if string(data) == "list" {
					return layout.Fresh
				}
				return layout.Useless
			},
			fetch: func(ctx context.Context) ([]byte, error) {
				calls++
				time.Sleep(5 * time.Minute)
				return []byte("list"), ctx.Err()
			}}
		if kept, err := stored(sh.Context(), s, c.words); kept != nil || err != nil {
			sh.Errorf("stored before: %q, %v", kept, err)
		}
		for range 2 {
			if got, err := gathered(sh.Context(), s, c); string(got) != "list" || err != nil {
				sh.Errorf("%q, %v", got, err)
			}
		}
		if kept, err := stored(sh.Context(), sh.session(), c.words); string(kept) != "list" || err != nil || calls != 1 {
			sh.Errorf("stored: %q, %v, after %d calls", kept, err, calls)
		}
	})
}

func TestWhoWaitsForAGatheringEndsWithTheContext(t *testing.T) {
	onWorld(t, func(m *world) {
		sh := &shelf{world: m}
		c := thing{words: []string{"list"}, op: "list", judge: func([]byte, time.Time) layout.Freshness { return layout.Useless },
			fetch: func(ctx context.Context) ([]byte, error) {
				<-ctx.Done()
				return nil, ctx.Err()
			}}
		first, cancel := context.WithCancel(sh.Context())
		ended := make(chan error)
		s := sh.session()
		go func() {
			_, err := gathered(first, s, c)
			ended <- err
		}()
		time.Sleep(time.Second)
		second, cancelSecond := context.WithTimeout(sh.Context(), 10*time.Second)
		defer cancelSecond()
		if _, err := gathered(second, sh.session(), c); !errors.Is(err, context.DeadlineExceeded) {
			sh.Errorf("the second: %v", err)
		}
		cancel()
		if err := <-ended; !errors.Is(err, context.Canceled) {
			sh.Errorf("the first: %v", err)
		}
	})
}
