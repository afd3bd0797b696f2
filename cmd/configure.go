package cmd

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strings"

	"github.com/credproc/credproc/cmd/internal/elsewhere"
	"github.com/credproc/credproc/cmd/internal/profiles"
	"github.com/credproc/credproc/cmd/internal/shell"
	"github.com/credproc/credproc/cmd/internal/terminal"
	"github.com/credproc/credproc/credproc"
	"github.com/credproc/credproc/internal/awsapi"
	"github.com/credproc/credproc/internal/awsconfig"
	"github.com/credproc/credproc/oidc"
	"github.com/credproc/credproc/tokencache"
)

type configureCommand struct {
	Names       []string `arg:"" optional:"" name:"name" help:"The sso-session to write profiles for. With --convert and --revert: the profiles to change."`
	SSOSession  string   `name:"sso-session" placeholder:"NAME" help:"Same as NAME."`
	SSOStartURL string   `name:"sso-start-url" placeholder:"URL" help:"Start URL of a session that is not in the file yet."`
	SSORegion   string   `name:"sso-region" placeholder:"REGION" help:"Region of its Identity Center instance."`

	All          bool     `help:"Write a profile for every role, without asking which."`
	MatchAccount []string `name:"match-account" sep:"none" placeholder:"GLOB" help:"Only for accounts whose name or ID matches GLOB. May be repeated."`
	MatchRole    []string `name:"match-role" sep:"none" placeholder:"GLOB" help:"Only for roles whose name matches GLOB. May be repeated."`
	Template     string   `placeholder:"TEXT" help:"How to name profiles, as a Go template with .AccountName, .AccountID, .Email, .RoleName and .Session. Default: {{.AccountName}}/{{.RoleName}}"`
	Region       []string `placeholder:"[GLOB=]REGION" sep:"none" help:"Region of the profiles, or of those in accounts that match GLOB. May be repeated: the first match counts."`
	Prune        bool     `help:"Remove profiles written earlier whose roles you no longer have."`
	listFlags

	Agent   string `placeholder:"PROFILE" help:"Add a profile that can only read, beside PROFILE, and the rule that gives it to coding agents."`
	RoleARN string `name:"role-arn" placeholder:"ARN" help:"With --agent: the role that it assumes. Default: the role_arn of PROFILE."`

	Convert bool   `help:"Give profiles with sso_ keys, and profiles of granted, aws-vault, aws-sso-cli and aws-sso-util, a credential_process line. What they had becomes comments."`
	Revert  bool   `help:"Change converted profiles back, byte for byte. Other profiles with this program's line get sso_ keys."`
	Undo    bool   `help:"Restore the file as it was before the last change. A second --undo redoes the change."`
	Command string `placeholder:"WORDS" help:"How credential_process lines start. Default: the path where PATH finds this program."`
	DryRun  bool   `name:"dry-run" help:"Print a diff of what would change, and change nothing."`
	Yes     bool   `short:"y" help:"Do not ask."`
}

// Run implements the command, for kong.
func (c *configureCommand) Run(ctx context.Context, a *App) error {
	return a.do(ctx, true, c.change)
}

// change does what the flags say.
func (c *configureCommand) change(ctx context.Context, r *run) error {
	if err := c.check(r); err != nil {
		return err
	}
	e, err := c.edit(r)
	if err != nil {
		return err
	}
	switch {
	case c.Undo:
		return e.undo(ctx)
	case c.Revert:
		return e.revert(ctx, c.Names)
	}
	return c.writeLines(ctx, e)
}

// writeLines writes profiles with a credential_process line.
func (c *configureCommand) writeLines(ctx context.Context, e *configEdit) error {
	command, err := profiles.SearchPath(e.getenv("PATH")).LineCommand(c.Command, e.command(), launchOf(e.App))
	if err != nil {
		return err
	}
	if c.Convert {
		return e.convert(ctx, c.Names, profiles.Place{Session: c.SSOSession, StartURL: c.SSOStartURL, Region: c.SSORegion}, command)
	}
	if c.Agent != "" {
		return e.twin(ctx, &profiles.Twin{Profile: c.Agent, RoleARN: c.RoleARN, Command: command, ID: e.ID})
	}
	return c.write(ctx, e, command)
}

