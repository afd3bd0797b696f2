package startpage_test

import (
	"testing"

	"github.com/credproc/credproc/internal/startpage"
)

func TestStartURLRegionIsWhatTheHostSays(t *testing.T) {
	for start, want := range map[string]string{
		"https://ssoins-0123456789abcdef.portal.eu-west-1.app.aws":                       "eu-west-1",
		"https://SSOINS-0123456789ABCDEF.portal.EU-WEST-1.app.aws./#/":                   "eu-west-1",
		"https://ssoins-0123456789abcdef.us-east-2.portal.amazonaws.com/":                "us-east-2",
		"https://ssoins-0123456789abcdef.cn-north-1.portal.amazonaws.com.cn":             "cn-north-1",
		"https://ssoins-0123456789abcdef.portal.cn-north-1.app.amazonwebservices.com.cn": "cn-north-1",
		"https://ssoins-0123456789abcdef.eusc-de-east-1.portal.amazonaws.eu":             "eusc-de-east-1",
		"https://ssoins-0123456789abcdef.portal.eusc-de-east-1.api.amazonwebservices.eu": "eusc-de-east-1",
		"https://start.us-gov-east-1.us-gov-home.awsapps.com/directory/d-1":              "us-gov-east-1",
		"https://start.cn-northwest-1.home.awsapps.cn/directory/d-1":                     "cn-northwest-1",
		"https://view.awsapps.com/start":                                                 "us-east-1",

		"https://corp.awsapps.com/start":                               "",
		"https://identitycenter.amazonaws.com/ssoins-0123456789abcdef": "",
		"https://start.us-gov-home.awsapps.com/directory/d-1":          "",
		"https://a.portal.eu-west-1.app.aws.evil.example":              "",
		"https://a.b.portal.eu-west-1.app.aws":                         "",
		"https://a.us_east_1.portal.amazonaws.com":                     "",
		"https://sso.example/eu-west-1.portal.amazonaws.com":           "",
		"http://a.portal.eu-west-1.app.aws":                            "",
		"not a URL":                                                    "",
	} {
		if got := startpage.Region(start); got != want {
			t.Errorf("%s: %q, want %q", start, got, want)
		}
	}
}

func TestStartURLPartitionIsWhatTheHostSays(t *testing.T) {
	for start, want := range map[string]string{
		"https://corp.awsapps.com/start":                                                 "aws",
		"https://d-1234567890.eu.awsapps.com/start":                                      "aws",
		"https://identitycenter.amazonaws.com/ssoins-0123456789abcdef":                   "aws",
		"https://start.us-gov-home.awsapps.com/directory/agency":                         "aws-us-gov",
		"https://identitycenter.us-gov.amazonaws.com/ssoins-0123456789abcdef":            "aws-us-gov",
		"https://start.home.awsapps.cn/directory/acme":                                   "aws-cn",
		"https://identitycenter.amazonaws.com.cn/ssoins-0123456789abcdef":                "aws-cn",
		"https://ssoins-0123456789abcdef.portal.cn-north-1.app.amazonwebservices.com.cn": "aws-cn",
		"https://identitycenter.amazonaws.eu/ssoins-0123456789abcdef":                    "aws-eusc",

		"https://ssoins-0123456789abcdef.portal.eu-west-1.app.aws": "",
		"https://sso.corp.example/start":                           "",
		"https://corp.awsapps.com.example/start":                   "",
		"https://x.identitycenter.amazonaws.com/start":             "",
		"no URL": "",
	} {
		if got := startpage.Partition(start); got != want {
			t.Errorf("%s: %q, want %q", start, got, want)
		}
	}
}

