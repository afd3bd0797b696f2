package signin

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
)

func TestAPastedAddressIsTheBrowsersAnswer(t *testing.T) {
	asked := 0
	callback := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked++
		if r.URL.Query().Get("state") != "right" {
			w.WriteHeader(http.StatusBadRequest)
		}
	}))
	defer callback.Close()
	back := callback.URL + "/oauth/callback"
	page := "https://oidc.us-east-1.amazonaws.com/authorize?redirect_uri=" + url.QueryEscape(back)
	for _, tt := range []struct{ pasted, problem string }{
		{back + "?code=c&state=right", ""},
		{back + "?code=c&state=wrong", "it is not the answer to this sign-in"},
		{back, "it does not start with " + back + "?"},
		{"hello", "it does not start with"},
		{page, "it does not start with"},
		{strings.Replace(back, "127.0.0.1", "localhost", 1) + "?code=c&state=right", "it does not start with"},
		{strings.Replace(back, "127.0.0.1", "evil.example", 1) + "?code=SECRET&state=right", "it does not start with"},
		{back + "/more?code=SECRET&state=right", "it does not start with"},
		{"http://[::1?code=SECRET", "it does not start with"},
	} {
		err := deliver(t.Context(), page, tt.pasted)
		if (err == nil) != (tt.problem == "") || err != nil && (!strings.Contains(err.Error(), tt.problem) || strings.Contains(err.Error(), "SECRET")) {
			t.Errorf("%s: %v, want %q", tt.pasted, err, tt.problem)
		}
	}
	if asked != 2 {
		t.Errorf("%d requests", asked)
	}
	callback.Close()
	if err := deliver(t.Context(), page, back+"?code=SECRET&state=right"); err == nil || strings.Contains(err.Error(), "SECRET") {
		t.Errorf("after the end: %v", err)
	}
}

func TestTheTunnelIsTheOneToUs(t *testing.T) {
	page := "https://x/authorize?redirect_uri=" + url.QueryEscape("http://127.0.0.1:40123/oauth/callback")
	for _, tt := range []struct {
		env  map[string]string
		want string
	}{
		{map[string]string{"SSH_CONNECTION": "198.51.100.7 5000 192.0.2.2 22", "USER": "zoe"}, "ssh -N -L 40123:127.0.0.1:40123 zoe@192.0.2.2"},
		{map[string]string{"SSH_CONNECTION": "2001:db8::7 5000 2001:db8::2 2222", "LOGNAME": "zoe"}, "ssh -N -L 40123:127.0.0.1:40123 zoe@2001:db8::2 -p 2222"},
		{map[string]string{"SSH_CONNECTION": "nonsense"}, ""},
		{nil, ""},
	} {
		if got := tunnel(func(name string) string { return tt.env[name] }, page); got != tt.want {
			t.Errorf("%v: %q, want %q", tt.env, got, tt.want)
		}
	}
}
