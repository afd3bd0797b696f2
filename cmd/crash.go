package cmd

import (
	"errors"
	"runtime/debug"

	"github.com/credproc/credproc/cmd/internal/report"
	"github.com/credproc/credproc/cmd/internal/terminal"
	"github.com/credproc/credproc/internal/flight"
)

// A fault of this program is one line and exit status 1. The runtime's own
// account, with status 2, shows values, which may be secrets.

// caught makes the status of a command of a panic in it. It is deferred.
func caught(a *App, status *int) {
	if p := recover(); p != nil {
		*status = a.Report(flight.NewCrashError(p, debug.Stack()))
	}
}

func aboutCrash(a *App, err error) (advice, bool) {
	e, ok := errors.AsType[*flight.CrashError](err)
	if !ok {
		return advice{}, false
	}
	say := advice{status: failed, kind: report.Crash, text: terminal.ErrorText(e), more: "This is a fault of the program. Nothing that is stored is lost. Please report it with what --debug prints."}
	if a.debug || a.setting("LOG") == "debug" {
		say.more = terminal.Lines(e.Stack)
	}
	return say, true
}
