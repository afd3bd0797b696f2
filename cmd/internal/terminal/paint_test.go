package terminal

import (
	"strings"
	"testing"
	"time"
)

func TestACommandStaysOnALine(t *testing.T) {
	const command = "sed -i '1s/^\\xEF\\xBB\\xBF//' '/home/ann/a directory/of the company/.aws/config'"
	for text, want := range map[string]string{
		"save it as UTF-8 without BOM: " + command:                      "save it as UTF-8 without BOM:\n  " + command,
		command + ", or write the file again":                           command + ",\n  or write the file again",
		"acme aws login " + strings.Repeat("a", 70):                     "acme aws login " + strings.Repeat("a", 70),
		"so many words about acme aws login " + strings.Repeat("a", 70): "so many words about acme aws login\n  " + strings.Repeat("a", 70),
	} {
		if got := string(WrapCommands(Prose(text), 2, "acme aws")); got != want {
			t.Errorf("%s\nis wrapped as\n%s", text, got)
		}
	}
}

func TestRoughly(t *testing.T) {
	for d, want := range map[time.Duration]string{
		-time.Second: "no time", 0: "0 seconds", 119 * time.Second: "119 seconds", 2 * time.Minute: "2 minutes",
		9*time.Minute + 59*time.Second: "10 minutes", 119 * time.Minute: "119 minutes", 2 * time.Hour: "2 hours",
		47*time.Hour + 59*time.Minute: "48 hours", 90 * 24 * time.Hour: "90 days",
	} {
		if got := Roughly(d); got != want {
			t.Errorf("%v: %q, want %q", d, got, want)
		}
	}
}
