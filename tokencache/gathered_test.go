package tokencache

import (
	"context"
	"errors"
	"testing"
	"time"
)

func TestWhatIsGatheredIsKeptAndMayTakeLong(t *testing.T) {
	onShelf(t, func(sh *shelf) {
		s, calls := sh.session(), 0
		c := Cached{Words: []string{"list"}, Op: "list",
			Judge: func(data []byte, _ time.Time) Freshness {
				if string(data) == "list" {
					return Fresh
				}
				return Useless
			},
			Fetch: func(ctx context.Context) ([]byte, error) {
				calls++
				time.Sleep(5 * time.Minute)
				return []byte("list"), ctx.Err()
			}}
		if stored, err := s.Stored(t.Context(), c.Words); stored != nil || err != nil {
			t.Errorf("stored before: %q, %v", stored, err)
		}
		for range 2 {
			if got, err := s.Gathered(t.Context(), c); string(got) != "list" || err != nil {
				t.Errorf("%q, %v", got, err)
			}
		}
		if stored, err := sh.session().Stored(t.Context(), c.Words); string(stored) != "list" || err != nil || calls != 1 {
			t.Errorf("stored: %q, %v, after %d calls", stored, err, calls)
		}
	})
}

func TestWhoWaitsForAGatheringEndsWithTheContext(t *testing.T) {
	onShelf(t, func(sh *shelf) {
		c := Cached{Words: []string{"list"}, Op: "list", Judge: func([]byte, time.Time) Freshness { return Useless },
			Fetch: func(ctx context.Context) ([]byte, error) {
				<-ctx.Done()
				return nil, ctx.Err()
			}}
		first, cancel := context.WithCancel(t.Context())
		ended := make(chan error)
		s := sh.session()
		go func() {
			_, err := s.Gathered(first, c)
			ended <- err
		}()
		time.Sleep(time.Second)
		second, cancelSecond := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancelSecond()
		if _, err := sh.session().Gathered(second, c); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("the second: %v", err)
		}
		cancel()
		if err := <-ended; !errors.Is(err, context.Canceled) {
			t.Errorf("the first: %v", err)
		}
	})
}
