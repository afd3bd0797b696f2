package cmd

import (
	"context"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"time"

	"github.com/credproc/credproc/tokencache"
)

// The ways to sign in.
const (
	flowAuto   = "auto"
	flowPKCE   = "pkce"   // a browser on this machine, which calls back
	flowDevice = "device" // a code, which any browser can confirm
)

// noDisplay is a reason that a browser of the session's own does away with.
const noDisplay = "there is no display here"

// surroundings are what the choice of a flow depends on.
type surroundings struct {
	os        string // runtime.GOOS
	getenv    func(string) string
	container bool   // files of a container's runtime are there
	wsl       string // how WSL is connected: "" where that is unknown, or this is no WSL
}

// choice is how to sign in, and why.
type choice struct {
	flow   string
	reason string
	opens  bool // a browser that is started here is one that the person sees
}

// chooseFlow says how to sign in where nobody has said how. A browser must be
// able to reach us, and has to be on this machine for that.
func chooseFlow(w surroundings, noBrowser bool) choice {
	if noBrowser {
		return choice{flowDevice, "no browser is to be opened here, and a code can be confirmed anywhere", false}
	}
	ownBrowser := w.getenv("BROWSER") != "" // may also be a way to the person's browser
	for _, name := range []string{"SSH_CONNECTION", "SSH_CLIENT", "SSH_TTY"} {
		if w.getenv(name) != "" {
			return choice{flowDevice, name + " is set: the person's browser is on another machine", ownBrowser}
		}
	}
	if where := w.hosted(); where != "" {
		return choice{flowDevice, where + ": the person's browser is on another machine", ownBrowser}
	}
	if ci := strings.ToLower(w.getenv("CI")); ci != "" && ci != "false" && ci != "0" {
		return choice{flowDevice, "CI is set: there is no person here", false}
	}
	if w.container || w.getenv("KUBERNETES_SERVICE_HOST") != "" || w.getenv("container") != "" {
		return choice{flowDevice, "this is a container, which a browser cannot reach", ownBrowser}
	}
	if w.os != "linux" {
		return choice{flowPKCE, "this is a desktop system", true}
	}
	return w.onLinux(ownBrowser)
}

// hosted names the service that this machine is a part of.
func (w surroundings) hosted() string {
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

func (w surroundings) onLinux(ownBrowser bool) choice {
	if w.getenv("WSL_DISTRO_NAME") != "" || w.getenv("WSL_INTEROP") != "" {
		if w.wsl == "mirrored" || w.wsl == "wsl1" {
			return choice{flowPKCE, "this is WSL, and Windows shares its loopback interface", true}
		}
		return choice{flowDevice, "this is WSL: a browser on Windows may not reach it", true}
	}
	switch {
	case w.getenv("DISPLAY") != "" || w.getenv("WAYLAND_DISPLAY") != "":
		return choice{flowPKCE, "there is a display", true}
	case ownBrowser:
		return choice{flowPKCE, "BROWSER is set", true}
	}
	return choice{flowDevice, noDisplay, false}
}

// surroundingsOf looks around.
func surroundingsOf(ctx context.Context, a *App) surroundings {
	w := surroundings{os: runtime.GOOS, getenv: a.getenv}
	for _, file := range []string{"/.dockerenv", "/run/.containerenv"} {
		if _, err := os.Stat(file); err == nil {
			w.container = true
		}
	}
	if w.os == "linux" && (a.getenv("WSL_DISTRO_NAME") != "" || a.getenv("WSL_INTEROP") != "") {
		w.wsl = wslNetwork(ctx, inherited(a))
	}
	return w
}

// wslNetwork is "wsl1", whose loopback interface is that of Windows, or what WSL
// 2 says: "nat", "mirrored" and others; "" if it says nothing.
func wslNetwork(ctx context.Context, env []string) string {
	kernel, err := os.ReadFile("/proc/sys/kernel/osrelease")
	if err == nil && strings.HasSuffix(strings.TrimSpace(string(kernel)), "-Microsoft") {
		return "wsl1"
	}
	ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	ask := exec.CommandContext(ctx, "wslinfo", "--networking-mode")
	ask.Env = env
	mode, err := ask.Output()
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(mode))
}

// choose says how to sign in, and whether nothing else will do: by the flags, the
// settings, or what there is here.
func (r *run) choose(ctx context.Context, s *tokencache.Session, o *loginOptions) (way choice, strict bool, err error) {
	asked, from := o.flow, "--flow"
	if asked == "" {
		asked, from = r.config.Setting(s.Name, "flow")
	}
	way = chooseFlow(surroundingsOf(ctx, r.App), o.noBrowser)
	if command, _ := r.config.Setting(s.Name, "browser"); (command != "" || r.Browser != nil) && !o.noBrowser {
		way.opens = true
		if way.reason == noDisplay {
			way.flow, way.reason = flowPKCE, "a browser is set"
		}
	}
	switch asked {
	case "", flowAuto:
	case flowPKCE, flowDevice:
		way.flow, way.reason, strict = asked, from+" says so", true
	default:
		return way, false, r.usage("%s is %q: it must be auto, pkce or device", from, asked)
	}
	if r.config.Logger != nil {
		r.config.Logger.Debug("how to sign in", "session", sessionLabel(s), "flow", way.flow, "reason", way.reason)
	}
	return way, strict, nil
}
