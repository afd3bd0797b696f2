package awsconfig

import (
	"errors"
	"io"
	"io/fs"
	"math/bits"
	"os"
	"strings"
	"unsafe"

	"github.com/credproc/credproc/internal/safedir"
)

// piece is how much of a file is read at once: little enough that the memory is
// soon there, which for a long file takes longer than to read it.
const piece = 32 << 10

// most is more than any config file has. A sparse one, or a device, has no end.
const most = 64 << 20

var errTooLarge = errors.New("too large")

// scan merges the profiles called only, of a file, and all that is no profile.
func (c *Config) scan(path string, credentials bool, only []string) error {
	if path == os.DevNull { // how a file is said to be none
		return nil
	}
	f, err := safedir.OpenRegular(path)
	if err != nil {
		return err
	}
	defer f.Close()
	p := parser{config: c, credentials: credentials, at: Location{File: path}, only: only}
	return p.read(f, piece)
}

// read reads a file by pieces of so many bytes. A piece is read over the one
// before it, unless that has something in it that is kept.
func (p *parser) read(f io.Reader, size int) error {
	data, n, total := make([]byte, size), 0, 0
	for {
		more, err := io.ReadFull(f, data[n:])
		if total += more; total > most {
			return &fs.PathError{Op: "read", Path: p.at.File, Err: errTooLarge}
		}
		last := errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF)
		if err != nil && !last {
			return err
		}
		// Only this function has data: it need not be copied to become a string.
		text := unsafe.String(unsafe.SliceData(data), n+more)
		rest, err := p.lines(text, last)
		if err != nil || last {
			return err
		}
		if p.kept || len(rest) == len(data) { // or the line is longer than a piece
			data = make([]byte, max(size, 2*len(rest)))
		}
		p.kept = false
		n = copy(data, rest)
	}
}

// starts reports whether a line starts with the word. It looks at the last letter first:
// nearly all lines of a file start with "cred".
func (m *mention) starts(line string) bool {
	n := len(m.Word)
	return n > 0 && len(line) >= n && line[n-1]|' ' == m.Word[n-1]|' ' && hasPrefixFold(line, m.Word)
}

// look looks at a line, after which next comes, whether that is all or not.
func (m *mention) look(line, next string, last bool) {
	if line = trimLeft(line); !m.starts(line) {
		return
	}
	rest := keyIn(line)[len(m.Word):]
	if !m.Counts(rest) {
		return
	}
	m.found = true
	if after := line[len(m.Word):]; hasPrefixFold(after, m.Keep) {
		m.values = append(m.values, strings.Clone(strings.Trim(after[len(m.Keep):], " \t\r=")))
		m.cut = m.cut || mayContinue(next, last)
	}
}

// keyIn returns the key of a line, or all of the line if that has none, in small letters.
func keyIn(line string) string {
	line = cutComment(trimRight(line))
	if i := strings.IndexAny(line, "=:"); i >= 0 {
		line = trimRight(line[:i])
	}
	return strings.ToLower(line)
}

// mayContinue reports whether text starts with a line that continues the one above,
// or might if there was more of it.
func mayContinue(text string, last bool) bool {
	for text != "" {
		line, next, _ := strings.Cut(text, "\n")
		plain := trimLeft(trimRight(line))
		if plain != "" && !isComment(plain) {
			return isSpace(line[0])
		}
		text = next
	}
	return !last
}

func hasPrefixFold(text, prefix string) bool {
	return len(text) >= len(prefix) && strings.EqualFold(text[:len(prefix)], prefix)
}

// skip passes over what is of no interest, up to a line that may be of
// interest or at fault. Nearly all lines of a long file are skipped, so it
// looks at each byte once.
func (p *parser) skip(text string) (rest string) {
	for text != "" {
		end := -1
		switch text[0] {
		case '\n':
			end = 0
		case '#', ';':
			end = strings.IndexByte(text, '\n')
		case '[':
			if end = p.otherHeader(text); end >= 0 {
				p.last = nil
			}
		default:
			if p.config.mention.starts(text) {
				return text
			}
			if end = plainProperty(text); end >= 0 {
				p.last, p.nested = &p.void, false
			}
		}
		if end < 0 {
			return text
		}
		p.at.Line++
		text = text[end+1:]
	}
	return text
}

// plainProperty returns where the first line of text ends if it is a property
// with nothing unusual about it, a name at its very start and a value, or -1:
// also where it might be one, and the text ends within eight bytes.
func plainProperty(text string) (end int) {
	i := 0
	for ; ; i += 8 {
		if i+8 > len(text) {
			return -1
		}
		w := word(text[i : i+8])
		if found := has(w^equals) | (w-afterSpace)&^w&highs; found != 0 { // or a space, or less
			i += bits.TrailingZeros64(found) / 8
			break
		}
	}
	if i == 0 {
		return -1
	}
	if text[i] == ' ' && i+1 < len(text) {
		i++
	}
	if text[i] != '=' {
		return -1
	}
	i++
	if i < len(text) && text[i] == ' ' {
		i++
	}
	if i == len(text) || text[i] <= ' ' || isComment(text[i:]) {
		return -1
	}
	for ; i+8 <= len(text); i += 8 {
		if found := has(word(text[i:i+8]) ^ newlines); found != 0 {
			return i + bits.TrailingZeros64(found)/8
		}
	}
	return -1
}

// Eight bytes are looked at at once, as one number.
const (
	ones       = 0x0101010101010101
	highs      = ones << 7
	equals     = ones * '='
	newlines   = ones * '\n'
	afterSpace = ones * (' ' + 1)
)

// word returns eight bytes as one number, the first as its lowest part.
func word(s string) uint64 {
	_ = s[7]
	return uint64(s[0]) | uint64(s[1])<<8 | uint64(s[2])<<16 | uint64(s[3])<<24 |
		uint64(s[4])<<32 | uint64(s[5])<<40 | uint64(s[6])<<48 | uint64(s[7])<<56
}

// has returns a number whose lowest bit says which byte of w is the first that
// is 0, or 0 if none is.
func has(w uint64) uint64 { return (w - ones) &^ w & highs }

// otherHeader returns where the first line of text ends if it is the header of
// a profile that is not wanted, and spelled as most are, or -1.
func (p *parser) otherHeader(text string) (end int) {
	rest, ok := strings.CutPrefix(text, "[profile ")
	if !ok || p.credentials {
		return -1
	}
	i := 0
	for i < len(rest) && isIdentifier(rest[i]) {
		i++
	}
	name := rest[:i]
	if name == "" || !strings.HasPrefix(rest[i:], "]\n") || name == "default" || p.wants(name) {
		return -1
	}
	return len(text) - len(rest) + len(name) + len("]")
}
