package cmd

import (
	"cmp"
	"context"
	"fmt"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/credproc/credproc/cmd/internal/shell"
	"github.com/credproc/credproc/credproc"
	"github.com/credproc/credproc/internal/awsapi"
	"github.com/credproc/credproc/internal/awsconfig"
	"github.com/credproc/credproc/oidc"
)

type consoleCommand struct {
	roleFlags
	ProfileArg  string        `arg:"" optional:"" name:"profile" help:"The profile whose role to use. Default: AWS_PROFILE, AWS_DEFAULT_PROFILE, or default."`
	Federate    bool          `xor:"way" help:"Sign the browser in with the role's credentials, through the federation endpoint, instead of through the access portal. Also works for role chains."`
	Portal      bool          `xor:"way" help:"Open the start page of the access portal."`
	Service     string        `placeholder:"NAME" help:"Open this service's page: s3, ec2, cloudformation, …"`
	Region      string        `placeholder:"REGION" help:"Open the console in this region. Default: the profile's."`
	Destination string        `placeholder:"URL" help:"Open this page of the console: an https URL, or the path of one."`
	Duration    time.Duration `placeholder:"8h" help:"With --federate: how long the console session lasts, 15m to 12h. Default: as long as the credentials."`
	Browser     string        `placeholder:"COMMAND" help:"Open the page with this command. {url} stands for the page, and {profile}, {account}, {role} and {session} for what it is about; {url_encoded} and so on for the same inside of a URL."`
	Print       bool          `help:"Print the URL and open no browser. With --federate it is a secret, good for a quarter of an hour."`
}

