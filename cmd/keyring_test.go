package cmd

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/credproc/credproc/credproc/credproctest/idctest"
	"github.com/credproc/credproc/tokencache/keyring"
)

// moody is a keychain that can be slow, and fail. Like the real one it gives a
// call up in the end.
type moody struct {
	keyring.Memory
	gets atomic.Int32

	mu    sync.Mutex // a call that was given up may still look
	delay time.Duration
	kind  error
}

// be makes the calls that start from now on slow, and fail with an error of a kind.
func (k *moody) be(delay time.Duration, kind error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.delay, k.kind = delay, kind
}

func (k *moody) Name() string { return "os" }

// wait is how each call starts.
func (k *moody) wait(ctx context.Context, op string) error {
	k.mu.Lock()
	delay, kind := k.delay, k.kind
	k.mu.Unlock()
	select {
	case <-time.After(delay):
	case <-time.After(24 * time.Second):
		return &keyring.Error{Keyring: "os", Op: op, Kind: keyring.ErrUnavailable, Detail: "no answer within 24s"}
	case <-ctx.Done():
		return &keyring.Error{Keyring: "os", Op: op, Kind: keyring.ErrUnavailable, Detail: "no answer"}
	}
	if kind != nil {
		return &keyring.Error{Keyring: "os", Op: op, Kind: kind}
	}
	return nil
}

func (k *moody) Get(ctx context.Context, item string) (string, error) {
	k.gets.Add(1)
	if err := k.wait(ctx, "read"); err != nil {
		return "", err
	}
	return k.Memory.Get(ctx, item)
}

func (k *moody) Set(ctx context.Context, item, secret string) error {
	return errors.Join(k.wait(ctx, "store"), k.Memory.Set(ctx, item, secret))
}

func (k *moody) Delete(ctx context.Context, item string) error {
	return errors.Join(k.wait(ctx, "delete"), k.Memory.Delete(ctx, item))
}

// desk is a machine in this process, whose person approves all there is.
type desk struct {
	*testing.T
	idc     *idctest.Server
	keyring *moody
	dir     string

	stdout, stderr bytes.Buffer
	// keyCache is "off", since what the kernel keeps outlives the test.
	keyCache string
}

// atDesk runs a test where time passes by itself.
func atDesk(t *testing.T, test func(d *desk)) {
	// The loop that os/signal starts at its first use must not be in a bubble.
	c := make(chan os.Signal, 1)
	signal.Notify(c, os.Interrupt)
	signal.Stop(c)
	synctest.Test(t, func(t *testing.T) {
		d := &desk{T: t, idc: idctest.New(), keyring: new(moody), dir: t.TempDir(), keyCache: "off"}
		d.idc.AutoApprove = true
		test(d)
	})
}

// run runs a command in a process of its own, as far as can be told from here.
func (d *desk) run(args ...string) int {
	d.stdout.Reset()
	d.stderr.Reset()
	return d.runInto(&d.stdout, &d.stderr, args...)
}

func (d *desk) runInto(stdout, stderr io.Writer, args ...string) int {
	app := &App{
		Stdout: stdout, Stderr: stderr, HTTPClient: d.idc.Client(), Keyring: d.keyring,
		Browser: func(string) error { return nil },
		Getenv: func(name string) string {
			switch name {
			case "AWS_CONFIG_FILE":
				path, _ := filepath.Abs("testdata/config")
				return path
			case "CREDPROC_DIR":
				return d.dir
			case "CREDPROC_FLOW":
				return "device" // there are no sockets in a bubble
			case "CREDPROC_KEY_CACHE":
				return d.keyCache
			}
			return ""
		},
	}
	return app.Run(d.Context(), args)
}

// want runs a command, and checks its exit status and what it says on stderr.
func (d *desk) want(status int, says string, args ...string) {
	d.Helper()
	if got := d.run(args...); got != status || !strings.Contains(d.stderr.String(), says) || status != 0 && d.stdout.Len() > 0 {
		d.Fatalf("%q: exit status %d, want %d and %q\n%s%s", args, got, status, says, d.stderr.String(), d.stdout.String())
	}
}

func TestALockedKeychainIsNotASignOut(t *testing.T) {
	atDesk(t, func(d *desk) {
		d.want(0, "Signed in to corp.", "login", "corp")
		d.keyring.be(0, keyring.ErrLocked)
		for _, args := range [][]string{{"process", "--profile", "modern"}, {"list"}, {"login"}, {"login", "--force"}, {"logout"}} {
			d.want(6, "credproc: the keychain is locked\nUnlock it, ", args...)
		}
		d.keyring.be(0, nil)
		d.want(0, "", "process", "--profile", "modern")
		if n := d.idc.Count("RegisterClient"); n != 1 {
			t.Errorf("%d sign-ins", n)
		}
	})
}

