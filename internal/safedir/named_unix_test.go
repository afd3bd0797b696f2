//go:build unix

package safedir_test

import (
	"bufio"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"

	"github.com/credproc/credproc/internal/safedir"
)

func TestASecretFileIsForNobodyElse(t *testing.T) {
	names := []string{"mine/", "mine/key", "mine/..data -> v1", "mine/v1/", "mine/v1/key", "mine/linked -> ..data/key"}
	root0 := os.Geteuid() == 0 // whose file may be read by others
	for _, tt := range []struct {
		path    string
		wrong   []wrong
		blamed  string // "" if it is read
		problem safedir.Problem
	}{
		{"mine/key", nil, "", ""},
		{"mine/key", []wrong{{"mine/key", 0o400, 0}}, "", ""},
		{"mine/key", []wrong{{"mine/key", 0o666, 0}}, "mine/key", safedir.Writable},
		{"mine/key", []wrong{{"mine/key", 0o620, 0}}, "mine/key", safedir.Writable},
		{"mine/key", []wrong{{"mine/key", 0, stranger}}, "mine/key", safedir.Foreign},
		{"mine/key", []wrong{{"mine", 0o777, 0}}, "", ""},
		{"mine/linked", nil, "", ""},
		{"mine/linked", []wrong{{"mine/v1", fs.ModeSticky | 0o777, 0}}, "", ""}, // as Kubernetes has them
		{"mine/linked", []wrong{{"mine/v1/key", 0o666, 0}}, "mine/v1/key", safedir.Writable},
		{"mine/linked", []wrong{{"mine/v1", 0o777, 0}}, "mine/v1", safedir.Writable},
		{"mine/linked", []wrong{{"mine", fs.ModeSticky | 0o777, 0}, {"mine/..data", 0, stranger}}, "mine/..data", safedir.Foreign},
		{"mine/linked", []wrong{{"mine", fs.ModeSticky | 0o777, 0}, {"mine/linked", 0, stranger}}, "mine/linked", safedir.Foreign},
	} {
		root := tree(t, names...)
		applied := true
		for _, w := range tt.wrong {
			applied = w.apply(t, root) && applied
		}
		if !applied {
			continue
		}
		path := filepath.Join(root, tt.path)
		text, err := safedir.ReadSecret(path, 4)
		log, logErr := safedir.OpenLog(path, 1<<20, 1)
		if tt.blamed == "" {
			if string(text) != "secr" || err != nil || tt.wrong == nil && logErr != nil {
				t.Errorf("%s with %v: %q, error %v, as a log %v", tt.path, tt.wrong, text, err, logErr)
			}
			if log != nil {
				log.Close()
			}
			continue
		}
		for _, err := range []error{err, logErr} {
			if e := unsafeError(t, err); e.Path != filepath.Join(root, tt.blamed) || e.Problem != tt.problem {
				t.Errorf("%s with %v: %v", tt.path, tt.wrong, err)
			}
		}
		if mode := tt.wrong[0].mode; mode != 0 && tt.blamed == tt.wrong[0].name {
			if info, err := os.Stat(filepath.Join(root, tt.blamed)); err != nil || info.Mode().Perm() != mode.Perm() {
				t.Errorf("%s: its mode is now %v, error %v", tt.blamed, info.Mode(), err)
			}
		}
	}
	root := tree(t, "key")
	wrong{"key", 0o644, 0}.apply(t, root)
	_, err := safedir.ReadSecret(filepath.Join(root, "key"), 9)
	if root0 != (err == nil) || !root0 && unsafeError(t, err).Problem != safedir.Readable {
		t.Errorf("a key that all can read, as root %v: %v", root0, err)
	}
}

