package cmd

import (
	"cmp"
	"context"
	"path/filepath"
	"strings"

	"github.com/credproc/credproc/cmd/internal/terminal"
	"github.com/credproc/credproc/internal/awsconfig"
	"github.com/credproc/credproc/internal/inside"
	"github.com/credproc/credproc/internal/layout"
	"github.com/credproc/credproc/oidc"
	"github.com/credproc/credproc/tokencache"
)

// loginElsewhere says which setting leads away from a login that exists, where a
// session has none: "run login" alone would lead in a circle. It is "" where
// there is no such login.
func loginElsewhere(a *App, s *tokencache.Session) terminal.Prose {
	if s == nil {
		return ""
	}
	if here, err := s.Status(); err != nil || here != nil && !here.Uncertain {
		return ""
	}
	logins, _ := tokencache.Logins(s.StateDir, s.Service)
	for _, l := range logins {
		if text := loginDifference(a, s, l); usable(l) && text != "" {
			return text
		}
	}
	variable, dir, usual := movedState(a, s.Service)
	logins, _ = tokencache.Logins(usual, s.Service)
	for _, l := range logins {
		if usual != "" && usable(l) && isSession(s, l) && l.StartURL == s.Config.StartURL {
			return terminal.Prosef("There is a login of %s in %s. Here %s makes it %s.", l.Label, usual, variable, dir)
		}
	}
	return ""
}

// unnamed returns the login that was made by start URL and region alone, at the place
// of a session, or nil.
func (r *run) unnamed(s *tokencache.Session) *tokencache.Session {
	logins, _ := tokencache.Logins(r.config.StateDir, r.ID)
	for _, l := range logins {
		if l.Name != "" || !usable(l) || !sameURL(l.StartURL, s.Config.StartURL) || l.Region != s.Config.Region ||
			l.Endpoint != s.Config.Endpoint || l.PortalEndpoint != s.PortalEndpoint {
			continue
		}
		if from, err := r.inside.LoginSession(l); err == nil {
			return from
		}
	}
	return nil
}

// takeOver makes the login of one session that of another.
func takeOver(ctx context.Context, to, from *tokencache.Session) (took bool, err error) {
	in, err := inside.Of[inside.Session](to)
	if err != nil {
		return false, err
	}
	other, err := inside.Of[inside.Session](from)
	if err != nil {
		return false, err
	}
	return in.TakeOver(ctx, other)
}

// sameURL reports whether two start URLs are of one portal.
func sameURL(a, b string) bool {
	x, xErr := oidc.NormalizeStartURL(a)
	y, yErr := oidc.NormalizeStartURL(b)
	return xErr == nil && yErr == nil && x == y
}

// takeUnnamed makes that login the one of the session in whose place nothing else
// finds it any more: the only sso-session with its start URL and region.
func (r *run) takeUnnamed(ctx context.Context, s *tokencache.Session) error {
	at, err := r.config.SessionAt(s.Config.StartURL, s.Config.Region)
	if err != nil || s.Name == "" || at.Name != s.Name {
		return nil // whatever is wrong, the sign-in says it
	}
	from := r.unnamed(s)
	if from == nil {
		return nil
	}
	took, err := takeOver(ctx, s, from)
	if took {
		r.Say("The login of %s is now the one of session %s.", sessionLabel(from), s.Name)
	}
	return err
}

func usable(l *tokencache.Status) bool { return !l.Uncertain && l.Ended == "" }

// isSession reports whether a login is one of the session, as people see it.
func isSession(s *tokencache.Session, l *tokencache.Status) bool {
	return s.Name != "" && s.Name == l.Name || s.Config.StartURL == l.StartURL
}

// loginDifference says why a login is not the session's, if it seems to be.
func loginDifference(a *App, s *tokencache.Session, l *tokencache.Status) terminal.Prose {
	label := sessionLabel(s)
	switch {
	case !isSession(s, l):
		return ""
	case l.StartURL != s.Config.StartURL:
		return terminal.Prosef("There is a login of %s for the start URL %s. Here it is %s.", label, l.StartURL, s.Config.StartURL)
	case l.Region != s.Config.Region:
		return terminal.Prosef("There is a login of %s for the region %s. Here sso_region is %s.", label, l.Region, s.Config.Region)
	case l.Endpoint != s.Config.Endpoint:
		return otherEndpoint(a, label, l.Endpoint, s.Config.Endpoint, "AWS_ENDPOINT_URL_SSO_OIDC")
	case l.PortalEndpoint != s.PortalEndpoint:
		return otherEndpoint(a, label, l.PortalEndpoint, s.PortalEndpoint, "AWS_ENDPOINT_URL_SSO")
	case l.Name != s.Name:
		return terminal.Prosef("There is a login of the same start URL under the name %s. Here it is %s.", l.Label, label)
	}
	return ""
}

// otherEndpoint is about a login by another endpoint; "" is AWS's own.
func otherEndpoint(a *App, label, there, here, variable string) terminal.Prose {
	if here == "" {
		return terminal.Prosef("There is a login of %s for the endpoint %s, which neither AWS_ENDPOINT_URL nor the config file names here.", label, there)
	}
	source := "endpoint_url in the config file"
	for _, name := range []string{"AWS_ENDPOINT_URL", variable} { // the second counts more
		if value := a.getenv(name); value != "" && strings.TrimRight(value, "/") == strings.TrimRight(here, "/") {
			source = name
		}
	}
	return terminal.Prosef("There is a login of %s for %s. Here %s makes the endpoint %s.", label, cmp.Or(there, "AWS's own endpoint"), source, here)
}

// movedState returns the state directory that is in force, the variable that
// says so, and the directory it would be otherwise; or nothing.
func movedState(a *App, service string) (variable, dir, usual string) {
	state, _, err := layout.DefaultDirs(service)
	if err != nil {
		return "", "", ""
	}
	if named := a.setting("DIR"); named != "" {
		dir, _ = layout.DirsIn(named)
		return a.variable("DIR"), dir, state
	}
	const xdg = "XDG_STATE_HOME"
	home := awsconfig.Home(a.getenv)
	below, err := filepath.Rel(a.getenv(xdg), state)
	if home == "" || err != nil || !filepath.IsLocal(below) {
		return "", "", ""
	}
	return xdg, state, filepath.Join(home, ".local", "state", below)
}

// otherConfig says that the usual config file has what the one that
// AWS_CONFIG_FILE names does not.
func otherConfig(a *App, has func(*awsconfig.Config) bool) terminal.Prose {
	named := getenvBefore(a)("AWS_CONFIG_FILE")
	if named == "" {
		return ""
	}
	usual, credentials, err := awsconfig.Paths(func(name string) string {
		if name == "AWS_CONFIG_FILE" {
			return ""
		}
		return a.getenv(name)
	}, awsconfig.Home(a.getenv))
	if err != nil {
		return ""
	}
	if files, err := awsconfig.Load(usual, credentials); err != nil || !has(files) {
		return ""
	}
	return terminal.Prosef("\n%s has it. Here AWS_CONFIG_FILE names %s.", usual, named)
}
