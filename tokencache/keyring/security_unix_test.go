//go:build unix

package keyring

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/credproc/credproc/internal/macos"
)

// A fakeMac is a directory with a script in the place of the tool of macOS.
type fakeMac struct {
	testing.TB
	dir    string
	status macos.Status
}

func newFakeMac(t testing.TB) *fakeMac {
	t.Helper()
	m := &fakeMac{TB: t, dir: t.TempDir()}
	script, err := os.ReadFile("testdata/security")
	if err == nil {
		err = os.WriteFile(filepath.Join(m.dir, "security"), script, 0o700)
	}
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func (m *fakeMac) tool() security {
	return security{filepath.Join(m.dir, "security"), func() macos.Status { return m.status }}
}

func (m *fakeMac) keyring() *osKeyring { return &osKeyring{chain: m.tool()} }

// is makes the tool do something else than it should; "" ends that.
func (m *fakeMac) is(mode, complaint string) {
	m.Helper()
	for name, text := range map[string]string{"mode": mode, "complaint": complaint} {
		if err := os.WriteFile(filepath.Join(m.dir, name), []byte(text), 0o600); err != nil {
			m.Fatal(err)
		}
	}
}

func (m *fakeMac) reads(name string) string {
	text, err := os.ReadFile(filepath.Join(m.dir, name))
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		m.Error(err)
	}
	return string(text)
}

// nothingRuns checks that what the tool has started is gone, soon.
func (m *fakeMac) nothingRuns() {
	m.Helper()
	pids := strings.Fields(m.reads("pids"))
	if len(pids) == 0 {
		m.Error("nothing was started")
	}
	for _, pid := range pids {
		for deadline := time.Now().Add(10 * time.Second); ; <-time.After(10 * time.Millisecond) {
			state, _ := exec.Command("ps", "-o", "stat=", "-p", pid).Output()
			if len(state) == 0 || state[0] == 'Z' { // nobody may have waited for it
				break
			}
			if time.Now().After(deadline) {
				m.Fatalf("process %s is %s", pid, state)
			}
		}
	}
}

func TestWhatTheToolStoresIsReadBackWhole(t *testing.T) {
	m := newFakeMac(t)
	k := m.keyring()
	for _, mode := range []string{"", "noisy"} {
		m.is(mode, "")
		for _, want := range []string{"secret", "", "sécond \"{}\"\n\x00 'x' $HOME", strings.Repeat("x", 2560)} {
			if err := k.Set(t.Context(), "item", want); err != nil {
				t.Fatal(err)
			}
			if got, err := k.Get(t.Context(), "item"); got != want || err != nil {
				t.Errorf("%s: %q, %v, want %q", mode, got, err, want)
			}
		}
		if err := k.Delete(t.Context(), "item"); err != nil {
			t.Error(err)
		}
		if err := k.Delete(t.Context(), "item"); err != nil {
			t.Errorf("again: %v", err)
		}
		if _, err := k.Get(t.Context(), "item"); err != ErrNotFound {
			t.Errorf("got %v", err)
		}
	}
}

