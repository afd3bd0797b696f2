//go:build unix

package child

import (
	"context"
	"os/exec"
	"syscall"
	"testing"
	"time"
)

// A key that stops or ends the command reaches both, and this process may be slow
// to see it: a second stop, or another status, would be an answer to a key that
// nobody pressed.
func TestASignalThatIsLateIsTheCommands(t *testing.T) {
	d := &Signals{Pause: func() func() { return func() {} }}
	ctx, stop := d.Defer(t.Context())
	defer stop()
	sh, err := exec.LookPath("sh")
	if err != nil {
		t.Fatal(err)
	}
	if err := d.Run(&Command{Path: sh, Args: []string{"sh", "-c", "exit 0"}}); err != nil {
		t.Fatal(err)
	}
	d.deferred <- syscall.SIGINT
	d.deferred <- syscall.SIGPIPE
	for late := time.Now().Add(10 * time.Second); len(d.deferred) > 0; {
		if <-time.After(time.Millisecond); time.Now().After(late) {
			t.Fatal("the signals were not taken")
		}
	}
	if ctx.Err() != nil {
		t.Errorf("it was ended: %v", context.Cause(ctx))
	}
}
