//go:build unix

package main

import (
	"context"
	"errors"
	"fmt"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/credproc/credproc/credproc/credproctest/idctest"
)

const account = "111111111111"

// world is a machine with a person on it who is signed in.
type world struct {
	dir      string
	idc      *idctest.Server
	server   *httptest.Server
	hello    string
	credproc string
	shared   string // with the key where macOS has it
	peak     string
	versions []string
}

func newWorld(dir string) (*world, error) {
	w := &world{dir: dir, idc: idctest.New()}
	source := filepath.Join(dir, "hello.go")
	if err := os.WriteFile(source, []byte("package main\n\nfunc main() { println(\"hello\") }\n"), 0o600); err != nil {
		return nil, err
	}
	peak := filepath.Join(dir, "peak.go")
	if err := os.WriteFile(peak, []byte(peakSource), 0o600); err != nil {
		return nil, err
	}
	var err, err2, err3, err4 error
	w.hello, err = build(dir, "hello", source)
	w.credproc, err2 = build(dir, "credproc", "./cmd/credproc")
	w.peak, err3 = build(dir, "peak", peak)
	w.shared, err4 = build(dir, "shared", "-tags=likemacos", "./cmd/credproc")
	if err := errors.Join(err, err2, err3, err4); err != nil {
		return nil, err
	}
	info, err := os.Stat(w.credproc)
	if err != nil {
		return nil, err
	}
	w.versions = []string{fmt.Sprintf("credproc, %.1f MB", float64(info.Size())/1e6)}
	w.idc.AutoApprove = true
	roles := []string{"Admin"}
	for i := range 1000 {
		roles = append(roles, fmt.Sprintf("Role%03d", i))
	}
	w.idc.Accounts = []idctest.Account{{ID: account, Name: "Production", Roles: roles}}
	w.server = httptest.NewServer(w.idc)
	return w, nil
}

func (w *world) close() { w.server.Close() }

// home makes a home directory with so many profiles, whose last one is "last",
// and returns the environment of processes in it.
func (w *world) home(name string, profiles int, keyring string) ([]string, error) {
	home := filepath.Join(w.dir, name)
	if err := os.MkdirAll(filepath.Join(home, ".aws"), 0o700); err != nil {
		return nil, err
	}
	var b strings.Builder
	fmt.Fprintf(&b, "[sso-session corp]\nsso_start_url = %s\nsso_region = %s\nsso_registration_scopes = sso:account:access\n", w.idc.StartURL, w.idc.Region)
	for i := range profiles {
		name := fmt.Sprintf("account-%d.Admin", i)
		if i == profiles-1 {
			name = "last"
		}
		fmt.Fprintf(&b, "\n[profile %s]\nsso_session = corp\nsso_account_id = %s\nsso_role_name = Admin\nregion = eu-west-1\n", name, account)
	}
	b.WriteString("\n[profile static]\naws_access_key_id = AKIAEXAMPLE\naws_secret_access_key = example\n")
	if err := os.WriteFile(filepath.Join(home, ".aws", "config"), []byte(b.String()), 0o600); err != nil {
		return nil, err
	}
	env := []string{
		"HOME=" + home, "PATH=" + os.Getenv("PATH"), "CREDPROC_KEYRING=" + keyring,
		"AWS_ENDPOINT_URL_SSO_OIDC=" + w.server.URL, "AWS_ENDPOINT_URL_SSO=" + w.server.URL,
		"DBUS_SESSION_BUS_ADDRESS=" + os.Getenv("DBUS_SESSION_BUS_ADDRESS"), "XDG_RUNTIME_DIR=" + os.Getenv("XDG_RUNTIME_DIR"),
	}
	return env, w.do(env, "login", "corp", "--no-browser")
}

func (w *world) do(env []string, args ...string) error {
	c := exec.Command(w.credproc, args...)
	c.Env = env
	if out, err := c.CombinedOutput(); err != nil {
		return fmt.Errorf("credproc %s: %w\n%s", strings.Join(args, " "), err, out)
	}
	return nil
}

func byFlags(role string) []string {
	return []string{"process", "--sso-session", "corp", "--account-id", account, "--role-name", role}
}

func (w *world) commands() ([]command, error) {
	// One keyring for all homes: the keychain if there is one to measure with.
	keyring := "plaintext"
	if os.Getenv("CREDPROC_TEST_KEYRING") != "" {
		keyring = "os"
	}
	all := []command{{name: "hello", args: []string{w.hello}, env: []string{}}}
	ours := func(name string, env, args []string) {
		all = append(all, command{name: name, env: env, args: append([]string{w.credproc}, args...)})
	}
	last := []string{"process", "--profile", "last"}
	few, err := w.home("few", 1, keyring)
	if err != nil {
		return nil, err
	}
	ours("warm, 1 profile, --profile", few, last)
	if keyring == "os" {
		all = append(all, command{name: "warm, 1 profile, key in shared memory", env: few, args: append([]string{w.shared}, last...)})
	}
	for _, n := range []int{400, 4000} {
		env, err := w.home(fmt.Sprint(n), n, keyring)
		if err != nil {
			return nil, err
		}
		ours(fmt.Sprintf("warm, %d profiles, --profile", n), env, last)
		ours(fmt.Sprintf("warm, %d profiles, flags", n), env, byFlags("Admin"))
		if n == 400 {
			ours("version through kong", env, []string{"version"})
			ours("the same through kong", append([]string{"CREDPROC_LOG=error"}, env...), last)
			if keyring == "os" {
				ours("key in the keychain only", append([]string{"CREDPROC_KEY_CACHE=off"}, env...), last)
			}
		}
	}
	cold, err := w.home("cold", 400, keyring)
	if err != nil {
		return nil, err
	}
	all = append(all, command{name: "cold, upstream 0 ms", env: cold, args: append([]string{w.credproc}, last...),
		before: func() { os.RemoveAll(filepath.Join(w.dir, "cold", ".cache")) }})
	many, err := w.home("many", 1, keyring)
	if err != nil {
		return nil, err
	}
	for i := range 1000 {
		if err := w.do(many, byFlags(fmt.Sprintf("Role%03d", i))...); err != nil {
			return nil, err
		}
	}
	ours("warm, 1,000 cached roles", many, byFlags("Role500"))
	people, err := w.people(keyring)
	if err != nil {
		return nil, err
	}
	return append(append(all, people...), w.others()...), nil
}

