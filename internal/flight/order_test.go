package flight_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"

	"github.com/credproc/credproc/internal/flight"
)

// inOrder are all locks, as they are taken one after another.
var inOrder = []flight.Name{
	flight.SignIn("corp"),
	flight.Fetched("corp", "assumed twice", 2), flight.Fetched("corp", "assumed", 1), flight.Fetched("corp", "role", 0),
	flight.Session("corp"),
	flight.KeyQueue(), flight.Key(), flight.Unlock(), flight.Word("corp", "hint"),
}

func TestALockIsTakenOnlyAfterThoseBeforeIt(t *testing.T) {
	for i, held := range inOrder {
		for j, wanted := range inOrder {
			s := newShop(t)
			ctx, release := taken(t, t.Context(), s, held)
			_, releaseNext, err := flight.Lock(ctx, s.dir, wanted, op)
			wrong, refused := errors.AsType[*flight.OrderError](err)
			switch {
			case j > i && err != nil:
				t.Errorf("%s after %s: %v", wanted, held, err)
			case j <= i && !refused:
				t.Errorf("%s after %s: %v, want an order error", wanted, held, err)
			case refused && (wrong.Held != held.String() || wrong.Wanted != wanted.String()):
				t.Errorf("%s after %s: %v", wanted, held, wrong)
			}
			if err == nil {
				releaseNext()
			}
			release()
		}
	}
}

func TestLocksOfDifferentThingsAreNotTakenTogether(t *testing.T) {
	s := newShop(t)
	for _, two := range [][2]flight.Name{
		{flight.Session("a"), flight.Session("b")},
		{flight.Fetched("a", "role", 0), flight.Fetched("a", "other", 0)},
		{flight.Fetched("a", "assumed", 1), flight.Fetched("a", "other", 1)},
	} {
		ctx, release := taken(t, t.Context(), s, two[0])
		if _, _, err := flight.Lock(ctx, s.dir, two[1], op); !isOrder(err) {
			t.Errorf("%s with %s held: %v", two[1], two[0], err)
		}
		release()
	}
}

func TestAFetchKnowsTheLockThatItRunsUnder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newShop(t)
		c := s.call()
		c.Fetch = func(ctx context.Context) (string, error) {
			_, _, err := flight.Lock(ctx, s.dir, flight.SignIn("thing"), op)
			if !isOrder(err) {
				t.Errorf("a sign-in under the session's lock: %v", err)
			}
			_, release := taken(t, ctx, s, flight.Key())
			release()
			return "thing", nil
		}
		if _, err := flight.Do(t.Context(), new(flight.Group), c); err != nil {
			t.Error(err)
		}
	})
}

func TestAFlightOutOfOrderDoesNotBegin(t *testing.T) {
	s := newShop(t)
	ctx, release := taken(t, t.Context(), s, flight.Key())
	defer release()
	if _, err := flight.Do(ctx, new(flight.Group), s.call()); !isOrder(err) || s.looks.Load() != 0 {
		t.Errorf("error %v after %d looks", err, s.looks.Load())
	}
}

func taken(t *testing.T, ctx context.Context, s *shop, name flight.Name) (under context.Context, release func()) {
	t.Helper()
	under, release, err := flight.Lock(ctx, s.dir, name, op)
	if err != nil {
		t.Fatal(err)
	}
	return under, release
}

func isOrder(err error) bool {
	_, ok := errors.AsType[*flight.OrderError](err)
	return ok
}
