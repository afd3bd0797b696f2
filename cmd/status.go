package cmd

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/credproc/credproc/cmd/internal/terminal"
	"github.com/credproc/credproc/credproc"
	"github.com/credproc/credproc/internal/printable"
	"github.com/credproc/credproc/oidc"
	"github.com/credproc/credproc/tokencache"
	"github.com/credproc/credproc/tokencache/keyring"
)

type statusCommand struct {
	sessionFlags
	JSON   bool   `name:"json" xor:"how" help:"Print JSON."`
	Quiet  bool   `short:"q" xor:"how" help:"Print nothing: exit status 0 if usable, 4 if a sign-in is required."`
	Check  bool   `help:"Ask the keyring, for at most a second and without a dialog; exit status 6 if it cannot be asked."`
	Format string `xor:"how" placeholder:"TEXT" help:"Print a line for a prompt: {session}, {state}, {left}, {end}, {token_left}, {profile}, {account}, {role} and {role_left} are replaced."`
}

// sessionStatus is a session in status, and its JSON: docs/status.schema.json
// says what each means.
type sessionStatus struct {
	Session       string       `json:"session"`
	StartURL      string       `json:"sso_start_url"`
	Region        string       `json:"sso_region"`
	State         string       `json:"state"`
	SignedIn      bool         `json:"signed_in"`
	Problem       string       `json:"problem,omitempty"`
	Keyring       string       `json:"keyring,omitempty"`
	SignedInAt    *time.Time   `json:"signed_in_at,omitempty"`
	ExpectedEnd   *expectedEnd `json:"expected_end,omitempty"`
	RenewedAt     *time.Time   `json:"last_renewed_at,omitempty"`
	AccessToken   *time.Time   `json:"access_token_expires_at,omitempty"`
	Renewable     bool         `json:"renewable"`
	RenewableTill *time.Time   `json:"renewable_until,omitempty"`
	KnownAt       *time.Time   `json:"known_at,omitempty"`
	LastLook      *pastLook    `json:"last_look,omitempty"`
	LastFailure   *pastFailure `json:"last_failure,omitempty"`
	Roles         []cachedRole `json:"cached_roles"`
	InProgress    []progress   `json:"in_progress"`
}

// The states of a session.
const (
	signedIn  = "signed_in"
	signedOut = "signed_out"
	ended     = "ended"   // the service, or the registration, has ended it
	lost      = "lost"    // the keyring no longer has it, or it cannot be read
	uncertain = "unknown" // a sign-in or sign-out was cut off
	unusable  = "unusable"
)

// expectedEnd is when a session may be expected to need a sign-in.
type expectedEnd struct {
	At     *time.Time `json:"at,omitempty"`
	Source string     `json:"source"`
}

// The sources of an expected end, in the order in which they count.
const (
	byRegistration  = "registration"
	byConfiguration = "configured"
	byExperience    = "longest_seen"
	byAdministrator = "administrator" // who has not told
)

// pastLook is what was found by the last process that looked for the login.
type pastLook struct {
	Found  tokencache.Found `json:"found"`
	Reason string           `json:"reason,omitempty"`
	At     time.Time        `json:"at"`
}

type pastFailure struct {
	Op      string    `json:"operation"`
	Reason  string    `json:"reason"`
	At      time.Time `json:"at"`
	RetryAt time.Time `json:"retry_at"`
	Count   int       `json:"count"`
}

type cachedRole struct {
	tokencache.CachedRole
	Left int `json:"seconds_left"`
	Life int `json:"seconds_of_life"`
}

// progress is a process at work for a session.
type progress struct {
	PID       int       `json:"pid"`
	Operation string    `json:"operation"`
	Since     time.Time `json:"since"`
}

