package cmd

import (
	"os"
	"runtime"
	"sync"

	"github.com/credproc/credproc/internal/safedir"
)

// logMost is how large a log grows before it is put aside as "FILE.1", where one
// is kept.
const logMost = 10 << 20

// logFile is a log that many processes add to.
type logFile struct {
	path string

	mu   sync.Mutex
	f    *os.File
	size int64 // as far as this process knows; others write too
}

func openLog(path string) (*logFile, error) {
	l := &logFile{path: path}
	return l, l.open()
}

// open opens the file anew, for its owner alone. What is no regular file, such
// as a terminal, is left as it is.
func (l *logFile) open() error {
	if l.f != nil && runtime.GOOS == "windows" {
		l.f.Close() // what is open is not renamed there
	}
	safedir.Rotate(l.path, logMost, 1) // else it goes on growing
	f, err := os.OpenFile(l.path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	info, err := f.Stat()
	if err == nil && info.Mode().IsRegular() {
		f.Chmod(0o600)
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
	n, err := l.f.Write(line)
	l.size += int64(n)
	return n, err
}
