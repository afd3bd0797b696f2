package profiles

import (
	"cmp"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"sync"
)

// A credential_process line outlives the program that wrote it: it is run by
// other programs, from anywhere, after upgrades. So it names the path under
// which PATH finds it, with its links unresolved: package managers put each
// version into a directory of its own, which the next upgrade removes, and a
// link to it into a directory that stays.

// CommandError is why no line can be written that would work.
type CommandError struct{ Problem string }

func (e *CommandError) Error() string { return e.Problem }

// A SearchPath is the value of PATH.
type SearchPath string

// LineCommand returns how the lines start that credproc writes, for a program that
// is run as command. said is what the user has chosen for it, or "". l says how
// to recognize a launcher that a version manager has made for the program.
func (p SearchPath) LineCommand(said, command string, l *Launch) (string, error) {
	words := strings.Fields(command)
	if said != "" {
		words = strings.Fields(said)
	}
	if _, err := os.Stat(said); err == nil && len(words) > 1 {
		return "", &CommandError{fmt.Sprintf("the path %q has spaces: programs that run the line disagree about quotes", said)}
	}
	if i := slices.IndexFunc(words, func(word string) bool { return !isPlainWord(word) }); i >= 0 {
		return "", &CommandError{fmt.Sprintf("%q cannot be written into a config file: programs that run the line disagree about quotes and special characters", words[i])}
	}
	switch {
	case said != "" && len(words) == 0:
		return "", &CommandError{"the command is empty"}
	case said != "":
		return strings.Join(words, " "), nil
	}
	self, err := os.Executable()
	if err != nil {
		return "", err
	}
	path, err := p.ownPath(words, self, os.Args[0], l)
	if err != nil {
		return "", err
	}
	words[0] = path
	return strings.Join(words, " "), nil
}

// ownPath returns the path, or the bare name, under which the program at self
// can be run tomorrow. words are its name and the words before a command of
// credproc's; called is how it was run this time.
func (p SearchPath) ownPath(words []string, self, called string, l *Launch) (string, error) {
	if isTemporary(self) {
		return "", &CommandError{fmt.Sprintf("%s is a temporary build of \"go run\"", self)}
	}
	name := words[0]
	stable := p.inPath(name, self)
	isBare := stable != "" && stable == p.firstInPath(name)
	if stable == "" && strings.ContainsRune(called, filepath.Separator) {
		if path, err := filepath.Abs(called); err == nil && SameFile(path, self) {
			stable = path
		}
	}
	if found := cmp.Or(stable, self); stable == "" || isVersioned(stable) {
		if lasting := cmp.Or(current(found, self), p.launcher(words, found, self, l)); lasting != "" {
			stable, isBare = lasting, lasting == p.firstInPath(name)
		}
	}
	return usable(stable, name, isBare)
}

// usable is the path, or the name if PATH leads to it, as a line can have it.
func usable(stable, name string, isBare bool) (string, error) {
	switch {
	case stable == "":
		return "", &CommandError{fmt.Sprintf("PATH leads to no %s that is this program", name)}
	case isVersioned(stable):
		return "", &CommandError{fmt.Sprintf("%s is in the directory of one version, which the next upgrade removes, and neither a link in PATH nor a launcher leads to it", stable)}
	case isPlainWord(stable):
		return stable, nil
	case isBare && !strings.ContainsAny(name, `/\`):
		return name, nil // which every program that has this PATH finds
	}
	return "", &CommandError{fmt.Sprintf("the path %q has characters that programs which run the line disagree about, and PATH does not lead to it", stable)}
}

// inPath returns the first path in PATH that is the program at self, links
// unresolved, and rather one that stays.
func (p SearchPath) inPath(name, self string) (path string) {
	for _, candidate := range p.candidates(name) {
		if !SameFile(candidate, self) {
			continue
		}
		if !isVersioned(candidate) {
			return candidate
		}
		path = candidate
	}
	return path
}

// firstInPath returns what the bare name means to programs that have this PATH.
func (p SearchPath) firstInPath(name string) string {
	for _, candidate := range p.candidates(name) {
		if info, err := os.Stat(candidate); err == nil && info.Mode().IsRegular() {
			return candidate
		}
	}
	return ""
}

// candidates are the paths in PATH under which a program of that name may be.
func (p SearchPath) candidates(name string) (paths []string) {
	if runtime.GOOS == "windows" && filepath.Ext(name) == "" {
		name += ".exe"
	}
	for _, dir := range filepath.SplitList(string(p)) {
		if path := filepath.Join(dir, name); filepath.IsAbs(path) {
			paths = append(paths, path)
		}
	}
	return paths
}

// SameFile reports whether two paths lead to one file.
func SameFile(a, b string) bool {
	one, err := os.Stat(a)
	if err != nil {
		return false
	}
	other, err := os.Stat(b)
	return err == nil && os.SameFile(one, other)
}

// isPlainWord reports whether sh, cmd.exe, and programs that split lines
// themselves all take a word for what it is.
func isPlainWord(word string) bool {
	special := strings.IndexFunc(word, func(r rune) bool {
		plain := r >= '0' && r <= '9' || r >= 'A' && r <= 'Z' || r >= 'a' && r <= 'z' || strings.ContainsRune("-_./:=@,+", r) ||
			runtime.GOOS == "windows" && r == '\\'
		return !plain
	})
	return word != "" && special < 0
}

// goBuild is where "go run" puts programs: a directory that it removes, or its
// cache.
var goBuild = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`[/\\]go-build[0-9]*[/\\]|[/\\][0-9a-f]{2}[/\\][0-9a-f]{64}-d[/\\]`)
})

// Stays reports whether a program can still be run by this path after its next
// upgrade or build, as far as the path tells.
func Stays(path string) bool { return !isTemporary(path) && !isVersioned(path) }

func isTemporary(path string) bool { return goBuild().MatchString(path) }
