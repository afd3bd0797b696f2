package cmd

import "github.com/credproc/credproc/internal/warm"

// AnswerWarm answers a process command from what is stored, quickly, and
// returns its exit status. Where ok is false nothing has happened, and [App.Run]
// is to be called with the same arguments: there are no fresh credentials, or
// something about the call is unusual.
//
// It is for the first line of a main function, before a parser of arguments is
// made: an answer then costs little more than starting the program.
func (a *App) AnswerWarm(args []string) (status int, ok bool) {
	if a.Keyring == nil {
		program := warm.Program{Command: a.command(), ID: a.ID, Getenv: a.getenv, Place: a.place}
		if document, ok := program.Answer(args); ok {
			return a.Report(a.term().Verbatim(string(document))), true
		}
	}
	return 0, false
}
