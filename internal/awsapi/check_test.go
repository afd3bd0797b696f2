package awsapi

import (
	"errors"
	"strings"
	"testing"
)

func TestCheckRegion(t *testing.T) {
	for _, region := range []string{"us-east-1", "eusc-de-east-1", "us-gov-west-1", "local"} {
		if err := CheckRegion(region); err != nil {
			t.Error(err)
		}
	}
	for _, region := range []string{"", "US-EAST-1", "us_east_1", "us-east-1.example.com", "us-east-1/", "us-east-1\r\nHost: x", "us-east-1@x", "ü", "-us-east-1", strings.Repeat("x", 64)} {
		isSetting(t, CheckRegion(region), "region", region)
	}
}

func TestCheckEndpoint(t *testing.T) {
	for _, endpoint := range []string{
		"", "https://oidc.example", "https://oidc.example:8443/base", "http://127.0.0.1:8080", "http://127.1.2.3",
		"http://[::1]:8080/", "http://localhost:8080", "http://LOCALHOST",
	} {
		if err := CheckEndpoint(endpoint); err != nil {
			t.Error(err)
		}
	}
	for _, endpoint := range []string{
		"oidc.example", "http://oidc.example", "http://10.0.0.1", "http://0.0.0.0", "http://127.0.0.1.example", "http://localhost.example",
		"ftp://127.0.0.1", "https:", "https:///path", "https://:443", "//127.0.0.1", "unix:///run/x",
	} {
		isSetting(t, CheckEndpoint(endpoint), "endpoint", endpoint)
	}
}

func TestCheckEndpointShowsNoPassword(t *testing.T) {
	for _, endpoint := range []string{"https://u:SECRET@x", "http://u:SECRET@x", "https://u:SECRET@x:port", "https://u:SECRET@x\x7f", "https://SECRET@x", "https://x?SECRET", "https://x#SECRET"} {
		err := CheckEndpoint(endpoint)
		if err == nil || strings.Contains(err.Error(), "SECRET") {
			t.Errorf("got %v", err)
		}
	}
}

func isSetting(t *testing.T, err error, setting, value string) {
	t.Helper()
	e, ok := errors.AsType[*SettingError](err)
	if !ok || e.Setting != setting || e.Value != value || e.Problem == "" {
		t.Errorf("%q: %v", value, err)
	}
}
