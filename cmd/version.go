package cmd

import (
	"fmt"
	"runtime"
	"runtime/debug"

	"github.com/credproc/credproc/cmd/internal/profiles"
	"github.com/credproc/credproc/internal/sealed"
)

type versionCommand struct {
	JSON bool `name:"json" help:"Print JSON, with the commit and the formats of stored files."`
}

// Run implements the command, for kong.
func (c *versionCommand) Run(a *App) error {
	if c.JSON {
		return a.term().PrintJSON(buildOf(a))
	}
	return a.term().Print("%s\n", versionLine(a))
}

func versionLine(a *App) string {
	return fmt.Sprintf("%s %s (%s, %s/%s)", a.name(), a.version(), runtime.Version(), runtime.GOOS, runtime.GOARCH)
}

// launchOf is how a launcher of this program is recognized: by what it says to
// "version".
func launchOf(a *App) *profiles.Launch {
	return &profiles.Launch{Version: versionLine(a), Environ: append(inherited(a), a.variable("RESOLVING")+"=1")}
}

// build says what a program was built from, and with what.
type build struct {
	Version  string `json:"version"`
	Commit   string `json:"commit,omitempty"`
	Time     string `json:"time,omitempty"` // of the commit, RFC 3339
	Modified bool   `json:"modified"`       // the source was not the commit's
	Go       string `json:"go"`
	OS       string `json:"os"`
	Arch     string `json:"arch"`
	// Records are the versions of the sealed format. Two programs share a login
	// if each reads what the other writes.
	Records struct {
		Read    []int `json:"read"`
		Written int   `json:"written"`
	} `json:"records"`
}

func buildOf(a *App) *build {
	b := &build{Version: a.version(), Go: runtime.Version(), OS: runtime.GOOS, Arch: runtime.GOARCH}
	read, written := sealed.Formats()
	for format := 1; format <= read; format++ {
		b.Records.Read = append(b.Records.Read, format)
	}
	b.Records.Written = written
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return b
	}
	for _, s := range info.Settings {
		switch s.Key {
		case "vcs.revision":
			b.Commit = s.Value
		case "vcs.time":
			b.Time = s.Value
		case "vcs.modified":
			b.Modified = s.Value == "true"
		}
	}
	return b
}
