package tokencache

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/credproc/credproc/credproc/credproctest/idctest"
	"github.com/credproc/credproc/oidc"
	"github.com/credproc/credproc/tokencache/keyring"
)

// A mishap befalls one step of a process: a call of its keyring or of the
// service.
type mishap struct {
	at   int    // the step, from 1
	kind string // one of mishaps

	mu    sync.Mutex
	steps int
	met   string // the step that it befell
	late  func() // does what the keyring had promised not to have done
}

// mishaps are what can happen. A process that dies does so by Goexit: as the
// kernel does, that releases its locks.
var mishaps = []string{"dies before", "dies after", "fails before", "fails after", "is locked", "hangs", "lands late"}

// next is called at each step, and reports what is to happen to it, if
// anything.
func (h *mishap) next(step string) string {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.steps++
	if h.steps != h.at {
		return ""
	}
	h.met = step
	return h.kind
}

func (h *mishap) seen() string { h.mu.Lock(); defer h.mu.Unlock(); return h.met }

// mishapKeyring is the keyring of the process that the mishap befalls.
type mishapKeyring struct {
	keyring.Keyring
	*mishap
}

func (k mishapKeyring) step(ctx context.Context, step string, do func() error) error {
	switch k.next(step) {
	case "dies before":
		runtime.Goexit()
	case "dies after":
		do()
		runtime.Goexit()
	case "fails before":
		return broken(keyring.ErrUnavailable)
	case "fails after":
		do()
		return broken(keyring.ErrUnavailable)
	case "is locked":
		return broken(keyring.ErrLocked)
	case "hangs":
		<-ctx.Done()
		return broken(keyring.ErrUnavailable)
	case "lands late":
		k.late = func() { do() }
		return broken(keyring.ErrUnavailable)
	}
	return do()
}

func (k mishapKeyring) Get(ctx context.Context, item string) (secret string, err error) {
	err = k.step(ctx, "get", func() error {
		secret, err = k.Keyring.Get(context.WithoutCancel(ctx), item)
		return err
	})
	if err != nil {
		secret = ""
	}
	return secret, err
}

func (k mishapKeyring) Set(ctx context.Context, item, secret string) error {
	return k.step(ctx, "set", func() error { return k.Keyring.Set(context.WithoutCancel(ctx), item, secret) })
}

func (k mishapKeyring) Delete(ctx context.Context, item string) error {
	return k.step(ctx, "delete", func() error { return k.Keyring.Delete(context.WithoutCancel(ctx), item) })
}

// mishapTransport is its way to the service.
type mishapTransport struct {
	http.RoundTripper
	*mishap
}

func (t mishapTransport) RoundTrip(r *http.Request) (*http.Response, error) {
	switch t.next(r.URL.Path) {
	case "dies before":
		runtime.Goexit()
	case "dies after":
		t.RoundTripper.RoundTrip(r)
		runtime.Goexit()
	case "fails before":
		return nil, errors.New("no route")
	case "hangs":
		<-r.Context().Done()
		return nil, r.Context().Err()
	}
	return t.RoundTripper.RoundTrip(r)
}

// unlucky is a process that a mishap befalls.
func (m *world) unlucky(h *mishap) *Session {
	s := m.session()
	s.Keyring = mishapKeyring{s.Keyring, h}
	s.Config.HTTPClient = &http.Client{Transport: mishapTransport{m.client.Transport, h}}
	return s
}

// inItsOwn goroutine do runs, as it may not return; in a minute it must give
// up whatever it waits for.
func (m *world) inItsOwn(do func(ctx context.Context)) {
	ctx, cancel := context.WithTimeout(m.Context(), time.Minute)
	defer cancel()
	done := make(chan struct{})
	go func() {
		defer close(done)
		do(ctx)
	}()
	<-done
}

// everyMishap runs a test for each kind of mishap at each step, until it comes
// too late for the last step.
func everyMishap(t *testing.T, test func(m *world, h *mishap)) {
	for _, kind := range mishaps {
		for at, met := 1, "?"; met != ""; at++ {
			if at > 100 {
				t.Fatal("there is no end to the steps")
			}
			onWorld(t, func(m *world) {
				h := &mishap{at: at, kind: kind}
				test(m, h)
				met = h.seen()
				if t.Failed() {
					t.Fatalf("it %s step %d, %s", kind, at, met)
				}
			})
			if met == "" && at < 4 {
				t.Fatalf("only %d steps: this proves little", at-1)
			}
		}
	}
}

