package oidc

import (
	"cmp"
	"context"
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ssooidc"
	"github.com/aws/smithy-go/middleware"

	"github.com/credproc/credproc/internal/awsapi"
)

const refreshGrant = "refresh_token"

// shortLife is what an access token is taken to have whose lifetime the answer
// does not tell, or tells in a way that makes no sense. If it ends earlier, the
// portal's refusal says so.
const shortLife = 5 * time.Minute

// Token is the result of a sign-in. The zero Token stands for no sign-in.
type Token struct {
	AccessToken string // a secret: its bearer acts as the person
	// RefreshToken is a secret that gets further access tokens, with Client
	// only. "" if the service gave none: see [Config].Scopes.
	RefreshToken string
	// Expiry is when the access token ends, by the local clock. The service
	// may end it earlier.
	Expiry time.Time
	Client Client // the registration that may refresh it
	// IdentityContext is a secret of a token that an [Application] with the scope
	// sts:identity_context got: who the user is, for STS. "": there is none.
	IdentityContext string
}

// Client is a registration with the service. It is valid for one sign-in and
// all refreshes that follow from it.
type Client struct {
	ID     string // the service's name for it
	Secret string // a secret, though any program can register a client
	// Expiry is when the registration, and every refresh token that it got,
	// ends, by the local clock. Zero: the service did not say.
	Expiry time.Time
}

// Refresh returns a new token for one that has a RefreshToken and the Client
// that got it. The new one has the same Client, and the old RefreshToken if
// the service sent none; old is left as it was. Whether the old RefreshToken
// works again is up to the service: store the new token before using it, and
// do not refresh one token twice at the same time.
//
// Refresh takes at most 15 s with its retries. The error is
// [ErrSignInRequired] only if the service has ended the session (Code
// "invalid_grant", "expired_token", "invalid_client" or
// "unauthorized_client") or there is no RefreshToken. After any other, such as
// a network error or a fault of the service, old is worth keeping.
//
// An answer spends the old RefreshToken, so what can be read of it is used: a
// lifetime that is missing or makes no sense counts as five minutes. Of an answer
// that holds only one of the tokens and is damaged, or has no access token, Refresh
// returns that one beside an error: it has to be stored. Then refresh again: with a
// new RefreshToken at any time, with the old one at once, while the service may still
// accept it.
func (c *Config) Refresh(ctx context.Context, old *Token) (*Token, error) {
	if old == nil || old.RefreshToken == "" {
		return nil, fmt.Errorf("refresh: %w: no refresh token", ErrSignInRequired)
	}
	api, err := c.api(awsapi.NewRetryer())
	if err != nil {
		return nil, err
	}
	token, err := createToken(ctx, api, old.Client, &ssooidc.CreateTokenInput{
		GrantType:    aws.String(refreshGrant),
		RefreshToken: &old.RefreshToken,
	}, map[string]error{
		"invalid_grant":       ErrSignInRequired,
		"expired_token":       ErrSignInRequired,
		"invalid_client":      ErrSignInRequired,
		"unauthorized_client": ErrSignInRequired,
	})
	if err == nil && token.RefreshToken == "" {
		token.RefreshToken = old.RefreshToken
	}
	return token, err
}

// tokenMembers are what is used of CreateToken's answer.
func tokenMembers() awsapi.Members {
	return awsapi.Members{Text: []string{"accessToken", "refreshToken"}, Lifetimes: []string{"expiresIn"}}
}

// createToken exchanges the grant in in. What a code of the service means in
// this grant is in meanings.
func createToken(ctx context.Context, api *ssooidc.Client, client Client, in *ssooidc.CreateTokenInput, meanings map[string]error) (*Token, error) {
	const op = "CreateToken"
	ctx, cancel := awsapi.Bounded(ctx)
	defer cancel()
	in.ClientId, in.ClientSecret = &client.ID, &client.Secret
	out, err := api.CreateToken(ctx, in, ssooidc.WithAPIOptions(awsapi.Lenient(tokenMembers())))
	if err != nil {
		return nil, failed(ctx, op, err, meanings)
	}
	return tokenOf(op, client, out.AccessToken, out.RefreshToken, out.ExpiresIn, out.ResultMetadata)
}

// tokenOf makes a token of the members of an answer. Like [Config.Refresh] it
// returns the readable part of a damaged one beside an error.
func tokenOf(op string, client Client, access, refresh *string, seconds int32, metadata middleware.Metadata) (*Token, error) {
	token := &Token{AccessToken: aws.ToString(access), RefreshToken: aws.ToString(refresh), Client: client}
	if token.AccessToken != "" {
		token.Expiry = wall(time.Now().Add(cmp.Or(time.Duration(seconds)*time.Second, shortLife)))
	}
	switch {
	case token.AccessToken == "" && token.RefreshToken == "":
		return nil, incomplete(op, "access token", metadata)
	case token.AccessToken == "":
		return token, incomplete(op, "access token", metadata)
	case token.RefreshToken == "" && !awsapi.Whole(metadata):
		return token, incomplete(op, "refresh token", metadata)
	}
	return token, nil
}

// wall drops the monotonic reading: it stands still while the machine sleeps,
// and a token does not.
func wall(t time.Time) time.Time { return t.Round(0) }
