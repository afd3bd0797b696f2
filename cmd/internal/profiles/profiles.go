// Package profiles writes profiles into the text of a config file: which roles get
// one, what it is called, and how the credential_process line starts. It makes new
// text of old, and writes no file.
package profiles

import (
	"cmp"
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"

	"github.com/credproc/credproc/cmd/internal/terminal"
	"github.com/credproc/credproc/credproc"
	"github.com/credproc/credproc/internal/awsconfig"
	"github.com/credproc/credproc/internal/printable"
)

// defaultTemplate names profiles where nothing else is said.
const defaultTemplate = "{{.AccountName}}/{{.RoleName}}"

// A Key tells roles apart.
type Key struct{ Session, Account, Role string }

// Error is why profiles cannot be written as they are asked for.
type Error struct{ Problem, More string }

func (e *Error) Error() string { return e.Problem }

// Role is a role that is to have a profile.
type Role struct {
	AccountName, AccountID, Email, RoleName, Session string
}

// String says which role it is, to people: whatever an account is called, on a
// line.
func (w *Role) String() string {
	return printable.Line(fmt.Sprintf("role %s in account %s (%s)", w.RoleName, w.AccountID, w.AccountName))
}

// clean returns the fields as a template gets them: what a name must not have
// in it is a hyphen, and a "/" is left to the template.
func (w *Role) clean() Role {
	field := func(text string) string { return slug(strings.ReplaceAll(text, "/", "-")) }
	name := cmp.Or(field(w.AccountName), w.AccountID)
	return Role{name, w.AccountID, field(w.Email), field(w.RoleName), field(w.Session)}
}

// slug makes a name of section that every SDK reads: letters, digits and
// "_.@+/-" stay, all else becomes hyphens, one for a run of them.
func slug(text string) string {
	var b strings.Builder
	hyphen := false
	for _, r := range text {
		switch {
		case r >= '0' && r <= '9' || r >= 'A' && r <= 'Z' || r >= 'a' && r <= 'z' || strings.ContainsRune("_.@+/", r):
			if hyphen && b.Len() > 0 {
				b.WriteByte('-')
			}
			hyphen = false
			b.WriteRune(r)
		default:
			hyphen = true
		}
	}
	return b.String()
}

func nameBy(t *Template, w *Role) (string, error) {
	text, err := t.name(new(w.clean()))
	if err != nil {
		return "", err
	}
	name := slug(text)
	if name == "" {
		return "", &Error{Problem: fmt.Sprintf("--template makes an empty name for %s", w)}
	}
	return name, nil
}

// named gives each role a name. Names that stood before are kept, unless the
// template is a new one. By the default template roles of the same name are told
// apart by the account's ID; by another one they are an error.
func named(roles []Role, before map[Key]string, text string, renew bool) (map[Key]string, error) {
	t, err := ParseTemplate(cmp.Or(text, defaultTemplate))
	if err != nil {
		return nil, err
	}
	n := &naming{names: map[Key]string{}, taken: map[string]bool{}, by: map[string][]Role{}}
	for key, name := range before {
		if !renew || !slices.ContainsFunc(roles, func(w Role) bool { return w.key() == key }) {
			n.taken[name] = true
		}
	}
	for _, w := range roles {
		if name, ok := before[w.key()]; ok && !renew {
			n.names[w.key()] = name
			continue
		}
		name, err := nameBy(t, &w)
		if err != nil {
			return nil, err
		}
		n.by[name] = append(n.by[name], w)
	}
	for _, name := range slices.Sorted(maps.Keys(n.by)) {
		sortRoles(n.by[name])
		if isOnly := len(n.by[name]) == 1 && !n.taken[name]; !isOnly && cmp.Or(text, defaultTemplate) != defaultTemplate {
			return nil, collision(name, n.by[name], before)
		}
		n.settle(name)
	}
	return n.names, nil
}

// naming is how far that has come.
type naming struct {
	names map[Key]string
	taken map[string]bool
	by    map[string][]Role // those without a name yet, by the one that the template gives
}

