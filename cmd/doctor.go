package cmd

import (
	"bufio"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/credproc/credproc/cmd/internal/terminal"
	"github.com/credproc/credproc/credproc"
	"github.com/credproc/credproc/internal/awsconfig"
	"github.com/credproc/credproc/internal/layout"
	"github.com/credproc/credproc/internal/printable"
	"github.com/credproc/credproc/tokencache"
)

type doctorCommand struct {
	JSON    bool `name:"json" help:"Print JSON."`
	Offline bool `help:"Ask nothing of the network."`
	Fix     bool `help:"Fix this program's own files, after asking."`
	Yes     bool `short:"y" help:"With --fix: do not ask."`
}

// Verdicts.
const (
	verdictOK      = "ok"
	verdictNote    = "note"    // worth to know
	verdictWarning = "warning" // works here, and not everywhere or not for long
	verdictFault   = "fault"
)

// finding is what one check has found, and its JSON: docs/doctor.schema.json
// says what each means.
type finding struct {
	Check   string `json:"check"`
	Verdict string `json:"verdict"`
	Seen    string `json:"seen"`
	Fix     string `json:"fix,omitempty"`
	Fixable bool   `json:"fixable"`

	repair func() error
}

// doctor is a round of checks.
type doctor struct {
	*App
	ctx     context.Context
	offline bool
	found   []finding

	config                  *credproc.Config  // nil where our own settings are wrong
	files                   *awsconfig.Config // nil where they cannot be read
	configPath, credentials string
	stateDir, cacheDir      string
	self                    string // the path of this program
	sessions                []*tokencache.Session
}

// Run implements the command, for kong.
func (c *doctorCommand) Run(ctx context.Context, a *App) error {
	if c.Fix && c.JSON {
		return &usageError{problem: "--fix speaks to people, and --json to programs"}
	}
	found := examine(ctx, a, c.Offline)
	if c.Fix {
		fixed, err := fix(a, found, c.Yes)
		if err != nil {
			return err
		}
		if fixed {
			found = examine(ctx, a, c.Offline)
		}
	}
	if err := printFindings(a, found, c.JSON); err != nil {
		return err
	}
	for _, f := range found {
		if f.bad() {
			return errFindings
		}
	}
	return nil
}

// errFindings ends the doctor with status 1, and no words.
var errFindings = errors.New("something was found")

func (f *finding) bad() bool { return f.Verdict == verdictWarning || f.Verdict == verdictFault }

// examine makes all checks. It changes nothing, and asks the service for
// nothing but whether it is there.
func examine(ctx context.Context, a *App, offline bool) []finding {
	d := &doctor{App: a, ctx: ctx, offline: offline}
	d.self, _ = os.Executable()
	for _, check := range []func(){
		d.settings, d.environment, d.syntax, d.profiles, d.lines, d.describeSessions, d.logins, d.keychain,
		d.directories, d.locks, d.browser, d.network, d.instance, d.leftovers, d.tools,
	} {
		check()
	}
	return d.found
}

func (d *doctor) add(check, verdict, fix, format string, args ...any) {
	d.found = append(d.found, finding{Check: check, Verdict: verdict, Fix: printable.Line(fix), Seen: printable.Line(fmt.Sprintf(format, args...))})
}

func (d *doctor) ok(check, format string, args ...any) { d.add(check, verdictOK, "", format, args...) }
func (d *doctor) note(check, fix, format string, args ...any) {
	d.add(check, verdictNote, fix, format, args...)
}
func (d *doctor) warn(check, fix, format string, args ...any) {
	d.add(check, verdictWarning, fix, format, args...)
}
func (d *doctor) fault(check, fix, format string, args ...any) {
	d.add(check, verdictFault, fix, format, args...)
}

// fixable is for the finding that was added last.
func (d *doctor) fixable(repair func() error) {
	last := &d.found[len(d.found)-1]
	last.Fixable, last.repair = true, repair
}

// failed is a fault that is an error, in the words of its advice.
func (d *doctor) failed(check string, err error) {
	if _, ok := errors.AsType[*awsconfig.SyntaxError](err); ok {
		return // the check of the syntax says it
	}
	say := advise(d.App, err)
	fix := cmp.Or(fixOf(err), string(say.more))
	if say.hint != "" {
		fix = strings.TrimSpace(fix + " Run: " + say.hint)
	}
	d.fault(check, cmp.Or(fix, "change it as it says, or take it away"), "%s", say.text)
}

// bad reports whether a check has found something.
func (d *doctor) bad(check string) bool {
	for _, f := range d.found {
		if f.Check == check && f.bad() {
			return true
		}
	}
	return false
}

