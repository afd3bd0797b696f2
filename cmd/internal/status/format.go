package status

import (
	"regexp"
	"strings"
	"sync"
	"time"

	"github.com/credproc/credproc/internal/printable"
)

var placeholder = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`\{[^{}]*\}`) })

// Unknown returns what is in a format and is never replaced, or "".
func Unknown(format string) string {
	known := (&Session{}).Values(nil, time.Time{})
	for _, name := range placeholder().FindAllString(format, -1) {
		if _, ok := known[name]; !ok {
			return name
		}
	}
	return ""
}

// Formatted is a line for each session.
func Formatted(format string, profile *Profile, sessions []Session) string {
	now := time.Now()
	var text strings.Builder
	for _, s := range sessions {
		values := s.Values(profile, now)
		text.WriteString(placeholder().ReplaceAllStringFunc(format, func(name string) string { return printable.Line(values[name]) }) + "\n")
	}
	return text.String()
}
