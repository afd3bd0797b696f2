// Package doctor checks the setup of a machine for AWS programs, and says how to fix
// what is wrong. It changes nothing.
package doctor

import (
	"cmp"
	"errors"
	"fmt"
	"net/http"
	"path/filepath"
	"strings"

	"github.com/credproc/credproc/cmd/internal/browser"
	"github.com/credproc/credproc/cmd/internal/child"
	"github.com/credproc/credproc/cmd/internal/terminal"
	"github.com/credproc/credproc/internal/awsconfig"
	"github.com/credproc/credproc/internal/layout"
	"github.com/credproc/credproc/internal/printable"
	"github.com/credproc/credproc/tokencache"
)

// The verdicts of a check.
const (
	OK      = "ok"
	Note    = "note"    // worth knowing
	Warning = "warning" // works here, but not everywhere or not for long
	Fault   = "fault"
)

// Finding is what one check has found, and its JSON: docs/doctor.schema.json
// says what each member means.
type Finding struct {
	Check   string `json:"check"`
	Verdict string `json:"verdict"`
	Seen    string `json:"seen"`
	Fix     string `json:"fix,omitempty"`
	Fixable bool   `json:"fixable"`

	// Repair does what Fix says. nil: that is for a person.
	Repair func() error `json:"-"`
}

// Bad reports whether something should be fixed.
func (f *Finding) Bad() bool { return f.Verdict == Warning || f.Verdict == Fault }

// Machine is what the checks look at.
type Machine struct {
	Getenv  func(string) string
	Program string                     // what people type
	Command []string                   // how its credential_process lines start
	Takes   func(words []string) error // what its grammar says of arguments
	// Explain is an error in words for people: what happened, what else to know, and
	// a command to run.
	Explain func(error) (seen, more, hint string)

	ID                  string            // of the settings; "" is credproc's
	Self                string            // the path of the program
	Config, Credentials string            // the AWS files
	Files               *awsconfig.Config // what is in them; nil where they cannot be read
	State, Cache        string            // the program's directories; "" where they are not known
	Lax                 bool              // others may write in directories above these
	KeyFile             string            // "" if none is set

	Active   *child.Active         // the role that exec or env gave to this shell; nil: none
	Browser  *browser.Opener       // nil: pages are opened otherwise
	Client   *http.Client          // for the metadata service; nil: one without a proxy
	Sessions []*tokencache.Session // those that are configured correctly, found by [Checks.Written]
}

// Checks are checks of a machine, and what they have found so far.
type Checks struct {
	Machine
	Found []Finding
}

func (d *Checks) add(check, verdict, fix, format string, args ...any) {
	d.Found = append(d.Found, Finding{Check: check, Verdict: verdict, Fix: printable.Line(fix), Seen: printable.Line(fmt.Sprintf(format, args...))})
}

// OK adds a finding that nothing is wrong.
func (d *Checks) OK(check, format string, args ...any) { d.add(check, OK, "", format, args...) }

// Note adds a finding that is worth knowing.
func (d *Checks) Note(check, fix, format string, args ...any) {
	d.add(check, Note, fix, format, args...)
}

func (d *Checks) warn(check, fix, format string, args ...any) {
	d.add(check, Warning, fix, format, args...)
}

func (d *Checks) fault(check, fix, format string, args ...any) {
	d.add(check, Fault, fix, format, args...)
}

// fixable is for the finding that was added last.
func (d *Checks) fixable(repair func() error) {
	last := &d.Found[len(d.Found)-1]
	last.Fixable, last.Repair = true, repair
}

// Failed adds a fault that is an error, in the words of its explanation.
func (d *Checks) Failed(check string, err error) {
	if _, ok := errors.AsType[*awsconfig.SyntaxError](err); ok {
		return // the check of the syntax says it
	}
	seen, more, hint := d.Explain(err)
	fix := cmp.Or(fixOf(err), more)
	if hint != "" {
		fix = strings.TrimSpace(fix + " Run: " + hint)
	}
	d.fault(check, cmp.Or(fix, "correct it, or remove it"), "%s", seen)
}

// Bad reports whether a check has found something to fix.
func (d *Checks) Bad(check string) bool {
	for _, f := range d.Found {
		if f.Check == check && f.Bad() {
			return true
		}
	}
	return false
}

// Short makes "~/.aws/config" of a path.
func (d *Checks) Short(path string) string {
	home := d.Getenv("HOME")
	if rest, ok := strings.CutPrefix(path, home+string(filepath.Separator)); ok && home != "" {
		return "~" + string(filepath.Separator) + rest
	}
	return path
}

// variable is the environment variable of a setting.
func (d *Checks) variable(name string) string { return layout.Variable(d.ID, name) }

// Text shows findings to people, who know the program by a name.
func Text(found []Finding, p terminal.Paint, program string) terminal.Prose {
	var text []terminal.Prose
	counts := make(map[string]int)
	wide := 0
	for _, f := range found {
		wide = max(wide, terminal.Width(terminal.Line(f.Check)))
	}
	colors := map[string]func(terminal.Prose) terminal.Prose{OK: p.Green, Note: p.Bold, Warning: p.Yellow, Fault: p.Red}
	for _, f := range found {
		counts[f.Verdict]++
		indent := 9 + wide + 2
		text = append(text, terminal.Prosef("%s%s  %s\n", colors[f.Verdict](terminal.Pad(terminal.Line(f.Verdict), 9)), terminal.Pad(terminal.Line(f.Check), wide), terminal.Wrap(terminal.Line(f.Seen), indent)))
		if f.Fix != "" {
			text = append(text, terminal.Prosef("%s%s  %s\n", terminal.Pad("", 9), p.Faint(terminal.Pad("fix", wide)), terminal.WrapCommands(terminal.Line(f.Fix), indent, program)))
		}
	}
	return terminal.Prosef("%s\n%s\n", terminal.Join(text, ""), verdict(counts))
}

func verdict(counts map[string]int) string {
	var words []string
	for _, verdict := range []string{Fault, Warning} {
		if n := counts[verdict]; n > 0 {
			words = append(words, terminal.Count(n, verdict))
		}
	}
	if words == nil {
		return "Nothing is wrong."
	}
	return strings.Join(words, ", ") + "."
}
