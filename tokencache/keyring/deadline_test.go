package keyring

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// foreign is a keyring of another package, whose calls do as they like.
type foreign struct {
	Memory
	do func(ctx context.Context) error
}

func (*foreign) Name() string { return "vault" }

func (f *foreign) Get(ctx context.Context, item string) (string, error) {
	if err := f.do(ctx); err != nil {
		return "not to be seen", err
	}
	return f.Memory.Get(ctx, item)
}

func (f *foreign) Set(ctx context.Context, item, secret string) error {
	return errors.Join(f.do(ctx), f.Memory.Set(ctx, item, secret))
}

func (f *foreign) Delete(ctx context.Context, item string) error { return f.do(ctx) }

// calls are the three calls of a keyring, by what an [Error] names them.
func calls(ctx context.Context, k Keyring) map[string]error {
	secret, err := k.Get(ctx, "item")
	if err != nil && secret != "" {
		err = fmt.Errorf("with %q: %w", secret, err)
	}
	return map[string]error{"read": err, "store": k.Set(ctx, "item", "secret"), "delete": k.Delete(ctx, "item")}
}

// A keychain that answers a ping and then nothing more is given up: go-keyring
// itself would wait for ever. So is a keyring that heeds no context.
func TestACallThatNeverComesBackIsGivenUp(t *testing.T) {
	for mayPrompt, limit := range map[bool]time.Duration{false: 25 * time.Second, true: time.Minute} {
		synctest.Test(t, func(t *testing.T) {
			began, back := time.Now(), make(chan string)
			var called atomic.Int32
			k := Bounded(&foreign{do: func(context.Context) error { called.Add(1); <-back; return nil }}, mayPrompt)
			for op, err := range calls(t.Context(), k) { // each waits for the first, and no longer than that
				e, ok := errors.AsType[*Error](err)
				if !ok || e.Keyring != "vault" || e.Op != op || !errors.Is(err, ErrUnavailable) || errors.Is(err, context.DeadlineExceeded) {
					t.Errorf("%s: %v", op, err)
				}
			}
			if took := time.Since(began); took != 3*limit || called.Load() != 1 {
				t.Errorf("with leave to ask %v it took %v, for %d calls", mayPrompt, took, called.Load())
			}
			close(back)
			synctest.Wait()
			if err := k.Set(t.Context(), "item", "secret"); err != nil {
				t.Errorf("once it has come back: %v", err)
			}
		})
	}
}

func TestWhoGivesUpACallGetsTheErrorOfTheContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		back := make(chan string)
		defer close(back)
		k := Bounded(&foreign{do: func(context.Context) error { <-back; return nil }}, false)
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(time.Second, cancel)
		for op, err := range calls(ctx, k) {
			if !errors.Is(err, context.Canceled) || !errors.Is(err, ErrUnavailable) {
				t.Errorf("%s: %v", op, err)
			}
		}
	})
}

func TestAKeyringIsCalledOnceAtATime(t *testing.T) {
	var now, most atomic.Int32
	k := Bounded(&foreign{do: func(context.Context) error {
		if n := now.Add(1); n > 1 {
			most.Store(n)
		}
		runtime.Gosched()
		now.Add(-1)
		return nil
	}}, false)
	together(20, func(int) {
		if err := k.Set(t.Context(), "item", "secret"); err != nil {
			t.Error(err)
		}
	})
	if most.Load() > 0 {
		t.Errorf("%d calls at once", most.Load())
	}
}

func TestAnErrorOfAnotherKeyringSaysWhatKindItIs(t *testing.T) {
	cause := errors.New("pass: exit status 1")
	for _, tt := range []struct {
		err, kind error
		text      string
	}{
		{cause, ErrUnavailable, "vault keyring: %s: keyring unavailable (pass: exit status 1)"},
		{ErrLocked, ErrLocked, "vault keyring: %s: keyring locked"},
		{fmt.Errorf("%w: %w", ErrTooBig, cause), ErrTooBig, "exit status 1"},
		{fmt.Errorf("%w: %w", ErrUnreadable, cause), ErrUnreadable, "exit status 1"},
		{errors.Join(cause, ErrUnavailable), ErrUnavailable, "exit status 1"},
		{fmt.Errorf("%w: %w", ErrNotFound, ErrLocked), ErrLocked, "not in the keyring"},
		{&Error{Keyring: "other", Op: "%s", Kind: cause}, ErrUnavailable, "vault keyring"},
		{&Error{Keyring: "other", Op: "%s"}, ErrUnavailable, "vault keyring"},
		{fmt.Errorf("wrapped: %w", &Error{Keyring: "other", Op: "dial", Kind: ErrLocked}), ErrLocked, "wrapped: other keyring: dial: keyring locked"},
	} {
		for op, err := range calls(t.Context(), Bounded(&foreign{do: func(context.Context) error { return tt.err }}, false)) {
			_, ok := errors.AsType[*Error](err)
			want := strings.ReplaceAll(tt.text, "%s", op)
			if !ok || !errors.Is(err, tt.kind) || errors.Is(err, ErrNotFound) || !strings.Contains(err.Error(), want) {
				t.Errorf("%v of %s is %v, want %s", tt.err, op, err, want)
			}
			if errors.Is(tt.err, cause) && !errors.Is(err, cause) {
				t.Errorf("%v of %s has lost its cause", tt.err, op)
			}
		}
	}
}

func TestAnItemThatIsNotThereIsOneThingToEveryKeyring(t *testing.T) {
	for _, missing := range []error{ErrNotFound, fmt.Errorf("vault: %w", ErrNotFound), &Error{Keyring: "vault", Op: "read", Kind: ErrNotFound}} {
		got := calls(t.Context(), Bounded(&foreign{do: func(context.Context) error { return missing }}, false))
		if got["read"] != ErrNotFound || got["delete"] != nil {
			t.Errorf("%v: %v", missing, got)
		}
		if !errors.Is(got["store"], ErrUnavailable) || errors.Is(got["store"], ErrNotFound) {
			t.Errorf("%v: stored: %v", missing, got["store"])
		}
	}
}

// As t.FailNow does in a keyring of a test.
func TestACallThatEndsItsGoroutineEndsTheCallers(t *testing.T) {
	k := Bounded(&foreign{do: func(context.Context) error { runtime.Goexit(); return nil }}, false)
	ended := make(chan bool)
	for range 2 { // the turn is given back, too
		go func() {
			defer func() { ended <- true }()
			k.Get(t.Context(), "item")
			t.Error("it goes on")
		}()
		<-ended
	}
}

func TestTheKeyringsOfThisPackageEndTheirCallsThemselves(t *testing.T) {
	for _, k := range []Keyring{new(osKeyring), new(kernelKeyring), new(fileKeyring), new(plainKeyring), new(Memory)} {
		if Bounded(k, false) != k {
			t.Errorf("%T is bounded twice", k)
		}
	}
	other := Bounded(new(foreign), false)
	if Bounded(other, false) != other {
		t.Error("bounded twice")
	}
}
