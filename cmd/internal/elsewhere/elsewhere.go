// Package elsewhere finds what a person has, and what a setting leads away from: a
// login of another start URL, region, endpoint or directory, or a profile in
// another config file. "Run login" alone would lead them in a circle.
package elsewhere

import (
	"cmp"
	"path/filepath"
	"slices"
	"strings"

	"github.com/credproc/credproc/cmd/internal/terminal"
	"github.com/credproc/credproc/internal/awsconfig"
	"github.com/credproc/credproc/internal/layout"
	"github.com/credproc/credproc/oidc"
	"github.com/credproc/credproc/tokencache"
)

// Settings are those of the process.
type Settings struct {
	Getenv      func(string) string
	Dir         string // what DirVariable says
	DirVariable string // the variable that names the program's own directory
}

// Login says which setting leads away from a login that exists, where a
// session has none. It is "" where
// there is no such login.
func (e *Settings) Login(s *tokencache.Session) terminal.Prose {
	if s == nil {
		return ""
	}
	if here, err := s.Status(); err != nil || here != nil && !here.Uncertain {
		return ""
	}
	logins, _ := tokencache.Logins(s.StateDir, s.Service)
	for _, l := range logins {
		if text := e.difference(s, l); Usable(l) && text != "" {
			return text
		}
	}
	variable, dir, usual := e.movedState(s.Service)
	logins, _ = tokencache.Logins(usual, s.Service)
	for _, l := range logins {
		if usual != "" && Usable(l) && isSession(s, l) && l.StartURL == s.Config.StartURL {
			return terminal.Prosef("There is a login of %s in %s. Here %s makes it %s.", l.Label, usual, variable, dir)
		}
	}
	return ""
}

// Config says that the usual config file has what named, the
// one of AWS_CONFIG_FILE, does not.
func (e *Settings) Config(named string, has func(*awsconfig.Config) bool) terminal.Prose {
	if named == "" {
		return ""
	}
	usual, credentials, err := awsconfig.Paths(func(name string) string {
		if name == "AWS_CONFIG_FILE" {
			return ""
		}
		return e.Getenv(name)
	}, awsconfig.Home(e.Getenv))
	if err != nil {
		return ""
	}
	if files, err := awsconfig.Load(usual, credentials); err != nil || !has(files) {
		return ""
	}
	return terminal.Prosef("\n%s has it. Here AWS_CONFIG_FILE names %s.", usual, named)
}

// Unnamed are the usable logins that were made by start URL and region alone, at the
// place of a session.
func Unnamed(stateDir, service string, s *tokencache.Session) []*tokencache.Status {
	logins, _ := tokencache.Logins(stateDir, service)
	return slices.DeleteFunc(logins, func(l *tokencache.Status) bool {
		there := l.Region == s.Config.Region && l.Endpoint == s.Config.Endpoint && l.PortalEndpoint == s.PortalEndpoint && SameURL(l.StartURL, s.Config.StartURL)
		return l.Name != "" || !there || !Usable(l)
	})
}

// Usable reports whether a login is known to be there, and has not ended.
func Usable(l *tokencache.Status) bool { return !l.Uncertain && l.Ended == "" }

// SameURL reports whether two start URLs are of one portal.
func SameURL(a, b string) bool {
	x, xErr := oidc.NormalizeStartURL(a)
	y, yErr := oidc.NormalizeStartURL(b)
	return xErr == nil && yErr == nil && x == y
}

// isSession reports whether a login is one of the session, as people see it.
func isSession(s *tokencache.Session, l *tokencache.Status) bool {
	return s.Name != "" && s.Name == l.Name || s.Config.StartURL == l.StartURL
}

// difference says why a login is not the session's, if it seems to be.
func (e *Settings) difference(s *tokencache.Session, l *tokencache.Status) terminal.Prose {
	label := s.Label()
	switch {
	case !isSession(s, l):
		return ""
	case l.StartURL != s.Config.StartURL:
		return terminal.Prosef("There is a login of %s for the start URL %s. Here it is %s.", label, l.StartURL, s.Config.StartURL)
	case l.Region != s.Config.Region:
		return terminal.Prosef("There is a login of %s for the region %s. Here sso_region is %s.", label, l.Region, s.Config.Region)
	case l.Endpoint != s.Config.Endpoint:
		return e.otherEndpoint(label, l.Endpoint, s.Config.Endpoint, "AWS_ENDPOINT_URL_SSO_OIDC")
	case l.PortalEndpoint != s.PortalEndpoint:
		return e.otherEndpoint(label, l.PortalEndpoint, s.PortalEndpoint, "AWS_ENDPOINT_URL_SSO")
	case l.Name != s.Name:
		return terminal.Prosef("There is a login of the same start URL under the name %s. Here it is %s.", l.Label, label)
	}
	return ""
}

// otherEndpoint is about a login by another endpoint; "" is AWS's own.
func (e *Settings) otherEndpoint(label, there, here, variable string) terminal.Prose {
	if here == "" {
		return terminal.Prosef("There is a login of %s for the endpoint %s, which neither AWS_ENDPOINT_URL nor the config file names here.", label, there)
	}
	source := "endpoint_url in the config file"
	for _, name := range []string{"AWS_ENDPOINT_URL", variable} { // the second counts more
		if value := e.Getenv(name); value != "" && strings.TrimRight(value, "/") == strings.TrimRight(here, "/") {
			source = name
		}
	}
	return terminal.Prosef("There is a login of %s for %s. Here %s makes the endpoint %s.", label, cmp.Or(there, "AWS's own endpoint"), source, here)
}

// movedState returns the state directory that is in force, the variable that
// says so, and the directory it would be otherwise; or nothing.
func (e *Settings) movedState(service string) (variable, dir, usual string) {
	state, _, err := layout.DefaultDirs(service)
	if err != nil {
		return "", "", ""
	}
	if e.Dir != "" {
		dir, _ = layout.DirsIn(e.Dir)
		return e.DirVariable, dir, state
	}
	const xdg = "XDG_STATE_HOME"
	home := awsconfig.Home(e.Getenv)
	below, err := filepath.Rel(e.Getenv(xdg), state)
	if home == "" || err != nil || !filepath.IsLocal(below) {
		return "", "", ""
	}
	return xdg, state, filepath.Join(home, ".local", "state", below)
}
