package cmd

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/credproc/credproc/cmd/internal/status"
	"github.com/credproc/credproc/credproc/credproctest/idctest"
	"github.com/credproc/credproc/internal/policy"
)

var update = flag.Bool("update", false, "write what the commands say into the scripts")

// TestMain makes the test binary each of these programs where a test wants it.
func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){
		"credproc": func() { os.Exit((&App{place: policies()}).Run(context.Background(), os.Args[1:])) },
		"acme":     func() { os.Exit(acme(os.Args[1:])) },
		"caller":   func() { os.Exit(caller()) },
		"browser":  func() { os.Exit(person(os.Args[1:])) },
	})
}

// policies is where a script has the policies of its machine.
func policies() policy.Place {
	return policy.Place{Root: os.Getenv("POLICIES"), Owner: os.Geteuid()}
}

// TestScripts runs the scripts in testdata/script, each on a machine and
// against an Identity Center of its own:
//
//	exits N program args…    runs it, and checks the exit status; what it says
//	                         must hold no secret, but for stdout of commands whose
//	                         answer is one
//	soon approve|deny        as soon as a sign-in waits for a person
//	idc action [key=value…]  what [idctest.Server.ServeHTTP] offers to scripts
//	count op N               how often the service was called since the last reset
//	reset                    sets the counts to zero
//	document [key=value…]    stdout is a credential_process document
//	json                     stdout is one JSON value, and nothing else
//	failure [key=value…]     the last line on stderr is an error for programs, with these members
//	schema name              and it is as docs/name.schema.json says
//	asked                    waits until a sign-in waits for a person
//	eventually re program…   runs it until it prints what is like re
//	scribble pattern…        makes garbage of files
//	unmount dir              unmounts it at the end of the script
//	appendto file line text  adds a line below the first one that says line
//	outside file original    file is original with a block of ours at its end
//	leaks [except…]          checks that no file in $WORK holds a secret, but below these
func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir:           "testdata/script",
		UpdateScripts: *update,
		Setup:         setup,
		Condition: func(name string) (bool, error) {
			if name == "root" {
				return os.Geteuid() == 0, nil
			}
			if name == "kernel" {
				return status.KernelWorks(), nil
			}
			return false, fmt.Errorf("no condition %q", name)
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"exits": exits, "soon": soon, "idc": idc, "count": count, "reset": reset,
			"appendto": appendTo, "outside": outside,
			"document": document, "json": isJSON, "schema": schema, "failure": failure, "leaks": leaks, "asked": asked, "eventually": eventually, "scribble": scribble, "unmount": unmount,
		},
	})
}

// gorace makes a data race in a program that a test starts an exit status of its
// own, and its end prompt.
const gorace = "halt_on_error=1 atexit_sleep_ms=0"

// gogc lets a process of a test end before it would collect garbage: that of the test
// binary's packages is a third of the time that a start takes.
const gogc = "400"

// world is what a script has around it.
type world struct {
	idc    *idctest.Server
	counts map[string]int // at the last reset
}

func setup(env *testscript.Env) error {
	w := &world{idc: idctest.New()}
	server := httptest.NewServer(w.idc)
	env.Defer(server.Close)
	env.Values["world"] = w
	home := filepath.Join(env.WorkDir, "home")
	env.Setenv("HOME", home)
	env.Setenv("IDC", server.URL)
	env.Setenv("GORACE", gorace)
	env.Setenv("GOGC", gogc)
	env.Setenv("POLICIES", filepath.Join(env.WorkDir, "policies"))
	env.Setenv("CREDPROC_KEYRING", "plaintext")
	w.logEverything(env)
	env.Setenv("CREDPROC_FLOW", "device") // wherever the tests run
	for _, service := range []string{"SSO_OIDC", "SSO", "STS"} {
		env.Setenv("AWS_ENDPOINT_URL_"+service, server.URL)
	}
	config := filepath.Join(home, ".aws", "config")
	if _, err := os.Stat(config); err == nil {
		return nil
	}
	text, err := os.ReadFile("testdata/config")
	return errors.Join(err, os.MkdirAll(filepath.Dir(config), 0o700), os.WriteFile(config, text, 0o600))
}

