package loopback

import (
	"context"
	"errors"
	"net"
	"net/http"
	"os"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// holdersOf returns what a server is told of the client of a connection.
func holdersOf(t *testing.T, dial func(addr string)) (h Holders, kept []any) {
	t.Helper()
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	web := NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if h, err = HoldersOf(r.Context(), r); err != nil {
			t.Error(err)
		}
		kept = append(kept, Kept(r))
		Keep(r, len(kept))
	}), 4096)
	done := make(chan struct{})
	go func() { Serve(web, l); close(done) }()
	dial(l.Addr().String())
	web.Close()
	<-done
	return h, kept
}

func get(t *testing.T, c *http.Client, addr string) {
	t.Helper()
	answer, err := c.Get("http://" + addr)
	if err != nil {
		t.Error(err)
		return
	}
	answer.Body.Close()
}

func TestTheProcessThatAsksIsKnownAndWhatIsKeptStaysWithItsConnection(t *testing.T) {
	h, kept := holdersOf(t, func(addr string) {
		one, other := &http.Client{Transport: new(http.Transport)}, &http.Client{Transport: new(http.Transport)}
		defer one.CloseIdleConnections()
		defer other.CloseIdleConnections()
		for _, c := range []*http.Client{one, one, other, one} {
			get(t, c, addr)
		}
	})
	if tells := slices.Contains([]string{"linux", "windows", "darwin"}, runtime.GOOS); tells && !slices.Equal(h.PIDs, []int{os.Getpid()}) || h.Closed != nil {
		t.Errorf("%+v, want process %d", h, os.Getpid())
	}
	if want := []any{nil, 1, nil, 2}; !slices.Equal(kept, want) {
		t.Errorf("kept is %v, want %v", kept, want)
	}
}

func TestARequestWithoutAServerOfOursHasNoHolders(t *testing.T) {
	r, err := http.NewRequest(http.MethodGet, "http://127.0.0.1/", nil)
	if err != nil {
		t.Fatal(err)
	}
	Keep(r, 1)
	if h, err := HoldersOf(t.Context(), r); err != nil || h.PIDs != nil || h.Closed != nil || Kept(r) != nil {
		t.Errorf("%+v, %v, %v", h, err, Kept(r))
	}
}

func TestThoseWhoLookAtOnceShareALookThatBeganAfterTheyCame(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		turns := newTurns[int64]()
		var looks atomic.Int64
		look := func(context.Context) (int64, error) {
			number := looks.Add(1)
			time.Sleep(time.Second)
			return number, nil
		}
		var all sync.WaitGroup
		for i := range 100 {
			all.Go(func() {
				time.Sleep(time.Duration(i) * 10 * time.Millisecond)
				number, err := turns.do(t.Context(), look)
				if want := int64(min(i+1, 2)); number != want || err != nil {
					t.Errorf("number %d: look %d, want %d; %v", i, number, want, err)
				}
			})
		}
		all.Wait()
		if n := looks.Load(); n != 2 {
			t.Errorf("%d looks", n)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
		defer cancel()
		go turns.do(t.Context(), look)
		synctest.Wait()
		if _, err := turns.do(ctx, look); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("one who waits no longer: %v", err)
		}
		if number, err := turns.do(t.Context(), look); number != 4 || err != nil {
			t.Errorf("look %d, %v", number, err)
		}
	})
}