// twin adds a profile for agents.
func (e *configEdit) twin(ctx context.Context, t *profiles.Twin) error {
	what := fmt.Sprintf("Write profile %s, and give it to agents in place of %s,", t.Name(), t.Profile)
	changed, err := e.apply(ctx, func() string { return what }, func(old []byte) ([]byte, error) { return t.Write(e.text, old) })
	if err == nil && changed {
		e.Say("Agents that ask for %s now get %s. Programs must use %s for it: %s configure --convert", t.Profile, t.Name(), e.name(), e.name())
		e.saved()
	}
	return err
}

func (c *configureCommand) check(r *run) error {
	if err := c.checkWay(r); err != nil {
		return err
	}
	for _, rule := range c.Region {
		region := rule[strings.LastIndex(rule, "=")+1:]
		if err := awsapi.CheckRegion(region); err != nil {
			return err
		}
	}
	if c.Template != "" {
		_, err := profiles.ParseTemplate(c.Template)
		return err
	}
	return nil
}

// checkWay fails for flags of several ways to change the file.
func (c *configureCommand) checkWay(r *run) error {
	ways := 0
	for _, way := range []bool{c.Agent != "", c.Convert, c.Revert, c.Undo, c.selects() || c.Prune || len(c.Region) > 0 || c.Template != ""} {
		if way {
			ways++
		}
	}
	session := c.SSOSession != "" || c.SSOStartURL != "" || c.SSORegion != ""
	switch {
	case c.RoleARN != "" && c.Agent == "":
		return r.usage("--role-arn is for --agent")
	case c.Agent != "" && (ways > 1 || session || len(c.Names) > 0):
		return r.usage("--agent is a command of its own")
	case ways > 1, session && (c.Revert || c.Undo), c.Undo && len(c.Names) > 0:
		return r.usage("--convert, --revert and --undo are commands of their own")
	case c.Convert && (c.SSOStartURL == "") != (c.SSORegion == "") || c.SSOSession != "" && c.SSOStartURL != "" && c.Convert:
		return r.usage("--convert takes --sso-session, or --sso-start-url and --sso-region, for lines that name no Identity Center instance")
	case c.Convert || c.Revert || c.Undo:
	case len(c.Names) > 1 || len(c.Names) == 1 && c.SSOSession != "":
		return r.usage("name one session")
	case !(c.Rate >= 0):
		return r.usage("--rate is %v: it must be more than 0", c.Rate)
	}
	return nil
}

// configEdit changes the config file, after asking.
type configEdit struct {
	*run
	file      awsconfig.File
	text      *profiles.File
	dry, sure bool
}

func (c *configureCommand) edit(r *run) (*configEdit, error) {
	path, credentials, err := awsconfig.Paths(getenvBefore(r.App), awsconfig.Home(r.getenv))
	if err != nil {
		return nil, err
	}
	if info, err := os.Stat(path); err == nil && !info.Mode().IsRegular() {
		return nil, r.usage("%s is not a regular file: configure cannot change it", path)
	}
	e := &configEdit{run: r, dry: c.DryRun, sure: c.Yes, file: awsconfig.File{Path: r.files.Path, Name: cmp.Or(r.ID, "credproc")}}
	e.text = &profiles.File{Files: awsconfig.Config{Path: path, CredentialsPath: credentials}, Mark: awsconfig.Mark(e.file.Name),
		Program: r.name(), Own: strings.Fields(r.command()), Foreign: profiles.AWSSSOPlaces(r.getenv)}
	return e, nil
}

