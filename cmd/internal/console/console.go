// Package console knows where the AWS console is in each partition, which pages
// belong to it, and how a browser is signed in there.
package console

import (
	"cmp"
	"fmt"
	"net/url"
	"regexp"
	"strconv"
	"strings"

	"github.com/credproc/credproc/internal/awsconfig"
	"github.com/credproc/credproc/oidc"
)

// PortalLink is the page of the access portal that signs in to a role and goes to a
// destination, if that is not "".
func PortalLink(startURL, account, role, destination string) (string, error) {
	start, err := oidc.NormalizeStartURL(startURL)
	if err != nil {
		return "", err
	}
	link := start + "/#/console?account_id=" + Escape(account) + "&role_name=" + Escape(role)
	if destination != "" {
		link += "&destination=" + Escape(destination)
	}
	return link, nil
}

// Page returns the address of a page of the console in a region: that of a service,
// a destination, or the start page. home is a region of the partition that the
// session is in.
func Page(region, home, service, destination string) (string, error) {
	p := PartitionOf(region)
	refuse := func(format string, args ...any) (string, error) {
		return "", &DestinationError{fmt.Sprintf(format, args...)}
	}
	if other := PartitionOf(home); other.Name != p.Name {
		return refuse("the region %s is in the partition %s, and the session in %s", region, p.Name, other.Name)
	}
	if p.Console == "" {
		return refuse("the address of the console in the partition %s is not known: open the access portal with --portal", p.Name)
	}
	base := "https://" + region + "." + p.Console
	switch {
	case destination != "" && service != "":
		return refuse("--destination and --service are two pages: choose one")
	case strings.HasPrefix(destination, "/") && !strings.HasPrefix(destination, "//"):
		return CheckDestination(base+destination, p)
	case destination != "":
		return CheckDestination(destination, p)
	}
	service = cmp.Or(service, "console")
	if !regexp.MustCompile(`^[a-z0-9]([a-z0-9-]{0,60}[a-z0-9])?$`).MatchString(service) {
		return refuse("--service %q: must be a name as in the console's URLs, such as s3", service)
	}
	return base + "/" + service + "/home?region=" + region, nil
}

// Escape is for a value in a query. A page that decodes its own fragment may
// not know that "+" is a space.
func Escape(value string) string { return strings.ReplaceAll(url.QueryEscape(value), "+", "%20") }

// DestinationError is a page that is none of the console.
type DestinationError struct{ Problem string }

func (e *DestinationError) Error() string { return e.Problem }

// CheckDestination refuses what would lead a browser that was just signed in to a
// page outside of the console.
func CheckDestination(page string, p Partition) (string, error) {
	refuse := func(problem string) (string, error) {
		return "", &DestinationError{"--destination " + problem}
	}
	u, err := url.Parse(page)
	odd := func(r rune) bool { return r <= ' ' || r >= 0x7f || strings.ContainsRune(`\"<>^{}|`+"`", r) }
	switch {
	case strings.ContainsFunc(page, odd):
		return refuse("has a character that URLs do not have")
	case err != nil:
		return refuse("is not a URL")
	case u.Scheme != "https" || u.Opaque != "":
		return refuse("must start with https://, or be a path that starts with /")
	case u.User != nil:
		return refuse("must have no user")
	case u.Host != u.Hostname():
		return refuse("must have no port")
	}
	host := strings.ToLower(u.Host)
	if host != p.Console && !strings.HasSuffix(host, "."+p.Console) || !regexp.MustCompile(`^[a-z0-9-]+(\.[a-z0-9-]+)+$`).MatchString(host) {
		return refuse(fmt.Sprintf("must be a page of the console: the host must be %s, or end with .%s", p.Console, p.Console))
	}
	// What is encoded twice means one thing to us and another to who decodes it
	// once more.
	encoded := regexp.MustCompile(`%[0-9A-Fa-f]{2}`)
	once := encoded.ReplaceAllStringFunc(page, func(code string) string {
		c, _ := strconv.ParseUint(code[1:], 16, 8)
		return string([]byte{byte(c)})
	})
	if encoded.MatchString(once) {
		return refuse("is encoded twice")
	}
	return u.String(), nil
}

// Partition is a part of AWS with hosts of its own. "" is not known.
type Partition struct{ Name, Console, signin, home string }

// PartitionOf returns the partition that a region is in.
func PartitionOf(region string) Partition {
	name := awsconfig.Partition(region)
	for _, p := range []Partition{
		{"aws-cn", "console.amazonaws.cn", "signin.amazonaws.cn", "cn-north-1"},
		{"aws-us-gov", "console.amazonaws-us-gov.com", "signin.amazonaws-us-gov.com", "us-gov-west-1"},
		{"aws-eusc", "console.amazonaws-eusc.eu", "signin.amazonaws-eusc.eu", ""},
		{"aws-iso", "", "signin.c2shome.ic.gov", ""},
		{"aws-iso-b", "", "signin.sc2shome.sgov.gov", ""},
		{"aws-iso-e", "", "signin.csphome.adc-e.uk", ""},
		{"aws-iso-f", "", "signin.csphome.hci.ic.gov", ""},
	} {
		if p.Name == name {
			return p
		}
	}
	return Partition{"aws", "console.aws.amazon.com", "signin.aws.amazon.com", "us-east-1"}
}

// FederationHost is where a region signs in with credentials. Only a
// partition's home region has the host without a region in it.
func (p Partition) FederationHost(region string, useFIPS bool) string {
	host := p.signin
	if useFIPS && p.Name == "aws-us-gov" {
		host = strings.Replace(host, "signin.", "signin-fips.", 1)
	}
	if region == p.home {
		return host
	}
	return region + "." + host
}
