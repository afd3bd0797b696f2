package cmd

import (
	"cmp"
	"context"
	"strings"
)

type policyCommand struct {
	Show  policyShowCommand  `cmd:"" default:"1" help:"Show the rules, and the file and line of each."`
	Check policyCheckCommand `cmd:"" help:"Check whether the rules allow a role. The exit status is 5 if not."`
}

type policyShowCommand struct{}

// Run implements the command, for kong.
func (*policyShowCommand) Run(ctx context.Context, a *App) error {
	rules, err := a.place.Load(a.ID)
	if err != nil {
		return err
	}
	values := rules.Values()
	failed := a.do(ctx, false, func(_ context.Context, r *run) error {
		values = append(values, r.inside.AgentValues()...)
		warnOfVoid(r)
		return nil
	})
	if values == nil {
		return cmp.Or(a.term().Print("There is no policy on this machine.\n"), failed)
	}
	table := a.term().Table()
	for _, v := range values {
		table.Row(v.Section, v.Key, strings.Join(strings.Fields(v.Value), " "), v.Location)
	}
	return cmp.Or(table.Flush(), failed)
}

// warnOfVoid warns of each line that looks like a limit and has no effect.
func warnOfVoid(r *run) {
	limits, _ := r.inside.Void()
	for _, limit := range limits {
		r.Say("%s: warning: agents get nothing until this line is corrected: %v", r.name(), limit)
	}
}

type policyCheckCommand struct {
	roleFlags
	Agent bool   `help:"Answer for a coding agent."`
	Name  string `arg:"" optional:"" name:"profile" help:"Same as --profile."`
}

// Run implements the command, for kong. It asks no one, and signs in nowhere.
func (c *policyCheckCommand) Run(ctx context.Context, a *App) error {
	return a.do(ctx, false, c.run)
}

func (c *policyCheckCommand) run(_ context.Context, r *run) error {
	if c.Name != "" && c.roleFlags != (roleFlags{}) {
		return r.usage("name one role: an argument or flags")
	}
	if c.Name != "" {
		c.Profile = c.Name
	}
	r.inside.JustLook()
	if c.Agent {
		r.inside.AskAsAgent()
	}
	t, err := c.target(r)
	if err != nil {
		return err
	}
	if unwritten := r.inside.Trail().Problem(); unwritten != nil {
		if err := r.files.Policy.CheckTrail(unwritten); err != nil {
			return err
		}
	}
	warnOfVoid(r)
	if name := r.inside.AgentProfile(t.provider); name != "" {
		return r.Print("An agent that asks for this role gets profile %s.\n", name)
	}
	if r.files.Policy == nil {
		return r.Print("There is no policy on this machine: nothing is refused.\n")
	}
	return r.Print("The policy allows account %s through session %s.\n", t.provider.AccountID, t.session.Label())
}
