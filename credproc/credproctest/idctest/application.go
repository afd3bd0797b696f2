package idctest

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"
)

const (
	createWithIAM = "CreateTokenWithIAM"
	webIdentityOp = "AssumeRoleWithWebIdentity"
)

const grantJWT = "urn:ietf:params:oauth:grant-type:jwt-bearer"

// An Application is a customer managed application, which exchanges the tokens
// of the server's own trusted token issuer ([Server.IssueToken]).
type Application struct {
	// Assigned are the subjects that may use it. None: all.
	Assigned []string
	// Audience is the aud claim that tokens must have. "": any.
	Audience string
	// Scopes are what its tokens may be used for. None: "sso:account:access",
	// "openid", "aws" and "sts:identity_context".
	Scopes []string
	// NoRefresh switches the refresh_token grant off.
	NoRefresh bool
	// Once has it take a token once, by its jti claim, as the service does.
	Once bool
}

func (s *Server) addApplication(arn string, app Application) {
	if s.Applications == nil {
		s.Applications = make(map[string]Application)
	}
	s.Applications[arn] = app
}

// TokenIssuer is the iss claim of what [Server.IssueToken] returns.
const TokenIssuer = "https://issuer.idc.example"

// claims are those of an assertion that this server's issuer made.
type claims struct {
	Issuer   string `json:"iss"`
	Subject  string `json:"sub"`
	Audience string `json:"aud"`
	Issued   int64  `json:"iat"`
	Expiry   int64  `json:"exp"`
	ID       string `json:"jti"`
}

// IssueToken returns a JWT of the trusted token issuer for a subject, which
// [Application]s and AssumeRoleWithWebIdentity accept for the time of its life.
func (s *Server) IssueToken(subject, audience string, life time.Duration) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := time.Now()
	c := claims{TokenIssuer, subject, audience, s.told(now).Unix(), s.told(now.Add(life)).Unix(), letters(12)}
	token := s.mint.jwt(c)
	s.assertions[token] = c
	return token
}

// ContextOf returns the subject whose identity context an access key ID carries,
// or "" without one.
func (s *Server) ContextOf(accessKeyID string) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	if k := s.keys[accessKeyID]; k != nil {
		return k.subject
	}
	return ""
}

// IssueKey returns credentials of the role with the given ARN of an assumed
// role: those with which a machine signs its own requests.
func (s *Server) IssueKey(arn string, life time.Duration) (accessKeyID, secretAccessKey, sessionToken string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	account := strings.Split(arn+"::::", ":")[4]
	k := s.newKey(account, arn, life)
	return k.id, k.secret, k.token
}

// jwt returns a token in the form of a JWT, with the marker in its signature.
func (m *mint) jwt(payload any) string {
	data, err := json.Marshal(payload)
	if err != nil {
		panic(err) // only types of this package come here
	}
	part := base64.RawURLEncoding.EncodeToString
	return m.secret(part([]byte(`{"alg":"RS256","typ":"JWT"}`))+"."+part(data)+".", len(data)*2+400)
}

func (m *mint) identityContext(n int) string { return m.secret("ProvidedContext", n) }

func (s *Server) createTokenWithIAM(c *call) (any, error) {
	signer, err := s.signer(c, "sso-oauth", func(code, description string) error {
		return oidcAPI.fail("access_denied", code+": "+description)
	})
	if err != nil {
		return nil, err
	}
	var in struct {
		ClientID     string   `json:"clientId"`
		GrantType    string   `json:"grantType"`
		Assertion    string   `json:"assertion"`
		RefreshToken string   `json:"refreshToken"`
		Scope        []string `json:"scope"`
	}
	if err := decode(c, &in); err != nil {
		return nil, err
	}
	c.event.Signer = signer.id
	if s.elsewhere(c) {
		return nil, &apiError{status: 400, code: "invalid_request", description: "The instance is in another region", region: s.Region}
	}
	app, ok := s.Applications[in.ClientID]
	switch {
	case !ok:
		return nil, oidcAPI.fail("invalid_client", "Application not found")
	case in.GrantType == grantJWT && in.Assertion != "":
		return s.exchangeAssertion(c, in.ClientID, app, in.Assertion, in.Scope)
	case in.GrantType == grantRefresh && in.RefreshToken != "":
		return s.refreshApplication(c, in.ClientID, app, in.RefreshToken)
	case in.GrantType == grantJWT || in.GrantType == grantRefresh:
		return nil, oidcAPI.fail("invalid_request", "Missing required parameter")
	}
	return nil, oidcAPI.fail("unsupported_grant_type", "Grant type is not supported")
}

