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
