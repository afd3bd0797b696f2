package lineage

import (
	"io/fs"
	"strconv"
	"strings"
	"syscall"

	"github.com/credproc/credproc/internal/safedir"
)

// Process returns the name of a process, and who started it; "" if the system does
// not tell. It fails only if this process has no file or no memory left to look with:
// [safedir.IsShort].
//
// https://man7.org/linux/man-pages/man5/proc_pid_stat.5.html
func Process(pid int) (name string, parent int, err error) {
	// Without package os it costs three system calls: an os.File is one for the poller.
	path := "/proc/" + strconv.Itoa(pid) + "/stat"
	fd, err := syscall.Open(path, syscall.O_RDONLY|syscall.O_CLOEXEC, 0)
	if err != nil {
		return "", 0, safedir.Shortage(&fs.PathError{Op: "open", Path: path, Err: err})
	}
	defer syscall.Close(fd)
	text := make([]byte, 256) // as far as the parent
	n, err := syscall.Read(fd, text)
	if err != nil {
		return "", 0, safedir.Shortage(&fs.PathError{Op: "read", Path: path, Err: err})
	}
	text = text[:n]
	// The name is in parentheses, and may have some of its own.
	open, end := strings.IndexByte(string(text), '('), strings.LastIndexByte(string(text), ')')
	if open < 0 || end < open {
		return "", 0, nil
	}
	if fields := strings.Fields(string(text[end+1:])); len(fields) > 1 {
		parent, _ = strconv.Atoi(fields[1])
	}
	return strings.ToValidUTF8(string(text[open+1:end]), "?"), parent, nil
}
