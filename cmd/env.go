package cmd

import (
	"cmp"
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/credproc/credproc/cmd/internal/child"
	"github.com/credproc/credproc/cmd/internal/shell"
	"github.com/credproc/credproc/cmd/internal/terminal"
)

type envCommand struct {
	grantFlags
	lifeFlags
	Query  []string `arg:"" optional:"" name:"profile" help:"Same as --profile, or on a terminal words that find the role."`
	Shell  string   `enum:",sh,fish,powershell,cmd" default:"" placeholder:"SHELL" help:"Print commands that make this shell use the role, and unset variables that conflict: sh (the default), fish, powershell or cmd."`
	Format string   `enum:",env,env-no-export,fish,powershell,windows-cmd,dotenv,process,json" default:"" placeholder:"FORMAT" help:"Print only the credentials: env, env-no-export, fish, powershell, windows-cmd and process as the AWS CLI prints them, or dotenv, json."`
	Unset  bool     `help:"Print commands that undo it."`
	Force  bool     `help:"Print secrets even to a terminal."`
}

// Run implements the command, for kong.
func (c *envCommand) Run(ctx context.Context, a *App) error {
	if c.Shell != "" && c.Format != "" {
		return &usageError{problem: "--shell prints a change of the shell, and --format the credentials alone: choose one"}
	}
	if c.Format != "" && (c.Region != "" || c.Metadata) {
		return &usageError{problem: "--format prints the credentials alone: --region and --metadata are for a shell"}
	}
	c.Shell = cmp.Or(c.Shell, "sh")
	if c.Unset && c.Format != "" {
		return printUnset(a, c.Format)
	}
	if c.Unset {
		return printSteps(a, c.Shell, own(a).StepsBack(inherited(a)))
	}
	use := shell.Shells[c.Shell].Use
	if c.Format != "" {
		use = formats[c.Format].use
	}
	if use != "" && terminal.Is(a.term().OutWriter()) && !c.Force {
		return &usageError{problem: "the secrets would be shown on this terminal",
			more: "Use it so: " + terminal.Prosef(use, a.name()) + "\nOr add --force."}
	}
	return a.do(ctx, a.term().Interactive(), func(ctx context.Context, r *run) error {
		if err := c.check(r); err != nil {
			return err
		}
		if err := c.find(ctx, r, c.Query); err != nil {
			return err
		}
		credentials, err := c.retrieve(ctx, r, &c.roleFlags, false)
		if err != nil {
			return err
		}
		before := inherited(a)
		g := c.grant(r, own(a).Without(before))
		g.Keys(credentials)
		after := own(a).With(before, g)
		if c.Format == "" {
			return printSteps(a, c.Shell, own(a).Steps(before, after))
		}
		text, err := formats[c.Format].credentials(credentials)
		if err != nil {
			return err
		}
		if names := child.Conflicts(before, after, g.Role.Profile); names != nil && use != "" {
			a.term().Say("%s: warning: these variables are set and override or conflict with the credentials: %s. Without --format, env changes them too.",
				a.name(), strings.Join(names, ", "))
		}
		return r.Verbatim(text)
	})
}

// printUnset prints what removes the variables of a format.
func printUnset(a *App, format string) error {
	unset := formats[format].unset
	if unset == "" {
		return &usageError{problem: "--unset is for the formats that a shell reads, which " + format + " is not"}
	}
	for _, v := range child.Variables(aws.Credentials{SessionToken: "any", CanExpire: true}, "") {
		if err := a.term().Verbatim(fmt.Sprintf(unset+"\n", v.Name)); err != nil {
			return err
		}
	}
	return nil
}

// printSteps prints what a shell has to do. A value that cannot be written for
// it is an error if it belongs to the credentials; any other is left out.
func printSteps(a *App, name string, steps []child.Setting) error {
	sh := shell.Shells[name]
	var removed []string
	var sets strings.Builder
	for _, s := range steps {
		quoted, err := sh.Quoted(s.Value)
		switch {
		case s.Value != "" && err == nil:
			fmt.Fprintf(&sets, sh.Line+"\n", s.Name, quoted)
			continue
		case err != nil && (child.IsSecret(s.Name) || s.Name == child.EndpointURL):
			return fmt.Errorf("%s cannot be printed for %s: %w", s.Name, name, err)
		case err != nil:
			a.term().Say("%s: warning: %s is not set, since its value cannot be printed for %s: %v", a.name(), s.Name, name, err)
		}
		removed = append(removed, s.Name)
	}
	return a.term().Verbatim(sh.Unset(removed) + sets.String())
}

// A format is a way to print credentials. Those of the AWS CLI's
// "configure export-credentials" are the same byte by byte.
type format struct {
	line  string                                // with the name and the value, quoted
	quote func(value string) (string, error)    // makes a value safe in line
	print func(c aws.Credentials) (any, string) // instead: a JSON value, and its indentation
	unset string                                // removes the name
	use   terminal.Prose                        // how a shell reads it, where nobody else does
}

var formats = map[string]format{
	"env":           {line: "export %s=%s", quote: shell.QuoteSh, unset: "unset %s", use: `eval "$(%s env --format env …)"`},
	"env-no-export": {line: "%s=%s", quote: shell.QuoteSh, unset: "unset %s", use: `eval "$(%s env --format env-no-export …)"`},
	"fish":          {line: `set -gx %s "%s"`, quote: shell.QuoteFish, unset: "set -e %s", use: "%s env --format fish … | source"},
	"powershell": {line: `$Env:%s="%s"`, quote: shell.QuotePowerShell, unset: `Remove-Item Env:%s -ErrorAction SilentlyContinue`,
		use: "%s env --format powershell … | Out-String | Invoke-Expression"},
	"windows-cmd": {line: "set %s=%s", quote: shell.QuoteCmd, unset: "set %s=", use: `for /f "delims=" %%i in ('%s env --format windows-cmd …') do @%%i`},
	"dotenv":      {line: "%s=%s", quote: shell.QuoteDotenv},
	"process":     {print: cliDocument},
	"json":        {print: stsDocument},
}

func (f format) credentials(c aws.Credentials) (string, error) {
	if f.print != nil {
		value, indent := f.print(c)
		text, err := terminal.EncodeJSON(value, indent)
		return string(text), err
	}
	var text strings.Builder
	for _, v := range child.Variables(c, "-07:00") {
		quoted, err := v.Value, shell.CheckPrintable(v.Value)
		if err == nil {
			quoted, err = f.quote(v.Value)
		}
		if err != nil {
			return "", fmt.Errorf("%s cannot be printed so: %w", v.Name, err)
		}
		fmt.Fprintf(&text, f.line+"\n", v.Name, quoted)
	}
	return text.String(), nil
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
	return child.Expiration(c.Expires, zone)
}

// lifeFlags are for commands that hand out what they cannot renew.
type lifeFlags struct {
	MinValidity *time.Duration `placeholder:"30m" help:"Fetch new credentials if the cached ones expire sooner than this. Default: half the lifetime of new ones."`
}
