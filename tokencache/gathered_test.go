package tokencache

import (
	"context"
	"errors"
	"testing"
	"time"
)

func TestWhatIsGatheredIsKeptAndMayTakeLong(t *testing.T) {
	onWorld(t, func(m *world) {
		sh := &shelf{world: m}
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
		if stored, err := s.Stored(sh.Context(), c.Words); stored != nil || err != nil {
			sh.Errorf("stored before: %q, %v", stored, err)
		}
		for range 2 {
			if got, err := s.Gathered(sh.Context(), c); string(got) != "list" || err != nil {
				sh.Errorf("%q, %v", got, err)
			}
		}
		if stored, err := sh.session().Stored(sh.Context(), c.Words); string(stored) != "list" || err != nil || calls != 1 {
			sh.Errorf("stored: %q, %v, after %d calls", stored, err, calls)
		}
	})
}

func TestWhoWaitsForAGatheringEndsWithTheContext(t *testing.T) {
	onWorld(t, func(m *world) {
		sh := &shelf{world: m}
		c := Cached{Words: []string{"list"}, Op: "list", Judge: func([]byte, time.Time) Freshness { return Useless },
			Fetch: func(ctx context.Context) ([]byte, error) {
				<-ctx.Done()
				return nil, ctx.Err()
			}}
		first, cancel := context.WithCancel(sh.Context())
		ended := make(chan error)
		s := sh.session()
		go func() {
			_, err := s.Gathered(first, c)
			ended <- err
		}()
		time.Sleep(time.Second)
		second, cancelSecond := context.WithTimeout(sh.Context(), 10*time.Second)
		defer cancelSecond()
		if _, err := sh.session().Gathered(second, c); !errors.Is(err, context.DeadlineExceeded) {
			sh.Errorf("the second: %v", err)
		}
		cancel()
		if err := <-ended; !errors.Is(err, context.Canceled) {
			sh.Errorf("the first: %v", err)
		}
	})
}