// settle gives a name to the roles that the template gives it to: a unique one to
// each, if there are several.
func (n *naming) settle(name string) {
	same := n.by[name]
	if len(same) == 1 && !n.taken[name] {
		n.give(&same[0], name)
		return
	}
	for _, w := range same {
		unique := name + "-" + w.AccountID
		for i := 2; n.taken[unique] || n.by[unique] != nil; i++ { // roles that differ in what a name cannot have
			unique = fmt.Sprintf("%s-%s-%d", name, w.AccountID, i)
		}
		n.give(&w, unique)
	}
}

func (n *naming) give(w *Role, name string) { n.names[w.key()], n.taken[name] = name, true }

func sortRoles(roles []Role) {
	slices.SortFunc(roles, func(a, b Role) int {
		return cmp.Or(cmp.Compare(a.AccountID, b.AccountID), cmp.Compare(a.RoleName, b.RoleName))
	})
}

func collision(name string, same []Role, before map[Key]string) error {
	var who []string
	for _, w := range same {
		who = append(who, w.String())
	}
	for key, other := range before {
		if other == name && len(same) == 1 {
			who = append(who, fmt.Sprintf("role %s in account %s of session %s", key.Role, key.Account, key.Session))
		}
	}
	if others := len(who) - 2; others > 1 { // of hundreds, two say it all
		who = append(who[:2], fmt.Sprintf("%d others", others))
	}
	lacks := "{{.AccountID}}"
	if len(same) > 1 && same[0].AccountID == same[1].AccountID {
		lacks = "{{.RoleName}}"
	}
	return &Error{Problem: fmt.Sprintf("the template gives the name %q to %s", name, strings.Join(who, " and to ")),
		More: "Put " + lacks + " into it."}
}

func (w *Role) key() Key { return Key{w.Session, w.AccountID, w.RoleName} }

// Selection says which roles are meant, by patterns with "*" and "?".
type Selection struct{ Accounts, Roles []string }

// Of returns the selected roles of the accounts of a session.
func (s *Selection) Of(session string, accounts []credproc.Account) (roles []Role, err error) {
	for _, a := range accounts {
		for _, role := range a.Roles {
			account, err := matchesAny(s.Accounts, a.Name, a.ID)
			if err != nil {
				return nil, err
			}
			named, err := matchesAny(s.Roles, role)
			if err != nil {
				return nil, err
			}
			if account && named {
				roles = append(roles, Role{a.Name, a.ID, a.Email, role, session})
			}
		}
	}
	return roles, nil
}

// matchesAny reports whether one of the texts is like one of the patterns, in
// any letters. No pattern is like everything.
func matchesAny(patterns []string, texts ...string) (bool, error) {
	for _, pattern := range patterns {
		for _, text := range texts {
			like, err := matches(pattern, text)
			if like || err != nil {
				return like, err
			}
		}
	}
	return len(patterns) == 0, nil
}

func matches(pattern, text string) (bool, error) {
	flat := strings.NewReplacer("/", "\x00") // which "*" stands for too, unlike in paths
	like, err := path.Match(flat.Replace(strings.ToLower(pattern)), flat.Replace(strings.ToLower(text)))
	if err != nil {
		return false, &Error{Problem: fmt.Sprintf("%q is not a pattern", pattern)}
	}
	return like, nil
}

// RegionRules say which region a profile gets: "REGION" for all, or
// "PATTERN=REGION" for the accounts whose name or ID is like PATTERN. The first
// one that fits counts.
type RegionRules []string

func (rules RegionRules) of(w *Role) (string, error) {
	for _, rule := range rules {
		pattern, region, ok := strings.Cut(rule, "=")
		if !ok {
			pattern, region = "*", rule
		}
		like, err := matchesAny([]string{pattern}, w.AccountName, w.AccountID)
		if like || err != nil {
			return region, err
		}
	}
	return "", nil
}

// A Block is what our block in a config file is to be.
type Block struct {
	parts []awsconfig.Part
	// What changes, for people.
	added, changed, removed, kept int
	session                       bool   // is new
	Example                       string // a profile to try
}