// apply makes the change, if the person agrees to what it would be now.
func (e *configEdit) apply(ctx context.Context, what func() string, edit func(old []byte) ([]byte, error)) (changed bool, err error) {
	old, err := awsconfig.ReadFile(e.file.Path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return false, err
	}
	text, err := edit(old)
	if err != nil {
		return false, err
	}
	if string(text) == string(old) {
		e.Say("There is nothing to change in %s.", e.file.Path)
		e.file.Sweep(ctx)
		return false, nil
	}
	if missing := e.file.Missing(); missing != "" {
		e.Say("%s is a link to %s, which does not exist.", e.file.Path, missing)
	}
	if e.dry {
		return false, e.Page(e.difference(old, text), inherited(e.App))
	}
	if err := e.agreed(what(), old, text); err != nil {
		return false, err
	}
	return e.file.Edit(ctx, edit)
}

func (e *configEdit) agreed(what string, old, text []byte) error {
	switch {
	case e.sure:
		return nil
	case !e.Interactive():
		return &usageError{problem: "there is no terminal to ask on", more: "Add --yes to change the file, or --dry-run to see what would change."}
	}
	const choices = "Y/n, d = show diff"
	for {
		answer, err := e.Ask(terminal.Prosef("%s in %s?", what, e.file.Path), choices)
		switch answer = strings.ToLower(answer); {
		case err != nil:
			return err
		case answer == strings.ToLower(choices) || strings.HasPrefix(answer, "y"):
			return nil
		case strings.HasPrefix(answer, "d"):
			if err := e.PageAside(e.difference(old, text), inherited(e.App)); err != nil {
				return err
			}
		default:
			return terminal.ErrCancelled
		}
	}
}

// difference draws a change.
func (e *configEdit) difference(old, text []byte) func(terminal.Paint) terminal.Prose {
	return func(p terminal.Paint) terminal.Prose { return p.Diff(profiles.Difference(e.file.Path, old, text)) }
}

func (e *configEdit) saved() {
	if before, err := e.file.Before(); err == nil && before == nil {
		e.Say("The file did not exist before. To undo: %s configure --undo", e.name())
		return
	}
	e.Say("Backup: %s. To undo: %s configure --undo", e.file.Backup(), e.name())
}

// write writes a session and profiles.
func (c *configureCommand) write(ctx context.Context, e *configEdit, command string) error {
	t, err := c.session(ctx, e.run)
	if err != nil {
		return err
	}
	via := t
	if from := e.unnamed(t.session); from != nil && !e.files.HasSession(t.session.Name) {
		via = &target{session: from, words: t.words} // until the session is written
	}
	accounts, err := c.accounts(ctx, e.run, via)
	if err != nil {
		return via.wrap(err)
	}
	roles, err := c.roles(e.run, t.session.Name, accounts)
	if err != nil {
		return err
	}
	plan := &profiles.Plan{Session: placeOf(t.session), Command: command, Template: c.Template, Regions: c.Region, Prune: c.Prune, All: accounts}
	block, err := e.put(ctx, plan, roles)
	if err != nil || block == nil {
		return err
	}
	return e.written(ctx, block, via, t)
}

// written says what can be done now.
func (e *configEdit) written(ctx context.Context, block *profiles.Block, via, t *target) error {
	if via != t { // the login that has no session is that of the one just written
		if _, err := takeOver(ctx, t.session, via.session); err != nil {
			return t.wrap(err)
		}
	}
	e.saved()
	e.Say("Try: aws sts get-caller-identity --profile %s", shell.Word(block.Example))
	return nil
}

// put writes what is planned. block is nil if nothing has changed.
func (e *configEdit) put(ctx context.Context, plan *profiles.Plan, roles []profiles.Role) (block *profiles.Block, err error) {
	changed, err := e.apply(ctx, func() string { return block.Summary(false) }, func(old []byte) (text []byte, err error) {
		text, block, err = e.text.Write(plan, roles, old)
		return text, err
	})
	if err != nil || !changed {
		return nil, err
	}
	e.Say("%s in %s.", block.Summary(true), e.file.Path)
	return block, nil
}

