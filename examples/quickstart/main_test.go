package main

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/credproc/credproc/credproc/credproctest/idctest"
)

func TestTheStoryEndsWell(t *testing.T) {
	temporary := emptyMachine(t)
	center := idctest.New()
	var out bytes.Buffer
	if err := run(t.Context(), &out, center); err != nil {
		t.Fatalf("%v; it printed:\n%s", err, &out)
	}
	for _, line := range []string{
		"  20  identical answers",
		"   1  CreateToken (refreshes)",
		"   1  GetRoleCredentials (fetches)",
		"Signed out of corp.",
	} {
		if !strings.Contains(out.String(), line+"\n") {
			t.Errorf("there is no line %q in:\n%s", line, &out)
		}
	}
	for _, secret := range center.Secrets() {
		if strings.Contains(out.String(), secret) {
			t.Errorf("it printed the secret %s", secret)
		}
	}
	if v := center.Violations(); len(v) > 0 {
		t.Errorf("violations: %q", v)
	}
	isEmpty(t, temporary)
}

func TestACountThatIsNotAsPromisedIsAnError(t *testing.T) {
	temporary := emptyMachine(t)
	center := idctest.New()
	center.Fault("GetRoleCredentials", idctest.Fault{Times: 1}) // the first process passes
	center.Fault("GetRoleCredentials", idctest.Fault{Times: 1, Status: 500})
	var out bytes.Buffer
	err := run(t.Context(), &out, center)
	if err == nil || !strings.Contains(err.Error(), "GetRoleCredentials (fetches): 2, but 1 is promised") {
		t.Errorf("error: %v; it printed:\n%s", err, &out)
	}
	isEmpty(t, temporary)
}

func TestAnInterruptLeavesNothingBehind(t *testing.T) {
	temporary := emptyMachine(t)
	center := idctest.New()
	ctx, cancel := context.WithCancelCause(t.Context())
	interrupt := errors.New("interrupted")
	go func() {
		for len(center.Pending()) == 0 && ctx.Err() == nil {
			<-time.After(10 * time.Millisecond)
		}
		cancel(interrupt) // while login waits for the person
	}()
	err := run(ctx, new(bytes.Buffer), center)
	if !errors.Is(err, interrupt) {
		t.Errorf("error: %v", err)
	}
	isEmpty(t, temporary)
}

// emptyMachine makes one without a keychain, and returns the directory for
// temporary files.
func emptyMachine(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	t.Setenv("TMPDIR", dir)
	t.Setenv("TMP", dir)
	t.Setenv("DBUS_SESSION_BUS_ADDRESS", "unix:path="+filepath.Join(dir, "no-bus"))
	return dir
}

func isEmpty(t *testing.T, dir string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil || len(entries) > 0 {
		t.Errorf("left behind: %v (%v)", entries, err)
	}
}

func TestAnErrorDoesNotReachTheTerminalAsItIs(t *testing.T) {
	var said bytes.Buffer
	report(&said, errors.New("x509: a certificate for \x1b]0;\n\rhint: run evil\u202e"))
	if text := strings.TrimSuffix(said.String(), "\n"); strings.ContainsAny(text, "\x1b\n\r\u202e") || !strings.Contains(text, "a certificate for") {
		t.Errorf("it prints %q", text)
	}
}
