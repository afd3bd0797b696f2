package tokencache

import (
	"context"
	"strings"

	"github.com/aws/aws-sdk-go-v2/service/sso"

	"github.com/credproc/credproc/internal/awsapi"
	"github.com/credproc/credproc/internal/startpage"
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
	service := startpage.Service{Region: s.Config.Region, Endpoint: s.Config.Endpoint, UseFIPS: s.Config.UseFIPS, UseDualStack: s.Config.UseDualStack}
	signIn, err := service.URL(context.Background())
	if err != nil {
		return nil, err
	}
	rules := sso.EndpointParameters{Region: &s.Config.Region, UseFIPS: &s.Config.UseFIPS, UseDualStack: &s.Config.UseDualStack}
	if s.PortalEndpoint != "" {
		rules.Endpoint = &s.PortalEndpoint
	}
	portal, err := sso.NewDefaultEndpointResolverV2().ResolveEndpoint(context.Background(), rules)
	if err != nil {
		return nil, err
	}
	return []string{base(signIn.String()), base(portal.URI.String())}, nil
}

func base(uri string) string { return strings.TrimRight(uri, "/") }
