package cmd

import (
	"cmp"
	"context"

	"github.com/credproc/credproc/cmd/internal/elsewhere"
	"github.com/credproc/credproc/internal/inside"
	"github.com/credproc/credproc/tokencache"
)

func elsewhereOf(a *App) *elsewhere.Settings {
	return &elsewhere.Settings{Getenv: a.getenv, Dir: a.setting("DIR"), DirVariable: a.variable("DIR")}
}

// unnamed returns the login that was made by start URL and region alone, at the place
// of a session, or nil.
func (r *run) unnamed(s *tokencache.Session) *tokencache.Session {
	for _, l := range elsewhere.Unnamed(r.config.StateDir, r.ID, s) {
		if from, err := r.inside.LoginSession(l); err == nil {
			return from
		}
	}
	return nil
}

// takeOver makes the login of one session that of another.
func takeOver(ctx context.Context, to, from *tokencache.Session) (took bool, err error) {
	in, err := inside.Of[inside.Session](to)
	other, errOther := inside.Of[inside.Session](from)
	if err := cmp.Or(err, errOther); err != nil {
		return false, err
	}
	return in.TakeOver(ctx, other)
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
		r.Say("The login of %s is now the one of session %s.", from.Label(), s.Name)
	}
	return err
}
