package oidc

import (
	"context"
	"net/netip"
	"net/url"
	"strings"

	"github.com/credproc/credproc/internal/awsapi"
	"github.com/credproc/credproc/internal/starturl"
)

// NormalizeStartURL returns the one spelling of a start URL that is sent to
// the service and compared: lower-case scheme and host, no default port, no
// dot at the end of the host, no query, no fragment, no trailing slash. People
// paste "…/start/#/" as well as "…/start", and the service takes both.
// Normalizing twice changes nothing.
//
// The URL must be https. http is let through for a host that is this machine,
// for tests: signing in with it also takes a custom Endpoint there. A host
// must be in ASCII: letters that look like others are not let through. The
// error is a [*ConfigError].
func NormalizeStartURL(start string) (string, error) {
	normal, shown, problem := starturl.Normalize(start)
	if problem != "" {
		return "", &ConfigError{"StartURL", shown, problem}
	}
	return normal, nil
}

// StartURLName is what people call a start URL: the first label of its host,
// or, where that is the same for everybody, the last element of the path.
// "https://corp.awsapps.com/start" is "corp". What is no URL is its own name.
func StartURLName(start string) string {
	normal, err := NormalizeStartURL(start)
	u, parseErr := url.Parse(normal)
	if err != nil || parseErr != nil {
		return start
	}
	if _, err := netip.ParseAddr(u.Hostname()); err == nil {
		return u.Host
	}
	label, _, _ := strings.Cut(u.Hostname(), ".")
	last := u.Path[strings.LastIndex(u.Path, "/")+1:]
	if shared := label == "identitycenter" || label == "start"; shared && last != "" {
		return last
	}
	return label
}

// regional are the hosts of start URLs that say the region, label by label.
var regional = [...]string{
	"* portal REGION app aws",
	"* REGION portal amazonaws com",
	"* REGION portal amazonaws com cn",
	"* portal REGION app amazonwebservices com cn",
	"* REGION portal amazonaws eu",
	"* portal REGION api amazonwebservices eu",
	"start REGION us-gov-home awsapps com",
	"start REGION home awsapps cn",
}

// StartURLRegion returns the region that the host of a start URL says, or "":
// most say none.
func StartURLRegion(start string) string {
	normal, err := NormalizeStartURL(start)
	u, parseErr := url.Parse(normal)
	if err != nil || parseErr != nil {
		return ""
	}
	if u.Host == "view.awsapps.com" { // AWS Builder ID, which is in one region
		return "us-east-1"
	}
	host := strings.Split(u.Host, ".")
	for _, pattern := range regional {
		if region, ok := matchLabels(host, strings.Fields(pattern)); ok && awsapi.CheckRegion(region) == nil {
			return region
		}
	}
	return ""
}

// matchLabels returns the label that stands where the pattern has REGION.
func matchLabels(host, pattern []string) (region string, ok bool) {
	if len(host) != len(pattern) {
		return "", false
	}
	for i, label := range pattern {
		switch {
		case label == "REGION":
			region = host[i]
		case label != "*" && label != host[i]:
			return "", false
		}
	}
	return region, true
}

// domains are Identity Center's own, with their partitions; the first that fits
// counts. "" is for those whose hosts say a region instead.
var domains = [...]struct {
	name, partition string
	alone           bool // no host below it is one
}{
	{"identitycenter.amazonaws.com", "aws", true},
	{"identitycenter.amazonaws.com.cn", "aws-cn", true},
	{"identitycenter.amazonaws.eu", "aws-eusc", true},
	{"identitycenter.us-gov.amazonaws.com", "aws-us-gov", true},
	{"us-gov-home.awsapps.com", "aws-us-gov", false},
	{"awsapps.com", "aws", false},
	{"awsapps.cn", "aws-cn", false},
	{"app.aws", "", false},
	{"portal.amazonaws.com", "", false},
	{"portal.amazonaws.com.cn", "aws-cn", false},
	{"portal.amazonaws.eu", "aws-eusc", false},
	{"app.amazonwebservices.com.cn", "aws-cn", false},
	{"api.amazonwebservices.eu", "aws-eusc", false},
}

// partitionOf returns the partition that a host, in lower case, is in, "" where
// it does not say, and whether it is Identity Center's own.
func partitionOf(host string) (partition string, own bool) {
	for _, d := range domains {
		if host == d.name || !d.alone && strings.HasSuffix(host, "."+d.name) {
			return d.partition, true
		}
	}
	return "", false
}

// isOwn reports whether a host, in lower case, is Identity Center's own.
func isOwn(host string) bool {
	_, own := partitionOf(host)
	return own
}

// StartURLPartition returns the AWS partition that the host of a start URL is in:
// "aws", "aws-cn", "aws-us-gov", "aws-eusc", or "" where the host does not say. See
// [StartURLRegion] for those that say their region. It may be called concurrently.
//
// See https://docs.aws.amazon.com/IAM/latest/UserGuide/reference-arns.html#arns-syntax.
func StartURLPartition(start string) string {
	normal, err := NormalizeStartURL(start)
	u, parseErr := url.Parse(normal)
	if err != nil || parseErr != nil {
		return ""
	}
	partition, _ := partitionOf(u.Hostname())
	return partition
}

// CheckPage returns an error unless page may be given to a browser to sign in
// with c: https, at a host of the service, of the start URL or of a custom
// Endpoint; or http, where Endpoint is this machine. Pages come from outside,
// and a browser also opens what is no page.
func (c *Config) CheckPage(page string) error {
	u, err := url.Parse(page)
	if err != nil || u.Host == "" || u.User != nil || strings.ContainsFunc(page, func(r rune) bool { return r <= ' ' || r > '~' }) {
		return &ConfigError{"page", "", "not a URL that a browser is given"}
	}
	endpoint, _ := url.Parse(c.Endpoint)
	local := endpoint != nil && awsapi.IsLoopback(endpoint.Hostname()) && awsapi.IsLoopback(u.Hostname())
	switch {
	case local && (u.Scheme == "http" || u.Scheme == "https"):
		return nil
	case u.Scheme != "https":
		return &ConfigError{"page", u.Scheme + "://" + u.Host, "must begin with https://"}
	case !c.isOurs(strings.ToLower(u.Hostname()), endpoint):
		return &ConfigError{"page", u.Scheme + "://" + u.Host, "is none of the service"}
	}
	return nil
}

func (c *Config) isOurs(host string, endpoint *url.URL) bool {
	start, _ := url.Parse(strings.TrimSpace(c.StartURL))
	if start != nil && strings.EqualFold(strings.TrimSuffix(start.Hostname(), "."), host) {
		return true
	}
	if c.Endpoint != "" {
		return endpoint != nil && strings.EqualFold(endpoint.Hostname(), host) || isOwn(host)
	}
	// "oidc.REGION.SUFFIX" has "device.sso.REGION.SUFFIX" beside it.
	service, err := c.resolved(context.Background())
	if err != nil {
		return isOwn(host)
	}
	_, suffix, _ := strings.Cut(service.Hostname(), ".")
	return host == service.Hostname() || strings.HasSuffix(host, ".sso."+suffix) || isOwn(host)
}

// isReserved reports names that no name server knows (RFC 2606, RFC 6761).
func isReserved(host string) bool {
	last := host[strings.LastIndex(host, ".")+1:]
	return last == "example" || last == "test" || last == "invalid" || last == "localhost"
}
