package cmd

import (
	"errors"
	"os/exec"
	"runtime"
	"strings"
)

// openBrowser opens a page, by BROWSER or by what the system offers. The child
// gets neither our stdin nor our stdout, which belongs to the answer.
func (a *App) openBrowser(page string) error {
	if a.Browser != nil {
		return a.Browser(page)
	}
	argv, err := a.browserCommand(page)
	if err != nil {
		return err
	}
	child := exec.Command(argv[0], argv[1:]...)
	if err := child.Start(); err != nil {
		return err
	}
	go child.Wait() // some browsers stay
	return nil
}

func (a *App) browserCommand(page string) ([]string, error) {
	if browser := strings.Fields(a.getenv("BROWSER")); len(browser) > 0 {
		return withPage(browser, page), nil
	}
	switch runtime.GOOS {
	case "darwin":
		return []string{"open", page}, nil
	case "windows":
		return []string{"rundll32", "url.dll,FileProtocolHandler", page}, nil
	}
	if a.getenv("WSL_DISTRO_NAME") != "" {
		return []string{"rundll32.exe", "url.dll,FileProtocolHandler", page}, nil
	}
	if a.getenv("DISPLAY") == "" && a.getenv("WAYLAND_DISPLAY") == "" {
		return nil, errors.New("there is no display here")
	}
	return []string{"xdg-open", page}, nil
}

// withPage puts the page where BROWSER has "{url}" or "%s", or at the end.
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