func TestALoginOutlivesEveryMishapOfARenewal(t *testing.T) {
	for _, rotation := range []idctest.Rotation{idctest.None, idctest.Omit, idctest.Grace, idctest.Strict} {
		for _, after := range []time.Duration{due, 2 * time.Hour} {
			for _, landing := range []string{"before the next call", "after it"} {
				t.Run(fmt.Sprintf("%v, after %v, late ones land %s", rotation, after, landing), func(t *testing.T) {
					everyMishap(t, func(m *world, h *mishap) {
						m.server.Set(func(s *idctest.Server) { s.Rotation = rotation })
						time.Sleep(after)
						ctx, cancel := context.WithTimeout(m.Context(), 20*time.Second) // within the time of grace
						defer cancel()
						tok, err := m.unlucky(h).Token(ctx)
						if err == nil && !time.Now().Before(tok.Expiry) {
							t.Error("a token is returned that is over")
						}
						if errors.Is(err, oidc.ErrSignInRequired) {
							t.Errorf("got %v", err)
						}
						if rotation == idctest.Strict && h.seen() == "/token" && h.kind == "dies after" {
							return // between the service and the journal: the one loss nobody can help
						}
						if h.late != nil && landing == "before the next call" {
							h.late()
						}
						time.Sleep(2 * time.Second) // the first back-off
						m.token(m.session())
						if h.late != nil && landing == "after it" {
							h.late()
						}
						m.works()
					})
				})
			}
		}
	}
}

func TestATokenThatIsNotOverIsServedThroughEveryMishap(t *testing.T) {
	everyMishap(t, func(m *world, h *mishap) {
		time.Sleep(due)
		ctx, cancel := context.WithTimeout(m.Context(), 20*time.Second)
		defer cancel()
		_, err := m.unlucky(h).Token(ctx)
		if h.at == 1 || strings.HasPrefix(h.kind, "dies") { // the first step reads it
			return
		}
		if err != nil {
			t.Errorf("got %v", err)
		}
	})
}

func TestALoginOutlivesEveryMishapOfASecondSignIn(t *testing.T) {
	everyMishap(t, func(m *world, h *mishap) {
		m.server.Set(func(s *idctest.Server) { s.Rotation = idctest.Strict })
		m.inItsOwn(func(ctx context.Context) { m.unlucky(h).SignIn(ctx, byCode) })
		m.tellsTheTruth()
		m.works()
		if h.late != nil {
			h.late()
		}
		m.works()
		m.signIn(m.session())
		m.works()
	})
}

func TestAFirstSignInCanBeRepeatedAfterEveryMishap(t *testing.T) {
	everyMishap(t, func(m *world, h *mishap) {
		if _, err := m.session().SignOut(m.Context()); err != nil {
			t.Fatal(err)
		}
		m.inItsOwn(func(ctx context.Context) { m.unlucky(h).SignIn(ctx, byCode) })
		if h.late != nil {
			h.late()
		}
		m.tellsTheTruth()
		m.signIn(m.session())
		m.works()
	})
}

func TestASignOutIsWholeOrDidNotTakePlace(t *testing.T) {
	everyMishap(t, func(m *world, h *mishap) {
		m.server.Set(func(s *idctest.Server) { s.Rotation = idctest.Strict })
		done, before := false, m.raw()
		m.inItsOwn(func(ctx context.Context) {
			_, err := m.unlucky(h).SignOut(ctx)
			_, revoke := errors.AsType[*RevokeError](err)
			done = err == nil || revoke
			if !done && h.kind != "fails after" { // that one has deleted in spite of what it says
				if m.raw() != before {
					t.Error("the login has changed")
				}
				m.works()
			}
		})
		if _, err := m.session().SignOut(m.Context()); err != nil {
			t.Errorf("the next time: %v", err)
		}
		if err := m.fails(m.session()); !errors.Is(err, oidc.ErrSignInRequired) {
			t.Errorf("got %v", err)
		}
		m.isGone()
	})
}

func TestAJournalIsBroughtToTheKeyring(t *testing.T) {
	onWorld(t, func(m *world) {
		m.server.Set(func(s *idctest.Server) { s.Rotation = idctest.Strict })
		right := m.keyring
		w := m.watch()
		w.before = always("set", keyring.ErrUnavailable)
		time.Sleep(due)
		var now string
		m.sameItem(func() { m.renews(1, func() { now = m.token(m.session()) }) })
		// The journal counts, for everybody.
		m.renews(0, func() {
			for range 3 {
				if m.token(m.session()) != now {
					t.Error("another token than the journal's")
				}
			}
		})
		// As long as the keyring is read-only nothing is spent.
		time.Sleep(due)
		m.renews(0, func() {
			if m.token(m.session()) != now {
				t.Error("another token than the journal's")
			}
		})
		time.Sleep(time.Hour)
		m.renews(0, func() {
			if err := m.fails(m.session()); !errors.Is(err, keyring.ErrUnavailable) {
				t.Errorf("got %v", err)
			}
		})
		m.keyring = right
		m.renews(1, func() { m.token(m.session()) })
		if m.state().Remove(m.store().journalFile()); m.item().Generation < 2 {
			t.Error("the keyring has not followed")
		}
		m.works()
	})
}

