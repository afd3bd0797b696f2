package policy

// Gate is a part of a public type that carries the policy to where it is obeyed,
// and that no program outside of this module can open. The zero Gate has no policy.
// A copy has the same.
type Gate struct{ policy *Policy }

//lint:ignore U1000 a type that embeds a Gate is a [Gated] by it
func (g *Gate) gate() *Gate { return g }

// Gated is a value with a [Gate].
type Gated interface{ gate() *Gate }

// Govern makes a value obey a policy, which may be nil.
func Govern(g Gated, p *Policy) { g.gate().policy = p }

// Of returns the policy that a value obeys, or nil.
func Of(g Gated) *Policy { return g.gate().policy }
