package awsconfig

import (
	"strings"
	"unicode/utf8"
)

// Oddity is something in a file that the AWS SDKs do not read alike.
type Oddity struct {
	Location
	Kind OddityKind
	Name string // the section's header or the key; no value, which may be secret
}

// OddityKind says what is odd.
type OddityKind string

// The kinds of oddity, and who chokes on them. "Whole file" means that nothing
// in it can be used.
const (
	ByteOrderMark     OddityKind = "byte order mark"                // AWS CLI, boto3: whole file; Go: first section
	OtherEncoding     OddityKind = "another encoding"               // all: whole file
	OldLineEnds       OddityKind = "lines that end in CR alone"     // Go, credproc: one long line
	NotUTF8           OddityKind = "not UTF-8"                      // AWS CLI, boto3: whole file
	RepeatedSection   OddityKind = "repeated section"               // AWS CLI, boto3: whole file; others merge
	RepeatedKey       OddityKind = "repeated key"                   // AWS CLI, boto3: whole file; others take the last
	Homeless          OddityKind = "line before the first section"  // AWS CLI, boto3, Rust, Java: whole file
	NoEquals          OddityKind = "line without an equals sign"    // AWS CLI, boto3, Rust, Java: whole file
	OpenHeader        OddityKind = "header without an end"          // AWS CLI, boto3: whole file; Go passes the section over
	TrailingComment   OddityKind = "comment after a value"          // AWS CLI, boto3: part of the value
	QuotedValue       OddityKind = "value in quotes"                // Go strips them
	QuotedName        OddityKind = "name in quotes"                 // Go keeps them, JavaScript and Rust pass the section over
	OddName           OddityKind = "name with odd characters"       // JavaScript, Rust and Java pass the section over
	PaddedHeader      OddityKind = "spaces in a header"             // AWS CLI, boto3, JavaScript pass the section over
	UnknownSection    OddityKind = "unknown section"                // all pass it over
	ProfilePrefix     OddityKind = "prefix in the credentials file" // all pass the section over
	LeakingDefaults   OddityKind = "section DEFAULT"                // AWS CLI, boto3: goes into every profile
	TwoDefaults       OddityKind = "default twice"                  // "[default]" is passed over
	IndentedKey       OddityKind = "indented key"                   // AWS CLI, boto3, Rust: part of the value above
	ColonKey          OddityKind = "colon for an equals sign"       // JavaScript passes it over; Rust, Java: whole file
	KeyInUpperCase    OddityKind = "key in upper case"              // JavaScript passes it over
	ContinuedHeadless OddityKind = "indented line below a header"   // Rust, Java: whole file
)

// Lint returns the oddities of a file, in the order of its lines. It never
// fails: what [Load] refuses is odd too.
func Lint(name string, data []byte, credentials bool) []Oddity {
	l := linter{credentials: credentials, at: Location{File: name}, sections: make(map[string]bool)}
	text := string(data)
	if encoding := encodingOf(text); encoding != "" {
		l.at.Line = 1
		l.add(OtherEncoding, encoding)
		return l.found // of the rest nothing can be said
	}
	if first, _, _ := strings.Cut(text, "\n"); hasOldEnds(first) {
		l.at.Line = 1
		l.add(OldLineEnds, "")
		return l.found
	}
	if rest, ok := strings.CutPrefix(text, "\ufeff"); ok {
		l.at.Line, text = 1, rest
		l.add(ByteOrderMark, "")
		l.at.Line = 0
	}
	for line := range strings.SplitSeq(text, "\n") {
		l.at.Line++
		l.line(line)
	}
	return l.found
}

type linter struct {
	credentials bool
	at          Location
	found       []Oddity

	sections map[string]bool // what was seen
	keys     map[string]bool // of the section; nil before the first
	header   string
	nested   bool // the last key had no value on its line
	last     bool // there is a key that an indented line continues
}

func (l *linter) add(kind OddityKind, name string) {
	l.found = append(l.found, Oddity{l.at, kind, name})
}