// Run implements the command, for kong. It does not ask the service, asks the
// keyring only with --check, and waits for nobody.
func (c *statusCommand) Run(ctx context.Context, a *App) error {
	return a.do(ctx, false, func(ctx context.Context, r *run) error {
		if err := checkFormat(c.Format); err != nil {
			return err
		}
		named := c.sessionFlags != (sessionFlags{})
		sessions, err := r.statusOf(ctx, c, named)
		if err != nil {
			return err
		}
		silent := c.Quiet || c.Format != ""
		switch {
		case c.Quiet:
		case c.Format != "":
			err = r.printFormatted(c.Format, c.profileFor(r), sessions)
		case c.JSON:
			err = r.PrintJSON(sessions)
		default:
			err = r.printStatus(sessions)
		}
		if err != nil {
			return err
		}
		if !named && !silent && !c.Check {
			return nil
		}
		return c.verdict(r, sessions, silent)
	})
}

// verdict is the error that gives the command its exit status.
func (c *statusCommand) verdict(r *run, sessions []sessionStatus, silent bool) error {
	var shut error
	for _, s := range sessions {
		switch look := s.LastLook; {
		case c.Check && look != nil && look.Found.CannotTell():
			shut = cmp.Or(shut, s.cannotTell(silent))
		case s.SignedIn:
		case silent:
			return errSignedOut
		default:
			t, _ := c.target(r)
			return &targetError{words: c.words(r, &s), session: cmp.Or(t, new(target)).session, err: &tokencache.SignInError{Session: s.label(), Reason: s.Problem}}
		}
	}
	return shut
}

// words are how the caller named a session, or else what names it to login.
func (c *statusCommand) words(r *run, s *sessionStatus) []string {
	if c.sessionFlags != (sessionFlags{}) {
		if t, err := c.target(r); err == nil {
			return t.words
		}
	}
	return s.loginWords()
}

// cannotTell is the error of a keyring that did not say whether there is a
// login.
func (s *sessionStatus) cannotTell(silent bool) error {
	if silent {
		return errShut
	}
	kind, detail := keyring.ErrUnavailable, s.LastLook.Reason
	switch s.LastLook.Found {
	case tokencache.FoundLocked:
		kind = keyring.ErrLocked
	case tokencache.FoundSlow:
		detail = fmt.Sprintf("no answer within %v", lookTime)
	}
	return &keyring.Error{Keyring: s.Keyring, Op: "read", Kind: kind, Detail: detail}
}

// These end a command with the status that says so, and no words.
var (
	errSignedOut = errors.New("sign-in required")
	errShut      = errors.New("the keyring cannot be asked")
)

// statusOf returns one session, or all that are configured or signed in. A
// prompt wants the one of the profile in force, if there is one.
func (r *run) statusOf(ctx context.Context, c *statusCommand, named bool) ([]sessionStatus, error) {
	if named {
		t, err := c.target(r)
		if err != nil {
			return nil, err
		}
		return r.sessionStatuses(ctx, c.Check, t.session)
	}
	if c.Quiet || c.Format != "" {
		if t, _ := r.activeTarget(); t != nil {
			return r.sessionStatuses(ctx, c.Check, t.session)
		}
		if s, err := r.config.ProfileSession(r.config.DefaultProfile()); err == nil {
			return r.sessionStatuses(ctx, c.Check, s)
		}
	}
	names, err := r.config.SessionNames()
	if err != nil {
		return nil, err
	}
	logins, err := tokencache.Logins(r.config.StateDir, r.config.Service)
	if err != nil {
		return nil, err
	}
	var sessions []*tokencache.Session
	wrong := make(map[int]sessionStatus) // by where it belongs
	for i, name := range names {
		s, err := r.config.Session(name)
		if err != nil {
			wrong[i] = sessionStatus{Session: name, State: unusable, Problem: err.Error(), Roles: []cachedRole{}, InProgress: []progress{}}
			continue
		}
		sessions = append(sessions, s)
		logins = without(logins, s)
	}
	for _, login := range logins {
		s, err := r.config.LoginSession(login)
		if err != nil {
			return nil, err
		}
		sessions = append(sessions, s)
	}
	all, err := r.sessionStatuses(ctx, c.Check, sessions...)
	if err != nil {
		return nil, err
	}
	for _, i := range slices.Sorted(maps.Keys(wrong)) {
		all = slices.Insert(all, i, wrong[i])
	}
	if c.Quiet && len(all) == 0 {
		return nil, &usageError{problem: "no sso-session in " + r.config.Path()}
	}
	return all, nil
}

