package shell

import (
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
)

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
		if got, err := Formats[tt.format].Text(tt.c); err != nil || got != tt.want {
			t.Errorf("%s: %v\n%s\nwant\n%s", tt.format, err, got, tt.want)
		}
	}
}

func TestWhatAFormatCannotHoldIsRefused(t *testing.T) {
	for name, format := range Formats {
		if format.print != nil {
			continue // JSON holds everything
		}
		for c := range rune(0x180) {
			bad := c < ' ' || c > '~'
			switch name {
			case "windows-cmd":
				bad = bad || strings.ContainsRune(`%^&|<>"!`, c)
			case "dotenv":
				bad = bad || !IsPlain(string(c))
			}
			text, err := format.Text(aws.Credentials{AccessKeyID: "a", SecretAccessKey: "a" + string(c) + "a"})
			if (err != nil) != bad || err != nil && text != "" {
				t.Errorf("%s, %q: %v", name, c, err)
			}
			if err != nil && !strings.HasPrefix(err.Error(), "AWS_SECRET_ACCESS_KEY cannot be printed in this format: ") {
				t.Errorf("%v", err)
			}
		}
	}
}

func TestAFormatThatAShellReadsCanBeTakenBack(t *testing.T) {
	for name, format := range Formats {
		text, ok := format.Removal()
		if ok != (name != "process" && name != "json" && name != "dotenv") || ok != strings.Contains(text, "AWS_SESSION_TOKEN") {
			t.Errorf("%s: %t, %q", name, ok, text)
		}
	}
}