// A journal that cannot be opened just now may hold the only refresh token
// that works.
func TestAJournalThatCannotBeReadIsNoReasonToGoOnWithoutIt(t *testing.T) {
	for name, trouble := range map[string]func(*world, *watched){
		"the sealing key cannot be read": func(m *world, w *watched) {
			key := m.store().nameOf(theKey)
			w.before = func(_ context.Context, op, item string) error {
				if op == "get" && item == key {
					return broken(keyring.ErrUnavailable)
				}
				return nil
			}
		},
		"the sealing key cannot be read for a moment": func(m *world, w *watched) {
			key, left := m.store().nameOf(theKey), 2 // at the looks without the lock and under it
			w.before = func(_ context.Context, op, item string) error {
				if op == "get" && item == key && left > 0 {
					left--
					return broken(keyring.ErrUnavailable)
				}
				return nil
			}
		},
		"the file cannot be read": func(m *world, w *watched) {
			path := m.state().Path(m.store().journalFile())
			if err := os.Rename(path, path+".aside"); err != nil {
				t.Fatal(err)
			}
			if err := os.Mkdir(path, 0o700); err != nil {
				t.Fatal(err)
			}
		},
		"it is of a newer release": func(m *world, w *watched) {
			st := m.store()
			it, err := st.readJournal(m.Context())
			if err != nil {
				t.Fatal(err)
			}
			m.state().Write("aside", nil)
			data, err := m.state().Read(st.journalFile())
			if err != nil {
				t.Fatal(err)
			}
			m.state().Write(st.journalFile()+".aside", data)
			it.Version = 2
			if err := st.fillJournal(m.Context(), it); err != nil {
				t.Fatal(err)
			}
		},
		"its envelope is of a newer release": func(m *world, w *watched) {
			st := m.store()
			data, err := m.state().Read(st.journalFile())
			if err != nil {
				t.Fatal(err)
			}
			m.state().Write(st.journalFile()+".aside", data)
			data[4] = 2
			m.state().Write(st.journalFile(), data)
		},
	} {
		t.Run(name, func(t *testing.T) {
			onWorld(t, func(m *world) {
				m.server.Set(func(s *idctest.Server) { s.Rotation = idctest.Strict })
				w := m.watch()
				w.before = always("set", keyring.ErrUnavailable)
				time.Sleep(due)
				m.token(m.session())
				time.Sleep(2 * time.Hour)
				w.before = nil
				trouble(m, w)
				m.sameItem(func() {
					m.asksNothing(func() {
						err := m.fails(m.session())
						if _, unreadable := errors.AsType[*RecordError](err); !unreadable && !errors.Is(err, keyring.ErrUnavailable) {
							t.Errorf("got %v", err)
						}
					})
				})
				w.before = nil
				path := m.state().Path(m.store().journalFile())
				if _, err := os.Stat(path + ".aside"); err == nil {
					os.RemoveAll(path)
					if err := os.Rename(path+".aside", path); err != nil {
						t.Fatal(err)
					}
				}
				m.works()
			})
		})
	}
}

func TestAJournalThatTellsNothingIsNotHeeded(t *testing.T) {
	onWorld(t, func(m *world) {
		for _, content := range []string{"", "SEAL", "garbage that is longer than a header", "SEAL\x01another-key and its record"} {
			if err := m.state().Write(m.store().journalFile(), []byte(content)); err != nil {
				t.Fatal(err)
			}
			m.works()
		}
		// Room that was made, and never filled.
		if err := m.store().prepareJournal(m.Context(), m.item()); err != nil {
			t.Fatal(err)
		}
		m.works()
		// One that was brought to the keyring, and that the crash left.
		if err := m.store().fillJournal(m.Context(), m.item()); err != nil {
			t.Fatal(err)
		}
		m.works()
		if left := m.files("state"); strings.Contains(strings.Join(left, " "), ".journal") {
			t.Errorf("left: %q", left)
		}
	})
}

func TestAJournalIsFilledInTheRoomMadeForIt(t *testing.T) {
	onWorld(t, func(m *world) {
		st, it := m.store(), m.item()
		it.AccessToken = strings.Repeat("a", 3000) // more than the usual room
		if err := st.prepareJournal(m.Context(), it); err != nil {
			t.Fatal(err)
		}
		before, err := os.Stat(st.state.Path(st.journalFile()))
		if err != nil {
			t.Fatal(err)
		}
		it.AccessToken = strings.Repeat("b", 4000)
		for range 2 {
			if err := st.fillJournal(m.Context(), it); err != nil {
				t.Fatal(err)
			}
			after, err := os.Stat(st.state.Path(st.journalFile()))
			if err != nil || !os.SameFile(before, after) || before.Size() != after.Size() {
				t.Error("it was written to a new file")
			}
		}
		it.AccessToken = strings.Repeat("c", 20000) // more than anybody foresaw
		if err := st.fillJournal(m.Context(), it); err != nil {
			t.Fatal(err)
		}
		if got, err := st.readJournal(m.Context()); err != nil || got.AccessToken != it.AccessToken {
			t.Errorf("read back: %v, %v", got, err)
		}
	})
}
