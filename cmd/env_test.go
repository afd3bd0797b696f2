package cmd

import (
	"errors"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
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
		text, err := formats[tt.format].credentials(want)
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
// begins a variable or an expression.
//
// https://learn.microsoft.com/powershell/module/microsoft.powershell.core/about/about_quoting_rules
func unquotePowerShell(text string) (value string, err error) {
	text, quoted := strings.CutPrefix(text, `"`)
	if !quoted {
		return "", errors.New("no quote")
	}
	var out strings.Builder
	for i := 0; i < len(text); i++ {
		switch c := text[i]; {
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
	text, err := formats["powershell"].credentials(odd())
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

// Values as AWS has them are printed as the AWS CLI prints them.
func TestFormatsAreThoseOfTheAWSCLI(t *testing.T) {
	plain := aws.Credentials{AccessKeyID: "ASIAX", SecretAccessKey: "a/b+c", SessionToken: "t==", CanExpire: true, Expires: time.Unix(1795600000, 0), AccountID: "111111111111"}
	lasting := aws.Credentials{AccessKeyID: "AKIAX", SecretAccessKey: "s"}
	for _, tt := range []struct {
		format string
		c      aws.Credentials
		want   string
	}{
		{"env", plain, "export AWS_ACCESS_KEY_ID=ASIAX\nexport AWS_SECRET_ACCESS_KEY=a/b+c\nexport AWS_SESSION_TOKEN=t==\nexport AWS_CREDENTIAL_EXPIRATION=2026-11-25T09:46:40+00:00\n"},
		{"env", lasting, "export AWS_ACCESS_KEY_ID=AKIAX\nexport AWS_SECRET_ACCESS_KEY=s\n"},
		{"env-no-export", lasting, "AWS_ACCESS_KEY_ID=AKIAX\nAWS_SECRET_ACCESS_KEY=s\n"},
		{"dotenv", lasting, "AWS_ACCESS_KEY_ID=AKIAX\nAWS_SECRET_ACCESS_KEY=s\n"},
		{"fish", lasting, "set -gx AWS_ACCESS_KEY_ID \"AKIAX\"\nset -gx AWS_SECRET_ACCESS_KEY \"s\"\n"},
		{"powershell", lasting, "$Env:AWS_ACCESS_KEY_ID=\"AKIAX\"\n$Env:AWS_SECRET_ACCESS_KEY=\"s\"\n"},
		{"windows-cmd", lasting, "set AWS_ACCESS_KEY_ID=AKIAX\nset AWS_SECRET_ACCESS_KEY=s\n"},
		{"process", lasting, "{\n  \"Version\": 1,\n  \"AccessKeyId\": \"AKIAX\",\n  \"SecretAccessKey\": \"s\"\n}\n"},
		{"process", plain, "{\n  \"Version\": 1,\n  \"AccessKeyId\": \"ASIAX\",\n  \"SecretAccessKey\": \"a/b+c\",\n  \"SessionToken\": \"t==\",\n  \"Expiration\": \"2026-11-25T09:46:40+00:00\"\n}\n"},
		{"json", plain, "{\n    \"Credentials\": {\n        \"AccessKeyId\": \"ASIAX\",\n        \"SecretAccessKey\": \"a/b+c\",\n        \"SessionToken\": \"t==\",\n        \"Expiration\": \"2026-11-25T09:46:40Z\"\n    }\n}\n"},
	} {
		if got, err := formats[tt.format].credentials(tt.c); err != nil || got != tt.want {
			t.Errorf("%s: %v\n%s\nwant\n%s", tt.format, err, got, tt.want)
		}
	}
}

func TestWhatAFormatCannotHoldIsRefused(t *testing.T) {
	for name, format := range formats {
		if format.print != nil {
			continue // JSON holds everything
		}
		for c := range rune(0x180) {
			bad := c < ' ' || c > '~'
			switch name {
			case "windows-cmd":
				bad = bad || strings.ContainsRune(`%^&|<>"!`, c)
			case "dotenv":
				bad = bad || !isPlain(string(c))
			}
			text, err := format.credentials(aws.Credentials{AccessKeyID: "a", SecretAccessKey: "a" + string(c) + "a"})
			if (err != nil) != bad || err != nil && text != "" {
				t.Errorf("%s, %q: %v", name, c, err)
			}
			if err != nil && !strings.HasPrefix(err.Error(), "AWS_SECRET_ACCESS_KEY cannot be printed so: ") {
				t.Errorf("%v", err)
			}
		}
	}
}
