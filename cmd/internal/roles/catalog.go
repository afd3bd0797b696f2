package roles

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/credproc/credproc/cmd/internal/child"
	"github.com/credproc/credproc/cmd/internal/match"
	"github.com/credproc/credproc/cmd/internal/profiles"
	"github.com/credproc/credproc/cmd/internal/terminal"
	"github.com/credproc/credproc/credproc"
	"github.com/credproc/credproc/tokencache"
)

// Offer is a role to be picked.
type Offer struct {
	terminal.Choice
	Role child.Role
	key  string // for the recent ones
}

// List is what is known of a session's accounts.
type List struct {
	Name     string
	Session  *tokencache.Session
	Accounts []credproc.Account
	Old      bool // a list can be made, and none is there that is recent
}

// Catalog is the list to pick from: the profiles, and then the roles that no
// profile has, as far as they are known.
type Catalog struct {
	Offers []Offer
	Err    error // of the last list that failed

	used   map[profiles.Key]bool // roles that are offered
	old    []List
	recent Recent
}

// NewCatalog offers the profiles, and what the lists have besides.
func NewCatalog(configured []credproc.ProfileRole, lists []List) *Catalog {
	known := byKey(lists)
	c := &Catalog{used: map[profiles.Key]bool{}}
	for _, p := range configured {
		c.used[keyOf(p)] = true
		detail := strings.TrimSpace(p.RoleName + " " + p.RoleARN)
		if p.RoleARN == "" {
			a := known[profiles.Key{Session: p.Session, Account: p.AccountID}]
			detail = strings.TrimRight(fmt.Sprintf("%s  %s %s  %s", p.RoleName, p.AccountID, a.Name, a.Email), " ")
		}
		c.Offers = append(c.Offers, Offer{terminal.Choice{Name: p.Profile, Detail: detail}, child.Role{Profile: p.Profile}, "profile " + p.Profile})
	}
	for _, l := range lists {
		for _, a := range l.Accounts {
			c.add(l.Name, a)
		}
		if l.Old {
			c.old = append(c.old, l)
		}
	}
	return c
}

// Sort offers what was picked lately first.
func (c *Catalog) Sort(recent Recent) {
	c.recent = recent
	slices.SortStableFunc(c.Offers, func(a, b Offer) int { return recent.rank(a.key) - recent.rank(b.key) })
}

// byKey returns the accounts by session and ID.
func byKey(lists []List) map[profiles.Key]credproc.Account {
	known := map[profiles.Key]credproc.Account{}
	for _, l := range lists {
		for _, a := range l.Accounts {
			known[profiles.Key{Session: l.Name, Account: a.ID}] = a
		}
	}
	return known
}

// add offers the roles of an account that are not offered yet, and returns them.
func (c *Catalog) add(session string, a credproc.Account) []Offer {
	before := len(c.Offers)
	for _, role := range a.Roles {
		key := profiles.Key{Session: session, Account: a.ID, Role: role}
		if c.used[key] {
			continue
		}
		c.used[key] = true
		choice := terminal.Choice{Name: cmp.Or(a.Name, a.ID) + "  " + role, Detail: strings.TrimSpace(a.ID + "  " + session + "  " + a.Email)}
		c.Offers = append(c.Offers, Offer{choice, child.Role{SSOSession: session, AccountID: a.ID, RoleName: role}, "role " + session + " " + a.ID + " " + role})
	}
	return c.Offers[before:]
}

// Empty reports whether nothing is offered, and no list can be made of what might.
func (c *Catalog) Empty() bool { return len(c.Offers)+len(c.old) == 0 }

// Only returns the one offer that the words find, or nil.
func (c *Catalog) Only(words string) *Offer {
	if found := match.Words(words).All(c.texts()); words != "" && len(found) == 1 {
		return &c.Offers[found[0]]
	}
	return nil
}

// Nearest are lines about the offers most like the words, n at most.
func (c *Catalog) Nearest(words string, n int) terminal.Prose {
	var lines []terminal.Prose
	for _, i := range match.Words(words).Nearest(c.texts(), n) {
		lines = append(lines, terminal.Prosef("  %s  %s", Words(c.Offers[i].Role), c.Offers[i].Detail))
	}
	return terminal.Join(lines, "\n")
}

// texts are what queries look in, for each of the offers.
func (c *Catalog) texts() []string {
	all := make([]string, len(c.Offers))
	for i, o := range c.Offers {
		all[i] = o.Name + " " + o.Detail
	}
	return all
}

// Menu has the offers, and those of the lists that are made while it is open. query
// is what it looks for at first.
func (c *Catalog) Menu(ctx context.Context, query string, age time.Duration) terminal.Menu {
	menu := terminal.Menu{Title: "Which role?", Choices: choicesOf(c.Offers), Query: query}
	if len(c.old) > 0 {
		menu.Load = func(open context.Context, add func(terminal.News)) { c.load(ctx, open, age, add) }
	}
	return menu
}

// load makes the lists that are missing or old while the picker is open, and adds to
// it what they bring.
func (c *Catalog) load(ctx, open context.Context, age time.Duration, add func(terminal.News)) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(open, cancel)()
	for _, l := range c.old {
		var pace terminal.Pace
		add(terminal.News{Note: "listing " + l.Name})
		accounts, _, err := (&credproc.Listing{Session: l.Session, MaxAge: age, Progress: func(p credproc.Progress) {
			add(terminal.News{Choices: choicesOf(c.add(l.Name, p.Account)), Note: progress(p, pace.Left(p.Done, p.Total, p.Rate, time.Now()))})
		}}).Accounts(ctx)
		news := terminal.News{}
		if err != nil {
			c.Err = err
			news.Note = err.Error()
		}
		for _, a := range accounts { // if another process made the list, there was no progress
			news.Choices = append(news.Choices, choicesOf(c.add(l.Name, a))...)
		}
		add(news)
	}
}

func choicesOf(offers []Offer) []terminal.Choice {
	choices := make([]terminal.Choice, 0, len(offers))
	for _, o := range offers {
		choices = append(choices, o.Choice)
	}
	return choices
}