// roles are those to write profiles for: by the flags, or by a person's choice.
func (c *configureCommand) roles(r *run, session string, accounts []credproc.Account) ([]profiles.Role, error) {
	chosen := profiles.Selection{Accounts: c.MatchAccount, Roles: c.MatchRole}
	roles, err := chosen.Of(session, accounts)
	if err != nil {
		return nil, err
	}
	roles = r.writable(roles)
	switch {
	case c.selects():
	case c.Prune: // and nothing else
		return nil, nil
	default:
		if roles, err = r.pickRoles(roles); err != nil {
			return nil, err
		}
	}
	if len(roles) == 0 && !c.Prune {
		return nil, r.usage("no role matches; run \"%s list\" to see yours", r.name())
	}
	return roles, nil
}

// selects reports whether the flags say which roles.
func (c *configureCommand) selects() bool { return c.All || len(c.MatchAccount)+len(c.MatchRole) > 0 }

// accounts lists the accounts, and signs in where that is needed: a person, or a
// script for one, has asked to be set up.
func (c *configureCommand) accounts(ctx context.Context, r *run, t *target) ([]credproc.Account, error) {
	l := c.listing(t)
	if c.Prune { // nothing is removed because of what was so some hours ago
		l.MaxAge = 0
	}
	accounts, _, err := r.list(ctx, l)
	if errors.Is(err, oidc.ErrSignInRequired) && r.mayLogin(t.session) == nil {
		if err := r.login(ctx, t, &loginOptions{}); err != nil {
			return nil, err
		}
		accounts, _, err = r.list(ctx, l)
	}
	return accounts, err
}

// writable leaves out what a service should not send, and what would mean
// something else in a line.
func (r *run) writable(roles []profiles.Role) []profiles.Role {
	left := 0
	roles = slices.DeleteFunc(roles, func(w profiles.Role) bool {
		bad := !w.FitsInLine()
		if bad {
			if left++; left <= mostNamed {
				r.Say("%s is left out: that cannot be part of a line.", &w)
			}
		}
		return bad
	})
	if left > mostNamed {
		r.Say("So are %d more.", left-mostNamed)
	}
	return roles
}

func (r *run) pickRoles(roles []profiles.Role) ([]profiles.Role, error) {
	if !r.Interactive() {
		return nil, &usageError{problem: "which roles?", more: "Give --all, or --match-account and --match-role."}
	}
	var choices []terminal.Choice
	for _, w := range roles {
		choices = append(choices, terminal.Choice{Name: cmp.Or(w.AccountName, w.AccountID) + "  " + w.RoleName, Detail: strings.TrimSpace(w.AccountID + "  " + w.Email)})
	}
	picked, err := r.Pick(terminal.Menu{Title: "Profiles for which roles?", Choices: choices, Many: true})
	if err != nil {
		return nil, err
	}
	var some []profiles.Role
	for _, i := range picked {
		some = append(some, roles[i])
	}
	return some, nil
}

// session finds or describes the session, which may be a new one.
func (c *configureCommand) session(ctx context.Context, r *run) (*target, error) {
	name := c.SSOSession
	if len(c.Names) == 1 {
		name = c.Names[0]
	}
	if c.SSOStartURL != "" || c.SSORegion != "" {
		return c.newSession(ctx, r, name)
	}
	if name == "" {
		picked, err := c.whichSession(r)
		if err != nil {
			return nil, err
		}
		name = picked
	}
	if r.files.HasSession(name) {
		return r.configured(name)
	}
	if err := c.mayAskFor(r, name); err != nil {
		return nil, err
	}
	return c.newSession(ctx, r, name)
}

