package oidc

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsmiddleware "github.com/aws/aws-sdk-go-v2/aws/middleware"
	"github.com/aws/aws-sdk-go-v2/service/ssooidc"

	"github.com/credproc/credproc/internal/awsapi"
	"github.com/credproc/credproc/internal/pause"
)

const (
	deviceGrant = "urn:ietf:params:oauth:grant-type:device_code"

	// RFC 8628, section 3.2: "If no value is provided, clients MUST use 5 as
	// the default."
	defaultInterval = 5 * time.Second
	// RFC 8628, section 3.5: slow_down means "the interval MUST be increased
	// by 5 seconds for this and all subsequent requests."
	slowDown = 5 * time.Second
	// codeLife is that of a device code whose answer tells none: the service's
	// usual one.
	codeLife = 10 * time.Minute
	// How far the interval is doubled while the service does not answer.
	maxBackoff = 30 * time.Second
)

// DeviceCode is a sign-in that waits for a person. It is a secret as a whole: any
// program with Code and Client gets the token. It can be stored and redeemed by
// another process, once.
type DeviceCode struct {
	UserCode        string // what the person compares or types: may be shown, but not logged
	VerificationURI string // where
	// VerificationURIComplete has the code in it. It may be "" (RFC 8628,
	// section 3.3.1). It may be shown, but not logged.
	VerificationURIComplete string
	// Expiry is when the code can no longer be redeemed, by the local clock,
	// or, as long as it is in memory, by the monotonic one.
	Expiry time.Time
	// Interval is the least time between two polls. 0 stands for 5 s.
	Interval time.Duration
	Code     string // a secret
	Client   Client // the registration that the code belongs to
}

// StartDeviceCode registers a client and asks for a code that the person can
// confirm in a browser, at c.StartURL's portal.
//
// Each of the two requests takes at most 15 s with its retries. Errors are a
// [*ConfigError], an [*Error], or the context's. A start URL that the service
// does not know in c.Region is an Error with Code "invalid_request", and often
// without a description; but a wrong region may also show up only in the
// browser.
func (c *Config) StartDeviceCode(ctx context.Context) (*DeviceCode, error) {
	start, api, err := c.prepare(ctx, "device")
	if err != nil {
		return nil, err
	}
	client, err := c.register(ctx, api, new(ssooidc.RegisterClientInput))
	if err != nil {
		return nil, err
	}
	return authorize(ctx, api, client, start)
}

// register makes the client that this sign-in, and only this, will use. in
// says for which grants.
func (c *Config) register(ctx context.Context, api *ssooidc.Client, in *ssooidc.RegisterClientInput) (Client, error) {
	const op = "RegisterClient"
	in.ClientName, in.ClientType, in.Scopes = aws.String(c.clientName()), aws.String("public"), c.scopes()
	ctx, cancel := awsapi.Bounded(ctx)
	defer cancel()
	out, err := api.RegisterClient(ctx, in, ssooidc.WithAPIOptions(awsapi.Lenient(awsapi.Members{
		Text:    []string{"clientId", "clientSecret"},
		Numbers: []string{"clientIdIssuedAt", "clientSecretExpiresAt"},
	})))
	if err != nil {
		return Client{}, failed(ctx, op, err, nil)
	}
	if aws.ToString(out.ClientId) == "" || aws.ToString(out.ClientSecret) == "" {
		return Client{}, incomplete(op, "client", out.ResultMetadata)
	}
	return Client{*out.ClientId, *out.ClientSecret, registrationExpiry(out)}, nil
}

// registrationExpiry translates the service's time to the local clock.
func registrationExpiry(out *ssooidc.RegisterClientOutput) time.Time {
	if out.ClientSecretExpiresAt <= 0 {
		return time.Time{}
	}
	now := time.Now()
	service, ok := awsmiddleware.GetServerTime(out.ResultMetadata)
	if !ok && out.ClientIdIssuedAt > 0 {
		service, ok = time.Unix(out.ClientIdIssuedAt, 0), true
	}
	if !ok {
		service = now
	}
	return wall(now.Add(time.Unix(out.ClientSecretExpiresAt, 0).Sub(service)))
}

