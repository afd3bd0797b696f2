// Package status describes the state of sessions, for programs and for people. It
// reads what is stored about a login, and asks neither the service nor, without a
// check, the keyring.
package status

import (
	"cmp"
	"context"
	"fmt"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/credproc/credproc/cmd/internal/terminal"
	"github.com/credproc/credproc/internal/inside"
	"github.com/credproc/credproc/internal/printable"
	"github.com/credproc/credproc/internal/startpage"
	"github.com/credproc/credproc/tokencache"
	"github.com/credproc/credproc/tokencache/keyring"
)

// Because adds a reason to a sentence, if there is one.
func Because(problem string) string {
	if problem == "" {
		return ""
	}
	return ": " + problem
}

// Session is a session in status, and its JSON: docs/status.schema.json
// says what each means.
type Session struct {
	Session  string `json:"session"`
	StartURL string `json:"sso_start_url"`
	Region   string `json:"sso_region"`
	// The endpoints that the session is bound to. "": AWS's own.
	Endpoint       string       `json:"sso_oidc_endpoint_url,omitempty"`
	PortalEndpoint string       `json:"sso_endpoint_url,omitempty"`
	State          string       `json:"state"`
	SignedIn       bool         `json:"signed_in"`
	Problem        string       `json:"problem,omitempty"`
	Keyring        string       `json:"keyring,omitempty"`
	Policy         string       `json:"policy_sha256,omitempty"`
	AuditProblem   string       `json:"audit_problem,omitempty"`
	Application    string       `json:"application_arn,omitempty"`
	SignedInAt     *time.Time   `json:"signed_in_at,omitempty"`
	ExpectedEnd    *ExpectedEnd `json:"expected_end,omitempty"`
	RenewedAt      *time.Time   `json:"last_renewed_at,omitempty"`
	AccessToken    *time.Time   `json:"access_token_expires_at,omitempty"`
	Renewable      bool         `json:"renewable"`
	RenewableTill  *time.Time   `json:"renewable_until,omitempty"`
	KnownAt        *time.Time   `json:"known_at,omitempty"`
	LastLook       *Look        `json:"last_look,omitempty"`
	LastFailure    *Failure     `json:"last_failure,omitempty"`
	Roles          []Role       `json:"cached_roles"`
	InProgress     []Progress   `json:"in_progress"`

	title string
}

// The states of a session.
const (
	SignedIn  = "signed_in"
	SignedOut = "signed_out"
	Ended     = "ended"   // the service, or the registration, has ended it
	Lost      = "lost"    // the keyring no longer has it, or it cannot be read
	Uncertain = "unknown" // a sign-in or sign-out was cut off
	Unusable  = "unusable"
)

// ExpectedEnd is when a session may be expected to need a sign-in.
type ExpectedEnd struct {
	At     *time.Time `json:"at,omitempty"`
	Source string     `json:"source"`
}

// The sources of an expected end, in the order in which they count.
const (
	byRegistration  = "registration"
	byConfiguration = "configured"
	byExperience    = "longest_seen"
	byAdministrator = "administrator" // which the service does not tell
)

// Look is what was found by the last process that looked for the login.
type Look struct {
	Found string `json:"found"`
	// As in [tokencache.Look].
	NeedsSignIn bool      `json:"-"`
	CannotTell  bool      `json:"-"`
	Reason      string    `json:"reason,omitempty"`
	At          time.Time `json:"at"`
}

// Failure is the last renewal or fetch that failed, if nothing has worked since.
type Failure struct {
	Op      string    `json:"operation"`
	Reason  string    `json:"reason"`
	At      time.Time `json:"at"`
	RetryAt time.Time `json:"retry_at"`
	Count   int       `json:"count"`
}

// Role is a role whose credentials are stored.
type Role struct {
	tokencache.CachedRole
	Left int `json:"seconds_left"`
	Life int `json:"seconds_of_life"`
}

// Progress is a process at work for a session.
type Progress struct {
	PID       int       `json:"pid"`
	Operation string    `json:"operation"`
	Since     time.Time `json:"since"`
}

