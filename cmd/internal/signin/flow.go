package signin

import (
	"context"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"time"
)

// A Flow is a way to sign in.
type Flow string

// The flows, and what leaves the choice to [Choose].
const (
	Auto   Flow = "auto"
	PKCE   Flow = "pkce"   // a browser on this machine, which calls back
	Device Flow = "device" // a code, which any browser can confirm
)

// Surroundings are what the choice of a flow depends on.
type Surroundings struct {
	os        string // runtime.GOOS
	getenv    func(string) string
	container bool   // files of a container's runtime exist
	wsl       string // how WSL is connected: "" where that is unknown, or this is no WSL
}

// A Choice is how to sign in, and why.
type Choice struct {
	Flow   Flow
	Reason string
	Opens  bool // a browser that is started here is one that the person sees
}

// Choose chooses a flow by the surroundings; isSet says that the session or the
// program has a browser of its own. PKCE needs a browser on this machine that can
// reach this process.
func (w Surroundings) Choose(noBrowser, isSet bool) Choice {
	if noBrowser {
		return Choice{Device, "no browser is to be opened here, and a code can be confirmed anywhere", false}
	}
	ownBrowser := isSet || w.getenv("BROWSER") != "" // may also be a way to the person's browser
	for _, name := range []string{"SSH_CONNECTION", "SSH_CLIENT", "SSH_TTY"} {
		if w.getenv(name) != "" {
			return Choice{Device, name + " is set: the person's browser is on another machine", ownBrowser}
		}
	}
	if where := w.hosted(); where != "" {
		return Choice{Device, where + ": the person's browser is on another machine", ownBrowser}
	}
	if ci := strings.ToLower(w.getenv("CI")); ci != "" && ci != "false" && ci != "0" {
		return Choice{Device, "CI is set: there is no person here", isSet}
	}
	if w.container || w.getenv("KUBERNETES_SERVICE_HOST") != "" || w.getenv("container") != "" {
		return Choice{Device, "this is a container, which a browser cannot reach", ownBrowser}
	}
	if w.os != "linux" {
		return Choice{PKCE, "this is a desktop system", true}
	}
	return w.onLinux(ownBrowser)
}

// Obey keeps a dialog to the flows that check allows: where none was asked for, it is
// the other one that may be left.
func (d *Dialog) Obey(check func(flow string) error, asked Flow) error {
	refused := check(string(d.Flow))
	for _, other := range []Flow{PKCE, Device} {
		if refused != nil && asked != d.Flow && check(string(other)) == nil {
			d.Flow, d.Reason, refused = other, "the policy allows no other", nil
		}
	}
	// A browser that cannot be opened does not lead to a code then.
	d.Strict = d.Strict || check(string(Device)) != nil
	return refused
}

// hosted names the service that this machine is a part of.
func (w Surroundings) hosted() string {
	switch {
	case w.getenv("CODESPACES") == "true":
		return "this is a Codespace"
	case w.getenv("AWS_EXECUTION_ENV") == "CloudShell":
		return "this is CloudShell"
	case w.getenv("GITPOD_WORKSPACE_ID") != "":
		return "this is Gitpod"
	case w.getenv("REMOTE_CONTAINERS") != "":
		return "this is a dev container"
	}
	return ""
}

func (w Surroundings) onLinux(ownBrowser bool) Choice {
	if w.isWSL() {
		if w.wsl == "mirrored" || w.wsl == "wsl1" {
			return Choice{PKCE, "this is WSL, and Windows shares its loopback interface", true}
		}
		return Choice{Device, "this is WSL: a browser on Windows may not reach it", true}
	}
	switch {
	case w.getenv("DISPLAY") != "" || w.getenv("WAYLAND_DISPLAY") != "":
		return Choice{PKCE, "there is a display", true}
	case ownBrowser:
		return Choice{PKCE, "a browser is set", true}
	}
	return Choice{Device, "there is no display here", false}
}

func (w Surroundings) isWSL() bool {
	return w.getenv("WSL_DISTRO_NAME") != "" || w.getenv("WSL_INTEROP") != ""
}

// Here returns the surroundings of this process. environ is what a program that
// it starts inherits.
func Here(ctx context.Context, getenv func(string) string, environ []string) Surroundings {
	w := Surroundings{os: runtime.GOOS, getenv: getenv}
	for _, file := range []string{"/.dockerenv", "/run/.containerenv"} {
		if _, err := os.Stat(file); err == nil {
			w.container = true
		}
	}
	if w.os == "linux" && w.isWSL() {
		w.wsl = wslNetwork(ctx, environ)
	}
	return w
}

// wslNetwork is "wsl1", whose loopback interface is that of Windows, or what WSL
// 2 says: "nat", "mirrored" and others; "" if it says nothing.
func wslNetwork(ctx context.Context, environ []string) string {
	kernel, err := os.ReadFile("/proc/sys/kernel/osrelease")
	if err == nil && strings.HasSuffix(strings.TrimSpace(string(kernel)), "-Microsoft") {
		return "wsl1"
	}
	ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	ask := exec.CommandContext(ctx, "wslinfo", "--networking-mode")
	ask.Env = environ
	mode, err := ask.Output()
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(mode))
}
