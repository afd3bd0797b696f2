package idctest

import (
	"encoding/json"
	"net/http"
	"net/url"
	"strconv"
	"time"
)

// A signinToken signs a browser in to the console.
type signinToken struct {
	expires time.Time
	session time.Duration // of the console
	host    string        // where it was got, and works
}

// redirect is an answer that sends a browser elsewhere.
type redirect string

// getSigninToken exchanges the credentials of a role, and refuses without a
// word about why.
func (s *Server) getSigninToken(c *call) (any, error) {
	bad := signinAPI.fail("BadRequest", "")
	if c.Method != http.MethodPost || c.URL.RawQuery != "" {
		// The real service takes it, keys in a URL and all.
		s.violations = append(s.violations, "GetSigninToken with credentials in its URL")
		return nil, bad
	}
	form, err := url.ParseQuery(string(c.body))
	if err != nil {
		return nil, bad
	}
	var session map[string]string
	if json.Unmarshal([]byte(form.Get("Session")), &session) != nil || len(session) != 3 {
		return nil, bad
	}
	k := s.keys[session["sessionId"]]
	if k == nil || k.secret != session["sessionKey"] || k.token != session["sessionToken"] || !time.Now().Before(k.expires) {
		return nil, bad
	}
	life := time.Until(k.expires)
	if form.Has("SessionDuration") {
		seconds, err := strconv.Atoi(form.Get("SessionDuration"))
		life = time.Duration(seconds) * time.Second
		if err != nil || k.chained || seconds < 900 || seconds > 43200 || life > s.MaxConsoleSession {
			return nil, bad
		}
	}
	token := s.mint.signinToken()
	s.signinTokens[token] = &signinToken{time.Now().Add(15 * time.Minute), life, c.Host}
	return struct{ SigninToken string }{token}, nil
}

// consoleLogin is what the login URL does in a browser.
func (s *Server) consoleLogin(c *call) (any, error) {
	query := c.URL.Query()
	token := s.signinTokens[query.Get("SigninToken")]
	page, err := url.Parse(query.Get("Destination"))
	if token == nil || !time.Now().Before(token.expires) || token.host != c.Host || err != nil || page.Scheme != "https" || query.Get("Issuer") == "" {
		return nil, signinAPI.fail("BadRequest", "")
	}
	return redirect(page.String()), nil
}

// ConsoleSessions returns the durations of the console sessions that sign-in
// tokens were given for, in no order.
func (s *Server) ConsoleSessions() []time.Duration {
	s.mu.Lock()
	defer s.mu.Unlock()
	var all []time.Duration
	for _, token := range s.signinTokens {
		all = append(all, token.session)
	}
	return all
}
