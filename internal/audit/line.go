package audit

import (
	"cmp"
	"time"
)

// What can happen: the event of a [Line].
const (
	Answer  = "answer"   // credentials were given
	Refusal = "refusal"  // what Wanted says was not given or done
	SignIn  = "sign-in"  // a login was made
	SignOut = "sign-out" // a login was ended
	Token   = "token"    // an access token was given to a program
)

// Line is one line of the trail: one thing that happened. It has no secret in it. A
// field that says nothing is left out of the JSON, but for those of every line.
type Line struct {
	Time  time.Time `json:"time"`  // local clock, as UTC, in milliseconds
	Event string    `json:"event"` // "answer", "refusal", "sign-in", "sign-out" or "token"
	// Wanted is the event that a refusal is in place of.
	Wanted string `json:"wanted,omitempty"`
	// Outcome is, of an answer, "cached", "joined" (another process fetched it) or
	// "fetched"; of a refusal "refused"; of a sign-in "signed in"; of a sign-out
	// "signed out", or "signed out here" if the service could not be told; of a token
	// "given", or "exported" to the AWS CLI's cache.
	Outcome string `json:"outcome"`
	// Reason is the kind of a refusal: "policy" (a rule does not allow it), "no access",
	// "sign-in required", "keyring", "unavailable", "misconfigured", "canceled" or
	// "error".
	Reason string `json:"reason,omitempty"`
	// Rule is the place of the rule that a refusal is by, and its key.
	Rule string `json:"rule,omitempty"`

	PID       int      `json:"pid"`                  // of the process that gave the answer, or refused it
	UID       int      `json:"uid"`                  // its user; -1 on Windows
	Program   string   `json:"program"`              // what runs as PID, as it was called
	ParentPID int      `json:"parent_pid,omitempty"` // who started it
	Parent    string   `json:"parent,omitempty"`     // by name
	Ancestors []string `json:"ancestors,omitempty"`  // above the parent: a shell says little

	// Client is who an endpoint gave the answer to: by its name there, and as a
	// process, where the system tells.
	Client        string `json:"client,omitempty"`
	ClientPID     int    `json:"client_pid,omitempty"`
	ClientProgram string `json:"client_program,omitempty"`

	// Agent is the coding agent that asked, as far as that was seen, and AgentSeen
	// what was seen of it: "CLAUDECODE is set".
	Agent     string `json:"agent,omitempty"`
	AgentSeen string `json:"agent_seen,omitempty"`
	// AgentProfile is the profile that it got in place of the one that it asked for.
	AgentProfile string `json:"agent_profile,omitempty"`

	// User is whom the credentials of a server's user carry: issuer and subject of the
	// user's token.
	User string `json:"user,omitempty"`

	Profile   string `json:"profile,omitempty"`    // that was asked for, if one was
	Session   string `json:"session,omitempty"`    // its label
	AccountID string `json:"account_id,omitempty"` // of the role
	RoleName  string `json:"role_name,omitempty"`  // of a permission set
	RoleARN   string `json:"role_arn,omitempty"`   // of an IAM role

	AccessKeyID string     `json:"access_key_id,omitempty"` // CloudTrail has it for each call
	Expiration  *time.Time `json:"expiration,omitempty"`    // of the credentials or the token, by the local clock
	// RequestID is AWS's for the call that fetched an answer, or that refused it.
	RequestID string `json:"aws_request_id,omitempty"`
}

// refuse makes a line one of a refusal, in place of its event. A reason that it has
// stays.
func (l *Line) refuse(reason, rule string) {
	l.Event, l.Wanted, l.Outcome, l.Reason, l.Rule = Refusal, l.Event, "refused", cmp.Or(l.Reason, reason), rule
}

// Until notes when what was given ends.
func (l *Line) Until(t time.Time) {
	t = t.UTC().Truncate(time.Second)
	l.Expiration = &t
}
