package cmd

import (
	"context"
	"fmt"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/credproc/credproc/internal/sdk"
	"github.com/credproc/credproc/tokencache"
)

type statusCommand struct {
	sessionFlags
	JSON bool `name:"json" help:"Print JSON."`
}

// sessionStatus is a line of status, and its JSON.
type sessionStatus struct {
	Session       string     `json:"session"`
	StartURL      string     `json:"sso_start_url"`
	Region        string     `json:"sso_region"`
	SignedIn      bool       `json:"signed_in"`
	Problem       string     `json:"problem,omitempty"`
	Keyring       string     `json:"keyring,omitempty"`
	SignedInAt    *time.Time `json:"signed_in_at,omitempty"`
	AccessToken   *time.Time `json:"access_token_expires_at,omitempty"`
	Renewable     bool       `json:"renewable"`
	RenewableTill *time.Time `json:"renewable_until,omitempty"`
	InProgress    []progress `json:"in_progress,omitempty"`
}

// progress is a process at work for a session.
type progress struct {
	PID       int       `json:"pid"`
	Operation string    `json:"operation"`
	Since     time.Time `json:"since"`
}

// Run implements the command, for kong. It asks neither service nor keyring.
func (c *statusCommand) Run(ctx context.Context, a *App) error {
	return a.do(ctx, false, func(ctx context.Context, r *run) error {
		named := c.sessionFlags != (sessionFlags{})
		sessions, err := r.statusOf(c, named)
		if err != nil {
			return err
		}
		if c.JSON {
			err = r.printJSON(sessions)
		} else {
			err = r.printStatus(sessions)
		}
		if err == nil && named && !sessions[0].SignedIn {
			t, _ := c.target(r)
			return t.wrap(&tokencache.SignInError{Session: sessions[0].Session, Reason: sessions[0].Problem})
		}
		return err
	})
}

// statusOf returns one session, or all that are configured or signed in.
func (r *run) statusOf(c *statusCommand, named bool) ([]sessionStatus, error) {
	if named {
		t, err := c.target(r)
		if err != nil {
			return nil, err
		}
		one, err := r.sessionStatus(t.session)
		return []sessionStatus{one}, err
	}
	names, err := r.config.SessionNames()
	if err != nil {
		return nil, err
	}
	logins, err := tokencache.Logins(r.config.StateDir, r.config.Service)
	if err != nil {
		return nil, err
	}
	all := []sessionStatus{}
	for _, name := range names {
		s, err := r.config.Session(name)
		if err != nil {
			all = append(all, sessionStatus{Session: name, Problem: err.Error()})
			continue
		}
		one, err := r.sessionStatus(s)
		if err != nil {
			return nil, err
		}
		all = append(all, one)
		logins = without(logins, s)
	}
	for _, login := range logins {
		all = append(all, describeLogin(login))
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

func (r *run) sessionStatus(s *tokencache.Session) (sessionStatus, error) {
	login, err := s.Status()
	if err != nil {
		return sessionStatus{}, err
	}
	if login == nil {
		return sessionStatus{Session: s.Name, StartURL: s.Config.StartURL, Region: s.Config.Region, Problem: "not signed in", InProgress: inProgress(s.Holders())}, nil
	}
	return describeLogin(login), nil
}

func describeLogin(login *tokencache.Status) sessionStatus {
	now := time.Now()
	status := sessionStatus{
		Session: login.Name, StartURL: login.StartURL, Region: login.Region, Keyring: login.Keyring,
		InProgress: inProgress(login.Holders),
		SignedInAt: &login.SignedIn, AccessToken: &login.Expiry, Renewable: login.Refreshable,
	}
	if !login.Registration.IsZero() {
		status.RenewableTill = &login.Registration
		status.Renewable = status.Renewable && now.Before(login.Registration)
	}
	if login.Ended != "" {
		status.Renewable, status.Problem = false, "the service has ended the session: "+login.Ended
	}
	status.SignedIn = status.Renewable || now.Before(login.Expiry) && !login.AccessEnded
	if !status.SignedIn && status.Problem == "" {
		status.Problem = "the session has ended"
	}
	return status
}

func inProgress(holders []tokencache.Holder) (all []progress) {
	for _, h := range holders {
		all = append(all, progress{h.PID, h.Op, h.Since})
	}
	return all
}

func (r *run) printStatus(sessions []sessionStatus) error {
	if len(sessions) == 0 {
		r.say("No sso-session in %s, and nothing signed in.", r.config.Path())
	}
	table := tabwriter.NewWriter(r.stdout(), 0, 0, 2, ' ', 0)
	for _, s := range sessions {
		name := s.Session
		if name == "" {
			name = s.StartURL
		}
		fmt.Fprintf(table, "%s\t%s\n", sdk.Printable(name), strings.Join(s.words(), ", "))
		for _, p := range s.InProgress {
			fmt.Fprintf(table, "\tprocess %d: %s, since %s\n", p.PID, sdk.Printable(p.Operation), p.Since.Format(time.TimeOnly))
		}
	}
	return table.Flush()
}

// words describe a session on one line.
func (s *sessionStatus) words() []string {
	if !s.SignedIn {
		return []string{"not signed in" + because(s.Problem)}
	}
	words := []string{"signed in", "access token " + until(*s.AccessToken)}
	switch {
	case s.Renewable && s.RenewableTill != nil:
		words = append(words, "renewed by itself for at most "+roughly(time.Until(*s.RenewableTill)))
	case s.Renewable:
		words = append(words, "renewed by itself")
	default:
		words = append(words, "not renewable"+because(s.Problem))
	}
	return append(words, s.Keyring+" keyring")
}

func because(problem string) string {
	if problem == "" || problem == "not signed in" {
		return ""
	}
	return " (" + problem + ")"
}

func until(t time.Time) string {
	if d := time.Until(t); d > 0 {
		return "good for " + roughly(d)
	}
	return "expired"
}
