package oidc

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ssooidc"

	"github.com/credproc/credproc/internal/awsapi"
	"github.com/credproc/credproc/internal/jwt"
)

// Errors of [Application.SignIn] wrap one of these, for [errors.Is].
var (
	// ErrAssertion says that there was no JWT to send: [Application.Assertion]
	// failed, or its result does not have the form of one.
	ErrAssertion = errors.New("no usable token of the issuer")
	// ErrAssertionExpired says that the service refused the JWT, whose exp claim
	// is in the past.
	ErrAssertionExpired = errors.New("the issuer's token has expired")
	// ErrUntrusted says that the service refused the JWT: the application does
	// not trust its issuer, or not for its audience, or has seen it before: a JWT
	// with a jti claim is accepted once.
	ErrUntrusted = errors.New("the issuer's token is not accepted by the application")
	// ErrNotAssigned says that the JWT's user is not assigned to the application,
	// or that the signing credentials may not call CreateTokenWithIAM.
	ErrNotAssigned = errors.New("not assigned to the application")
)

// An Application is a customer managed application of IAM Identity Center that
// exchanges the token of a trusted token issuer, which is an OIDC provider of the
// organization's own, for one of Identity Center, so that no person signs in
// (CreateTokenWithIAM,
// https://docs.aws.amazon.com/singlesignon/latest/userguide/trusted-token-issuer-overview.html).
// With the scope sso:account:access the result is a login like any other:
//
//	session.SignIn(ctx, application.SignIn)
//
// All fields but Scopes are required. It is safe for concurrent use if Assertion
// and Credentials are, and must not be changed meanwhile.
type Application struct {
	ARN string // "arn:aws:sso::123456789012:application/ssoins-…/apl-…"
	// Assertion returns the JWT, a secret. It is called once for each exchange, and
	// should return within a few seconds or when ctx ends.
	Assertion func(ctx context.Context) (string, error)
	// Credentials sign the requests; they need sso-oauth:CreateTokenWithIAM. Region
	// and endpoint are those of the [Config].
	Credentials aws.CredentialsProvider
	Scopes      []string // none: all that the application has
}

// RegionError says that the Identity Center instance of an [Application] is in
// another Region. Nothing is sent there.
type RegionError struct {
	Region, Endpoint string // as the service names them
}

// Error says what went wrong.
func (e *RegionError) Error() string {
	return fmt.Sprintf("the instance is in the Region %q (%s)", e.Region, e.Endpoint)
}

const jwtBearerGrant = "urn:ietf:params:oauth:grant-type:jwt-bearer"

var errNoARN = errors.New(`the application's ARN does not have the form "arn:aws:sso::123456789012:application/ssoins-…/apl-…"`)

// SignIn exchanges a new JWT for a [Token] (RFC 7523), whose Client is the
// application, without a secret. It uses the Region, the Endpoint and the HTTP
// settings of c, and sends the JWT to this endpoint only. It takes at most 15 s, and
// what Assertion takes.
//
// Errors wrap one of the package's Err variables or are an [*Error] with a
// [*RegionError] in it. An error of Assertion, or of Credentials, is wrapped, too.
func (a *Application) SignIn(ctx context.Context, c *Config) (*Token, error) {
	if a.Assertion == nil {
		return nil, errors.New("sign in with an application: Assertion is nil")
	}
	assertion, err := a.Assertion(ctx)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrAssertion, err)
	}
	claims, err := jwt.Parse(assertion)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrAssertion, err)
	}
	untrusted := ErrUntrusted
	if !claims.Expiry.IsZero() && time.Now().After(claims.Expiry) {
		untrusted = ErrAssertionExpired
	}
	return a.createToken(ctx, c, Client{ID: a.ARN}, &ssooidc.CreateTokenWithIAMInput{
		GrantType: aws.String(jwtBearerGrant), Assertion: &assertion, Scope: a.Scopes,
	}, map[string]error{
		"invalid_grant": untrusted, "expired_token": untrusted, "access_denied": ErrNotAssigned,
		"unauthorized_client": ErrNotAssigned,
	})
}

// Refresh is like [Config.Refresh] for a token that [Application.SignIn] returned.
// [ErrSignInRequired] means that SignIn must be called again; after any other error,
// keep old.
func (a *Application) Refresh(ctx context.Context, c *Config, old *Token) (*Token, error) {
	if old == nil || old.RefreshToken == "" {
		return nil, fmt.Errorf("refresh: %w: no refresh token", ErrSignInRequired)
	}
	token, err := a.createToken(ctx, c, old.Client, &ssooidc.CreateTokenWithIAMInput{
		GrantType: aws.String(refreshGrant), RefreshToken: &old.RefreshToken,
	}, map[string]error{
		"invalid_grant": ErrSignInRequired, "expired_token": ErrSignInRequired, "invalid_client": ErrSignInRequired,
		"unauthorized_client": ErrSignInRequired, "unsupported_grant_type": ErrSignInRequired,
	})
	if err == nil && token.RefreshToken == "" {
		token.RefreshToken = old.RefreshToken
	}
	return token, err
}

func (a *Application) createToken(ctx context.Context, c *Config, client Client, in *ssooidc.CreateTokenWithIAMInput, meanings map[string]error) (*Token, error) {
	const op = "CreateTokenWithIAM"
	ctx, cancel := awsapi.Bounded(ctx)
	defer cancel()
	api, err := a.api(ctx, c)
	if err != nil {
		return nil, err
	}
	in.ClientId = &a.ARN
	out, err := api.CreateTokenWithIAM(ctx, in, ssooidc.WithAPIOptions(awsapi.Lenient(iamMembers())))
	if err != nil {
		return nil, failed(ctx, op, err, meanings)
	}
	token, err := tokenOf(op, client, out.AccessToken, out.RefreshToken, out.ExpiresIn, out.ResultMetadata)
	if token == nil {
		return nil, err
	}
	if details := out.AwsAdditionalDetails; details != nil {
		token.IdentityContext = aws.ToString(details.IdentityContext)
	}
	if token.IdentityContext == "" {
		claims, _ := jwt.Parse(aws.ToString(out.IdToken))
		token.IdentityContext = claims.IdentityContext
	}
	return token, err
}

// api returns a client that signs. The credentials are got first, so that their
// failure is told from one of the service.
func (a *Application) api(ctx context.Context, c *Config) (*ssooidc.Client, error) {
	if !regexp.MustCompile(`^arn:aws[a-z-]*:sso::\d{12}:application/(sso)?ins-[0-9a-zA-Z.-]+/apl-[0-9a-zA-Z]+$`).MatchString(a.ARN) {
		return nil, errNoARN
	}
	if a.Credentials == nil {
		return nil, errors.New("sign in with an application: Credentials is nil")
	}
	credentials, err := a.Credentials.Retrieve(ctx)
	if err != nil {
		return nil, fmt.Errorf("get credentials to sign CreateTokenWithIAM with: %w", err)
	}
	config, err := c.endpoint().Config(aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) { return credentials, nil }), awsapi.NewRetryer())
	if err != nil {
		return nil, configError(err)
	}
	return ssooidc.NewFromConfig(config), nil
}

// iamMembers are what is used of CreateTokenWithIAM's answer.
func iamMembers() awsapi.Members {
	m := tokenMembers()
	m.Text = append(m.Text, "idToken", "identityContext")
	m.Objects = []string{"awsAdditionalDetails"}
	return m
}
