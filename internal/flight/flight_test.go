package flight_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"os"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/credproc/credproc/internal/flight"
)

func TestAThousandCallersShareOneFetch(t *testing.T) {
	s := newShop(t)
	synctest.Test(t, func(t *testing.T) {
		var g flight.Group
		c := s.call()
		c.Critical = true
		var all sync.WaitGroup
		for range 1000 {
			all.Go(func() { s.gives(t, &g, c, "thing 1", 1) })
		}
		all.Wait()
		if looks := s.looks.Load(); looks != 2 {
			t.Errorf("%d looks into the store, want one before the lock and one under it", looks)
		}
		s.gives(t, &g, c, "thing 1", 1) // from the store
		s.forget(t)
		s.gives(t, &g, c, "thing 2", 2)
	})
}

// Two Groups know of each other only through the lock, as processes do.
func TestThoseWhoWaitForTheLockDoNotFetch(t *testing.T) {
	s := newShop(t)
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		var all sync.WaitGroup
		for range 20 {
			all.Go(func() { s.gives(t, new(flight.Group), s.call(), "thing 1", 1) })
		}
		all.Wait()
		if waited := time.Since(began); waited > s.takes+50*time.Millisecond {
			t.Errorf("the last one knew after %v, where the fetch took %v", waited, s.takes)
		}
	})
}

func TestLoadIsToldWhenTheWaitBeganAndWhetherItIsLocked(t *testing.T) {
	s := newShop(t)
	synctest.Test(t, func(t *testing.T) {
		release := s.hold(t, "other work")
		time.AfterFunc(time.Second, release)
		began := time.Now()
		var locked []bool
		c := s.call()
		c.Load = func(_ context.Context, since time.Time, isLocked bool) (string, bool, error) {
			if !since.Equal(began) {
				t.Errorf("since %v, want %v", since, began)
			}
			locked = append(locked, isLocked)
			return "", false, nil
		}
		s.gives(t, new(flight.Group), c, "thing 1", 1)
		for i, is := range locked {
			if is != (i == len(locked)-1) {
				t.Errorf("look %d of %d: locked is %t", i+1, len(locked), is)
			}
		}
		// With pauses of at least 2, 4, 8, 16, 25, 25... and at most twice that.
		if n := len(locked) - 1; n < 20 || n > 50 {
			t.Errorf("%d looks in the second that it was locked", n)
		}
	})
}

func TestWhatWasStoredWhileSomebodyWaitedIsFoundUnderTheLock(t *testing.T) {
	s := newShop(t)
	synctest.Test(t, func(t *testing.T) {
		c := s.call()
		c.Load = func(_ context.Context, _ time.Time, locked bool) (string, bool, error) { return "found", locked, nil }
		s.gives(t, new(flight.Group), c, "found", 0)
	})
}

func TestAnErrorOfLoadIsReturnedAndNotShared(t *testing.T) {
	s := newShop(t)
	synctest.Test(t, func(t *testing.T) {
		for _, under := range []bool{false, true} {
			broken := failure{Reason: "broken store"}
			c := s.call()
			c.Load = func(_ context.Context, _ time.Time, locked bool) (string, bool, error) {
				if locked == under {
					return "", false, broken
				}
				return "", false, nil
			}
			if _, err := flight.Do(t.Context(), new(flight.Group), c); err != broken {
				t.Errorf("locked %t: %v", under, err)
			}
		}
		s.gives(t, new(flight.Group), s.call(), "thing 1", 1)
	})
}

func TestAnErrorThatNobodySharesIsReturnedAlone(t *testing.T) {
	s := newShop(t)
	synctest.Test(t, func(t *testing.T) {
		s.err = errors.New("mine")
		for range 3 {
			got, err := flight.Do(t.Context(), new(flight.Group), s.call())
			if err != s.err || got != "" {
				t.Errorf("%q, error %v", got, err)
			}
		}
		if n := s.fetches.Load(); n != 3 {
			t.Errorf("%d fetches", n)
		}
	})
}

