package oidc

import (
	"net"
	"net/url"
	"strings"

	"github.com/credproc/credproc/internal/sdk"
)

// NormalizeStartURL returns the one spelling of a start URL that is sent to
// the service and compared: lower-case scheme and host, no default port, no
// query, no fragment, no trailing slash. People paste "…/start/#/" as well as
// "…/start", and the service takes both. Normalizing twice changes nothing.
//
// The URL must be https. http is let through for a host that is this machine,
// for tests: signing in with it also takes a custom Endpoint there. The error
// is a [*ConfigError].
func NormalizeStartURL(start string) (string, error) {
	u, err := url.Parse(strings.TrimSpace(start))
	switch {
	case start == "":
		return "", &ConfigError{"StartURL", "", "must not be empty"}
	case err != nil:
		return "", &ConfigError{"StartURL", "", "not a URL"}
	case u.Scheme != "https" && (u.Scheme != "http" || !sdk.IsLoopback(u.Hostname())):
		return "", &ConfigError{"StartURL", u.Redacted(), "must begin with https://"}
	case u.Hostname() == "":
		return "", &ConfigError{"StartURL", u.Redacted(), "has no host"}
	case u.User != nil:
		return "", &ConfigError{"StartURL", u.Redacted(), "must have no user"}
	}
	path := strings.TrimRight(u.EscapedPath(), "/")
	return u.Scheme + "://" + host(u) + path, nil
}

// host is the URL's host in lower case, with a port only where that is not the
// scheme's own.
func host(u *url.URL) string {
	name, port := strings.ToLower(u.Hostname()), u.Port()
	if port != "" && port != map[string]string{"https": "443", "http": "80"}[u.Scheme] {
		return net.JoinHostPort(name, port)
	}
	if strings.Contains(name, ":") {
		return "[" + name + "]"
	}
	return name
}

// startURL is the normalized StartURL, checked against the endpoint.
func (c *Config) startURL() (string, error) {
	start, err := NormalizeStartURL(c.StartURL)
	if err != nil {
		return "", err
	}
	endpoint, err := url.Parse(c.Endpoint)
	local := err == nil && sdk.IsLoopback(endpoint.Hostname())
	if strings.HasPrefix(start, "http:") && !local {
		return "", &ConfigError{"StartURL", start, "must begin with https://"}
	}
	return start, nil
}
