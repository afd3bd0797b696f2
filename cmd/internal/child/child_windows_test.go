package child

import (
	"context"
	"errors"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/credproc/credproc/cmd/internal/terminal"
)

func TestALineKeepsItsQuotes(t *testing.T) {
	for line, want := range map[string]string{
		`echo one`:                       "one",
		`echo "a b"`:                     `"a b"`,
		`echo "a b" "c d"`:               `"a b" "c d"`,
		`"cmd" /c echo "a b"`:            `"a b"`,
		`echo %COMSPEC:~0,0%x& echo "y"`: "x\n\"y\"",
		`echo "a & b"`:                   `"a & b"`,
	} {
		out, err := Shell(t.Context(), line).Output()
		if got := strings.ReplaceAll(strings.TrimSpace(string(out)), "\r", ""); got != want || err != nil {
			t.Errorf("%s prints %q, %v; want %q", line, got, err, want)
		}
	}
}

// deferring returns what gets signals, and the context that they end.
func deferring(t *testing.T) (*Signals, context.Context) {
	d := new(Signals)
	ctx, stop := d.Defer(t.Context())
	t.Cleanup(stop)
	return d, ctx
}

func TestTheEndOfTheConsoleEndsACommandInOrder(t *testing.T) {
	for s, want := range map[os.Signal]int{os.Interrupt: 130, syscall.SIGTERM: 143} {
		d, ctx := deferring(t)
		d.deferred <- s
		select {
		case <-ctx.Done():
		case <-time.After(10 * time.Second):
			t.Fatalf("%v does not end it", s)
		}
		if ended, ok := errors.AsType[*terminal.InterruptedError](context.Cause(ctx)); !ok || ended.Status != want {
			t.Errorf("%v ends it with %v", s, context.Cause(ctx))
		}
	}
}

func TestWhatTheConsoleTellsACommandIsItsOwn(t *testing.T) {
	d, ctx := deferring(t)
	cmd := Shell(t.Context(), "exit 7")
	err := d.Run(&Command{Path: cmd.Path, Args: []string{"cmd", "/c", "exit 7"}})
	if ended, ok := errors.AsType[*StatusError](err); !ok || ended.Status != 7 {
		t.Errorf("it ended with %v", err)
	}
	d.deferred <- syscall.SIGTERM
	for late := time.Now().Add(10 * time.Second); len(d.deferred) > 0; {
		if <-time.After(time.Millisecond); time.Now().After(late) {
			t.Fatal("the event was not taken")
		}
	}
	if ctx.Err() != nil {
		t.Errorf("it was ended: %v", context.Cause(ctx))
	}
}