// mayAskFor fails if nothing says where a session is and there is no person to ask.
func (c *configureCommand) mayAskFor(r *run, name string) error {
	if c.asks(r) {
		return nil
	}
	if name != "" && len(r.files.SessionNames()) > 0 {
		_, err := r.config.Session(name) // says which there are
		return err
	}
	if startURL, _ := r.onlyLogin(); startURL == "" {
		return &usageError{problem: "no sso-session in " + r.files.Path,
			hint: r.name() + " configure --sso-start-url URL --sso-region REGION --all --yes"}
	}
	return nil
}

// asks reports whether there is a person to ask, and --yes is not given.
func (c *configureCommand) asks(r *run) bool { return r.Interactive() && !c.Yes }

const anotherSession = "another one"

func (c *configureCommand) whichSession(r *run) (string, error) {
	names := r.files.SessionNames()
	if len(names) == 0 {
		return "", nil
	}
	ask := c.asks(r)
	switch {
	case len(names) == 1 && (!ask || c.selects()):
		return names[0], nil
	case !ask:
		return "", r.usage("which session? There are %s", terminal.Some(names, mostNamed))
	}
	i, err := r.PickOne(terminal.Menu{Title: "Profiles of which session?", Choices: terminal.Choices(append(names, anotherSession)...)})
	if err != nil || i == len(names) {
		return "", err
	}
	return names[i], nil
}

// newSession describes a session by flags, and on a terminal by
// answers.
func (c *configureCommand) newSession(ctx context.Context, r *run, name string) (*target, error) {
	startURL, region, err := c.place(ctx, r, c.asks(r))
	if err != nil {
		return nil, err
	}
	name = cmp.Or(name, r.sessionFor(startURL, region))
	if name == "" {
		name = profiles.SuggestName(startURL)
		if c.asks(r) {
			if name, err = r.Ask("Name of the session?", name); err != nil {
				return nil, err
			}
		}
	}
	if r.files.HasSession(name) {
		return r.sameSession(name, startURL, region)
	}
	if !profiles.IsPlainName(name) {
		return nil, r.usage("%q cannot be the name of a session: use only letters, digits and -_./:@+", name)
	}
	s, err := r.inside.NewSession(name, startURL, region)
	return &target{session: s, words: []string{"--sso-start-url", startURL, "--sso-region", region}}, err
}

// place returns where the Identity Center instance is.
func (c *configureCommand) place(ctx context.Context, r *run, ask bool) (startURL, region string, err error) {
	startURL, region = c.SSOStartURL, c.SSORegion
	if startURL == "" && region == "" {
		startURL, region = r.onlyLogin()
	}
	if known := startURL; ask && c.SSOStartURL == "" {
		startURL, err = r.Ask("Start URL of the access portal?", known)
		if startURL != known {
			region = c.SSORegion
		}
	}
	switch {
	case err != nil:
		return "", "", err
	case startURL == "":
		return "", "", r.usage("--sso-region needs --sso-start-url")
	}
	startURL, err = oidc.NormalizeStartURL(startURL)
	if err == nil && region == "" {
		region, err = r.findRegion(ctx, startURL, ask)
	}
	return startURL, region, cmp.Or(err, awsapi.CheckRegion(region))
}

// onlyLogin returns where the only login is that was made by start URL and region
// alone, or nothing.
func (r *run) onlyLogin() (startURL, region string) {
	logins, _ := tokencache.Logins(r.config.StateDir, r.ID)
	logins = slices.DeleteFunc(logins, func(l *tokencache.Status) bool { return l.Name != "" || !elsewhere.Usable(l) })
	if len(logins) != 1 {
		return "", ""
	}
	return logins[0].StartURL, logins[0].Region
}

// sessionFor returns the only session at a place, or "".
func (r *run) sessionFor(startURL, region string) string {
	same := slices.DeleteFunc(r.files.SessionNames(), func(name string) bool {
		_, err := r.sameSession(name, startURL, region)
		return err != nil
	})
	if len(same) != 1 {
		return ""
	}
	return same[0]
}

