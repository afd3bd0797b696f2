package main

import (
	"fmt"
	"os/exec"
	"strings"
	"testing"
)

// Each step of an answer is the one that gets no file, and it is never that
// step's fault.
func TestWithFewOpenFilesTheLimitIsNamed(t *testing.T) {
	m := newMachine(t, "plaintext")
	m.env = []string{unqueued}
	m.expired()
	worked := false
	for n := 4; n < 20 && !worked; n++ {
		for _, args := range [][]string{process(admin), {"status"}} {
			c := m.command(args...)
			c.Args = append([]string{"sh", "-c", fmt.Sprintf(`ulimit -n %d; exec "$0" "$@"`, n)}, c.Args...)
			var err error
			if c.Path, err = exec.LookPath("sh"); err != nil {
				t.Fatal(err)
			}
			o := m.finish(c)
			worked = o.status == 0
			if !worked && (o.status != 1 || !strings.Contains(o.stderr, "raise the limit") || strings.Contains(o.stderr, "goroutine")) {
				t.Errorf("%d files: %v: exit status %d\n%s", n, args, o.status, o.stderr)
			}
		}
	}
	if !worked {
		t.Error("20 files are not enough")
	}
}
