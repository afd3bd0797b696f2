package cmd

import (
	"context"
	"errors"
	"time"

	"github.com/credproc/credproc/cmd/internal/elsewhere"
	"github.com/credproc/credproc/cmd/internal/roles"
	"github.com/credproc/credproc/cmd/internal/terminal"
	"github.com/credproc/credproc/credproc"
	"github.com/credproc/credproc/internal/safedir"
	"github.com/credproc/credproc/tokencache"
)

// pickSession asks the person for one of the sessions.
func (r *run) pickSession(names []string) (*target, error) {
	i, err := r.PickOne(terminal.Menu{Title: "Which session?", Choices: terminal.Choices(names...)})
	if err != nil {
		return nil, err
	}
	return r.named(names[i])
}

// choose has the person pick a role where nothing says which is meant and there
// is a terminal. process, token, serve and status do not call it.
func (f *roleFlags) choose(ctx context.Context, r *run) error {
	said := f.byRole() || f.Profile != "" || r.getenv("AWS_PROFILE") != "" || r.getenv("AWS_DEFAULT_PROFILE") != ""
	if said || !r.Interactive() {
		return nil
	}
	if r.files.HasProfile("default") {
		_, err := f.target(r)
		if _, other := errors.AsType[*credproc.UnsupportedProfileError](err); !other {
			return nil // it is meant, even if something is wrong with it
		}
	}
	picked, err := r.pickRole(ctx, "")
	if err == nil {
		*f = picked
	}
	return err
}

// pickRole has the user pick a role. If query is not "", it is what the picker
// looks for at first, and one that alone fits is not asked about.
func (r *run) pickRole(ctx context.Context, query string) (roleFlags, error) {
	c, err := r.catalog(ctx)
	if err == nil && c.Empty() {
		c, err = r.firstList(ctx)
	}
	if err != nil {
		return roleFlags{}, err
	}
	cache := safedir.Dir(r.config.CacheDir)
	c.Sort(roles.RecentIn(cache))
	picked := c.Only(query)
	if picked != nil {
		r.Say("%s: using %s", r.name(), terminal.Line(picked.Name+": "+picked.Detail))
	} else if picked, err = r.pickFrom(ctx, c, query); err != nil {
		return roleFlags{}, err
	}
	c.Remember(picked, cache)
	return roleFlags(picked.Role), nil
}

func (r *run) pickFrom(ctx context.Context, c *roles.Catalog, query string) (*roles.Offer, error) {
	i, err := r.PickOne(c.Menu(ctx, query, listAge))
	if errors.Is(err, terminal.ErrNothing) && c.Err != nil {
		err = c.Err
	}
	if err != nil {
		return nil, err
	}
	return &c.Offers[i], nil
}

// firstList lists the roles of a session, after a sign-in if it takes one, where there
// is nothing else to offer.
func (r *run) firstList(ctx context.Context) (*roles.Catalog, error) {
	none := &usageError{problem: "no profile in " + r.files.Path + " comes from IAM Identity Center",
		more: "Write profiles for the roles you have:", hint: r.name() + " configure"}
	if len(r.files.SessionNames()) == 0 {
		return nil, none
	}
	t, err := r.implied()
	if err != nil {
		return nil, err
	}
	if _, _, err := r.listOrSignIn(ctx, t, &credproc.Listing{Session: t.session, MaxAge: listAge}); err != nil {
		return nil, t.wrap(err)
	}
	c, err := r.catalog(ctx)
	if err == nil && len(c.Offers) == 0 {
		err = none
	}
	return c, err
}

// catalog is made of what is known without asking a service.
func (r *run) catalog(ctx context.Context) (*roles.Catalog, error) {
	configured, err := r.roles()
	if err != nil {
		return nil, err
	}
	return roles.NewCatalog(configured, r.lists(ctx, false)), nil
}

// lists returns the lists that were made before, of every session; if quietly, only
// those that can be read without asking a person.
func (r *run) lists(ctx context.Context, quietly bool) (all []roles.List) {
	for _, name := range r.files.SessionNames() {
		s, err := r.config.Session(name)
		if err != nil || quietly && !listsQuietly(s) {
			continue
		}
		accounts, at, err := (&credproc.Listing{Session: s, Offline: true}).Accounts(ctx)
		if err == nil {
			all = append(all, roles.List{Name: name, Session: s, Accounts: accounts, Old: time.Since(at) > listAge && listsQuietly(s)})
		}
	}
	return all
}

// listsQuietly reports whether a list of the session can be made while a picker has
// the terminal: nothing asks for a passphrase there.
func listsQuietly(s *tokencache.Session) bool {
	login, err := s.Status()
	return err == nil && login != nil && elsewhere.Usable(login) && login.Keyring != "file"
}