// status says what is known, with --check what the keychain says, and neither
// takes a keychain that cannot be asked for a sign-out.
func TestStatusCheckWaitsASecondAndTakesNothingForASignOut(t *testing.T) {
	atDesk(t, func(d *desk) {
		d.want(0, "Signed in to corp.", "login", "corp")
		d.want(0, "", "status", "--check", "--quiet", "corp")
		for says, spoil := range map[string]func(){
			"the keyring is locked":                func() { d.keyring.be(0, keyring.ErrLocked) },
			"the keyring is unavailable":           func() { d.keyring.be(0, keyring.ErrUnavailable) },
			"the keyring did not answer within 1s": func() { d.keyring.be(20*time.Second, nil) },
		} {
			spoil()
			began := time.Now()
			if got := d.run("status", "--check", "corp"); got != 6 || !strings.Contains(d.stdout.String(), "signed in, os keyring") || !strings.Contains(d.stdout.String(), says) {
				t.Errorf("exit status %d\n%s%s", got, &d.stdout, &d.stderr)
			}
			if got := d.run("status", "--check", "--quiet"); got != 6 || d.stdout.Len()+d.stderr.Len() > 0 {
				t.Errorf("quiet: exit status %d\n%s%s", got, &d.stdout, &d.stderr)
			}
			d.want(0, "", "status", "--quiet", "corp")
			d.run("keyring", "show")
			if out := d.stdout.String(); !strings.Contains(out, "the login is there as far as is known: "+says) || strings.Contains(out, "no entries of this program") {
				t.Errorf("keyring show:\n%s", out)
			}
			d.run("doctor", "--offline")
			if out := d.stdout.String(); !strings.Contains(strings.Join(strings.Fields(out), " "), "corp: not known whether it is signed in, since its keyring cannot be asked: "+says) {
				t.Errorf("doctor:\n%s", out)
			}
			if took := time.Since(began); took > 6*time.Second {
				t.Errorf("it took %v", took)
			}
			d.keyring.be(0, nil)
		}
		d.want(0, "", "status", "--check", "corp")
		d.keyring.Memory = keyring.Memory{}
		d.want(0, "", "status", "--quiet", "corp") // nobody has looked
		d.run("keyring", "show")
		if out := d.stdout.String(); !strings.Contains(out, "the login was there, and is gone") || !strings.Contains(out, "no entries of this program") {
			t.Errorf("keyring show:\n%s", out)
		}
		if got := d.run("status", "--quiet", "corp"); got != 4 {
			t.Errorf("once somebody has looked: exit status %d", got)
		}
		d.want(0, "Signed in to corp.", "login", "corp")
		d.want(0, "", "status", "--quiet", "corp")
	})
}

func TestAKeychainThatIsGoneIsNotASignOut(t *testing.T) {
	atDesk(t, func(d *desk) {
		d.want(0, "Signed in to corp.", "login", "corp")
		d.want(0, "", "process", "--profile", "modern")
		d.keyring.be(0, keyring.ErrUnavailable)
		for _, args := range [][]string{{"process", "--profile", "modern"}, {"list"}, {"login"}, {"logout"}} {
			d.want(6, "CREDPROC_KEYRING=plaintext", args...)
		}
		d.want(0, "", "status", "corp")
		d.keyring.be(0, keyring.ErrTooBig)
		d.want(6, "secret too big", "list")
		d.keyring.be(0, nil)
		d.want(0, "", "process", "--profile", "modern")
		if n := d.idc.Count("RegisterClient"); n != 1 {
			t.Errorf("%d sign-ins", n)
		}
	})
}

func TestAKeychainThatAnswersAfterTwentySecondsIsNotAbsent(t *testing.T) {
	atDesk(t, func(d *desk) {
		d.want(0, "", "login", "corp")
		d.keyring.be(20*time.Second, nil)
		began := time.Now()
		d.want(0, "", "process", "--profile", "modern")
		if took := time.Since(began); took > 50*time.Second {
			t.Errorf("it took %v: aws-sdk-go-v2 has given up by then", took)
		}
		if d.stderr.Len() > 0 {
			t.Errorf("stderr: %s", d.stderr.String())
		}
	})
}

func TestAMuteKeychainIsGivenUpInTime(t *testing.T) {
	atDesk(t, func(d *desk) {
		d.want(0, "", "login", "corp")
		d.keyring.be(24*time.Hour, nil)
		began := time.Now()
		d.want(6, "keyring unavailable", "process", "--profile", "modern")
		if took := time.Since(began); took > 50*time.Second {
			t.Errorf("it took %v: aws-sdk-go-v2 has given up by then", took)
		}
		d.keyring.be(0, nil)
		d.want(0, "", "process", "--profile", "modern")
	})
}
