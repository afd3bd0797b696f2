package child

import (
	"encoding/base64"
	"encoding/json"
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
)

// Names names the variables of the program's own: it is what they start with,
// "CREDPROC_".
type Names string

func (n Names) variable(name string) string { return string(n) + name }

// Role names a role, or a profile, by the flags that were given.
type Role struct{ Profile, SSOSession, AccountID, RoleName, SSOStartURL, SSORegion string }

// Active is what credproc has done to an environment, as the variable
// CREDPROC_ACTIVE keeps it there. It is how a second exec or env does not take
// the region of the first for the user's own, how "env --unset" brings back what
// was set before, and how status knows the role of the shell. It holds no secret.
type Active struct {
	Role  Role              // that was asked for
	Last  Role              `json:",omitzero"`  // the one before, in this shell
	Key   string            `json:",omitempty"` // the access key ID given, if keys were
	Given map[string]string `json:",omitempty"`
	Was   map[string]string `json:",omitempty"` // what the variables had before
	Kept  []string          `json:",omitempty"` // of those with secrets, which a shell keeps
}

// ActiveIn reads the variable. What cannot be read is as if it were not there.
func (n Names) ActiveIn(getenv func(string) string) Active {
	var done Active
	text, err := base64.RawURLEncoding.DecodeString(getenv(n.variable("ACTIVE")))
	if err != nil || json.Unmarshal(text, &done) != nil {
		return Active{}
	}
	return done
}

func (f *Active) encode() string {
	text, _ := json.Marshal(f) // strings alone
	return base64.RawURLEncoding.EncodeToString(text)
}

// Before is getenv without what was given for another role: its region, and the
// copy of the config file, are not for this one. The profile of use stays: it is
// the one that is meant where none is named.
func (n Names) Before(getenv func(string) string) func(string) string {
	done := n.ActiveIn(getenv)
	return func(name string) string {
		value := getenv(name)
		if value != "" && value == done.Given[name] && name != profileVariable {
			return done.Was[name]
		}
		return value
	}
}

// Ours reports whether the credentials of an environment are those given: keys, an
// endpoint, or a profile. One that the user has set since counts more.
func (f *Active) Ours(getenv func(string) string) bool {
	profile := f.Profile()
	switch {
	case getenv(profileVariable) != profile || getenv("AWS_DEFAULT_PROFILE") != "":
		return false
	case profile != "":
		return getenv("AWS_ACCESS_KEY_ID") == ""
	case f.Key != "":
		return getenv("AWS_ACCESS_KEY_ID") == f.Key
	}
	url := f.Given[EndpointURL]
	return url != "" && url == getenv(EndpointURL)
}

// Profile is the profile that use has set, or "".
func (f *Active) Profile() string { return f.Given[profileVariable] }

// hasKeys reports whether the keys in an environment are those given.
func (f *Active) hasKeys(e Environment) bool {
	return f.Key != "" && f.Key == e.Get("AWS_ACCESS_KEY_ID")
}

// A Grant is what a command or a shell is given for a role.
type Grant struct {
	Role     Role
	Label    string
	Settings []Setting

	goesBack bool // to the role before, when asked
}

// Keys adds credentials that are not renewed.
func (g *Grant) Keys(c aws.Credentials) {
	g.Settings = append(g.Settings, Variables(c, "Z07:00")...)
	g.Settings = append(g.Settings, Setting{Name: "AWS_ACCOUNT_ID", Value: c.AccountID})
}

// Endpoint adds credentials that are asked for.
func (g *Grant) Endpoint(url, token string) {
	g.Settings = append(g.Settings, Setting{Name: EndpointURL, Value: url}, Setting{Name: endpointToken, Value: token})
}

// Profile makes programs get the credentials by a profile, whose line renews them.
func (g *Grant) Profile(name string) {
	g.goesBack = true
	g.Settings = append(g.Settings, Setting{Name: profileVariable, Value: name})
}

// With returns the environment that has what is given, and nothing that decides
// otherwise: that of a command of exec, and what env makes of a shell's.
func (n Names) With(before Environment, g *Grant) Environment {
	base := n.Without(before)
	after := slices.Clone(base)
	for _, v := range deciding {
		if !v.has(kept) {
			after.Remove(v.name)
		}
	}
	for _, s := range g.Settings {
		after.set(s.Name, s.Value)
	}
	kept := slices.Compact(slices.Sorted(slices.Values(append(n.ActiveIn(before.Get).Kept, n.theirs(before)...))))
	done := Active{Role: g.Role, Kept: kept, Key: after.Get("AWS_ACCESS_KEY_ID"), Given: map[string]string{}, Was: map[string]string{}}
	for _, v := range deciding {
		was, had := base.lookup(v.name)
		is, has := after.lookup(v.name)
		if v.has(secret) || was == is && had == has {
			continue
		}
		if has {
			done.Given[v.name] = is
		}
		if had {
			done.Was[v.name] = was
		}
	}
	if g.goesBack {
		done.Last = n.lastBefore(before, g.Role)
	}
	after.set(n.variable("ACTIVE_PROFILE"), g.Label)
	after.set(n.variable("ACTIVE"), done.encode())
	return after
}

