package cmd

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/credproc/credproc/cmd/internal/doctor"
	"github.com/credproc/credproc/internal/safedir"
)

// logger returns what --debug or the environment asks for, or nil.
func newLogger(a *App) (*slog.Logger, error) {
	var level slog.Level
	switch name := strings.ToLower(a.setting("LOG")); {
	case a.debug || name == "debug":
		level = slog.LevelDebug
	case name == "":
		return nil, nil
	case level.UnmarshalText([]byte(name)) != nil:
		return nil, &usageError{problem: fmt.Sprintf("%s is %q: it must be debug, info, warn or error", a.variable("LOG"), name)}
	}
	var file io.Writer // stderr
	if path, err := pathSetting(a, "LOG_FILE"); err != nil {
		return nil, err
	} else if path != "" {
		f, err := openLog(path)
		if err != nil {
			return nil, &usageError{problem: fmt.Sprintf("%s: %v", a.variable("LOG_FILE"), err), hint: doctor.UnsafeFix(err)}
		}
		file = f // until the process ends
	}
	return a.term().Log(file, level), nil
}

// logMost is how large a log may be when a process opens it: else it is rotated to
// "FILE.1". One old file is kept.
const logMost = 10 << 20

// logFile is a log that many processes add to.
type logFile struct {
	mu sync.Mutex
	f  *os.File
	// No process reads from the other end of the pipe that it is.
	stuck bool
}

func openLog(path string) (*logFile, error) {
	f, err := safedir.OpenLog(path, logMost, 1)
	return &logFile{f: f}, err
}

// Write implements [io.Writer]. A log that cannot be written is no reason to
// fail.
func (l *logFile) Write(line []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.stuck {
		return len(line), nil
	}
	l.f.SetWriteDeadline(time.Now().Add(time.Second)) // for a pipe; a file has none
	n, err := l.f.Write(line)
	l.stuck = errors.Is(err, os.ErrDeadlineExceeded)
	return n, err
}