func (l *linter) line(line string) {
	if !utf8.ValidString(line) {
		l.add(NotUTF8, l.header)
	}
	line = trimRight(line)
	text := trimLeft(line)
	switch {
	case text == "" || isComment(text):
	case line[0] == '[':
		l.section(line)
	case l.keys == nil:
		l.add(Homeless, "")
	case len(text) < len(line):
		l.continuation(text)
	default:
		l.property(text)
	}
}

func (l *linter) section(line string) {
	l.keys, l.last, l.nested = make(map[string]bool), false, false
	end := headerEnd(line)
	if end < 0 {
		l.header = ""
		l.add(OpenHeader, "")
		return
	}
	l.header = line[:end+1]
	title := line[1:end]
	bare := trimLeft(trimRight(title))
	kind, rest := kindOf(bare)
	gap := bare[len(kind) : len(bare)-len(rest)]
	known := kind + " " + rest
	if l.sections[known] {
		l.add(RepeatedSection, l.header)
	}
	l.sections[known] = true
	typed := rest != "" && (kind == "profile" || kind == "sso-session" || kind == "services")
	switch {
	case kind == "DEFAULT" && rest == "":
		l.add(LeakingDefaults, l.header)
	case l.credentials && typed:
		l.add(ProfilePrefix, l.header)
	case l.credentials:
		l.name(bare, title, " ")
	case typed:
		l.name(rest, title, gap)
	case rest == "" && (kind == "default" || kind == "preview" || kind == "plugins"):
		if title != kind {
			l.add(PaddedHeader, l.header)
		}
	default:
		l.add(UnknownSection, l.header)
	}
	if !l.credentials && l.sections["default "] && l.sections["profile default"] && (known == "default " || known == "profile default") {
		l.add(TwoDefaults, l.header)
	}
}

func (l *linter) name(name, title, gap string) {
	switch {
	case strings.ContainsAny(name, `"'`):
		l.add(QuotedName, l.header)
	case !isWord(name):
		l.add(OddName, l.header)
	case gap != " " || title != trimLeft(trimRight(title)):
		l.add(PaddedHeader, l.header)
	}
}

func (l *linter) continuation(text string) {
	key, _, problem := splitProperty(text)
	switch {
	case !l.last:
		l.add(ContinuedHeadless, l.header)
	case l.nested && problem != "":
		l.add(NoEquals, l.header)
	case !l.nested && problem == "" && isWord(key): // and no part of a long value with an equals sign in it
		l.add(IndentedKey, key)
	}
}

func (l *linter) property(text string) {
	sign := strings.IndexAny(text, "=:")
	if sign <= 0 {
		l.last = false
		l.add(NoEquals, l.header)
		return
	}
	key := trimRight(text[:sign])
	value := trimLeft(text[sign+1:])
	l.last, l.nested = true, value == ""
	lower := strings.ToLower(key)
	if l.keys[lower] {
		l.add(RepeatedKey, key)
	}
	l.keys[lower] = true
	if key != lower {
		l.add(KeyInUpperCase, key)
	}
	if text[sign] == ':' {
		l.add(ColonKey, key)
	}
	if cutComment(value) != value || value != "" && isComment(value) {
		l.add(TrailingComment, key)
	}
	if len(value) > 1 && value[0] == '"' && value[len(value)-1] == '"' {
		l.add(QuotedValue, key)
	}
}

// CommandOf returns the words of a credential_process value, as botocore cuts
// them, from the program on that env(1) runs, if that stands before it; ok is
// false where a quote is not closed.
func CommandOf(value string) (words []string, ok bool) {
	words, ok = split(value, onWindows)
	return words[afterEnv(words):], ok
}

// IsOurs reports whether a credential_process value runs our process command;
// command is as for [Config.Profile].
func IsOurs(value string, command []string) bool {
	_, ok := ourFlags(value, command, onWindows)
	return ok
}
