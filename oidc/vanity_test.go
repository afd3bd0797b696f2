package oidc_test

import (
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/credproc/credproc/internal/startpage"
	"github.com/credproc/credproc/oidc"
)

// web answers by "METHOD URL"; what it does not know has no page.
type web map[string]webPage

type webPage struct {
	status   int
	location string
	policy   string
	text     string
}

func (w web) RoundTrip(r *http.Request) (*http.Response, error) {
	page, ok := w[r.Method+" "+r.URL.String()]
	if !ok {
		return nil, errors.New("no such page: " + r.Method + " " + r.URL.String())
	}
	header := http.Header{}
	if page.location != "" {
		header.Set("Location", page.location)
	}
	if page.policy != "" {
		header.Set("Content-Security-Policy", page.policy)
	}
	return &http.Response{StatusCode: page.status, Header: header, Body: io.NopCloser(strings.NewReader(page.text)), Request: r}, nil
}

const vanity = "https://sso.corp.com/start"

// with is what the service is told where a vanity URL leads there.
func with(t *testing.T, pages web, region string) (issuer string, err error) {
	t.Helper()
	s := newService()
	config := s.config()
	config.StartURL, config.Region = vanity, region
	config.HTTPClient = &http.Client{Transport: both{pages, s}}
	_, err = config.StartDeviceCode(t.Context())
	if s.count(authorizePath) == 0 {
		return "", err
	}
	for _, r := range s.asked {
		if r.path == authorizePath {
			issuer = r.body
		}
	}
	return issuer, err
}

// both is the service, and the rest of the web.
type both struct {
	web     web
	service *service
}

func (b both) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.Method == http.MethodPost {
		return b.service.RoundTrip(r)
	}
	return b.web.RoundTrip(r)
}

func TestAVanityURLIsResolvedByOneRedirect(t *testing.T) {
	const portal = "https://ssoins-0123456789abcdef.portal.eu-west-1.app.aws"
	for name, tt := range map[string]struct {
		pages  web
		region string
		told   string // in the request, or in the error
	}{
		"a redirect":     {web{"HEAD " + vanity: {status: 302, location: portal + "/#/"}}, "eu-west-1", `"startUrl":"` + portal + `"`},
		"a HEAD refused": {web{"HEAD " + vanity: {status: 405}, "GET " + vanity: {status: 308, location: portal}}, "eu-west-1", `"startUrl":"` + portal + `"`},
		"no region in it": {web{"HEAD " + vanity: {status: 301, location: "https://corp.awsapps.com/start/"}}, "us-east-1",
			`"startUrl":"https://corp.awsapps.com/start"`},
		"no redirect":    {web{"HEAD " + vanity: {status: 200}}, "us-east-1", `"startUrl":"` + vanity + `"`},
		"another region": {web{"HEAD " + vanity: {status: 302, location: portal}}, "us-east-1", "is not where " + vanity + " leads"},
		"a stranger":     {web{"HEAD " + vanity: {status: 302, location: "https://evil.com/start?secret"}}, "us-east-1", "leads to https://evil.com, which is not Identity Center's"},
		"without https":  {web{"HEAD " + vanity: {status: 302, location: "http://corp.awsapps.com/start"}}, "us-east-1", "which is not Identity Center's"},
		"nowhere":        {web{"HEAD " + vanity: {status: 302}}, "us-east-1", "redirects to nowhere"},
		"two redirects": {web{"HEAD " + vanity: {status: 302, location: "https://login.corp.com/"}, "HEAD https://login.corp.com/": {status: 302, location: portal}},
			"eu-west-1", "leads to https://login.corp.com"},
		"no answer": {web{}, "us-east-1", "ResolveStartURL"},
	} {
		told, err := with(t, tt.pages, tt.region)
		if err != nil {
			told = err.Error()
		}
		if !strings.Contains(told, tt.told) || strings.Contains(told, "secret") {
			t.Errorf("%s: %s, want %s", name, told, tt.told)
		}
	}
}

func TestTheServicesOwnStartURLIsNotLookedUp(t *testing.T) {
	config := newService().config() // which answers nothing but the service's requests
	if _, err := config.StartDeviceCode(t.Context()); err != nil {
		t.Error(err)
	}
}

func TestTheRegionIsDiscovered(t *testing.T) {
	const start = "https://corp.awsapps.com/start"
	for name, tt := range map[string]struct {
		start string
		pages web
		want  string
	}{
		"by the host":     {"https://a.portal.eu-west-1.app.aws/", web{}, "eu-west-1"},
		"by a redirect":   {vanity, web{"HEAD " + vanity: {status: 302, location: "https://a.us-west-2.portal.amazonaws.com/"}}, "us-west-2"},
		"by the page":     {start, web{"GET " + start: {status: 200, text: `<head><meta name="region" content="eu-central-1"/>`}}, "eu-central-1"},
		"by its links":    {start, web{"GET " + start: {status: 200, text: `fetch("https://portal.sso.ap-southeast-2.amazonaws.com/")`}}, "ap-southeast-2"},
		"by its policy":   {start, web{"GET " + start: {status: 200, policy: "connect-src https://portal.sso.ca-central-1.amazonaws.com"}}, "ca-central-1"},
		"by its redirect": {start, web{"GET " + start: {status: 302, location: "https://a.portal.eu-north-1.app.aws/"}}, "eu-north-1"},
		"behind a vanity URL": {vanity, web{"HEAD " + vanity: {status: 302, location: start},
			"GET " + start: {status: 200, text: `<meta name="region" content="us-gov-west-1">`}}, "us-gov-west-1"},
		"not, if the page says several": {start, web{"GET " + start: {status: 200, text: "oidc.eu-west-1.amazonaws.com oidc.eu-west-2.amazonaws.com"}}, ""},
		"not, if it says none":          {start, web{"GET " + start: {status: 404, text: "eu-west-1"}}, ""},
		"not at a name for tests":       {"https://sso.corp.example/start", web{}, ""},
	} {
		config := oidc.Config{StartURL: tt.start, HTTPClient: &http.Client{Transport: tt.pages}}
		if got, err := startpage.Discover(t.Context(), config.HTTPClient, config.StartURL); got != tt.want || err != nil {
			t.Errorf("%s: %q, %v, want %q", name, got, err, tt.want)
		}
	}
}

func TestARegionThatCannotBeLookedUpIsAnError(t *testing.T) {
	config := oidc.Config{StartURL: "https://corp.awsapps.com/start", HTTPClient: &http.Client{Transport: web{}}}
	if _, err := startpage.Discover(t.Context(), config.HTTPClient, config.StartURL); !strings.Contains(err.Error(), "no such page") {
		t.Error(err)
	}
	config.StartURL = "http://corp.awsapps.com/start"
	if _, ok := errors.AsType[*startpage.ProblemError](func() error {
		_, err := startpage.Discover(t.Context(), config.HTTPClient, config.StartURL)
		return err
	}()); !ok {
		t.Error("no ConfigError")
	}
}