func (s *Server) exchangeAssertion(c *call, arn string, app Application, assertion string, scopes []string) (any, error) {
	claims, known := s.assertions[assertion]
	switch {
	case !known:
		return nil, oidcAPI.fail("invalid_grant", "The issuer of the assertion is not trusted")
	case s.told(time.Now()).Unix() >= claims.Expiry:
		return nil, oidcAPI.fail("invalid_grant", "The assertion has expired")
	case app.Audience != "" && claims.Audience != app.Audience:
		return nil, oidcAPI.fail("invalid_grant", "The audience of the assertion is not authorized")
	case len(app.Assigned) > 0 && !slices.Contains(app.Assigned, claims.Subject):
		return nil, oidcAPI.fail("access_denied", "The user is not assigned to the application")
	}
	if app.Once && s.exchanged[claims.ID] {
		return nil, oidcAPI.fail("invalid_grant", "The assertion has been used")
	}
	granted := app.scopes()
	for _, scope := range scopes {
		if !slices.Contains(granted, scope) {
			return nil, oidcAPI.fail("invalid_scope", "Scope is not authorized")
		}
	}
	if len(scopes) > 0 {
		granted = scopes
	}
	s.exchanged[claims.ID] = true
	client := &registration{id: arn, scopes: granted}
	return s.issueWithIAM(c, &login{client: client, ends: time.Now().Add(s.SessionLife), subject: claims.Subject}, app, ""), nil
}

func (s *Server) refreshApplication(c *call, arn string, app Application, value string) (any, error) {
	c.event.Used = hash(value)
	now := time.Now()
	token := s.refreshTokens[value]
	switch {
	case app.NoRefresh:
		return nil, oidcAPI.fail("unsupported_grant_type", "Grant type is not supported")
	case token == nil || token.login.subject == "" || token.login.client.id != arn:
		return nil, oidcAPI.fail("invalid_grant", "Invalid refresh token provided")
	case !token.works(now):
		return nil, oidcAPI.fail("expired_token", "Refresh token has expired")
	}
	token.rotate(s.Rotation, now)
	return s.issueWithIAM(c, token.login, app, value), nil
}

// scopes returns what the application's tokens may be used for.
func (a Application) scopes() []string {
	if len(a.Scopes) == 0 {
		return []string{"sso:account:access", "openid", "aws", "sts:identity_context"}
	}
	return a.Scopes
}

type createTokenWithIAMOutput struct {
	AccessToken          string         `json:"accessToken"`
	AWSAdditionalDetails map[string]any `json:"awsAdditionalDetails,omitempty"`
	ExpiresIn            int            `json:"expiresIn"`
	IDToken              string         `json:"idToken,omitempty"`
	IssuedTokenType      string         `json:"issuedTokenType"`
	RefreshToken         string         `json:"refreshToken,omitempty"`
	Scope                []string       `json:"scope"`
	TokenType            string         `json:"tokenType"`
}

func (s *Server) issueWithIAM(c *call, l *login, app Application, old string) createTokenWithIAMOutput {
	out := createTokenWithIAMOutput{
		AccessToken: s.mint.accessToken(s.TokenSize), ExpiresIn: int(s.AccessTokenLife / time.Second),
		IssuedTokenType: "urn:ietf:params:oauth:token-type:access_token", Scope: l.client.scopes, TokenType: "Bearer",
	}
	s.accessTokens[out.AccessToken] = &accessToken{login: l, expires: time.Now().Add(s.AccessTokenLife)}
	if slices.Contains(l.client.scopes, "sts:identity_context") {
		identity := s.mint.identityContext(s.ContextSize)
		s.contexts[identity] = l.subject
		out.AWSAdditionalDetails = map[string]any{"identityContext": identity}
		out.IDToken = s.mint.jwt(map[string]any{"sub": l.subject, "sts:identity_context": identity})
	}
	if !app.NoRefresh {
		out.RefreshToken = s.refreshTokenAfter(c, l, old)
	}
	return out
}

// webIdentity returns the claims of the web identity token of an STS request.
func (s *Server) webIdentity(token string) (claims, error) {
	claims, known := s.assertions[token]
	switch {
	case !known:
		return claims, stsAPI.fail("InvalidIdentityToken", "No OpenIDConnect provider found in your account for the issuer")
	case s.told(time.Now()).Unix() >= claims.Expiry:
		return claims, stsAPI.fail("ExpiredTokenException", fmt.Sprintf("Token expired: current date/time must be before the expiration date/time %d", claims.Expiry))
	}
	return claims, nil
}
