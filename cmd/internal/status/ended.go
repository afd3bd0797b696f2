package status

import (
	"time"

	"github.com/credproc/credproc/cmd/internal/terminal"
)

// The words for a session that has ended, wherever that is said. The service's own
// are for --debug and for programs.
const (
	hasEnded       = "the session has ended"
	endedByService = "the service has ended the session"
)

// HasEnded says which session has ended, and when the login that it had was made, if
// that is known.
func HasEnded(session string, signedIn time.Time) terminal.Prose {
	return terminal.Prosef("the session %s has ended%s", session, madeAt(signedIn, time.Now()))
}

func madeAt(signedIn, now time.Time) string {
	if signedIn.IsZero() {
		return ""
	}
	return " (signed in " + terminal.Clock(signedIn, now) + ")"
}