// LookTime is how long a keyring may take to say what it has.
const LookTime = time.Second

// Describe says how a session stands by what is known of its login. duration is how
// long its administrator says that it lasts, or 0.
func Describe(login *tokencache.Status, duration time.Duration, now time.Time) Session {
	status := Session{
		Session: login.Name, StartURL: login.StartURL, Region: login.Region, Keyring: login.Keyring,
		Endpoint: login.Endpoint, PortalEndpoint: login.PortalEndpoint,
		InProgress: InProgress(login.Holders), Roles: []Role{},
		Renewable: login.Refreshable, Application: login.Application,
		LastLook: (*Look)(login.Look), LastFailure: (*Failure)(login.Failure),
	}
	for _, role := range login.Roles {
		status.Roles = append(status.Roles, Role{role, int(role.Expiry.Sub(now).Seconds()), int(role.Expiry.Sub(role.Fetched).Seconds())})
	}
	known := login.Renewed
	if login.Look != nil {
		known = login.Look.At
	}
	if !known.IsZero() {
		status.KnownAt = &known
	}
	if login.Uncertain {
		status.State, status.Renewable = Uncertain, false
		status.Problem = cmp.Or(login.Doubt, "a sign-in or a sign-out was cut off, or a file is gone: only the keyring knows")
		return status
	}
	status.SignedInAt, status.RenewedAt, status.AccessToken = &login.SignedIn, &login.Renewed, &login.Expiry
	if !login.Registration.IsZero() {
		status.RenewableTill = &login.Registration
	}
	if login.Ended != "" {
		status.Renewable, status.Problem = false, endedByService+": "+login.Ended
	}
	status.SignedIn = status.Renewable || now.Before(login.Expiry) && !login.AccessEnded
	status.State = SignedIn
	if look := status.LastLook; look != nil && look.NeedsSignIn {
		status.refused(look)
	} else if !status.SignedIn {
		status.State, status.Problem = Ended, cmp.Or(status.Problem, hasEnded)
	} else {
		status.ExpectedEnd = status.expect(login, duration, now)
	}
	return status
}

// obey says so where a rule does not allow the login to be used.
func (s *Session) obey(of *tokencache.Session, login *tokencache.Status) {
	within, err := inside.Of[inside.Session](of)
	if err != nil {
		return // as without a rule
	}
	rules, err := within.Policy()
	if err = cmp.Or(err, rules.CheckKeyring(login.Keyring)); err != nil {
		s.State, s.SignedIn, s.Renewable, s.Problem, s.ExpectedEnd = Unusable, false, false, err.Error(), nil
	}
}

// refused is about a login that a process has found to be of no use.
func (s *Session) refused(look *Look) {
	s.State, s.SignedIn, s.Renewable = Lost, false, false
	switch look.Found {
	case inside.FoundRefused:
		s.State, s.Problem = Ended, cmp.Or(s.Problem, look.Reason, hasEnded)
	case inside.FoundNothing:
		s.Problem = fmt.Sprintf("the %s keyring no longer has the login%s", s.Keyring, Because(look.Reason))
	default:
		s.Problem = cmp.Or(look.Reason, "what is stored of the login cannot be read")
	}
}

// Words say what was found, in the middle of a sentence.
func (l *Look) Words() string {
	words := map[string]string{
		inside.FoundLogin:       "the login is in the keyring",
		inside.FoundNothing:     "the login is not in the keyring",
		inside.FoundRefused:     "the service refuses to renew",
		inside.FoundUnreadable:  "what is stored cannot be read",
		inside.FoundOlder:       "the keyring shows an older login",
		inside.FoundLocked:      "the keyring is locked",
		inside.FoundUnavailable: "the keyring is unavailable",
		inside.FoundSlow:        fmt.Sprintf("the keyring did not answer within %v", LookTime),
	}[l.Found]
	return words + Because(l.Reason)
}

