package match

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// Fold returns a text as [Query.Rate] and [Query.Letters] want it: in lower case,
// with as many runes as it had.
func Fold(text string) string { return strings.Map(unicode.ToLower, text) }

// Rate tells how well a folded text matches all of the words. The letters of a word
// need not be neighbors in it, but such a match is rated lowest.
func (q Query) Rate(text string) (score int, ok bool) {
	for _, word := range q {
		s, ok := rate(text, word)
		if !ok {
			return 0, false
		}
		score += s
	}
	return score, true
}

// rate rates a word that is in the text as it is above one whose letters are in it
// one after the other, the start of a word above its end, and that above its
// middle: of an account ID people know the last digits.
func rate(text, word string) (score int, ok bool) {
	if first, at := occurrence(text, word); at >= 0 {
		return 1000 - min(first, 100) + bonus(text, at, at+len(word)), true
	}
	letters := spread(text, word)
	gaps := 0
	for i, at := range letters {
		if i > 0 && at != letters[i-1]+utf8.RuneLen(runeAt(text, letters[i-1])) {
			gaps++
		}
	}
	return -10 * gaps, letters != nil
}

const atStart, atEnd = 500, 250

func bonus(text string, from, to int) int {
	switch {
	case from == 0 || !isWordByte(text[from-1]):
		return atStart
	case to == len(text) || !isWordByte(text[to]):
		return atEnd
	}
	return 0
}

// occurrence returns where a word is in a text first, and where it is best. Both are
// -1 if it is not in it.
func occurrence(text, word string) (first, best int) {
	first = strings.Index(text, word)
	best = first
	for at := first; at >= 0; {
		switch here := bonus(text, at, at+len(word)); {
		case here == atStart:
			return first, at
		case here > bonus(text, best, best+len(word)):
			best = at
		}
		next := strings.Index(text[at+1:], word)
		if next < 0 {
			break
		}
		at += 1 + next
	}
	return first, best
}

// spread returns where the letters of a word are in a text one after the other, or
// nil.
func spread(text, word string) (at []int) {
	from := 0
	for _, letter := range word {
		i := strings.IndexRune(text[from:], letter)
		if i < 0 {
			return nil
		}
		at = append(at, from+i)
		from += i + utf8.RuneLen(letter)
	}
	return at
}

func runeAt(text string, at int) rune {
	r, _ := utf8.DecodeRuneInString(text[at:])
	return r
}

// Letters returns which runes of a folded text the words match.
func (q Query) Letters(text string) map[int]bool {
	runes := map[int]bool{}
	mark := func(from, to int) {
		for i := utf8.RuneCountInString(text[:from]); from < to; i++ {
			runes[i] = true
			from += utf8.RuneLen(runeAt(text, from))
		}
	}
	for _, word := range q {
		if _, at := occurrence(text, word); at >= 0 {
			mark(at, at+len(word))
			continue
		}
		for _, at := range spread(text, word) {
			mark(at, at+1)
		}
	}
	return runes
}

func isWordByte(b byte) bool {
	return b >= utf8.RuneSelf || b >= '0' && b <= '9' || b >= 'a' && b <= 'z'
}
