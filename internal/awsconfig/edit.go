package awsconfig

import (
	"iter"
	"slices"
	"strings"
)

// Text is the text of a config file, for edits that leave every byte alone
// which they do not concern: comments, blank lines, line ends, what does not
// parse. The zero Text is an empty file. It is not safe for concurrent use.
type Text struct {
	name  string
	lines []string // each with its end, which the last one may lack
}

// NewText takes the content of the file called name.
func NewText(name string, data []byte) *Text {
	return &Text{name: name, lines: slices.Collect(strings.Lines(string(data)))}
}

// Bytes returns the text as it now is.
func (t *Text) Bytes() []byte { return []byte(strings.Join(t.lines, "")) }

// end is what the file's lines end in, to go by the first.
func (t *Text) end() string {
	if len(t.lines) > 0 && strings.HasSuffix(strings.TrimSuffix(t.lines[0], "\n"), "\r") {
		return "\r\n"
	}
	return "\n"
}

func content(line string) string { return strings.TrimRight(line, "\r\n") }

// Mark is how credproc's block starts and ends, which is told by a name.
type Mark string

func (m Mark) begin() string { return "# >>> " + string(m) + " >>>" }
func (m Mark) end() string   { return "# <<< " + string(m) + " <<<" }

// find returns the lines of the marks; both are -1 if there is no block.
func (t *Text) find(m Mark) (begin, end int, err error) {
	begin, end = -1, -1
	for i, line := range t.lines {
		at := Location{t.name, i + 1}
		line = content(strings.TrimPrefix(line, "\ufeff"))
		switch {
		case strings.HasPrefix(line, m.begin()) && begin >= 0:
			return 0, 0, &SyntaxError{at, "the block " + string(m) + " starts a second time"}
		case strings.HasPrefix(line, m.begin()):
			begin = i
		case strings.HasPrefix(line, m.end()) && (begin < 0 || end >= 0):
			return 0, 0, &SyntaxError{at, "the block " + string(m) + " ends, and did not start"}
		case strings.HasPrefix(line, m.end()):
			end = i
		}
	}
	if begin >= 0 && end < 0 {
		return 0, 0, &SyntaxError{Location{t.name, begin + 1}, "the block " + string(m) + " starts, and does not end"}
	}
	return begin, end, nil
}

// Block returns the lines between the marks, without their ends. ok is false
// if there is no block. The error is a [*SyntaxError], for marks that make no
// pair.
func (t *Text) Block(m Mark) (lines []string, ok bool, err error) {
	begin, end, err := t.find(m)
	if err != nil || begin < 0 {
		return nil, false, err
	}
	for _, line := range t.lines[begin+1 : end] {
		lines = append(lines, content(line))
	}
	return lines, true, nil
}

// Outside returns the text without the block.
func (t *Text) Outside(m Mark) (*Text, error) {
	begin, end, err := t.find(m)
	if err != nil || begin < 0 {
		return t, err
	}
	return &Text{name: t.name, lines: slices.Concat(t.lines[:begin], t.lines[end+1:])}, nil
}

// SetBlock puts lines between the marks. A block that is not there is added at
// the end, with note after its first mark; one without lines is removed.
// Errors are those of [Text.Block].
func (t *Text) SetBlock(m Mark, note string, lines []string) error {
	begin, end, err := t.find(m)
	switch {
	case err != nil:
		return err
	case begin < 0 && len(lines) == 0:
		return nil
	case len(lines) == 0:
		t.lines = slices.Delete(t.lines, begin, end+1)
		return nil
	}
	eol := t.end()
	var inner []string
	for _, line := range lines {
		inner = append(inner, line+eol)
	}
	if begin >= 0 {
		t.lines = slices.Replace(t.lines, begin+1, end, inner...)
		return nil
	}
	if last := len(t.lines) - 1; last >= 0 && !strings.HasSuffix(t.lines[last], "\n") {
		t.lines[last] += eol
	}
	t.lines = append(t.lines, strings.TrimRight(m.begin()+" "+note, " ")+eol)
	t.lines = append(t.lines, inner...)
	t.lines = append(t.lines, m.end()+eol)
	return nil
}

