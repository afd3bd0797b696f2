package oidc

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/credproc/credproc/internal/awsapi"
)

const (
	// resolveTime bounds each look at a start URL.
	resolveTime = 10 * time.Second
	// maxPortal is more than the page of any access portal.
	maxPortal = 1 << 20
)

// startURL is the normalized StartURL, checked against the endpoint. One at a
// host that is not the service's own is resolved by a redirect, if it has one.
func (c *Config) startURL(ctx context.Context) (string, error) {
	start, err := NormalizeStartURL(c.StartURL)
	if err != nil {
		return "", err
	}
	u, err := url.Parse(start)
	if err != nil {
		return "", &ConfigError{"StartURL", "", "not a URL"}
	}
	endpoint, err := url.Parse(c.Endpoint)
	local := err == nil && awsapi.IsLoopback(endpoint.Hostname())
	if u.Scheme == "http" && !local {
		return "", &ConfigError{"StartURL", start, "must begin with https://"}
	}
	// Here nobody but a stand-in for the service knows its start URLs.
	if isOwn(u.Hostname()) || isReserved(u.Hostname()) || u.Scheme == "http" || local && !awsapi.IsLoopback(u.Hostname()) {
		return start, nil
	}
	portal, err := c.follow(ctx, start)
	if err != nil || portal == "" {
		return start, err
	}
	if region := StartURLRegion(portal); region != "" && region != c.Region {
		return "", &ConfigError{"Region", c.Region, fmt.Sprintf("is not where %s leads: %s is in %s", start, portal, region)}
	}
	return portal, nil
}

// follow returns where the start URL's one redirect leads, normalized, or ""
// where there is none. It must be Identity Center's own.
func (c *Config) follow(ctx context.Context, start string) (string, error) {
	answer, err := c.look(ctx, http.MethodHead, start)
	if err == nil && (answer.StatusCode == http.StatusMethodNotAllowed || answer.StatusCode == http.StatusNotImplemented) {
		answer, err = c.look(ctx, http.MethodGet, start)
	}
	if err != nil {
		return "", err
	}
	switch answer.StatusCode {
	case http.StatusMovedPermanently, http.StatusFound, http.StatusSeeOther, http.StatusTemporaryRedirect, http.StatusPermanentRedirect:
	default:
		return "", nil
	}
	to, err := answer.Location()
	if err != nil {
		return "", &ConfigError{"StartURL", start, "redirects to nowhere"}
	}
	portal, err := NormalizeStartURL(to.String())
	if u, parseErr := url.Parse(portal); err != nil || parseErr != nil || !isOwn(u.Hostname()) {
		return "", &ConfigError{"StartURL", start, fmt.Sprintf("leads to %s://%s, which is not Identity Center's", to.Scheme, to.Host)}
	}
	return portal, nil
}

// look asks for a page without following where it leads. The body is in
// memory, and short.
func (c *Config) look(ctx context.Context, method, page string) (*http.Response, error) {
	ctx, cancel := context.WithTimeout(ctx, resolveTime)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, method, page, nil)
	if err != nil {
		return nil, &ConfigError{"StartURL", "", "not a URL"}
	}
	answer, err := awsapi.HTTPClient(c.HTTPClient).Do(request)
	if err != nil {
		return nil, &Error{Op: "ResolveStartURL", err: err}
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(io.LimitReader(answer.Body, maxPortal))
	if err != nil {
		return nil, &Error{Op: "ResolveStartURL", StatusCode: answer.StatusCode, err: err}
	}
	answer.Body = io.NopCloser(strings.NewReader(string(text)))
	return answer, nil
}

// said are the places where a portal's page names the region it works with. Nothing
// else tells it for most start URLs, and few people know it: a wrong answer costs
// a question, and tokens go only to the service's hosts.
var said = [...]string{
	`<meta\s+name="region"\s+content="([a-z]{2,4}(?:-[a-z]+)+-\d+)"`,
	`\b(?:portal\.sso|oidc)\.([a-z]{2,4}(?:-[a-z]+)+-\d+)\.(?:amazonaws|api\.)`,
}

// DiscoverRegion returns the region of the start URL's instance: by the host,
// by where it leads, or by what the portal's page says. "" means that none of
// them tells, and that the person has to be asked: no documentation promises
// that the page does. Region is not looked at.
//
// It takes at most half a minute. The error is a [*ConfigError], an [*Error]
// or the context's.
func (c *Config) DiscoverRegion(ctx context.Context) (string, error) {
	start, err := NormalizeStartURL(c.StartURL)
	if err != nil {
		return "", err
	}
	if region := StartURLRegion(start); region != "" {
		return region, nil
	}
	if u, err := url.Parse(start); err != nil || isReserved(u.Hostname()) {
		return "", nil
	} else if !isOwn(u.Hostname()) {
		portal, err := c.follow(ctx, start)
		if err != nil {
			return "", err
		}
		if region := StartURLRegion(portal); region != "" {
			return region, nil
		}
		if portal != "" {
			start = portal
		}
	}
	return c.askPortal(ctx, start)
}

// askPortal reads the portal's page, and where it leads by one redirect.
func (c *Config) askPortal(ctx context.Context, start string) (string, error) {
	answer, err := c.look(ctx, http.MethodGet, start)
	if err != nil {
		return "", err
	}
	if to, err := answer.Location(); err == nil {
		if region := StartURLRegion(to.String()); region != "" {
			return region, nil
		}
	}
	page, err := io.ReadAll(answer.Body)
	if err != nil {
		return "", err
	}
	text := string(page) + "\n" + strings.Join(answer.Header.Values("Content-Security-Policy"), "\n")
	for _, pattern := range said {
		var regions []string
		for _, m := range regexp.MustCompile(pattern).FindAllStringSubmatch(text, -1) {
			regions = append(regions, m[1])
		}
		slices.Sort(regions)
		if regions = slices.Compact(regions); len(regions) == 1 {
			return regions[0], nil
		}
	}
	return "", nil
}