// sessionStatuses describes sessions, all at once: each may take as long as its
// keyring is given.
func (r *run) sessionStatuses(ctx context.Context, check bool, sessions ...*tokencache.Session) ([]sessionStatus, error) {
	all, errs := make([]sessionStatus, len(sessions)), make([]error, len(sessions))
	var looks sync.WaitGroup
	for i, s := range sessions {
		looks.Go(func() { all[i], errs[i] = r.sessionStatus(ctx, s, check) })
	}
	looks.Wait()
	for _, err := range errs { // the first: each says what is wrong with the same files
		if err != nil {
			return nil, err
		}
	}
	return all, nil
}

// without removes the login of a session from those that are left.
func without(logins []*tokencache.Status, s *tokencache.Session) []*tokencache.Status {
	var left []*tokencache.Status
	for _, l := range logins {
		if l.Name != s.Name || l.StartURL != s.Config.StartURL || l.Endpoint != s.Config.Endpoint || l.PortalEndpoint != s.PortalEndpoint {
			left = append(left, l)
		}
	}
	return left
}

// lookTime is how long a keyring may take to say what it has.
const lookTime = time.Second

func (r *run) sessionStatus(ctx context.Context, s *tokencache.Session, check bool) (sessionStatus, error) {
	duration, err := r.config.SessionDuration(s.Name)
	if err != nil {
		return sessionStatus{}, err
	}
	ask := s.Status
	if check {
		ctx, cancel := context.WithTimeout(ctx, lookTime)
		defer cancel()
		ask = func() (*tokencache.Status, error) { return s.Check(ctx) }
	}
	login, err := ask()
	if err != nil {
		return sessionStatus{}, err
	}
	if login == nil {
		return sessionStatus{
			Session: s.Name, StartURL: s.Config.StartURL, Region: s.Config.Region,
			State: signedOut, Problem: "not signed in", Roles: []cachedRole{}, InProgress: inProgress(s.Holders()),
		}, nil
	}
	return describeLogin(login, duration, time.Now()), nil
}

func describeLogin(login *tokencache.Status, duration time.Duration, now time.Time) sessionStatus {
	status := sessionStatus{
		Session: login.Name, StartURL: login.StartURL, Region: login.Region, Keyring: login.Keyring,
		InProgress: inProgress(login.Holders), Roles: []cachedRole{},
		Renewable: login.Refreshable,
	}
	for _, role := range login.Roles {
		status.Roles = append(status.Roles, cachedRole{role, int(role.Expiry.Sub(now).Seconds()), int(role.Expiry.Sub(role.Fetched).Seconds())})
	}
	known := login.Renewed
	if l := login.Look; l != nil {
		status.LastLook = &pastLook{l.Found, l.Reason, l.At}
		known = l.At
	}
	if !known.IsZero() {
		status.KnownAt = &known
	}
	if f := login.Failure; f != nil {
		status.LastFailure = &pastFailure{f.Op, f.Reason, f.At, f.RetryAt, f.Count}
	}
	if login.Uncertain {
		status.State, status.Renewable = uncertain, false
		status.Problem = cmp.Or(login.Doubt, "a sign-in or a sign-out was cut off, or a file is gone: only the keyring knows")
		return status
	}
	status.SignedInAt, status.RenewedAt, status.AccessToken = &login.SignedIn, &login.Renewed, &login.Expiry
	if !login.Registration.IsZero() {
		status.RenewableTill = &login.Registration
	}
	if login.Ended != "" {
		status.Renewable, status.Problem = false, "the service has ended the session: "+login.Ended
	}
	status.SignedIn = status.Renewable || now.Before(login.Expiry) && !login.AccessEnded
	status.State = signedIn
	if look := status.LastLook; look != nil && look.Found.NeedsSignIn() {
		status.refused(look)
	} else if !status.SignedIn {
		status.State, status.Problem = ended, cmp.Or(status.Problem, "the session has ended")
	} else {
		status.ExpectedEnd = status.expect(login, duration, now)
	}
	return status
}

