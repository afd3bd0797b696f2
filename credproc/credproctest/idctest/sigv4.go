package idctest

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// signer checks the signature of a request to a service, by its name in
// signatures, and returns whose it is. fail makes the service's error.
func (s *Server) signer(c *call, service string, fail func(code, description string) error) (*key, error) {
	m := regexp.MustCompile(`^AWS4-HMAC-SHA256 Credential=(\w+)/(\d{8})/([\w-]+)/([\w-]+)/aws4_request, ?SignedHeaders=([\w;-]+), ?Signature=([0-9a-f]{64})$`).
		FindStringSubmatch(c.Header.Get("Authorization"))
	if m == nil || m[4] != service {
		return nil, fail("MissingAuthenticationToken", "Request is missing Authentication Token")
	}
	id, day, region, signedHeaders, signature := m[1], m[2], m[3], m[5], m[6]
	k := s.keys[id]
	if k == nil || k.token != c.Header.Get("X-Amz-Security-Token") {
		return nil, fail("InvalidClientTokenId", "The security token included in the request is invalid.")
	}
	if !time.Now().Before(k.expires) {
		return nil, fail("ExpiredToken", "The security token included in the request is expired")
	}
	date := c.Header.Get("X-Amz-Date")
	signed, err := time.Parse("20060102T150405Z", date)
	if skew := s.told(time.Now()).Sub(signed); err != nil || skew.Abs() > 5*time.Minute {
		return nil, fail("SignatureDoesNotMatch", "Signature expired or not yet current: "+date)
	}
	toSign := strings.Join([]string{"AWS4-HMAC-SHA256", date, day + "/" + region + "/" + service + "/aws4_request", hash(canonical(c, signedHeaders))}, "\n")
	signingKey := []byte("AWS4" + k.secret)
	for _, part := range []string{day, region, service, "aws4_request", toSign} {
		signingKey = mac(signingKey, part)
	}
	if want, _ := hex.DecodeString(signature); !hmac.Equal(signingKey, want) || !strings.HasPrefix(date, day) {
		return nil, fail("SignatureDoesNotMatch", "The request signature we calculated does not match the signature you provided.")
	}
	return k, nil
}

func mac(key []byte, data string) []byte {
	h := hmac.New(sha256.New, key)
	h.Write([]byte(data))
	return h.Sum(nil)
}

// canonical is the request in the form that is signed.
func canonical(c *call, signedHeaders string) string {
	var b strings.Builder
	b.WriteString(c.Method + "\n" + (&url.URL{Path: c.URL.Path}).EscapedPath() + "\n" + c.URL.RawQuery + "\n")
	for name := range strings.SplitSeq(signedHeaders, ";") {
		value := strings.Join(c.Header.Values(name), ",")
		switch name {
		case "host": // these two are not among the headers on our side
			value = c.Host
		case "content-length":
			value = strconv.FormatInt(c.ContentLength, 10)
		}
		b.WriteString(name + ":" + strings.Join(strings.Fields(value), " ") + "\n")
	}
	b.WriteString("\n" + signedHeaders + "\n" + hash(string(c.body)))
	return b.String()
}
