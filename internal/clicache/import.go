package clicache

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"time"

	"github.com/credproc/credproc/internal/starturl"
	"github.com/credproc/credproc/oidc"
	"github.com/credproc/credproc/tokencache"
)

// LoginError says why a login of the AWS CLI cannot become credproc's.
type LoginError struct {
	Session string
	Reason  string // "there is none"
	Err     error  // may be nil
}

func (e *LoginError) Error() string {
	return fmt.Sprintf("the AWS CLI's login to %s: %s", e.Session, e.Reason)
}

// Unwrap returns the cause.
func (e *LoginError) Unwrap() error { return e.Err }

// Import returns the login that the AWS CLI has for a session, as far as one can
// be renewed: [tokencache.Session.SignIn] takes it. It looks where the AWS CLI
// puts a login of the sso-session, and then where it puts one of the start URL
// alone. The error is a [*LoginError]; it wraps fs.ErrNotExist where there is
// none. With a custom endpoint every login is refused: the AWS CLI does not record
// which endpoint issued it.
func Import(dir string, s *tokencache.Session) (*oidc.Token, error) {
	if custom := cmp.Or(s.Config.Endpoint, s.PortalEndpoint); custom != "" {
		return nil, &LoginError{Session: s.Label(), Reason: "it may be of another endpoint than " + custom + ", and tokens are sent only to the endpoint that issued them"}
	}
	wrong := &LoginError{Session: s.Label(), Reason: "there is none in " + dir, Err: fs.ErrNotExist}
	for _, key := range []string{s.Name, s.Config.StartURL} {
		if key == "" {
			continue
		}
		login, err := Read(dir, Name(key))
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err == nil {
			if reason := unfit(login, s); reason != "" {
				wrong = &LoginError{Session: s.Label(), Reason: reason}
				continue
			}
			return &oidc.Token{
				AccessToken: login.AccessToken, RefreshToken: login.RefreshToken, Expiry: login.Expiry,
				Client: oidc.Client{ID: login.ClientID, Secret: login.ClientSecret, Expiry: login.RegistrationExpiry},
			}, nil
		}
		wrong = &LoginError{Session: s.Label(), Reason: err.Error(), Err: err}
	}
	return nil, wrong
}

// unfit says why a login cannot be renewed as one of s.
func unfit(login *Login, s *tokencache.Session) string {
	switch {
	case !starturl.Same(login.StartURL, s.Config.StartURL):
		return "it is for another start URL"
	case login.Region != s.Config.Region:
		return "it is for region " + login.Region + ", and not " + s.Config.Region
	case login.RefreshToken == "" || login.ClientID == "" || login.ClientSecret == "":
		return "it cannot be renewed, since it has no refresh token"
	case !login.RegistrationExpiry.IsZero() && !time.Now().Before(login.RegistrationExpiry):
		return "its client registration has expired"
	}
	return ""
}
