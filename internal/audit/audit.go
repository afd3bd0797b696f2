// Package audit keeps a trail of what providers were asked for.
package audit

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/credproc/credproc/internal/lineage"
	"github.com/credproc/credproc/internal/printable"
	"github.com/credproc/credproc/internal/safedir"
)

// Dir is where a trail is: a file of JSON lines, one for each answer, that leads
// from an access key ID in CloudTrail to a process. It holds no secret. At 4 MiB
// the file is rotated to "audit.jsonl.1", and four old files are kept.
type Dir string

const (
	name = "audit.jsonl"
	most = 4 << 20
	keep = 4
)

// Path returns where the trail is.
func (d Dir) Path() string { return filepath.Join(string(d), name) }

// Line is one line of the trail.
type Line struct {
	Time      time.Time `json:"time"` // local clock, as UTC
	PID       int       `json:"pid"`
	Program   string    `json:"program"`              // what runs as PID
	ParentPID int       `json:"parent_pid,omitempty"` // who started it
	Parent    string    `json:"parent,omitempty"`     // by name
	Ancestors []string  `json:"ancestors,omitempty"`  // above the parent: a shell says little
	// Agent is the coding agent that asked, as far as that is known.
	Agent string `json:"agent,omitempty"`
	// AgentProfile is the profile that it got in place of the one that it asked for.
	AgentProfile string `json:"agent_profile,omitempty"`
	Client       string `json:"client,omitempty"` // of an endpoint, by its name there
	Session      string `json:"session"`          // its label
	AccountID    string `json:"account_id,omitempty"`
	RoleName     string `json:"role_name,omitempty"` // of a permission set
	RoleARN      string `json:"role_arn,omitempty"`  // of an IAM role, for role chains
	// Outcome is "cached", "joined" (another process fetched it), "fetched" or
	// "refused".
	Outcome     string `json:"outcome"`
	AccessKeyID string `json:"access_key_id,omitempty"`
	// RequestID is AWS's for the call that fetched it, or that refused it.
	RequestID string `json:"aws_request_id,omitempty"`
	// Reason is why it was refused: "sign-in required", "no access", "keyring",
	// "unavailable" or "error".
	Reason string `json:"reason,omitempty"`
}

// Write adds a line to the trail, with Time and the processes filled in.
func (d Dir) Write(line Line) error {
	line.Time = time.Now().UTC().Truncate(time.Millisecond)
	line.PID, line.Program = os.Getpid(), strings.TrimSuffix(filepath.Base(os.Args[0]), ".exe")
	line.ParentPID = os.Getppid()
	line.Parent, line.Ancestors = family(line.ParentPID)
	var text bytes.Buffer
	enc := json.NewEncoder(&text)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(line); err != nil {
		return err
	}
	return safedir.Dir(d).Append(name, printable.JSON(text.Bytes()), most, keep)
}

// family names a process and those above it.
func family(pid int) (name string, above []string) {
	const ancestors = 4
	for of, next := range lineage.Above(pid) {
		switch {
		case of == pid:
			name = next
		case len(above) == ancestors:
			return name, above
		default:
			above = append(above, next)
		}
	}
	return name, above
}
