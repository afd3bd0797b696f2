package terminal

import (
	"errors"
	"os"
	"time"

	"github.com/credproc/credproc/internal/safedir"
)

// logMost is how large a log may be when a process opens it: else it is rotated to
// "FILE.1". One old file is kept.
const logMost = 10 << 20

// LogFile is a log that many processes add to. In this one, the handler of the log
// writes it line by line.
type LogFile struct {
	f *os.File
	// No process reads from the other end of the pipe that it is.
	stuck bool
}

// OpenLog opens one, for its owner alone.
func OpenLog(path string) (*LogFile, error) {
	f, err := safedir.OpenLog(path, logMost, 1)
	return &LogFile{f: f}, err
}

// Write implements [io.Writer]. A log that cannot be written is no reason to
// fail.
func (l *LogFile) Write(line []byte) (int, error) {
	if l.stuck {
		return len(line), nil
	}
	l.f.SetWriteDeadline(time.Now().Add(time.Second)) // for a pipe; a file has none
	n, err := l.f.Write(line)
	l.stuck = errors.Is(err, os.ErrDeadlineExceeded)
	return n, err
}
