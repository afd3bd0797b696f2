package awsconfig

import (
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"
)

// ParseStrict reads a text in the same grammar, for a file in which a mistake must
// not go unnoticed: whatever [Load] passes over is a [*SyntaxError]. The sections
// are of these kinds, each a word of a header: "[policy]", "[sso-session NAME]".
func ParseStrict(name, text string, kinds ...string) ([]*Section, error) {
	p := strict{at: Location{File: name, Line: 1}, kinds: kinds}
	if problem := unreadable(text); problem != "" {
		return nil, &SyntaxError{p.at, problem}
	}
	for line := range strings.Lines(text) {
		if problem := p.line(strings.TrimSuffix(line, "\n")); problem != "" {
			return nil, &SyntaxError{p.at, problem}
		}
		p.at.Line++
	}
	return p.sections, nil
}

// KindOf returns the first word of a section's header: "sso-session".
func KindOf(s *Section) string {
	kind, _ := kindOf(titleOf(s.Header))
	return kind
}

func unreadable(text string) string {
	encoding := encodingOf(text)
	switch {
	case encoding != "":
		return "the file is " + encoding + ", and must be UTF-8"
	case strings.HasPrefix(text, "\ufeff"):
		return "the file starts with a byte order mark, and must not have one"
	}
	return ""
}

type strict struct {
	at       Location
	kinds    []string
	sections []*Section
	last     *property
}

func (p *strict) line(line string) (problem string) {
	line = trimRight(line)
	text := trimLeft(line)
	control := func(r rune) bool { return r < ' ' && r != '\t' || r == 0x7f }
	switch {
	case !utf8.ValidString(line):
		return "the line is not UTF-8"
	case strings.ContainsFunc(line, control):
		return "the line has a control character"
	case text == "" || isComment(text):
		return ""
	case line[0] == '[':
		return p.header(line)
	case len(p.sections) == 0:
		return "expected a section header before the first property"
	case len(text) == len(line):
		return p.property(text)
	case p.last == nil:
		return "expected a property before an indented line"
	}
	p.last.value += "\n" + cutComment(text)
	return ""
}

func (p *strict) header(line string) (problem string) {
	header, closed := headerIn(line)
	if !closed {
		return "expected a section header to end with ']'"
	}
	kind, name := kindOf(titleOf(header))
	if !slices.Contains(p.kinds, kind) {
		return fmt.Sprintf("unknown section %s", header)
	}
	if named, ok := sectionName(name); ok {
		name = named
	} else if name != "" {
		return fmt.Sprintf("%s has no valid name", header)
	}
	same := func(s *Section) bool { return KindOf(s) == kind && s.Name == name }
	if i := slices.IndexFunc(p.sections, same); i >= 0 {
		return fmt.Sprintf("a second %s: the first one is in line %d", header, p.sections[i].Line)
	}
	p.sections, p.last = append(p.sections, &Section{Location: p.at, Header: header, Name: name}), nil
	return ""
}

func (p *strict) property(text string) (problem string) {
	key, value, problem := splitProperty(text)
	if problem != "" {
		return problem
	}
	if !isWord(key) {
		return fmt.Sprintf("%q is not a valid key", key)
	}
	key = strings.ToLower(key)
	s := p.sections[len(p.sections)-1]
	if old := s.find(key); old != nil {
		return fmt.Sprintf("a second %s: the first one is in line %d", key, old.Line)
	}
	p.last = s.set(property{p.at, key, value})
	return ""
}

// kindOf splits the inner part of a header.
func kindOf(title string) (kind, rest string) {
	for i := range len(title) {
		if isSpace(title[i]) {
			return title[:i], trimLeft(title[i:])
		}
	}
	return title, ""
}

// Renamed returns a copy of the section in which keys that start with one prefix
// start with another.
func (s *Section) Renamed(prefix, other string) *Section {
	renamed := *s
	renamed.properties = slices.Clone(s.properties)
	for i, p := range renamed.properties {
		if rest, ok := strings.CutPrefix(p.key, prefix); ok {
			renamed.properties[i].key = other + rest
		}
	}
	return &renamed
}

// Rule adds what a policy says of an sso-session: the session, if the file does not
// have it, and each of its keys that the file does not say, or, with locked, all.
func (c *Config) Rule(s *Section, locked bool) {
	own := c.Sessions[s.Name]
	if own == nil {
		put(&c.Sessions, s)
		return
	}
	for _, p := range s.properties {
		if locked || own.find(p.key) == nil {
			own.set(p)
		}
	}
}
