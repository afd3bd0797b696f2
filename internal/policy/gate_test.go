package policy_test

import (
	"testing"

	"github.com/credproc/credproc/internal/policy"
)

type gate = policy.Gate

type governed struct{ gate }

func TestACopyObeysTheSamePolicy(t *testing.T) {
	g, p := new(governed), one(t, "flows = pkce")
	if policy.Of(&g.gate) != nil {
		t.Error("there is a policy before one is set")
	}
	policy.Govern(g, p)
	if other := *g; policy.Of(&other) != p {
		t.Error("a copy has another policy")
	}
}