// people are commands that a person waits for: a role is found among 1,500, a profile
// of 2,000 is completed, and a role's account.
func (w *world) people(keyring string) ([]command, error) {
	own := w.idc.Accounts
	defer w.idc.Set(func(s *idctest.Server) { s.Accounts = own })
	w.idc.Set(func(s *idctest.Server) {
		s.Accounts = nil
		for i := range 500 {
			s.Accounts = append(s.Accounts, idctest.Account{ID: fmt.Sprintf("11111111%04d", i), Name: fmt.Sprintf("Team %d", i), Roles: []string{"Admin", "PowerUser", "ReadOnly"}})
		}
	})
	roles, err := w.home("roles", 0, keyring)
	if err == nil {
		err = w.do(roles, "configure", "corp", "--all", "--yes", "--command", "credproc")
	}
	if err != nil {
		return nil, err
	}
	many, err := w.home("2000", 2000, keyring)
	if err != nil {
		return nil, err
	}
	ask := func(name string, env []string, args ...string) command {
		return command{name: name, env: env, args: append([]string{w.credproc}, args...)}
	}
	use := ask("use adm 0003, 1,500 roles", roles, "use", "--shell", "sh", "adm", "0003")
	use.onTTY = true
	return []command{use,
		ask("completion, 2,000 profiles", many, "complete-line", "zsh", "use", "account-19"),
		ask("completion of a part, 2,000 profiles", many, "complete-line", "zsh", "use", "1111 1999"),
		ask("completion of an account, 1,500 roles", roles, "complete-line", "zsh", "exec", "--account-id", "0003"),
	}, nil
}

// A rival is a program of other people.
type rival struct {
	names   []string
	version []string // what it says its version for
	prepare []string // nil: nothing
	ask     []string // the least that prints credentials; nil: without a login it has none
}

// None has a login here: they print the static keys of a profile, which is less
// than to look for a role's.
var rivals = []rival{
	{[]string{"aws", "/usr/bin/aws", "/usr/local/bin/aws"}, []string{"--version"}, nil,
		[]string{"configure", "export-credentials", "--profile", "static", "--format", "process"}},
	{[]string{"aws-vault"}, []string{"--version"}, []string{"add", "static", "--env"}, []string{"export", "--no-session", "--format=json", "static"}},
	{[]string{"granted"}, []string{"--version"}, nil, []string{"credential-process", "--profile", "static"}},
	{[]string{"aws-sso"}, []string{"version"}, nil, nil},
}

// others returns the rivals that are found on PATH and work: with what prints
// credentials, or else with their version.
func (w *world) others() (all []command) {
	home := filepath.Join(w.dir, "few")
	env := []string{"HOME=" + home, "PATH=" + os.Getenv("PATH"), "GRANTED_DISABLE_UPDATE_CHECK=true",
		"AWS_VAULT_BACKEND=file", "AWS_VAULT_FILE_PASSPHRASE=measure", "AWS_VAULT_FILE_DIR=" + filepath.Join(home, "vault")}
	keys := []string{"AWS_ACCESS_KEY_ID=AKIAEXAMPLE", "AWS_SECRET_ACCESS_KEY=example"}
	for _, r := range rivals {
		for _, name := range r.names {
			path, err := exec.LookPath(name)
			if err != nil || slices.ContainsFunc(all, func(c command) bool { return c.args[0] == path }) {
				continue
			}
			said, err := output(env, path, r.version)
			if err != nil {
				continue // not one that works
			}
			args := r.version
			if r.prepare != nil {
				output(slices.Concat(env, keys), path, r.prepare)
			}
			if _, err := output(env, path, r.ask); r.ask != nil && err == nil {
				args = r.ask
			}
			first, _, _ := strings.Cut(said, "\n")
			w.versions = append(w.versions, path+": "+first)
			all = append(all, command{name: label(path) + " " + strings.Join(args[:min(2, len(args))], " "), args: append([]string{path}, args...), env: env})
		}
	}
	return all
}

// output runs a program without a person, should it ask a question.
func output(env []string, path string, args []string) (string, error) {
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	c := exec.CommandContext(ctx, path, args...)
	c.Env = env
	out, err := c.CombinedOutput()
	return string(out), err
}

// label tells two AWS CLIs apart.
func label(path string) string {
	if filepath.Dir(path) == "/usr/bin" {
		return path
	}
	return filepath.Base(path)
}
