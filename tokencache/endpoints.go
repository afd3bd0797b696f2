package tokencache

import (
	"context"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sso"
	"github.com/aws/aws-sdk-go-v2/service/ssooidc"

	"github.com/credproc/credproc/internal/awsapi"
)

func (i *insideSession) Endpoints() (bases []string, err error) {
	s := i.s
	for _, endpoint := range []string{s.Config.Endpoint, s.PortalEndpoint} {
		if err := awsapi.CheckEndpoint(endpoint); err != nil {
			return nil, err
		}
	}
	if err := awsapi.CheckRegion(s.Config.Region); err != nil {
		return nil, err
	}
	signIn, err := ssooidc.NewDefaultEndpointResolverV2().ResolveEndpoint(context.Background(), ssooidc.EndpointParameters{
		Region: &s.Config.Region, Endpoint: custom(s.Config.Endpoint), UseFIPS: &s.Config.UseFIPS, UseDualStack: &s.Config.UseDualStack})
	if err != nil {
		return nil, err
	}
	portal, err := sso.NewDefaultEndpointResolverV2().ResolveEndpoint(context.Background(), sso.EndpointParameters{
		Region: &s.Config.Region, Endpoint: custom(s.PortalEndpoint), UseFIPS: &s.Config.UseFIPS, UseDualStack: &s.Config.UseDualStack})
	if err != nil {
		return nil, err
	}
	return []string{base(signIn.URI.String()), base(portal.URI.String())}, nil
}

func custom(endpoint string) *string {
	if endpoint == "" {
		return nil
	}
	return aws.String(endpoint)
}

func base(uri string) string { return strings.TrimRight(uri, "/") }