// Run implements the command, for kong.
func (c *consoleCommand) Run(ctx context.Context, a *App) error {
	return a.do(ctx, a.term().Interactive(), func(ctx context.Context, r *run) error {
		if c.ProfileArg != "" && c.Profile != "" {
			return r.usage("name a profile or --profile, not both")
		}
		c.Profile = cmp.Or(c.ProfileArg, c.Profile)
		if c.Duration != 0 && !c.Federate {
			return r.usage("--duration is for --federate")
		}
		if c.Duration != 0 && (c.Duration < 15*time.Minute || c.Duration > 12*time.Hour) {
			return r.usage("--duration must be 15m to 12h")
		}
		if c.Portal {
			return c.startPage(r)
		}
		if t, found := r.activeTarget(); t != nil && c.roleFlags == (roleFlags{}) {
			c.roleFlags = roleFlags(found.Role)
		}
		if err := c.choose(ctx, r); err != nil {
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
	})
}

func (c *consoleCommand) startPage(r *run) error {
	if c.Service != "" || c.Destination != "" || c.Region != "" {
		return r.usage("--portal opens the start page: name nothing in the console")
	}
	session := sessionFlags{Session: c.SSOSession, Profile: c.Profile, SSOStartURL: c.SSOStartURL, SSORegion: c.SSORegion}
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

// deepLink opens the console by way of the access portal: no credentials are
// in the URL, and whoever opens it signs in there.
//
// https://docs.aws.amazon.com/singlesignon/latest/userguide/createshortcutlink.html
func (c *consoleCommand) deepLink(r *run, t *target) error {
	role, ok := t.provider.(*credproc.Provider)
	if !ok {
		return &usageError{problem: "the access portal knows no role chains", hint: strings.Join(append([]string{r.name(), "console --federate"}, shell.Words(t.words)...), " ")}
	}
	destination := ""
	if c.Service != "" || c.Destination != "" || c.Region != "" { // else the permission set's relay state counts
		var err error
		if destination, _, err = c.destination(r, t); err != nil {
			return err
		}
	}
	page, err := portalLink(t.session.Config.StartURL, role.AccountID, role.RoleName, destination)
	if err != nil {
		return err
	}
	return c.show(r, t, page)
}

func portalLink(startURL, account, role, destination string) (string, error) {
	start, err := oidc.NormalizeStartURL(startURL)
	if err != nil {
		return "", err
	}
	link := start + "/#/console?account_id=" + escape(account) + "&role_name=" + escape(role)
	if destination != "" {
		link += "&destination=" + escape(destination)
	}
	return link, nil
}

// escape is for a value in a query. A page that decodes its own fragment may
// not know that "+" is a space.
func escape(value string) string { return strings.ReplaceAll(url.QueryEscape(value), "+", "%20") }

// destination returns the page of the console that is meant, and the region.
func (c *consoleCommand) destination(r *run, t *target) (page, region string, err error) {
	getenv := getenvBefore(r.App)
	if _, found := r.activeTarget(); roleFlags(found.Role) == c.roleFlags {
		getenv = r.getenv // the region of this shell is that of the role
	}
	region = cmp.Or(c.Region, getenv("AWS_REGION"), getenv("AWS_DEFAULT_REGION"))
	if region == "" && c.SSOSession == "" && c.SSOStartURL == "" {
		region = r.config.Region(cmp.Or(c.Profile, r.config.DefaultProfile()))
	}
	region = cmp.Or(region, t.session.Config.Region)
	if err := awsapi.CheckRegion(region); err != nil {
		return "", "", err
	}
	p := partitionOf(region)
	if home := partitionOf(t.session.Config.Region); home.name != p.name {
		return "", "", r.usage("the region %s is in the partition %s, and the session in %s", region, p.name, home.name)
	}
	if p.console == "" {
		return "", "", r.usage("where the console of the partition %s is, is not known: open the access portal with --portal", p.name)
	}
	page, err = c.page("https://"+region+"."+p.console, region, p)
	return page, region, err
}

func (c *consoleCommand) page(base, region string, p partition) (string, error) {
	switch {
	case c.Destination != "" && c.Service != "":
		return "", &usageError{problem: "--destination and --service are two pages: name one"}
	case strings.HasPrefix(c.Destination, "/") && !strings.HasPrefix(c.Destination, "//"):
		return checkDestination(base+c.Destination, p)
	case c.Destination != "":
		return checkDestination(c.Destination, p)
	}
	service := cmp.Or(c.Service, "console")
	if !regexp.MustCompile(`^[a-z0-9]([a-z0-9-]{0,60}[a-z0-9])?$`).MatchString(service) {
		return "", &usageError{problem: fmt.Sprintf("--service %q: must be a name as in the console's URLs, such as s3", service)}
	}
	return base + "/" + service + "/home?region=" + region, nil
}

// destinationError is a page that is none of the console.
type destinationError struct{ problem string }

func (e *destinationError) Error() string { return e.problem }

// checkDestination refuses what would lead a browser that was just signed in to a
// page outside of the console.
func checkDestination(page string, p partition) (string, error) {
	refuse := func(problem string) (string, error) {
		return "", &destinationError{"--destination " + problem}
	}
	u, err := url.Parse(page)
	odd := func(r rune) bool { return r <= ' ' || r >= 0x7f || strings.ContainsRune(`\"<>^{}|`+"`", r) }
	switch {
	case strings.ContainsFunc(page, odd):
		return refuse("has a character that URLs do not have")
	case err != nil:
		return refuse("is not a URL")
	case u.Scheme != "https" || u.Opaque != "":
		return refuse("must begin with https://, or be a path that begins with /")
	case u.User != nil:
		return refuse("must have no user")
	case u.Host != u.Hostname():
		return refuse("must have no port")
	}
	host := strings.ToLower(u.Host)
	if host != p.console && !strings.HasSuffix(host, "."+p.console) || !regexp.MustCompile(`^[a-z0-9-]+(\.[a-z0-9-]+)+$`).MatchString(host) {
		return refuse(fmt.Sprintf("must be a page of the console: the host must be %s, or end with .%s", p.console, p.console))
	}
	// What is encoded twice means one thing to us and another to who decodes it
	// once more.
	encoded := regexp.MustCompile(`%[0-9A-Fa-f]{2}`)
	once := encoded.ReplaceAllStringFunc(page, func(code string) string {
		c, _ := strconv.ParseUint(code[1:], 16, 8)
		return string([]byte{byte(c)})
	})
	if encoded.MatchString(once) {
		return refuse("is encoded twice")
	}
	return u.String(), nil
}

// partition is a part of AWS with hosts of its own. "" is not known.
type partition struct{ name, console, signin, home string }

// partitionOf returns the partition that a region is in.
func partitionOf(region string) partition {
	name := awsconfig.Partition(region)
	for _, p := range []partition{
		{"aws-cn", "console.amazonaws.cn", "signin.amazonaws.cn", "cn-north-1"},
		{"aws-us-gov", "console.amazonaws-us-gov.com", "signin.amazonaws-us-gov.com", "us-gov-west-1"},
		{"aws-eusc", "console.amazonaws-eusc.eu", "signin.amazonaws-eusc.eu", ""},
		{"aws-iso", "", "signin.c2shome.ic.gov", ""},
		{"aws-iso-b", "", "signin.sc2shome.sgov.gov", ""},
		{"aws-iso-e", "", "signin.csphome.adc-e.uk", ""},
		{"aws-iso-f", "", "signin.csphome.hci.ic.gov", ""},
	} {
		if p.name == name {
			return p
		}
	}
	return partition{"aws", "console.aws.amazon.com", "signin.aws.amazon.com", "us-east-1"}
}

// federationHost is where a region signs in with credentials. Only a
// partition's home region has the host without a region in it.
func (p partition) federationHost(region string, useFIPS bool) string {
	host := p.signin
	if useFIPS && p.name == "aws-us-gov" {
		host = strings.Replace(host, "signin.", "signin-fips.", 1)
	}
	if region == p.home {
		return host
	}
	return region + "." + host
}

// show prints the page or opens it. It is no secret.
func (c *consoleCommand) show(r *run, t *target, page string) error {
	if c.Print {
		return r.PrintURL(page)
	}
	if err := c.open(r, t, page); err != nil {
		return &noBrowserError{err: err, page: page}
	}
	return nil
}

// noBrowserError is a page that could not be opened.
type noBrowserError struct {
	err  error
	page string // "" if it is a secret
}

func (e *noBrowserError) Error() string { return "no browser was opened: " + e.err.Error() }
func (e *noBrowserError) Unwrap() error { return e.err }

// open opens a page as sign-in does, or by a command of its own: in a container
// of Firefox, or a profile of Chromium, for each role.
func (c *consoleCommand) open(r *run, t *target, page string) error {
	set, _ := r.config.Setting(t.session.Name, "console_browser")
	template := cmp.Or(c.Browser, set)
	if template == "" || r.Browser != nil {
		return r.openIn(t.session, page)
	}
	return startBrowser(r.App, c.fill(r, t, template, page))
}

// fill replaces what stands for something in the words of a template, so that
// no value becomes two words.
func (c *consoleCommand) fill(r *run, t *target, template, page string) []string {
	account, role := "", ""
	if p, ok := t.provider.(*credproc.Provider); ok {
		account, role = p.AccountID, p.RoleName
	}
	profile := c.Profile
	if profile == "" && c.SSOSession == "" && c.SSOStartURL == "" {
		profile = r.config.DefaultProfile()
	}
	var pairs []string
	for _, v := range [][2]string{
		{"url", page}, {"session", sessionLabel(t.session)}, {"account", account}, {"role", role},
		{"profile", cmp.Or(profile, strings.TrimPrefix(account+"-"+role, "-"))},
	} {
		pairs = append(pairs, "{"+v[0]+"}", v[1], "{"+v[0]+"_encoded}", escape(v[1]))
	}
	argv := browserWords(r.App, template)
	for i, word := range argv {
		argv[i] = strings.NewReplacer(pairs...).Replace(word)
	}
	if !strings.Contains(template, "{url}") && !strings.Contains(template, "{url_encoded}") {
		argv = append(argv, page)
	}
	return argv
}
