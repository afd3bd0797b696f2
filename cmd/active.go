package cmd

import (
	"cmp"
	"encoding/base64"
	"encoding/json"
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
)

// active is what credproc has done to an environment, as the variable
// CREDPROC_ACTIVE keeps it there. It is how a second exec or env does not take
// the region of the first for the user's own, how "env --unset" brings back what
// was set before, and how status knows the role of the shell. It holds no secret.
type active struct {
	Role  roleFlags         // that was asked for
	Key   string            `json:",omitempty"` // the access key ID given, if keys were
	Given map[string]string `json:",omitempty"`
	Was   map[string]string `json:",omitempty"` // what the variables had before
}

// activeIn reads the variable. What cannot be read is as if it were not there.
func (a *App) activeIn(getenv func(string) string) active {
	var found active
	text, err := base64.RawURLEncoding.DecodeString(getenv(a.variable("ACTIVE")))
	if err != nil || json.Unmarshal(text, &found) != nil {
		return active{}
	}
	return found
}

func (f *active) encode() string {
	text, _ := json.Marshal(f) // strings alone
	return base64.RawURLEncoding.EncodeToString(text)
}

// activeRole returns the role that this process's environment has credentials
// of, if credproc gave them. A profile that the user has set since counts more.
func (a *App) activeRole() (found active, ok bool) {
	if a.getenv("AWS_PROFILE") != "" || a.getenv("AWS_DEFAULT_PROFILE") != "" {
		return active{}, false
	}
	found = a.activeIn(a.getenv)
	return found, found.ours(a.getenv)
}

// activeTarget is that role, or nil: its profile may be gone.
func (r *run) activeTarget() (*target, active) {
	found, ok := r.activeRole()
	if !ok {
		return nil, active{}
	}
	t, err := found.Role.target(r)
	if err != nil {
		return nil, active{}
	}
	return t, found
}

// getenvBefore is getenv without what was given for another role: its region,
// and the copy of the config file, are not for this one.
func (a *App) getenvBefore() func(string) string {
	done := a.activeIn(a.getenv)
	return func(name string) string {
		value := a.getenv(name)
		if value != "" && value == done.Given[name] {
			return done.Was[name]
		}
		return value
	}
}

// ours reports whether the credentials in an environment are those given.
func (f *active) ours(getenv func(string) string) bool {
	if f.Key != "" {
		return getenv("AWS_ACCESS_KEY_ID") == f.Key
	}
	url := f.Given[endpointURL]
	return url != "" && url == getenv(endpointURL)
}

// A grant is what a command or a shell is given for a role.
type grant struct {
	role     roleFlags
	label    string
	settings []setting
}

// keys adds credentials that are not renewed.
func (g *grant) keys(c aws.Credentials) {
	g.settings = append(g.settings, variables(c, "Z07:00")...)
	g.settings = append(g.settings, setting{"AWS_ACCOUNT_ID", c.AccountID})
}

// endpoint adds credentials that are asked for.
func (g *grant) endpoint(url, token string) {
	g.settings = append(g.settings, setting{endpointURL, url}, setting{endpointToken, token})
}

// with returns the environment that has what is given, and nothing that decides
// otherwise: that of a command of exec, and what env makes of a shell's.
func (a *App) with(before environment, g *grant) environment {
	base := a.without(before)
	after := slices.Clone(base)
	for _, v := range deciding {
		if !v.has(kept) {
			after.remove(v.name)
		}
	}
	for _, s := range g.settings {
		after.set(s.name, s.value)
	}
	done := active{Role: g.role, Key: after.get("AWS_ACCESS_KEY_ID"), Given: map[string]string{}, Was: map[string]string{}}
	for _, v := range deciding {
		was, is := base.get(v.name), after.get(v.name)
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
	after.set(a.variable("ACTIVE_PROFILE"), g.label)
	after.set(a.variable("ACTIVE"), done.encode())
	return after
}

// without takes back what credproc has given. What the user has changed since
// stays, but for keys: nothing tells whose they are.
func (a *App) without(before environment) environment {
	e, done := slices.Clone(before), a.activeIn(before.get)
	for _, s := range variables(aws.Credentials{SessionToken: "any", CanExpire: true}, "") {
		e.remove(s.name)
	}
	if url := done.Given[endpointURL]; url != "" && url == e.get(endpointURL) {
		e.remove(endpointToken)
	}
	for _, v := range deciding {
		if is := done.Given[v.name]; is != "" && e.get(v.name) == is {
			e.remove(v.name)
		}
		if was := done.Was[v.name]; was != "" && e.get(v.name) == "" && !v.has(secret) {
			e.set(v.name, was)
		}
	}
	e.remove(a.variable("ACTIVE_PROFILE"), a.variable("ACTIVE"))
	return e
}

// steps are what makes of one environment the other, in a shell. They say all
// that decides, not only what differs: a shell also has variables that it does
// not export.
func (a *App) steps(before, after environment) []setting {
	var all []setting
	for _, v := range deciding {
		if is := after.get(v.name); !v.has(kept|label) || is != before.get(v.name) {
			all = append(all, setting{v.name, is})
		}
	}
	return append(all, a.marks(after)...)
}

// stepsBack are those of --unset. What is the user's own stays as it is.
func (a *App) stepsBack(before environment) []setting {
	var all []setting
	after := a.without(before)
	for _, v := range deciding {
		was, is := before.get(v.name), after.get(v.name)
		if was != is || is == "" && v.has(given) && !v.has(kept) {
			all = append(all, setting{v.name, is})
		}
	}
	return append(all, a.marks(after)...)
}

func (a *App) marks(e environment) []setting {
	var all []setting
	for _, name := range []string{a.variable("ACTIVE_PROFILE"), a.variable("ACTIVE")} {
		all = append(all, setting{name, e.get(name)})
	}
	return all
}

// conflicts names the variables of an environment that decide otherwise than
// keys that were just added to it.
func conflicts(before, after environment, profile string) []string {
	var names []string
	for _, v := range deciding {
		was := before.get(v.name)
		same := was == after.get(v.name) || (v.name == "AWS_PROFILE" || v.name == "AWS_DEFAULT_PROFILE") && was == profile
		if v.has(wins) && was != "" && !same {
			names = append(names, v.name)
		}
	}
	return names
}

// grantFlags are for commands that give credentials to a command or a shell.
type grantFlags struct {
	roleFlags
	lifeFlags
	Region   string `placeholder:"REGION" help:"The region to set. Default: the profile's, or the one already set."`
	Metadata bool   `help:"Allow the EC2 instance metadata service, and with it the instance's role."`
}

// grant is what is given beside the credentials. The region of an earlier role
// is not the user's: base does not have it.
func (c *grantFlags) grant(r *run, base environment) *grant {
	role := c.roleFlags
	region := c.Region
	if !c.isRole() {
		role.Profile = cmp.Or(c.Profile, r.config.DefaultProfile())
		region = cmp.Or(region, r.config.Region(role.Profile))
	}
	region = cmp.Or(region, base.get("AWS_REGION"), base.get("AWS_DEFAULT_REGION"))
	metadata := cmp.Or(base.get(noMetadata), "true") // see docs/exec.md
	if c.Metadata {
		metadata = ""
	}
	return &grant{role, c.label(r), []setting{
		{"AWS_REGION", region}, {"AWS_DEFAULT_REGION", region}, {noMetadata, metadata}, // boto3 reads the second region
	}}
}
