package signin

import (
	"maps"
	"strings"
	"testing"
)

// TestTheFlowIsTheOneThatIsPromised is the table in docs/sign-in.md.
func TestTheFlowIsTheOneThatIsPromised(t *testing.T) {
	type env = map[string]string
	desktop := env{"DISPLAY": ":0"}
	with := func(more env) env {
		all := maps.Clone(desktop)
		maps.Copy(all, more)
		return all
	}
	for _, tt := range []struct {
		os        string
		env       env
		container bool
		wsl       string
		noBrowser bool
		isSet     bool // the session's own browser

		flow   Flow
		opens  bool
		reason string
	}{
		{os: "linux", env: desktop, flow: "pkce", opens: true, reason: "display"},
		{os: "linux", env: env{"WAYLAND_DISPLAY": "wayland-0"}, flow: "pkce", opens: true, reason: "display"},
		{os: "linux", env: env{}, flow: "device", reason: "no display"},
		{os: "linux", env: env{"BROWSER": "w3m"}, flow: "pkce", opens: true, reason: "a browser"},
		{os: "linux", env: env{}, isSet: true, flow: "pkce", opens: true, reason: "a browser"},
		{os: "linux", env: env{"SSH_TTY": "/dev/pts/0"}, isSet: true, flow: "device", opens: true, reason: "SSH_TTY"},
		{os: "linux", env: env{"CI": "true"}, isSet: true, flow: "device", opens: true, reason: "CI"},
		{os: "linux", env: env{}, isSet: true, noBrowser: true, flow: "device", reason: "no browser is to be opened"},
		{os: "darwin", env: env{}, flow: "pkce", opens: true, reason: "desktop"},
		{os: "windows", env: env{}, flow: "pkce", opens: true, reason: "desktop"},
		{os: "linux", env: desktop, noBrowser: true, flow: "device", reason: "no browser is to be opened"},
		{os: "darwin", env: env{}, noBrowser: true, flow: "device", reason: "no browser is to be opened"},

		{os: "linux", env: with(env{"SSH_CONNECTION": "192.0.2.1 50000 192.0.2.2 22"}), flow: "device", reason: "SSH_CONNECTION"},
		{os: "linux", env: with(env{"SSH_CLIENT": "192.0.2.1 50000 22"}), flow: "device", reason: "SSH_CLIENT"},
		{os: "darwin", env: env{"SSH_TTY": "/dev/ttys001"}, flow: "device", reason: "SSH_TTY"},
		{os: "windows", env: env{"SSH_CONNECTION": "192.0.2.1 50000 192.0.2.2 22"}, flow: "device", reason: "SSH_CONNECTION"},
		{os: "linux", env: env{"SSH_TTY": "/dev/pts/0", "BROWSER": "open-on-my-laptop"}, flow: "device", opens: true, reason: "SSH_TTY"},

		{os: "linux", env: desktop, container: true, flow: "device", reason: "container"},
		{os: "linux", env: with(env{"container": "podman"}), flow: "device", reason: "container"},
		{os: "linux", env: with(env{"KUBERNETES_SERVICE_HOST": "10.0.0.1"}), flow: "device", reason: "container"},
		{os: "linux", env: env{"REMOTE_CONTAINERS": "true", "BROWSER": "/vscode/browser.sh"}, container: true, flow: "device", opens: true, reason: "dev container"},
		{os: "linux", env: with(env{"CODESPACES": "true"}), flow: "device", reason: "Codespace"},
		{os: "linux", env: env{"CODESPACES": "true", "BROWSER": "/vscode/browser.sh"}, flow: "device", opens: true, reason: "Codespace"},
		{os: "linux", env: with(env{"GITPOD_WORKSPACE_ID": "x"}), flow: "device", reason: "Gitpod"},
		{os: "linux", env: with(env{"AWS_EXECUTION_ENV": "CloudShell"}), flow: "device", reason: "CloudShell"},
		{os: "linux", env: with(env{"AWS_EXECUTION_ENV": "AWS_ECS_FARGATE"}), flow: "pkce", opens: true, reason: "display"},
		{os: "linux", env: with(env{"CI": "true", "BROWSER": "firefox"}), flow: "device", reason: "CI"},
		{os: "darwin", env: env{"CI": "1"}, flow: "device", reason: "CI"},
		{os: "darwin", env: env{"CI": "false"}, flow: "pkce", opens: true, reason: "desktop"},

		{os: "linux", env: env{"WSL_DISTRO_NAME": "Ubuntu"}, wsl: "mirrored", flow: "pkce", opens: true, reason: "WSL"},
		{os: "linux", env: env{"WSL_DISTRO_NAME": "Ubuntu"}, wsl: "wsl1", flow: "pkce", opens: true, reason: "WSL"},
		{os: "linux", env: env{"WSL_DISTRO_NAME": "Ubuntu"}, wsl: "nat", flow: "device", opens: true, reason: "WSL"},
		{os: "linux", env: with(env{"WSL_DISTRO_NAME": "Ubuntu"}), flow: "device", opens: true, reason: "WSL"},
		{os: "linux", env: env{"WSL_INTEROP": "/run/WSL/1_interop"}, wsl: "virtioproxy", flow: "device", opens: true, reason: "WSL"},
	} {
		w := Surroundings{os: tt.os, getenv: func(name string) string { return tt.env[name] }, container: tt.container, wsl: tt.wsl}
		got := w.Choose(tt.noBrowser, tt.isSet)
		if got.Flow != tt.flow || got.Opens != tt.opens || !strings.Contains(got.Reason, tt.reason) || strings.Contains(got.Reason, "\n") {
			t.Errorf("%s %v: %+v, want %s, opens %v, reason %q", tt.os, tt.env, got, tt.flow, tt.opens, tt.reason)
		}
	}
}
