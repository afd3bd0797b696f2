package oidc_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/credproc/credproc/oidc"
)

func TestNormalizeStartURL(t *testing.T) {
	tests := []struct{ start, want string }{
		{"https://d-1234567890.awsapps.com/start", "https://d-1234567890.awsapps.com/start"},
		{"https://d-1234567890.awsapps.com/start/", "https://d-1234567890.awsapps.com/start"},
		{"https://d-1234567890.awsapps.com/start#/", "https://d-1234567890.awsapps.com/start"},
		{"https://d-1234567890.awsapps.com/start/#/", "https://d-1234567890.awsapps.com/start"},
		{"https://d-1234567890.awsapps.com/start/#/?tab=accounts", "https://d-1234567890.awsapps.com/start"},
		{"https://d-1234567890.awsapps.com/start?x=y", "https://d-1234567890.awsapps.com/start"},
		{"HTTPS://D-1234567890.AwsApps.com:443/start", "https://d-1234567890.awsapps.com/start"},
		{" https://d-1234567890.awsapps.com/start\n", "https://d-1234567890.awsapps.com/start"},
		{"https://identitycenter.amazonaws.com/ssoins-0123456789abcdef", "https://identitycenter.amazonaws.com/ssoins-0123456789abcdef"},
		{"https://ssoins-0123456789abcdef.us-east-1.portal.amazonaws.com/", "https://ssoins-0123456789abcdef.us-east-1.portal.amazonaws.com"},
		{"https://start.us-gov-home.awsapps.com/directory/Alias", "https://start.us-gov-home.awsapps.com/directory/Alias"},
		{"https://sso.example:8443/a%2Fb//", "https://sso.example:8443/a%2Fb"},
		{"https://[2001:DB8::1]:443/start", "https://[2001:db8::1]/start"},
		{"http://127.0.0.1:8080/start/", "http://127.0.0.1:8080/start"},
		{"http://[::1]:80/start", "http://[::1]/start"},
		{"http://localhost/start", "http://localhost/start"},
		{"https://corp.awsapps.com.:443/start/", "https://corp.awsapps.com/start"},
		{"https://corp.awsapps.com/start#", "https://corp.awsapps.com/start"},
		{"https://corp.awsapps.com/start/#/saml/default/AWS/x", "https://corp.awsapps.com/start"},
		{"https://corp.awsapps.com", "https://corp.awsapps.com"},
		{"https://view.awsapps.com/start/", "https://view.awsapps.com/start"},
		{"https://xn--bcher-kva.example/start", "https://xn--bcher-kva.example/start"},
		{"https://ssoins-0123456789abcdef.portal.eu-west-1.app.aws/", "https://ssoins-0123456789abcdef.portal.eu-west-1.app.aws"},
		{"https://identitycenter.amazonaws.com.cn/ssoins-0123456789abcdef/", "https://identitycenter.amazonaws.com.cn/ssoins-0123456789abcdef"},
		{"https://start.cn-north-1.home.awsapps.cn/directory/Alias#/", "https://start.cn-north-1.home.awsapps.cn/directory/Alias"},
		{"https://ssoins-0123456789abcdef.Eusc-De-East-1.portal.AmazonAWS.eu/#/console", "https://ssoins-0123456789abcdef.eusc-de-east-1.portal.amazonaws.eu"},
		{"https://start.us-gov-east-1.us-gov-home.awsapps.com/directory/d-1/", "https://start.us-gov-east-1.us-gov-home.awsapps.com/directory/d-1"},
	}
	for _, tt := range tests {
		if got, err := oidc.NormalizeStartURL(tt.start); got != tt.want || err != nil {
			t.Errorf("%q: %q, %v; want %q", tt.start, got, err, tt.want)
		}
	}
}

func TestNormalizeStartURLRefuses(t *testing.T) {
	for _, start := range []string{
		"", "  ", "d-1234567890.awsapps.com/start", "http://d-1234567890.awsapps.com/start", "http://localhost.example/start",
		"ftp://x/", "https:///start", "https://:443/start", "https://", "https:start", "https://user:SECRET@x/start",
		"https://x\x00/start", "https://user:SECRET@x\x7f/", "javascript:alert(1)",
		"https://user@corp.awsapps.com/start", "https://corp.awsapps.com@evil.example/start", "https://b\u00fccher.example/start",
		"https://c\u043erp.awsapps.com/start", "https://corp..awsapps.com/start", "https://corp.awsapps.com:0/start",
		"https://corp.awsapps.com:99999/start", "https://corp.awsapps.com:x/start", "https://./start", "https://corp awsapps.com/start",
		"file:///etc/passwd", "https://[::1/start", "https://%63orp.awsapps.com/start%zz",
	} {
		got, err := oidc.NormalizeStartURL(start)
		if setting, ok := errors.AsType[*oidc.ConfigError](err); !ok || setting.Field != "StartURL" || got != "" {
			t.Errorf("%q: %q, %v", start, got, err)
		} else if strings.Contains(err.Error(), "SECRET") {
			t.Errorf("the error shows a password: %v", err)
		}
	}
}

