package endpoint

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/credproc/credproc/internal/safedir"
)

// ShortestToken is 128 bits in base64 without its padding, or in more.
const ShortestToken = 22

// longestToken is more than any header is to have.
const longestToken = 4096

// ReadToken reads the token, and makes one first if there is no file. No
// process sees the file without the token in it; processes that make it at once
// all read the same.
func ReadToken(file string) (string, error) {
	text, err := safedir.ReadSecret(file, longestToken+1)
	if errors.Is(err, fs.ErrNotExist) {
		if err := makeToken(file); err != nil && !errors.Is(err, fs.ErrExist) {
			return "", err
		}
		text, err = safedir.ReadSecret(file, longestToken+1)
	}
	return string(text), err
}

// makeToken makes a file that is there as a whole, or not at all: another
// process may read it at any moment, and must not find it empty.
func makeToken(file string) error {
	temp, err := os.CreateTemp(filepath.Dir(file), "."+filepath.Base(file)+"-*")
	if err != nil {
		return err
	}
	defer os.Remove(temp.Name())
	_, err = temp.WriteString(rand.Text())
	if err = errors.Join(err, temp.Close()); err != nil {
		return err
	}
	return os.Link(temp.Name(), file) // unlike a rename it replaces nothing
}

// CheckToken refuses a token that clients cannot show, or could guess. name is
// where it comes from.
func CheckToken(name, token string) error {
	refuse := func(format string, args ...any) error { return &RefusedError{name + fmt.Sprintf(format, args...)} }
	switch {
	case token == "":
		return refuse(" is empty: it must have a token, which serve writes if there is no file")
	case strings.ContainsAny(token, "\r\n"):
		return refuse(" ends in a newline or has one in it: the SDKs do not accept such a token")
	case strings.ContainsFunc(token, func(r rune) bool { return r <= ' ' || r > '~' }):
		return refuse(" has a character in it that a header cannot have")
	case len(token) > longestToken:
		return refuse(" holds more than the %d characters that a token may have", longestToken)
	case len(token) < ShortestToken:
		return refuse(" holds a token of %d characters: it must have at least %d", len(token), ShortestToken)
	}
	return nil
}
