package environ

import (
	"bytes"
	"io"
	"os"
	"strconv"
)

// mostEnviron is more than the kernel gives a program: execve(2).
const mostEnviron = 8 << 20

// Of returns the environment that a process was started with, where the system
// tells: of the same user, or to root. A process can make its readers wait.
//
// https://man7.org/linux/man-pages/man5/proc_pid_environ.5.html
func Of(pid int) (env []string) {
	f, err := os.Open("/proc/" + strconv.Itoa(pid) + "/environ")
	if err != nil {
		return nil
	}
	defer f.Close()
	text, _ := io.ReadAll(io.LimitReader(f, mostEnviron))
	for v := range bytes.SplitSeq(text, []byte{0}) {
		env = append(env, string(v))
	}
	return env
}
