// Package match finds things by parts of their names and numbers: "adm 0003" finds
// the role Admin in the account 111111110003.
package match

import (
	"slices"
	"sort"
	"strings"
	"unicode"
)

// A Query is words to look for, folded. The empty one finds everything.
type Query []string

// Words returns the query of what a user has typed: its words, wherever spaces
// separate them.
func Words(typed ...string) Query {
	return strings.Fields(Fold(strings.Join(typed, " ")))
}

// In reports whether a text contains all of the words, in upper or lower case.
func (q Query) In(text string) bool {
	if len(q) == 0 {
		return true
	}
	text = Fold(text)
	return !slices.ContainsFunc(q, func(word string) bool { return !strings.Contains(text, word) })
}

// All returns the indexes of the texts that contain all of the words.
func (q Query) All(texts []string) (found []int) {
	for i, text := range texts {
		if q.In(text) {
			found = append(found, i)
		}
	}
	return found
}

// Nearest returns the indexes of up to n texts that are most like the query, the
// best first. A typing error costs less than a word that is missing. Equally good
// texts stay in order.
func (q Query) Nearest(texts []string, n int) []int {
	words := q.runes()
	costs, order := make([]int, len(texts)), make([]int, len(texts))
	row := make([]int, 0, 64)
	for i, text := range texts {
		order[i], costs[i] = i, cost(words, Fold(text), &row)
	}
	sort.SliceStable(order, func(i, j int) bool { return costs[order[i]] < costs[order[j]] })
	return order[:min(n, len(order))]
}

// Typos is how many typing errors make the query of a part of a text.
func (q Query) Typos(text string) int {
	return cost(q.runes(), Fold(text), new([]int))
}

func (q Query) runes() (words [][]rune) {
	for _, word := range tokens(strings.Join(q, " ")) {
		words = append(words, []rune(word))
	}
	return words
}

// tokens returns the runs of letters and digits in a text.
func tokens(text string) []string {
	return strings.FieldsFunc(text, func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) })
}

// cost is how many typing errors make the words of parts of a text.
func cost(words [][]rune, text string, row *[]int) (sum int) {
	var parts []string
	for _, word := range words {
		if strings.Contains(text, string(word)) {
			continue
		}
		if parts == nil {
			parts = tokens(text)
		}
		least := len(word)
		for _, part := range parts {
			least = min(least, errorsIn(word, []rune(part), least, row))
		}
		sum += least
	}
	return sum
}

// errorsIn counts the letters to insert, remove or replace in a word, and the
// neighbors to swap, to make a part of a text of it, up to a limit.
//
// https://en.wikipedia.org/wiki/Damerau%E2%80%93Levenshtein_distance#Optimal_string_alignment_distance
func errorsIn(word, text []rune, limit int, rows *[]int) int {
	width := len(text) + 1
	need := 3 * width
	if cap(*rows) < need {
		*rows = make([]int, need)
	}
	buffer := (*rows)[:need]
	older, last, row := buffer[:width], buffer[width:2*width], buffer[2*width:]
	clear(last) // the part may start anywhere, and end anywhere
	for i := range word {
		row[0] = i + 1
		for j := range text {
			change := 1
			if word[i] == text[j] {
				change = 0
			}
			row[j+1] = min(last[j]+change, last[j+1]+1, row[j]+1)
			if i > 0 && j > 0 && word[i] == text[j-1] && word[i-1] == text[j] {
				row[j+1] = min(row[j+1], older[j-1]+1)
			}
		}
		older, last, row = last, row, older
	}
	return min(limit, slices.Min(last))
}
