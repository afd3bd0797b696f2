// Package oidc signs a person in to AWS IAM Identity Center, and renews
// the tokens: RegisterClient, then the device authorization grant (RFC 8628) or
// the authorization code grant with PKCE (RFC 7636, RFC 8252), then
// CreateToken. It stores nothing and prints nothing.
//
//	config := &oidc.Config{StartURL: "https://d-1234567890.awsapps.com/start", Region: "eu-west-1"}
//	token, err := config.SignInWithCode(ctx, func(code oidc.DeviceCode) error {
//		_, err := fmt.Fprintln(os.Stderr, code.VerificationURIComplete)
//		return err
//	})
//
// A code can be confirmed on any device. [Config.SignInWithBrowser] needs a
// browser on this machine, and cannot be phished: the answer goes to an address
// of this process.
//
// Each sign-in registers a client of its own. A refresh token works only with
// the client that got it, so [Token] carries its [Client].
//
// Times are by the local clock, computed from the lifetimes that the service
// gives: a clock that is wrong by an hour changes nothing.
//
// Values with secrets in them ([Token], [Client], [DeviceCode]) show only their
// expiry when they are printed, logged or marshaled, also inside of other
// values. The exception is an unexported field, which package fmt prints
// without its methods: a type that has one needs a Format method of its own.
//
// Most programs want package credproc, which returns credentials of a role.
// Package tokencache, which it uses, keeps the tokens and renews them once for
// all processes of a machine.
package oidc

import (
	"cmp"
	"context"
	"errors"
	"net/http"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ssooidc"

	"github.com/credproc/credproc/internal/awsapi"
	"github.com/credproc/credproc/internal/policy"
	"github.com/credproc/credproc/internal/startpage"
)

// accountAccess is the scope with which a token may list accounts and get role
// credentials. Without it the service gives no refresh token.
const accountAccess = "sso:account:access"

// Config says where to sign in, and as what. StartURL and Region are required
// to sign in, Region alone to redeem or refresh; every other zero field has
// the default named beside it.
//
// A sign-in obeys the start URLs and flows of the policy that the administrator of
// the machine has set: an error that wraps credproc.ErrPolicy says what that does
// not allow.
//
// A Config is safe for concurrent use as long as it is not changed.
type Config struct {
	// StartURL is the access portal's, in any form that [NormalizeStartURL] accepts.
	// One at a host of the organization's own, which leads to the portal by a
	// redirect, is resolved at each sign-in.
	StartURL string
	Region   string // the Identity Center instance's, not that of the resources

	Scopes     []string // none: sso:account:access, without which there are no role credentials and no refresh token
	ClientName string   // shown to the person who approves; "": "credproc"
	// SessionName is what the browser's last page calls the session. "":
	// "corp" for https://corp.awsapps.com/start.
	SessionName string

	// Endpoint is a custom base URL of the sign-in service: https, or http to this
	// machine. "": the SDK's rules for Region, UseFIPS and UseDualStack, which cannot
	// be combined with a custom one.
	Endpoint     string
	UseFIPS      bool
	UseDualStack bool

	// AppID is the user's application ID for the User-Agent, as in
	// AWS_SDK_UA_APP_ID. "": none.
	AppID string
	// HTTPClient sends the requests. Its redirect policy is not used: no
	// redirect is followed. nil: a client on [http.DefaultTransport].
	HTTPClient *http.Client

	gate // what the policy of this machine allows
}

type gate = policy.Gate

// prepare returns what a sign-in takes: the start URL that the service knows, and a
// client of the service.
func (c *Config) prepare(ctx context.Context, flow string) (start string, api *ssooidc.Client, err error) {
	if err := c.allowed(flow); err != nil {
		return "", nil, err
	}
	if start, err = c.startURL(ctx); err != nil {
		return "", nil, err
	}
	api, err = c.api(awsapi.NewRetryer())
	return start, api, err
}

// allowed refuses a sign-in that the policy of this machine does not allow.
func (c *Config) allowed(flow string) error {
	rules, err := policy.Of(&c.gate, "")
	if err == nil {
		err = rules.CheckStartURL(c.StartURL)
	}
	if err != nil {
		return err
	}
	return rules.CheckFlow(flow)
}

// SignInWithCode signs in with a code that the person confirms on any device with a
// browser (RFC 8628): [Config.StartDeviceCode], show, [Config.Redeem]. show must tell
// the person and not wait; its error ends the sign-in and is returned as it is.
func (c *Config) SignInWithCode(ctx context.Context, show func(DeviceCode) error) (*Token, error) {
	if show == nil {
		return nil, errors.New("sign in with a code: show is nil")
	}
	code, err := c.StartDeviceCode(ctx)
	if err != nil {
		return nil, err
	}
	if err := show(*code); err != nil {
		return nil, err
	}
	return c.Redeem(ctx, code)
}

// api returns a client of the service. It is anonymous, so that no profile and
// no environment variable can break a sign-in.
func (c *Config) api(retryer aws.Retryer) (*ssooidc.Client, error) {
	config, err := c.endpoint().Config(nil, retryer)
	if err != nil {
		return nil, configError(err)
	}
	return ssooidc.NewFromConfig(config), nil
}

func (c *Config) clientName() string  { return cmp.Or(c.ClientName, "credproc") }
func (c *Config) sessionName() string { return cmp.Or(c.SessionName, startpage.Name(c.StartURL)) }

func (c *Config) scopes() []string {
	if len(c.Scopes) == 0 {
		return []string{accountAccess}
	}
	return c.Scopes
}

func (c *Config) endpoint() awsapi.Endpoint {
	return awsapi.Endpoint{Region: c.Region, URL: c.Endpoint, UseFIPS: c.UseFIPS, UseDualStack: c.UseDualStack, AppID: c.AppID, HTTPClient: c.HTTPClient}
}

// configError makes a [*ConfigError] of a setting of the endpoint.
func configError(err error) error {
	fields := map[string]string{"region": "Region", "endpoint": "Endpoint"}
	if setting, ok := errors.AsType[*awsapi.SettingError](err); ok && fields[setting.Setting] != "" {
		return &ConfigError{fields[setting.Setting], setting.Value, setting.Problem}
	}
	return err
}
