package cmd

import (
	"errors"
	"os"
	"runtime"
	"sync"
	"time"

	"github.com/credproc/credproc/internal/safedir"
)

// logMost is how large a log grows before it is rotated to "FILE.1". One old file is
// kept.
const logMost = 10 << 20

// logFile is a log that many processes add to.
type logFile struct {
	path string

	mu   sync.Mutex
	f    *os.File
	size int64 // as far as this process knows; others write too
	// Nobody reads from the other end of the pipe that it is.
	stuck bool
}

func openLog(path string) (*logFile, error) {
	l := &logFile{path: path}
	return l, l.open()
}

// open opens the file again, rotated if it is due.
func (l *logFile) open() error {
	if l.f != nil && runtime.GOOS == "windows" {
		l.f.Close() // what is open is not renamed there
	}
	f, err := safedir.OpenLog(l.path, logMost, 1)
	if err != nil {
		return err
	}
	l.size = 0
	if info, err := f.Stat(); err == nil && info.Mode().IsRegular() {
		l.size = info.Size()
	}
	if l.f != nil {
		l.f.Close()
	}
	l.f = f
	return nil
}

// Write implements [io.Writer]. A log that cannot be written is no reason to
// fail.
func (l *logFile) Write(line []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.size >= logMost {
		l.open() // or, if that fails, go on with the old one
	}
	if l.stuck {
		return len(line), nil
	}
	l.f.SetWriteDeadline(time.Now().Add(time.Second)) // for a pipe; a file has none
	n, err := l.f.Write(line)
	l.size += int64(n)
	l.stuck = errors.Is(err, os.ErrDeadlineExceeded)
	return n, err
}
