package awsapi

import (
	"context"
	"net/http"

	"github.com/aws/aws-sdk-go-v2/aws"
)

// Endpoint says where a service is, and how requests get there. Region is
// required; every other zero field has the default named beside it.
type Endpoint struct {
	Region string

	// URL is a custom base URL: https, or http to this machine. "": the SDK's
	// rules for Region, UseFIPS and UseDualStack, which cannot be had together
	// with a custom one.
	URL          string
	UseFIPS      bool
	UseDualStack bool

	AppID string // the user's, for the User-Agent; "": none
	// HTTPClient sends the requests; no redirect is followed. nil: a client on
	// [http.DefaultTransport].
	HTTPClient *http.Client
}

// Check returns a [*SettingError], or what the transport's own check says, where
// no call can be made.
func (e Endpoint) Check() error {
	if err := CheckRegion(e.Region); err != nil {
		return err
	}
	if err := CheckEndpoint(e.URL); err != nil {
		return err
	}
	if e.URL != "" && (e.UseFIPS || e.UseDualStack) {
		return &SettingError{Setting: "endpoint", Value: e.URL, Problem: "cannot be custom with FIPS or dual-stack"}
	}
	return CheckClient(e.HTTPClient)
}

// Config is what a service client of the SDK is made from, after Check, by its
// NewFromConfig. credentials nil are anonymous: no profile and no environment
// variable can break a call then.
func (e Endpoint) Config(credentials aws.CredentialsProvider, retryer aws.Retryer) (aws.Config, error) {
	if err := e.Check(); err != nil {
		return aws.Config{}, err
	}
	config := aws.Config{
		Region: e.Region, AppID: e.AppID, Credentials: credentials, HTTPClient: HTTPClient(e.HTTPClient),
		Retryer: func() aws.Retryer { return retryer }, APIOptions: Middleware(), ConfigSources: []any{e},
	}
	if credentials == nil {
		config.Credentials, config.DisableClockSkewCorrection = aws.AnonymousCredentials{}, true // nothing is signed
	}
	if e.URL != "" {
		config.BaseEndpoint = &e.URL
	}
	return config, nil
}

// GetUseFIPSEndpoint tells the SDK of UseFIPS.
func (e Endpoint) GetUseFIPSEndpoint(context.Context) (value aws.FIPSEndpointState, found bool, err error) {
	return aws.FIPSEndpointStateEnabled, e.UseFIPS, nil
}

// GetUseDualStackEndpoint tells the SDK of UseDualStack.
func (e Endpoint) GetUseDualStackEndpoint(context.Context) (value aws.DualStackEndpointState, found bool, err error) {
	return aws.DualStackEndpointStateEnabled, e.UseDualStack, nil
}
