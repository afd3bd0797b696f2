package profiles

import (
	"context"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"
)

// Version managers put each version of a program into a directory of its own,
// and a launcher beside them: a file that stays, and starts the version chosen
// for the current directory.
//
// See https://mise.jdx.dev/dev-tools/shims.html, https://asdf-vm.com/manage/core.html,
// https://aquaproj.github.io/docs/reference/lazy-install,
// https://moonrepo.dev/docs/proto/workflows#shims and
// https://github.com/ScoopInstaller/Shim.

// A Launch is how a launcher of this program is recognized.
type Launch struct {
	Version string   // what the version command prints, without the end of the line
	Environ []string // what the launcher inherits
}

// launchTime is how long a launcher may take. asdf reads its plugins first.
const launchTime = 10 * time.Second

// starts reports whether the file at path starts this version of the program
// from a directory that has no settings of its own. args are the words before
// the version command.
func (l *Launch) starts(path string, args []string) bool {
	if l.Version == "" {
		return false
	}
	ctx, cancel := context.WithTimeout(context.Background(), launchTime)
	defer cancel()
	child := exec.CommandContext(ctx, path, append(slices.Clone(args), "version")...)
	child.Dir, child.Env, child.WaitDelay = filepath.VolumeName(path)+string(filepath.Separator), l.Environ, time.Second
	out, err := child.StdoutPipe()
	if err != nil || child.Start() != nil {
		return false
	}
	stop := context.AfterFunc(ctx, func() { out.Close() }) // what it has started may hold the other end
	defer stop()
	said, _ := io.ReadAll(io.LimitReader(out, int64(len(l.Version))+2))
	out.Close() // one that prints more ends by it
	return child.Wait() == nil && strings.TrimRight(string(said), "\r\n") == l.Version
}

// versioned finds the directory of one version in a path with slashes: what is
// before the directory of all versions, that directory, the tool, the version,
// and the rest.
var versioned = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`^(.*)/(installs|versions|pkgs|tools|apps|candidates|Cellar|Caskroom)((?:/[^/]+)*?)/(v?[0-9]+(?:\.[0-9]+)*(?:[-+._][^/]*)?)/(.+)$`)
})

// isVersioned reports whether a path lies where a package manager keeps one
// version of a program.
func isVersioned(path string) bool {
	path = filepath.ToSlash(path)
	return strings.Contains(path, "/nix/store/") || strings.Contains(path, "/gnu/store/") || strings.Contains(path, "/Cellar/") ||
		versioned().MatchString(path)
}

// current returns the path of the program at self through a link that its
// version manager moves to the newest version, or "". It is better than a
// launcher, which takes time, and may start another version elsewhere.
func current(path, self string) string {
	parts := versioned().FindStringSubmatch(filepath.ToSlash(path))
	if parts == nil {
		return ""
	}
	for _, link := range []string{"latest", "current"} {
		path := filepath.FromSlash(parts[1] + "/" + parts[2] + parts[3] + "/" + link + "/" + parts[5])
		if !isVersioned(path) && SameFile(path, self) {
			return path
		}
	}
	return ""
}

// launcher returns the path of a launcher of the program at self, or "": one in
// PATH, or else where the version manager of path has it.
func (p SearchPath) launcher(words []string, path, self string, l *Launch) string {
	places := p.candidates(words[0])
	if parts := versioned().FindStringSubmatch(filepath.ToSlash(path)); parts != nil {
		for _, dir := range []string{"shims", "bin"} {
			places = append(places, filepath.Join(filepath.FromSlash(parts[1]), dir, filepath.Base(self)))
		}
	}
	for _, place := range places {
		info, err := os.Stat(place)
		if err == nil && info.Mode().IsRegular() && !SameFile(place, self) && !isVersioned(place) && l.starts(place, words[1:]) {
			return place
		}
	}
	return ""
}
