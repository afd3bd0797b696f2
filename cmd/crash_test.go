package cmd

import (
	"bytes"
	"fmt"
	"os"
	"strings"
	"syscall"
	"testing"

	"github.com/credproc/credproc/credproc"
	"github.com/credproc/credproc/tokencache"
	"github.com/credproc/credproc/tokencache/keyring"
)

func TestAFaultOfTheProgramIsOneLineWithoutAValue(t *testing.T) {
	for _, debug := range []bool{false, true} {
		var stderr bytes.Buffer
		dir := t.TempDir()
		app := &App{Stdout: new(bytes.Buffer), Stderr: &stderr, Getenv: func(name string) string {
			switch {
			case name == "CREDPROC_DIR":
				return dir
			case name == "CREDPROC_LOG" && debug:
				return "debug"
			case name == "AWS_PROFILE":
				panic("a secret")
			}
			return ""
		}}
		status := app.Run(t.Context(), []string{"status", "--quiet"})
		said := stderr.String()
		if status != 1 || !strings.Contains(said, "credproc: internal error: a panic with a value of type string\n") || strings.Contains(said, "a secret") {
			t.Errorf("exit status %d\n%s", status, said)
		}
		if strings.Contains(said, "crash_test.go") != debug {
			t.Errorf("debug: %v\n%s", debug, said)
		}
	}
}

func TestWhatTheSystemHasRunOutOfIsNobodysFault(t *testing.T) {
	for _, errno := range []syscall.Errno{syscall.EMFILE, syscall.ENFILE, syscall.ENOMEM} {
		open := &os.PathError{Op: "open", Path: "/x", Err: errno}
		for _, err := range []error{
			open, &credproc.ConfigError{Err: open},
			&keyring.Error{Keyring: "plaintext", Op: "read", Kind: keyring.ErrUnavailable, Err: open},
			&tokencache.RecordError{What: "client registration", Session: "corp", Err: open},
			&tokencache.ServiceError{Op: "renew", Err: fmt.Errorf("dial: %w", open)},
		} {
			say := advise(new(App), err)
			if say.status != 1 || !strings.Contains(string(say.more), "raise the limit") || say.hint != "" {
				t.Errorf("%T: %+v", err, say)
			}
		}
	}
}