// headerOf returns what a line of a config file starts, as the parser has it:
// kind is "profile", "sso-session" or "services", or "" for what is ignored.
func headerOf(line string) (kind, name string, ok bool) {
	title, ok := titleIn(line)
	switch {
	case !ok:
		return "", "", false
	case title == "default":
		return "profile", title, true
	}
	kind, rest := kindOf(title)
	if name, ok = sectionName(rest); !ok || kind != "profile" && kind != "sso-session" && kind != "services" {
		return "", "", true
	}
	return kind, name, true
}

// titleIn returns what is between the brackets of a line that is a header.
func titleIn(line string) (title string, ok bool) {
	line = trimRight(content(line))
	if line == "" || line[0] != '[' {
		return "", false
	}
	header, _ := headerIn(line)
	return titleOf(header), true
}

// keyOf returns the key of a line that starts a property, or "".
func keyOf(line string) string {
	line = trimRight(content(line))
	if line == "" || isSpace(line[0]) || isComment(line) || line[0] == '[' {
		return ""
	}
	key, _, ok := strings.Cut(line, "=")
	if !ok {
		return ""
	}
	return strings.ToLower(trimRight(key))
}

// profile returns the indexes of the lines below the headers of a profile.
func (t *Text) profile(name string) (indexes []int) {
	long := name != "default" || slices.ContainsFunc(t.lines, func(line string) bool {
		_, n, _ := headerOf(line)
		return n == "default" && !isBareDefault(line)
	})
	for i, above := range t.below() {
		// "[default]" is void where there is "[profile default]".
		if above.kind == "profile" && above.name == name && (!long || !above.bare) {
			indexes = append(indexes, i)
		}
	}
	return indexes
}

// heading is what a header starts.
type heading struct {
	kind, name string
	bare       bool // "[default]"
}

// below yields the index of each line that is no header, and the header above it.
func (t *Text) below() iter.Seq2[int, heading] {
	return func(yield func(int, heading) bool) {
		var above heading
		for i, line := range t.lines {
			if i == 0 {
				line = strings.TrimPrefix(line, "\ufeff")
			}
			if kind, name, ok := headerOf(line); ok {
				above = heading{kind, name, isBareDefault(line)}
			} else if !yield(i, above) {
				return
			}
		}
	}
}

func isBareDefault(line string) bool {
	title, _ := titleIn(strings.TrimPrefix(line, "\ufeff"))
	return title == "default"
}

// nativeKeys are what makes a profile one of Identity Center to the SDKs.
var nativeKeys = []string{"sso_session", "sso_account_id", "sso_role_name", "sso_start_url", "sso_region"}

// EditError says why a profile is not edited.
type EditError struct {
	Profile string
	Problem string // "has no sso_ keys in FILE"
}

func (e *EditError) Error() string { return "profile " + e.Profile + " " + e.Problem }

func aside(m Mark) string { return "#" + string(m) + ": " }

// isAside reports whether a line is a key that [Text.Convert] made a comment
// of. What else a person may have noted after the same words is theirs.
func isAside(line string, m Mark) bool {
	rest, ok := strings.CutPrefix(line, aside(m))
	return ok && isConverted(keyOf(rest))
}

// isConverted reports whether [Text.Convert] takes a key away. Of a profile with
// granted's keys, granted refuses a credential_process that is not its own.
func isConverted(key string) bool {
	return key == "credential_process" || slices.Contains(nativeKeys, key) || strings.HasPrefix(key, "granted_sso_")
}

// Convert gives a profile process as its credential_process, and makes comments
// of its sso_ keys, granted's, and of the credential_process it had, for
// [Text.Revert]. The error is an [*EditError].
func (t *Text) Convert(profile string, m Mark, process string) error {
	var keys []int
	for _, i := range t.profile(profile) {
		key := keyOf(t.lines[i])
		switch {
		case isAside(t.lines[i], m):
			return &EditError{profile, "was converted before"}
		case !isConverted(key):
		case t.continues(i):
			return &EditError{profile, "has a value of " + key + " that goes on in the next line"}
		default:
			keys = append(keys, i)
		}
	}
	if len(keys) == 0 {
		return &EditError{profile, "has no sso_ keys and no credential_process in " + t.name}
	}
	for _, i := range keys {
		t.lines[i] = aside(m) + t.lines[i]
	}
	// Before the keys: the last of them may be the end of a file without a
	// last line end, and must stay it.
	t.lines = slices.Insert(t.lines, keys[0], "credential_process = "+process+t.end())
	return nil
}