// expect guesses when the next sign-in is due. The service does not tell how
// long a session lasts, which is between 15 minutes and 90 days.
func (s *Session) expect(login *tokencache.Status, duration time.Duration, now time.Time) *ExpectedEnd {
	end := &ExpectedEnd{Source: byAdministrator}
	switch {
	case s.Application != "": // signs in again
		return nil
	case !s.Renewable: // its access token is the last
		return &ExpectedEnd{At: &login.Expiry, Source: byRegistration}
	case duration > 0:
		end = &ExpectedEnd{Source: byConfiguration}
	case login.LongestLife > 0 && now.Before(login.SignedIn.Add(login.LongestLife)): // else this one lives longer already
		end, duration = &ExpectedEnd{Source: byExperience}, login.LongestLife
	}
	if end.Source != byAdministrator {
		at := login.SignedIn.Add(duration)
		end.At = &at
	}
	if end.At != nil && !login.Registration.IsZero() && login.Registration.Before(*end.At) {
		end = &ExpectedEnd{At: &login.Registration, Source: byRegistration}
	}
	return end
}

// InProgress lists the processes that are at work for a session.
func InProgress(holders []tokencache.Holder) []Progress {
	all := []Progress{}
	for _, h := range holders {
		all = append(all, Progress{h.PID, h.Op, h.Since})
	}
	return all
}

// SigningIn says which other process is signing in, or "".
func SigningIn(holders []tokencache.Holder, label string) string {
	for _, h := range holders {
		switch {
		case !strings.HasPrefix(h.Op, "sign in to ") || h.PID == os.Getpid():
		case h.Stopped:
			return fmt.Sprintf("Process %d, which is signing in to %s, is stopped. Continue it with \"fg\" in its shell, or end it with \"kill -9 %[1]d\": this one waits for it.", h.PID, label)
		default:
			return fmt.Sprintf("Process %d is signing in to %s already: waiting for it. If it gives up, this one goes on.", h.PID, label)
		}
	}
	return ""
}

// Label returns the name, or what stands for it.
func (s *Session) Label() string { return cmp.Or(s.Session, startpage.Name(s.StartURL)) }

// Text shows sessions to people. login returns the command that signs in to
// one.
func Text(sessions []Session, now time.Time, p terminal.Paint, program string, login func(*Session) string) terminal.Prose {
	wide := 0
	for _, s := range sessions {
		if n := terminal.Width(terminal.Line(s.Title())); n <= 24 { // one long name moves no other's state away
			wide = max(wide, n)
		}
	}
	var text []terminal.Prose
	for i, s := range sessions {
		if i > 0 && (s.State != SignedOut || sessions[i-1].State != SignedOut) {
			text = append(text, "\n")
		}
		text = append(text, s.heading(p, wide)+"\n")
		for _, line := range s.lines(now, login(&s)) {
			label := "  " + terminal.Pad(line.label, 9)
			text = append(text, line.paint(p, label)+terminal.WrapCommands(line.text, terminal.Width(label), program)+"\n")
		}
	}
	return terminal.Join(text, "")
}

// heading is the name, padded to wide columns, and how things stand: below it
// if the two do not fit side by side.
func (s *Session) heading(p terminal.Paint, wide int) terminal.Prose {
	name := terminal.Line(s.Title())
	gap := terminal.Spaces(wide-terminal.Width(name)) + "  "
	if terminal.Width(name)+len(gap)+terminal.Width(s.headline(terminal.Paint{})) > terminal.Columns {
		gap = "\n  "
	}
	return p.Bold(name) + gap + s.headline(p)
}

func (s *Session) headline(p terminal.Paint) terminal.Prose {
	switch s.State {
	case SignedIn:
		return p.Green("signed in") + p.Faint(terminal.Prosef(", %s keyring", s.Keyring))
	case SignedOut:
		return p.Yellow("not signed in")
	case Ended:
		return p.Red("not signed in") + p.Faint(", "+hasEnded)
	case Lost:
		return p.Red("not signed in") + p.Faint(", the login is lost")
	case Uncertain:
		return p.Yellow("not known")
	}
	return p.Red("not usable")
}

