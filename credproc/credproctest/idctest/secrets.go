package idctest

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"strings"
	"time"
)

// A mint makes the secrets of one server and remembers them. They have the
// looks and the sizes of the real ones, because keychains have limits.
type mint struct {
	marker  string
	secrets []string
}

func newMint() mint { return mint{marker: "idctest" + letters(8)} }

// letters returns n random characters that are at home in base64, URLs and
// JSON alike.
func letters(n int) string {
	text := rand.Text()
	for len(text) < n {
		text += rand.Text()
	}
	return text[:n]
}

// secret returns n random characters around the marker.
func (m *mint) secret(prefix string, n int) string {
	n -= len(prefix) + len(m.marker)
	value := prefix + letters(n/2) + m.marker + letters(n-n/2)
	m.secrets = append(m.secrets, value)
	return value
}

func (m *mint) accessToken(n int) string  { return m.secret("aoaAAAAAG", max(n, minTokenSize)) }
func (m *mint) refreshToken(n int) string { return m.secret("aorAAAAAG", max(n, minTokenSize)) }
func (m *mint) deviceCode() string        { return m.secret("", 86) }
func (m *mint) authorizationCode() string { return m.secret("", 600) }
func (m *mint) secretAccessKey() string   { return m.secret("", 40) }
func (m *mint) sessionToken(n int) string { return m.secret("IQoJb3JpZ2luX2VjE", max(n, minTokenSize)) }
func (m *mint) signinToken() string       { return m.secret("", 400) }

// minTokenSize has room for the marker and enough that is random.
const minTokenSize = 100

// clientSecret looks like the signed token that the real service gives, about
// 2.6 KB of it.
func (m *mint) clientSecret(clientID string, expires time.Time) string {
	part := base64.RawURLEncoding.EncodeToString
	claims := fmt.Sprintf(`{"serialized":"{\"clientId\":{\"value\":\"%s\"},\"expirationTime\":%d.000000000,\"padding\":\"%s\"}"}`,
		clientID, expires.Unix(), letters(1720))
	value := part([]byte(`{"kid":"key-1564028099","alg":"HS384"}`)) + "." + part([]byte(claims)) + "." +
		letters(32) + m.marker + letters(17)
	m.secrets = append(m.secrets, value)
	return value
}

// clientID has 30 characters, as many as a real one.
func clientID() string { return letters(30) }

// userCode is for people to type: no vowels, so no words.
func userCode() string {
	const alphabet = "BCDFGHJKLMNPQRSTVWXZ"
	var code strings.Builder
	for i, b := range []byte(letters(8)) {
		if i == 4 {
			code.WriteByte('-')
		}
		code.WriteByte(alphabet[int(b)%len(alphabet)])
	}
	return code.String()
}

func accessKeyID() string { return "ASIA" + letters(16) }

func requestID() string {
	var b [16]byte
	rand.Read(b[:])
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}

// hash returns the SHA-256 of a secret in hexadecimal: how an [Event] names a
// refresh token.
func hash(secret string) string {
	sum := sha256.Sum256([]byte(secret))
	return hex.EncodeToString(sum[:])
}
