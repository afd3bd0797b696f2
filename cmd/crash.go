package cmd

import (
	"runtime/debug"

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