// lastBefore returns the role that an environment had before it gets this one.
func (n Names) lastBefore(e Environment, role Role) Role {
	done := n.ActiveIn(e.Get)
	switch {
	case done.Role == role:
		return done.Last
	case done.Role != Role{}:
		return done.Role
	}
	return Role{Profile: e.Get(profileVariable)}
}

// Without takes back what credproc has given. What the user has changed since
// stays.
func (n Names) Without(before Environment) Environment {
	e, done := slices.Clone(before), n.ActiveIn(before.Get)
	if done.hasKeys(before) {
		for _, s := range Variables(aws.Credentials{SessionToken: "any", CanExpire: true}, "") {
			e.Remove(s.Name)
		}
	}
	if url := done.Given[EndpointURL]; url != "" && url == e.Get(EndpointURL) {
		e.Remove(endpointToken)
	}
	for _, v := range deciding {
		if is := done.Given[v.name]; is != "" && e.Get(v.name) == is {
			e.Remove(v.name)
		}
		if was, had := done.Was[v.name]; had && !e.has(v.name) && !v.has(secret) {
			e = append(e, v.name+"="+was)
		}
	}
	e.Remove(n.variable("ACTIVE_PROFILE"), n.variable("ACTIVE"))
	return e
}

// A Change is what a shell has to do to its environment.
type Change struct {
	Keep     []Kept // before Settings
	Settings []Setting
	Restore  []Kept // after them
}

// Kept is a variable with a secret, and the variable of the shell, not exported, that
// holds its value while a role takes its place. So nothing outside of the shell gets
// a copy.
type Kept struct{ Name, In string }

// Steps are what makes of one environment the other, in a shell. They say all
// that decides, not only what differs: a shell also has variables that it does
// not export.
func (n Names) Steps(before, after Environment) Change {
	c := Change{Keep: n.kept(n.theirs(before))}
	for _, v := range deciding {
		if is, has := after.lookup(v.name); !v.has(kept|label) || is != before.Get(v.name) {
			c.Settings = append(c.Settings, Setting{v.name, is, has})
		}
	}
	c.Settings = append(c.Settings, n.marks(after)...)
	return c
}

// StepsBack are those of --unset. What is the user's own stays as it is.
func (n Names) StepsBack(before Environment) Change {
	c := Change{Restore: n.kept(n.ActiveIn(before.Get).Kept)}
	after := n.Without(before)
	for _, v := range deciding {
		was, had := before.lookup(v.name)
		is, has := after.lookup(v.name)
		if was != is || had != has || is == "" && !has && v.has(given) && !v.has(kept) {
			c.Settings = append(c.Settings, Setting{v.name, is, has})
		}
	}
	c.Settings = append(c.Settings, n.marks(after)...)
	return c
}

func (n Names) kept(names []string) (all []Kept) {
	for _, name := range names {
		if IsSecret(name) { // and not whatever a variable says
			all = append(all, Kept{name, n.variable("KEPT_" + name)})
		}
	}
	return all
}

// theirs are the secrets in an environment that credproc has not put there.
func (n Names) theirs(e Environment) (names []string) {
	done := n.ActiveIn(e.Get)
	keys := done.hasKeys(e)
	endpoint := done.Given[EndpointURL] != "" && done.Given[EndpointURL] == e.Get(EndpointURL)
	for _, v := range deciding {
		ours := keys && v.has(given) && v.name != endpointToken || endpoint && v.name == endpointToken
		if v.has(secret) && e.Get(v.name) != "" && !ours {
			names = append(names, v.name)
		}
	}
	return names
}

func (n Names) marks(e Environment) []Setting {
	var all []Setting
	for _, name := range []string{n.variable("ACTIVE_PROFILE"), n.variable("ACTIVE")} {
		all = append(all, Setting{Name: name, Value: e.Get(name)})
	}
	return all
}

// Conflicts names the variables of an environment that decide otherwise than
// keys that were just added to it.
func Conflicts(before, after Environment, profile string) []string {
	var names []string
	for _, v := range deciding {
		was := before.Get(v.name)
		same := was == after.Get(v.name) || (v.name == profileVariable || v.name == "AWS_DEFAULT_PROFILE") && was == profile
		if v.has(wins) && was != "" && !same {
			names = append(names, v.name)
		}
	}
	return names
}
