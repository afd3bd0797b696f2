//go:build !likemacos

package keyring

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

func TestWindowsGetsNothingUnencodedAndNoOtherNames(t *testing.T) {
	k := inWSL(t)
	store := os.Getenv("STORE")
	if err := k.Set(t.Context(), "session-1", "a secret"); err != nil {
		t.Fatal(err)
	}
	if data, err := os.ReadFile(filepath.Join(store, "session-1")); err != nil || strings.Contains(string(data), "secret") {
		t.Errorf("credproc.exe was told %q, %v", data, err)
	}
	if err := k.Set(t.Context(), "session-1", strings.Repeat("x", 4000)); !errors.Is(err, ErrTooBig) {
		t.Errorf("of what has no room: %v", err)
	}
	if got, err := k.Get(t.Context(), "session-1"); got != "a secret" || err != nil {
		t.Errorf("afterwards %q, %v", got, err)
	}
	for _, name := range []string{"", "--help", "a b", "../a"} {
		if _, err := k.Get(t.Context(), name); !errors.Is(err, ErrUnavailable) || errors.Is(err, ErrNotFound) {
			t.Errorf("%q: %v", name, err)
		}
	}
}

// fails expects that no call gets anything, for a reason, and that none says that
// there is nothing.
func fails(t *testing.T, k Keyring, absent bool, reason string) {
	t.Helper()
	_, err := k.Get(t.Context(), "session-1")
	for op, err := range map[string]error{"read": err, "store": k.Set(t.Context(), "session-1", "secret"), "delete": k.Delete(t.Context(), "session-1")} {
		e, ok := errors.AsType[*Error](err)
		if !ok || e.Op != op || !errors.Is(err, ErrUnavailable) || errors.Is(err, ErrNotFound) || errors.Is(err, errAbsent) != absent ||
			!strings.Contains(err.Error(), reason) || strings.Contains(err.Error(), "c2VjcmV0") {
			t.Errorf("%s: %v", op, err)
		}
	}
}

func TestWithoutWindowsThereIsNoSuchKeyring(t *testing.T) {
	k := inWSL(t)
	t.Setenv("PATH", t.TempDir())
	fails(t, k, true, "there is no credproc.exe to run")
	t.Setenv("CREDPROC_WINDOWS_PROGRAM", "/gone/credproc.exe")
	fails(t, k, true, "there is no /gone/credproc.exe to run")
	t.Setenv("CREDPROC_WINDOWS_PROGRAM", "credproc.exe")
	fails(t, k, true, "CREDPROC_WINDOWS_PROGRAM is not an absolute path")
	t.Setenv("WSL_DISTRO_NAME", "")
	fails(t, k, true, "does not run on Windows")
}

func TestANamedProgramNeedNotBeInPATH(t *testing.T) {
	inWSL(t)
	named := filepath.Join(t.TempDir(), "my credproc.exe")
	if err := os.WriteFile(named, []byte(credprocEXE), 0o700); err != nil {
		t.Fatal(err)
	}
	t.Setenv("ACME_WINDOWS_PROGRAM", named)
	t.Setenv("PATH", "/usr/bin:/bin")
	if _, err := (&windowsKeyring{Service: "acme"}).Get(t.Context(), "session-1"); !errors.Is(err, ErrNotFound) {
		t.Error(err)
	}
}

func TestWhateverCredprocEXEDoesALoginIsNeverSaidToBeMissing(t *testing.T) {
	for what, tt := range map[string]struct{ script, reason string }{
		"an older one":         {"echo 'credproc: unexpected argument keyring-item' >&2; exit 2", "unexpected argument keyring-item"},
		"no logon session":     {"echo 'credproc: os keyring: read: A specified logon session does not exist.' >&2; echo 'More.' >&2; exit 6", "A specified logon session does not exist."},
		"a terminal's escapes": {`printf 'a\033[31mb' >&2; exit 1`, "exit status 1: a"},
		"nothing":              {"exit 0", "makes no sense"},
		"nonsense":             {"echo found; echo done; exit 0", "makes no sense"},
		"half a secret":        {"echo found c2Vj!", "makes no sense"},
		"none, and a failure":  {"echo none; exit 1", "exit status 1"},
	} {
		t.Run(what, func(t *testing.T) {
			k := inWSL(t)
			installEXE(t, "#!/bin/sh\n"+tt.script+"\n")
			fails(t, k, false, tt.reason)
		})
	}
	k := inWSL(t)
	installEXE(t, "not a program")
	fails(t, k, false, "exec format error")
}

// gone waits until a process has ended.
func gone(t *testing.T, pid int) {
	t.Helper()
	for late := time.Now().Add(10 * time.Second); syscall.Kill(pid, 0) == nil; {
		state, _ := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
		if _, after, _ := strings.Cut(string(state), ") "); strings.HasPrefix(after, "Z") {
			return // nobody has asked for its status
		}
		if <-time.After(10 * time.Millisecond); time.Now().After(late) {
			t.Fatalf("process %d goes on", pid)
		}
	}
}

func TestACredprocEXEThatDoesNotAnswerIsEndedWithAllItHasStarted(t *testing.T) {
	k := inWSL(t)
	store := os.Getenv("STORE")
	installEXE(t, "#!/bin/sh\nsleep 300 & echo $! >\"$STORE/child\"; echo $$ >\"$STORE/self\"; wait\n")
	got := make(chan error, 1)
	ctx, giveUp := context.WithCancel(t.Context())
	go func() {
		_, err := k.Get(ctx, "session-1")
		got <- err
	}()
	for late := time.Now().Add(9 * time.Second); ; {
		if _, err := os.Stat(filepath.Join(store, "self")); err == nil || time.Now().After(late) {
			break
		}
		<-time.After(10 * time.Millisecond)
	}
	giveUp() // as after ten seconds
	if err := <-got; !errors.Is(err, ErrUnavailable) || errors.Is(err, ErrNotFound) || errors.Is(err, errAbsent) || !strings.Contains(err.Error(), "no answer in time") {
		t.Errorf("got %v", err)
	}
	for _, name := range []string{"child", "self"} {
		data, err := os.ReadFile(filepath.Join(store, name))
		pid, numberErr := strconv.Atoi(strings.TrimSpace(string(data)))
		if err != nil || numberErr != nil {
			t.Fatal(err, numberErr)
		}
		gone(t, pid)
	}
}
