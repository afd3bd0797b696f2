package terminal

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/credproc/credproc/internal/printable"
)

// Prose is text that people are shown as it is: words of this program, with its
// line breaks and colors, in which what came from elsewhere is printable.
// Constants are prose. Nothing else becomes it but here.
type Prose string

// longest is how many runes are shown of one value that came from elsewhere.
const longest = 2000

// Prosef is [fmt.Sprintf] for people. Arguments that are prose keep their line
// breaks and colors; of all others only what is printable is left.
func Prosef(format Prose, args ...any) Prose {
	shown := make([]any, len(args))
	for i, arg := range args {
		switch arg.(type) {
		case Prose, int: // a width may be an int
			shown[i] = arg
		default:
			shown[i] = foreign{arg}
		}
	}
	return Prose(fmt.Sprintf(string(format), shown...))
}

// foreign is a value that came from elsewhere.
type foreign struct{ value any }

// Format implements [fmt.Formatter].
func (v foreign) Format(f fmt.State, verb rune) {
	value := v.value
	if err, ok := value.(error); ok && err != nil && verb != 'T' {
		value = strings.ReplaceAll(string(ErrorText(err)), "\n", "; ")
	}
	io.WriteString(f, printable.Clean(fmt.Sprintf(fmt.FormatString(f, verb), value), longest))
}

// Line is text from elsewhere on one line.
func Line(text string) Prose {
	return Prose(strings.TrimSpace(printable.Clean(text, longest)))
}

// ErrorText is an error for people: one line, or, if several were joined, one for
// each.
func ErrorText(err error) Prose {
	many, ok := err.(interface{ Unwrap() []error })
	if !ok || err.Error() != errors.Join(many.Unwrap()...).Error() {
		return cmp.Or(Line(err.Error()), "an error with no printable text")
	}
	var lines []Prose
	for _, one := range many.Unwrap() {
		if one != nil {
			lines = append(lines, ErrorText(one))
		}
	}
	return Join(lines, "\n")
}

// Join is [strings.Join] for prose, and makes it of names.
func Join[T ~string](parts []T, between Prose) Prose {
	var text strings.Builder
	for i, part := range parts {
		if i > 0 {
			text.WriteString(string(between))
		}
		text.WriteString(string(Prosef("%s", any(part))))
	}
	return Prose(text.String())
}

// Some joins the first of the names, at most so many, and counts the rest.
func Some(names []string, most int) Prose {
	if len(names) <= most {
		return Join(names, ", ")
	}
	return Join(names[:most], ", ") + Prosef(" and %d more", len(names)-most)
}

// Lines is text from elsewhere that people are shown line by line, as a
// difference between files is.
func Lines(text string) Prose {
	var shown []Prose
	for line := range strings.Lines(text) {
		shown = append(shown, Prose(printable.Clean(strings.TrimRight(line, "\r\n"), longest))+"\n")
	}
	return Join(shown, "")
}

// TrimSuffix is prose without a suffix.
func TrimSuffix(text Prose, suffix string) Prose {
	return Prose(strings.TrimSuffix(string(text), suffix))
}

// mapped changes prose letter by letter, or otherwise in ways that bring nothing
// new into it.
func mapped(text Prose, change func(string) string) Prose { return Prose(change(string(text))) }

// EncodeJSON returns a line of JSON, or several with an indentation, in which all is
// escaped that a terminal would obey.
func EncodeJSON(value any, indent string) ([]byte, error) {
	var text strings.Builder
	enc := json.NewEncoder(&text)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", indent)
	err := enc.Encode(value)
	return printable.JSON([]byte(text.String())), err
}