func TestStartURLNameIsWhatPeopleSay(t *testing.T) {
	for start, want := range map[string]string{
		"https://corp.awsapps.com/start":                               "corp",
		"https://Corp.awsapps.com./start/#/":                           "corp",
		"https://sso.corp.example/start":                               "sso",
		"https://identitycenter.amazonaws.com/ssoins-0123456789abcdef": "ssoins-0123456789abcdef",
		"https://start.us-gov-home.awsapps.com/directory/agency/":      "agency",
		"https://start.awsapps.com/":                                   "start",
		"http://127.0.0.1:8080/start":                                  "127.0.0.1:8080",
		"https://[2001:db8::1]/start":                                  "[2001:db8::1]",
		"what is this":                                                 "what is this",
	} {
		if got := startpage.Name(start); got != want {
			t.Errorf("%s: %q, want %q", start, got, want)
		}
	}
}

func TestCheckPageKeepsABrowserAtTheService(t *testing.T) {
	const start = "https://corp.awsapps.com/start"
	for _, tt := range []struct {
		config startpage.Service
		page   string
		ok     bool
	}{
		{startpage.Service{Region: "eu-west-1"}, "https://device.sso.eu-west-1.amazonaws.com/?user_code=ABCD-EFGH", true},
		{startpage.Service{Region: "eu-west-1"}, "https://oidc.eu-west-1.amazonaws.com/authorize?x=y", true},
		{startpage.Service{Region: "cn-north-1"}, "https://device.sso.cn-north-1.amazonaws.com.cn/", true},
		{startpage.Service{Region: "eusc-de-east-1"}, "https://device.sso.eusc-de-east-1.amazonaws.eu/", true},
		{startpage.Service{Region: "eu-west-1", UseDualStack: true}, "https://device.sso.eu-west-1.api.aws/", true},
		{startpage.Service{Region: "eu-west-1"}, "https://corp.awsapps.com/start/#/device?user_code=ABCD-EFGH", true},
		{startpage.Service{Region: "eu-west-1"}, "https://a.portal.eu-west-1.app.aws/#/device", true},
		{startpage.Service{Region: "eu-west-1", StartURL: "https://sso.corp.example/start"}, "https://SSO.corp.example/start/#/device", true},
		{startpage.Service{Region: "eu-west-1", Endpoint: "https://vpce.example:8443"}, "https://vpce.example:8443/authorize", true},
		{startpage.Service{Region: "eu-west-1", Endpoint: "http://127.0.0.1:9"}, "http://127.0.0.1:9/authorize", true},

		{startpage.Service{Region: "eu-west-1"}, "http://device.sso.eu-west-1.amazonaws.com/", false},
		{startpage.Service{Region: "eu-west-1"}, "http://127.0.0.1:9/authorize", false},
		{startpage.Service{Region: "eu-west-1"}, "https://evil.example/?device.sso.eu-west-1.amazonaws.com", false},
		{startpage.Service{Region: "eu-west-1"}, "https://device.sso.us-east-1.amazonaws.com/", false},
		{startpage.Service{Region: "eu-west-1"}, "https://evil.s3.eu-west-1.amazonaws.com/", false},
		{startpage.Service{Region: "eu-west-1"}, "https://corp.awsapps.com@evil.example/", false},
		{startpage.Service{Region: "eu-west-1", Endpoint: "http://127.0.0.1:9"}, "http://evil.example/", false},
		{startpage.Service{Region: "eu-west-1", Endpoint: "http://127.0.0.1:9"}, "file://127.0.0.1/etc/passwd", false},
		{startpage.Service{Region: "eu-west-1"}, "javascript:alert(1)", false},
		{startpage.Service{Region: "eu-west-1"}, "--help", false},
		{startpage.Service{Region: "eu-west-1"}, "https://corp.awsapps.com/a b", false},
		{startpage.Service{Region: "eu-west-1"}, "", false},
	} {
		if tt.config.StartURL == "" {
			tt.config.StartURL = start
		}
		if err := tt.config.Check(tt.page); (err == nil) != tt.ok {
			t.Errorf("%s at %s: %v", tt.page, tt.config.Region+tt.config.Endpoint, err)
		}
	}
}
