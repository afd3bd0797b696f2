package console

import (
	"net/url"
	"strings"
	"testing"
)

// startURLs are one of each form that AWS has given to people.
var startURLs = []string{
	"https://d-1234567890.awsapps.com/start",
	"https://d-1234567890.awsapps.com/start/",
	"https://d-1234567890.awsapps.com/start#/",
	"https://d-1234567890.awsapps.com/start/#/",
	"https://Acme.awsapps.com/start#",
	"https://ssoins-1234567890abcdef.eu-west-1.portal.amazonaws.com",
	"https://ssoins-1234567890abcdef.eu-west-1.portal.amazonaws.com/#/",
	"https://ssoins-1234567890abcdef.portal.eu-west-1.app.aws",
	"https://identitycenter.amazonaws.com/ssoins-1234567890abcdef",
	"https://start.us-gov-home.awsapps.com/directory/acme",
	"https://start.us-gov-west-1.us-gov-home.awsapps.com/directory/d-1234567890",
	"https://identitycenter.us-gov.amazonaws.com/ssoins-1234567890abcdef",
	"https://start.home.awsapps.cn/directory/acme",
	"https://start.cn-north-1.home.awsapps.cn/directory/d-1234567890#/",
	"https://ssoins-1234567890abcdef.portal.cn-north-1.app.amazonwebservices.com.cn",
	"https://ssoins-1234567890abcdef.cn-north-1.portal.amazonaws.com.cn",
	"https://identitycenter.amazonaws.com.cn/ssoins-1234567890abcdef",
	"https://ssoins-1234567890abcdef.eusc-de-east-1.portal.amazonaws.eu",
	"https://ssoins-1234567890abcdef.portal.eusc-de-east-1.api.amazonwebservices.eu",
	"https://identitycenter.amazonaws.eu/ssoins-1234567890abcdef",
	"https://view.awsapps.com/start",
	"https://sso.acme.example/?from=intranet",
}

func TestAPortalLinkParsesBackToWhatItIsAbout(t *testing.T) {
	const destination = "https://eu-west-1.console.aws.amazon.com/s3/buckets/a+b%20c?region=eu-west-1&tab=x#/y&account_id=1"
	for _, start := range startURLs {
		for _, role := range []string{"Admin", "a+b=c,d.e@f-g_h"} {
			for _, page := range []string{"", destination} {
				link, err := PortalLink(start, "123456789012", role, page)
				if err != nil {
					t.Fatal(err)
				}
				portal, fragment, _ := strings.Cut(link, "/#/console?")
				home, err := url.Parse(start)
				if err != nil {
					t.Fatal(err)
				}
				if want := "https://" + strings.ToLower(home.Host) + strings.TrimRight(home.Path, "/"); portal != want {
					t.Errorf("%s: the portal is %s, want %s", start, portal, want)
				}
				// As a page in a browser reads it, which takes "+" for itself.
				got := make(map[string]string)
				for pair := range strings.SplitSeq(fragment, "&") {
					name, value, _ := strings.Cut(pair, "=")
					if got[name], err = url.PathUnescape(value); err != nil {
						t.Fatal(err)
					}
				}
				want := map[string]string{"account_id": "123456789012", "role_name": role}
				if page != "" {
					want["destination"] = page
				}
				if len(got) != len(want) || got["account_id"] != want["account_id"] || got["role_name"] != role || got["destination"] != page {
					t.Errorf("%s: %q, want %q", link, got, want)
				}
				if query, err := url.ParseQuery(fragment); err != nil || query.Get("role_name") != role || query.Get("destination") != page {
					t.Errorf("%s: as a query it is %q, %v", link, query, err)
				}
			}
		}
	}
}

