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

// add adds a line to the file.
func (d Dir) add(text []byte) error { return safedir.Dir(d).Append(name, text, most, keep) }

// stamp fills in the time and the processes.
func (l *Line) stamp() {
	l.Time = time.Now().UTC().Truncate(time.Millisecond)
	l.PID, l.UID, l.Program = os.Getpid(), os.Getuid(), program()
	l.ParentPID = os.Getppid()
	l.Parent, l.Ancestors = family(l.ParentPID)
}

// json returns the line as it is written, without an end.
func (l Line) json() ([]byte, error) {
	var text bytes.Buffer
	enc := json.NewEncoder(&text)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(l); err != nil {
		return nil, err
	}
	return printable.JSON(bytes.TrimRight(text.Bytes(), "\n")), nil
}

// program is how this process was called. It may have chosen that.
func program() string {
	if len(os.Args) == 0 {
		return ""
	}
	return strings.TrimSuffix(filepath.Base(os.Args[0]), ".exe")
}

// family names a process and those above it, as far as that can be seen: a line is left
// without it, too.
func family(pid int) (name string, above []string) {
	const ancestors = 4
	for p, err := range lineage.Above(pid) {
		switch {
		case err != nil, len(above) == ancestors:
			return name, above
		case p.PID == pid:
			name = p.Name
		default:
			above = append(above, p.Name)
		}
	}
	return name, above
}
