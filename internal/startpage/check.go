package startpage

import (
	"context"
	"net/url"
	"strings"

	"github.com/aws/aws-sdk-go-v2/service/ssooidc"

	"github.com/credproc/credproc/internal/starturl"
)

// Service is where a sign-in goes: see oidc.Config.
type Service struct {
	StartURL, Region, Endpoint string
	UseFIPS, UseDualStack      bool
}

// URL returns the base URL of the sign-in service.
func (s *Service) URL(ctx context.Context) (*url.URL, error) {
	rules := ssooidc.EndpointParameters{Region: &s.Region, UseFIPS: &s.UseFIPS, UseDualStack: &s.UseDualStack}
	if s.Endpoint != "" {
		rules.Endpoint = &s.Endpoint
	}
	endpoint, err := ssooidc.NewDefaultEndpointResolverV2().ResolveEndpoint(ctx, rules)
	return &endpoint.URI, err
}

// Check returns a [*ProblemError] unless page may be given to a browser to sign in:
// https, at a host of the service, of the start URL or of a custom Endpoint; or
// http, where Endpoint is this machine. Pages come from outside, and a browser also
// opens what is no page.
func (s *Service) Check(page string) error {
	u, err := url.Parse(page)
	if err != nil || u.Host == "" || u.User != nil || strings.ContainsFunc(page, func(r rune) bool { return r <= ' ' || r > '~' }) {
		return &ProblemError{"", "not a URL that a browser is given"}
	}
	endpoint, _ := url.Parse(s.Endpoint)
	local := endpoint != nil && starturl.IsLoopback(endpoint.Hostname()) && starturl.IsLoopback(u.Hostname())
	switch {
	case local && (u.Scheme == "http" || u.Scheme == "https"):
		return nil
	case u.Scheme != "https":
		return &ProblemError{u.Scheme + "://" + u.Host, "must start with https://"}
	case !s.has(strings.ToLower(u.Hostname()), endpoint):
		return &ProblemError{u.Scheme + "://" + u.Host, "is none of the service"}
	}
	return nil
}

func (s *Service) has(host string, endpoint *url.URL) bool {
	start, _ := url.Parse(strings.TrimSpace(s.StartURL))
	if start != nil && strings.EqualFold(strings.TrimSuffix(start.Hostname(), "."), host) {
		return true
	}
	if s.Endpoint != "" {
		return endpoint != nil && strings.EqualFold(endpoint.Hostname(), host) || Own(host)
	}
	// "oidc.REGION.SUFFIX" has "device.sso.REGION.SUFFIX" beside it.
	service, err := s.URL(context.Background())
	if err != nil {
		return Own(host)
	}
	_, suffix, _ := strings.Cut(service.Hostname(), ".")
	return host == service.Hostname() || strings.HasSuffix(host, ".sso."+suffix) || Own(host)
}
