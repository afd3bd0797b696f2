package awsconfig

import (
	"errors"
	"strings"
	"testing"
)

func TestEndpointPrecedence(t *testing.T) {
	const (
		service  = "AWS_ENDPOINT_URL_SSO_OIDC"
		all      = "AWS_ENDPOINT_URL"
		ignore   = "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS"
		profile  = "endpoint_url = https://profile\n"
		services = "services = s\n"
		section  = "[services s]\nsso =\n  endpoint_url = https://portal\nsso_oidc =\n  a = b\n  endpoint_url = https://section # c\n"
	)
	tests := []struct {
		name   string
		env    map[string]string
		config string // of [profile p], and then more
		want   string
	}{
		{"none", nil, "", ""},
		{"profile", nil, profile, "https://profile"},
		{"section before profile", nil, profile + services + section, "https://section"},
		{"section without the service", nil, profile + services + "[services s]\nsso =\n  endpoint_url = https://portal\n", "https://profile"},
		{"section with an empty value", nil, profile + services + "[services s]\nsso_oidc =\n  endpoint_url =\n", "https://profile"},
		{"section that is not named", nil, section, ""},
		{"variable before section", map[string]string{all: "https://all"}, profile + services + section, "https://all"},
		{"variable of the service before all", map[string]string{all: "https://all", service: "https://service"}, profile, "https://service"},
		{"variable of another service", map[string]string{"AWS_ENDPOINT_URL_SSO": "https://portal"}, "", ""},
		{"variable before a section that does not exist", map[string]string{all: "https://all"}, services, "https://all"},
		{"ignored by variable", map[string]string{ignore: "true", service: "https://service"}, profile, ""},
		{"ignored by profile", map[string]string{all: "https://all"}, profile + "ignore_configured_endpoint_urls = True", ""},
		{"ignored, whatever is wrong", map[string]string{ignore: "TRUE"}, "endpoint_url = x\n" + services, ""},
		{"not ignored by variable", map[string]string{ignore: "false"}, profile + "ignore_configured_endpoint_urls = true", "https://profile"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c := files(t, "[profile p]\n"+tt.config, "")
			p, err := c.Profile("p", nil)
			if err != nil {
				t.Fatal(err)
			}
			if got, err := c.Endpoint("sso_oidc", p, env(tt.env)); got != tt.want || err != nil {
				t.Errorf("got %q, %v; want %q", got, err, tt.want)
			}
		})
	}
}

func TestEndpointOfEachService(t *testing.T) {
	c := files(t, "[profile p]\nservices = s\n[services s]\nsso =\n endpoint_url = https://a\nsso_oidc =\n endpoint_url = https://b\nsts =\n endpoint_url = https://c\n", "")
	for service, want := range map[string]string{"sso": "https://a", "sso_oidc": "https://b", "sts": "https://c"} {
		if got, err := c.Endpoint(service, &Profile{Section: c.Profiles["p"]}, env(nil)); got != want || err != nil {
			t.Errorf("%s: %q, %v", service, got, err)
		}
		variable := map[string]string{"AWS_ENDPOINT_URL_" + strings.ToUpper(service): "https://env"}
		if got, err := c.Endpoint(service, nil, env(variable)); got != "https://env" || err != nil {
			t.Errorf("%s by variable: %q, %v", service, got, err)
		}
	}
}

func TestEndpointErrors(t *testing.T) {
	tests := []struct {
		name   string
		env    map[string]string
		config string
		want   string
	}{
		{"profile", nil, "endpoint_url = http://x", `config:2: [profile p]: endpoint_url "http://x": must start with https://`},
		{"section", nil, "services = s\n[services s]\nx = y\nsts =\n  endpoint_url = http://x", `config:5: [services s]: endpoint_url "http://x": must start with https://`},
		{"variable of the service", map[string]string{"AWS_ENDPOINT_URL_STS": "http://x"}, "", `AWS_ENDPOINT_URL_STS "http://x": must start with https://`},
		{"variable", map[string]string{"AWS_ENDPOINT_URL": "http://x"}, "", `AWS_ENDPOINT_URL "http://x": must start with https://`},
		{"no such section", nil, "endpoint_url = https://x\nservices = none", `config:3: [profile p]: services "none": no such services section in config`},
		{"neither true nor false", map[string]string{"AWS_IGNORE_CONFIGURED_ENDPOINT_URLS": "1"}, "", `AWS_IGNORE_CONFIGURED_ENDPOINT_URLS "1": must be true or false`},
		{"neither true nor false in the profile", nil, "ignore_configured_endpoint_urls = yes", `config:2: [profile p]: ignore_configured_endpoint_urls "yes": must be true or false`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c := files(t, "[profile p]\n"+tt.config, "")
			got, err := c.Endpoint("sts", &Profile{Section: c.Profiles["p"]}, env(tt.env))
			if _, ok := errors.AsType[*ValueError](err); !ok || got != "" || !isError(err, tt.want) {
				t.Errorf("got  %q, %v\nwant %s", got, err, tt.want)
			}
		})
	}
}

