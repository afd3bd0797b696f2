package idctest

import (
	"crypto/sha256"
	"encoding/base64"
	"html/template"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"
)

// codeLife is how long a browser has to bring a code home, and its program to
// exchange it.
const codeLife = 10 * time.Minute

// An authorizationCode is what a browser takes to the client.
type authorizationCode struct {
	client              *registration
	redirect, challenge string
	expires             time.Time
	used                bool
}

// authorizeParameters are all that an authorize URL has, in the one spelling
// that is known to work: the scopes are "scopes".
var authorizeParameters = []string{"response_type", "client_id", "redirect_uri", "state", "code_challenge_method", "scopes", "code_challenge"}

// RFC 7636, section 4.2: a SHA-256 in base64url, without padding.
var challengeForm = regexp.MustCompile(`^[A-Za-z0-9_-]{43}$`)

// authorization reads an authorize URL. It returns nothing, and a problem, for
// one that must not send a browser anywhere, and else an error code for the
// client, if it asks for something that it does not get.
func (s *Server) authorization(r *http.Request) (a *authorizationCode, state, refusal, problem string) {
	q := r.URL.Query()
	for name, values := range q {
		if !slices.Contains(authorizeParameters, name) || len(values) != 1 {
			return nil, "", "", "Unknown or repeated parameter " + name
		}
	}
	client := s.registrations[q.Get("client_id")]
	switch {
	case strings.Contains(r.URL.RawQuery, "+"):
		return nil, "", "", "A space is %20"
	case client == nil || !time.Now().Before(client.expires):
		return nil, "", "", "Unknown client"
	case !slices.Contains(client.grants, grantCode):
		return nil, "", "", "Client is not authorized for this grant"
	case !s.isStartURL(client.issuer) || s.elsewhere(&call{Request: r}):
		return nil, "", "", "Unknown issuer"
	case !slices.ContainsFunc(client.redirects, func(registered string) bool { return sameButPort(registered, q.Get("redirect_uri")) }):
		return nil, "", "", "Redirect is not registered"
	case q.Get("state") == "":
		return nil, "", "", "Missing state"
	}
	a = &authorizationCode{client: client, redirect: q.Get("redirect_uri"), challenge: q.Get("code_challenge"), expires: time.Now().Add(codeLife)}
	return a, q.Get("state"), refuseAuthorization(q, client), ""
}

func refuseAuthorization(q url.Values, client *registration) string {
	switch {
	case q.Get("response_type") != "code":
		return "unsupported_response_type"
	case q.Get("code_challenge_method") != "S256" || !challengeForm.MatchString(q.Get("code_challenge")):
		return "invalid_request"
	}
	scopes := strings.SplitSeq(q.Get("scopes"), " ")
	for scope := range scopes {
		if !slices.Contains(client.scopes, scope) {
			return "invalid_scope"
		}
	}
	return ""
}

// sameButPort is RFC 8252, section 7.3: a loopback redirect may have any port.
func sameButPort(registered, asked string) bool {
	r, err := url.Parse(registered)
	u, askedErr := url.Parse(asked)
	if err != nil || askedErr != nil || u.Port() == "" {
		return false
	}
	u.Host = u.Hostname()
	return r.String() == u.String()
}

const authorizePage = `<!DOCTYPE html>
<html lang="en">
<meta charset="utf-8">
<title>Sign in</title>
<h1>Sign in</h1>
<p>{{.}} asks for access to your AWS accounts.</p>
<form method="post">
<p><button id="allow" name="action" value="allow">Allow</button> <button id="deny" name="action" value="deny">Deny</button></p>
</form>
</html>
`

// serveAuthorize is what the person sees who signs in with a browser.
func (s *Server) serveAuthorize(w http.ResponseWriter, r *http.Request) {
	action := r.PostFormValue("action")
	s.mu.Lock()
	defer s.mu.Unlock()
	if r.Method == http.MethodGet {
		s.counts["Authorize"]++
	}
	a, state, refusal, problem := s.authorization(r)
	switch {
	case problem != "":
		http.Error(w, problem, http.StatusBadRequest)
	case refusal != "":
		back(w, a, "error", refusal, "error_description", "Not granted", "state", state)
	case action == "allow" || s.AutoApprove:
		back(w, a, "code", s.code(a), "state", state)
	case action == "deny":
		back(w, a, "error", "access_denied", "error_description", "The person said <b>no</b>", "state", state)
	default:
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		template.Must(template.New("authorize").Parse(authorizePage)).Execute(w, a.client.name)
	}
}

// back sends the browser to the client.
func back(w http.ResponseWriter, a *authorizationCode, parameters ...string) {
	q := url.Values{}
	for i := 0; i < len(parameters); i += 2 {
		q.Set(parameters[i], parameters[i+1])
	}
	w.Header().Set("Location", a.redirect+"?"+q.Encode())
	w.WriteHeader(http.StatusFound)
}

func (s *Server) code(a *authorizationCode) string {
	code := s.mint.authorizationCode()
	s.codes[code] = a
	return code
}

// exchange gives tokens for a code, once, to the client that can show what the
// challenge was made from.
func (s *Server) exchange(c *call, client *registration, in *createTokenInput) (any, error) {
	now := time.Now()
	a := s.codes[in.Code]
	sum := sha256.Sum256([]byte(in.CodeVerifier))
	if a == nil || a.client != client || a.used || a.redirect != in.RedirectURI || len(in.CodeVerifier) < 43 || len(in.CodeVerifier) > 128 ||
		a.challenge != base64.RawURLEncoding.EncodeToString(sum[:]) {
		return nil, oidcAPI.fail("invalid_grant", "Invalid authorization code provided")
	}
	a.used = true
	if !now.Before(a.expires) {
		return nil, oidcAPI.fail("expired_token", "Authorization code has expired")
	}
	return s.issue(c, &login{client: client, ends: now.Add(s.SessionLife)}, ""), nil
}