// A login that an earlier build made through go-keyring stays.
func TestItemsAreThoseOfGoKeyring(t *testing.T) {
	m := newFakeMac(t)
	k := m.keyring()
	if err := k.Set(t.Context(), "session-1", "the tokens"); err != nil {
		t.Fatal(err)
	}
	if got := m.reads("items/credproc.session-1"); got != "go-keyring-base64:dGhlIHRva2Vucw==\n" {
		t.Errorf("stored as %q", got)
	}
	for stored, want := range map[string]string{
		"go-keyring-base64:dGhlIHRva2Vucw==\n": "the tokens", "as it is\n": "as it is",
	} {
		if err := os.WriteFile(filepath.Join(m.dir, "items/credproc.session-1"), []byte(stored), 0o600); err != nil {
			t.Fatal(err)
		}
		if got, err := k.Get(t.Context(), "session-1"); got != want || err != nil {
			t.Errorf("%q is read as %q, %v", stored, got, err)
		}
	}
	for _, stored := range []string{"go-keyring-base64:%%%", "go-keyring-base64:x"} {
		if err := os.WriteFile(filepath.Join(m.dir, "items/credproc.session-1"), []byte(stored), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := k.Get(t.Context(), "session-1"); !errors.Is(err, ErrUnreadable) || strings.Contains(err.Error(), "%%%") {
			t.Errorf("%q: %v", stored, err)
		}
	}
}

// Arguments can be seen by every user.
func TestTheToolGetsNoSecretAsAnArgument(t *testing.T) {
	m := newFakeMac(t)
	t.Setenv("CREDPROC_PASSPHRASE", "correct horse")
	k := &osKeyring{Service: "it's; rm -rf", chain: m.tool()}
	if err := k.Set(t.Context(), "item", "secret"); err != nil {
		t.Fatal(err)
	}
	if got, err := k.Get(t.Context(), "item"); got != "secret" || err != nil {
		t.Errorf("%q, %v", got, err)
	}
	if calls := m.reads("calls"); !strings.HasPrefix(calls, "-i\nfind-generic-password -s it's; rm -rf -wa item\n") {
		t.Errorf("it was called with %q", calls)
	}
	if env := toolEnvironment([]string{"HOME=/h", "CREDPROC_PASSPHRASE=x", "AWS_SECRET_ACCESS_KEY=x", "MallocStackLogging=1", "USER=u"}); strings.Join(env, " ") != "HOME=/h USER=u" {
		t.Errorf("its environment is %q", env)
	}
	if err := m.tool().set(t.Context(), "two\nlines", "item", "secret"); err == nil || strings.Count(m.reads("calls"), "-i\n") != 1 {
		t.Errorf("a name of two lines: %v", err)
	}
	if err := k.Set(t.Context(), "item", strings.Repeat("x", 3100)); !errors.Is(err, ErrTooBig) || strings.Count(m.reads("calls"), "-i\n") != 1 {
		t.Errorf("too long a line: %v", err)
	}
}

func TestHowTheToolEndsIsToldApart(t *testing.T) {
	m := newFakeMac(t)
	k := m.keyring()
	if err := k.Set(t.Context(), "item", "secret"); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		mode, complaint string
		kind            error
		says            string
	}{
		{"status-44", "The specified item could not be found in the keychain.", ErrNotFound, ""},
		{"status-44", "A default keychain could not be found.", ErrUnavailable, "there is no default keychain"},
		{"status-37", "A default keychain could not be found.", ErrUnavailable, "there is no default keychain"},
		{"status-50", "The specified keychain could not be found.", ErrUnavailable, "there is no default keychain"},
		{"status-36", "User interaction is not allowed.", ErrLocked, "no dialog"},
		{"status-51", "The user name or passphrase you entered is not correct.", ErrLocked, "password"},
		{"status-128", "User canceled the operation.", ErrLocked, "dismissed"},
		{"status-1", "could not be found\nsecond line", ErrUnavailable, "ended with status 1: security: SecKeychainSearchCopyNext: could not be found"},
		{"killed", "", ErrUnavailable, "killed"},
	} {
		m.is(tt.mode, tt.complaint)
		secret, err := k.Get(t.Context(), "item")
		if !errors.Is(err, tt.kind) || errors.Is(err, ErrNotFound) != (tt.kind == ErrNotFound) || !strings.Contains(err.Error(), tt.says) || secret != "" {
			t.Errorf("%s: %q, %v", tt.mode, secret, err)
		}
		if strings.Contains(err.Error(), "second line") || errors.Is(err, errAbsent) {
			t.Errorf("%s: %v", tt.mode, err)
		}
		if tt.kind == ErrNotFound {
			continue
		}
		for _, err := range []error{k.Set(t.Context(), "item", "another"), k.Delete(t.Context(), "item")} {
			if !errors.Is(err, tt.kind) || strings.Contains(err.Error(), "another") {
				t.Errorf("%s: %v", tt.mode, err)
			}
		}
	}
	m.is("", "")
	if got, err := k.Get(t.Context(), "item"); got != "secret" || err != nil {
		t.Errorf("after all that %q, %v", got, err)
	}
	k = &osKeyring{chain: security{filepath.Join(m.dir, "nothing"), m.tool().status}}
	if _, err := k.Get(t.Context(), "item"); !errors.Is(err, ErrUnavailable) || errors.Is(err, ErrNotFound) {
		t.Errorf("with no tool: %v", err)
	}
}

func TestAToolThatIsMuteIsEndedWithAllThatItStarted(t *testing.T) {
	m := newFakeMac(t)
	k := m.keyring()
	m.is("mute", "")
	ctx, cancel := context.WithCancel(t.Context())
	var all sync.WaitGroup
	all.Go(func() {
		if _, err := k.Get(ctx, "item"); !errors.Is(err, ErrUnavailable) || errors.Is(err, ErrNotFound) {
			t.Errorf("got %v", err)
		}
		m.nothingRuns() // when the caller knows
	})
	for deadline := time.Now().Add(10 * time.Second); m.reads("pids") == "" && time.Now().Before(deadline); {
		<-time.After(5 * time.Millisecond)
	}
	cancel()
	all.Wait()
	m.is("", "")
	if err := k.Set(t.Context(), "item", "secret"); err != nil {
		t.Errorf("the next call: %v", err)
	}
	m.is("slow", "")
	if got, err := k.Get(t.Context(), "item"); got != "secret" || err != nil {
		t.Errorf("slow: %q, %v", got, err)
	}
	m.is("endless", "")
	limited, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	if _, err := k.Get(limited, "item"); !errors.Is(err, ErrUnavailable) {
		t.Errorf("endless: %v", err)
	}
	m.is("leaves", "")
	if got, err := k.Get(t.Context(), "item"); got != "secret" || err != nil {
		t.Errorf("with something left behind: %q, %v", got, err)
	}
	m.nothingRuns()
}

// The tool would show a dialog. The caller is told at once: no time passes for it,
// not even that of a retry.
func TestNothingIsStartedWhereTheKeychainIsLocked(t *testing.T) {
	m := newFakeMac(t)
	k := m.keyring()
	for status, want := range map[macos.Status]error{macos.Locked: ErrLocked, macos.None: ErrUnavailable} {
		m.status = status
		synctest.Test(t, func(t *testing.T) {
			k, began := m.keyring(), time.Now()
			_, err := k.Get(t.Context(), "item")
			for _, err := range []error{err, k.Set(t.Context(), "item", "secret"), k.Delete(t.Context(), "item")} {
				if !errors.Is(err, want) || errors.Is(err, ErrNotFound) {
					t.Errorf("got %v", err)
				}
			}
			if waited := time.Since(began); waited > 0 {
				t.Errorf("%v: it waits %v", want, waited)
			}
		})
	}
	if calls := m.reads("calls"); calls != "" {
		t.Errorf("it was called: %q", calls)
	}
	m.status = macos.Locked
	asks := &osKeyring{MayPrompt: true, chain: m.tool()}
	if err := asks.Set(t.Context(), "item", "secret"); err != nil {
		t.Errorf("where it may ask: %v", err)
	}
	for _, status := range []macos.Status{macos.Open, macos.Unknown} {
		m.status = status
		if got, err := k.Get(t.Context(), "item"); got != "secret" || err != nil {
			t.Errorf("%q, %v", got, err)
		}
	}
}
