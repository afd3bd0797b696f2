// Package startpage knows what the host of a start URL says, where the URL redirects
// to, and which pages are the service's.
package startpage

import (
	"net/netip"
	"net/url"
	"strings"

	"github.com/credproc/credproc/internal/awsapi"
	"github.com/credproc/credproc/internal/starturl"
)

// parse returns a start URL in its one spelling, or nil for what is none.
func parse(start string) *url.URL {
	normal, _, problem := starturl.Normalize(start)
	u, err := url.Parse(normal)
	if problem != "" || err != nil {
		return nil
	}
	return u
}

// Name is what people call a start URL: the first label of its host,
// or, where that is the same for everybody, the last element of the path.
// "https://corp.awsapps.com/start" is "corp". What is no URL is its own name.
func Name(start string) string {
	u := parse(start)
	if u == nil {
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

// Region returns the region that the host of a start URL says, or "":
// most say none.
func Region(start string) string {
	u := parse(start)
	if u == nil {
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

// Own reports whether a host, in lower case, is Identity Center's own.
func Own(host string) bool {
	_, own := partitionOf(host)
	return own
}

// Partition returns the AWS partition that the host of a start URL is in:
// "aws", "aws-cn", "aws-us-gov", "aws-eusc", or "" where the host does not say. See
// [Region] for those that say their region. It may be called concurrently.
//
// See https://docs.aws.amazon.com/IAM/latest/UserGuide/reference-arns.html#arns-syntax.
func Partition(start string) string {
	u := parse(start)
	if u == nil {
		return ""
	}
	partition, _ := partitionOf(u.Hostname())
	return partition
}

// Reserved reports names that no name server knows (RFC 2606, RFC 6761).
func Reserved(host string) bool {
	last := host[strings.LastIndex(host, ".")+1:]
	return last == "example" || last == "test" || last == "invalid" || last == "localhost"
}