func authorize(ctx context.Context, api *ssooidc.Client, client Client, start string) (*DeviceCode, error) {
	const op = "StartDeviceAuthorization"
	ctx, cancel := awsapi.Bounded(ctx)
	defer cancel()
	asked := time.Now()
	out, err := api.StartDeviceAuthorization(ctx, &ssooidc.StartDeviceAuthorizationInput{
		ClientId: &client.ID, ClientSecret: &client.Secret, StartUrl: &start,
	}, ssooidc.WithAPIOptions(awsapi.Lenient(awsapi.Members{
		Text:      []string{"deviceCode", "userCode", "verificationUri", "verificationUriComplete"},
		Lifetimes: []string{"expiresIn", "interval"},
	})))
	if err != nil {
		return nil, failed(ctx, op, err, nil)
	}
	// RFC 8628, section 3.2: these are required, and the lifetime is, without
	// which the service still says when the code has expired.
	if aws.ToString(out.DeviceCode) == "" || aws.ToString(out.UserCode) == "" || aws.ToString(out.VerificationUri) == "" {
		return nil, incomplete(op, "device code", out.ResultMetadata)
	}
	return &DeviceCode{
		UserCode:                *out.UserCode,
		VerificationURI:         *out.VerificationUri,
		VerificationURIComplete: aws.ToString(out.VerificationUriComplete),
		Expiry:                  asked.Add(cmp.Or(time.Duration(out.ExpiresIn)*time.Second, codeLife)),
		Interval:                time.Duration(out.Interval) * time.Second,
		Code:                    *out.DeviceCode,
		Client:                  client,
	}, nil
}

// Redeem waits until the person has confirmed code, and returns the token. It
// polls by RFC 8628: it waits before each request, as long as the service
// wants, and goes on while the network or the service fails, less often.
//
// It returns an error that is [ErrDenied] if the sign-in was refused, and one
// that is [ErrExpired] as soon as the next request would come after
// code.Expiry, or the service says so. Any other refusal is an [*Error]. When
// ctx ends, Redeem returns its error at once; the code can still be redeemed by
// another call.
func (c *Config) Redeem(ctx context.Context, code *DeviceCode) (*Token, error) {
	if code == nil {
		return nil, errors.New("redeem a device code: it is nil")
	}
	// The SDK's own retries would poll faster than we are told to.
	api, err := c.api(aws.NopRetryer{})
	if err != nil {
		return nil, err
	}
	polls := newPolls(code.Interval)
	for {
		if time.Until(code.Expiry) <= polls.wait {
			return nil, polls.expired()
		}
		if err := pause.For(ctx, polls.wait); err != nil {
			return nil, fmt.Errorf("wait for the sign-in to be confirmed: %w", err)
		}
		token, err := redeemOnce(ctx, api, code)
		if err == nil {
			return token, nil
		}
		if !polls.goOn(err) {
			return nil, err
		}
	}
}

func redeemOnce(ctx context.Context, api *ssooidc.Client, code *DeviceCode) (*Token, error) {
	return createToken(ctx, api, code.Client, &ssooidc.CreateTokenInput{
		GrantType:  aws.String(deviceGrant),
		DeviceCode: &code.Code,
	}, map[string]error{"access_denied": ErrDenied, "expired_token": ErrExpired})
}

// polls is the state of a polling loop.
type polls struct {
	interval time.Duration // what the service wants
	wait     time.Duration // before the next request
	failure  *Error        // of the last request, nil if it was answered
}

func newPolls(interval time.Duration) *polls {
	if interval <= 0 {
		interval = defaultInterval
	}
	return &polls{interval: interval, wait: interval}
}

// goOn reports whether to ask again after err, and sets how long to wait.
func (p *polls) goOn(err error) bool {
	e, ok := errors.AsType[*Error](err)
	if !ok {
		return false
	}
	p.failure = nil
	switch {
	case e.Code == "authorization_pending":
		p.wait = p.interval
	case e.Code == "slow_down":
		p.interval += slowDown
		p.wait = p.interval
	case e.unanswered() || e.Temporary():
		p.failure = e
		p.wait = max(p.interval, min(2*p.wait, maxBackoff))
	default:
		return false
	}
	p.wait = max(p.wait, e.RetryAfter)
	return true
}

// expired says that the code was not confirmed in time, and if it was not for want of
// asking, why the service could not be asked.
func (p *polls) expired() error {
	if p.failure != nil {
		return fmt.Errorf("%w; the last request failed: %w", ErrExpired, p.failure)
	}
	return ErrExpired
}
