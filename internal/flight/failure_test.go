package flight_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/credproc/credproc/internal/flight"
	"github.com/credproc/credproc/internal/safedir"
)

// do calls as a new process does.
func (s *shop) do(t *testing.T, network string) error {
	t.Helper()
	c := s.call()
	c.Network = network
	_, err := flight.Do(t.Context(), new(flight.Group), c)
	return err
}

// shared checks that a call gets an earlier failure without a fetch.
func (s *shop) shared(t *testing.T, network string) *flight.SharedError {
	t.Helper()
	before := s.fetches.Load()
	err := s.do(t, network)
	e, ok := err.(*flight.SharedError)
	if !ok || s.fetches.Load() != before {
		t.Fatalf("after %d more fetches: %v", s.fetches.Load()-before, err)
	}
	return e
}

// fails checks that a call fetches, and fails itself.
func (s *shop) fails(t *testing.T, network string) {
	t.Helper()
	before := s.fetches.Load()
	if err := s.do(t, network); err != s.err || s.fetches.Load() != before+1 {
		t.Fatalf("after %d more fetches: %v", s.fetches.Load()-before, err)
	}
}

func TestAFailureIsSharedForLongerEachTime(t *testing.T) {
	s := newShop(t)
	synctest.Test(t, func(t *testing.T) {
		s.err = failure{Kind: "throttled", Reason: "too many requests"}
		for i, seconds := range []time.Duration{1, 2, 4, 8, 10, 10, 10} {
			s.fails(t, "")
			began, backoff := time.Now(), seconds*time.Second
			for _, at := range []time.Duration{0, backoff / 2, backoff - 1} {
				time.Sleep(time.Until(began.Add(at)))
				e := s.shared(t, "any")
				if e.Kind != "throttled" || e.Reason != "too many requests" || e.Count != i+1 || !e.Until.Equal(began.Add(backoff)) {
					t.Errorf("failure %d: %+v, until %v after it", i+1, e, e.Until.Sub(began))
				}
				want := fmt.Sprintf("too many requests (seen %d in a row, tried again from %s)", i+1, e.Until.Format(time.TimeOnly))
				if e.Error() != want {
					t.Errorf("%q, want %q", e, want)
				}
			}
			time.Sleep(time.Nanosecond)
		}
	})
}

func TestAServiceCanAskForUpToAMinute(t *testing.T) {
	for asked, want := range map[time.Duration]time.Duration{
		-time.Hour: time.Second, 0: time.Second, 500 * time.Millisecond: time.Second,
		30 * time.Second: 30 * time.Second, time.Minute: time.Minute, time.Hour: time.Minute, math.MaxInt64: time.Minute,
	} {
		s := newShop(t)
		synctest.Test(t, func(t *testing.T) {
			s.err = failure{RetryAfter: asked}
			s.fails(t, "")
			if got := time.Until(s.shared(t, "").Until); got != want {
				t.Errorf("asked for %v, shared for %v, want %v", asked, got, want)
			}
			time.Sleep(want - 1)
			s.shared(t, "")
			time.Sleep(time.Nanosecond)
			s.fails(t, "")
		})
	}
}

func TestAFailureOfLongAgoIsForgotten(t *testing.T) {
	s := newShop(t)
	synctest.Test(t, func(t *testing.T) {
		s.err = failure{}
		for range 4 {
			s.fails(t, "")
			time.Sleep(60*time.Second - s.takes) // just young enough to count when the next fails
		}
		s.fails(t, "")
		if n := s.shared(t, "").Count; n != 5 {
			t.Errorf("%d in a row, want 5", n)
		}
		time.Sleep(60*time.Second - s.takes + 1)
		s.fails(t, "")
		if e := s.shared(t, ""); e.Count != 1 || time.Until(e.Until) != time.Second {
			t.Errorf("%d in a row, shared for %v", e.Count, time.Until(e.Until))
		}
	})
}