// line is one line below a session, or several where it is too long. It is the label
// that is painted: yellow sentences cannot be read on white.
type line struct {
	label, text terminal.Prose
	paint       painter
}

type painter func(terminal.Paint, terminal.Prose) terminal.Prose

// SignInError is the error of a session that is not signed in.
func (s *Session) SignInError() error {
	e := &tokencache.SignInError{Session: s.Label(), Reason: s.Problem, Ended: s.State == Ended}
	if s.SignedInAt != nil {
		e.SignedIn = *s.SignedInAt
	}
	return e
}

// Why says what is wrong with a session, in plain words.
func (s *Session) Why(now time.Time) string {
	if s.State == Ended && s.SignedInAt != nil {
		return endedByService + madeAt(*s.SignedInAt, now)
	}
	return s.Problem
}

// lines are what is shown below the name. login is the command that signs in.
func (s *Session) lines(now time.Time, login string) (lines []line) {
	faint := terminal.Paint.Faint
	var last terminal.Prose
	add := func(label terminal.Prose, paint painter, format terminal.Prose, args ...any) {
		shown := label
		if label == last { // the first of several lines has it
			shown = ""
		}
		lines, last = append(lines, line{shown, terminal.Prosef(format, args...), paint}), label
	}
	if s.Problem != "" && s.State != SignedOut {
		add("why", terminal.Paint.Red, "%s", s.Why(now))
	}
	if s.SignedIn {
		add("since", faint, "%s, %s", terminal.Clock(*s.SignedInAt, now), terminal.Ago(*s.SignedInAt, now))
		if s.Application != "" {
			add("by", faint, "application %s, without a person", s.Application[strings.LastIndex(s.Application, "/")+1:])
		} else {
			add("until", s.untilPaint(now), "%s", s.until(now))
		}
		add("renewed", faint, "%s, access token %s", terminal.Ago(*s.RenewedAt, now), tokenLeft(*s.AccessToken, now))
	}
	if l := s.LastLook; l != nil {
		what := *l
		if l.NeedsSignIn {
			what.Reason = "" // said above
		}
		add("checked", faint, "%s: %s", terminal.Ago(l.At, now), printable.Line(what.Words()))
	}
	if f := s.LastFailure; f != nil {
		add("failure", terminal.Paint.Yellow, "%s", f.words(now))
	}
	for _, role := range s.Roles {
		add("roles", faint, "%s", role.Words())
	}
	for _, p := range s.InProgress {
		add("at work", faint, "process %d: %s, for %s", p.PID, p.Operation, terminal.Short(now.Sub(p.Since)))
	}
	if !s.SignedIn && s.State != Unusable {
		add("fix", faint, "%s", login)
	}
	return lines
}

func (f *Failure) words(now time.Time) string {
	text := fmt.Sprintf("%s ago, %s: %s", terminal.Short(now.Sub(f.At)), cmp.Or(f.Op, "a renewal or a fetch"), f.Reason)
	if f.Count > 1 {
		text += fmt.Sprintf(" (%d in a row)", f.Count)
	}
	if f.RetryAt.After(now) {
		text += "; tried again in " + terminal.Short(f.RetryAt.Sub(now)+time.Second)
	}
	return text
}

// LoginWords are the arguments of login for the session.
func (s *Session) LoginWords() []string {
	if s.Session == "" {
		return []string{"--sso-start-url", s.StartURL, "--sso-region", s.Region}
	}
	return []string{s.Session}
}

func tokenLeft(end, now time.Time) string {
	if left := end.Sub(now); left > 0 {
		return "valid for " + terminal.Short(left)
	}
	return "expired"
}

