package agent

import (
	"errors"
	"path"
	"strconv"
	"strings"
)

// Patterns say which roles: "profile:GLOB" by the names of the profiles that lead
// there, and "role:ACCOUNT/ROLE". "*" stands for any text, a "/" as well.
type Patterns []string

var errPattern = errors.New("must be profile:GLOB or role:ACCOUNT/ROLE, with the wildcards * and ?")

// ParsePatterns checks patterns.
func ParsePatterns(words []string) (Patterns, error) {
	for _, word := range words {
		kind, glob, ok := strings.Cut(word, ":")
		account, role, isRole := strings.Cut(glob, "/")
		_, err := path.Match(flat(glob), "")
		if !ok || glob == "" || err != nil || kind != "profile" && kind != "role" || kind == "role" && (!isRole || account == "" || role == "") {
			return nil, errPattern
		}
	}
	return words, nil
}

// Profile reports whether a profile is meant by its name.
func (p Patterns) Profile(name string) bool { return p.has("profile", name) }

// Role reports whether a role is meant by its account and its own name.
func (p Patterns) Role(account, role string) bool { return p.has("role", account+"/"+role) }

func (p Patterns) has(kind, text string) bool {
	for _, pattern := range p {
		of, glob, _ := strings.Cut(pattern, ":")
		if ok, _ := path.Match(flat(glob), flat(text)); ok && of == kind {
			return true
		}
	}
	return false
}

func flat(text string) string { return strings.ReplaceAll(text, "/", "\x00") }

// Rule is what agents may have: everything, or the roles that patterns mean.
type Rule struct {
	All bool
	Patterns
}

// ParseRule reads "none", "all", or patterns with spaces or commas between them.
func ParseRule(text string) (Rule, error) {
	words := Words(text)
	switch {
	case len(words) == 1 && words[0] == "none":
		return Rule{}, nil
	case len(words) == 1 && words[0] == "all":
		return Rule{All: true}, nil
	case len(words) == 0:
		return Rule{}, errors.New("must be none, all, or patterns such as profile:GLOB and role:ACCOUNT/ROLE")
	}
	patterns, err := ParsePatterns(words)
	return Rule{Patterns: patterns}, err
}

// ParseAllow reads what may be had of an endpoint, by what its user has written: "none" or
// "all" alone, or patterns, in which the name of a profile may do without "profile:".
// What can be a profile or a role must say which.
func ParseAllow(words []string) (Rule, error) {
	if len(words) == 1 && (words[0] == "none" || words[0] == "all") {
		return Rule{All: words[0] == "all"}, nil
	}
	var all []string
	for _, word := range words {
		pattern := word
		switch {
		case word == "none" || word == "all":
			return Rule{}, errors.New(word + " must be alone")
		case strings.Contains(word, ":"):
		case strings.Contains(word, "/"):
			return Rule{}, errors.New(word + " can be a role or a profile: write role:" + word + " or profile:" + word)
		default:
			pattern = "profile:" + word
		}
		if _, err := ParsePatterns([]string{pattern}); err != nil {
			return Rule{}, errors.New(strconv.Quote(word) + " must be none, all, or a pattern such as NAME, profile:GLOB or role:ACCOUNT/ROLE, with the wildcards * and ?")
		}
		all = append(all, pattern)
	}
	return Rule{Patterns: all}, nil
}

// String is the rule as it can be read again.
func (r Rule) String() string {
	switch {
	case r.All:
		return "all"
	case len(r.Patterns) == 0:
		return "none"
	}
	return strings.Join(r.Patterns, " ")
}

// Words splits a list at spaces and commas.
func Words(text string) []string {
	return strings.FieldsFunc(text, func(r rune) bool { return r == ' ' || r == '\t' || r == '\n' || r == ',' })
}
