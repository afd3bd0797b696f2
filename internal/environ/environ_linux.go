package environ

import (
	"bytes"
	"io"
	"os"
	"strconv"

	"github.com/credproc/credproc/internal/safedir"
)

// mostEnviron is more than the kernel gives a program: execve(2).
const mostEnviron = 8 << 20

// Of returns the environment that a process was started with, where the system
// tells: of the same user, or to root. A process can make its readers wait. It fails
// only if this process has no file or no memory left to look with: [safedir.IsShort].
//
// https://man7.org/linux/man-pages/man5/proc_pid_environ.5.html
func Of(pid int) (env []string, err error) {
	f, err := os.Open("/proc/" + strconv.Itoa(pid) + "/environ")
	if err != nil {
		return nil, safedir.Shortage(err)
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, mostEnviron))
	if err := safedir.Shortage(err); err != nil {
		return nil, err
	}
	for v := range bytes.SplitSeq(text, []byte{0}) {
		env = append(env, string(v))
	}
	return env, nil
}
