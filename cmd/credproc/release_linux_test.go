package main

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/credproc/credproc/credproc/credproctest/idctest"
)

// A release is what the program does by the version rules of docs/storage.md.
type release struct{ sealed, items formats }

// formats are the number that is written, and the newest that is read.
type formats struct{ writes, reads int }

var (
	before    = release{formats{0, 1}, formats{0, 1}}
	next      = release{formats{1, 2}, formats{1, 2}}
	afterNext = release{formats{2, 2}, formats{2, 2}}
)

// builtForAll builds the program once for all releases: of the same source, but
// what lies over it takes the numbers from the environment. So the program as
// it is needs no knob.
func builtForAll(t *testing.T) (program string) {
	dir := t.TempDir()
	replace := make(map[string]string)
	numbered(t, dir, replace, "internal/sealed/sealed.go", "byte", map[string]string{"version": "SEALED_WRITES", "newest": "SEALED_READS"})
	numbered(t, dir, replace, "tokencache/store.go", "int", map[string]string{"itemVersion": "ITEMS_WRITES", "newestItem": "ITEMS_READS"})
	overlay, err := json.Marshal(map[string]any{"Replace": replace})
	if err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(dir, "overlay"), overlay)
	program = filepath.Join(dir, "credproc")
	build := exec.Command("go", "build", "-overlay="+filepath.Join(dir, "overlay"), "-o", program, ".")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("go build: %v\n%s", err, out)
	}
	return program
}

// numbered lays a copy of a source file over it, from which constants are gone,
// and a file beside it that has variables of the same names.
func numbered(t *testing.T, dir string, replace map[string]string, file, kind string, constants map[string]string) {
	t.Helper()
	path, err := filepath.Abs(filepath.Join("../..", file))
	if err != nil {
		t.Fatal(err)
	}
	source, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	name := filepath.Base(filepath.Dir(path))
	var variables strings.Builder
	variables.WriteString("package " + name + "\n\nimport (\n\t\"os\"\n\t\"strconv\"\n)\n")
	for constant, variable := range constants {
		line := regexp.MustCompile(`(?m)^\t` + constant + ` += 1\b.*\n`)
		if found := line.FindAll(source, -1); len(found) != 1 {
			t.Fatalf("%s says %d times that %s is 1", file, len(found), constant)
		}
		source = line.ReplaceAll(source, nil)
		fmt.Fprintf(&variables, "\nvar %s = func() %s { n, _ := strconv.Atoi(os.Getenv(%q)); return %[2]s(n) }()\n", constant, kind, variable)
	}
	copied, beside := filepath.Join(dir, name+".go"), filepath.Join(dir, name+"-numbers.go")
	write(t, copied, source)
	write(t, beside, []byte(variables.String()))
	replace[path], replace[filepath.Join(filepath.Dir(path), "numbers.go")] = copied, beside
}

func write(t *testing.T, path string, data []byte) {
	t.Helper()
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
}

// with is the same machine where another release of the program runs.
func (m *machine) with(program string, r release) *machine {
	other := *m
	other.program = program
	other.env = append(other.env[:len(other.env):len(other.env)],
		fmt.Sprint("SEALED_WRITES=", r.sealed.writes), fmt.Sprint("SEALED_READS=", r.sealed.reads),
		fmt.Sprint("ITEMS_WRITES=", r.items.writes), fmt.Sprint("ITEMS_READS=", r.items.reads))
	return &other
}

const perRelease = 20

// mixed runs processes of two releases at once.
func mixed(a, b *machine, args []string) (ofA, ofB []outcome) {
	ofA, ofB = make([]outcome, perRelease), make([]outcome, perRelease)
	var all sync.WaitGroup
	for i := range perRelease {
		all.Go(func() { ofA[i] = a.run(args...) })
		all.Go(func() { ofB[i] = b.run(args...) })
	}
	all.Wait()
	return ofA, ofB
}

