package flight_test

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/credproc/credproc/internal/flight"
	"github.com/credproc/credproc/internal/safedir"
)

// The test binary is also the other processes of a test.
func TestMain(m *testing.M) {
	if role := os.Getenv("FLIGHT_TEST_ROLE"); role != "" {
		if err := roles[role](safedir.Dir(os.Getenv("FLIGHT_TEST_DIR"))); err != nil {
			fmt.Println("error:", err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	goleak.VerifyTestMain(m)
}

const (
	name = "thing.lock"
	op   = "get the thing"
)

var theLock = flight.Session("thing")

// A shop has one thing, in a file, where it is not yet to be fetched.
type shop struct {
	dir   safedir.Dir
	takes time.Duration // to fetch
	err   error         // of a fetch

	looks, fetches atomic.Int32
}

func newShop(t *testing.T) *shop {
	t.Helper()
	return &shop{dir: safedir.Dir(t.TempDir()).Sub("locks"), takes: time.Second}
}

func (s *shop) load(context.Context, time.Time, bool) (string, bool, error) {
	s.looks.Add(1)
	data, err := s.dir.Read("thing")
	if errors.Is(err, fs.ErrNotExist) {
		return "", false, nil
	}
	return string(data), err == nil, err
}

func (s *shop) fetch(ctx context.Context) (string, error) {
	thing := fmt.Sprint("thing ", s.fetches.Add(1))
	select {
	case <-time.After(s.takes):
	case <-ctx.Done():
		return "", ctx.Err()
	}
	if s.err != nil {
		return "half a thing", s.err
	}
	return thing, s.dir.Write("thing", []byte(thing))
}

func (s *shop) call() flight.Call[string] {
	return flight.Call[string]{Dir: s.dir, Name: theLock, Op: op, Load: s.load, Fetch: s.fetch}
}

func (s *shop) forget(t *testing.T) {
	t.Helper()
	if err := s.dir.Remove("thing"); err != nil {
		t.Fatal(err)
	}
}

// gives checks what a call returns, and after how many fetches in all.
func (s *shop) gives(t *testing.T, g *flight.Group, c flight.Call[string], want string, fetches int32) {
	t.Helper()
	got, err := flight.Do(t.Context(), g, c)
	if err != nil || got != want || s.fetches.Load() != fetches {
		t.Errorf("%q, error %v, after %d fetches, want %q after %d", got, err, s.fetches.Load(), want, fetches)
	}
}

// failure is an error that is shared.
type failure flight.Failure

func (f failure) Error() string           { return cmp.Or(f.Reason, "failed") }
func (f failure) Failure() flight.Failure { return flight.Failure(f) }

// hold takes the lock as another process would.
func (s *shop) hold(t *testing.T, op string) (release func()) {
	t.Helper()
	_, release, err := flight.Lock(t.Context(), s.dir, theLock, op)
	if err != nil {
		t.Fatal(err)
	}
	return release
}