func isPipe(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.Mode()&fs.ModeNamedPipe != 0
}

// settings are our own, and where the files are.
func (d *doctor) settings() {
	const check = "settings"
	logger, err := d.logger()
	if err != nil {
		d.failed(check, err)
	}
	if d.config, err = d.newConfig(false, logger); err != nil {
		d.config = nil
		d.failed(check, err)
	}
	home := d.getenv("HOME")
	if home == "" {
		home, _ = os.UserHomeDir()
	}
	if d.configPath, d.credentials, err = awsconfig.Paths(getenvBefore(d.App), home); err != nil && !d.bad(check) {
		d.failed(check, &configError{err})
	}
	if d.configPath != "" && !isPipe(d.configPath) && !isPipe(d.credentials) { // which the commands read, and only once
		d.files, _ = awsconfig.Load(d.configPath, d.credentials) // what is wrong with them, another check says
	}
	d.stateDir, d.cacheDir, _ = layout.DefaultDirs(d.ID)
	if dir, err := pathSetting(d.App, "DIR"); err != nil {
		d.stateDir, d.cacheDir = "", ""
	} else if dir != "" {
		d.stateDir, d.cacheDir = layout.DirsIn(dir)
	}
	if !d.bad(check) {
		d.ok(check, "%s %s at %s", d.name(), d.version(), d.short(d.self))
	}
}

// short makes "~/.aws/config" of a path.
func (d *doctor) short(path string) string {
	home := d.getenv("HOME")
	if rest, ok := strings.CutPrefix(path, home+string(filepath.Separator)); ok && home != "" {
		return "~" + string(filepath.Separator) + rest
	}
	return path
}

// fix repairs what the doctor can, and reports whether there was anything.
func fix(a *App, found []finding, yes bool) (done bool, err error) {
	var todo []finding
	for _, f := range found {
		if f.repair != nil {
			todo = append(todo, f)
		}
	}
	if len(todo) == 0 {
		a.term().Say("Nothing here can be fixed automatically.")
		return false, nil
	}
	for _, f := range todo {
		a.term().Say("%s", f.Fix)
	}
	if !yes {
		if !a.term().Interactive() {
			return false, &usageError{problem: "--fix wants --yes where nobody can be asked"}
		}
		a.term().SayPart("Do that? [y/N] ")
		answer, _ := bufio.NewReader(a.term().InReader()).ReadString('\n')
		if !strings.EqualFold(strings.TrimSpace(answer), "y") {
			return false, nil
		}
	}
	for _, f := range todo {
		err = errors.Join(err, f.repair())
	}
	return true, err
}

func printFindings(a *App, found []finding, asJSON bool) error {
	if asJSON {
		return a.term().PrintJSON(found)
	}
	p := a.term().Paint()
	var text []terminal.Prose
	counts := make(map[string]int)
	wide := 0
	for _, f := range found {
		wide = max(wide, terminal.Width(terminal.Line(f.Check)))
	}
	for _, f := range found {
		counts[f.Verdict]++
		colour := map[string]func(terminal.Prose) terminal.Prose{verdictOK: p.Green, verdictNote: p.Bold, verdictWarning: p.Yellow, verdictFault: p.Red}[f.Verdict]
		indent := 9 + wide + 2
		text = append(text, terminal.Prosef("%s%s  %s\n", colour(terminal.Pad(terminal.Line(f.Verdict), 9)), terminal.Pad(terminal.Line(f.Check), wide), terminal.Wrap(terminal.Line(f.Seen), indent)))
		if f.Fix != "" {
			text = append(text, terminal.Prosef("%s%s  %s\n", terminal.Pad("", 9), p.Faint(terminal.Pad("fix", wide)), terminal.WrapCommands(terminal.Line(f.Fix), indent, a.name())))
		}
	}
	return a.term().Print("%s\n%s\n", terminal.Join(text, ""), verdictOf(counts))
}

func verdictOf(counts map[string]int) string {
	var words []string
	for _, verdict := range []string{verdictFault, verdictWarning} {
		switch n := counts[verdict]; n {
		case 0:
		case 1:
			words = append(words, "1 "+verdict)
		default:
			words = append(words, fmt.Sprintf("%d %ss", n, verdict))
		}
	}
	if words == nil {
		return "Nothing is wrong."
	}
	return strings.Join(words, ", ") + "."
}

// within is the time that one look may take.
func (d *doctor) within(limit time.Duration) (context.Context, context.CancelFunc) {
	return context.WithTimeout(d.ctx, limit)
}
