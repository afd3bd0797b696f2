package terminal

import (
	"fmt"
	"regexp"
	"runtime"
	"strings"
	"time"
)

// Paint gives words a color where a person looks at a terminal. No word is
// told by its color alone. The colors are the sixteen that people choose
// themselves, so that they can be read on dark and light.
type Paint struct{ on bool }

// paintOn says whether a stream is to have colors: https://no-color.org.
func (t *Terminal) paintOn(stream any) Paint {
	plain := t.env("NO_COLOR") != "" || t.env("TERM") == "dumb" ||
		runtime.GOOS == "windows" && t.env("WT_SESSION") == "" && t.env("TERM") == ""
	return Paint{!plain && Is(stream)}
}

func (p Paint) in(code, text Prose) Prose {
	if !p.on || text == "" {
		return text
	}
	return "\x1b[" + code + "m" + text + "\x1b[0m"
}

// Bold returns text in bold.
func (p Paint) Bold(text Prose) Prose { return p.in("1", text) }

// Faint returns text in a faint color.
func (p Paint) Faint(text Prose) Prose { return p.in("2", text) }

// Red returns text in red.
func (p Paint) Red(text Prose) Prose { return p.in("31", text) }

// Green returns text in green.
func (p Paint) Green(text Prose) Prose { return p.in("32", text) }

// Yellow returns text in yellow.
func (p Paint) Yellow(text Prose) Prose { return p.in("33", text) }

// Diff returns a unified difference with its lines colored.
func (p Paint) Diff(text Prose) Prose {
	if !p.on {
		return text
	}
	return mapped(text, func(text string) string {
		var painted strings.Builder
		for line := range strings.Lines(text) {
			line, code := strings.TrimSuffix(line, "\n"), ""
			for _, kind := range []struct{ prefix, code string }{
				{"diff ", "1"}, {"--- ", "1"}, {"+++ ", "1"}, {"@@ ", "36"}, {"+", "32"}, {"-", "31"},
			} {
				if code == "" && strings.HasPrefix(line, kind.prefix) {
					code = kind.code
				}
			}
			if code != "" {
				line = "\x1b[" + code + "m" + line + "\x1b[0m"
			}
			painted.WriteString(line + "\n")
		}
		return painted.String()
	})
}

// Columns is how wide what people read is made.
const Columns = 80

// Wrap breaks text at spaces so that it fits between indent and the last
// column, and indents what follows the first line.
func Wrap(text Prose, indent int) Prose {
	if indent+Width(text) <= Columns {
		return text
	}
	return mapped(text, func(text string) string { return folded(text, indent) })
}

func folded(text string, indent int) string {
	var lines []string
	line := ""
	for word := range strings.FieldsSeq(text) {
		if line != "" && indent+Width(line)+1+Width(word) > Columns {
			lines = append(lines, line)
			line = ""
		}
		if line != "" {
			line += " "
		}
		line += word
	}
	return strings.Join(append(lines, line), "\n"+strings.Repeat(" ", indent))
}

// aCommand is a command for a shell, alone or within a sentence.
const aCommand = `(?:^|: )(?:%s|chmod|sed -i|rm|del|sudo chown) [^,]*`

// WrapCommands breaks text as wrapped does, but no command of the program, or
// of the few others that fix something: one that is broken cannot be copied from
// a terminal, and one that is too long for it can.
func WrapCommands(text Prose, indent int, program string) Prose {
	if indent+Width(text) <= Columns {
		return text
	}
	const glue = "\x00" // for a space
	command := regexp.MustCompile(fmt.Sprintf(aCommand, regexp.QuoteMeta(program)))
	return mapped(text, func(text string) string {
		text = command.ReplaceAllStringFunc(text, func(match string) string {
			rest, within := strings.CutPrefix(match, ": ")
			rest = strings.ReplaceAll(rest, " ", glue)
			if within {
				return ": " + rest
			}
			return rest
		})
		return strings.ReplaceAll(folded(text, indent), glue, " ")
	})
}

// Width is how many columns a text takes on a terminal.
func Width[T ~string](text T) (columns int) {
	for _, r := range text {
		columns += runeWidth(r)
	}
	return columns
}

// Pad fills text up to n columns, by what is seen of it.
func Pad(text Prose, n int) Prose { return text + Spaces(n-Width(text)) }

// Spaces returns n of them.
func Spaces(n int) Prose { return Prosef("%*s", max(n, 0), "") }

// Short says a time in as few letters as can be: "3d4h", "2h10m", "52m", "45s".
func Short(d time.Duration) string {
	d = max(d, 0)
	days, hours, minutes := int(d.Hours())/24, int(d.Hours())%24, int(d.Minutes())%60
	switch {
	case days > 0 && hours > 0:
		return fmt.Sprintf("%dd%dh", days, hours)
	case days > 0:
		return fmt.Sprintf("%dd", days)
	case hours > 0 && minutes > 0:
		return fmt.Sprintf("%dh%dm", hours, minutes)
	case hours > 0:
		return fmt.Sprintf("%dh", hours)
	case minutes > 0:
		return fmt.Sprintf("%dm", minutes)
	}
	return fmt.Sprintf("%ds", int(d.Seconds()))
}

// Clock says when something is, as people would on that day.
func Clock(t, now time.Time) string {
	t, now = t.Local(), now.Local()
	day := func(t time.Time) string { return t.Format(time.DateOnly) }
	switch {
	case day(t) == day(now):
		return "today " + t.Format("15:04")
	case day(t) == day(now.AddDate(0, 0, 1)):
		return "tomorrow " + t.Format("15:04")
	case day(t) == day(now.AddDate(0, 0, -1)):
		return "yesterday " + t.Format("15:04")
	case t.Sub(now) < 6*24*time.Hour && now.Sub(t) < 6*24*time.Hour:
		return t.Format("Mon 15:04")
	}
	return t.Format("2006-01-02 15:04")
}

// Ago says how long since t it is. One that is yet to come was noted by a clock
// that has been set back.
func Ago(t, now time.Time) string {
	if ahead := t.Sub(now); ahead >= time.Minute {
		return Short(ahead) + " from now"
	}
	return Short(now.Sub(t)) + " ago"
}

// Count says how many of something: "1 file", "2 files".
func Count(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

// Roughly says a time in words that people need not compute with.
func Roughly(d time.Duration) string {
	switch {
	case d < 0:
		return "no time"
	case d < 2*time.Minute:
		return fmt.Sprintf("%d seconds", int(d.Seconds()))
	case d < 2*time.Hour:
		return fmt.Sprintf("%d minutes", int(d.Round(time.Minute).Minutes()))
	case d < 48*time.Hour:
		return fmt.Sprintf("%d hours", int(d.Round(time.Hour).Hours()))
	}
	return fmt.Sprintf("%d days", int(d.Hours()/24))
}