// refused is about a login that a process has found to be of no use.
func (s *sessionStatus) refused(look *pastLook) {
	s.State, s.SignedIn, s.Renewable = lost, false, false
	switch look.Found {
	case tokencache.FoundRefused:
		s.State, s.Problem = ended, cmp.Or(s.Problem, look.Reason, "the session has ended")
	case tokencache.FoundNothing:
		s.Problem = fmt.Sprintf("the %s keyring no longer has the login%s", s.Keyring, because(look.Reason))
	default:
		s.Problem = cmp.Or(look.Reason, "what is stored of the login cannot be read")
	}
}

// words say what was found, in the middle of a sentence.
func (l *pastLook) words() string {
	words := map[tokencache.Found]string{
		tokencache.FoundLogin:       "the login is in the keyring",
		tokencache.FoundNothing:     "the login is not in the keyring",
		tokencache.FoundRefused:     "the service refuses to renew",
		tokencache.FoundUnreadable:  "what is stored cannot be read",
		tokencache.FoundOlder:       "the keyring shows an older login",
		tokencache.FoundLocked:      "the keyring is locked",
		tokencache.FoundUnavailable: "the keyring is unavailable",
		tokencache.FoundSlow:        fmt.Sprintf("the keyring did not answer within %v", lookTime),
	}[l.Found]
	return words + because(l.Reason)
}

// expect guesses when the next sign-in is due. The service does not tell how
// long a session lasts, which is between 15 minutes and 90 days.
func (s *sessionStatus) expect(login *tokencache.Status, duration time.Duration, now time.Time) *expectedEnd {
	end := &expectedEnd{Source: byAdministrator}
	switch {
	case !s.Renewable: // its access token is the last
		return &expectedEnd{At: &login.Expiry, Source: byRegistration}
	case duration > 0:
		end = &expectedEnd{Source: byConfiguration}
	case login.LongestLife > 0 && now.Before(login.SignedIn.Add(login.LongestLife)): // else this one lives longer already
		end, duration = &expectedEnd{Source: byExperience}, login.LongestLife
	}
	if end.Source != byAdministrator {
		at := login.SignedIn.Add(duration)
		end.At = &at
	}
	if end.At != nil && !login.Registration.IsZero() && login.Registration.Before(*end.At) {
		end = &expectedEnd{At: &login.Registration, Source: byRegistration}
	}
	return end
}

func inProgress(holders []tokencache.Holder) []progress {
	all := []progress{}
	for _, h := range holders {
		all = append(all, progress{h.PID, h.Op, h.Since})
	}
	return all
}

func (s *sessionStatus) label() string { return cmp.Or(s.Session, oidc.StartURLName(s.StartURL)) }

func (r *run) printStatus(sessions []sessionStatus) error {
	if len(sessions) == 0 {
		r.Say("No sso-session in %s, and nothing signed in.", r.config.Path())
	}
	wide := 0
	for _, s := range sessions {
		if n := terminal.Width(terminal.Line(s.label())); n <= 24 { // one long name moves no other's state away
			wide = max(wide, n)
		}
	}
	var text []terminal.Prose
	p := r.Paint()
	now := time.Now()
	for i, s := range sessions {
		if i > 0 && (s.State != signedOut || sessions[i-1].State != signedOut) {
			text = append(text, "\n")
		}
		text = append(text, s.heading(p, wide)+"\n")
		for _, line := range r.lines(&s, now) {
			label := "  " + terminal.Pad(line.label, 9)
			text = append(text, line.paint(p)(label)+terminal.WrapCommands(line.text, terminal.Width(label), r.name())+"\n")
		}
	}
	return r.Print("%s", terminal.Join(text, ""))
}

// heading is the name, padded to wide columns, and how things stand: below it
// if the two do not fit side by side.
func (s *sessionStatus) heading(p terminal.Paint, wide int) terminal.Prose {
	name := terminal.Line(s.label())
	gap := terminal.Spaces(wide-terminal.Width(name)) + "  "
	if terminal.Width(name)+len(gap)+terminal.Width(s.headline(terminal.Paint{})) > terminal.Columns {
		gap = "\n  "
	}
	return p.Bold(name) + gap + s.headline(p)
}