// sameSession returns the session of that name, if it is at that place.
func (r *run) sameSession(name, startURL, region string) (*target, error) {
	t, err := r.configured(name)
	if err != nil {
		return nil, err
	}
	url, err := oidc.NormalizeStartURL(t.session.Config.StartURL)
	if err != nil {
		return nil, err
	}
	if url != startURL || t.session.Config.Region != region {
		return nil, r.usage("the session %s is at %s in %s, not at %s in %s: choose another name", name, url, t.session.Config.Region, startURL, region)
	}
	return t, nil
}

// undo exchanges the file and its backup.
func (e *configEdit) undo(ctx context.Context) error {
	backup, err := e.file.Before()
	if errors.Is(err, fs.ErrNotExist) {
		return e.usage("there is no %s: nothing was changed here", e.file.Backup())
	}
	if err != nil {
		return err
	}
	now, err := awsconfig.ReadFile(e.file.Path)
	switch {
	case err != nil && !errors.Is(err, fs.ErrNotExist):
		return err
	case string(now) == string(backup) && (now == nil) == (backup == nil):
		e.Say("There is nothing to change in %s.", e.file.Path)
		return nil
	case e.dry:
		return e.Page(e.difference(now, backup), inherited(e.App))
	}
	if err := e.agreed("Undo the last change", now, backup); err != nil {
		return err
	}
	return e.bringBack(ctx, backup)
}

func (e *configEdit) bringBack(ctx context.Context, backup []byte) error {
	if err := e.file.Undo(ctx); err != nil {
		return err
	}
	var what terminal.Prose = "%s is as it was."
	if backup == nil {
		what = "%s did not exist before the last change: it is removed."
	}
	e.Say(what+" Run the same command again to redo the change.", e.file.Path)
	return nil
}

// convert gives native profiles our line.
func (e *configEdit) convert(ctx context.Context, names []string, at profiles.Place, command string) error {
	done, left := []string{}, []string{}
	changed, err := e.apply(ctx, func() string { return fmt.Sprintf("Convert %s", terminal.Count(len(done), "profile")) }, func(old []byte) (text []byte, err error) {
		done, left, text, err = e.text.Convert(names, at, command, old)
		return text, err
	})
	e.sayLeft(left)
	if err == nil && changed {
		e.Say("Converted in %s: %s.", e.file.Path, terminal.Some(done, mostNamed))
		e.Say("The tools that wrote them can no longer sign in for them; \"%s login %s\" can. To change them back: %[1]s configure --revert", e.name(), shell.Word(done[0]))
		e.saved()
	}
	return err
}

// mostNamed is how many profiles a message names.
const mostNamed = 10

// sayLeft says why profiles are not converted.
func (e *configEdit) sayLeft(left []string) {
	for _, line := range left[:min(len(left), mostNamed)] {
		e.Say("%s", line)
	}
	if more := len(left) - mostNamed; more > 0 {
		e.Say("So do %d more. For the reason, name one: %s configure --convert PROFILE", more, e.name())
	}
}

// placeOf is the session as the config file has it.
func placeOf(s *tokencache.Session) awsconfig.Session {
	return awsconfig.Session{Name: s.Name, StartURL: s.Config.StartURL, Region: s.Config.Region}
}

// revert gives profiles their native keys back: those named, or all that were
// converted.
func (e *configEdit) revert(ctx context.Context, names []string) error {
	var done []string
	changed, err := e.apply(ctx, func() string { return fmt.Sprintf("Change back %s", terminal.Count(len(done), "profile")) }, func(old []byte) (text []byte, err error) {
		done, text, err = e.text.Revert(names, old)
		return text, err
	})
	if err == nil && changed {
		e.Say("Changed back in %s: %s.", e.file.Path, terminal.Some(done, mostNamed))
		e.saved()
	}
	return err
}
