package cmd

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"sort"
	"strings"
	"time"

	"github.com/credproc/credproc/cmd/internal/elsewhere"
	"github.com/credproc/credproc/cmd/internal/match"
	"github.com/credproc/credproc/cmd/internal/profiles"
	"github.com/credproc/credproc/cmd/internal/terminal"
	"github.com/credproc/credproc/credproc"
	"github.com/credproc/credproc/internal/safedir"
	"github.com/credproc/credproc/tokencache"
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
	c, err := r.catalog(ctx)
	if err != nil {
		return roleFlags{}, err
	}
	if len(c.offers)+len(c.old) == 0 {
		if c, err = r.firstList(ctx); err != nil {
			return roleFlags{}, err
		}
	}
	recent := r.recent()
	sort.SliceStable(c.offers, func(i, j int) bool { return rank(recent, c.offers[i].key) < rank(recent, c.offers[j].key) })
	if found := match.Words(query).All(texts(c.offers)); query != "" && len(found) == 1 {
		o := c.offers[found[0]]
		r.Say("%s: using %s", r.name(), terminal.Line(o.Name+": "+o.Detail))
		r.remember(recent, o.key)
		return o.flags, nil
	}
	menu := terminal.Menu{Title: "Which role?", Choices: choicesOf(c.offers), Query: query}
	if len(c.old) > 0 {
		menu.Load = func(open context.Context, add func(terminal.News)) { c.load(ctx, open, add) }
	}
	i, err := r.PickOne(menu)
	if errors.Is(err, terminal.ErrNothing) && c.err != nil {
		err = c.err
	}
	if err != nil {
		return roleFlags{}, err
	}
	r.remember(recent, c.offers[i].key)
	return c.offers[i].flags, nil
}

// firstList lists the roles of a session, after a sign-in if it takes one, where there
// is nothing else to offer.
func (r *run) firstList(ctx context.Context) (*catalog, error) {
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
	if err == nil && len(c.offers) == 0 {
		err = none
	}
	return c, err
}

// rank is the place of a key among the recent ones, or after all of them.
func rank(recent []string, key string) int {
	if i := slices.Index(recent, key); i >= 0 {
		return i
	}
	return len(recent)
}

// catalog is the list to pick from: the profiles, and then the roles that no
// profile has, as far as they are known.
type catalog struct {
	offers []offer
	used   map[profiles.Key]bool // roles that are offered
	old    []listed              // sessions whose lists are missing or old
	err    error                 // of the last list that failed
}

func (r *run) offers(ctx context.Context) ([]offer, error) {
	c, err := r.catalog(ctx)
	if err != nil {
		return nil, err
	}
	return c.offers, nil
}

func (r *run) catalog(ctx context.Context) (*catalog, error) {
	configured, err := r.roles()
	if err != nil {
		return nil, err
	}
	accounts := r.knownAccounts(ctx)
	known := accounts.byKey()
	c := &catalog{used: map[profiles.Key]bool{}}
	for _, p := range configured {
		c.used[keyOf(p)] = true
		detail := strings.TrimSpace(p.RoleName + " " + p.RoleARN)
		if p.RoleARN == "" {
			a := known[profiles.Key{Session: p.Session, Account: p.AccountID}]
			detail = strings.TrimRight(fmt.Sprintf("%s  %s %s  %s", p.RoleName, p.AccountID, a.Name, a.Email), " ")
		}
		c.offers = append(c.offers, offer{terminal.Choice{Name: p.Profile, Detail: detail}, "profile " + p.Profile, roleFlags{Profile: p.Profile}})
	}
	for _, l := range accounts {
		for _, a := range l.accounts {
			c.add(l, a)
		}
		if l.old {
			c.old = append(c.old, l)
		}
	}
	return c, nil
}

// add offers the roles of an account that are not offered yet, and returns them.
func (c *catalog) add(l listed, a credproc.Account) []offer {
	before := len(c.offers)
	for _, role := range a.Roles {
		key := profiles.Key{Session: l.name, Account: a.ID, Role: role}
		if c.used[key] {
			continue
		}
		c.used[key] = true
		name := cmp.Or(a.Name, a.ID) + "  " + role
		c.offers = append(c.offers, offer{terminal.Choice{Name: name, Detail: strings.TrimSpace(a.ID + "  " + l.name + "  " + a.Email)},
			"role " + l.name + " " + a.ID + " " + role,
			roleFlags{SSOSession: l.name, AccountID: a.ID, RoleName: role}})
	}
	return c.offers[before:]
}

// load makes the lists that are missing or old while the picker is open, and adds to
// it what they bring.
func (c *catalog) load(ctx, open context.Context, add func(terminal.News)) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(open, cancel)()
	for _, l := range c.old {
		var pace terminal.Pace
		add(terminal.News{Note: "listing " + l.name})
		accounts, _, err := (&credproc.Listing{Session: l.session, MaxAge: listAge, Progress: func(p credproc.Progress) {
			add(terminal.News{Choices: choicesOf(c.add(l, p.Account)), Note: progressLine(p, pace.Left(p.Done, p.Total, p.Rate, time.Now()))})
		}}).Accounts(ctx)
		news := terminal.News{}
		if err != nil {
			c.err = err
			news.Note = err.Error()
		}
		for _, a := range accounts { // if another process made the list, there was no progress
			news.Choices = append(news.Choices, choicesOf(c.add(l, a))...)
		}
		add(news)
	}
}

func choicesOf(offers []offer) []terminal.Choice {
	choices := make([]terminal.Choice, 0, len(offers))
	for _, o := range offers {
		choices = append(choices, o.Choice)
	}
	return choices
}

func keyOf(p credproc.ProfileRole) profiles.Key {
	return profiles.Key{Session: p.Session, Account: p.AccountID, Role: p.RoleName}
}

// listed is what is known of a session's accounts.
type listed struct {
	name     string
	session  *tokencache.Session
	accounts []credproc.Account
	old      bool // a list can be made, and none is there that is recent
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

// knownAccounts returns the lists of all sessions that were made before.
func (r *run) knownAccounts(ctx context.Context) (all listedSessions) {
	for _, name := range r.files.SessionNames() {
		s, err := r.config.Session(name)
		if err != nil {
			continue
		}
		accounts, at, err := (&credproc.Listing{Session: s, Offline: true}).Accounts(ctx)
		if err == nil {
			all = append(all, listed{name, s, accounts, time.Since(at) > listAge && listsQuietly(s)})
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