func (s *sessionStatus) headline(p terminal.Paint) terminal.Prose {
	switch s.State {
	case signedIn:
		return p.Green("signed in") + p.Faint(terminal.Prosef(", %s keyring", s.Keyring))
	case signedOut:
		return p.Yellow("not signed in")
	case ended:
		return p.Red("not signed in") + p.Faint(", the session has ended")
	case lost:
		return p.Red("not signed in") + p.Faint(", the login is lost")
	case uncertain:
		return p.Yellow("not known")
	}
	return p.Red("not usable")
}

// statusLine is one line below a session, or several where it is too long. The
// colour is that of the label: yellow sentences cannot be read on white.
type statusLine struct {
	label, text terminal.Prose
	colour      string
}

func (l statusLine) paint(p terminal.Paint) func(terminal.Prose) terminal.Prose {
	switch l.colour {
	case "red":
		return p.Red
	case "yellow":
		return p.Yellow
	}
	return p.Faint
}

func (r *run) lines(s *sessionStatus, now time.Time) []statusLine {
	var lines []statusLine
	add := func(label terminal.Prose, colour string, format terminal.Prose, args ...any) {
		lines = append(lines, statusLine{label, terminal.Prosef(format, args...), colour})
	}
	if s.Problem != "" && s.State != signedOut {
		add("why", "red", "%s", s.Problem)
	}
	if s.SignedIn {
		add("since", "", "%s, %s", terminal.Clock(*s.SignedInAt, now), terminal.Ago(*s.SignedInAt, now))
		add("until", s.untilColour(now), "%s", s.until(now))
		add("renewed", "", "%s, access token %s", terminal.Ago(*s.RenewedAt, now), tokenLeft(*s.AccessToken, now))
	}
	if l := s.LastLook; l != nil {
		what := *l
		if l.Found.NeedsSignIn() {
			what.Reason = "" // said above
		}
		add("checked", "", "%s: %s", terminal.Ago(l.At, now), printable.Line(what.words()))
	}
	if f := s.LastFailure; f != nil {
		text := fmt.Sprintf("%s ago, %s: %s", terminal.Short(now.Sub(f.At)), cmp.Or(f.Op, "a renewal or a fetch"), f.Reason)
		if f.Count > 1 {
			text += fmt.Sprintf(" (%d in a row)", f.Count)
		}
		if f.RetryAt.After(now) {
			text += "; tried again in " + terminal.Short(f.RetryAt.Sub(now)+time.Second)
		}
		add("failure", "yellow", "%s", text)
	}
	for i, role := range s.Roles {
		var label terminal.Prose = "roles"
		if i > 0 {
			label = ""
		}
		add(label, "", "%s", role.words())
	}
	for i, p := range s.InProgress {
		var label terminal.Prose = "at work"
		if i > 0 {
			label = ""
		}
		add(label, "", "process %d: %s, for %s", p.PID, p.Operation, terminal.Short(now.Sub(p.Since)))
	}
	if !s.SignedIn && s.State != unusable {
		add("mend", "", "%s", loginHint(r.App, &targetError{words: s.loginWords(), err: errSignedOut}))
	}
	return lines
}

// loginWords are the arguments of login for the session.
func (s *sessionStatus) loginWords() []string {
	if s.Session == "" {
		return []string{"--sso-start-url", s.StartURL, "--sso-region", s.Region}
	}
	return []string{s.Session}
}

func tokenLeft(end, now time.Time) string {
	if left := end.Sub(now); left > 0 {
		return "good for " + terminal.Short(left)
	}
	return "expired"
}

func (s *sessionStatus) until(now time.Time) string {
	e := s.ExpectedEnd
	if e.At == nil {
		return "set by your administrator"
	}
	when := fmt.Sprintf("%s, in %s", terminal.Clock(*e.At, now), terminal.Short(e.At.Sub(now)))
	if !e.At.After(now) {
		when = terminal.Clock(*e.At, now) + ", which has passed"
	}
	switch e.Source {
	case byExperience:
		return "~ " + when + " (the longest seen here)"
	case byRegistration:
		if !s.Renewable {
			return when + " (it cannot be renewed)"
		}
		return when + " (the registration's end)"
	}
	return when
}

