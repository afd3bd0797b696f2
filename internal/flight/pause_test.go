package flight_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/credproc/credproc/internal/flight"
)

func critical(s *shop) flight.Call[string] {
	c := s.call()
	c.Critical = true
	return c
}

func TestPauseWaitsForCriticalWorkAndLetsNoneBegin(t *testing.T) {
	first, second := newShop(t), newShop(t)
	first.takes = 5 * time.Second
	synctest.Test(t, func(t *testing.T) {
		var g flight.Group
		began := time.Now()
		at := func(what string, want time.Duration) {
			t.Helper()
			if got := time.Since(began); got != want {
				t.Errorf("%s after %v, want %v", what, got, want)
			}
		}
		var all sync.WaitGroup
		all.Go(func() {
			first.gives(t, &g, critical(first), "thing 1", 1)
			at("critical work done", 5*time.Second)
		})
		all.Go(func() {
			time.Sleep(2 * time.Second) // while somebody waits to pause
			second.gives(t, &g, critical(second), "thing 1", 1)
			at("work held up done", 10*time.Second+second.takes)
		})
		all.Go(func() {
			time.Sleep(6 * time.Second) // during the pause
			if err := g.Guard(t.Context(), func() error { at("guarded work begun", 10*time.Second); return nil }); err != nil {
				t.Error(err)
			}
		})
		time.Sleep(time.Second)
		resume, err := g.Pause(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		at("paused", 5*time.Second)
		time.Sleep(5 * time.Second)
		if n := second.fetches.Load(); n != 0 {
			t.Errorf("%d fetches during the pause", n)
		}
		resume()
		all.Wait()
	})
}

func TestWorkThatIsNotCriticalGoesOnWhereOthersHaveSettled(t *testing.T) {
	s := newShop(t)
	synctest.Test(t, func(t *testing.T) {
		var g flight.Group
		resume, err := g.Settle(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		defer resume()
		s.gives(t, &g, s.call(), "thing 1", 1)
	})
}

func TestAPauseWaitsForWorkUnderOneLockInsideAnother(t *testing.T) {
	outer, inner := newShop(t), newShop(t)
	inner.takes = 5 * time.Second
	synctest.Test(t, func(t *testing.T) {
		var g flight.Group
		c := outer.call()
		c.Name = flight.Fetched("thing", "role", 0)
		fetch := c.Fetch
		c.Fetch = func(ctx context.Context) (string, error) {
			time.Sleep(5 * time.Second)
			if _, err := flight.Do(ctx, &g, critical(inner)); err != nil {
				t.Error(err)
			}
			return fetch(ctx)
		}
		began := time.Now()
		var all sync.WaitGroup
		all.Go(func() { outer.gives(t, &g, c, "thing 1", 1) })
		time.Sleep(time.Second)
		resume, err := g.Pause(t.Context())
		if took := time.Since(began); err != nil || took < 10*time.Second || took > 11*time.Second {
			t.Errorf("paused after %v, error %v", took, err)
		}
		if err == nil {
			resume()
		}
		all.Wait()
	})
}

func TestAProgramThatSettlesTwiceDoesNotWaitForItself(t *testing.T) {
	s := newShop(t)
	s.takes = 5 * time.Second
	synctest.Test(t, func(t *testing.T) {
		var g flight.Group
		began := time.Now()
		var all sync.WaitGroup
		all.Go(func() { s.gives(t, &g, critical(s), "thing 1", 1) })
		time.Sleep(time.Second)
		var resumes []func()
		for _, wait := range []func(context.Context) (func(), error){g.Settle, g.Pause, g.Settle, g.Pause} {
			resume, err := wait(t.Context())
			if err != nil || time.Since(began) != 5*time.Second {
				t.Fatalf("it returned after %v, error %v", time.Since(began), err)
			}
			resumes = append(resumes, resume)
		}
		time.AfterFunc(time.Minute, resumes[3])
		for _, resume := range resumes[:3] {
			resume()
			resume()
		}
		err := g.Guard(t.Context(), func() error { return nil })
		if took := time.Since(began); err != nil || took != 65*time.Second {
			t.Errorf("work began after %v, error %v: the last to settle resumed after 65s", took, err)
		}
		all.Wait()
	})
}

func TestSettlingThatIsGivenUpHoldsNobodyUp(t *testing.T) {
	s := newShop(t)
	s.takes = 5 * time.Second
	synctest.Test(t, func(t *testing.T) {
		var g flight.Group
		began := time.Now()
		var all sync.WaitGroup
		all.Go(func() { s.gives(t, &g, critical(s), "thing 1", 1) })
		all.Go(func() {
			time.Sleep(2 * time.Second)
			if err := g.Guard(t.Context(), func() error { return nil }); err != nil || time.Since(began) != 3*time.Second {
				t.Errorf("held up until %v, error %v", time.Since(began), err)
			}
		})
		time.Sleep(time.Second)
		ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
		defer cancel()
		resume, err := g.Settle(ctx)
		if resume != nil || !errors.Is(err, context.DeadlineExceeded) || time.Since(began) != 3*time.Second {
			t.Errorf("settled at %v, error %v", time.Since(began), err)
		}
		all.Wait()
	})
}

func TestAPauseCanBeResumedAndRepeated(t *testing.T) {
	s := newShop(t)
	synctest.Test(t, func(t *testing.T) {
		var g flight.Group
		for range 3 {
			resume, err := g.Pause(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			resume()
		}
		s.gives(t, &g, critical(s), "thing 1", 1)
	})
}

func TestGuardReturnsTheErrorOfTheWorkOrOfItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var g flight.Group
		mine := errors.New("mine")
		if err := g.Guard(t.Context(), func() error { return mine }); err != mine {
			t.Error(err)
		}
		resume, err := g.Pause(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		defer resume()
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		err = g.Guard(ctx, func() error { t.Error("done during the pause"); return nil })
		if !errors.Is(err, context.DeadlineExceeded) {
			t.Error(err)
		}
	})
}

func TestAPauseLeavesCriticalWorkEnoughTimeOrNone(t *testing.T) {
	for pause, want := range map[time.Duration]int32{39 * time.Second: 1, 41 * time.Second: 0, time.Hour: 0} {
		s := newShop(t)
		synctest.Test(t, func(t *testing.T) {
			var g flight.Group
			resume, err := g.Pause(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			defer time.AfterFunc(pause, resume).Stop()
			began := time.Now()
			_, err = flight.Do(t.Context(), &g, critical(s))
			_, busy := err.(*flight.BusyError)
			if busy == (want == 1) || s.fetches.Load() != want || time.Since(began) > flight.Budget {
				t.Errorf("paused for %v: error %v after %v, %d fetches", pause, err, time.Since(began), s.fetches.Load())
			}
		})
	}
}
