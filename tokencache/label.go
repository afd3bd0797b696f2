package tokencache

import (
	"encoding/json"
	"iter"
	"sort"
	"time"

	"github.com/credproc/credproc/internal/sealed"
)

// CachedRole says whose credentials are stored, and how long they are valid. It
// holds no secret: names that ~/.aws/config has unencrypted too.
type CachedRole struct {
	AccountID string    `json:"account_id"`
	RoleName  string    `json:"role_name,omitempty"` // of a permission set
	RoleARN   string    `json:"role_arn,omitempty"`  // of an IAM role, for role chains
	Scope     string    `json:"scope,omitempty"`     // what limits the role, for people: "policy ReadOnlyAccess"
	Fetched   time.Time `json:"fetched_at"`          // local clock
	Expiry    time.Time `json:"expires_at"`          // local clock

	// If a rule gave a coding agent AgentProfile instead of what it asked for, Agent
	// is the agent, and Profile what it asked for ("" for a role that no profile
	// names). Else all three are "". They are as in the audit trail.
	Agent        string `json:"agent,omitempty"`
	Profile      string `json:"profile,omitempty"`
	AgentProfile string `json:"agent_profile,omitempty"`
}

// labels yields what the session's records say of themselves. A sealed record
// cannot be read without the key, which may need a prompt; its label, which is a
// CachedRole in JSON, can.
func (st *store) labels() iter.Seq[CachedRole] {
	return func(yield func(CachedRole) bool) {
		if st.cache == "" {
			return
		}
		dir := st.cache.Sub(st.id)
		names, _ := dir.Names()
		for _, name := range names {
			record, _ := dir.Read(name)
			label, _ := sealed.Label(record)
			var role CachedRole
			if json.Unmarshal(label, &role) == nil && !yield(role) {
				return
			}
		}
	}
}

// cachedRoles returns the roles whose credentials have not ended.
func (st *store) cachedRoles() (roles []CachedRole) {
	now := time.Now()
	for r := range st.labels() {
		if now.Before(r.Expiry) && !now.Before(r.Fetched.Add(-time.Second)) {
			roles = append(roles, r)
		}
	}
	sort.Slice(roles, func(i, j int) bool { return roles[i].Expiry.Before(roles[j].Expiry) })
	return roles
}

// lastFetch is when the latest of the roles was fetched, whether its credentials
// have ended or not. Zero: none is stored.
func (st *store) lastFetch() (last time.Time) {
	now := time.Now()
	for r := range st.labels() {
		if r.Fetched.After(last) && !r.Fetched.After(now) {
			last = r.Fetched
		}
	}
	return last
}
