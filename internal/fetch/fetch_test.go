package fetch_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/credproc/credproc/internal/fetch"
	"github.com/credproc/credproc/internal/flight"
	"github.com/credproc/credproc/internal/layout"
	"github.com/credproc/credproc/internal/portal"
	"github.com/credproc/credproc/internal/safedir"
)

// A world is a session and a thing in one, and what was done to them.
type world struct {
	dir    safedir.Dir
	group  flight.Group
	stored string
	keeps  error // what storing fails with
	fails  error // what a fetch fails with
	steps  []string
}

func (w *world) did(step string) { w.steps = append(w.steps, step) }

func (w *world) Recall([]string) ([]byte, bool) { w.did("recall"); return nil, false }

func (w *world) Load(context.Context, []string) ([]byte, error) {
	if w.did("load"); w.stored == "" {
		return nil, nil
	}
	return []byte(w.stored), nil
}

func (w *world) Login(context.Context) (string, error)         { w.did("login"); return "login", nil }
func (w *world) Token(context.Context, string) (string, error) { w.did("token"); return "", nil }

func (w *world) Store(_ context.Context, login string, _ []string, data, label []byte) error {
	if w.did("store"); w.keeps == nil {
		w.stored = string(data)
	}
	if login != "login" || string(label) != "label" {
		return errors.New("not what was fetched")
	}
	return w.keeps
}

func (w *world) Flight(_ []string, steps int) flight.Call[[]byte] {
	return flight.Call[[]byte]{Dir: w.dir, Name: flight.Fetched("corp", "thing", steps)}
}

func (w *world) Group() *flight.Group                        { return &w.group }
func (w *world) Found(context.Context, error)                { w.did("found") }
func (w *world) Failure(error) (flight.Failure, bool)        { return flight.Failure{}, false }
func (w *world) Explain(_ string, err error) error           { return err }
func (w *world) Context(ctx context.Context) context.Context { return ctx }
func (w *world) Log(string, ...any)                          {}
func (w *world) Portal() *portal.Client                      { return nil }
func (w *world) Tried(string, bool)                          {}
func (w *world) Words() []string                             { return []string{"thing"} }
func (w *world) Steps() int                                  { return 0 }
func (w *world) Variant() string                             { return "" }
func (w *world) Op() string                                  { return "get the thing" }

// Judge goes by the data itself.
func (w *world) Judge(data []byte, _ time.Time) layout.Freshness {
	w.did("judge")
	return map[string]layout.Freshness{"fresh": layout.Fresh, "stale": layout.Stale}[string(data)]
}

func (w *world) Fetch(ctx context.Context) (data, label []byte, err error) {
	w.did("fetch")
	if _, _, err := flight.Lock(ctx, w.dir, flight.Fetched("corp", "thing", 0), "look"); err == nil {
		w.did("without a lock")
	}
	return []byte("fresh"), []byte("label"), w.fails
}

func (w *world) gets(t *testing.T, want string, from fetch.Origin, steps string) {
	t.Helper()
	w.steps = nil
	got, origin, err := fetch.Once(t.Context(), w, w)
	if string(got) != want || err != nil || want != "" && origin != from {
		t.Errorf("%q, %s, error %v, want %q, %s", got, origin, err, want, from)
	}
	if got := strings.Join(w.steps, " "); got != steps {
		t.Errorf("it did %s, want %s", got, steps)
	}
}

func TestOnceReadsFromTopToBottom(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := &world{dir: safedir.Dir(t.TempDir())}
		const locked = " load load login fetch store" // a look before the lock is taken, and one under it
		w.gets(t, "fresh", fetch.Fetched, "recall load"+locked)
		w.gets(t, "fresh", fetch.FromCache, "recall load judge")
		w.stored = "stale"
		w.gets(t, "fresh", fetch.Fetched, "recall load judge load judge load judge login fetch store")
		w.stored = "useless"
		w.gets(t, "fresh", fetch.Fetched, "recall load judge load judge load judge login fetch store")
		w.stored, w.keeps = "", errors.New("the disk is full")
		w.gets(t, "fresh", fetch.Fetched, "recall load"+locked)
		w.stored, w.fails = "stale", errors.New("refused")
		w.gets(t, "stale", fetch.FromCache, "recall load judge load judge load judge login fetch")
	})
}

func TestAFailedFetchIsTheErrorWhereNothingIsStored(t *testing.T) {
	w := &world{dir: safedir.Dir(t.TempDir()), fails: errors.New("refused")}
	if data, _, err := fetch.Once(t.Context(), w, w); data != nil || err != w.fails {
		t.Errorf("%q, error %v", data, err)
	}
	if data, err := fetch.Slowly(t.Context(), w, w); data != nil || err != w.fails {
		t.Errorf("slowly: %q, error %v", data, err)
	}
}

func TestSlowlyLooksAgainUnderTheLock(t *testing.T) {
	w := &world{dir: safedir.Dir(t.TempDir())}
	if data, err := fetch.Slowly(t.Context(), w, w); string(data) != "fresh" || err != nil {
		t.Errorf("%q, error %v", data, err)
	}
	if got := strings.Join(w.steps, " "); got != "load load login fetch store" {
		t.Errorf("it did %s", got)
	}
}
