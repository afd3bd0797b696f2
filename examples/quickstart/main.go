// Command quickstart shows the main job of credproc without an AWS account:
//
//	go run ./examples/quickstart
//
// It starts a local Identity Center on the loopback interface and a scratch
// home, builds the real binary and runs it there: a sign-in, credentials, and
// then 20 processes that ask at once after everything has expired. It counts
// their requests, and fails if these are more than one refresh and one fetch.
// It cleans up after itself.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/signal"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/credproc/credproc/credproc/credproctest/idctest"
)

const (
	processes = 20
	latency   = 150 * time.Millisecond
	life      = 5 * time.Second // of what is to expire
	limit     = time.Minute     // for everything but the build
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	defer stop()
	if err := run(ctx, os.Stdout, idctest.New()); err != nil {
		report(os.Stderr, err)
		os.Exit(1)
	}
}

func report(w io.Writer, err error) {
	// %q: an error may hold what a server, a proxy or a certificate says, and a
	// terminal would obey the control characters in it.
	fmt.Fprintf(w, "quickstart: %q\n", err.Error())
}

// run tells the whole story. Whatever happens in it, it cleans up after itself.
func run(ctx context.Context, out io.Writer, center *idctest.Server) (err error) {
	home, err := os.MkdirTemp("", "credproc-quickstart-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(home)) }()

	url, stop, err := serve(center)
	if err != nil {
		return err
	}
	defer stop()

	s := &story{center: center, scratch: scratch{home: home, out: out, env: environment(home, url)}}
	s.say("A local Identity Center answers at %s. HOME is %s,\nand will be gone at the end.", url, home)
	if err := s.build(ctx); err != nil {
		return interruptedOr(ctx, err)
	}
	ctx, cancel := context.WithTimeoutCause(ctx, limit, fmt.Errorf("not done after %v", limit))
	defer cancel()
	defer func() { err = errors.Join(err, s.forget(ctx)) }()
	for _, step := range []func(context.Context) error{
		s.configure, s.askTooEarly, s.signIn, s.askForCredentials, s.showStatus, s.waitForTheEnd, s.askAllAtOnce, s.signOut,
	} {
		if err := step(ctx); err != nil {
			return interruptedOr(ctx, err)
		}
	}
	return nil
}

// interruptedOr returns why ctx has ended, if it has: that ends everything else.
func interruptedOr(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return err
}

// serve answers the requests of this machine, at a port that is free.
func serve(center *idctest.Server) (url string, stop func() error, err error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", nil, err
	}
	server := &http.Server{Handler: center}
	go server.Serve(listener)
	return "http://" + listener.Addr().String(), server.Close, nil
}

// story is what happens, step by step.
type story struct {
	scratch
	center *idctest.Server
	steps  int
}

func (s *story) say(format string, args ...any) { fmt.Fprintf(s.out, format+"\n", args...) }

func (s *story) step(format string, args ...any) {
	s.steps++
	s.say("\n%d. "+format, append([]any{s.steps}, args...)...)
}

func (s *story) build(ctx context.Context) error {
	s.step("Build the program.")
	return s.goBuild(ctx, "github.com/credproc/credproc/cmd/credproc")
}

// asked is what a profile's credential_process asks for.
var asked = []string{"process", "--sso-session", "corp", "--account-id", "111111111111", "--role-name", "Admin"}

func (s *story) configure(context.Context) error {
	s.step("Write ~/.aws/config: where to sign in, and the profile dev.")
	text := fmt.Sprintf(`[sso-session corp]
sso_start_url = %s
sso_region = %s

[profile dev]
credential_process = credproc %s
region = eu-west-1
`, s.center.StartURL, s.center.Region, strings.Join(asked, " "))
	fmt.Fprint(s.out, text)
	dir := filepath.Join(s.home, ".aws")
	if err := os.Mkdir(dir, 0o700); err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(dir, "config"), []byte(text), 0o600)
}

// Exit statuses of credproc.
const (
	signInRequired = 4
	keyringShut    = 6
)

