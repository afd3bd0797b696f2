//go:build unix

package cmd

import (
	"bytes"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"

	"github.com/creack/pty"
)

// display is a terminal of its own for one program, and what it shows.
type display struct {
	*testing.T
	*exec.Cmd
	keys *os.File

	mu    sync.Mutex
	shown bytes.Buffer
	done  chan struct{} // closed when the last process has left it
}

// onTerminal runs a program in the foreground of a display.
func (m *machine) onTerminal(program string, args ...string) *display {
	m.Helper()
	p := &display{T: m.T, Cmd: exec.Command(program, args...), done: make(chan struct{})}
	p.Env = m.env
	var err error
	if p.keys, err = pty.Start(p.Cmd); err != nil {
		m.Fatal(err)
	}
	go func() {
		defer close(p.done)
		var chunk [4096]byte
		for {
			n, err := p.keys.Read(chunk[:])
			p.mu.Lock()
			p.shown.Write(chunk[:n])
			p.mu.Unlock()
			if err != nil { // how Linux says that nobody is there any more
				return
			}
		}
	}()
	m.Cleanup(func() {
		if p.ProcessState == nil {
			p.Process.Kill()
			p.Wait()
		}
		p.keys.Close()
		<-p.done
	})
	return p
}

func (p *display) screen() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return strings.ReplaceAll(p.shown.String(), "\r", "")
}

// shows waits for a text, and returns all that there is.
func (p *display) shows(text string) string {
	p.Helper()
	for range soonest(p.done) {
		if screen := p.screen(); strings.Contains(screen, text) {
			return screen
		}
	}
	screen := p.screen()
	if !strings.Contains(screen, text) {
		p.Fatalf("%q is not on the console:\n%s", text, screen)
	}
	return screen
}

func (p *display) types(keys string) {
	p.Helper()
	if _, err := p.keys.WriteString(keys); err != nil {
		p.Fatal(err)
	}
}

func (p *display) ends(status int) {
	p.Helper()
	p.Wait()
	<-p.done
	if got := p.ProcessState.ExitCode(); got != status {
		p.Fatalf("%q: exit status %d, want %d\n%s", p.Args, got, status, p.screen())
	}
}
