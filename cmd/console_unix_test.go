//go:build unix

package cmd

import (
	"context"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestTheBrowserOfAPersonIsNotToldTheSecretInItsArguments(t *testing.T) {
	b := newBrowsing(t, "us-east-1")
	b.app.Browser = nil
	dir := t.TempDir()
	script := filepath.Join(dir, "browser")
	text := "#!/bin/sh\nprintf '%s\\n' \"$1\" >" + dir + "/args.part && mv " + dir + "/args.part " + dir + "/args\n"
	if err := os.WriteFile(script, []byte(text), 0o700); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	ended := make(chan int)
	go func() { ended <- b.app.Run(ctx, []string{"console", "dev", "--federate", "--browser", script}) }()
	var args []byte
	for range soonest(nil) {
		var err error
		if args, err = os.ReadFile(filepath.Join(dir, "args")); err == nil {
			break
		}
	}
	page := strings.TrimSpace(string(args))
	if !strings.HasPrefix(page, "http://127.0.0.1:") || strings.Contains(page, "SigninToken") {
		t.Fatalf("the browser is told %s", page)
	}
	// Browsers open connections to have them at hand.
	spare, err := net.Dial("tcp", strings.Split(page, "/")[2])
	if err != nil {
		t.Fatal(err)
	}
	defer spare.Close()
	resp, err := (&http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}).Get(page)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if to := resp.Header.Get("Location"); !strings.HasPrefix(to, "https://signin.aws.amazon.com/federation?Action=login&") {
		t.Errorf("it is sent on to %s", to)
	}
	if status := <-ended; status != 0 {
		t.Errorf("exit status %d: %s", status, &b.said)
	}
}
