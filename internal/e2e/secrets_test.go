package e2e

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// traces returns what a secret of the service leaves wherever it is written:
// the marker that all of them contain, in each way that it may be encoded.
func traces(marker string) [][]byte {
	all := [][]byte{[]byte(marker), []byte(hex.EncodeToString([]byte(marker)))}
	for before := range 3 { // where in a group of three bytes the marker starts
		text := base64.StdEncoding.EncodeToString([]byte(strings.Repeat("-", before) + marker))
		// Without the characters that also hold bits of a neighbor.
		all = append(all, []byte(text[(before*8+5)/6:(before+len(marker))*8/6]))
	}
	return all
}

func leaks(data []byte, traces [][]byte) bool {
	return slices.ContainsFunc(traces, func(trace []byte) bool { return bytes.Contains(data, trace) })
}

// filesThatLeak returns the files of the machine that have an unencrypted secret,
// and how many it has read.
func (m *machine) filesThatLeak() (leaky []string, looked int) {
	m.t.Helper()
	traces := traces(m.server.Marker())
	err := filepath.WalkDir(m.root, func(name string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		data, err := os.ReadFile(name)
		if looked++; leaks(data, traces) || leaks([]byte(name), traces) {
			leaky = append(leaky, name)
		}
		return err
	})
	if err != nil {
		m.t.Fatal(err)
	}
	return leaky, looked
}

// journals returns the logs and audit trails that the programs of the machine
// have kept, at debug level, by file name.
func (m *machine) journals() map[string]string {
	m.t.Helper()
	all := map[string]string{}
	err := filepath.WalkDir(m.root, func(name string, d fs.DirEntry, err error) error {
		if err != nil || !strings.HasPrefix(d.Name(), "debug.log") && !strings.HasPrefix(d.Name(), "audit.jsonl") {
			return err
		}
		text, err := os.ReadFile(name)
		all[name] = string(text)
		return err
	})
	if err != nil {
		m.t.Fatal(err)
	}
	return all
}

// journalsTellNoSecret is for the end of a test, whatever it was about.
func (m *machine) journalsTellNoSecret() {
	for name, text := range m.journals() {
		if leaks([]byte(text), traces(m.server.Marker())) {
			m.t.Errorf("%s has a secret in it", name)
		}
	}
}

// A watch looks at all processes of a machine, over and over.
type watch struct {
	m      *machine
	traces [][]byte
	stop   chan struct{}
	done   sync.WaitGroup

	seen  map[string]bool // command lines
	leaky map[string]bool // command lines of those that showed a secret
}

// watchProcesses starts to look; end ends it.
func (m *machine) watchProcesses() *watch {
	w := &watch{m: m, traces: traces(m.server.Marker()), stop: make(chan struct{}), seen: map[string]bool{}, leaky: map[string]bool{}}
	w.done.Go(func() {
		again := time.NewTicker(5 * time.Millisecond)
		defer again.Stop()
		for {
			w.look()
			select {
			case <-again.C:
			case <-w.stop:
				return
			}
		}
	})
	return w
}

// look reads what anybody with the same user can read of a process. Processes
// come and go meanwhile: one that cannot be read is no error.
func (w *watch) look() {
	processes, _ := filepath.Glob("/proc/[0-9]*")
	for _, dir := range processes {
		environ, _ := os.ReadFile(dir + "/environ")
		if !bytes.Contains(environ, []byte("HOME="+w.m.home+"\x00")) {
			continue
		}
		cmdline, _ := os.ReadFile(dir + "/cmdline")
		line := strings.TrimSpace(string(bytes.ReplaceAll(cmdline, []byte{0}, []byte{' '})))
		w.seen[line] = true
		if leaks(environ, w.traces) || leaks(cmdline, w.traces) {
			w.leaky[line] = true
		}
	}
}

// end returns the command lines of all processes seen, and of those that showed
// a secret in them or in their environment.
func (w *watch) end() (seen, leaky []string) {
	close(w.stop)
	w.done.Wait()
	return slices.Sorted(maps.Keys(w.seen)), slices.Sorted(maps.Keys(w.leaky))
}

// A search that finds nothing proves nothing unless it can find something.
func TestTheSearchForSecretsFindsThem(t *testing.T) {
	m := newMachine(t)
	m.login()
	secrets := m.server.Secrets()
	for _, s := range secrets {
		if !strings.Contains(s, m.server.Marker()) {
			t.Errorf("a secret of %d characters does not have the marker", len(s))
		}
	}
	secret := secrets[len(secrets)-1]
	before, _ := m.filesThatLeak() // the plaintext keyring, where there is no other
	var planted []string
	for i, text := range []string{
		secret, hex.EncodeToString([]byte(secret)),
		base64.StdEncoding.EncodeToString([]byte("a" + secret)),
		base64.RawURLEncoding.EncodeToString([]byte("ab" + secret)),
		base64.StdEncoding.EncodeToString([]byte("abc" + secret)),
	} {
		name := fmt.Sprintf(".local/planted-%d", i)
		m.write(name, "x"+text+"x")
		planted = append(planted, filepath.Join(m.home, name))
	}
	m.serves(m.process("corp", "Admin"))
	journals := m.journals()
	for name, text := range journals {
		if !strings.Contains(text, "Admin") {
			t.Errorf("%s says nothing of the process that there was", name)
		}
	}
	if len(journals) != 2 {
		t.Errorf("%d journals, not a log and an audit trail", len(journals))
	}
	after, _ := m.filesThatLeak()
	want := slices.Sorted(slices.Values(append(before, planted...)))
	if slices.Sort(after); !slices.Equal(after, want) {
		t.Errorf("found in %q, want %q", after, want)
	}

	for _, planted := range []func(){
		func() { m.run("sh", "-c", "sleep 0.2; exit", secret) },
		func() { m.with("PLANTED="+secret).run("sleep", "0.2") },
	} {
		w := m.watchProcesses()
		planted()
		if seen, leaky := w.end(); len(leaky) != 1 {
			t.Errorf("of %q, these leak: %q", seen, leaky)
		}
	}
}
