package cmd

import "os"

// openTerminal opens the console of this process.
func openTerminal() (*os.File, error) { return os.OpenFile("CONOUT$", os.O_WRONLY, 0) }

// terminalID would tell consoles apart; Windows gives them no name.
func terminalID() string { return "" }
