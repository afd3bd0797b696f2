package cmd

import (
	"cmp"
	"errors"
	"fmt"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"time"

	"github.com/credproc/credproc/cmd/internal/shell"
	"github.com/credproc/credproc/tokencache"
)

// browserTime is how long a browser may take to say that it cannot open a page.
// Many stay as long as their window is open.
const browserTime = 2 * time.Second

// openIn opens a page of a session: by its own credproc_browser, a command with
// "{url}" in it, by BROWSER, or by what the system offers. The child gets
// neither our stdin nor our stdout, which belongs to the answer, and lives on as
// it likes. An error says that nothing was opened.
func (r *run) openIn(s *tokencache.Session, page string) error {
	command, _ := r.config.Setting(s.Name, "browser")
	return openWith(r.App, command, page)
}

// openWith opens a page by a command, or, if that is "", by what there is.
func openWith(a *App, command, page string) error {
	if a.Browser != nil && command == "" {
		return a.Browser(page)
	}
	argv, err := browserCommand(a, command, page)
	if err != nil {
		return err
	}
	return startBrowser(a, argv)
}

func startBrowser(a *App, argv []string) error {
	child := exec.Command(argv[0], argv[1:]...)
	child.Env = browserEnv(a)
	detach(child)
	if err := child.Start(); err != nil {
		return err
	}
	ended := make(chan error, 1)
	go func() { ended <- child.Wait() }()
	select {
	case err := <-ended:
		if err != nil {
			return fmt.Errorf("%s: %w", filepath.Base(argv[0]), err)
		}
	case <-time.After(browserTime):
	}
	return nil
}

// browserEnv is our environment without secrets: neither credproc's own, nor the
// credentials of an exec that credproc was started by.
func browserEnv(a *App) []string {
	e := inherited(a)
	e.RemoveCredentials()
	return e
}

func browserCommand(a *App, command, page string) ([]string, error) {
	if browser := browserWords(a, cmp.Or(command, a.getenv("BROWSER"))); len(browser) > 0 {
		return withPage(browser, page), nil
	}
	switch runtime.GOOS {
	case "darwin":
		return []string{"open", page}, nil
	case "windows":
		// Not "cmd /c start": that would make commands of what follows an "&".
		return []string{"rundll32", "url.dll,FileProtocolHandler", page}, nil
	}
	if a.getenv("WSL_DISTRO_NAME") != "" || a.getenv("WSL_INTEROP") != "" {
		if _, err := exec.LookPath("wslview"); err == nil {
			return []string{"wslview", page}, nil
		}
		return []string{"rundll32.exe", "url.dll,FileProtocolHandler", page}, nil
	}
	if a.getenv("DISPLAY") == "" && a.getenv("WAYLAND_DISPLAY") == "" {
		return nil, errors.New("there is no display here")
	}
	return []string{"xdg-open", page}, nil
}

// browserWords are the words of a command. One that is a program as a whole has
// spaces in its path; quotes keep words together. As BROWSER does by custom, it
// may list several commands, with colons between: the first that is there is
// taken.
func browserWords(a *App, command string) []string {
	command = strings.TrimSpace(command)
	if _, err := exec.LookPath(command); err == nil {
		return []string{command}
	}
	words := shell.Split(command)
	if len(words) == 0 || runtime.GOOS == "windows" || strings.Contains(command, "://") {
		return words
	}
	for one := range strings.SplitSeq(command, ":") {
		if w := shell.Split(one); len(w) > 0 {
			if _, err := exec.LookPath(w[0]); err == nil {
				return w
			}
		}
	}
	return words
}

// withPage puts the page where a command has "{url}" or "%s", or at the end.
func withPage(browser []string, page string) []string {
	argv := make([]string, len(browser))
	placed := false
	for i, word := range browser {
		argv[i] = strings.NewReplacer("{url}", page, "%s", page).Replace(word)
		placed = placed || argv[i] != word
	}
	if !placed {
		argv = append(argv, page)
	}
	return argv
}
