package child

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// A command that waits for a person is run again by the next process.
func TestALineThatIsGivenUpLeavesNoProcess(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	c := Shell(ctx, `sh -c 'sleep 600 & echo $!; wait'; true`)
	out, err := c.StdoutPipe()
	if err == nil {
		err = c.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	text := make([]byte, 20)
	n, err := out.Read(text)
	if err != nil {
		t.Fatal(err)
	}
	pid, err := strconv.Atoi(string(text[:n-1]))
	if err != nil {
		t.Fatal(err)
	}
	cancel()
	if _, ended := c.Wait().(*exec.ExitError); !ended {
		t.Error("it was not ended")
	}
	late := time.After(10 * time.Second)
	for isRunning(pid) {
		select {
		case <-time.After(time.Millisecond):
		case <-late:
			syscall.Kill(pid, syscall.SIGKILL)
			t.Fatal("what it had started goes on")
		}
	}
}

// isRunning reports whether a process runs. A zombie does not.
func isRunning(pid int) bool {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	return err == nil && !strings.Contains(string(text), ") Z ")
}