// askTooEarly shows what a caller gets before the sign-in, and finds out
// whether there is a keychain for it.
func (s *story) askTooEarly(ctx context.Context) error {
	s.step("Run what the AWS CLI and the SDKs will run for that profile. There is no login yet.")
	_, err := s.show(ctx, asked...)
	switch exitStatus(err) {
	case signInRequired:
		s.say("(exit status %d)\nThis system has a keyring for the tokens. login will say which.", signInRequired)
		return nil
	case keyringShut:
		s.env = append(s.env, "CREDPROC_KEYRING=plaintext")
		s.say("(exit status %d)\nNo keychain works here, so CREDPROC_KEYRING=plaintext is set: the tokens will be in files below HOME.", keyringShut)
		return nil
	}
	return fmt.Errorf("before the sign-in, process ends with %v: want exit status %d, or %d without a keychain", err, signInRequired, keyringShut)
}

func (s *story) signIn(ctx context.Context) error {
	s.center.Set(func(c *idctest.Server) { c.AccessTokenLife, c.RoleLife = life, life })
	s.step("Sign in. You would open the page and confirm the code; here that happens by itself.")
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	go approve(ctx, s.center)
	_, err := s.show(ctx, "login", "corp", "--flow", "device", "--no-browser")
	return err
}

// approve is the person at the browser.
func approve(ctx context.Context, center *idctest.Server) {
	for tick := time.Tick(50 * time.Millisecond); ; {
		select {
		case <-ctx.Done():
			return
		case <-tick:
		}
		if center.Count("CreateToken:device_code") == 0 {
			continue // it does not wait yet
		}
		for _, code := range center.Pending() {
			center.Approve(code)
		}
	}
}

func (s *story) askForCredentials(ctx context.Context) error {
	s.step("Ask again: every AWS tool reads this answer. (The secrets are masked here.)")
	answer, err := s.show(ctx, asked...)
	fmt.Fprint(s.out, masked(answer))
	return err
}

var secrets = regexp.MustCompile(`"(SecretAccessKey|SessionToken)":"[^"]*"`)

func masked(answer string) string { return secrets.ReplaceAllString(answer, `"$1":"********"`) }

func (s *story) showStatus(ctx context.Context) error {
	s.step("See what is signed in. (This Identity Center gives tokens and credentials that last only %v.)", life)
	answer, err := s.show(ctx, "status")
	fmt.Fprint(s.out, answer)
	return err
}

// waitForTheEnd returns when the access token and the credentials of the first
// answer have expired.
func (s *story) waitForTheEnd(ctx context.Context) error {
	s.step("Wait until the access token and the credentials have expired.")
	select {
	case <-time.After(life + 2*time.Second): // both are older than this, and end at a whole second
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// askAllAtOnce is what credproc is for.
func (s *story) askAllAtOnce(ctx context.Context) error {
	s.center.Set(func(c *idctest.Server) {
		c.AccessTokenLife, c.RoleLife = time.Hour, time.Hour
		c.Rotation, c.Latency = idctest.Strict, latency
	})
	s.step("Ask with %d processes at once. The refresh token works only once, and the service takes %v to answer.", processes, latency)
	s.say("$ credproc %s   (%d times)", strings.Join(asked, " "), processes)
	before, began := s.center.Counts(), time.Now()
	answers := make([]string, processes)
	var group errgroup.Group
	for i := range answers {
		group.Go(func() (err error) {
			answers[i], err = s.output(ctx, asked...)
			return err
		})
	}
	if err := group.Wait(); err != nil {
		return err
	}
	took := time.Since(began).Round(10 * time.Millisecond)
	identical := 0
	for _, answer := range answers {
		if answer == answers[0] {
			identical++
		}
	}
	after := s.center.Counts()
	s.say("after %v:", took)
	var wrong error
	for _, count := range []struct {
		what      string
		got, want int
	}{
		{"identical answers", identical, processes},
		{"CreateToken (refreshes)", after["CreateToken"] - before["CreateToken"], 1},
		{"GetRoleCredentials (fetches)", after["GetRoleCredentials"] - before["GetRoleCredentials"], 1},
	} {
		s.say("%4d  %s", count.got, count.what)
		if count.got != count.want {
			wrong = errors.Join(wrong, fmt.Errorf("%s: %d, but %d is promised", count.what, count.got, count.want))
		}
	}
	return wrong
}

func (s *story) signOut(ctx context.Context) error {
	s.step("Sign out. Nothing is left in the keyring or in files.")
	_, err := s.show(ctx, "logout", "corp")
	return err
}

// forget signs out after a story that did not come to its end, too.
func (s *story) forget(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
	defer cancel()
	_, err := s.output(ctx, "logout", "--all")
	return err
}
