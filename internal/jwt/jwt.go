// Package jwt reads who a JSON Web Token (RFC 7519) is about. It checks no
// signature: a token is only passed on, to a service that does.
package jwt

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"strings"
	"time"
)

// maxSize is more than any issuer's token has: those of Kubernetes and of CI
// systems have 1 to 3 KB.
const maxSize = 64 << 10

// Claims are what a token says of itself. Nothing of it is proven.
type Claims struct {
	Issuer, Subject string
	Expiry          time.Time // by the issuer's clock; zero: it does not say
	// IdentityContext is the claim sts:identity_context, a secret, which tokens of
	// IAM Identity Center have.
	IdentityContext string
}

// Parse reads a token in the compact form, of three parts of base64url. Its
// errors hold nothing of the token.
func Parse(token string) (Claims, error) {
	parts := strings.Split(token, ".")
	if len(token) > maxSize || len(parts) != 3 {
		return Claims{}, errors.New("not a JWT: it needs three parts with a dot between them")
	}
	for _, part := range parts {
		if _, err := base64.RawURLEncoding.DecodeString(part); err != nil || strings.ContainsAny(part, "\r\n") {
			return Claims{}, errors.New("not a JWT: a part is not base64url")
		}
	}
	payload, _ := base64.RawURLEncoding.DecodeString(parts[1])
	var said struct {
		Issuer  string  `json:"iss"`
		Subject string  `json:"sub"`
		Expiry  float64 `json:"exp"` // RFC 7519, section 2: it may have a fraction
		Context string  `json:"sts:identity_context"`
	}
	if json.Unmarshal(payload, &said) != nil {
		return Claims{}, errors.New("not a JWT: the second part holds no claims")
	}
	c := Claims{Issuer: said.Issuer, Subject: said.Subject, IdentityContext: said.Context}
	if said.Expiry > 0 && said.Expiry < 1<<40 {
		c.Expiry = time.Unix(int64(said.Expiry), 0)
	}
	return c, nil
}
