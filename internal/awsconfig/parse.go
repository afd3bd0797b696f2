package awsconfig

import (
	"slices"
	"strings"
)

// parser reads one file, line by line.
type parser struct {
	config      *Config
	credentials bool
	at          Location

	section *Section  // the one being read, nil before the first
	ignored bool      // instead: one that is not ours to read
	last    *property // what an indented line continues, nil after a header
	nested  bool      // last had no value on its own line
	void    property  // is last after a key that is not valid, or not wanted

	only     []string // the profiles to keep, or nil: all
	unwanted Section  // section, while the one being read is another profile
	kept     bool     // some of the text may be in use, as names and values

	bareDefault *Section     // [default] of a config file
	homeless    *SyntaxError // the first line before all sections, or nil
	headed      bool         // there is a section
}

// add merges a file into c.
func (c *Config) add(name, text string, credentials bool) error {
	p := parser{config: c, credentials: credentials, at: Location{File: name}}
	if c.Profiles == nil {
		c.Profiles = make(map[string]*Section, strings.Count(text, "\n[")) // nearly all sections are profiles
	}
	_, err := p.lines(text, true)
	return err
}

// lines reads text, which starts where a line does, and returns what is left of
// it: a line whose end is not in it, if there is more to come.
func (p *parser) lines(text string, last bool) (rest string, err error) {
	if p.at.Line == 0 {
		if len(text) < 4 && !last {
			return text, nil
		}
		if encoding := encodingOf(text); encoding != "" {
			return "", &SyntaxError{Location{p.at.File, 1}, "the file is " + encoding + ", and must be UTF-8"}
		}
	}
	for more := true; more; {
		if p.section == &p.unwanted {
			text = p.skip(text)
		}
		var line string
		line, rest, more = strings.Cut(text, "\n")
		if !more && !last {
			return text, nil
		}
		text = rest
		p.at.Line++
		if p.at.Line == 1 {
			line = strings.TrimPrefix(line, "\ufeff")
			if hasOldEnds(line) {
				return "", &SyntaxError{p.at, "its lines end in CR alone, and must end in LF or CRLF"}
			}
		}
		p.config.mention.look(line, rest, last)
		if problem := p.line(line); problem != "" {
			p.spoil(problem)
		}
		p.kept = p.kept || p.section != &p.unwanted
	}
	// "[profile default]" makes "[default]" void, wherever they stand.
	if p.bareDefault != nil && p.config.Profiles["default"] == nil {
		put(&p.config.Profiles, p.bareDefault)
	}
	if p.homeless != nil && !p.headed {
		return "", p.homeless
	}
	return "", nil
}

// spoil notes what is wrong with the line where it matters.
func (p *parser) spoil(problem string) {
	switch {
	case p.section == &p.unwanted || p.ignored:
	case p.section != nil:
		p.section.spoil(&SyntaxError{p.at, problem})
	case p.homeless == nil:
		p.homeless = &SyntaxError{p.at, problem}
	}
}

// encodingOf names the encoding of a text that is not UTF-8, by its byte order
// mark or the zeros beside its first letter; else it returns "".
func encodingOf(text string) string {
	zero := func(i int) bool { return i < len(text) && text[i] == 0 }
	switch {
	case strings.HasPrefix(text, "\xff\xfe\x00\x00"), strings.HasPrefix(text, "\x00\x00\xfe\xff"),
		zero(0) && zero(1) && zero(2) && !zero(3), !zero(0) && zero(1) && zero(2) && zero(3):
		return "UTF-32"
	case strings.HasPrefix(text, "\xff\xfe"), strings.HasPrefix(text, "\xfe\xff"), len(text) > 1 && zero(0) != zero(1):
		return "UTF-16"
	}
	return ""
}

// hasOldEnds reports whether the first line holds others, that end as those of
// old Macs did.
func hasOldEnds(first string) bool { return strings.Contains(trimRight(first), "\r") }

// line returns what is wrong with the line, and nothing of the line: it may be
// half of a secret key.
func (p *parser) line(line string) (problem string) {
	line = trimRight(line)
	text := trimLeft(line)
	switch {
	case text == "" || isComment(text):
		// An indented comment is one in botocore and the Go SDK, though the
		// specification has it continue the value above.
		return ""
	case line[0] == '[':
		return p.header(line)
	case p.ignored:
		return ""
	case p.section == nil:
		return "expected a section header before the first property"
	case len(text) < len(line):
		return p.continuation(text)
	}
	return p.property(text)
}

func (p *parser) header(line string) (problem string) {
	header, closed := headerIn(line)
	if !closed {
		problem = "expected a section header to end with ']'"
	}
	p.last, p.headed = nil, true
	p.section = p.open(header, titleOf(header))
	p.ignored = p.section == nil
	return problem
}

// headerIn returns the header that a trimmed line is, without what follows it. One
// that is not closed ends with the line, or else a misspelled profile would pass
// keys on to the one above.
func headerIn(line string) (header string, closed bool) {
	if end := headerEnd(line); end >= 0 {
		return line[:end+1], true
	}
	line = cutComment(line)
	return line[:strings.IndexByte(line+"]", ']')] + "]", false
}

// titleOf returns what is between the brackets of a header.
func titleOf(header string) string { return trimLeft(trimRight(header[1 : len(header)-1])) }

