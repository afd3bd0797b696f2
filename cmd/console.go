package cmd

import (
	"cmp"
	"context"
	"strings"
	"time"

	"github.com/credproc/credproc/cmd/internal/browser"
	"github.com/credproc/credproc/cmd/internal/console"
	"github.com/credproc/credproc/cmd/internal/endpoint"
	"github.com/credproc/credproc/cmd/internal/shell"
	"github.com/credproc/credproc/cmd/internal/terminal"
	"github.com/credproc/credproc/internal/awsapi"
	"github.com/credproc/credproc/oidc"
)

type consoleCommand struct {
	roleFlags
	Query       []string      `arg:"" optional:"" name:"profile" help:"A profile or, on a terminal, words that find a role."`
	Federate    bool          `xor:"way" help:"Sign the browser in with the role's credentials, through the federation endpoint instead of the access portal. Also works for role chains."`
	Portal      bool          `xor:"way" help:"Open the start page of the access portal."`
	Service     string        `placeholder:"NAME" help:"Open this service's page, such as s3 or ec2."`
	Region      string        `placeholder:"REGION" help:"Open the console in this region. Default: the profile's."`
	Destination string        `placeholder:"URL" help:"Open this page of the console: an https URL, or its path."`
	Duration    time.Duration `placeholder:"8h" help:"How long a console session of --federate lasts, 15m to 12h. Default: as long as the credentials."`
	Browser     string        `placeholder:"COMMAND" help:"Open the page with this command. {url}, {profile}, {account}, {role} and {session} are replaced; {url_encoded} and so on are encoded for a URL."`
	Print       bool          `help:"Print the URL instead of opening a browser. With --federate it is a secret for 15 minutes."`
}

// Run implements the command, for kong.
func (c *consoleCommand) Run(ctx context.Context, a *App) error {
	return a.do(ctx, a.term().Interactive(), c.run)
}

func (c *consoleCommand) run(ctx context.Context, r *run) error {
	if err := c.check(ctx, r); err != nil {
		return err
	}
	if c.Portal {
		c.Profile = cmp.Or(c.Profile, strings.Join(c.Query, " "))
		return c.startPage(r)
	}
	if t, found := r.activeTarget(); t != nil && c.roleFlags == (roleFlags{}) && len(c.Query) == 0 {
		c.roleFlags = roleFlags(found.Role)
	}
	if err := c.find(ctx, r, c.Query); err != nil {
		return err
	}
	t, err := c.target(r)
	if err != nil {
		return err
	}
	if c.Federate {
		return t.wrap(c.federate(ctx, r, t))
	}
	return c.deepLink(r, t)
}

func (c *consoleCommand) check(ctx context.Context, r *run) error {
	switch {
	case c.Duration != 0 && !c.Federate:
		return r.usage("--duration is for --federate")
	case c.Duration != 0 && (c.Duration < 15*time.Minute || c.Duration > 12*time.Hour):
		return r.usage("--duration must be 15m to 12h")
	case c.Print:
		return r.inside.Refused(ctx, c.line(r, c.Query), r.files.Policy.CheckOutput("console --print"))
	}
	return nil
}

func (c *consoleCommand) startPage(r *run) error {
	if c.Service != "" || c.Destination != "" || c.Region != "" {
		return r.usage("--portal opens the start page, and no page of the console")
	}
	session := sessionFlags{SSOSession: c.SSOSession, Profile: c.Profile, SSOStartURL: c.SSOStartURL, SSORegion: c.SSORegion}
	t, err := session.target(r)
	if err != nil {
		return err
	}
	page, err := oidc.NormalizeStartURL(t.session.Config.StartURL)
	if err != nil {
		return err
	}
	return c.show(r, t, page)
}

// deepLink opens the console through the access portal: the URL has no
// credentials in it, and the browser signs in there.
//
// https://docs.aws.amazon.com/singlesignon/latest/userguide/createshortcutlink.html
func (c *consoleCommand) deepLink(r *run, t *target) error {
	if isChain(t.provider) {
		return &usageError{problem: "the access portal does not support role chains", hint: strings.Join(append([]string{r.name(), "console --federate"}, shell.Words(t.words)...), " ")}
	}
	destination := ""
	if c.Service != "" || c.Destination != "" || c.Region != "" { // else the permission set's relay state counts
		var err error
		if destination, _, err = c.destination(r, t); err != nil {
			return err
		}
	}
	page, err := console.PortalLink(t.session.Config.StartURL, t.provider.AccountID, t.provider.RoleName, destination)
	if err != nil {
		return err
	}
	return c.show(r, t, page)
}

