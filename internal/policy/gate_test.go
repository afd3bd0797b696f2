package policy_test

import (
	"testing"

	"github.com/credproc/credproc/internal/policy"
)

type governed struct{ policy.Gate }

func TestACopyObeysTheSamePolicy(t *testing.T) {
	g, p := new(governed), one(t, "flows = pkce")
	policy.Govern(g, p)
	other := *g
	if got, err := policy.Of(&other, ""); got != p || err != nil {
		t.Errorf("a copy has %v, error %v", got, err)
	}
}
