package credproc

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"time"

	"github.com/credproc/credproc/internal/clicache"
	"github.com/credproc/credproc/oidc"
	"github.com/credproc/credproc/tokencache"
)

// CLILoginError says why a login of the AWS CLI cannot become ours.
type CLILoginError struct {
	Session string
	Reason  string // "there is none"
	Err     error  // may be nil
}

func (e *CLILoginError) Error() string {
	return fmt.Sprintf("the AWS CLI's login to %s: %s", e.Session, e.Reason)
}

// Unwrap returns the cause.
func (e *CLILoginError) Unwrap() error { return e.Err }

// cliLogin looks where the AWS CLI puts a login of the sso-session, and then
// where it puts one of the start URL alone.
func cliLogin(dir string, s *tokencache.Session) (*oidc.Token, error) {
	if custom := customEndpoint(s); custom != "" {
		return nil, &CLILoginError{Session: s.Label(), Reason: "it may be of another endpoint than " + custom + ", and tokens are sent only to the endpoint that issued them"}
	}
	wrong := &CLILoginError{Session: s.Label(), Reason: "there is none in " + dir, Err: fs.ErrNotExist}
	for _, key := range []string{s.Name, s.Config.StartURL} {
		if key == "" {
			continue
		}
		login, err := clicache.Read(dir, clicache.Name(key))
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err == nil {
			if reason := unfit(login, s); reason != "" {
				wrong = &CLILoginError{Session: s.Label(), Reason: reason}
				continue
			}
			return &oidc.Token{
				AccessToken: login.AccessToken, RefreshToken: login.RefreshToken, Expiry: login.Expiry,
				Client: oidc.Client{ID: login.ClientID, Secret: login.ClientSecret, Expiry: login.RegistrationExpiry},
			}, nil
		}
		wrong = &CLILoginError{Session: s.Label(), Reason: err.Error(), Err: err}
	}
	return nil, wrong
}

// customEndpoint returns an endpoint of s that is not AWS's own; "" if both are.
// The files that the AWS tools share do not say which endpoint issued a token.
func customEndpoint(s *tokencache.Session) string {
	return cmp.Or(s.Config.Endpoint, s.PortalEndpoint)
}

// unfit says why a login cannot be renewed as one of s.
func unfit(login *clicache.Login, s *tokencache.Session) string {
	theirs, err := oidc.NormalizeStartURL(login.StartURL)
	ours, ourErr := oidc.NormalizeStartURL(s.Config.StartURL)
	switch {
	case err != nil || ourErr != nil || theirs != ours:
		return "it is for another start URL"
	case login.Region != s.Config.Region:
		return "it is for region " + login.Region + ", and not " + s.Config.Region
	case !login.Renewable():
		return "it cannot be renewed, since it has no refresh token"
	case !login.RegistrationExpiry.IsZero() && !time.Now().Before(login.RegistrationExpiry):
		return "its client registration has expired"
	}
	return ""
}