// destination returns the page of the console that is meant, and the region.
func (c *consoleCommand) destination(r *run, t *target) (page, region string, err error) {
	getenv := getenvBefore(r.App)
	if _, found := r.activeTarget(); roleFlags(found.Role) == c.roleFlags {
		getenv = r.getenv // the region of this shell is that of the role
	}
	region = cmp.Or(c.Region, getenv("AWS_REGION"), getenv("AWS_DEFAULT_REGION"))
	if region == "" && c.SSOSession == "" && c.SSOStartURL == "" {
		region = r.files.Region(cmp.Or(c.Profile, r.files.DefaultProfile()))
	}
	region = cmp.Or(region, t.session.Config.Region)
	if err := awsapi.CheckRegion(region); err != nil {
		return "", "", err
	}
	page, err = console.Page(region, t.session.Config.Region, c.Service, c.Destination)
	return page, region, err
}

// show prints the page or opens it. It is no secret.
func (c *consoleCommand) show(r *run, t *target, page string) error {
	if c.Print {
		return r.PrintURL(page)
	}
	return c.open(r, t, page)
}

// open opens a page as sign-in does, or by a command of its own: in a container
// of Firefox, or a profile of Chromium, for each role.
func (c *consoleCommand) open(r *run, t *target, page string) (err error) {
	set, _ := r.files.Setting(t.session.Name, "console_browser")
	if template := cmp.Or(c.Browser, set); template == "" || r.Browser != nil {
		err = r.openIn(t.session, page)
	} else {
		err = opener(r.App).Start(c.fill(r, t, template, page))
	}
	if err != nil {
		return &browser.NotOpenedError{Err: err}
	}
	return nil
}

// fill replaces the placeholders of a template by what the page is about.
func (c *consoleCommand) fill(r *run, t *target, template, page string) []string {
	account, role := "", ""
	if p := t.provider; p != nil && !isChain(p) {
		account, role = p.AccountID, p.RoleName
	}
	profile := c.Profile
	if profile == "" && c.SSOSession == "" && c.SSOStartURL == "" {
		profile = r.files.DefaultProfile()
	}
	return browser.Fill(template, page, map[string]string{
		"session": t.session.Label(), "account": account, "role": role,
		"profile": cmp.Or(profile, strings.TrimPrefix(account+"-"+role, "-")),
	})
}

// federate opens the console with the role's credentials, instead of through the
// access portal.
func (c *consoleCommand) federate(ctx context.Context, r *run, t *target) error {
	destination, region, err := c.destination(r, t)
	if err != nil {
		return err
	}
	base, err := federationURL(r, t, region)
	if err != nil {
		return err
	}
	credentials, err := r.offering(ctx, t, true, t.provider.Retrieve)
	if err != nil {
		return err
	}
	f := &console.Federation{Base: base, Client: t.session.Config.HTTPClient, Credentials: credentials, Duration: c.Duration, Logger: r.config.Logger}
	if isChain(t.provider) && f.Duration != 0 {
		f.Duration = 0
		r.Say("--duration is left out: the console session of a chained role lasts as long as its credentials.")
	}
	token, err := c.token(ctx, r, f)
	if err != nil {
		return err
	}
	issuer, err := oidc.NormalizeStartURL(t.session.Config.StartURL)
	if err != nil {
		return err
	}
	return c.handOver(ctx, r, t, f.LoginURL(issuer, destination, token))
}

// federationURL is that of the service that signs a browser in.
func federationURL(r *run, t *target, region string) (string, error) {
	set := r.getenv("AWS_ENDPOINT_URL_SIGNIN") // the SDKs' name for the service
	if err := awsapi.CheckEndpoint(set); err != nil {
		return "", err
	}
	return strings.TrimRight(cmp.Or(set, "https://"+console.PartitionOf(region).FederationHost(region, t.session.Config.UseFIPS)), "/"), nil
}

// token gets what the browser signs in with, and says if it lasts less than was
// asked for.
func (c *consoleCommand) token(ctx context.Context, r *run, f *console.Federation) (string, error) {
	asked := f.Duration
	token, err := f.Token(ctx)
	if f.Duration != asked {
		r.Say("The role does not allow a console session of %s: it lasts as long as the credentials.", terminal.Short(asked))
	}
	return token, err
}

// handOver gets the URL to a browser, or prints it.
func (c *consoleCommand) handOver(ctx context.Context, r *run, t *target, login string) error {
	switch {
	case c.Print:
		return r.PrintURL(login)
	case r.Browser != nil:
		return r.Browser(login)
	}
	refused, err := endpoint.HandOver(ctx, login, func(page string) error { return c.open(r, t, page) })
	if refused != "" {
		r.Say("%s: warning: %s asked for the page and was refused.", r.name(), refused)
	}
	return err
}
