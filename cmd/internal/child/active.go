package child

import (
	"encoding/base64"
	"encoding/json"
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
)

// Names names the variables of the program's own: it is what they begin with,
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
	Key   string            `json:",omitempty"` // the access key ID given, if keys were
	Given map[string]string `json:",omitempty"`
	Was   map[string]string `json:",omitempty"` // what the variables had before
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

// Before is getenv without what was given for another role: its region,
// and the copy of the config file, are not for this one.
func (n Names) Before(getenv func(string) string) func(string) string {
	done := n.ActiveIn(getenv)
	return func(name string) string {
		value := getenv(name)
		if value != "" && value == done.Given[name] {
			return done.Was[name]
		}
		return value
	}
}

// Ours reports whether the credentials in an environment are those given.
func (f *Active) Ours(getenv func(string) string) bool {
	if f.Key != "" {
		return getenv("AWS_ACCESS_KEY_ID") == f.Key
	}
	url := f.Given[EndpointURL]
	return url != "" && url == getenv(EndpointURL)
}

// A Grant is what a command or a shell is given for a role.
type Grant struct {
	Role     Role
	Label    string
	Settings []Setting
}

// Keys adds credentials that are not renewed.
func (g *Grant) Keys(c aws.Credentials) {
	g.Settings = append(g.Settings, Variables(c, "Z07:00")...)
	g.Settings = append(g.Settings, Setting{"AWS_ACCOUNT_ID", c.AccountID})
}

// Endpoint adds credentials that are asked for.
func (g *Grant) Endpoint(url, token string) {
	g.Settings = append(g.Settings, Setting{EndpointURL, url}, Setting{endpointToken, token})
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
	done := Active{Role: g.Role, Key: after.Get("AWS_ACCESS_KEY_ID"), Given: map[string]string{}, Was: map[string]string{}}
	for _, v := range deciding {
		was, is := base.Get(v.name), after.Get(v.name)
		if v.has(secret) || was == is {
			continue
		}
		if is != "" {
			done.Given[v.name] = is
		}
		if was != "" {
			done.Was[v.name] = was
		}
	}
	after.set(n.variable("ACTIVE_PROFILE"), g.Label)
	after.set(n.variable("ACTIVE"), done.encode())
	return after
}

// Without takes back what credproc has given. What the user has changed since
// stays, but for keys: nothing tells whose they are.
func (n Names) Without(before Environment) Environment {
	e, done := slices.Clone(before), n.ActiveIn(before.Get)
	for _, s := range Variables(aws.Credentials{SessionToken: "any", CanExpire: true}, "") {
		e.Remove(s.Name)
	}
	if url := done.Given[EndpointURL]; url != "" && url == e.Get(EndpointURL) {
		e.Remove(endpointToken)
	}
	for _, v := range deciding {
		if is := done.Given[v.name]; is != "" && e.Get(v.name) == is {
			e.Remove(v.name)
		}
		if was := done.Was[v.name]; was != "" && e.Get(v.name) == "" && !v.has(secret) {
			e.set(v.name, was)
		}
	}
	e.Remove(n.variable("ACTIVE_PROFILE"), n.variable("ACTIVE"))
	return e
}

// Steps are what makes of one environment the other, in a shell. They say all
// that decides, not only what differs: a shell also has variables that it does
// not export.
func (n Names) Steps(before, after Environment) []Setting {
	var all []Setting
	for _, v := range deciding {
		if is := after.Get(v.name); !v.has(kept|label) || is != before.Get(v.name) {
			all = append(all, Setting{v.name, is})
		}
	}
	return append(all, n.marks(after)...)
}

// StepsBack are those of --unset. What is the user's own stays as it is.
func (n Names) StepsBack(before Environment) []Setting {
	var all []Setting
	after := n.Without(before)
	for _, v := range deciding {
		was, is := before.Get(v.name), after.Get(v.name)
		if was != is || is == "" && v.has(given) && !v.has(kept) {
			all = append(all, Setting{v.name, is})
		}
	}
	return append(all, n.marks(after)...)
}

func (n Names) marks(e Environment) []Setting {
	var all []Setting
	for _, name := range []string{n.variable("ACTIVE_PROFILE"), n.variable("ACTIVE")} {
		all = append(all, Setting{name, e.Get(name)})
	}
	return all
}

// Conflicts names the variables of an environment that decide otherwise than
// keys that were just added to it.
func Conflicts(before, after Environment, profile string) []string {
	var names []string
	for _, v := range deciding {
		was := before.Get(v.name)
		same := was == after.Get(v.name) || (v.name == "AWS_PROFILE" || v.name == "AWS_DEFAULT_PROFILE") && was == profile
		if v.has(wins) && was != "" && !same {
			names = append(names, v.name)
		}
	}
	return names
}
