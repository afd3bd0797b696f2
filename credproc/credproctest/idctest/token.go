package idctest

import (
	"fmt"
	"slices"
	"time"
)

// A login is what a sign-in started: the access portal session.
type login struct {
	client  *registration
	ends    time.Time
	subject string // of the trusted token that started it; "": a person's
}

type accessToken struct {
	login   *login
	expires time.Time
}

type refreshToken struct {
	login *login
	until time.Time // when it stops working because another took its place
}

func (t *refreshToken) works(now time.Time) bool {
	return now.Before(t.login.ends) && (t.until.IsZero() || now.Before(t.until))
}

// rotate says until when a token works that was used.
func (t *refreshToken) rotate(r Rotation, now time.Time) {
	switch {
	case !t.until.IsZero():
	case r == Strict:
		t.until = now
	case r == Grace:
		t.until = now.Add(grace)
	}
}

type createTokenInput struct {
	ClientID     string   `json:"clientId"`
	ClientSecret string   `json:"clientSecret"`
	GrantType    string   `json:"grantType"`
	DeviceCode   string   `json:"deviceCode"`
	Code         string   `json:"code"`
	RefreshToken string   `json:"refreshToken"`
	Scope        []string `json:"scope"` // documented to have no effect
	RedirectURI  string   `json:"redirectUri"`
	CodeVerifier string   `json:"codeVerifier"`
}

type createTokenOutput struct {
	AccessToken  string `json:"accessToken"`
	ExpiresIn    int    `json:"expiresIn"`
	RefreshToken string `json:"refreshToken,omitempty"`
	TokenType    string `json:"tokenType"`
}

func (s *Server) createToken(c *call) (any, error) {
	var in createTokenInput
	if err := decode(c, &in); err != nil {
		return nil, err
	}
	client, err := s.client(in.ClientID, in.ClientSecret)
	if err != nil {
		return nil, err
	}
	if !in.complete() {
		return nil, oidcAPI.fail("invalid_request", "Missing required parameter")
	}
	if in.GrantType != grantDeviceCode && in.GrantType != grantRefresh && in.GrantType != grantCode {
		return nil, oidcAPI.fail("unsupported_grant_type", "Grant type is not supported")
	}
	if !slices.Contains(client.grants, in.GrantType) {
		return nil, oidcAPI.fail("unauthorized_client", "Client is not authorized for this grant")
	}
	switch in.GrantType {
	case grantDeviceCode:
		return s.redeem(c, client, in.DeviceCode)
	case grantCode:
		return s.exchange(c, client, &in)
	}
	return s.refresh(c, client, in.RefreshToken)
}

// complete reports whether what the grant takes is there.
func (in *createTokenInput) complete() bool {
	switch in.GrantType {
	case grantDeviceCode:
		return in.DeviceCode != ""
	case grantRefresh:
		return in.RefreshToken != ""
	case grantCode:
		return in.Code != "" && in.RedirectURI != "" && in.CodeVerifier != ""
	}
	return in.GrantType != ""
}

// redeem gives tokens for a device code once a person has approved it.
func (s *Server) redeem(c *call, client *registration, code string) (any, error) {
	now := time.Now()
	i := slices.IndexFunc(s.deviceCodes, func(d *deviceCode) bool { return d.code == code })
	if i < 0 || s.deviceCodes[i].client != client || s.deviceCodes[i].state == used {
		return nil, oidcAPI.fail("invalid_grant", "Invalid device code provided")
	}
	d := s.deviceCodes[i]
	tooFast := s.poll(d, now)
	switch {
	case !now.Before(d.expires):
		return nil, oidcAPI.fail("expired_token", "Device code has expired")
	case d.state == denied:
		return nil, oidcAPI.fail("access_denied", "Access denied")
	case d.state == pending && tooFast:
		d.interval += 5 * time.Second // RFC 8628, section 3.5
		return nil, oidcAPI.fail("slow_down", "Slow down")
	case d.state == pending:
		return nil, oidcAPI.fail("authorization_pending", "Authorization is still pending")
	}
	d.state = used
	return s.issue(c, &login{client: client, ends: now.Add(s.SessionLife)}, ""), nil
}

// poll notes one attempt and reports whether it came too early. The very first
// is free: the AWS CLI makes one before it shows the code, in case the person
// has signed in already, and the next at once after.
func (s *Server) poll(d *deviceCode, now time.Time) (tooFast bool) {
	if d.polled.IsZero() && now.Sub(d.created) < d.interval {
		d.polled = now.Add(-d.interval)
		return false
	}
	tooFast = now.Sub(d.polled) < d.interval
	d.polled = now
	if tooFast {
		s.violations = append(s.violations, fmt.Sprintf("polled for %s faster than every %s", d.userCode, d.interval))
	}
	return tooFast
}

// refresh gives new tokens of a login that is still on.
func (s *Server) refresh(c *call, client *registration, value string) (any, error) {
	c.event.Used = hash(value)
	now := time.Now()
	token := s.refreshTokens[value]
	if token == nil || token.login.client != client || !token.works(now) || s.elsewhere(c) {
		return nil, oidcAPI.fail("invalid_grant", "Invalid refresh token provided")
	}
	token.rotate(s.Rotation, now)
	return s.issue(c, token.login, value), nil
}

// issue makes the tokens of one answer; old is the refresh token that was
// used, if any.
func (s *Server) issue(c *call, l *login, old string) createTokenOutput {
	now := time.Now()
	refreshable := slices.Contains(l.client.grants, grantRefresh) && slices.Contains(l.client.scopes, "sso:account:access")
	life := s.AccessTokenLife
	if !refreshable {
		life = s.SessionLife
	}
	out := createTokenOutput{AccessToken: s.mint.accessToken(s.TokenSize), ExpiresIn: int(life / time.Second), TokenType: "Bearer"}
	s.accessTokens[out.AccessToken] = &accessToken{login: l, expires: now.Add(life)}
	if refreshable {
		out.RefreshToken = s.refreshTokenAfter(c, l, old)
	}
	return out
}

// refreshTokenAfter returns the refresh token that comes after an old one, or, where
// that is "", the first of a login.
func (s *Server) refreshTokenAfter(c *call, l *login, old string) (token string) {
	switch {
	case old != "" && s.Rotation == Omit:
		return ""
	case old != "" && s.Rotation == None:
		token = old
	default:
		token = s.mint.refreshToken(s.TokenSize)
		s.refreshTokens[token] = &refreshToken{login: l}
	}
	c.event.Given = hash(token)
	return token
}
