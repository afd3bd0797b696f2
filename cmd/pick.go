package cmd

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/credproc/credproc/cmd/internal/match"
	"github.com/credproc/credproc/cmd/internal/profiles"
	"github.com/credproc/credproc/cmd/internal/terminal"
	"github.com/credproc/credproc/credproc"
	"github.com/credproc/credproc/internal/safedir"
)

// pickSession asks the person for one of the sessions.
func (r *run) pickSession(names []string) (*target, error) {
	var choices []terminal.Choice
	for _, name := range names {
		choices = append(choices, terminal.Choice{Name: name})
	}
	i, err := r.PickOne(terminal.Menu{Title: "Which session?", Choices: choices})
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

// offer is a role to be picked.
type offer struct {
	terminal.Choice
	key   string // for the list of recent ones
	flags roleFlags
}

// pickRole has the user pick a role. If query is not "", it is what the picker
// looks for at first, and one that alone fits is not asked about.
func (r *run) pickRole(ctx context.Context, query string) (roleFlags, error) {
	offers, err := r.offers(ctx)
	if err != nil {
		return roleFlags{}, err
	}
	if len(offers) == 0 {
		return roleFlags{}, &usageError{problem: "no profile in " + r.files.Path + " comes from IAM Identity Center",
			more: "Write profiles for the roles you have:", hint: r.name() + " configure"}
	}
	recent := r.recent()
	slices.SortStableFunc(offers, func(a, b offer) int { return rank(recent, a.key) - rank(recent, b.key) })
	if found := match.Words(query).All(texts(offers)); query != "" && len(found) == 1 {
		o := offers[found[0]]
		r.Say("%s: using %s", r.name(), terminal.Line(o.Name+": "+o.Detail))
		r.remember(recent, o.key)
		return o.flags, nil
	}
	choices := make([]terminal.Choice, 0, len(offers))
	for _, o := range offers {
		choices = append(choices, o.Choice)
	}
	i, err := r.PickOne(terminal.Menu{Title: "Which role?", Choices: choices, Query: query})
	if err != nil {
		return roleFlags{}, err
	}
	r.remember(recent, offers[i].key)
	return offers[i].flags, nil
}

// rank is the place of a key among the recent ones, or after all of them.
func rank(recent []string, key string) int {
	if i := slices.Index(recent, key); i >= 0 {
		return i
	}
	return len(recent)
}

// offers returns the profiles, and then the roles that no profile has, as far
// as they are known: a session whose roles were never listed is asked.
func (r *run) offers(ctx context.Context) (offers []offer, err error) {
	configured, err := r.config.Roles()
	if err != nil {
		return nil, err
	}
	accounts := r.knownAccounts(ctx, len(configured) == 0 && r.Interactive())
	known := accounts.byKey()
	used := map[profiles.Key]bool{}
	for _, p := range configured {
		used[keyOf(p)] = true
		detail := strings.TrimSpace(p.RoleName + " " + p.RoleARN)
		if p.RoleARN == "" {
			a := known[profiles.Key{Session: p.Session, Account: p.AccountID}]
			detail = strings.TrimRight(fmt.Sprintf("%s  %s %s  %s", p.RoleName, p.AccountID, a.Name, a.Email), " ")
		}
		offers = append(offers, offer{terminal.Choice{Name: p.Profile, Detail: detail}, "profile " + p.Profile, roleFlags{Profile: p.Profile}})
	}
	for _, session := range accounts {
		for _, a := range session.accounts {
			for _, role := range a.Roles {
				if used[profiles.Key{Session: session.name, Account: a.ID, Role: role}] {
					continue
				}
				name := cmp.Or(a.Name, a.ID) + "  " + role
				offers = append(offers, offer{terminal.Choice{Name: name, Detail: strings.TrimSpace(a.ID + "  " + session.name + "  " + a.Email)},
					"role " + session.name + " " + a.ID + " " + role,
					roleFlags{SSOSession: session.name, AccountID: a.ID, RoleName: role}})
			}
		}
	}
	return offers, nil
}

func keyOf(p credproc.ProfileRole) profiles.Key {
	return profiles.Key{Session: p.Session, Account: p.AccountID, Role: p.RoleName}
}

// listed is what is known of a session's accounts.
type listed struct {
	name     string
	accounts []credproc.Account
}

type listedSessions []listed

// byKey returns the accounts by session and ID.
func (all listedSessions) byKey() map[profiles.Key]credproc.Account {
	known := map[profiles.Key]credproc.Account{}
	for _, s := range all {
		for _, a := range s.accounts {
			known[profiles.Key{Session: s.name, Account: a.ID}] = a
		}
	}
	return known
}

// knownAccounts returns the lists of all sessions that were made before. With
// nothing else to offer, the service is asked.
func (r *run) knownAccounts(ctx context.Context, ask bool) (all listedSessions) {
	names := r.files.SessionNames() // whether they can be read was seen before
	for _, name := range names {
		s, err := r.config.Session(name)
		if err != nil {
			continue
		}
		accounts, _, err := (&credproc.Listing{Session: s, Offline: true}).Accounts(ctx)
		if err == nil && accounts == nil && ask {
			accounts, _, err = r.list(ctx, &credproc.Listing{Session: s, MaxAge: listAge})
		}
		if err == nil {
			all = append(all, listed{name, accounts})
		}
	}
	return all
}

const (
	recentFile = "recent.json"
	mostRecent = 30
)

// cache is where what can be done without is kept.
func (r *run) cache() (safedir.Dir, error) {
	_, cache, err := dirsOf(r.App, r.config)
	return safedir.Dir(cache), err
}

// recent returns the keys of what was picked, the last first.
func (r *run) recent() (keys []string) {
	dir, err := r.cache()
	if err != nil {
		return nil
	}
	text, err := dir.Read(recentFile)
	if err != nil || json.Unmarshal(text, &keys) != nil {
		return nil
	}
	return keys
}

// remember keeps what was picked, if it can be kept.
func (r *run) remember(recent []string, key string) {
	if len(recent) > 0 && recent[0] == key {
		return
	}
	recent = slices.DeleteFunc(slices.Clone(recent), func(k string) bool { return k == key })
	recent = append([]string{key}, recent[:min(len(recent), mostRecent-1)]...)
	dir, err := r.cache()
	text, errText := json.Marshal(recent)
	if err == nil && errText == nil {
		dir.WriteUnsynced(recentFile, text)
	}
}
