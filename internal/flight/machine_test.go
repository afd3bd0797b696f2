package flight_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/credproc/credproc/internal/flight"
	"github.com/credproc/credproc/internal/safedir"
)

// roles are what another process does. It writes a line for each step.
var roles = map[string]func(safedir.Dir) error{
	"fetch": func(dir safedir.Dir) error { return visit(dir, nil) },
	"fail":  func(dir safedir.Dir) error { return visit(dir, failure{Kind: "down", RetryAfter: time.Minute}) },
	"hang": func(dir safedir.Dir) error {
		c := visitor(dir).call()
		c.Op = "hang"
		c.Fetch = func(ctx context.Context) (string, error) {
			fmt.Println("fetching")
			<-ctx.Done()
			return "", ctx.Err()
		}
		_, err := flight.Do(context.Background(), new(flight.Group), c)
		return err
	},
	"wait": func(dir safedir.Dir) error {
		s := visitor(dir)
		c := s.call()
		c.Load = func(ctx context.Context, since time.Time, locked bool) (string, bool, error) {
			if s.looks.Load() == 3 { // the lock was held at three looks
				fmt.Println("waiting")
			}
			return s.load(ctx, since, locked)
		}
		thing, err := flight.Do(context.Background(), new(flight.Group), c)
		fmt.Println(thing)
		return err
	},
}

func visitor(dir safedir.Dir) *shop { return &shop{dir: dir, takes: 200 * time.Millisecond} }

// visit waits until all others are there, which the end of its input says.
func visit(dir safedir.Dir, fails error) error {
	s := visitor(dir)
	s.err = fails
	fmt.Println("ready")
	if _, err := io.Copy(io.Discard, os.Stdin); err != nil {
		return err
	}
	thing, err := flight.Do(context.Background(), new(flight.Group), s.call())
	if shared, ok := errors.AsType[*flight.SharedError](err); ok {
		fmt.Println("shared:", shared.Kind)
	} else if err != nil {
		fmt.Println("failed:", err)
	} else {
		fmt.Println(thing, "after", s.fetches.Load())
	}
	return nil
}

// A process is another one with a role.
type process struct {
	*exec.Cmd
	lines *bufio.Scanner
}

func start(t *testing.T, role string, dir safedir.Dir, stdin *os.File) *process {
	t.Helper()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	t.Cleanup(cancel)
	p := &process{Cmd: exec.CommandContext(ctx, exe)}
	p.Env = append(os.Environ(), "FLIGHT_TEST_ROLE="+role, "FLIGHT_TEST_DIR="+string(dir))
	p.Stderr = os.Stderr
	if stdin != nil {
		p.Stdin = stdin
	}
	out, err := p.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	p.lines = bufio.NewScanner(out)
	if err := p.Start(); err != nil {
		t.Fatal(err)
	}
	return p
}

// says checks the next line; "" is the end.
func (p *process) says(t *testing.T, want string) {
	t.Helper()
	p.lines.Scan()
	if got := p.lines.Text(); got != want {
		t.Fatalf("process %d says %q, want %q", p.Process.Pid, got, want)
	}
}

// crowd counts what thirty processes say that start together.
func crowd(t *testing.T, role string, dir safedir.Dir) map[string]int {
	t.Helper()
	gate, opener := pipe(t)
	var all []*process
	for range 30 {
		all = append(all, start(t, role, dir, gate))
	}
	for _, p := range all {
		p.says(t, "ready")
	}
	if err := opener.Close(); err != nil {
		t.Fatal(err)
	}
	said := map[string]int{}
	for _, p := range all {
		for p.lines.Scan() {
			said[p.lines.Text()]++
		}
		if err := p.Wait(); err != nil {
			t.Errorf("process %d: %v", p.Process.Pid, err)
		}
	}
	return said
}

func pipe(t *testing.T) (r, w *os.File) {
	t.Helper()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		r.Close()
		w.Close()
	})
	return r, w
}

func TestThirtyProcessesShareOneFetch(t *testing.T) {
	said := crowd(t, "fetch", newShop(t).dir)
	if len(said) != 2 || said["thing 1 after 1"] != 1 || said["thing 1 after 0"] != 29 {
		t.Errorf("they say %v", said)
	}
}

func TestThirtyProcessesShareOneFailure(t *testing.T) {
	said := crowd(t, "fail", newShop(t).dir)
	if len(said) != 2 || said["failed: failed"] != 1 || said["shared: down"] != 29 {
		t.Errorf("they say %v", said)
	}
}

func TestAKilledHolderIsFollowedByTheNext(t *testing.T) {
	dir := newShop(t).dir
	first := start(t, "hang", dir, nil)
	first.says(t, "fetching")
	if h, ok := flight.HeldBy(dir, name); !ok || h.PID != first.Process.Pid || h.Op != "hang" {
		t.Errorf("held by %v, want process %d", h, first.Process.Pid)
	}
	second := start(t, "wait", dir, nil)
	second.says(t, "waiting")
	if err := first.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	if err := first.Wait(); err == nil {
		t.Error("the first process has ended well")
	}
	// Well within its budget, which a lock that stays would use up.
	second.says(t, "thing 1")
	if err := second.Wait(); err != nil {
		t.Error(err)
	}
	if h, ok := flight.HeldBy(dir, name); ok {
		t.Errorf("held by %v after all have ended", h)
	}
}

func TestACallerInAnotherProcessSaysWhoHoldsTheLock(t *testing.T) {
	dir := newShop(t).dir
	other := start(t, "hang", dir, nil)
	other.says(t, "fetching")
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	_, _, err := flight.Lock(ctx, dir, theLock, op)
	busy, ok := err.(*flight.BusyError)
	if !ok || busy.Holder.PID != other.Process.Pid || !strings.Contains(err.Error(), fmt.Sprintf("process %d (hang, since ", other.Process.Pid)) {
		t.Errorf("error %v", err)
	}
	if err := other.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	if err := other.Wait(); err == nil {
		t.Error("the other process has ended well")
	}
	// Its word stays, but not its lock, and the lock is what counts.
	if h, ok := flight.HeldBy(dir, name); ok {
		t.Errorf("held by %v", h)
	}
	_, release, err := flight.Lock(t.Context(), dir, theLock, op)
	if err != nil {
		t.Fatal(err)
	}
	release()
}