// logEverything makes every program of a script keep a log at debug level and
// an audit trail, and looks for secrets there when the script is over.
func (w *world) logEverything(env *testscript.Env) {
	log := filepath.Join(env.WorkDir, "all.log")
	for _, id := range []string{"CREDPROC", "ACME"} {
		env.Setenv(id+"_LOG", "debug")
		env.Setenv(id+"_LOG_FILE", log)
		env.Setenv(id+"_AUDIT", "on")
	}
	env.Defer(func() {
		files := []string{log}
		filepath.WalkDir(env.WorkDir, func(path string, _ fs.DirEntry, _ error) error {
			if strings.HasPrefix(filepath.Base(path), "audit.jsonl") {
				files = append(files, path)
			}
			return nil
		})
		for _, file := range files {
			text, _ := os.ReadFile(file)
			for _, secret := range append(w.idc.Secrets(), w.idc.Marker()) {
				if strings.Contains(string(text), secret) {
					env.T().Fatal(filepath.Base(file) + " holds a secret")
				}
			}
		}
	})
}

func theWorld(ts *testscript.TestScript) *world { return ts.Value("world").(*world) }

func exits(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: exits N program args…")
	}
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	got := 0
	err = ts.Exec(args[1], args[2:]...)
	if ended, ok := errors.AsType[*exec.ExitError](err); ok {
		got = ended.ExitCode()
	} else {
		ts.Check(err)
	}
	stdout, stderr := ts.ReadFile("stdout"), ts.ReadFile("stderr")
	if got != want {
		ts.Fatalf("exit status %d, want %d", got, want)
	}
	said := stderr
	if got != 0 || !answersWithASecret(args[2:]) {
		said += stdout
	}
	w := theWorld(ts)
	for _, secret := range w.idc.Secrets() {
		if strings.Contains(said, secret) {
			ts.Fatalf("it shows a secret of the service")
		}
	}
	if wrong := w.idc.Violations(); len(wrong) > 0 {
		ts.Fatalf("not to be done to a service: %q", wrong)
	}
}

// answersWithASecret reports whether the stdout of a command is for a program
// that asked for a secret.
func answersWithASecret(args []string) bool {
	return slices.ContainsFunc(args, func(arg string) bool {
		return slices.Contains([]string{"process", "credential-process", "token", "env", "exec", "serve", "--federate"}, arg)
	})
}

func soon(ts *testscript.TestScript, neg bool, args []string) {
	s := theWorld(ts).idc
	if neg || len(args) != 1 || args[0] != "approve" && args[0] != "deny" {
		ts.Fatalf("usage: soon approve|deny")
	}
	settle := s.Approve
	if args[0] == "deny" {
		settle = s.Deny
	}
	abandoned := s.Pending()
	over, done := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		for range soonest(over) {
			for _, code := range s.Pending() {
				if !slices.Contains(abandoned, code) {
					settle(code)
					return
				}
			}
		}
	}()
	ts.Defer(func() { close(over); <-done })
}

// soonest yields again and again, for something that is to happen soon, until
// over is closed or a minute has passed.
func soonest(over <-chan struct{}) iter.Seq[struct{}] {
	return func(yield func(struct{}) bool) {
		limit := time.After(time.Minute)
		for yield(struct{}{}) {
			select {
			case <-over:
				return
			case <-limit:
				return
			case <-time.After(5 * time.Millisecond):
			}
		}
	}
}

func idc(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) == 0 {
		ts.Fatalf("usage: idc action [key=value…]")
	}
	form := url.Values{}
	for _, arg := range args[1:] {
		key, value, _ := strings.Cut(arg, "=")
		form.Set(key, value)
	}
	resp, err := theWorld(ts).idc.Client().PostForm("http://idc/_idctest/"+args[0], form)
	ts.Check(err)
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		ts.Fatalf("HTTP %s", resp.Status)
	}
	if out := form.Get("out"); out != "" { // what it answers, to a file
		text, err := io.ReadAll(resp.Body)
		ts.Check(err)
		ts.Check(os.WriteFile(ts.MkAbs(out), text, 0o600))
	}
}

func reset(ts *testscript.TestScript, _ bool, _ []string) {
	w := theWorld(ts)
	w.counts = w.all()
}

func (w *world) all() map[string]int {
	counts := w.idc.Counts()
	counts["total"] = w.idc.Total()
	return counts
}

func count(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: count op N")
	}
	w := theWorld(ts)
	want, err := strconv.Atoi(args[1])
	ts.Check(err)
	if got := w.all()[args[0]] - w.counts[args[0]]; got != want {
		ts.Fatalf("%d calls, want %d; all: %v, before the reset: %v", got, want, w.all(), w.counts)
	}
}

