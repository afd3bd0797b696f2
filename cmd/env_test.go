package cmd

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
	"unicode/utf16"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/credproc/credproc/cmd/internal/child"
	"github.com/credproc/credproc/cmd/internal/shell"
)

// everyLetter is every printable character that credentials could have in them.
func everyLetter() string {
	var all strings.Builder
	for c := ' '; c <= '~'; c++ {
		all.WriteRune(c)
	}
	return all.String()
}

// odd are credentials that are hard to quote.
func odd() aws.Credentials {
	return aws.Credentials{
		AccessKeyID: everyLetter(), SecretAccessKey: `'"` + "`$(exit 1)`" + `\`, SessionToken: "-n " + everyLetter() + ` \\ $HOME !! '' `,
		CanExpire: true, Expires: time.Unix(1795600000, 0),
	}
}

// A shell that is not here is no failure: scripts/test sees to it that all are.
func TestShellsReadBackWhatIsPrintedForThem(t *testing.T) {
	want := odd()
	all := strings.Join([]string{want.AccessKeyID, want.SecretAccessKey, want.SessionToken, "2026-11-25T09:46:40+00:00"}, "\n") + "\n"
	show := `printf '%s\n' "$AWS_ACCESS_KEY_ID" "$AWS_SECRET_ACCESS_KEY" "$AWS_SESSION_TOKEN" "$AWS_CREDENTIAL_EXPIRATION"`
	ran := 0
	for _, tt := range []struct{ shell, format, use string }{
		{"sh", "env", `eval "$1"; env | grep -c '^AWS_' >/dev/null && ` + show},
		{"sh", "env-no-export", `eval "$1"; ` + show},
		{"dash", "env", `eval "$1"; ` + show},
		{"bash", "env", `eval "$1"; ` + show},
		{"bash", "env", `. /dev/stdin <<< "$1"; ` + show},
		{"zsh", "env", `eval "$1"; ` + show},
		{"fish", "fish", `echo -n $argv[2] | source; ` + show},
		{"fish", "fish", `eval $argv[2]; ` + show},
	} {
		path, err := exec.LookPath(tt.shell)
		if err != nil {
			t.Logf("no %s here", tt.shell)
			continue
		}
		text, err := shell.Formats[tt.format].Text(want)
		if err != nil {
			t.Fatal(err)
		}
		c := exec.Command(path, "-c", tt.use, tt.shell, text)
		if tt.shell == "fish" {
			c.Env = append(c.Environ(), "HOME="+t.TempDir())
		}
		out, err := c.CombinedOutput()
		if err != nil || string(out) != all {
			t.Errorf("%s reads\n%s%v, want\n%s", tt.shell, out, err, all)
		}
		ran++
	}
	if ran < 2 {
		t.Errorf("no shell was tried")
	}
}

// unquotePowerShell reads a string in double quotes by the rules of PowerShell:
// a backtick takes the meaning of the next character, "" is a quote, and $
// starts a variable or an expression.
//
// https://learn.microsoft.com/powershell/module/microsoft.powershell.core/about/about_quoting_rules
func unquotePowerShell(text string) (value string, err error) {
	text, quoted := strings.CutPrefix(text, `"`)
	if !quoted {
		return "", errors.New("no quote")
	}
	var out strings.Builder
	var units []uint16
	for i := 0; i < len(text); i++ {
		switch c := text[i]; {
		case strings.HasPrefix(text[i:], "$([char]0x"): // an expression that is one character of UTF-16
			hex, _, _ := strings.Cut(text[i+len("$([char]0x"):], ")")
			unit, err := strconv.ParseUint(hex, 16, 16)
			if err != nil || len(hex) != 4 {
				return "", errors.New("not a character")
			}
			units = append(units, uint16(unit))
			i += len("$([char]0x0000)") - 1
			if !strings.HasPrefix(text[i+1:], "$([char]") {
				out.WriteString(string(utf16.Decode(units)))
				units = nil
			}
		case c == '`' && i+1 < len(text) && !strings.ContainsRune("0abefnrtuv", rune(text[i+1])):
			i++
			out.WriteByte(text[i])
		case c == '`' || c == '$':
			return "", errors.New("it is not literal")
		case c == '"' && i+1 < len(text):
			return "", errors.New("it ends too early")
		case c == '"':
			return out.String(), nil
		default:
			out.WriteByte(c)
		}
	}
	return "", errors.New("it does not end")
}

func TestPowerShellReadsBackWhatIsPrintedForIt(t *testing.T) {
	text, err := shell.Formats["powershell"].Text(odd())
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for line := range strings.Lines(text) {
		_, value, _ := strings.Cut(strings.TrimSuffix(line, "\n"), "=")
		value, err := unquotePowerShell(value)
		if err != nil {
			t.Errorf("%s: %v", line, err)
		}
		got = append(got, value)
	}
	want := []string{odd().AccessKeyID, odd().SecretAccessKey, odd().SessionToken, "2026-11-25T09:46:40+00:00"}
	if !slices.Equal(got, want) {
		t.Errorf("it reads %q\nwant %q", got, want)
	}
}

// oddNames are names of profiles that are hard to quote, and what AWS does not
// have in credentials so far.
var oddNames = []string{
	everyLetter(), "=ls", "it's", `"`, `\`, `a\`, `\\'\"`, "$(exit 1)", "`exit 1`", "${HOME}", "!!", "-n", "a b", " a ", "~", "*", "a;exit 1",
	"\u672c\u756a", "gr\u00f6\u00dfe", "\u201cquotes\u201d \u2018and\u2019", "\U0001f511", "%PATH%", "^", "a&b|c<d>e", "(a)", "#", "{a,b}", "[a]",
}

func printed(t *testing.T, shell string, steps ...child.Setting) (text, said string) {
	t.Helper()
	var out, complaint strings.Builder
	a := &App{Stdout: &out, Stderr: &complaint}
	if err := printSteps(a, shell, child.Change{Settings: steps}); err != nil {
		t.Fatal(err)
	}
	return out.String(), complaint.String()
}

func TestShellsReadBackTheWholeChange(t *testing.T) {
	var steps []child.Setting
	var want strings.Builder
	for i, name := range oddNames {
		steps = append(steps, child.Setting{Name: fmt.Sprintf("ODD%d", i), Value: name})
		want.WriteString(fmt.Sprintf("ODD%d=%s\x00", i, name))
	}
	steps = append(steps, child.Setting{Name: "GONE", Value: ""}, child.Setting{Name: "NEVER", Value: ""})
	for _, tt := range []struct{ program, shell, use string }{
		{"sh", "sh", `set -eu; eval "$1"; env -0`}, {"dash", "sh", `set -eu; eval "$1"; env -0`},
		{"bash", "sh", `set -eu; eval "$1"; env -0`}, {"zsh", "sh", `set -eu; eval "$1"; env -0`},
		{"fish", "fish", `echo -n $argv[2] | source; and env -0`},
	} {
		path, err := exec.LookPath(tt.program)
		if err != nil {
			t.Logf("no %s here", tt.program)
			continue
		}
		text, said := printed(t, tt.shell, steps...)
		c := exec.Command(path, "-c", tt.use, tt.program, text)
		c.Env = []string{"GONE=here", "HOME=" + t.TempDir(), "PATH=" + os.Getenv("PATH")}
		var stderr strings.Builder
		c.Stderr = &stderr
		out, err := c.Output()
		var got strings.Builder
		for setting := range strings.SplitAfterSeq(string(out), "\x00") {
			if strings.HasPrefix(setting, "ODD") || strings.HasPrefix(setting, "GONE") {
				got.WriteString(setting)
			}
		}
		if err != nil || sorted(got.String()) != sorted(want.String()) || stderr.String()+said != "" {
			t.Errorf("%s: %v %s%s\nreads %q\nwant  %q", tt.program, err, &stderr, said, sorted(got.String()), sorted(want.String()))
		}
	}
}

func sorted(environ string) string {
	all := strings.SplitAfter(environ, "\x00")
	slices.Sort(all)
	return strings.Join(all, "")
}

func TestPowerShellReadsBackTheWholeChange(t *testing.T) {
	for _, name := range oddNames {
		text, said := printed(t, "powershell", child.Setting{Name: "ODD", Value: name}, child.Setting{Name: "GONE", Value: ""})
		removed, set, _ := strings.Cut(text, "\n")
		quoted, ok := strings.CutPrefix(strings.TrimSuffix(set, "\n"), "$Env:ODD=")
		if got, err := unquotePowerShell(quoted); err != nil || got != name || !ok || said != "" || strings.ContainsFunc(set, func(r rune) bool { return r > '~' }) {
			t.Errorf("%q is read as %q, %v, from %s", name, got, err, set)
		}
		if removed != "Remove-Item Env:GONE -ErrorAction SilentlyContinue" {
			t.Errorf("%s", removed)
		}
	}
}

// In quotes, cmd.exe leaves all as it is but these characters.
func TestWhatCmdCannotHoldIsLeftOutAndSaid(t *testing.T) {
	for _, name := range oddNames {
		bad := strings.ContainsAny(name, "%!\"") || strings.ContainsFunc(name, func(r rune) bool { return r > '~' })
		text, said := printed(t, "cmd", child.Setting{Name: "CREDPROC_ACTIVE_PROFILE", Value: name})
		want := `set "CREDPROC_ACTIVE_PROFILE=` + name + "\"\n"
		if bad {
			want = `set "CREDPROC_ACTIVE_PROFILE="` + "\n"
		}
		if text != want || bad != strings.HasPrefix(said, "credproc: warning: CREDPROC_ACTIVE_PROFILE is not set, ") {
			t.Errorf("%q: %s%s", name, text, said)
		}
	}
}

// A wrong value of these would be another identity.
func TestCredentialsThatAShellCannotHoldAreAnError(t *testing.T) {
	for shell := range shell.Shells {
		for _, name := range []string{"AWS_SESSION_TOKEN", child.EndpointURL} {
			var out strings.Builder
			err := printSteps(&App{Stdout: &out}, shell, child.Change{Settings: []child.Setting{{Name: "AWS_ACCESS_KEY_ID", Value: "a"}, {Name: name, Value: "a\nb"}}})
			if err == nil || out.String() != "" || !strings.HasPrefix(err.Error(), name+" cannot be printed for "+shell+": ") {
				t.Errorf("%s: %v, %s", shell, err, &out)
			}
		}
	}
}
