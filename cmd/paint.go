package cmd

import (
	"fmt"
	"io"
	"regexp"
	"runtime"
	"strings"
	"time"
)

// paint gives words a colour where a person looks at a terminal. No word is
// told by its colour alone. The colours are the sixteen that people choose
// themselves, so that they can be read on dark and light.
type paint struct{ on bool }

// paint says whether w is to have colours: https://no-color.org.
func (a *App) paint(w io.Writer) paint {
	plain := a.getenv("NO_COLOR") != "" || a.getenv("TERM") == "dumb" ||
		runtime.GOOS == "windows" && a.getenv("WT_SESSION") == "" && a.getenv("TERM") == ""
	return paint{!plain && isTerminal(w)}
}

func (p paint) in(code, text prose) prose {
	if !p.on || text == "" {
		return text
	}
	return "\x1b[" + code + "m" + text + "\x1b[0m"
}

func (p paint) bold(text prose) prose   { return p.in("1", text) }
func (p paint) faint(text prose) prose  { return p.in("2", text) }
func (p paint) red(text prose) prose    { return p.in("31", text) }
func (p paint) green(text prose) prose  { return p.in("32", text) }
func (p paint) yellow(text prose) prose { return p.in("33", text) }

// columns is how wide what people read is made.
const columns = 80

// wrapped breaks text at spaces so that it fits between indent and the last
// column, and indents what follows the first line.
func wrapped(text prose, indent int) prose {
	if indent+width(text) <= columns {
		return text
	}
	return mapped(text, func(text string) string { return folded(text, indent) })
}

func folded(text string, indent int) string {
	var lines []string
	line := ""
	for word := range strings.FieldsSeq(text) {
		if line != "" && indent+width(line)+1+width(word) > columns {
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
const aCommand = `(?:^|: )(?:%s|chmod|sed -i|rm|sudo chown) [^,]*`

// wrapped breaks text like the function of that name, but no command: one that
// is broken cannot be copied from a terminal, and one that is too long for it can.
func (a *App) wrapped(text prose, indent int) prose {
	if indent+width(text) <= columns {
		return text
	}
	const glue = "\x00" // for a space
	command := regexp.MustCompile(fmt.Sprintf(aCommand, regexp.QuoteMeta(a.name())))
	return mapped(text, func(text string) string {
		text = command.ReplaceAllStringFunc(text, func(found string) string {
			rest, within := strings.CutPrefix(found, ": ")
			rest = strings.ReplaceAll(rest, " ", glue)
			if within {
				return ": " + rest
			}
			return rest
		})
		return strings.ReplaceAll(folded(text, indent), glue, " ")
	})
}

// width is how many columns a text takes on a terminal.
func width[T ~string](text T) (columns int) {
	for _, r := range text {
		columns += runeWidth(r)
	}
	return columns
}

// pad fills text up to n columns, by what is seen of it.
func pad(text prose, n int) prose { return text + spaces(n-width(text)) }

func spaces(n int) prose { return prosef("%*s", max(n, 0), "") }

// short says a time in as few letters as can be: "3d4h", "2h10m", "52m", "45s".
func short(d time.Duration) string {
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

// clock says when something is, as people would on that day.
func clock(t, now time.Time) string {
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

// ago says how long since t it is. One that is yet to come was noted by a clock
// that has been set back.
func ago(t, now time.Time) string {
	if ahead := t.Sub(now); ahead >= time.Minute {
		return short(ahead) + " from now"
	}
	return short(now.Sub(t)) + " ago"
}
