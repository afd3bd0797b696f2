package awsapi_test

import (
	"errors"
	"net/http"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sso"

	"github.com/credproc/credproc/internal/awsapi"
)

func TestTheEnvironmentDoesNotMoveACall(t *testing.T) {
	for _, name := range []string{"AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_SSO"} {
		t.Setenv(name, "https://elsewhere.example")
	}
	for name, value := range map[string]string{"AWS_USE_FIPS_ENDPOINT": "true", "AWS_USE_DUALSTACK_ENDPOINT": "true", "AWS_REGION": "us-west-2"} {
		t.Setenv(name, value)
	}
	config, err := awsapi.Endpoint{Region: "eu-west-1", AppID: "theirs"}.Config(nil, awsapi.NewRetryer())
	if err != nil {
		t.Fatal(err)
	}
	o := sso.NewFromConfig(config).Options()
	if o.Region != "eu-west-1" || o.BaseEndpoint != nil || o.EndpointOptions != (sso.EndpointResolverOptions{}) || o.AppID != "theirs" {
		t.Errorf("calls go to %s, %v, %+v, as %s", o.Region, aws.ToString(o.BaseEndpoint), o.EndpointOptions, o.AppID)
	}
	if o.Credentials != nil || !o.DisableClockSkewCorrection { // the SDK takes away those that are anonymous
		t.Errorf("they have credentials %T; skew correction is off: %v", o.Credentials, o.DisableClockSkewCorrection)
	}
}

func TestAnEndpointSaysWhereCallsGo(t *testing.T) {
	for _, tt := range []struct {
		e         awsapi.Endpoint
		base      string
		fips      aws.FIPSEndpointState
		dualStack aws.DualStackEndpointState
	}{
		{e: awsapi.Endpoint{Region: "eu-west-1", URL: "https://sso.example"}, base: "https://sso.example"},
		{e: awsapi.Endpoint{Region: "eu-west-1", UseFIPS: true}, fips: aws.FIPSEndpointStateEnabled},
		{e: awsapi.Endpoint{Region: "eu-west-1", UseDualStack: true}, dualStack: aws.DualStackEndpointStateEnabled},
	} {
		config, err := tt.e.Config(nil, awsapi.NewRetryer())
		if err != nil {
			t.Fatal(err)
		}
		o := sso.NewFromConfig(config).Options()
		if got := aws.ToString(o.BaseEndpoint); got != tt.base || o.EndpointOptions.UseFIPSEndpoint != tt.fips || o.EndpointOptions.UseDualStackEndpoint != tt.dualStack {
			t.Errorf("%+v: calls go to %q, %+v", tt.e, got, o.EndpointOptions)
		}
	}
}

// broken is a transport that knows that it cannot be used.
type broken struct{ http.Transport }

var errBroken = errors.New("no such bundle")

func (*broken) Check() error { return errBroken }

func TestAnEndpointThatCannotBeUsedMakesNoClient(t *testing.T) {
	for want, e := range map[string]awsapi.Endpoint{
		`region "": must not be empty`:                                                  {},
		`endpoint "http://sso.example": must be https, or http to this machine`:         {Region: "eu-west-1", URL: "http://sso.example"},
		`endpoint "https://sso.example": cannot be custom with FIPS or dual-stack`:      {Region: "eu-west-1", URL: "https://sso.example", UseFIPS: true},
		`endpoint "https://dual.sso.example": cannot be custom with FIPS or dual-stack`: {Region: "eu-west-1", URL: "https://dual.sso.example", UseDualStack: true},
		"no such bundle": {Region: "eu-west-1", HTTPClient: &http.Client{Transport: new(broken)}},
	} {
		if _, err := e.Config(nil, awsapi.NewRetryer()); err == nil || err.Error() != want {
			t.Errorf("%+v: %v, want %s", e, err, want)
		}
	}
}