// renews checks that the session can be renewed, which spends its refresh token.
func (m *machine) renews() {
	m.Helper()
	if o := m.run("login", "corp", "--no-browser"); o.status != 0 || !strings.Contains(o.stderr, "Already signed in") {
		m.Fatalf("exit status %d\n%s", o.status, o.stderr)
	}
}

// expire renews, and waits until the access token that this gives is over.
func (m *machine) expire() {
	m.Helper()
	m.set(func(s *idctest.Server) { s.AccessTokenLife = time.Second })
	m.renews()
	m.set(func(s *idctest.Server) { s.AccessTokenLife = time.Hour })
	<-time.After(2 * time.Second) // there is nothing to poll: only time ends it
}

// signedInOnce checks that the login of the start was all that was needed.
func (m *machine) signedInOnce() {
	m.Helper()
	if n := m.idc.Count("RegisterClient"); n != 1 {
		m.Errorf("%d sign-ins", n)
	}
}

// Two releases that follow one another share a login. Of others the older can
// read nothing that the newer has written, and says so: it must not take that
// for no login.
func TestTwoReleasesAtOnceLoseNoLogin(t *testing.T) {
	program := builtForAll(t)
	for name, tt := range map[string]struct {
		release
		share bool
	}{
		"the one before":            {before, true},
		"the next":                  {next, true},
		"two later in tokens":       {release{sealed: next.sealed, items: afterNext.items}, false},
		"two later, but for tokens": {release{sealed: afterNext.sealed, items: next.items}, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			this := newMachine(t, keyrings()[0])
			this.idc.Rotation = idctest.Strict
			other := this.with(program, tt.release)
			roles := this.roles(6)
			other.signIn(0)
			for round, role := range roles[:3] {
				if round == 1 && tt.share {
					this.expire()
				} else {
					other.expire()
				}
				calls := this.calls(func() {
					ofThis, ofOther := mixed(this, other, process(role))
					if other.answered(ofOther); tt.share {
						this.answered(ofThis)
					} else {
						this.answeredOrOlder(ofThis)
					}
				})
				this.want(calls, "CreateToken", 1)
				if tt.share {
					this.want(calls, "GetRoleCredentials", 1)
				}
			}
			if tt.share {
				this.diesFor(other, roles[4])
				other.diesFor(this, roles[5])
			} else {
				other.expire()
				this.failed([]outcome{this.run(process(roles[3])...), this.run("login", "corp", "--no-browser")}, 1, older)
			}
			other.renews()
			other.answered([]outcome{other.run(process(roles[3])...)})
			this.signedInOnce()
		})
	}
}

// diesFor kills a process when the answer of its renewal is in the journal, and
// not yet in the keyring. A process of the other release goes on from there.
func (m *machine) diesFor(other *machine, role string) {
	m.Helper()
	m.expire()
	index, err := filepath.Glob(filepath.Join(m.home, ".local/state/credproc/*/*.json"))
	if err != nil || len(index) != 1 {
		m.Fatalf("the indexes are %q, %v", index, err)
	}
	journal := strings.TrimSuffix(index[0], ".json") + ".journal"
	calls := m.calls(func() {
		// A new file is written before, under another name.
		if _, died := m.straced([]string{"-P", journal, "-e", "trace=fsync", "-e", "inject=fsync:signal=KILL:when=1"}, process(role)); !died {
			m.Error("nobody was killed")
		}
	})
	m.want(calls, "CreateToken", 1)
	calls = m.calls(func() { other.answered([]outcome{other.run(process(role)...)}) })
	m.want(calls, "CreateToken", 0)
	other.renews()
}

const older = "format 2 is written by a newer release, this one knows 1"

// answeredOrOlder checks that every process answered, or said why it cannot.
func (m *machine) answeredOrOlder(outcomes []outcome) {
	m.Helper()
	for _, o := range outcomes {
		if o.status == 0 {
			m.answered([]outcome{o})
		} else {
			m.failed([]outcome{o}, 1, older)
		}
	}
}