// Converted returns the profiles that [Text.Convert] has been at.
func (t *Text) Converted(m Mark) (names []string) {
	for i, above := range t.below() {
		if above.kind == "profile" && isAside(t.lines[i], m) && !slices.Contains(names, above.name) {
			names = append(names, above.name)
		}
	}
	return names
}

// continues reports whether the property at i has more than its line.
func (t *Text) continues(i int) bool {
	for _, line := range t.lines[i+1:] {
		line = trimRight(content(line))
		switch {
		case line == "" || isComment(trimLeft(line)):
		default:
			return isSpace(line[0])
		}
	}
	return false
}

// Revert undoes [Text.Convert], or else puts native, properties such as
// "sso_session = corp", in the place of the profile's credential_process. The
// caller has seen to it that this is ours. The error is an [*EditError].
func (t *Text) Revert(profile string, m Mark, native []string) error {
	lines := t.profile(profile)
	converted := slices.ContainsFunc(lines, func(i int) bool { return isAside(t.lines[i], m) })
	done := false
	for _, i := range slices.Backward(lines) {
		switch {
		case isAside(t.lines[i], m):
			t.lines[i] = strings.TrimPrefix(t.lines[i], aside(m))
			done = true
		case keyOf(t.lines[i]) != "credential_process":
		case t.continues(i):
			return &EditError{profile, "has a credential_process that goes on in the next line"}
		case converted:
			t.lines = slices.Delete(t.lines, i, i+1)
		default:
			t.replace(i, native)
			done = true
		}
	}
	if !done {
		return &EditError{profile, "has no credential_process in " + t.name}
	}
	return nil
}

// replace puts texts, a line each, in the place of a line.
func (t *Text) replace(i int, texts []string) {
	last := t.lines[i][len(content(t.lines[i])):]
	var lines []string
	for _, text := range texts {
		lines = append(lines, text+t.end())
	}
	if n := len(lines) - 1; n >= 0 {
		lines[n] = texts[n] + last
	}
	t.lines = slices.Replace(t.lines, i, i+1, lines...)
}

// A Part is one section of a block, as it is written: lines without their ends,
// of which the first is the header. What stands before the first header is a
// Part without Kind.
type Part struct {
	Kind, Name string // "profile", "corp"
	Lines      []string
}

// Parts cuts the lines of a block at the headers in it.
func Parts(lines []string) (parts []Part) {
	for _, line := range lines {
		kind, name, header := headerOf(line)
		if header || len(parts) == 0 {
			parts = append(parts, Part{Kind: kind, Name: name})
		}
		last := &parts[len(parts)-1]
		last.Lines = append(last.Lines, line)
	}
	return parts
}

// Get returns the value of a key, and whether it is there.
func (p *Part) Get(key string) (value string, ok bool) {
	for _, line := range p.Lines {
		if keyOf(line) == key {
			_, value, _ = splitProperty(trimRight(line))
			ok = true
		}
	}
	return value, ok
}

// Set changes the value of a key, or adds the key below the header. A line that
// says so already is not touched.
func (p *Part) Set(key, value string) {
	if old, ok := p.Get(key); ok && old == value {
		return
	}
	for i, line := range p.Lines {
		if keyOf(line) == key {
			p.Lines[i] = key + " = " + value
			return
		}
	}
	p.Lines = slices.Insert(p.Lines, 1, key+" = "+value)
}

// IsSectionName reports whether every SDK reads a section of that name as one:
// what is in quotes or has a space in it is read by some, under several names.
func IsSectionName(name string) bool { return name != "" && isWord(name) }

// LineFlags returns the flags that say for what a credproc line
// wants credentials, by name ("--role-name"), whatever program it runs.
func LineFlags(value string) map[string]string {
	words, _ := split(value, onWindows)
	flags, _ := targetFlags(words)
	return flags
}

// LineProgram returns the name of the program that a credential_process line runs,
// without path and ".exe", and the words after it, as [CommandOf] cuts them. The name
// is "" for a line that cannot be cut.
func LineProgram(value string) (name string, args []string) {
	words, ok := CommandOf(value)
	if !ok || len(words) == 0 {
		return "", nil
	}
	return program(words[0]), words[1:]
}