func TestADestinationElsewhereIsRefused(t *testing.T) {
	p := PartitionOf("eu-west-1")
	for _, page := range []string{
		"https://console.aws.amazon.com/", "https://eu-west-1.console.aws.amazon.com/s3/home?region=eu-west-1#a%20b",
		"https://EU-WEST-1.Console.AWS.Amazon.com/ec2/", "https://111111111111-abcdefgh.eu-west-1.console.aws.amazon.com/x",
		"https://console.aws.amazon.com/s3/object/a?prefix=50%25%20off",
	} {
		if _, err := CheckDestination(page, p); err != nil {
			t.Errorf("%s: %v", page, err)
		}
	}
	for _, page := range []string{
		"http://console.aws.amazon.com/", "javascript:alert(1)", "javascript://console.aws.amazon.com/%0aalert(1)",
		"data:text/html,x", "//console.aws.amazon.com/", "https:console.aws.amazon.com", "https:///console.aws.amazon.com",
		"https://user@console.aws.amazon.com/", "https://user:word@console.aws.amazon.com/", "https://@console.aws.amazon.com/",
		"https://console.aws.amazon.com@evil.example/", "https://console.aws.amazon.com%40evil.example/",
		"https://console.aws.amazon.com:443/", "https://console.aws.amazon.com:8443/", "https://console.aws.amazon.com:/",
		"https://evil.example/", "https://evilconsole.aws.amazon.com/", "https://console.aws.amazon.com.evil.example/",
		"https://console.aws.amazon.com./", "https://xconsole.aws.amazon.com", "https://console-aws.amazon.com/",
		"https://console.aws.amazon.com\\@evil.example/", "https://evil.example\\.console.aws.amazon.com/",
		"https://evil.example#.console.aws.amazon.com/", "https://evil.example?.console.aws.amazon.com/",
		"https://evil.example/.console.aws.amazon.com/", "https://.console.aws.amazon.com/", "https://a..console.aws.amazon.com/",
		"https://evil.example%2f.console.aws.amazon.com/", "https://evil.example%252f.console.aws.amazon.com/",
		"https://console.aws.amazon.com/%252f%252fevil.example", "https://console.aws.amazon.com/?to=%253A", "https://console.aws.amazon.com/?to=%25%32%46", "https://console.aws.amazon.com/?to=%2%35%46", "https%3A%2F%2Fconsole.aws.amazon.com",
		"https://cönsole.aws.amazon.com/", "https://console.aws.amazon.cοm/", "https://xn--cnsole-wxa.aws.amazon.com/",
		"https://console.aws.amazon.com/\nSet-Cookie: a", "https://console.aws.amazon.com/ b", "\thttps://console.aws.amazon.com/",
		"https://console.aws.amazon.com/\x00", "https://[::1]/", "https://127.0.0.1/", "", "console.aws.amazon.com",
		"https://console.amazonaws.cn/", "https://console.amazonaws-us-gov.com/",
	} {
		if got, err := CheckDestination(page, p); err == nil {
			t.Errorf("%q is let through as %s", page, got)
		}
	}
}

func TestEachPartitionHasItsOwnHosts(t *testing.T) {
	for _, tt := range []struct {
		region              string
		fips                bool
		federation, console string
	}{
		{"us-east-1", false, "signin.aws.amazon.com", "console.aws.amazon.com"},
		{"eu-west-1", false, "eu-west-1.signin.aws.amazon.com", "console.aws.amazon.com"},
		{"eu-west-1", true, "eu-west-1.signin.aws.amazon.com", "console.aws.amazon.com"},
		{"mx-central-1", false, "mx-central-1.signin.aws.amazon.com", "console.aws.amazon.com"},
		{"cn-north-1", false, "signin.amazonaws.cn", "console.amazonaws.cn"},
		{"cn-northwest-1", false, "cn-northwest-1.signin.amazonaws.cn", "console.amazonaws.cn"},
		{"us-gov-west-1", false, "signin.amazonaws-us-gov.com", "console.amazonaws-us-gov.com"},
		{"us-gov-east-1", false, "us-gov-east-1.signin.amazonaws-us-gov.com", "console.amazonaws-us-gov.com"},
		{"us-gov-west-1", true, "signin-fips.amazonaws-us-gov.com", "console.amazonaws-us-gov.com"},
		{"us-gov-east-1", true, "us-gov-east-1.signin-fips.amazonaws-us-gov.com", "console.amazonaws-us-gov.com"},
		{"eusc-de-east-1", false, "eusc-de-east-1.signin.amazonaws-eusc.eu", "console.amazonaws-eusc.eu"},
		{"us-iso-east-1", false, "us-iso-east-1.signin.c2shome.ic.gov", ""},
		{"us-isob-east-1", false, "us-isob-east-1.signin.sc2shome.sgov.gov", ""},
	} {
		p := PartitionOf(tt.region)
		if got := p.FederationHost(tt.region, tt.fips); got != tt.federation || p.Console != tt.console {
			t.Errorf("%s: %s and %s, want %s and %s", tt.region, got, p.Console, tt.federation, tt.console)
		}
	}
}

func TestAPageOfTheConsoleIsInThePartitionOfTheSession(t *testing.T) {
	for _, tt := range []struct{ region, home, service, destination, want string }{
		{"eu-west-1", "us-east-1", "", "", "https://eu-west-1.console.aws.amazon.com/console/home?region=eu-west-1"},
		{"eu-west-1", "us-east-1", "s3", "", "https://eu-west-1.console.aws.amazon.com/s3/home?region=eu-west-1"},
		{"eu-west-1", "us-east-1", "", "/ec2/x", "https://eu-west-1.console.aws.amazon.com/ec2/x"},
		{"eu-west-1", "us-east-1", "s3", "/ec2/x", ""},
		{"eu-west-1", "us-east-1", "s3/../x", "", ""},
		{"eu-west-1", "us-east-1", "", "//evil.example", ""},
		{"cn-north-1", "us-east-1", "", "", ""},
		{"us-iso-east-1", "us-iso-east-1", "", "", ""},
	} {
		if got, err := Page(tt.region, tt.home, tt.service, tt.destination); got != tt.want || (err == nil) != (tt.want != "") {
			t.Errorf("%+v: %s, error %v", tt, got, err)
		}
	}
}