// untilColour warns of an end within the half hour.
func (s *sessionStatus) untilColour(now time.Time) string {
	if e := s.ExpectedEnd; e.At != nil && e.At.Sub(now) < 30*time.Minute {
		return "yellow"
	}
	return ""
}

func (c *cachedRole) words() terminal.Prose {
	who := c.AccountID + " " + c.RoleName
	if c.RoleName == "" {
		who = c.RoleARN
	}
	left := terminal.Prosef("%s of %s", terminal.Short(time.Duration(c.Left)*time.Second), terminal.Short(wholeMinutes(time.Duration(c.Life)*time.Second)))
	return terminal.Pad(left, 13) + terminal.Line(who)
}

// wholeMinutes makes an hour of what is a second less, by the clocks of two.
func wholeMinutes(d time.Duration) time.Duration {
	if d < 2*time.Minute {
		return d
	}
	return d.Round(time.Minute)
}

var placeholder = whenNeeded(`\{[^{}]*\}`)

// checkFormat refuses a format with something in it that is never replaced.
func checkFormat(format string) error {
	known := (&sessionStatus{}).values(nil, time.Time{})
	for _, name := range placeholder().FindAllString(format, -1) {
		if _, ok := known[name]; !ok {
			return &usageError{problem: fmt.Sprintf("--format: there is no %s", name)}
		}
	}
	return nil
}

// profileFor returns the role in force, or nil: that of the flag, of the shell,
// or of the profile that is meant where none is named.
func (c *statusCommand) profileFor(r *run) *profileRole {
	if t, found := r.activeTarget(); t != nil && c.sessionFlags == (sessionFlags{}) {
		p := profileRole{name: roleFlagsOf(found).label(r)}
		if role, ok := t.provider.(*credproc.Provider); ok {
			p.account, p.role = role.AccountID, role.RoleName
		}
		if found.Key != "" { // these keys, and not any that are stored
			p.end, _ = time.Parse(time.RFC3339, r.getenv("AWS_CREDENTIAL_EXPIRATION"))
		}
		return &p
	}
	name := cmp.Or(c.Profile, r.config.DefaultProfile())
	provider, err := r.config.Provider(name)
	if role, ok := provider.(*credproc.Provider); ok && err == nil {
		return &profileRole{name: name, account: role.AccountID, role: role.RoleName}
	}
	if err == nil {
		return &profileRole{name: name}
	}
	return nil
}

type profileRole struct {
	name, account, role string
	end                 time.Time // of the credentials in the environment, if there are any
}

// printFormatted prints a line for each session.
func (r *run) printFormatted(format string, profile *profileRole, sessions []sessionStatus) error {
	now := time.Now()
	var text strings.Builder
	for _, s := range sessions {
		values := s.values(profile, now)
		text.WriteString(placeholder().ReplaceAllStringFunc(format, func(name string) string { return printable.Line(values[name]) }) + "\n")
	}
	return r.Verbatim(text.String())
}

// values are what stands for the words of a format.
func (s *sessionStatus) values(profile *profileRole, now time.Time) map[string]string {
	values := map[string]string{
		"{session}": s.label(), "{state}": s.State, "{left}": "", "{end}": "", "{token_left}": "",
		"{profile}": "", "{account}": "", "{role}": "", "{role_left}": "",
	}
	if e := s.ExpectedEnd; e != nil && e.At != nil {
		about := ""
		if e.Source == byExperience {
			about = "~"
		}
		values["{left}"], values["{end}"] = about+terminal.Short(e.At.Sub(now)), about+e.At.Local().Format("15:04")
	}
	if s.AccessToken != nil && s.SignedIn {
		values["{token_left}"] = terminal.Short(s.AccessToken.Sub(now))
	}
	if profile == nil {
		return values
	}
	values["{profile}"], values["{account}"], values["{role}"] = profile.name, profile.account, profile.role
	if !profile.end.IsZero() {
		values["{role_left}"] = terminal.Short(profile.end.Sub(now))
		return values
	}
	for _, role := range s.Roles {
		if role.RoleName != "" && role.AccountID == profile.account && role.RoleName == profile.role {
			values["{role_left}"] = terminal.Short(role.Expiry.Sub(now))
		}
	}
	return values
}
