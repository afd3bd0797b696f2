package cmd

import (
	"bytes"
	"errors"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/alecthomas/kong"

	"github.com/credproc/credproc/internal/sealed"
	"github.com/credproc/credproc/tokencache"
)

func TestBrowserCommand(t *testing.T) {
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
		app := &App{Getenv: func(name string) string { return tt.env[name] }}
		got, err := browserCommand(app, "", page)
		if !slices.Equal(got, tt.want) || (err == nil) != (tt.want != nil) {
			t.Errorf("%v: %q, %v, want %q", tt.env, got, err, tt.want)
		}
	}
}

func TestWithPage(t *testing.T) {
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

func TestHintsCanBeCopied(t *testing.T) {
	var stderr bytes.Buffer
	app := &App{Stderr: &stderr}
	err := &targetError{words: []string{"--profile", "O'Brien"}, err: &tokencache.SignInError{Session: "corp", Reason: "not signed in"}}
	if got := app.Report(err); got != 4 {
		t.Errorf("exit status %d", got)
	}
	const want = "credproc: sign-in required for session corp: not signed in\nhint: run \"credproc login --profile 'O'\\''Brien'\"\n"
	if stderr.String() != want {
		t.Errorf("%s, want %s", &stderr, want)
	}
}

func TestKnownNamesAreNotWithoutEnd(t *testing.T) {
	names := slices.Repeat([]string{"p"}, 400)
	got := string(known("profiles", names, t.TempDir()))
	if !strings.HasSuffix(got, "p and 380 more.") || len(got) > 120 {
		t.Errorf("%s", got)
	}
}

func TestARecordOfANewerReleaseIsNotReplaced(t *testing.T) {
	var stderr bytes.Buffer
	app := &App{Stderr: &stderr, Version: "v1.0.0"}
	status := app.Report(&tokencache.RecordError{What: "login", Session: "corp", Err: sealed.ErrNewer})
	if status != 1 || !strings.Contains(stderr.String(), "\nThis is credproc v1.0.0. Use the newer release, which wrote it.\n") || strings.Contains(stderr.String(), "hint") {
		t.Errorf("%d: %s", status, &stderr)
	}
}

func TestAnErrorThatNobodyKnowsIsAFailure(t *testing.T) {
	var stderr bytes.Buffer
	if status := (&App{Stderr: &stderr}).Report(errors.New("odd.")); status != 1 || stderr.String() != "credproc: odd\n" {
		t.Errorf("%d: %s", status, &stderr)
	}
	if status := (&App{Stderr: &stderr}).Report(nil); status != 0 {
		t.Errorf("no error: %d", status)
	}
}

func TestTheGrammarIsValidForEveryCommand(t *testing.T) {
	parser, err := kong.New(new(struct{ commands }), kong.Bind(new(App)))
	if err != nil {
		t.Fatal(err)
	}
	commands := parser.Model.Leaves(true)
	if len(commands) < 6 {
		t.Errorf("%d commands", len(commands))
	}
	for _, command := range commands {
		if command.Help == "" {
			t.Errorf("%s has no help", command.Path())
		}
		for _, flag := range command.Flags {
			if flag.Help == "" {
				t.Errorf("%s --%s has no help", command.Path(), flag.Name)
			}
		}
		var words []string
		for node := command; node.Type == kong.CommandNode; node = node.Parent {
			words = slices.Insert(words, 0, node.Name)
		}
		for _, argument := range command.Positional {
			if argument.Required {
				words = append(words, "x")
			}
		}
		if _, err := parser.Parse(words); err != nil {
			t.Errorf("%q: %v", words, err)
		}
	}
}
