package cmd

import (
	"context"
	"strings"
	"time"

	"github.com/credproc/credproc/cmd/internal/advice"
	"github.com/credproc/credproc/cmd/internal/match"
	"github.com/credproc/credproc/cmd/internal/shell"
	"github.com/credproc/credproc/cmd/internal/terminal"
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
	offers, errOffers := r.offers(ctx)
	if errOffers != nil || len(offers) == 0 || err == nil {
		return err
	}
	var lines []terminal.Prose
	for _, i := range match.Words(name).Nearest(texts(offers), mostNear) {
		lines = append(lines, terminal.Prosef("  %s  %s", offers[i].flags.words(), offers[i].Detail))
	}
	return &advice.NearestError{Err: err, Lines: terminal.Join(lines, "\n")}
}

// words are the arguments that name the role to a command, quoted for a shell.
func (f *roleFlags) words() string {
	if f.Profile != "" {
		return shell.Word(f.Profile)
	}
	var words []string
	for _, flag := range [][2]string{
		{"--account-id", f.AccountID}, {"--role-name", f.RoleName},
		{"--sso-session", f.SSOSession}, {"--sso-start-url", f.SSOStartURL}, {"--sso-region", f.SSORegion},
	} {
		if flag[1] != "" {
			words = append(words, flag[0], shell.Word(flag[1]))
		}
	}
	return strings.Join(words, " ")
}

// texts are what queries look in, for each of the offers.
func texts(offers []offer) []string {
	all := make([]string, len(offers))
	for i, o := range offers {
		all[i] = o.Name + " " + o.Detail
	}
	return all
}
