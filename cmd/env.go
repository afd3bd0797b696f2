package cmd

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
)

type envCommand struct {
	roleFlags
	lifeFlags
	Name   string `arg:"" optional:"" name:"profile" help:"A profile of ~/.aws/config, as --profile says it."`
	Format string `enum:"env,env-no-export,fish,powershell,windows-cmd,dotenv,process,json" default:"env" help:"What to print: ${enum}."`
	Unset  bool   `help:"Print what removes the variables again."`
	Force  bool   `help:"Print secrets to a terminal too."`
}

// Run implements the command, for kong.
func (c *envCommand) Run(ctx context.Context, a *App) error {
	print := formats[c.Format]
	if c.Unset {
		return a.printUnset(c.Format, print.unset)
	}
	if print.use != "" && isTerminal(a.stdout()) && !c.Force {
		return &usageError{problem: "the secrets would be shown on this terminal",
			more: "Use it so: " + prosef(print.use, a.name()) + "\nOr add --force."}
	}
	return a.do(ctx, a.onTerminal(), func(ctx context.Context, r *run) error {
		if err := c.name(&c.roleFlags, c.Name, r); err != nil {
			return err
		}
		if err := c.choose(ctx, r); err != nil {
			return err
		}
		credentials, err := c.retrieve(ctx, r, &c.roleFlags, false)
		if err != nil {
			return err
		}
		text, err := print.credentials(credentials)
		if err == nil {
			err = r.verbatim(text)
		}
		return err
	})
}

func (a *App) printUnset(format, unset string) error {
	if unset == "" {
		return &usageError{problem: "--unset is for the formats that a shell reads, which " + format + " is not"}
	}
	for _, v := range variables(aws.Credentials{SessionToken: "any", CanExpire: true}, "") {
		if err := a.verbatim(fmt.Sprintf(unset+"\n", v.name)); err != nil {
			return err
		}
	}
	return nil
}

// A format is a way to print credentials. Those of the AWS CLI's
// "configure export-credentials" are the same byte by byte.
type format struct {
	line  string                                // with the name and the value, quoted
	quote func(value string) (string, error)    // makes a value safe in line
	print func(c aws.Credentials) (any, string) // instead: a JSON value, and its indentation
	unset string                                // removes the name
	use   prose                                 // how a shell reads it, where nobody else does
}

var formats = map[string]format{
	"env":           {line: "export %s=%s", quote: quoteShell, unset: "unset %s", use: `eval "$(%s env …)"`},
	"env-no-export": {line: "%s=%s", quote: quoteShell, unset: "unset %s", use: `eval "$(%s env --format env-no-export …)"`},
	"fish":          {line: `set -gx %s "%s"`, quote: quoteFish, unset: "set -e %s", use: "%s env --format fish … | source"},
	"powershell": {line: `$Env:%s="%s"`, quote: quotePowerShell, unset: `Remove-Item Env:%s -ErrorAction SilentlyContinue`,
		use: "%s env --format powershell … | Out-String | Invoke-Expression"},
	"windows-cmd": {line: "set %s=%s", quote: quoteCmd, unset: "set %s=", use: `for /f "delims=" %%i in ('%s env --format windows-cmd …') do @%%i`},
	"dotenv":      {line: "%s=%s", quote: quoteDotenv},
	"process":     {print: cliDocument},
	"json":        {print: stsDocument},
}

func (f format) credentials(c aws.Credentials) (string, error) {
	if f.print != nil {
		value, indent := f.print(c)
		text, err := encoded(value, indent)
		return string(text), err
	}
	var text strings.Builder
	for _, v := range variables(c, "-07:00") {
		quoted, err := v.value, checkPrintable(v.value)
		if err == nil {
			quoted, err = f.quote(v.value)
		}
		if err != nil {
			return "", fmt.Errorf("%s cannot be printed so: %w", v.name, err)
		}
		fmt.Fprintf(&text, f.line+"\n", v.name, quoted)
	}
	return text.String(), nil
}

// unwritable is a value that a format cannot hold.
type unwritable string

func (e unwritable) Error() string { return string(e) }

// checkPrintable refuses what no credentials have, and no shell is sure to
// read as it is: anything but the printable characters of ASCII.
func checkPrintable(value string) error {
	if strings.ContainsFunc(value, func(r rune) bool { return r < ' ' || r > '~' }) {
		return unwritable("there is a character in it that is not printable ASCII")
	}
	return nil
}

// isPlain reports whether no shell changes the value.
func isPlain(value string) bool {
	return !strings.ContainsFunc(value, func(r rune) bool {
		return (r < '0' || r > '9') && (r < 'A' || r > 'Z') && (r < 'a' || r > 'z') && !strings.ContainsRune("+/=_.:-", r)
	})
}

func quoteShell(value string) (string, error) {
	if isPlain(value) {
		return value, nil
	}
	return "'" + strings.ReplaceAll(value, "'", `'\''`) + "'", nil
}

func quoteFish(value string) (string, error) {
	return strings.NewReplacer(`\`, `\\`, `$`, `\$`, `"`, `\"`).Replace(value), nil
}

func quotePowerShell(value string) (string, error) {
	return strings.NewReplacer("`", "``", `$`, "`$", `"`, "`\"").Replace(value), nil
}

func quoteCmd(value string) (string, error) {
	if strings.ContainsAny(value, `%^&|<>"!`) {
		return "", unwritable("cmd.exe has no way to quote one of its characters")
	}
	return value, nil
}

// quoteDotenv refuses what the programs that read such files disagree on.
func quoteDotenv(value string) (string, error) {
	if !isPlain(value) {
		return "", unwritable("the programs that read such files do not agree on how to quote it")
	}
	return value, nil
}

// cliDocument is the AWS CLI's: no account, and an offset in place of "Z".
func cliDocument(c aws.Credentials) (any, string) {
	return struct {
		Version         int
		AccessKeyID     string `json:"AccessKeyId"`
		SecretAccessKey string
		SessionToken    string `json:",omitempty"`
		Expiration      string `json:",omitempty"`
	}{1, c.AccessKeyID, c.SecretAccessKey, c.SessionToken, ifExpiring(c, "-07:00")}, "  "
}

// stsDocument is an answer of STS, as "aws sts assume-role" prints it.
func stsDocument(c aws.Credentials) (any, string) {
	type credentials struct {
		AccessKeyID     string `json:"AccessKeyId"`
		SecretAccessKey string
		SessionToken    string `json:",omitempty"`
		Expiration      string `json:",omitempty"`
	}
	return struct{ Credentials credentials }{
		credentials{c.AccessKeyID, c.SecretAccessKey, c.SessionToken, ifExpiring(c, "Z07:00")},
	}, "    "
}

func ifExpiring(c aws.Credentials, zone string) string {
	if !c.CanExpire {
		return ""
	}
	return expiration(c.Expires, zone)
}

// lifeFlags are for commands that hand out what they cannot renew.
type lifeFlags struct {
	MinValidity *time.Duration `placeholder:"30m" help:"Fetch credentials anew that are good for less. Default: half of the life of new ones."`
}