// Summary says what is done to the file, or, if done, what was: "Add 1 session and
// 5 profiles, remove 1 profile".
func (b *Block) Summary(done bool) string {
	var words []string
	for _, change := range []struct {
		will, did, what string
	}{
		{"add", "added", b.additions()},
		{"change", "changed", some(b.changed)}, {"remove", "removed", some(b.removed)}, {"keep", "kept", some(b.kept)},
	} {
		verb := change.will
		if done {
			verb = change.did
		}
		if change.what != "" {
			words = append(words, verb+" "+change.what)
		}
	}
	text := strings.Join(words, ", ")
	if text == "" {
		return "No profile"
	}
	return strings.ToUpper(text[:1]) + text[1:]
}

// additions is what is added, in words.
func (b *Block) additions() string {
	switch {
	case !b.session:
		return some(b.added)
	case b.added == 0:
		return "1 session"
	}
	return "1 session and " + some(b.added)
}

// some counts profiles, if there are any.
func some(n int) string {
	if n == 0 {
		return ""
	}
	return terminal.Count(n, "profile")
}

// keys returns the roles that the profiles of a block are for, and their
// places. Profiles that were reverted count.
func (plan *Plan) keys(parts []awsconfig.Part) map[Key]int {
	keys := map[Key]int{}
	for i, p := range parts {
		if p.Kind != "profile" {
			continue
		}
		key := plan.keyOf(&p)
		if _, twice := keys[key]; key.Role != "" && !twice {
			keys[key] = i
		}
	}
	return keys
}

func (plan *Plan) keyOf(p *awsconfig.Part) Key {
	if process, ok := p.Get("credential_process"); ok {
		flags := awsconfig.LineFlags(process)
		session := cmp.Or(flags["--sso-session"], flags["--sso-start-url"])
		if session == flags["--sso-start-url"] && strings.HasPrefix(plan.flags, "--sso-start-url "+session+" ") && flags["--sso-region"] == plan.Session.Region {
			session = plan.Session.Name
		}
		return Key{session, flags["--account-id"], flags["--role-name"]}
	}
	session, _ := p.Get("sso_session")
	account, _ := p.Get("sso_account_id")
	role, _ := p.Get("sso_role_name")
	return Key{session, account, role}
}

// strangers are the names of profiles in a block that are for no role, or for
// one that another profile is for.
func (plan *Plan) strangers(parts []awsconfig.Part, keys map[Key]int) map[string]bool {
	names := map[string]bool{}
	for i, p := range parts {
		if at, ok := keys[plan.keyOf(&p)]; p.Kind == "profile" && (!ok || at != i) {
			names[p.Name] = true
		}
	}
	return names
}

// Plan is everything that decides how a block comes to be.
type Plan struct {
	Session  awsconfig.Session // written too, if the file does not have it
	Command  string            // how lines start
	Template string
	Regions  RegionRules
	Prune    bool
	All      []credproc.Account // of the session, whether selected or not

	isNew  bool   // the session
	flags  string // by which lines name it
	region string // where no rule fits and none stands there
}

// apply plans the profiles of the roles in a block of these parts. outside has
// the profiles of the rest of the file.
func (plan *Plan) apply(parts []awsconfig.Part, roles []Role, outside map[string]*awsconfig.Section) (*Block, error) {
	b := &Block{parts: slices.Clone(parts)}
	keys := plan.keys(parts)
	names, err := plan.names(parts, keys, roles)
	if err != nil {
		return nil, err
	}
	if plan.isNew {
		b.parts = append(b.parts, section(plan.Session))
		b.session = true
	}
	others := plan.strangers(parts, keys)
	for _, w := range roles {
		name := names[w.key()]
		if outside[name] != nil || others[name] {
			return nil, &Error{Problem: fmt.Sprintf("there is a profile %q already, and %s would have the same name", name, &w),
				More: "Give the new ones other names with --template, or leave some out with --match-account and --match-role."}
		}
		b.Example = cmp.Or(b.Example, name)
		i, there := keys[w.key()]
		if err := plan.put(b, i, there, &w, name); err != nil {
			return nil, err
		}
	}
	if plan.Prune {
		b.prune(plan.Session.Name, keys, plan.All)
	}
	if plan.Template != "" {
		b.setTemplate(plan.Session.Name, plan.Template)
	}
	return b, nil
}