// headerEnd returns the index of the first ']' with nothing but a comment
// after it, or -1. The AWS CLI takes names in quotes with any of "#;]" in them.
func headerEnd(line string) int {
	for i := range len(line) {
		if line[i] != ']' {
			continue
		}
		if rest := trimLeft(line[i+1:]); rest == "" || isComment(rest) {
			return i
		}
	}
	return -1
}

// open returns the section that title, the inner part of header, starts or
// continues: nil if it is one to be ignored.
func (p *parser) open(header, title string) *Section {
	kind, rest := kindOf(title)
	sections := &p.config.Profiles
	switch {
	case !p.credentials && title == "default" && !p.wants(title):
		return &p.unwanted
	case !p.credentials && title == "default":
		if p.bareDefault == nil {
			p.bareDefault = &Section{Location: p.at, Header: header, Name: title}
		}
		return p.bareDefault
	case p.credentials && (kind == "profile" || kind == "sso-session" || kind == "services") && rest != "":
		return nil
	case p.credentials:
		rest = title
	case kind == "profile":
	case kind == "sso-session":
		sections = &p.config.Sessions
	case kind == "services":
		sections = &p.config.Services
	default:
		return nil
	}
	name, ok := sectionName(rest)
	if !ok {
		return nil
	}
	if sections == &p.config.Profiles && !p.wants(name) {
		return &p.unwanted
	}
	if s := (*sections)[name]; s != nil {
		return s
	}
	return put(sections, &Section{Location: p.at, Header: header, Name: name})
}

func (p *parser) wants(profile string) bool { return p.only == nil || slices.Contains(p.only, profile) }

func put(sections *map[string]*Section, s *Section) *Section {
	if *sections == nil {
		*sections = make(map[string]*Section)
	}
	(*sections)[s.Name] = s
	return s
}

// sectionName returns the name that text stands for, if it is valid. The
// specification knows neither quotes, which the AWS CLI takes and writes, nor
// spaces, which the Go SDK takes, nor other scripts and punctuation, which both
// take. Of a quote that is not closed the Go SDK makes a part of the name.
func sectionName(text string) (name string, ok bool) {
	if strings.IndexByte(text, '"') >= 0 || strings.IndexByte(text, '\'') >= 0 {
		words, closed := split(text, false)
		if closed && len(words) != 1 {
			return "", false
		}
		if closed {
			text = words[0]
		}
	}
	for i := range len(text) {
		if text[i] < ' ' && text[i] != '\t' || text[i] == 0x7f {
			return "", false
		}
	}
	return text, text != ""
}

func (p *parser) property(line string) (problem string) {
	key, value, problem := splitProperty(line)
	if problem != "" {
		p.last, p.nested = &p.void, false
		return problem
	}
	p.nested = value == ""
	if p.section == &p.unwanted {
		p.last = &p.void
		return ""
	}
	if !isWord(key) {
		p.last = &p.void
		return ""
	}
	p.last = p.section.set(property{p.at, strings.ToLower(key), value})
	return ""
}

// continuation adds a line to the last value. Unlike on the first line of a
// value, a comment is part of it.
func (p *parser) continuation(line string) (problem string) {
	if p.last == nil {
		return "expected a property before an indented line"
	}
	if p.nested {
		if _, _, problem := splitProperty(line); problem != "" {
			return problem + " in the indented block"
		}
	}
	if p.last != &p.void {
		p.last.value += "\n" + line
	}
	return ""
}

// splitProperty cuts a trimmed line at its first '=', and drops its comment.
func splitProperty(line string) (key, value, problem string) {
	line = cutComment(line)
	before, after, ok := strings.Cut(line, "=")
	if !ok {
		return "", "", "expected an '=' sign"
	}
	key, value = trimRight(before), trimLeft(after)
	if key == "" {
		return "", "", "expected a name before the '=' sign"
	}
	return key, value, ""
}

// cutComment cuts at the first '#' or ';' that has a space before it: start
// URLs have a '#' in them, and secret keys might.
func cutComment(line string) string {
	if strings.IndexByte(line, '#') < 0 && strings.IndexByte(line, ';') < 0 {
		return line
	}
	for i := 1; i < len(line); i++ {
		if (line[i] == '#' || line[i] == ';') && isSpace(line[i-1]) {
			return trimRight(line[:i])
		}
	}
	return line
}

// isComment takes text that is not empty.
func isComment(text string) bool { return text[0] == '#' || text[0] == ';' }

// isIdentifier says what names of sections and keys are made of: letters,
// digits, and "-_/.%@:+". Those from '-' to ':' are neighbors.
func isIdentifier(c byte) bool {
	return (c|' ')-'a' < 26 || c-'-' <= ':'-'-' || c == '_' || c == '@' || c == '%' || c == '+'
}

// isWord reports whether text has nothing else in it.
func isWord(text string) bool {
	for i := range len(text) {
		if !isIdentifier(text[i]) {
			return false
		}
	}
	return true
}

// The specification knows two white-space characters, and those only.
func isSpace(c byte) bool { return c == ' ' || c == '\t' }

func trimLeft(s string) string {
	for len(s) > 0 && isSpace(s[0]) {
		s = s[1:]
	}
	return s
}

// trimRight also drops what CRLF leaves of a line's end.
func trimRight(s string) string {
	for len(s) > 0 && (isSpace(s[len(s)-1]) || s[len(s)-1] == '\r') {
		s = s[:len(s)-1]
	}
	return s
}
