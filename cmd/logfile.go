package cmd

import (
	"fmt"
	"io"
	"log/slog"
	"strings"

	"github.com/credproc/credproc/cmd/internal/doctor"
	"github.com/credproc/credproc/cmd/internal/terminal"
)

// logger returns what --debug or the environment asks for, or nil.
func newLogger(a *App) (*slog.Logger, error) {
	level := slog.LevelDebug
	if name := strings.ToLower(a.setting("LOG")); !a.debug && name == "" {
		return nil, nil
	} else if !a.debug && level.UnmarshalText([]byte(name)) != nil {
		return nil, &usageError{problem: fmt.Sprintf("%s is %q: it must be debug, info, warn or error", a.variable("LOG"), name)}
	}
	var file io.Writer // stderr
	if path, err := pathSetting(a, "LOG_FILE"); err != nil {
		return nil, err
	} else if path != "" {
		f, err := terminal.OpenLog(path)
		if err != nil {
			return nil, &usageError{problem: fmt.Sprintf("%s: %v", a.variable("LOG_FILE"), err), hint: doctor.UnsafeFix(err)}
		}
		file = f // until the process ends
	}
	return a.term().Log(file, level), nil
}
