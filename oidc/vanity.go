package oidc

import (
	"context"
	"errors"
	"fmt"
	"net/url"

	"github.com/credproc/credproc/internal/startpage"
	"github.com/credproc/credproc/internal/starturl"
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
	local := err == nil && starturl.IsLoopback(endpoint.Hostname())
	if u.Scheme == "http" && !local {
		return "", &ConfigError{"StartURL", start, "must start with https://"}
	}
	// Here only a stand-in for the service knows its start URLs.
	if startpage.Own(u.Hostname()) || startpage.Reserved(u.Hostname()) || u.Scheme == "http" || local && !starturl.IsLoopback(u.Hostname()) {
		return start, nil
	}
	portal, err := startpage.Follow(ctx, c.HTTPClient, start)
	if err != nil {
		return "", startError(err)
	}
	if portal == "" {
		return start, nil
	}
	if region := startpage.Region(portal); region != "" && region != c.Region {
		return "", &ConfigError{"Region", c.Region, fmt.Sprintf("is not where %s leads: %s is in %s", start, portal, region)}
	}
	return portal, nil
}

// startError makes an error of package startpage this package's own.
func startError(err error) error {
	if e, ok := errors.AsType[*startpage.ProblemError](err); ok {
		return &ConfigError{"StartURL", e.URL, e.Problem}
	}
	if e, ok := errors.AsType[*startpage.LookError](err); ok {
		return &Error{Op: "ResolveStartURL", StatusCode: e.StatusCode, err: e.Err}
	}
	return err
}
