package cmd

import (
	"context"
	"strings"
	"time"

	"github.com/credproc/credproc/cmd/internal/advice"
)

// find makes the words after a command name the role: the profile of that name, or
// else, on a terminal, the role that they find. process does not call it: a line of
// a config file must not mean another role tomorrow.
func (f *roleFlags) find(ctx context.Context, r *run, words []string) error {
	name := strings.Join(words, " ")
	switch {
	case len(words) == 0:
		return f.choose(ctx, r)
	case f.Profile != "":
		return r.usage("name a profile or --profile, not both")
	case f.byRole(), r.files.HasProfile(name):
		f.Profile = name
		return nil
	case !r.Interactive():
		return r.nearest(ctx, name)
	}
	picked, err := r.pickRole(ctx, name)
	if err == nil {
		*f = picked
	}
	return err
}

const (
	// lookTime is how long the lists of accounts may take to be read for a message:
	// their key may be in a slow keychain.
	lookTime = time.Second
	mostNear = 3
)

// nearest is the error for a name that no profile has. It has the lines of the
// nearest roles, if any are known.
func (r *run) nearest(ctx context.Context, name string) error {
	_, err := r.config.Provider(name)
	ctx, cancel := context.WithTimeout(ctx, lookTime)
	defer cancel()
	c, unknown := r.catalog(ctx)
	if unknown != nil || len(c.Offers) == 0 || err == nil {
		return err
	}
	return &advice.NearestError{Err: err, Lines: c.Nearest(name, mostNear)}
}
