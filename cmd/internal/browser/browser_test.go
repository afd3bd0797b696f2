package browser

import (
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"testing"

	"github.com/credproc/credproc/internal/wsl"
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
		{map[string]string{"WSL_DISTRO_NAME": "Debian"}, "linux", nil}, // nothing of Windows is here
		{map[string]string{"WSL_DISTRO_NAME": "Debian", "DISPLAY": ":0"}, "linux", []string{"xdg-open", page}},
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

func TestFromWSLWindowsOpensThePage(t *testing.T) {
	if runtime.GOOS != "linux" {
		return // is none
	}
	const page = "https://x/?a=b&c=d"
	root, bin := t.TempDir(), t.TempDir()
	mounted := filepath.Join(root, "drives/c/Windows/System32/rundll32.exe")
	for path, text := range map[string]string{mounted: "MZ", filepath.Join(root, "etc/wsl.conf"): "[automount]\nroot = /drives\n"} {
		if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o700), os.WriteFile(path, []byte(text), 0o700)); err != nil {
			t.Fatal(err)
		}
	}
	t.Setenv("PATH", bin)
	windows := wsl.System{Getenv: func(string) string { return "set" }, Root: root}
	if got := windowsCommand(windows, page); !slices.Equal(got, []string{mounted, "url.dll,FileProtocolHandler", page}) {
		t.Errorf("without PATH: %q", got)
	}
	inPATH := filepath.Join(bin, "wslview")
	if err := os.WriteFile(inPATH, []byte("#!/bin/sh\n"), 0o700); err != nil {
		t.Fatal(err)
	}
	if got := windowsCommand(windows, page); !slices.Equal(got, []string{"wslview", page}) {
		t.Errorf("with wslview: %q", got)
	}
	elsewhere := wsl.System{Getenv: func(string) string { return "" }, Root: root}
	if got := windowsCommand(elsewhere, page); got != nil {
		t.Errorf("outside of WSL: %q", got)
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