// names are those of the roles: the ones they have, unless the template is another.
func (plan *Plan) names(parts []awsconfig.Part, keys map[Key]int, roles []Role) (map[Key]string, error) {
	before := map[Key]string{}
	for key, i := range keys {
		before[key] = parts[i].Name
	}
	stored := templateOf(parts, plan.Session.Name)
	return named(roles, before, cmp.Or(plan.Template, stored), plan.Template != "" && plan.Template != stored)
}

func templateMark(session string) string { return "# names in " + session + ": " }

// templateOf returns the template by which the profiles of a session were named
// the last time, if it was another than the default.
func templateOf(parts []awsconfig.Part, session string) string {
	if len(parts) == 0 || parts[0].Kind != "" {
		return ""
	}
	for _, line := range parts[0].Lines {
		if text, ok := strings.CutPrefix(line, templateMark(session)); ok {
			return text
		}
	}
	return ""
}

// setTemplate remembers it, for accounts that are new the next time.
func (b *Block) setTemplate(session, text string) {
	line := templateMark(session) + strings.Join(strings.Fields(text), " ")
	if len(b.parts) == 0 || b.parts[0].Kind != "" {
		b.parts = slices.Insert(b.parts, 0, awsconfig.Part{})
	}
	lead := &b.parts[0]
	lead.Lines = slices.DeleteFunc(slices.Clone(lead.Lines), func(l string) bool { return strings.HasPrefix(l, templateMark(session)) })
	lead.Lines = slices.Insert(lead.Lines, 0, line)
}

// put writes one profile.
func (plan *Plan) put(b *Block, i int, there bool, w *Role, name string) error {
	region, err := plan.Regions.of(w)
	if err != nil {
		return err
	}
	process := processLine(plan.Command, plan.flags, w.AccountID, w.RoleName)
	if !there {
		b.parts = append(b.parts, awsconfig.Part{Kind: "profile", Name: name, Lines: []string{
			profileHeader(name), "credential_process = " + process, "region = " + cmp.Or(region, plan.region), ""}})
		b.added++
		return nil
	}
	b.change(i, name, process, region)
	return nil
}

// change gives a profile that is there another name, line or region.
func (b *Block) change(i int, name, process, region string) {
	p := awsconfig.Part{Kind: "profile", Name: name, Lines: slices.Clone(b.parts[i].Lines)}
	if _, ours := p.Get("credential_process"); !ours { // it was reverted, and stays it
		b.kept++
		return
	}
	if name != b.parts[i].Name {
		p.Lines[0] = profileHeader(name)
	}
	p.Set("credential_process", process)
	if region != "" {
		p.Set("region", region)
	}
	if slices.Equal(p.Lines, b.parts[i].Lines) {
		b.kept++
		return
	}
	b.parts[i] = p
	b.changed++
}

func profileHeader(name string) string {
	if name == "default" {
		return "[default]"
	}
	return "[profile " + name + "]"
}

// prune removes the profiles of the session whose roles the person has no more.
func (b *Block) prune(session string, keys map[Key]int, accounts []credproc.Account) {
	have := map[Key]bool{}
	for _, a := range accounts {
		for _, role := range a.Roles {
			have[Key{session, a.ID, role}] = true
		}
	}
	var gone []int
	for key, i := range keys {
		if key.Session == session && !have[key] {
			gone = append(gone, i)
		}
	}
	slices.Sort(gone)
	for _, i := range slices.Backward(gone) {
		b.parts = slices.Delete(b.parts, i, i+1)
		b.removed++
	}
}

// lines returns the block as it is written.
func (b *Block) lines() (lines []string) {
	for _, p := range b.parts {
		lines = append(lines, p.Lines...)
	}
	return lines
}
