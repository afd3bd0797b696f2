package policy

// Gate is a part of a public type that carries the policy to where it is obeyed,
// and that no program outside of this module can open. A copy has the same.
//
// The zero Gate is that of a value which a program made by itself: it obeys the
// policy of the machine.
type Gate struct {
	policy *Policy
	told   bool
	owner  any
	place  Place
}

// Act is something with a whole session that rules do not let every agent do.
type Act string

// The acts: to sign in, and to be given an access token, which opens all roles.
const (
	SignIn      Act = "sign-in"
	AccessToken Act = "access token"
)

//lint:ignore U1000 a type that embeds a Gate is a [Gated] by it
func (g *Gate) gate() *Gate { return g }

// Gated is a value with a [Gate].
type Gated interface{ gate() *Gate }

// Govern makes a value obey a policy that was read already, which may be nil.
func Govern(g Gated, p *Policy) { g.gate().policy, g.gate().told = p, true }

// Own leads from a value to the one that made it, and that knows more rules than
// those of the policy.
func Own(g Gated, owner any) { g.gate().owner = owner }

// Owner returns what made a value, or nil.
func Owner(g Gated) any { return g.gate().owner }

// At makes a value that is not told a policy read it at a place: for tests.
func At(g Gated, place Place) { g.gate().place = place }

// IsTold reports whether a value was told its policy, and so made by package
// credproc.
func IsTold(g Gated) bool { return g.gate().told }

// Of returns the policy that a value obeys, or nil: the one that it was told, or else
// that of the machine for a program that calls itself id. The error is that of
// [Place.Load].
func Of(g Gated, id string) (*Policy, error) {
	if gate := g.gate(); gate.told {
		return gate.policy, nil
	}
	return g.gate().place.Load(id)
}
