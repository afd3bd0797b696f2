package environ

import (
	"bufio"
	"context"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"testing"
)

// TestMain makes the test binary a process that stays until its input ends.
func TestMain(m *testing.M) {
	if os.Getenv("STAY") != "" {
		os.Stdout.WriteString("here\n")
		bufio.NewReader(os.Stdin).ReadString('\n')
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// start starts a process with an environment, and waits until it runs.
func start(t *testing.T, env ...string) (pid int) {
	t.Helper()
	ctx, stop := context.WithCancel(t.Context())
	c := exec.CommandContext(ctx, os.Args[0])
	c.Env = append(env, "STAY=1", "SystemRoot="+os.Getenv("SystemRoot"))
	in, err := c.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := c.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { in.Close(); c.Wait(); stop() })
	if _, err := bufio.NewReader(out).ReadString('\n'); err != nil {
		t.Fatal(err)
	}
	return c.Process.Pid
}

func TestTheEnvironmentOfAnotherProcessIsRead(t *testing.T) {
	if !slices.Contains([]string{"linux", "windows", "darwin"}, runtime.GOOS) {
		return // others do not tell
	}
	env, err := Of(start(t, "ONE=1", "TWO=zwei=ü", "EMPTY="))
	if err != nil {
		t.Fatal(err)
	}
	getenv := Lookup(env)
	for name, want := range map[string]string{"ONE": "1", "TWO": "zwei=ü", "EMPTY": "", "NONE": "", "STAY": "1", "ON": "", "": ""} {
		if got := getenv(name); got != want {
			t.Errorf("%s is %q, want %q", name, got, want)
		}
	}
	if env, err := Of(1 << 30); env != nil || err != nil {
		t.Errorf("of a process that is not there: %q, %v", env, err)
	}
}

func TestOfTwoVariablesOfOneNameTheFirstCounts(t *testing.T) {
	if got := Lookup([]string{"A=1", "A=2"})("A"); got != "1" {
		t.Errorf("it is %q", got)
	}
}
