package audit

import (
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/credproc/credproc/internal/printable"
)

// Where a line can go, by the names that a policy has for it.
const (
	File     = "file"
	Syslog   = "syslog"
	Journald = "journald"
	EventLog = "eventlog"
)

const (
	// sinkTime is how long an answer waits for a daemon that does not read: some SDKs
	// give an endpoint a second.
	sinkTime = 300 * time.Millisecond
	// mostField is how many runes of a field are left. No name is longer.
	mostField = 500
)

// errSlow says that a line was given up after sinkTime.
var errSlow = errors.New("no room for the line within " + sinkTime.String())

// entry is one line on its way, in the forms that sinks take.
type entry struct {
	Line
	name string // of the program that writes it: its tag, its source
	text []byte // JSON, without an end of the line
}

// refusal reports whether a line is worth more attention than others.
func (e *entry) refusal() bool { return e.Event == Refusal }

// within returns the JSON of a line in at most so many bytes, as far as the length of
// its names decides that: a daemon cuts off what is longer, and then it is no JSON.
func within(line Line, most int) (text []byte, err error) {
	for runes := mostField; ; runes /= 2 {
		line = line.cut(runes)
		if text, err = line.json(); err != nil || len(text) <= most || runes < 8 {
			return text, err
		}
	}
}

// cut returns the line with at most so many runes in each field.
func (l Line) cut(runes int) Line {
	for _, field := range []*string{
		&l.Reason, &l.Rule, &l.Program, &l.Parent, &l.Client, &l.ClientProgram, &l.Agent, &l.AgentSeen, &l.AgentProfile, &l.User,
		&l.Profile, &l.Session, &l.AccountID, &l.RoleName, &l.RoleARN, &l.AccessKeyID, &l.RequestID,
	} {
		*field = printable.Head(*field, runes)
	}
	l.Ancestors = slices.Clone(l.Ancestors)
	for i := range l.Ancestors {
		l.Ancestors[i] = printable.Head(l.Ancestors[i], runes)
	}
	return l
}

// tag makes a name one that syslog and the journal take: letters, digits, "-" and "_".
func tag(name string) string {
	return strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '-' {
			return r
		}
		return '_'
	}, name)
}
