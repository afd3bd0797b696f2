package status

import (
	"cmp"
	"slices"
	"strings"

	"github.com/credproc/credproc/internal/startpage"
	"github.com/credproc/credproc/tokencache"
)

// Place is where a session is signed in: what tells it from others of its name.
type Place struct {
	Name                     string // "" for one that a start URL alone describes
	StartURL, Region         string
	Endpoint, PortalEndpoint string // "": AWS's own
}

func (p Place) label() string { return cmp.Or(p.Name, startpage.Name(p.StartURL)) }

// PlaceOf returns the place of a session.
func PlaceOf(s *tokencache.Session) Place {
	return Place{s.Name, s.Config.StartURL, s.Config.Region, s.Config.Endpoint, s.PortalEndpoint}
}

// At reports whether a login is one of the session at that place.
func (p Place) At(l *tokencache.Status) bool {
	return p == Place{l.Name, l.StartURL, l.Region, l.Endpoint, l.PortalEndpoint}
}

// Titles returns what people call the sessions, each with what differs from others of the same name.
func Titles(places []Place) []string {
	titles := make([]string, len(places))
	for i, p := range places {
		var differs []string
		for _, part := range []func(Place) string{
			func(p Place) string { return cmp.Or(p.Name, "no sso-session") },
			func(p Place) string { return p.StartURL },
			func(p Place) string { return p.Region },
			func(p Place) string { return cmp.Or(p.Endpoint, "AWS's sign-in endpoint") },
			func(p Place) string { return cmp.Or(p.PortalEndpoint, "AWS's portal endpoint") },
		} {
			if value := part(p); p.StartURL != "" && value != p.Name && slices.ContainsFunc(places, func(o Place) bool { return o.label() == p.label() && part(o) != value }) {
				differs = append(differs, value)
			}
		}
		titles[i] = p.label()
		if differs != nil {
			titles[i] += " (" + strings.Join(differs, ", ") + ")"
		}
	}
	return titles
}

// TellApart gives each session the title that it has among all.
func TellApart(all []Session) {
	var places []Place
	for _, s := range all {
		places = append(places, Place{s.Session, s.StartURL, s.Region, s.Endpoint, s.PortalEndpoint})
	}
	for i, title := range Titles(places) {
		all[i].title = title
	}
}

// Title is the label, with what tells the session apart after [TellApart].
func (s *Session) Title() string { return cmp.Or(s.title, s.Label()) }