func TestTheEndOfACallerDoesNotEndTheFlight(t *testing.T) {
	s := newShop(t)
	s.takes = 5 * time.Second
	synctest.Test(t, func(t *testing.T) {
		var g flight.Group
		var all sync.WaitGroup
		all.Go(func() {
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			defer cancel()
			began := time.Now()
			_, err := flight.Do(ctx, &g, s.call())
			busy, ok := err.(*flight.BusyError)
			if !ok || !errors.Is(err, context.DeadlineExceeded) || busy.Op != op || busy.Holder.PID != os.Getpid() || busy.Holder.Op != op {
				t.Errorf("error %v", err)
			}
			if waited := time.Since(began); waited != time.Second {
				t.Errorf("returned after %v", waited)
			}
		})
		all.Go(func() {
			synctest.Wait()
			s.gives(t, &g, s.call(), "thing 1", 1)
		})
		all.Wait()
		s.gives(t, &g, s.call(), "thing 1", 1)
	})
}

func TestACallerThatEndsSaysWhy(t *testing.T) {
	s := newShop(t)
	synctest.Test(t, func(t *testing.T) {
		why := errors.New("what there is will do")
		ctx, cancel := context.WithTimeoutCause(t.Context(), time.Millisecond, why)
		defer cancel()
		if _, err := flight.Do(ctx, new(flight.Group), s.call()); !errors.Is(err, why) {
			t.Errorf("error %v", err)
		}
		time.Sleep(s.takes) // the flight goes on
	})
}

func TestACallerThatHasEndedBeginsNothing(t *testing.T) {
	s := newShop(t)
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		_, err := flight.Do(ctx, new(flight.Group), s.call())
		if busy, ok := err.(*flight.BusyError); !ok || !errors.Is(busy, context.Canceled) {
			t.Errorf("error %v", err)
		}
		synctest.Wait()
		if looks, fetches := s.looks.Load(), s.fetches.Load(); looks+fetches != 0 {
			t.Errorf("%d looks and %d fetches for nobody", looks, fetches)
		}
	})
}

func TestAFlightWaitsNoLongerThanItsBudget(t *testing.T) {
	s := newShop(t)
	synctest.Test(t, func(t *testing.T) {
		held := time.Now()
		release := s.hold(t, "other work")
		defer release()
		time.Sleep(time.Second)
		began := time.Now()
		_, err := flight.Do(t.Context(), new(flight.Group), s.call())
		busy, ok := err.(*flight.BusyError)
		if !ok || !errors.Is(err, context.DeadlineExceeded) || time.Since(began) != flight.Budget {
			t.Fatalf("after %v: %v", time.Since(began), err)
		}
		if h := busy.Holder; h.PID != os.Getpid() || h.Op != "other work" || !h.Since.Equal(held) {
			t.Errorf("held by %v since %v, want since %v", h, h.Since, held)
		}
		if want := "get the thing: waited for process "; !strings.HasPrefix(err.Error(), want) || !strings.Contains(err.Error(), "(other work, since ") {
			t.Errorf("%q", err)
		}
		if n := s.fetches.Load(); n != 0 {
			t.Errorf("%d fetches without the lock", n)
		}
	})
}

func TestNoFetchBeginsWithTooLittleTime(t *testing.T) {
	for held, want := range map[time.Duration]int32{flight.Budget - flight.Reserve - time.Second: 1, flight.Budget - flight.Reserve + time.Second: 0} {
		s := newShop(t)
		synctest.Test(t, func(t *testing.T) {
			time.AfterFunc(held, s.hold(t, "other work"))
			_, err := flight.Do(t.Context(), new(flight.Group), s.call())
			_, busy := err.(*flight.BusyError)
			if busy == (want == 1) || s.fetches.Load() != want {
				t.Errorf("held for %v: error %v, %d fetches", held, err, s.fetches.Load())
			}
		})
	}
}

func TestAFreedLockIsTakenAtOnce(t *testing.T) {
	s := newShop(t)
	synctest.Test(t, func(t *testing.T) {
		time.AfterFunc(7*time.Second, s.hold(t, "other work"))
		began := time.Now()
		s.gives(t, new(flight.Group), s.call(), "thing 1", 1)
		if waited := time.Since(began) - s.takes; waited < 7*time.Second || waited > 7*time.Second+50*time.Millisecond {
			t.Errorf("freed after 7 s, fetched after %v", waited)
		}
	})
}

