package terminal

import (
	"os"
	"time"

	"golang.org/x/sys/windows"
)

// brokenPipe is the error of a write to a pipe that is not read.
const brokenPipe = windows.ERROR_NO_DATA

// OpenControlling opens the console of this process. It is opened for reading, too:
// otherwise its mode cannot be read, the Go runtime takes it for a file, and
// letters beyond ASCII go out in the code page of the console.
//
// See https://learn.microsoft.com/en-us/windows/console/getconsolemode.
func OpenControlling() (*os.File, error) { return os.OpenFile("CONOUT$", os.O_RDWR, 0) }

// ControllingID would tell consoles apart; Windows gives them no name.
func ControllingID() string { return "" }

// readable waits so long for a console to have something to read.
func readable(terminal *os.File, wait time.Duration) (bool, error) {
	event, err := windows.WaitForSingleObject(windows.Handle(terminal.Fd()), uint32(wait.Milliseconds()))
	return event == windows.WAIT_OBJECT_0, err
}

// enableScreen makes a console do what it is told by escape sequences.
func enableScreen(out *os.File) (restore func()) {
	var mode uint32
	console := windows.Handle(out.Fd())
	if windows.GetConsoleMode(console, &mode) != nil {
		return func() {}
	}
	windows.SetConsoleMode(console, mode|windows.ENABLE_VIRTUAL_TERMINAL_PROCESSING)
	return func() { windows.SetConsoleMode(console, mode) }
}
