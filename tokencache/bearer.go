package tokencache

import (
	"context"

	"github.com/aws/smithy-go/auth/bearer"
)

var _ bearer.TokenProvider = (*Session)(nil)

// RetrieveBearerToken makes the session a token provider of the AWS SDK, for
// the services that take the access token itself: [Session.Token] in the SDK's
// type. What it returns is a secret that prints as it is.
func (s *Session) RetrieveBearerToken(ctx context.Context) (bearer.Token, error) {
	token, err := s.Token(ctx)
	if err != nil {
		return bearer.Token{}, err
	}
	return bearer.Token{Value: token.AccessToken, CanExpire: true, Expires: token.Expiry}, nil
}
