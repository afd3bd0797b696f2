package main

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

var (
	// flushed is a call that waits for a disk, with the file that strace names.
	flushed    = regexp.MustCompile(`(?:fsync|fdatasync|syncfs|sync_file_range)\(\d+<([^>]*)>`)
	aHash      = regexp.MustCompile(`[0-9a-f]{32,}`)
	aTemporary = regexp.MustCompile(`\.[0-9a-z]+\.tmp$`)
)

// flushes returns the files and directories that a command flushed, in order, by
// their paths below the state directory.
func (m *machine) flushes(args ...string) (files []string) {
	m.Helper()
	o, _ := m.straced([]string{"-y", "-e", "trace=fsync,fdatasync,sync,syncfs,sync_file_range,msync"}, args)
	m.answered([]outcome{o})
	trace, err := os.ReadFile(filepath.Join(m.home, "trace"))
	if err != nil {
		m.Fatal(err)
	}
	states, err := filepath.Glob(filepath.Join(m.home, ".local/state/credproc/*"))
	if err != nil || len(states) != 1 {
		m.Fatalf("state directories: %q, %v", states, err)
	}
	for line := range strings.Lines(string(trace)) {
		found := flushed.FindStringSubmatch(line)
		switch {
		case found != nil:
			name := aHash.ReplaceAllString(strings.TrimPrefix(found[1], states[0]), "HASH")
			files = append(files, aTemporary.ReplaceAllString(name, ".tmp"))
		case strings.Contains(line, "sync") && !strings.Contains(line, "resumed"):
			m.Errorf("a flush of no file: %s", line)
		}
	}
	return files
}

// What can be fetched again is worth no flush: on macOS one takes tens of
// milliseconds.
func TestOnlyWhatCannotBeFetchedAgainIsFlushed(t *testing.T) {
	t.Parallel()
	for keyring, item := range map[string][]string{
		"plaintext": {"/plaintext/session-HASH.tmp", "/plaintext"},
		"kernel":    nil, // is no file
	} {
		m := newMachine(t, keyring)
		if keyring == "kernel" && !m.hasKernelKeyring() {
			continue
		}
		m.signIn(0)
		t.Cleanup(func() { m.run("logout", "--all") })
		fetch := func() []string {
			if err := os.RemoveAll(filepath.Join(m.home, ".cache")); err != nil {
				t.Fatal(err)
			}
			return m.flushes(process(admin)...)
		}
		if got := append(fetch(), m.flushes(process(admin)...)...); len(got) > 0 {
			t.Errorf("%s: a cold fetch and a warm answer flush %q", keyring, got)
		}
		m.idc.RevokeAccessTokens()
		// The room and its name in the directory, and then the answer.
		want := append([]string{"/HASH.journal.tmp", "", "/HASH.journal"}, item...)
		if got := fetch(); !slices.Equal(got, want) {
			t.Errorf("%s: a renewal and a fetch flush %q\nwant %q", keyring, got, want)
		}
	}
}
