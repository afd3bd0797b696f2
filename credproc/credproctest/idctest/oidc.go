package idctest

import (
	"encoding/json"
	"mime"
	"net/url"
	"reflect"
	"slices"
	"strings"
	"time"
)

const (
	grantDeviceCode = "urn:ietf:params:oauth:grant-type:device_code"
	grantRefresh    = "refresh_token"
	grantCode       = "authorization_code"
)

// A registration is a client that may sign people in.
type registration struct {
	id, secret, name string
	grants, scopes   []string
	redirects        []string
	issuer           string
	expires          time.Time
}

// A deviceCode is a sign-in that waits for a person.
type deviceCode struct {
	code, userCode string
	client         *registration
	created        time.Time
	expires        time.Time
	interval       time.Duration // as told, and longer after each slow_down
	polled         time.Time
	state          codeState
}

type codeState int

const (
	pending codeState = iota
	approved
	denied
	used
)

func (s *Server) registerClient(c *call) (any, error) {
	var in struct {
		ClientName             string   `json:"clientName"`
		ClientType             string   `json:"clientType"`
		Scopes                 []string `json:"scopes"`
		RedirectURIs           []string `json:"redirectUris"`
		GrantTypes             []string `json:"grantTypes"`
		IssuerURL              string   `json:"issuerUrl"`
		EntitledApplicationARN string   `json:"entitledApplicationArn"`
	}
	if err := decode(c, &in); err != nil {
		return nil, err
	}
	if in.ClientName == "" || in.ClientType == "" {
		return nil, oidcAPI.fail("invalid_request", "Missing client name or type")
	}
	if in.ClientType != "public" {
		return nil, oidcAPI.fail("invalid_client_metadata", "Client type is not supported")
	}
	for _, scope := range in.Scopes {
		if !knownScope(scope) {
			return nil, oidcAPI.fail("invalid_scope", "Scope is not supported")
		}
	}
	if err := checkGrants(in.GrantTypes, in.RedirectURIs, in.IssuerURL); err != nil {
		return nil, err
	}
	if len(in.GrantTypes) == 0 {
		in.GrantTypes = []string{grantDeviceCode, grantRefresh}
	}
	now := time.Now()
	client := &registration{id: clientID(), name: in.ClientName, grants: in.GrantTypes, scopes: in.Scopes,
		redirects: in.RedirectURIs, issuer: in.IssuerURL, expires: now.Add(s.RegistrationLife)}
	client.secret = s.mint.clientSecret(client.id, s.told(client.expires))
	s.registrations[client.id] = client
	return struct {
		ClientID              string `json:"clientId"`
		ClientIDIssuedAt      int64  `json:"clientIdIssuedAt"`
		ClientSecret          string `json:"clientSecret"`
		ClientSecretExpiresAt int64  `json:"clientSecretExpiresAt"`
	}{client.id, s.told(now).Unix(), client.secret, s.told(client.expires).Unix()}, nil
}

func knownScope(scope string) bool {
	family, _, _ := strings.Cut(scope, ":")
	switch family {
	case "sso", "sso-portal", "codewhisperer", "openid", "aws", "sts":
		return true
	}
	return false
}

func checkGrants(grants, redirects []string, issuer string) error {
	for _, g := range grants {
		if g != grantDeviceCode && g != grantRefresh && g != grantCode {
			return oidcAPI.fail("unsupported_grant_type", "Grant type is not supported")
		}
	}
	if !slices.Contains(grants, grantCode) {
		return nil
	}
	if slices.Contains(grants, grantDeviceCode) {
		return oidcAPI.fail("invalid_request", "Grant types cannot be combined")
	}
	if len(redirects) == 0 || issuer == "" {
		return oidcAPI.fail("invalid_request", "Missing redirect or issuer")
	}
	for _, redirect := range redirects {
		u, err := url.Parse(redirect)
		if err != nil || u.Scheme != "http" || u.Hostname() != "127.0.0.1" {
			return oidcAPI.fail("invalid_redirect_uri", "Redirect is not a loopback address")
		}
	}
	return nil
}