func TestWhatIsNoFileIsNoSecretFile(t *testing.T) {
	root := tree(t, "dir/")
	pipe := filepath.Join(root, "pipe")
	if err := syscall.Mkfifo(pipe, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{pipe, filepath.Join(root, "dir"), "/dev/null", filepath.Join(root, "none")} {
		if text, err := safedir.ReadSecret(path, 9); err == nil {
			t.Errorf("%s: %q", path, text)
		}
	}
	for _, path := range []string{pipe, filepath.Join(root, "dir"), filepath.Join(root, "none", "log")} { // nobody reads from the pipe
		if f, err := safedir.OpenLog(path, 9, 1); err == nil {
			t.Errorf("%s: opened as a log", f.Name())
		}
	}
	reader, err := os.OpenFile(pipe, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer reader.Close()
	for _, path := range []string{pipe, "/dev/null"} {
		f, err := safedir.OpenLog(path, 9, 1)
		if err != nil {
			t.Errorf("%s: %v", path, err)
			continue
		}
		f.Close()
	}
}

func TestALogIsMadeForItsOwnerAlone(t *testing.T) {
	root := tree(t, "dir/", "link -> dir/log")
	path := filepath.Join(root, "link") // that dangles
	for _, want := range []string{"a", "aa", "a", "aa"} {
		f, err := safedir.OpenLog(path, 2, 1)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := f.WriteString("a"); err != nil {
			t.Error(err)
		}
		f.Close()
		if text, err := os.ReadFile(filepath.Join(root, "dir", "log")); string(text) != want {
			t.Errorf("%q, error %v, want %q", text, err, want)
		}
	}
	hasMode(t, filepath.Join(root, "dir", "log"), 0o600)
	if !isLink(path) {
		t.Error("the link was replaced")
	}
}

// The shell's "<(command)" is a pipe, and a config file may be anything.
func TestAPipeIsReadToItsEnd(t *testing.T) {
	root := tree(t, "config")
	config := filepath.Join(root, "config")
	if err := os.Chmod(config, 0o666); err != nil {
		t.Fatal(err)
	}
	pipe := filepath.Join(root, "pipe")
	if err := syscall.Mkfifo(pipe, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{config, pipe} {
		if path == pipe {
			go func() { // opens it when it is read
				f, err := os.OpenFile(pipe, os.O_WRONLY, 0)
				if err == nil {
					w := bufio.NewWriter(f)
					w.WriteString("secret")
					err = errors.Join(w.Flush(), f.Close())
				}
				if err != nil {
					t.Error(err)
				}
			}()
		}
		if text, err := safedir.ReadFile(path); string(text) != "secret" || err != nil {
			t.Errorf("%s: %q, error %v", path, text, err)
		}
	}
	if text, err := safedir.ReadFile(os.DevNull); len(text) != 0 || err != nil {
		t.Errorf("nothing: %q, error %v", text, err)
	}
}

func TestAFileWithoutAnEndIsNotReadForEver(t *testing.T) {
	if _, err := safedir.ReadFile("/dev/zero"); err == nil || err.Error() != "read /dev/zero: too large" {
		t.Errorf("error %v", err)
	}
	pipe := filepath.Join(t.TempDir(), "pipe")
	if err := syscall.Mkfifo(pipe, 0o600); err != nil {
		t.Fatal(err)
	}
	synctest.Test(t, func(t *testing.T) { // for 20 seconds
		if text, err := safedir.ReadFile(pipe); err == nil || !strings.Contains(err.Error(), "nothing came from it for 20 seconds") {
			t.Errorf("%q, error %v", text, err)
		}
	})
}

// A system has one answer for a pipe without a reader, a socket, and the terminal
// of a process that has none.
func TestALogThatCannotBeOpenedIsCalledWhatItIs(t *testing.T) {
	if os.Getenv("WITHOUT_TERMINAL") != "" {
		_, err := safedir.OpenLog("/dev/tty", 1, 1)
		fmt.Println(err)
		return
	}
	root := t.TempDir()
	if err := syscall.Mkfifo(filepath.Join(root, "pipe"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := safedir.OpenLog(filepath.Join(root, "pipe"), 1, 1); err == nil || !strings.HasSuffix(err.Error(), "no process reads from this pipe") {
		t.Errorf("a pipe: %v", err)
	}
	socket, err := net.Listen("unix", filepath.Join(root, "s"))
	if err != nil {
		t.Fatal(err)
	}
	defer socket.Close()
	if _, err := safedir.OpenLog(filepath.Join(root, "s"), 1, 1); err == nil || strings.Contains(err.Error(), "pipe") {
		t.Errorf("a socket: %v", err)
	}
	again := exec.Command(os.Args[0], "-test.run=^TestALogThatCannotBeOpenedIsCalledWhatItIs$")
	again.Env = append(os.Environ(), "WITHOUT_TERMINAL=1")
	again.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if out, err := again.CombinedOutput(); err != nil || !strings.Contains(string(out), "open /dev/tty: this process has no terminal\n") {
		t.Errorf("a terminal: %s, %v", out, err)
	}
}
