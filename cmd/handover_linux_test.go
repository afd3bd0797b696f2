package cmd

import (
	"bytes"
	"context"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/credproc/credproc/cmd/internal/advice"
	"github.com/credproc/credproc/cmd/internal/terminal"
)

// another returns what an HTTP client of another user gets.
func another(t *testing.T, address string) string {
	t.Helper()
	c := exec.Command("/bin/bash", "-c", `exec 3<>"/dev/tcp/127.0.0.1/$1" && printf 'GET %s HTTP/1.1\r\nHost: 127.0.0.1:%s\r\nConnection: close\r\n\r\n' "$2" "$1" >&3 && cat <&3`,
		"bash", strings.Split(strings.Split(address, "/")[2], ":")[1], "/"+strings.SplitN(address, "/", 4)[3])
	c.Dir, c.SysProcAttr = "/", &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 54321, Gid: 54321}}
	answer, err := c.CombinedOutput()
	if err != nil {
		t.Errorf("%v: %s", err, answer)
	}
	return string(answer)
}

// The ticket is in the browser's command line, which every user can read.
func TestAnotherUserDoesNotGetTheConsole(t *testing.T) {
	if os.Geteuid() != 0 { // who may not become another user
		return
	}
	b := newBrowsing(t, "us-east-1")
	b.app.Browser = nil
	dir := t.TempDir()
	script := filepath.Join(dir, "browser")
	text := "#!/bin/sh\nprintf '%s\\n' \"$1\" >" + dir + "/args.part && mv " + dir + "/args.part " + dir + "/args\n"
	if err := os.WriteFile(script, []byte(text), 0o700); err != nil {
		t.Fatal(err)
	}
	for _, comes := range []bool{true, false} { // the person's own browser
		os.Remove(filepath.Join(dir, "args"))
		ctx, cancel := context.WithCancelCause(t.Context())
		ended := make(chan int)
		go func() { ended <- b.app.Run(ctx, []string{"console", "dev", "--federate", "--browser", script}) }()
		var args []byte
		for range soonest(nil) {
			var err error
			if args, err = os.ReadFile(filepath.Join(dir, "args")); err == nil {
				break
			}
		}
		page := string(bytes.TrimSpace(args))
		if answer := another(t, page); !strings.HasPrefix(answer, "HTTP/1.1 403 ") || strings.Contains(answer, "Location") {
			t.Errorf("another user gets %s", answer)
		}
		if !comes {
			cancel(&terminal.InterruptedError{Name: "interrupted", Status: advice.Interrupted})
			if status := <-ended; status == 0 {
				t.Error("it has ended well")
			}
			continue
		}
		resp, err := (&http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}).Get(page)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if status := <-ended; status != 0 || resp.StatusCode != http.StatusFound || !strings.Contains(b.said.String(), "another user (uid 54321) asked for the page and was refused") {
			t.Errorf("exit status %d, HTTP %d: %s", status, resp.StatusCode, &b.said)
		}
		cancel(nil)
	}
}
