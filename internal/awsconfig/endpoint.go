package awsconfig

import (
	"strings"

	"github.com/credproc/credproc/internal/starturl"
)

// Endpoint returns the custom endpoint of service, which is "sso", "sso_oidc"
// or "sts", for calls made for profile p, or "" if there is none:
// AWS_ENDPOINT_URL_SERVICE by getenv, or AWS_ENDPOINT_URL, or p's services
// section, or p's endpoint_url. AWS_IGNORE_CONFIGURED_ENDPOINT_URLS, or p's
// ignore_configured_endpoint_urls, rules all of them out. p may be nil.
//
// It must be https, or http to this machine, for secrets are sent there. The
// error is a [*ValueError], also for a services section that does not exist, or a
// [*SyntaxError] of it.
func (c *Config) Endpoint(service string, p *Profile, getenv func(string) string) (string, error) {
	ignore, err := p.flag("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", getenv)
	if ignore || err != nil {
		return "", err
	}
	endpoint, err := c.configuredEndpoint(service, p.section(), getenv)
	if err != nil || endpoint.Value == "" {
		return "", err
	}
	if err := checkURL(endpoint); err != nil {
		return "", err
	}
	return endpoint.Value, nil
}

func (c *Config) configuredEndpoint(service string, s *Section, getenv func(string) string) (Setting, error) {
	for _, name := range []string{"AWS_ENDPOINT_URL_" + strings.ToUpper(service), "AWS_ENDPOINT_URL"} {
		if url := getenv(name); url != "" {
			return Setting{Key: name, Value: url}, nil
		}
	}
	if name := s.setting("services"); name.Value != "" {
		services := c.Services[name.Value]
		if services == nil {
			return Setting{}, &ValueError{name, "no such services section" + in(c.Path)}
		}
		if err := services.Problem(); err != nil {
			return Setting{}, err
		}
		if url, _ := services.Nested(service, "endpoint_url"); url != "" {
			return Setting{services.Where(service), services.Header, "endpoint_url", url}, nil
		}
	}
	return s.setting("endpoint_url"), nil
}

// Variants reports whether calls for p go to FIPS and to dual-stack endpoints, by
// AWS_USE_FIPS_ENDPOINT and AWS_USE_DUALSTACK_ENDPOINT, or use_fips_endpoint and
// use_dualstack_endpoint. p may be nil. A value that is neither true nor false is a
// [*ValueError].
func (p *Profile) Variants(getenv func(string) string) (fips, dualStack bool, err error) {
	if fips, err = p.flag("AWS_USE_FIPS_ENDPOINT", getenv); err != nil {
		return false, false, err
	}
	dualStack, err = p.flag("AWS_USE_DUALSTACK_ENDPOINT", getenv)
	return fips, dualStack, err
}

// CABundle returns AWS_CA_BUNDLE or p's ca_bundle: the path of a PEM file, in
// which a leading "~/" is the home directory, or "". p may be nil.
func (p *Profile) CABundle(getenv func(string) string) string {
	path, _ := Expand(p.fromEnv("AWS_CA_BUNDLE", getenv).Value, Home(getenv))
	return path
}

// AppID returns AWS_SDK_UA_APP_ID or p's sdk_ua_app_id, for the User-Agent, or
// "". p may be nil.
func (p *Profile) AppID(getenv func(string) string) string {
	return p.fromEnv("AWS_SDK_UA_APP_ID", getenv).Value
}

func (p *Profile) section() *Section {
	if p == nil {
		return nil
	}
	return p.Section
}

// fromEnv returns the environment variable AWS_SOME_KEY, or p's some_key.
func (p *Profile) fromEnv(name string, getenv func(string) string) Setting {
	if value := getenv(name); value != "" {
		return Setting{Key: name, Value: value}
	}
	return p.section().setting(strings.ToLower(strings.TrimPrefix(name, "AWS_")))
}

func (p *Profile) flag(name string, getenv func(string) string) (bool, error) {
	s := p.fromEnv(name, getenv)
	switch {
	case s.Value == "" || strings.EqualFold(s.Value, "false"):
		return false, nil
	case strings.EqualFold(s.Value, "true"):
		return true, nil
	}
	return false, &ValueError{s, "must be true or false"}
}

// checkURL returns a [*ValueError] unless the value is a URL that is https, or
// http to this machine.
func checkURL(s Setting) error {
	problem := starturl.Problem(s.Value)
	if problem == "" {
		return nil
	}
	if problem == "not a URL" || strings.Contains(s.Value, "@") {
		s.Value = "" // there may be a password in it
	}
	return &ValueError{s, problem}
}
