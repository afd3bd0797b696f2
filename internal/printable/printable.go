// Package printable makes text from outside safe to show.
//
// A certificate, a proxy's answer, the name of an account and a line of a config file
// may hold what a terminal obeys: control characters, line breaks, marks that change
// the direction of writing. Text for people gets [Line], JSON gets [JSON].
package printable

import (
	"fmt"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Most is how many runes of a message from outside are shown.
const Most = 500

// Line returns text as part of one line on a terminal or in a log: [Clean], of
// at most [Most] runes, without spaces at its ends.
func Line(text string) string { return strings.TrimSpace(Clean(text, Most)) }

// Clean returns text without what is not printable: control characters, line
// breaks, bidi controls, invisible characters and what is not UTF-8 become
// spaces. Of text longer than most runes the start is left, with an ellipsis.
func Clean(text string, most int) string {
	if plain(text) {
		return Head(text, most)
	}
	return Head(strings.Map(func(r rune) rune {
		if Is(r) {
			return r
		}
		return ' '
	}, strings.ToValidUTF8(text, " ")), most)
}

// Head returns the first runes of a text, at most so many, with an ellipsis if it
// has more.
func Head(text string, most int) string {
	if len(text) <= most {
		return text
	}
	for i := range text {
		if most == 0 {
			return text[:i] + "…"
		}
		most--
	}
	return text
}

// Is reports whether a rune is shown as a letter, a mark or a symbol of its own,
// or is the space. Invisible letters are not.
func Is(r rune) bool {
	return unicode.IsPrint(r) && !unicode.Is(unicode.Other_Default_Ignorable_Code_Point, r)
}

// JSON returns a JSON text in which everything in its strings that is not
// printable, and not escaped yet, is escaped with \u. Their values stay the
// same.
func JSON(text []byte) []byte {
	if !slices.ContainsFunc(text, func(b byte) bool { return b >= 0x7f }) {
		return text
	}
	escaped := make([]byte, 0, len(text)+64)
	for len(text) > 0 {
		r, size := utf8.DecodeRune(text)
		switch {
		case r < 0x7f, Is(r) && !(r == utf8.RuneError && size == 1):
			escaped = append(escaped, text[:size]...)
		case r > 0xffff:
			r -= 0x10000
			escaped = fmt.Appendf(escaped, `\u%04x\u%04x`, 0xd800+r>>10, 0xdc00+r&0x3ff)
		default:
			escaped = fmt.Appendf(escaped, `\u%04x`, r)
		}
		text = text[size:]
	}
	return escaped
}

// plain reports whether all of a text is printable ASCII, as most names are.
func plain(text string) bool {
	for i := range len(text) {
		if text[i] < ' ' || text[i] >= 0x7f {
			return false
		}
	}
	return true
}
