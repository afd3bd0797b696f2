package terminal

import (
	"errors"
	"io"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"strings"
)

// pager returns the words that run the user's pager, by git's rules but for the names
// of git's own settings: PAGER, or less; none if that is empty or cat. A command that
// is more than a word is the shell's. PAGER is as trusted as the rest of the
// environment: it runs with what environ has in it, which should be no secret.
//
// https://git-scm.com/docs/git-var#Documentation/git-var.txt-GITPAGER
func pager(environ []string, goos string) []string {
	command, set := "less", false
	for _, setting := range environ {
		if value, ok := strings.CutPrefix(setting, "PAGER="); ok {
			command, set = value, true
		}
	}
	switch {
	case command == "" || command == "cat":
		return nil
	case goos == "windows" && set:
		return strings.Fields(command)
	case strings.ContainsAny(command, "|&;<>()$`\\\"' \t\n*?[#~=%"):
		return []string{"sh", "-c", command}
	}
	return []string{command}
}

// pagerSettings make less and lv show colors, and less leave where all fits on one
// screen, unless the user has settings for them.
func pagerSettings(environ []string) []string {
	for _, setting := range []string{"LESS=FRX", "LV=-c"} {
		name, _, _ := strings.Cut(setting, "=")
		if !slices.ContainsFunc(environ, func(s string) bool { return strings.HasPrefix(s, name+"=") }) {
			environ = append(environ[:len(environ):len(environ)], setting)
		}
	}
	return environ
}

// runPager shows text with the user's pager, and reports whether it could be run. A
// user who leaves early has seen enough.
func runPager(out *os.File, text Prose, environ []string) bool {
	argv := pager(environ, runtime.GOOS)
	if argv == nil {
		return false
	}
	child := exec.Command(argv[0], argv[1:]...)
	child.Env = pagerSettings(environ)
	child.Stdin, child.Stdout, child.Stderr = strings.NewReader(string(text)), out, out
	err := child.Run()
	const notExecutable, notFound = 126, 127 // what a shell says of a command
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		return exit.ExitCode() != notExecutable && exit.ExitCode() != notFound
	}
	return err == nil || child.ProcessState != nil
}

// page shows text on a stream: through a pager if that is a terminal.
func (t *Terminal) page(to io.Writer, draw func(Paint) Prose, environ []string) error {
	text := draw(t.paintOn(to))
	if f, ok := to.(*os.File); ok && Is(f) && runPager(f, text, environ) {
		return nil
	}
	_, err := io.WriteString(to, string(text))
	return err
}
