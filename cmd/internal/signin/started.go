package signin

import (
	"time"

	"github.com/credproc/credproc/oidc"
)

// Started is what a program is told of a sign-in that it has started for a person
// to confirm: docs/login-start.schema.json says what each member means.
type Started struct {
	State                   string     `json:"state"` // "pending" or "signed_in"
	Session                 string     `json:"session"`
	StartURL                string     `json:"sso_start_url"`
	Region                  string     `json:"sso_region"`
	VerificationURI         string     `json:"verification_uri,omitempty"`
	VerificationURIComplete string     `json:"verification_uri_complete,omitempty"`
	UserCode                string     `json:"user_code,omitempty"`
	ExpiresAt               *time.Time `json:"expires_at,omitempty"`
	Command                 string     `json:"command,omitempty"` // that waits for the person
}

// NewStarted describes the sign-in of a session, which is signed in if code is nil.
// Every process that shares a code describes it alike. It fails where the code's
// page is not one that a person may be sent to.
func NewStarted(session string, config *oidc.Config, code *oidc.DeviceCode, command string) (*Started, error) {
	s := &Started{State: "signed_in", Session: session, StartURL: config.StartURL, Region: config.Region}
	if code == nil {
		return s, nil
	}
	for _, page := range []string{code.VerificationURI, code.VerificationURIComplete} {
		if page == "" {
			continue
		}
		if _, _, err := Page(config, &oidc.DeviceCode{VerificationURI: page}); err != nil {
			return nil, err
		}
	}
	end := code.Expiry.UTC().Truncate(time.Second)
	s.State, s.UserCode, s.ExpiresAt, s.Command = "pending", code.UserCode, &end, command
	s.VerificationURI, s.VerificationURIComplete = code.VerificationURI, code.VerificationURIComplete
	return s, nil
}
