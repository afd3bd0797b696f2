package browser

import (
	"runtime"
	"slices"
	"testing"
)

func TestTheBrowserIsTheOneThatTheSystemOffers(t *testing.T) {
	const page = "https://x/?a=b"
	for _, tt := range []struct {
		env  map[string]string
		os   string // "" is any
		want []string
	}{
		{map[string]string{"BROWSER": "firefox --new-window"}, "", []string{"firefox", "--new-window", page}},
		{map[string]string{"BROWSER": "open-it {url} now", "DISPLAY": ":0"}, "", []string{"open-it", page, "now"}},
		{map[string]string{"BROWSER": "   ", "DISPLAY": ":0"}, "linux", []string{"xdg-open", page}},
		{map[string]string{"WAYLAND_DISPLAY": "wayland-0"}, "linux", []string{"xdg-open", page}},
		{map[string]string{"WSL_DISTRO_NAME": "Debian"}, "linux", []string{"rundll32.exe", "url.dll,FileProtocolHandler", page}},
		{nil, "linux", nil},
		{nil, "darwin", []string{"open", page}},
		{nil, "windows", []string{"rundll32", "url.dll,FileProtocolHandler", page}},
	} {
		if tt.os != "" && tt.os != runtime.GOOS {
			continue
		}
		o := &Opener{Getenv: func(name string) string { return tt.env[name] }}
		got, err := o.Command("", page)
		if !slices.Equal(got, tt.want) || (err == nil) != (tt.want != nil) {
			t.Errorf("%v: %q, %v, want %q", tt.env, got, err, tt.want)
		}
	}
}

func TestABrowserIsACommand(t *testing.T) {
	o := &Opener{Getenv: func(string) string { return "" }}
	for command, want := range map[string][]string{
		"firefox":                           {"firefox", "https://x/"},
		`"my browser" -P 'the corp' {url}`:  {"my browser", "-P", "the corp", "https://x/"},
		"open -a Chrome --args --app={url}": {"open", "-a", "Chrome", "--args", "--app=https://x/"},
		"w3m %s":                            {"w3m", "https://x/"},
		`cmd ''`:                            {"cmd", "", "https://x/"},
	} {
		got, err := o.Command(command, "https://x/")
		if err != nil || !slices.Equal(got, want) {
			t.Errorf("%s: %q, %v, want %q", command, got, err, want)
		}
	}
}

func TestThePageIsWhereTheCommandWantsIt(t *testing.T) {
	for _, tt := range []struct{ browser, want []string }{
		{[]string{"b"}, []string{"b", "P"}},
		{[]string{"b", "--url={url}", "x"}, []string{"b", "--url=P", "x"}},
		{[]string{"b", "%s"}, []string{"b", "P"}},
		{[]string{"b", "{url}", "%s"}, []string{"b", "P", "P"}},
	} {
		if got := withPage(tt.browser, "P"); !slices.Equal(got, tt.want) {
			t.Errorf("%q: %q, want %q", tt.browser, got, tt.want)
		}
	}
}

func TestABrowserThatFailsOpensNothing(t *testing.T) {
	o := &Opener{Getenv: func(string) string { return "" }}
	if err := o.Open("no-such-browser-anywhere {url}", "https://x/"); err == nil {
		t.Error("no error")
	}
}

func TestATemplateIsFilledWordByWord(t *testing.T) {
	values := map[string]string{"profile": "my dev; rm -rf /", "account": "111111111111", "role": "Admin", "session": "corp"}
	for template, want := range map[string][]string{
		"firefox ext+container:name={profile_encoded}&url={url_encoded}": {"firefox", "ext+container:name=my%20dev%3B%20rm%20-rf%20%2F&url=https%3A%2F%2Fx%2F%3Fa%3Db"},
		"chromium --profile-directory={account}-{role} {url}":            {"chromium", "--profile-directory=111111111111-Admin", "https://x/?a=b"},
		"open-it {session}": {"open-it", "corp", "https://x/?a=b"},
		"open-it {profile}": {"open-it", "my dev; rm -rf /", "https://x/?a=b"},
	} {
		if got := Fill(template, "https://x/?a=b", values); !slices.Equal(got, want) {
			t.Errorf("%s: %q, want %q", template, got, want)
		}
	}
}