func TestAFetchIsEndedByTheBudget(t *testing.T) {
	s := newShop(t)
	s.takes = time.Hour
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		_, err := flight.Do(t.Context(), new(flight.Group), s.call())
		if !errors.Is(err, context.DeadlineExceeded) || time.Since(began) != flight.Budget {
			t.Errorf("after %v: %v", time.Since(began), err)
		}
	})
}

// They want different things, or would not share each other's failures; the
// lock lets them go one after the other.
func TestCallersThatDifferDoNotJoin(t *testing.T) {
	for what, change := range map[string]func(*flight.Call[string]){
		"Variant": func(c *flight.Call[string]) { c.Variant = "other" },
		"Network": func(c *flight.Call[string]) { c.Network = "other" },
		"Force":   func(c *flight.Call[string]) { c.Force = true },
		"both":    func(c *flight.Call[string]) { c.Name, c.Variant = flight.Session("thing.lock x"), "y" },
		"Dir":     func(c *flight.Call[string]) { c.Dir = c.Dir.Sub("other") },
	} {
		s := newShop(t)
		synctest.Test(t, func(t *testing.T) {
			var g flight.Group
			one := s.call()
			one.Variant = "x y" // Name and Variant together must not be ambiguous
			two := one
			change(&two)
			two.Load = func(context.Context, time.Time, bool) (string, bool, error) { return "the other's", true, nil }
			var all sync.WaitGroup
			all.Go(func() { s.gives(t, &g, one, "thing 1", 1) })
			synctest.Wait()
			got, err := flight.Do(t.Context(), &g, two)
			if err != nil || got != "the other's" {
				t.Errorf("%s: %q, error %v", what, got, err)
			}
			all.Wait()
		})
	}
}

func TestACallerAfterForgetJoinsNoFlightOfBefore(t *testing.T) {
	s := newShop(t)
	synctest.Test(t, func(t *testing.T) {
		var g flight.Group
		stuck := make(chan struct{})
		first := s.call()
		first.Load = func(context.Context, time.Time, bool) (string, bool, error) { <-stuck; return "old", true, nil }
		go flight.Do(t.Context(), &g, first)
		synctest.Wait()
		g.Forget()
		second := s.call()
		second.Load = func(context.Context, time.Time, bool) (string, bool, error) { return "new", true, nil }
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if got, err := flight.Do(ctx, &g, second); got != "new" {
			t.Errorf("%q (%v), want its own flight", got, err)
		}
		close(stuck)
	})
}

func TestTheSameNameInTwoDirectoriesIsTwoLocks(t *testing.T) {
	a, b := newShop(t), newShop(t)
	synctest.Test(t, func(t *testing.T) {
		var g flight.Group
		began := time.Now()
		var all sync.WaitGroup
		for _, s := range []*shop{a, b} {
			all.Go(func() { s.gives(t, &g, s.call(), "thing 1", 1) })
		}
		all.Wait()
		if took := time.Since(began); took != a.takes {
			t.Errorf("both took %v, one takes %v", took, a.takes)
		}
	})
}

func TestAFlightIsLogged(t *testing.T) {
	s := newShop(t)
	synctest.Test(t, func(t *testing.T) {
		var out bytes.Buffer
		c := s.call()
		c.Logger = slog.New(slog.NewTextHandler(&out, &slog.HandlerOptions{Level: slog.LevelDebug}))
		s.err = errors.New("no such thing")
		if _, err := flight.Do(t.Context(), new(flight.Group), c); err != s.err {
			t.Error(err)
		}
		for _, want := range []string{`level=DEBUG msg=fetch op="get the thing" lock=thing.lock waited=0s`, `level=DEBUG msg=failed op="get the thing" took=1s error="no such thing"`} {
			if !strings.Contains(out.String(), want) {
				t.Errorf("no %s in\n%s", want, &out)
			}
		}
	})
}