func FuzzNormalizeStartURL(f *testing.F) {
	f.Add("https://d-1234567890.awsapps.com/start/#/")
	f.Add("https://[::1]:443//a%2f/")
	f.Fuzz(func(t *testing.T, start string) {
		once, err := oidc.NormalizeStartURL(start)
		if err != nil {
			return
		}
		if twice, err := oidc.NormalizeStartURL(once); twice != once || err != nil {
			t.Errorf("%q: %q, then %q, %v", start, once, twice, err)
		}
	})
}

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
		if got := oidc.StartURLRegion(start); got != want {
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
		if got := oidc.StartURLPartition(start); got != want {
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
		if got := oidc.StartURLName(start); got != want {
			t.Errorf("%s: %q, want %q", start, got, want)
		}
	}
}

func TestCheckPageKeepsABrowserAtTheService(t *testing.T) {
	const start = "https://corp.awsapps.com/start"
	for _, tt := range []struct {
		config oidc.Config
		page   string
		ok     bool
	}{
		{oidc.Config{Region: "eu-west-1"}, "https://device.sso.eu-west-1.amazonaws.com/?user_code=ABCD-EFGH", true},
		{oidc.Config{Region: "eu-west-1"}, "https://oidc.eu-west-1.amazonaws.com/authorize?x=y", true},
		{oidc.Config{Region: "cn-north-1"}, "https://device.sso.cn-north-1.amazonaws.com.cn/", true},
		{oidc.Config{Region: "eusc-de-east-1"}, "https://device.sso.eusc-de-east-1.amazonaws.eu/", true},
		{oidc.Config{Region: "eu-west-1", UseDualStack: true}, "https://device.sso.eu-west-1.api.aws/", true},
		{oidc.Config{Region: "eu-west-1"}, "https://corp.awsapps.com/start/#/device?user_code=ABCD-EFGH", true},
		{oidc.Config{Region: "eu-west-1"}, "https://a.portal.eu-west-1.app.aws/#/device", true},
		{oidc.Config{Region: "eu-west-1", StartURL: "https://sso.corp.example/start"}, "https://SSO.corp.example/start/#/device", true},
		{oidc.Config{Region: "eu-west-1", Endpoint: "https://vpce.example:8443"}, "https://vpce.example:8443/authorize", true},
		{oidc.Config{Region: "eu-west-1", Endpoint: "http://127.0.0.1:9"}, "http://127.0.0.1:9/authorize", true},

		{oidc.Config{Region: "eu-west-1"}, "http://device.sso.eu-west-1.amazonaws.com/", false},
		{oidc.Config{Region: "eu-west-1"}, "http://127.0.0.1:9/authorize", false},
		{oidc.Config{Region: "eu-west-1"}, "https://evil.example/?device.sso.eu-west-1.amazonaws.com", false},
		{oidc.Config{Region: "eu-west-1"}, "https://device.sso.us-east-1.amazonaws.com/", false},
		{oidc.Config{Region: "eu-west-1"}, "https://evil.s3.eu-west-1.amazonaws.com/", false},
		{oidc.Config{Region: "eu-west-1"}, "https://corp.awsapps.com@evil.example/", false},
		{oidc.Config{Region: "eu-west-1", Endpoint: "http://127.0.0.1:9"}, "http://evil.example/", false},
		{oidc.Config{Region: "eu-west-1", Endpoint: "http://127.0.0.1:9"}, "file://127.0.0.1/etc/passwd", false},
		{oidc.Config{Region: "eu-west-1"}, "javascript:alert(1)", false},
		{oidc.Config{Region: "eu-west-1"}, "--help", false},
		{oidc.Config{Region: "eu-west-1"}, "https://corp.awsapps.com/a b", false},
		{oidc.Config{Region: "eu-west-1"}, "", false},
	} {
		if tt.config.StartURL == "" {
			tt.config.StartURL = start
		}
		if err := tt.config.CheckPage(tt.page); (err == nil) != tt.ok {
			t.Errorf("%s at %s: %v", tt.page, tt.config.Region+tt.config.Endpoint, err)
		}
	}
}
