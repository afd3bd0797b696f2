package doctor

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"

	"github.com/credproc/credproc/cmd/internal/profiles"
	"github.com/credproc/credproc/cmd/internal/shell"
	"github.com/credproc/credproc/internal/awsconfig"
)

// Lines checks the credential_process values: whether what they run exists, and
// whether it is this program.
func (d *Checks) Lines() {
	const check = "process lines"
	if d.Files == nil {
		return
	}
	ours := 0
	programs := make(map[string]bool) // looked at
	for _, name := range slices.Sorted(maps.Keys(d.Files.Profiles)) {
		s := d.Files.Profiles[name]
		value, ok := s.Get("credential_process")
		if !ok {
			continue
		}
		if awsconfig.IsOurs(value, d.Command) {
			ours++
		}
		words, closed := awsconfig.CommandOf(value)
		switch {
		case !closed || len(words) == 0:
			d.fault(check, "write a command, and close its quotes", "%s: a quote is not closed, or there is no command", d.at(s, "credential_process"))
		case !programs[words[0]]:
			programs[words[0]] = true
			d.program(check, s, words[0], awsconfig.IsOurs(value, d.Command))
		}
		if closed && len(words) > 0 {
			d.words(check, s, words)
		}
	}
	if !d.Bad(check) && len(programs) > 0 {
		d.OK(check, "%d of this program", ours)
	}
}

func (d *Checks) program(check string, s *awsconfig.Section, program string, ours bool) {
	at := d.at(s, "credential_process")
	fix := "write the path of the program there"
	path, err := exec.LookPath(program)
	if self := d.path(); self != "" && (ours || d.isSelf(path)) {
		fix = "write " + self + " there"
	}
	switch {
	case strings.HasPrefix(program, "~") || strings.Contains(program, "$") || strings.Contains(program, "%"):
		d.fault(check, fix, "%s: %s: no shell runs the line, so ~ and variables stay as they are", at, program)
	case errors.Is(err, exec.ErrDot), err == nil && !filepath.IsAbs(path) && strings.ContainsAny(program, `/\`):
		d.fault(check, fix, "%s: %s is found from some directories only", at, program)
	case errors.Is(err, fs.ErrPermission):
		d.fault(check, "chmod +x "+shell.Word(program), "%s: %s may not be run", at, program)
	case err != nil:
		d.fault(check, fix, "%s: there is no program %s", at, program)
	case !profiles.Stays(path):
		d.warn(check, fix, "%s: %s is gone after the next update", at, d.Short(path))
	case ours && !d.isSelf(path):
		d.warn(check, fix, "%s: %s is another program than this one, %s", at, d.Short(path), d.Short(d.Self))
	case !ours && d.isSelf(path) && filepath.Base(path) != filepath.Base(d.Self):
		d.warn(check, fix, "%s: %s is this program under another name, which does not understand the line", at, d.Short(path))
	}
}

// words are those of a line that runs this program: whether it takes them.
func (d *Checks) words(check string, s *awsconfig.Section, words []string) {
	path, err := exec.LookPath(words[0])
	if err != nil || !d.isSelf(path) || len(words) < len(d.Command) || !slices.Equal(words[1:len(d.Command)], d.Command[1:]) {
		return
	}
	if err := d.Takes(words[len(d.Command):]); err != nil {
		d.fault(check, fmt.Sprintf("use only the flags of %s process --help, and no shell syntax: most SDKs run no shell", d.Program),
			"%s: this program does not accept the line: %s", d.at(s, "credential_process"), err)
	}
}

// path is where PATH finds this program, "" where it does not.
func (d *Checks) path() string {
	path, err := exec.LookPath(d.Command[0])
	if err != nil || !d.isSelf(path) {
		return ""
	}
	return path
}

func (d *Checks) isSelf(path string) bool { return profiles.SameFile(path, d.Self) }
