package jwt

import (
	"encoding/base64"
	"strings"
	"testing"
	"time"
)

func token(payload string) string {
	part := base64.RawURLEncoding.EncodeToString
	return part([]byte(`{"alg":"RS256"}`)) + "." + part([]byte(payload)) + "." + part([]byte("signature"))
}

func TestParseReadsWhatATokenSays(t *testing.T) {
	for payload, want := range map[string]Claims{
		`{"iss":"https://i.example","sub":"alice","exp":1700000000.9}`: {Issuer: "https://i.example", Subject: "alice", Expiry: time.Unix(1700000000, 0)},
		`{"sts:identity_context":"xyz","aud":["a","b"]}`:               {IdentityContext: "xyz"},
		`{"exp":-1}`:    {},
		`{"exp":1e300}`: {},
	} {
		if got, err := Parse(token(payload)); err != nil || got != want {
			t.Errorf("%s: %+v, %v", payload, got, err)
		}
	}
}

func TestParseRefusesWhatIsNoTokenAndRepeatsNothingOfIt(t *testing.T) {
	for _, text := range []string{
		"", "secret", "secret.secret", "secret.sec ret.secret", "a.b.c.d", token("secret"), token(`{"iss":1,"sub":"secret"}`),
		strings.Repeat("secret.", 3), "bearer secret.a.b", token(`{}`) + "\n", strings.Repeat("a", maxSize) + ".e30.a",
	} {
		if _, err := Parse(text); err == nil || strings.Contains(err.Error(), "secret") {
			t.Errorf("%.40q: %v", text, err)
		}
	}
}
