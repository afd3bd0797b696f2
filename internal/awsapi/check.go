package awsapi

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"github.com/credproc/credproc/internal/starturl"
)

// A SettingError is a setting with which no call can be made.
type SettingError struct {
	Setting string // "region", "endpoint"
	Value   string // as given, without any password
	Problem string // "must be https, or http to this machine"
}

func (e *SettingError) Error() string {
	return fmt.Sprintf("%s %q: %s", e.Setting, e.Value, e.Problem)
}

// CheckRegion returns a [*SettingError] unless region is made of lower-case
// letters, digits and hyphens, and so can safely become a label of a host name.
func CheckRegion(region string) error {
	if region == "" {
		return &SettingError{"region", region, "must not be empty"}
	}
	if len(region) > 63 || region[0] == '-' {
		return &SettingError{"region", region, "must be the name of a region, such as us-east-1"}
	}
	odd := func(r rune) bool { return !strings.ContainsRune("abcdefghijklmnopqrstuvwxyz0123456789-", r) }
	if strings.ContainsFunc(region, odd) {
		return &SettingError{"region", region, "must be lower-case letters, digits and hyphens"}
	}
	return nil
}

// CheckEndpoint returns a [*SettingError] unless endpoint is empty, or a base
// URL to which secrets may be sent: https, or http to this machine.
func CheckEndpoint(endpoint string) error {
	if endpoint == "" {
		return nil
	}
	u, err := url.Parse(endpoint)
	if err != nil {
		// The parser's error repeats the URL, with any password in it.
		return &SettingError{"endpoint", "", "not a URL"}
	}
	shown := (&url.URL{Scheme: u.Scheme, Host: u.Host, Path: u.Path}).String() // the rest may be a secret
	switch {
	case u.Scheme != "https" && (u.Scheme != "http" || !starturl.IsLoopback(u.Hostname())):
		return &SettingError{"endpoint", shown, "must be https, or http to this machine"}
	case u.Hostname() == "":
		return &SettingError{"endpoint", shown, "has no host"}
	case u.User != nil || u.RawQuery != "" || u.Fragment != "":
		return &SettingError{"endpoint", shown, "must have no user, query or fragment"}
	}
	return nil
}

// CheckClient returns what keeps the client's transport from being used at all,
// if that has a method Check for it. It is asked before a call is prepared: an
// error that came with the first request instead would be taken for one of the
// network, tried again, and remembered. c may be nil.
func CheckClient(c *http.Client) error {
	if c == nil {
		return nil
	}
	if transport, ok := c.Transport.(interface{ Check() error }); ok {
		return transport.Check()
	}
	return nil
}