func TestEndpointIsHTTPSOrThisMachine(t *testing.T) {
	var c Config
	endpoint := func(value string) (string, error) {
		return c.Endpoint("sso", nil, env(map[string]string{"AWS_ENDPOINT_URL": value}))
	}
	for _, value := range []string{"https://x", "https://x:8443/base", "HTTPS://x", "http://127.0.0.1:4566", "http://127.1.2.3", "http://[::1]:80/", "http://localhost:80", "http://LocalHost"} {
		if got, err := endpoint(value); got != value || err != nil {
			t.Errorf("%s: %q, %v", value, got, err)
		}
	}
	for _, value := range []string{"x", "//127.0.0.1", "http://x", "http://0.0.0.0", "http://10.0.0.1", "http://127.0.0.1.example", "http://localhost.example", "http://xlocalhost",
		"ftp://127.0.0.1", "https:", "https:///path", "https://:443", "http://", "unix:///run/x", "https://x:port", "https://x\x7f", "https://u@x", "http://u@127.0.0.1"} {
		if got, err := endpoint(value); got != "" || err == nil {
			t.Errorf("%s: %q, %v", value, got, err)
		}
	}
}

func TestErrorsShowNoPasswordOfAURL(t *testing.T) {
	for _, value := range []string{"https://u:SECRET@x", "http://u:SECRET@x", "https://SECRET@x", "https://u:SECRET@x:port", "https://u:SECRET@x\x7f",
		"https://u:SECRET", "u:SECRET@x", "https:u:SECRET@x", "https:/u:SECRET@x", "https:///u:SECRET@x", "//u:SECRET@x", "/u:SECRET@x", "ftp://u:SECRET@x"} {
		getenv := env(map[string]string{"AWS_ENDPOINT_URL": value})
		_, err := new(Config).Endpoint("sso", nil, getenv)
		if err == nil || strings.Contains(err.Error(), "SECRET") {
			t.Errorf("endpoint %q: %v", value, err)
		}
		c := files(t, "[sso-session s]\nsso_region = eu-west-1\nsso_start_url = "+value, "")
		_, err = c.Session("s")
		if e, ok := errors.AsType[*ValueError](err); !ok || strings.Contains(err.Error()+e.Value, "SECRET") {
			t.Errorf("start URL %q: %v", value, err)
		}
		c = files(t, sessions+"[profile p]\n"+native+"sso_start_url = "+value, "")
		_, err = c.Profile("p", nil)
		if e, ok := errors.AsType[*ValueError](err); !ok || strings.Contains(err.Error()+e.Value, "SECRET") {
			t.Errorf("profile's start URL %q: %v", value, err)
		}
	}
}

func TestSettingsOfTheEnvironmentAndTheProfile(t *testing.T) {
	c := files(t, "[profile p]\nuse_fips_endpoint = TRUE\nuse_dualstack_endpoint = true\nca_bundle = /p.pem\nsdk_ua_app_id = papp\n[profile empty]\n", "")
	set := &Profile{Section: c.Profiles["p"]}
	empty := &Profile{Section: c.Profiles["empty"]}
	yes := map[string]string{"AWS_USE_FIPS_ENDPOINT": "true", "AWS_USE_DUALSTACK_ENDPOINT": "True", "AWS_CA_BUNDLE": "/e.pem", "AWS_SDK_UA_APP_ID": "eapp"}
	no := map[string]string{"AWS_USE_FIPS_ENDPOINT": "false", "AWS_USE_DUALSTACK_ENDPOINT": "FALSE"}
	tests := []struct {
		name      string
		profile   *Profile
		env       map[string]string
		fips      bool
		dualStack bool
		ca, app   string
	}{
		{"no profile", nil, nil, false, false, "", ""},
		{"neither", empty, nil, false, false, "", ""},
		{"profile", set, nil, true, true, "/p.pem", "papp"},
		{"environment", nil, yes, true, true, "/e.pem", "eapp"},
		{"environment before profile", set, yes, true, true, "/e.pem", "eapp"},
		{"false in the environment", set, no, false, false, "/p.pem", "papp"},
		{"FIPS only", nil, map[string]string{"AWS_USE_FIPS_ENDPOINT": "true"}, true, false, "", ""},
		{"dual-stack only", nil, map[string]string{"AWS_USE_DUALSTACK_ENDPOINT": "true"}, false, true, "", ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			getenv := env(tt.env)
			if fips, dualStack, err := tt.profile.Variants(getenv); fips != tt.fips || dualStack != tt.dualStack || err != nil {
				t.Errorf("FIPS: %t, dual-stack: %t, %v", fips, dualStack, err)
			}
			if got := tt.profile.CABundle(getenv); got != tt.ca {
				t.Errorf("CA bundle: %q", got)
			}
			if got := tt.profile.AppID(getenv); got != tt.app {
				t.Errorf("application ID: %q", got)
			}
		})
	}
}

func TestSwitchesAreTrueOrFalse(t *testing.T) {
	for _, value := range []string{"1", "yes", "on", "truee", " true"} {
		if got, _, err := (*Profile)(nil).Variants(env(map[string]string{"AWS_USE_FIPS_ENDPOINT": value})); got || err == nil {
			t.Errorf("%q: %t, %v", value, got, err)
		}
	}
	c := files(t, "[profile p]\nuse_dualstack_endpoint = 1", "")
	_, _, err := (&Profile{Section: c.Profiles["p"]}).Variants(env(nil))
	if e, ok := errors.AsType[*ValueError](err); !ok || e.Location != (Location{"config", 2}) || !isError(err, `config:2: [profile p]: use_dualstack_endpoint "1": must be true or false`) {
		t.Error(err)
	}
}
