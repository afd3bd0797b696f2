package loopback

import (
	"context"
	"errors"
	"net"
	"os"
	"os/exec"
	"slices"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

// TestAProcessThatGotTheConnectionFromAnotherIsKnown has a shell that has inherited it.
func TestAProcessThatGotTheConnectionFromAnotherIsKnown(t *testing.T) {
	shell := 0
	h, _ := holdersOf(t, func(addr string) {
		c, err := net.Dial("tcp4", addr)
		if err != nil {
			t.Fatal(err)
		}
		file, err := c.(*net.TCPConn).File()
		c.Close()
		if err != nil {
			t.Fatal(err)
		}
		heir := exec.Command("sh", "-c", `read -r given; printf 'GET / HTTP/1.0\r\nHost: x\r\n\r\n' >&3; read -r answer <&3`)
		heir.ExtraFiles = []*os.File{file}
		in, err := heir.StdinPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := heir.Start(); err != nil {
			t.Fatal(err)
		}
		file.Close()
		in.Close() // it asks only now, when this process holds nothing of it
		shell = heir.Process.Pid
		heir.Wait()
	})
	if !slices.Equal(h.PIDs, []int{shell}) {
		t.Errorf("%+v, want the shell alone, %d", h, shell)
	}
}

// TestAProcessThatDoesNotShowItsFilesCanHaveTheConnection is about what runs below
// sudo: a user who is not root sees that it is there, and no more.
func TestAProcessThatDoesNotShowItsFilesCanHaveTheConnection(t *testing.T) {
	if os.Geteuid() != 0 { // who may not become another user
		return
	}
	hidden := exec.Command("cat")
	hidden.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: stranger, Gid: stranger}}
	in, err := hidden.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := hidden.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() { in.Close(); hidden.Wait() }()
	isOf := func(pid int, uid uint32) bool { is, _ := runsAs(pid, uid); return is }
	if !isOf(hidden.Process.Pid, stranger) || isOf(hidden.Process.Pid, 0) || isOf(os.Getpid(), stranger) || isOf(1<<30, 0) {
		t.Error("who runs it is not known")
	}
	as(t, stranger+1, func() {
		all, err := openSockets(t.Context())
		if err != nil || !slices.Contains(all.closed, hidden.Process.Pid) {
			t.Errorf("%v: %v, want %d among them", err, all.closed, hidden.Process.Pid)
		}
	})
}

func TestALookAtAllProcessesEndsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if all, err := openSockets(ctx); !errors.Is(err, context.Canceled) || all.open != nil {
		t.Errorf("%v, %+v", err, all)
	}
}

func TestAClientThatHasHungUpHasNoHolders(t *testing.T) {
	client, server := accepted(t, -1, "tcp4", "127.0.0.1:0")
	client.Close()
	g := newGate(nil, 1)
	h, err := g.holders(t.Context(), server.RemoteAddr().(*net.TCPAddr), server.LocalAddr().(*net.TCPAddr))
	if err != nil || h.PIDs != nil || h.Closed != nil {
		t.Errorf("%+v, %v", h, err)
	}
}

// TestALookWithoutFilesLeftIsNotTakenForASystemThatDoesNotTell: who may open many
// connections could hide behind them.
func TestALookWithoutFilesLeftIsNotTakenForASystemThatDoesNotTell(t *testing.T) {
	_, server := accepted(t, -1, "tcp4", "127.0.0.1:0")
	look := func() error {
		_, err := newGate(nil, 1).holders(t.Context(), server.RemoteAddr().(*net.TCPAddr), server.LocalAddr().(*net.TCPAddr))
		return err
	}
	if err := look(); err != nil {
		t.Fatal(err)
	}
	var limit unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &limit); err != nil {
		t.Fatal(err)
	}
	if err := unix.Setrlimit(unix.RLIMIT_NOFILE, &unix.Rlimit{Cur: 1, Max: limit.Max}); err != nil {
		t.Fatal(err)
	}
	err := look()
	if err := unix.Setrlimit(unix.RLIMIT_NOFILE, &limit); err != nil {
		t.Fatal(err)
	}
	if !errors.Is(err, unix.EMFILE) {
		t.Errorf("error %v", err)
	}
}
