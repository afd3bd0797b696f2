// Package browser opens pages: it chooses the browser, and starts it so that it
// outlives the command that asked.
package browser

import (
	"cmp"
	"errors"
	"fmt"
	"net/url"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"time"

	"github.com/credproc/credproc/cmd/internal/shell"
	"github.com/credproc/credproc/internal/wsl"
)

// startTime is how long a browser may take to fail. Many run until their window
// is closed.
const startTime = 2 * time.Second

// NotOpenedError is a page that no browser was opened for.
type NotOpenedError struct {
	Err error
}

func (e *NotOpenedError) Error() string { return "no browser was opened: " + e.Err.Error() }
func (e *NotOpenedError) Unwrap() error { return e.Err }

// Opener opens pages on this machine.
type Opener struct {
	Getenv  func(string) string
	Environ []string // what the browser inherits
}

// Open opens a page by a command, as [Opener.Command] describes it. An error means
// that nothing was opened.
func (o *Opener) Open(command, page string) error {
	argv, err := o.Command(command, page)
	if err != nil {
		return err
	}
	return o.Start(argv)
}

// Start starts a browser. It gets neither stdin nor stdout, which belongs to the
// answer of the command, and may run for as long as it likes.
func (o *Opener) Start(argv []string) error {
	child := exec.Command(argv[0], argv[1:]...)
	child.Env = o.Environ
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
	case <-time.After(startTime):
	}
	return nil
}

// Command returns the words that open a page: those of a command that may have
// "{url}" in it; without one, of BROWSER; without that, what the system offers.
func (o *Opener) Command(command, page string) ([]string, error) {
	if browser := Words(cmp.Or(command, o.Getenv("BROWSER"))); len(browser) > 0 {
		return withPage(browser, page), nil
	}
	switch runtime.GOOS {
	case "darwin":
		return []string{"open", page}, nil
	case "windows":
		// Not "cmd /c start": that would make commands of what follows an "&".
		return []string{"rundll32", "url.dll,FileProtocolHandler", page}, nil
	}
	windows := wsl.System{Getenv: o.Getenv}
	if argv := windowsCommand(windows, page); argv != nil {
		return argv, nil
	}
	switch {
	case o.Getenv("DISPLAY") != "" || o.Getenv("WAYLAND_DISPLAY") != "":
		return []string{"xdg-open", page}, nil
	case windows.IsWSL():
		return nil, errors.New("there is no display here, and no rundll32.exe on the drives of Windows")
	}
	return nil, errors.New("there is no display here")
}

// windowsCommand opens a page by Windows, or is nil where this is not WSL, or
// nothing of Windows is found. rundll32.exe gets the page as it is, as one word:
// explorer.exe ends with status 1 whatever happens and opens a folder for some
// pages, cmd.exe makes commands of what follows an "&", and powershell.exe does that
// too, and takes most of a second to start.
func windowsCommand(windows wsl.System, page string) []string {
	if !windows.IsWSL() {
		return nil
	}
	if _, err := exec.LookPath("wslview"); err == nil {
		return []string{"wslview", page}
	}
	if handler := windows.Program("rundll32.exe"); handler != "" {
		return []string{handler, "url.dll,FileProtocolHandler", page}
	}
	return nil
}

// Fill returns the words of a template, in which {url} stands for a page, {name} for
// a value, and {name_encoded} for the value inside a URL. No value becomes two
// words. A template that does not say where the page goes has it at the end.
func Fill(template, page string, values map[string]string) []string {
	pairs := []string{"{url}", page, "{url_encoded}", escape(page)}
	for name, value := range values {
		pairs = append(pairs, "{"+name+"}", value, "{"+name+"_encoded}", escape(value))
	}
	argv := Words(template)
	for i, word := range argv {
		argv[i] = strings.NewReplacer(pairs...).Replace(word)
	}
	if !strings.Contains(template, "{url}") && !strings.Contains(template, "{url_encoded}") {
		argv = append(argv, page)
	}
	return argv
}

// escape is for a value in a URL, where "+" may be no space.
func escape(value string) string { return strings.ReplaceAll(url.QueryEscape(value), "+", "%20") }

// Words splits a command into words. A command that is the path of a program may
// have spaces in it; quotes keep words together. By the custom of BROWSER, it may
// list several commands, separated by colons: the first one that exists counts.
func Words(command string) []string {
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
