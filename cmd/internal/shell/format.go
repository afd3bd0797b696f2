package shell

import (
	"fmt"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/credproc/credproc/cmd/internal/child"
	"github.com/credproc/credproc/cmd/internal/terminal"
)

// A Format is a way to print credentials. Those of the AWS CLI's
// "configure export-credentials" are the same byte by byte.
type Format struct {
	line  string                                // with the name and the value, quoted
	quote func(value string) (string, error)    // makes a value safe in line
	print func(c aws.Credentials) (any, string) // instead: a JSON value, and its indentation
	unset string                                // removes the name
	// Use is how a shell reads it, with the name of the program; "" if programs do.
	Use terminal.Prose
}

// Formats are the formats by name.
var Formats = map[string]Format{
	"env":           {line: "export %s=%s", quote: QuoteSh, unset: "unset %s", Use: `eval "$(%s env --format env …)"`},
	"env-no-export": {line: "%s=%s", quote: QuoteSh, unset: "unset %s", Use: `eval "$(%s env --format env-no-export …)"`},
	"fish":          {line: `set -gx %s "%s"`, quote: QuoteFish, unset: "set -e %s", Use: "%s env --format fish … | source"},
	"powershell": {line: `$Env:%s="%s"`, quote: QuotePowerShell, unset: `Remove-Item Env:%s -ErrorAction SilentlyContinue`,
		Use: "%s env --format powershell … | Out-String | Invoke-Expression"},
	"windows-cmd": {line: "set %s=%s", quote: QuoteCmd, unset: "set %s=", Use: `for /f "delims=" %%i in ('%s env --format windows-cmd …') do @%%i`},
	"dotenv":      {line: "%s=%s", quote: QuoteDotenv},
	"process":     {print: cliDocument},
	"json":        {print: stsDocument},
}

// Removal returns what removes the variables that a shell has read. ok is false if no
// shell reads the format.
func (f Format) Removal() (text string, ok bool) {
	if f.unset == "" {
		return "", false
	}
	for _, v := range child.Variables(aws.Credentials{SessionToken: "any", CanExpire: true}, "") {
		text += fmt.Sprintf(f.unset+"\n", v.Name)
	}
	return text, true
}

// Text returns credentials in the format.
func (f Format) Text(c aws.Credentials) (string, error) {
	if f.print != nil {
		value, indent := f.print(c)
		text, err := terminal.EncodeJSON(value, indent)
		return string(text), err
	}
	var text strings.Builder
	for _, v := range child.Variables(c, "-07:00") {
		quoted, err := v.Value, CheckPrintable(v.Value)
		if err == nil {
			quoted, err = f.quote(v.Value)
		}
		if err != nil {
			return "", fmt.Errorf("%s cannot be printed in this format: %w", v.Name, err)
		}
		fmt.Fprintf(&text, f.line+"\n", v.Name, quoted)
	}
	return text.String(), nil
}

// cliDocument is the AWS CLI's: no account, and an offset in place of "Z".
func cliDocument(c aws.Credentials) (any, string) {
	return struct {
		Version int
		document
	}{1, documentOf(c, "-07:00")}, "  "
}

// stsDocument is an answer of STS, as "aws sts assume-role" prints it.
func stsDocument(c aws.Credentials) (any, string) {
	return struct{ Credentials document }{documentOf(c, "Z07:00")}, "    "
}

// document is what both have of the credentials.
type document struct {
	AccessKeyID     string `json:"AccessKeyId"`
	SecretAccessKey string
	SessionToken    string `json:",omitempty"`
	Expiration      string `json:",omitempty"`
}

func documentOf(c aws.Credentials, zone string) document {
	d := document{AccessKeyID: c.AccessKeyID, SecretAccessKey: c.SecretAccessKey, SessionToken: c.SessionToken}
	if c.CanExpire {
		d.Expiration = child.Expiration(c.Expires, zone)
	}
	return d
}