// client finds the registration that a request claims.
func (s *Server) client(id, secret string) (*registration, error) {
	if id == "" || secret == "" {
		return nil, oidcAPI.fail("invalid_request", "Missing client")
	}
	client := s.registrations[id]
	if client == nil || client.secret != secret || !time.Now().Before(client.expires) {
		return nil, oidcAPI.fail("invalid_client", "Invalid client provided")
	}
	return client, nil
}

func (s *Server) startDeviceAuthorization(c *call) (any, error) {
	var in struct {
		ClientID     string `json:"clientId"`
		ClientSecret string `json:"clientSecret"`
		StartURL     string `json:"startUrl"`
	}
	if err := decode(c, &in); err != nil {
		return nil, err
	}
	client, err := s.client(in.ClientID, in.ClientSecret)
	if err != nil {
		return nil, err
	}
	if !slices.Contains(client.grants, grantDeviceCode) {
		return nil, oidcAPI.fail("unauthorized_client", "Client is not authorized for this grant")
	}
	if s.elsewhere(c) || !s.isStartURL(in.StartURL) {
		return nil, oidcAPI.fail("invalid_request", "")
	}
	now := time.Now()
	interval := wholeSeconds(s.Interval)
	d := &deviceCode{
		code: s.mint.deviceCode(), userCode: userCode(), client: client,
		created: now, expires: now.Add(s.DeviceCodeLife), interval: time.Duration(interval) * time.Second,
	}
	if s.AutoApprove {
		d.state = approved
	}
	s.deviceCodes = append(s.deviceCodes, d)
	page := origin(c) + "/device"
	return struct {
		DeviceCode              string `json:"deviceCode"`
		ExpiresIn               int    `json:"expiresIn"`
		Interval                int    `json:"interval"`
		UserCode                string `json:"userCode"`
		VerificationURI         string `json:"verificationUri"`
		VerificationURIComplete string `json:"verificationUriComplete"`
	}{d.code, wholeSeconds(s.DeviceCodeLife), interval, d.userCode, page, page + "?user_code=" + d.userCode}, nil
}

// isStartURL goes by the spelling, but for what follows the path.
func (s *Server) isStartURL(url string) bool {
	return strings.TrimRight(url, "#/") == strings.TrimRight(s.StartURL, "#/")
}

// elsewhere reports whether a request was meant for another region, as far as
// the host tells: oidc.REGION.amazonaws.com, portal.sso.REGION.amazonaws.com.
func (s *Server) elsewhere(c *call) bool {
	host, isAWS := strings.CutSuffix(c.Host, ".amazonaws.com")
	return isAWS && host[strings.LastIndex(host, ".")+1:] != s.Region
}

// origin is how the client reached us.
func origin(c *call) string {
	switch {
	case c.URL.Scheme != "": // a request that never crossed a socket
		return c.URL.Scheme + "://" + c.Host
	case c.TLS != nil:
		return "https://" + c.Host
	}
	return "http://" + c.Host
}

// decode reads a body as strictly as can be: JSON by its content type, members
// by their exact names (encoding/json would forgive their case), none unknown.
func decode[T any](c *call, in *T) error {
	media, _, _ := mime.ParseMediaType(c.Header.Get("Content-Type"))
	var members map[string]json.RawMessage
	if media != "application/json" || json.Unmarshal(c.body, &members) != nil {
		return oidcAPI.fail("invalid_request", "Invalid request body")
	}
	for name := range members {
		if !hasMember[T](name) {
			return oidcAPI.fail("invalid_request", "Unknown member in request body")
		}
	}
	if json.Unmarshal(c.body, in) != nil {
		return oidcAPI.fail("invalid_request", "Invalid request body")
	}
	return nil
}

func hasMember[T any](name string) bool {
	for field := range reflect.TypeFor[T]().Fields() {
		if field.Tag.Get("json") == name {
			return true
		}
	}
	return false
}