func (s *Session) until(now time.Time) string {
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

// untilPaint warns of an end within the half hour.
func (s *Session) untilPaint(now time.Time) painter {
	if e := s.ExpectedEnd; e.At != nil && e.At.Sub(now) < 30*time.Minute {
		return terminal.Paint.Yellow
	}
	return terminal.Paint.Faint
}

// Words say what role it is, and how long its credentials last.
func (c *Role) Words() terminal.Prose {
	who := c.AccountID + " " + c.RoleName
	if c.RoleName == "" {
		who = c.RoleARN
	}
	if c.Scope != "" {
		who += " (" + c.Scope + ")"
	}
	if c.AgentProfile != "" {
		who += ", profile " + c.AgentProfile + " for " + c.Agent + " in place of " + cmp.Or(c.Profile, "the role that it asked for")
	}
	left := terminal.Prosef("%s of %s", terminal.Short(time.Duration(c.Left)*time.Second), terminal.Short(wholeMinutes(time.Duration(c.Life)*time.Second)))
	return terminal.Pad(left, 13) + terminal.Line(who)
}

// wholeMinutes rounds to minutes: clock skew makes an hour 59m59s.
func wholeMinutes(d time.Duration) time.Duration {
	if d < 2*time.Minute {
		return d
	}
	return d.Round(time.Minute)
}

// Profile is the profile in force.
type Profile struct {
	Name, Account, Role string
	End                 time.Time // of the credentials in the environment, if there are any
}

// Values are what stands for the words of a format.
func (s *Session) Values(profile *Profile, now time.Time) map[string]string {
	values := map[string]string{
		"{session}": s.Label(), "{state}": s.State, "{left}": "", "{end}": "", "{token_left}": "",
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
	values["{profile}"], values["{account}"], values["{role}"] = profile.Name, profile.Account, profile.Role
	if !profile.End.IsZero() {
		values["{role_left}"] = terminal.Short(profile.End.Sub(now))
		return values
	}
	for _, role := range s.Roles {
		if role.RoleName != "" && role.AccountID == profile.Account && role.RoleName == profile.Role {
			values["{role_left}"] = terminal.Short(role.Expiry.Sub(now))
		}
	}
	return values
}

// OfAll describes sessions, all at once: each may take as long as its keyring is
// given. lasts is how long those of a name last.
func OfAll(ctx context.Context, sessions []*tokencache.Session, lasts func(name string) (time.Duration, error), check bool) ([]Session, error) {
	all, errs := make([]Session, len(sessions)), make([]error, len(sessions))
	var looks sync.WaitGroup
	for i, s := range sessions {
		looks.Go(func() {
			duration, err := lasts(s.Name)
			if err == nil {
				all[i], err = of(ctx, s, duration, check)
			}
			errs[i] = err
		})
	}
	looks.Wait()
	return all, cmp.Or(errs...) // the first: each says what is wrong with the same files
}

// of describes a session. With check it asks the keyring, for as long as a look may
// take.
func of(ctx context.Context, s *tokencache.Session, duration time.Duration, check bool) (Session, error) {
	ask := s.Status
	if check {
		ctx, cancel := context.WithTimeout(ctx, LookTime)
		defer cancel()
		ask = func() (*tokencache.Status, error) { return s.Check(ctx) }
	}
	login, err := ask()
	switch {
	case err != nil:
		return Session{}, err
	case login != nil:
		described := Describe(login, duration, time.Now())
		described.obey(s, login)
		return described, nil
	}
	return Session{
		Session: s.Name, StartURL: s.Config.StartURL, Region: s.Config.Region,
		Endpoint: s.Config.Endpoint, PortalEndpoint: s.PortalEndpoint,
		State: SignedOut, Problem: "not signed in", Roles: []Role{}, InProgress: InProgress(s.Holders()),
	}, nil
}

// KeyringError is that of a keyring that did not say whether there is a login.
func (s *Session) KeyringError() error {
	kind, detail := keyring.ErrUnavailable, s.LastLook.Reason
	switch s.LastLook.Found {
	case inside.FoundLocked:
		kind = keyring.ErrLocked
	case inside.FoundSlow:
		detail = fmt.Sprintf("no answer within %v", LookTime)
	}
	return &keyring.Error{Keyring: s.Keyring, Op: "read", Kind: kind, Detail: detail}
}