func TestAMarkThatCannotBeIsVoid(t *testing.T) {
	s := newShop(t)
	synctest.Test(t, func(t *testing.T) {
		mark := func(at, until time.Duration, rest string) {
			t.Helper()
			text := fmt.Sprintf(`{"kind":"k","reason":"r","op":"get the thing","at":%q,"until":%q%s}`,
				time.Now().Add(at).Format(time.RFC3339Nano), time.Now().Add(until).Format(time.RFC3339Nano), rest)
			if err := s.dir.Write(name+".failure", []byte(text)); err != nil {
				t.Fatal(err)
			}
		}
		s.err = errors.New("not shared, and so the mark stays")
		mark(-59*time.Second, time.Hour, `,"count":3`)
		if e := s.shared(t, ""); e.Count != 3 || e.Kind != "k" {
			t.Errorf("%+v", e)
		}
		mark(-61*time.Second, time.Hour, `,"count":3`)
		s.fails(t, "")
		mark(time.Second, 5*time.Second, `,"count":3`) // the clock has been set back
		s.fails(t, "")
		mark(-time.Second, 0, `,"count":3`)
		s.fails(t, "")
		for _, junk := range []string{"", "{", "[]", "null", `"x"`, "{}", `{"at":"yesterday"}`, "\x00"} {
			if err := s.dir.Write(name+".failure", []byte(junk)); err != nil {
				t.Fatal(err)
			}
			s.fails(t, "")
		}

		s.err = failure{}
		for count, want := range map[int]time.Duration{
			-5: time.Second, math.MinInt: time.Second, 0: time.Second, 1: 2 * time.Second, 63: 10 * time.Second, 64: 10 * time.Second, math.MaxInt: 10 * time.Second,
		} {
			mark(-time.Second, 0, fmt.Sprintf(`,"count":%d`, count))
			s.fails(t, "")
			if e := s.shared(t, ""); time.Until(e.Until) != want || e.Count < 1 {
				t.Errorf("after a count of %d: %d in a row, shared for %v", count, e.Count, time.Until(e.Until))
			}
		}
	})
}

func TestAFailureBelowHTTPIsSharedAmongEquals(t *testing.T) {
	s := newShop(t)
	synctest.Test(t, func(t *testing.T) {
		s.err = failure{Reason: "no route", BelowHTTP: true}
		for range 3 {
			s.fails(t, "proxy a")
			time.Sleep(10 * time.Second)
		}
		s.fails(t, "proxy a")
		if e := s.shared(t, "proxy a"); e.Count != 4 || !e.BelowHTTP {
			t.Errorf("%+v", e)
		}
		s.err = failure{Reason: "no route either", BelowHTTP: true}
		s.fails(t, "proxy b")
		// The failures of another's proxy are none of b's.
		if e := s.shared(t, "proxy b"); e.Count != 1 || e.Reason != "no route either" {
			t.Errorf("%+v", e)
		}
		s.err = nil
		if err := s.do(t, ""); err != nil {
			t.Error(err)
		}
	})
}

func TestAnAnswerOfTheServiceIsSharedAmongAll(t *testing.T) {
	s := newShop(t)
	synctest.Test(t, func(t *testing.T) {
		s.err = failure{Reason: "500"}
		s.fails(t, "proxy a")
		s.shared(t, "proxy b")
		s.shared(t, "")
	})
}

func TestSuccessEndsTheRow(t *testing.T) {
	s := newShop(t)
	synctest.Test(t, func(t *testing.T) {
		s.err = failure{}
		s.fails(t, "")
		time.Sleep(time.Second)
		s.fails(t, "")
		time.Sleep(2 * time.Second)
		s.err = nil
		s.gives(t, new(flight.Group), s.call(), "thing 3", 3)
		if names, err := s.dir.Names(); err != nil || strings.Contains(strings.Join(names, " "), "failure") {
			t.Errorf("left are %q, error %v", names, err)
		}
		s.forget(t)
		s.err = failure{}
		s.fails(t, "")
		if n := s.shared(t, "").Count; n != 1 {
			t.Errorf("%d in a row", n)
		}
	})
}

func TestForgetFailureLetsTheNextCallTry(t *testing.T) {
	s := newShop(t)
	synctest.Test(t, func(t *testing.T) {
		flight.ForgetFailure(s.dir, name) // of nothing
		s.err = failure{RetryAfter: time.Minute}
		s.fails(t, "")
		s.shared(t, "")
		flight.ForgetFailure(s.dir, "other.lock")
		s.shared(t, "")
		flight.ForgetFailure(s.dir, name)
		s.fails(t, "")
		if n := s.shared(t, "").Count; n != 1 {
			t.Errorf("%d in a row", n)
		}
	})
}

func TestWhatIsStoredIsServedDespiteAFailure(t *testing.T) {
	s := newShop(t)
	synctest.Test(t, func(t *testing.T) {
		s.err = failure{}
		s.fails(t, "")
		if err := s.dir.Write("thing", []byte("stored")); err != nil {
			t.Fatal(err)
		}
		s.gives(t, new(flight.Group), s.call(), "stored", 1)
	})
}

func TestForceFetchesDespiteAFailure(t *testing.T) {
	s := newShop(t)
	synctest.Test(t, func(t *testing.T) {
		s.err = failure{}
		s.fails(t, "")
		c := s.call()
		c.Force = true
		if _, err := flight.Do(t.Context(), new(flight.Group), c); err != s.err || s.fetches.Load() != 2 {
			t.Errorf("after %d fetches: %v", s.fetches.Load(), err)
		}
		if n := s.shared(t, "").Count; n != 2 {
			t.Errorf("%d in a row", n)
		}
		s.err = nil
		s.gives(t, new(flight.Group), c, "thing 3", 3)
	})
}