func document(ts *testscript.TestScript, neg bool, args []string) {
	text := ts.ReadFile("stdout")
	if strings.Count(text, "\n") != 1 || !strings.HasSuffix(text, "}\n") {
		ts.Fatalf("not one line")
	}
	var d map[string]any
	ts.Check(json.Unmarshal([]byte(text), &d))
	if d["Version"] != 1.0 || len(d) != 6 {
		ts.Fatalf("not the six members, Version 1: %v", d)
	}
	expiration, _ := d["Expiration"].(string)
	if at, err := time.Parse("2006-01-02T15:04:05Z", expiration); err != nil || time.Until(at) < time.Minute {
		ts.Fatalf("Expiration %q", expiration)
	}
	for _, name := range []string{"SecretAccessKey", "SessionToken"} {
		if secret, _ := d[name].(string); !slices.Contains(theWorld(ts).idc.Secrets(), secret) {
			ts.Fatalf("%s is none that the service gave", name)
		}
	}
	for _, arg := range args {
		name, want, _ := strings.Cut(arg, "=")
		if got := fmt.Sprint(d[name]); (got == want) == neg {
			ts.Fatalf("%s is %q", name, got)
		}
	}
}

func isJSON(ts *testscript.TestScript, _ bool, _ []string) {
	var value any
	ts.Check(json.Unmarshal([]byte(ts.ReadFile("stdout")), &value))
}

func failure(ts *testscript.TestScript, neg bool, args []string) {
	lines := strings.Split(strings.TrimSuffix(ts.ReadFile("stderr"), "\n"), "\n")
	said := lines[len(lines)-1]
	ts.Check(described("errors", said))
	var members map[string]any
	ts.Check(json.Unmarshal([]byte(said), &members))
	for _, arg := range args {
		key, want, _ := strings.Cut(arg, "=")
		if got := fmt.Sprint(members[key]); got != want {
			ts.Fatalf("%s is %s, want %s", key, got, want)
		}
	}
	if neg {
		ts.Fatalf("usage: failure [key=value…]")
	}
}

func leaks(ts *testscript.TestScript, neg bool, except []string) {
	if neg {
		ts.Fatalf("usage: leaks [except…]")
	}
	s, read := theWorld(ts).idc, 0
	ts.Check(filepath.WalkDir(ts.MkAbs("."), func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		for _, skip := range except {
			if path == ts.MkAbs(skip) {
				return fs.SkipDir
			}
		}
		if !entry.Type().IsRegular() {
			return nil
		}
		text, err := os.ReadFile(path)
		read++
		for _, secret := range s.Secrets() {
			if strings.Contains(string(text), secret) {
				ts.Fatalf("%s holds a secret", path)
			}
		}
		if strings.Contains(string(text), s.Marker()) {
			ts.Fatalf("%s holds a part of a secret", path)
		}
		return err
	}))
	if read == 0 || len(s.Secrets()) == 0 {
		ts.Fatalf("there is nothing to look for")
	}
}

func asked(ts *testscript.TestScript, _ bool, _ []string) {
	s := theWorld(ts).idc
	known := s.Pending()
	for range soonest(nil) {
		if len(s.Pending()) > len(known) {
			return
		}
	}
	ts.Fatalf("nobody was asked")
}

func eventually(ts *testscript.TestScript, _ bool, args []string) {
	pattern := regexp.MustCompile(args[0])
	for range soonest(nil) {
		ts.Exec(args[1], args[2:]...) // it may fail at first
		if pattern.MatchString(ts.ReadFile("stdout")) {
			return
		}
	}
	ts.Fatalf("that never happened")
}

func scribble(ts *testscript.TestScript, _ bool, patterns []string) {
	for _, pattern := range patterns {
		files, err := filepath.Glob(ts.MkAbs(pattern))
		ts.Check(err)
		if len(files) == 0 {
			ts.Fatalf("no file is like %s", pattern)
		}
		for _, file := range files {
			ts.Check(os.WriteFile(file, []byte("garbage, and no JSON"), 0o600))
		}
	}
}

func unmount(ts *testscript.TestScript, _ bool, args []string) {
	dir := ts.MkAbs(args[0])
	ts.Defer(func() { ts.Check(exec.Command("umount", dir).Run()) })
}

func appendTo(ts *testscript.TestScript, _ bool, args []string) {
	path := ts.MkAbs(args[0])
	text, err := os.ReadFile(path)
	ts.Check(err)
	before, after, ok := strings.Cut(string(text), "\n"+args[1]+"\n")
	if !ok {
		ts.Fatalf("no line %q", args[1])
	}
	ts.Check(os.WriteFile(path, []byte(before+"\n"+args[1]+"\n"+args[2]+"\n"+after), 0o600))
}

func outside(ts *testscript.TestScript, _ bool, args []string) {
	text, original := ts.ReadFile(args[0]), ts.ReadFile(args[1])
	block, ok := strings.CutPrefix(text, original)
	if !ok || !strings.HasPrefix(block, "# >>> credproc >>>") || !strings.HasSuffix(block, "# <<< credproc <<<\n") {
		ts.Fatalf("not %s and a block:\n%s", args[1], text)
	}
}
