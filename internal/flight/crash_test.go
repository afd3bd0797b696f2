package flight

import (
	"context"
	"errors"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/credproc/credproc/internal/safedir"
)

func TestAPanicInAFlightIsAnErrorThatShowsNoValue(t *testing.T) {
	dir := safedir.Dir(t.TempDir())
	for want, crash := range map[string]func(){
		"internal error: a panic with a value of type string":                              func() { panic("a secret") },
		"internal error: runtime error: invalid memory address or nil pointer dereference": func() { var p *Holder; p.PID++ },
	} {
		call := Call[int]{
			Dir: dir, Name: Session("a"), Op: "crash",
			Load:  func(context.Context, time.Time, bool) (int, bool, error) { return 0, false, nil },
			Fetch: func(context.Context) (int, error) { crash(); return 1, nil },
		}
		_, err := Do(t.Context(), new(Group), call)
		e, ok := errors.AsType[*CrashError](err)
		if !ok || e.Error() != want || strings.Contains(e.Stack, "a secret") || !strings.Contains(e.Stack, "crash_test.go") {
			t.Errorf("got %v, want %s", err, want)
		}
		// Its lock is free again.
		_, release, err := Lock(t.Context(), dir, Session("a"), "look")
		if err != nil {
			t.Fatal(err)
		}
		release()
	}
}

// shortError is a failure that is shared, of a process that has no files left.
type shortError struct{}

func (shortError) Error() string    { return "too many open files" }
func (shortError) Unwrap() error    { return syscall.EMFILE }
func (shortError) Failure() Failure { return Failure{Kind: "test", Reason: "too many open files"} }

func TestWhatAProcessLacksIsNotAFailureOfOthers(t *testing.T) {
	call := Call[int]{
		Dir: safedir.Dir(t.TempDir()), Name: Session("a"), Op: "fail",
		Load:  func(context.Context, time.Time, bool) (int, bool, error) { return 0, false, nil },
		Fetch: func(context.Context) (int, error) { return 0, shortError{} },
	}
	if _, err := Do(t.Context(), new(Group), call); !errors.Is(err, syscall.EMFILE) {
		t.Fatal(err)
	}
	if f := LastFailure(call.Dir, call.Name.String()); f != nil {
		t.Errorf("others are told %+v", f)
	}
}