// In one process, while another one fails: only those whom its failure
// concerns get it.
func TestThoseWhoWaitShareTheFailureThatConcernsThem(t *testing.T) {
	s := newShop(t)
	s.takes = 5 * time.Second
	synctest.Test(t, func(t *testing.T) {
		s.err = failure{BelowHTTP: true}
		var all sync.WaitGroup
		all.Go(func() { s.fails(t, "a") })
		synctest.Wait()
		var g flight.Group
		wait := func(network string, force bool) (err error) {
			c := s.call()
			c.Network, c.Force = network, force
			_, err = flight.Do(t.Context(), &g, c)
			return err
		}
		for range 5 {
			all.Go(func() {
				if _, ok := wait("a", false).(*flight.SharedError); !ok {
					t.Error("a caller with the same network has not shared the failure")
				}
			})
		}
		all.Go(func() {
			if err := wait("a", true); err != s.err {
				t.Errorf("forced: %v", err)
			}
		})
		all.Go(func() {
			if err := wait("b", false); err != s.err {
				t.Errorf("with another network: %v", err)
			}
		})
		all.Wait()
		if n := s.fetches.Load(); n != 3 {
			t.Errorf("%d fetches, want 3", n)
		}
	})
}

// outer is an error of one flight about another's that was shared.
type outer struct {
	failure
	err error
}

func (e outer) Unwrap() error { return e.err }

func TestASharedFailureIsNotRememberedAgain(t *testing.T) {
	inner, s := newShop(t), newShop(t)
	synctest.Test(t, func(t *testing.T) {
		inner.err = failure{RetryAfter: 10 * time.Second}
		inner.fails(t, "")
		c := s.call()
		for range 3 {
			shared := inner.shared(t, "")
			s.err = outer{failure{Reason: "no token"}, shared}
			if _, err := flight.Do(t.Context(), new(flight.Group), c); err != s.err {
				t.Errorf("error %v", err)
			}
			time.Sleep(time.Second)
		}
		if _, err := s.dir.Read(name + ".failure"); err == nil {
			t.Error("remembered by the outer flight too")
		}
	})
}

func TestAFailureThatCannotBeStoredIsOnlyNotShared(t *testing.T) {
	s := newShop(t)
	synctest.Test(t, func(t *testing.T) {
		if err := safedir.Dir(s.dir.Path(name + ".failure")).Make(); err != nil { // in its place
			t.Fatal(err)
		}
		s.err = failure{}
		s.fails(t, "")
		s.fails(t, "")
	})
}

func TestTheFileOfAFailureHoldsNoMoreThanItMust(t *testing.T) {
	s := newShop(t)
	synctest.Test(t, func(t *testing.T) {
		s.err = failure{Kind: "k", Reason: "r", RetryAfter: time.Minute}
		s.fails(t, "proxy a")
		data, err := s.dir.Read(name + ".failure")
		at, until := time.Now().Format(time.RFC3339Nano), time.Now().Add(time.Minute).Format(time.RFC3339Nano)
		want := fmt.Sprintf(`{"kind":"k","reason":"r","op":"get the thing","at":%q,"until":%q,"count":1}`, at, until)
		if err != nil || string(data) != want {
			t.Errorf("%s, error %v, want %s", data, err, want)
		}
	})
}

func TestWhatOthersAreToldIsPrintableAndShort(t *testing.T) {
	const nasty = "x509: a\x1b[2J\r\nhint: run it\u202e\u009b"
	s := newShop(t)
	synctest.Test(t, func(t *testing.T) {
		s.err = failure{Kind: "k", Reason: nasty + strings.Repeat("x", 1<<20)}
		s.fails(t, "")
		data, err := s.dir.Read(name + ".failure")
		if err != nil || len(data) > 4500 || bytes.ContainsAny(data, "\u202e\u009b") || bytes.Contains(data, []byte(`\u001b`)) {
			t.Errorf("%d bytes are stored, %v: %.300q", len(data), err, data)
		}
		// Another program, or another release, may have written it.
		text, err := json.Marshal(map[string]any{"kind": "k", "reason": nasty, "op": nasty, "at": time.Now(), "until": time.Now().Add(5 * time.Second)})
		if err != nil || s.dir.Write(name+".failure", text) != nil {
			t.Fatal(err)
		}
		want := "x509: a [2J  hint: run it"
		if e := s.shared(t, ""); e.Reason != want {
			t.Errorf("the next caller is told %q", e.Reason)
		}
		if last := flight.LastFailure(s.dir, name); last == nil || last.Reason != want || last.Op != want {
			t.Errorf("who looks finds %+v", last)
		}
	})
}
