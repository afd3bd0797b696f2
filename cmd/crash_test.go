package cmd

import (
	"bytes"
	"strings"
	"testing"
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
