package flight

import (
	"fmt"
	"runtime"
	"runtime/debug"
)

// CrashError is a panic, as an error: a program that answers many must not end
// with one answer, and the runtime's account of a panic shows values, which may
// be secrets. What the error says shows none.
type CrashError struct {
	Reason string // the runtime's words, or the type of the value
	Stack  string // functions and lines; no values but numbers
}

// NewCrashError makes one of what recover has returned.
func NewCrashError(p any, stack []byte) *CrashError {
	reason := fmt.Sprintf("a panic with a value of type %T", p)
	if err, ok := p.(runtime.Error); ok {
		reason = err.Error()
	}
	return &CrashError{Reason: reason, Stack: string(stack)}
}

func (e *CrashError) Error() string { return "internal error: " + e.Reason }

// caught makes the error of a flight of a panic in it. It is deferred.
func caught(err *error) {
	if p := recover(); p != nil {
		*err = NewCrashError(p, debug.Stack())
	}
}
