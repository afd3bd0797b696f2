package credproc

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/credproc/credproc/internal/awsapi"
	"github.com/credproc/credproc/internal/fetch"
	"github.com/credproc/credproc/internal/layout"
	"github.com/credproc/credproc/internal/printable"
	"github.com/credproc/credproc/internal/safedir"
	"github.com/credproc/credproc/oidc"
	"github.com/credproc/credproc/tokencache"
	"github.com/credproc/credproc/tokencache/keyring"
)

// Audit is a trail of what providers were asked for: a file of JSON lines, one
// for each answer, that leads from an access key ID in CloudTrail to a process.
// It holds no secret. At 4 MiB the file is rotated to "audit.jsonl.1", and
// four old files are kept.
//
// Who asks gets their answer also where the trail cannot be written.
type Audit struct {
	Dir string // the file audit.jsonl is there
}

const (
	auditName = "audit.jsonl"
	auditMost = 4 << 20
	auditKeep = 4
)

// Path returns where the trail is.
func (a *Audit) Path() string { return filepath.Join(a.Dir, auditName) }

// AuditLine is one line of the trail.
type AuditLine struct {
	Time      time.Time `json:"time"` // local clock, as UTC
	PID       int       `json:"pid"`
	Program   string    `json:"program"`              // what runs as PID
	ParentPID int       `json:"parent_pid,omitempty"` // who started it
	Parent    string    `json:"parent,omitempty"`     // by name
	Ancestors []string  `json:"ancestors,omitempty"`  // above the parent: a shell says little
	Session   string    `json:"session"`              // its label
	AccountID string    `json:"account_id,omitempty"`
	RoleName  string    `json:"role_name,omitempty"` // of a permission set
	RoleARN   string    `json:"role_arn,omitempty"`  // of an IAM role, for role chains
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

// Write adds a line to the trail, with Time and the processes filled in where
// they are not. A nil Audit has no trail.
func (a *Audit) Write(line AuditLine) error {
	if a == nil {
		return nil
	}
	line.Time = time.Now().UTC().Truncate(time.Millisecond)
	line.PID, line.Program = os.Getpid(), strings.TrimSuffix(filepath.Base(os.Args[0]), ".exe")
	line.ParentPID = os.Getppid()
	line.Parent, line.Ancestors = lineage(line.ParentPID)
	var text bytes.Buffer
	enc := json.NewEncoder(&text)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(line); err != nil {
		return err
	}
	return safedir.Dir(a.Dir).Append(auditName, printable.JSON(text.Bytes()), auditMost, auditKeep)
}

// lineage names a process and those above it.
func lineage(pid int) (name string, above []string) {
	const most = 4
	name, pid = process(pid)
	for len(above) < most && pid > 1 {
		var next string
		if next, pid = process(pid); next == "" {
			break
		}
		above = append(above, next)
	}
	return name, above
}

// answer is one answer of a provider on its way to the trail.
type answer struct {
	AuditLine
	audit   *Audit
	session *tokencache.Session
}

// write leaves the trail, if there is one.
func (w *answer) write(c aws.Credentials, err error) {
	if w.audit == nil {
		return
	}
	w.AccessKeyID = c.AccessKeyID
	if err != nil {
		w.Outcome, w.Reason = "refused", reason(err)
		w.RequestID = cmp.Or(w.RequestID, awsapi.RequestID(err))
	} else if w.Outcome != string(fetch.Fetched) {
		w.RequestID = ""
	}
	if err := w.audit.Write(w.AuditLine); err != nil && w.session.Logger != nil {
		w.session.Logger.Warn("audit not written", "error", err)
	}
}

func reason(err error) string {
	_, noAccess := errors.AsType[*NoAccessError](err)
	_, unavailable := errors.AsType[*tokencache.ServiceError](err)
	switch {
	case noAccess:
		return "no access"
	case errors.Is(err, oidc.ErrSignInRequired):
		return "sign-in required"
	case errors.Is(err, keyring.ErrLocked), errors.Is(err, keyring.ErrUnavailable):
		return "keyring"
	case unavailable:
		return "unavailable"
	}
	return "error"
}

// auditOf returns the trail that the environment or the sso-session asks for:
// "on" or "off", by CREDPROC_AUDIT or credproc_audit.
func (c *Config) auditOf(s *tokencache.Session) (*Audit, error) {
	value, name := c.Setting(s.Name, "audit")
	switch strings.ToLower(value) {
	case "", "off":
		return nil, nil
	case "on":
	default:
		return nil, &awsapi.SettingError{Setting: name, Value: value, Problem: "must be on or off"}
	}
	dir := c.StateDir
	if dir == "" {
		var err error
		if dir, _, err = layout.DefaultDirs(c.Service); err != nil {
			return nil, err
		}
	}
	return &Audit{Dir: dir}, nil
}
