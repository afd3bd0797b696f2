package flight_test

import (
	"context"
	"errors"
	"os"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/credproc/credproc/internal/flight"
	"github.com/credproc/credproc/internal/safedir"
)

func TestALockNamesItsHolderUntilItIsReleased(t *testing.T) {
	s := newShop(t)
	synctest.Test(t, func(t *testing.T) {
		if h, ok := flight.HeldBy(s.dir, name); ok || h != (flight.Holder{}) {
			t.Errorf("held by %v", h)
		}
		time.Sleep(time.Hour)
		release := s.hold(t, "renew the session corp")
		h, ok := flight.HeldBy(s.dir, name)
		if !ok || h.PID != os.Getpid() || h.Op != "renew the session corp" || !h.Since.Equal(time.Now()) {
			t.Errorf("held by %v", h)
		}
		if _, ok := flight.HeldBy(s.dir, "other.lock"); ok {
			t.Error("another lock is held")
		}
		release()
		if h, ok := flight.HeldBy(s.dir, name); ok {
			t.Errorf("held by %v", h)
		}
		if names, err := s.dir.Names(); err != nil || strings.Join(names, " ") != name {
			t.Errorf("left are %q, error %v: the lock file has to stay, and nothing else", names, err)
		}
	})
}

func TestAHolderIsSaidInWords(t *testing.T) {
	h := flight.Holder{PID: 123, Op: "renew the session corp", Since: time.Date(2030, 1, 2, 13, 4, 5, 0, time.UTC)}
	if want := "process 123 (renew the session corp, since 13:04:05)"; h.String() != want {
		t.Errorf("%q, want %q", h, want)
	}
	if want := "another process"; (flight.Holder{}).String() != want {
		t.Errorf("%q, want %q", flight.Holder{}, want)
	}
}

func TestLockWaitsForItsTurnOrUntilItsContextEnds(t *testing.T) {
	s := newShop(t)
	synctest.Test(t, func(t *testing.T) {
		release := s.hold(t, "other work")
		ctx, cancel := context.WithTimeoutCause(t.Context(), 3*time.Second, errors.New("enough"))
		defer cancel()
		began := time.Now()
		_, _, err := flight.Lock(ctx, s.dir, theLock, "store it")
		busy, ok := err.(*flight.BusyError)
		if !ok || busy.Op != "store it" || busy.Holder.Op != "other work" || busy.Err.Error() != "enough" || time.Since(began) != 3*time.Second {
			t.Fatalf("after %v: %v", time.Since(began), err)
		}
		time.AfterFunc(7*time.Second, release)
		began = time.Now()
		s.hold(t, "store it")()
		if waited := time.Since(began); waited < 7*time.Second || waited > 7*time.Second+10*time.Millisecond {
			t.Errorf("freed after 7 s, taken after %v", waited)
		}
	})
}

func TestJunkInPlaceOfTheHolderIsNobody(t *testing.T) {
	s := newShop(t)
	synctest.Test(t, func(t *testing.T) {
		release := s.hold(t, op)
		defer release()
		for _, junk := range []string{"", "{", `{"pid":"1"}`, `{"op":"x"}`, "null"} {
			if err := s.dir.Write(name+".holder", []byte(junk)); err != nil {
				t.Fatal(err)
			}
			if h, ok := flight.HeldBy(s.dir, name); ok {
				t.Errorf("%s: held by %v", junk, h)
			}
		}
	})
}

func TestNoLockWithoutADirectory(t *testing.T) {
	s := newShop(t)
	synctest.Test(t, func(t *testing.T) {
		if err := s.dir.Write("file", nil); err != nil {
			t.Fatal(err)
		}
		c := s.call()
		c.Dir = s.dir.Sub("file").Sub("locks")
		_, err := flight.Do(t.Context(), new(flight.Group), c)
		e, ok := err.(*flight.LockError)
		if !ok || e.Path != c.Dir.Path(name) || e.Err == nil || errors.Unwrap(err) != e.Err {
			t.Errorf("error %v", err)
		}
		if !strings.HasPrefix(err.Error(), "lock "+c.Dir.Path(name)+": ") || s.fetches.Load() != 0 {
			t.Errorf("after %d fetches: %v", s.fetches.Load(), err)
		}
	})
}

func TestADirectoryInPlaceOfTheLockIsAnError(t *testing.T) {
	s := newShop(t)
	synctest.Test(t, func(t *testing.T) {
		if err := s.dir.Sub(name).Make(); err != nil {
			t.Fatal(err)
		}
		_, _, err := flight.Lock(t.Context(), s.dir, theLock, op)
		if _, ok := err.(*flight.LockError); !ok {
			t.Errorf("error %v", err)
		}
	})
}

func TestALockIsHadWithoutWordOfItsHolder(t *testing.T) {
	s := newShop(t)
	synctest.Test(t, func(t *testing.T) {
		if err := safedir.Dir(s.dir.Path(name + ".holder")).Make(); err != nil { // in its place
			t.Fatal(err)
		}
		release := s.hold(t, op)
		if h, ok := flight.HeldBy(s.dir, name); ok {
			t.Errorf("held by %v", h)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		_, _, err := flight.Lock(ctx, s.dir, theLock, "second")
		if err == nil || err.Error() != "second: waited for another process: context deadline exceeded" {
			t.Errorf("error %v", err)
		}
		release()
		s.gives(t, new(flight.Group), s.call(), "thing 1", 1)
	})
}

func TestWordOfAHolderIsPrintable(t *testing.T) {
	s := newShop(t)
	synctest.Test(t, func(t *testing.T) {
		release := s.hold(t, "renew a\x1b[2J\nb")
		defer release()
		if h, ok := flight.HeldBy(s.dir, name); !ok || h.Op != "renew a [2J b" {
			t.Errorf("held by %q", h)
		}
		if err := s.dir.Write(name+".holder", []byte(`{"pid":1,"op":"a\u001b[2J\u202e\nb"}`)); err != nil {
			t.Fatal(err)
		}
		if h, ok := flight.HeldBy(s.dir, name); !ok || h.Op != "a [2J  b" {
			t.Errorf("held by %q", h)
		}
	})
}
