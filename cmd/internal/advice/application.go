package advice

import (
	"github.com/credproc/credproc/cmd/internal/terminal"
	"github.com/credproc/credproc/oidc"
)

// whyNoApplication is what to do where an application cannot sign in, by the cause of a
// [tokencache.ApplicationError].
func whyNoApplication(cause error) terminal.Prose {
	switch cause {
	case oidc.ErrAssertion:
		return "Fix credproc_web_identity_token_file or credproc_web_identity_token_command in the sso-session. It must give a JWT."
	case oidc.ErrAssertionExpired:
		return "It works again as soon as there is a new token: the next call reads it."
	case oidc.ErrUntrusted:
		return "The application must trust the issuer of the token (iss), and accept its audience (aud). A token with a jti claim is accepted once."
	case oidc.ErrNotAssigned:
		return "The user of the token must be assigned to the application, and the signing role needs sso-oauth:CreateTokenWithIAM."
	}
	return "Check the application and credproc_application_arn in the sso-session."
}
