package cmd

import (
	"bytes"
	"context"
	"crypto/x509"
	"encoding/json"
	"errors"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"

	"github.com/credproc/credproc/cmd/internal/report"
	"github.com/credproc/credproc/cmd/internal/terminal"
	"github.com/credproc/credproc/credproc/credproctest/idctest"
	"github.com/credproc/credproc/internal/printable"
	"github.com/credproc/credproc/tokencache/keyring"
)

// unanswered is the network of a machine from which no request gets anywhere.
type unanswered struct{ err error }

func (u unanswered) RoundTrip(*http.Request) (*http.Response, error) { return nil, u.err }

func unreachable(err error) func(*patient, *App) {
	return func(_ *patient, a *App) { a.HTTPClient = &http.Client{Transport: unanswered{err}} }
}

// lockedKeychain is one that a person has to unlock.
type lockedKeychain struct{}

func (lockedKeychain) Name() string                                { return "os" }
func (lockedKeychain) Get(context.Context, string) (string, error) { return "", errLockedKeychain }
func (lockedKeychain) Set(context.Context, string, string) error   { return errLockedKeychain }
func (lockedKeychain) Delete(context.Context, string) error        { return errLockedKeychain }

var errLockedKeychain = &keyring.Error{Keyring: "os", Op: "read", Kind: keyring.ErrLocked}

// A mistake is one that people make, or that happens to them.
type mistake struct {
	name   string
	make   func(p *patient, a *App) // nil: it is in the arguments
	args   string
	status int
	kind   string
	cause  string // the first line, a regular expression
	next   string // what the rest says, likewise
}

const admin = "process --sso-session corp --account-id 111111111111 --role-name "

func signedIn(p *patient, _ *App) { p.signIn() }

var mistakes = []mistake{
	{"no config file: a profile", func(p *patient, _ *App) { p.remove(".aws") }, "process --profile dev", 2, report.NoConfig,
		`^credproc: no config file .*config$`, `run "credproc configure"`},
	{"no config file: a session", func(p *patient, _ *App) { p.remove(".aws") }, "login corp", 2, report.NoConfig,
		`^credproc: no config file .*config$`, `run "credproc configure"`},
	{"no config file: nothing named", func(p *patient, _ *App) { p.remove(".aws") }, "list", 2, report.NoConfig,
		`^credproc: no sso-session in .*config$`, `run "credproc configure"`},
	{"the region of another instance", func(p *patient, _ *App) {
		p.idc.Set(func(s *idctest.Server) { s.StartURL = "https://elsewhere.example/start" })
	}, "login corp", 2, report.WrongRegion, `^credproc: Identity Center in us-east-1 does not accept the start URL of corp$`, `sso_region: it is the region of the instance`},
	{"a session misspelled", nil, "login crop", 2, report.UnknownSession, `^credproc: no sso-session "crop" in `, `^Its sso-sessions: corp\.$`},
	{"a profile misspelled", nil, "process --profile dv", 2, report.UnknownProfile, `^credproc: no profile "dv" in `, `^Its profiles: chain, dev\.$`},
	{"a role misspelled", signedIn, admin + "Admni", 5, report.NoAccess,
		`^credproc: no access to role Admni in account 111111111111 through session corp$`, `^Did you mean Admin\? Your roles there: Admin, ReadOnly\.$`},
	{"a flag misspelled", nil, "login --foce", 2, report.Usage, `^credproc: unknown flag --foce; did you mean "--force"\?$`, `run "credproc login --help"`},
	{"a flag of exec misspelled", nil, "exec --srver", 125, report.Usage, `^credproc: unknown flag --srver`, `run "credproc exec --help"`},
	{"no browser", func(p *patient, _ *App) { p.env["BROWSER"] = filepath.Join(p.home, "none") }, "console dev", 1, report.NoBrowser,
		`^credproc: no browser was opened: `, `--print`},
	{"a login that has ended", func(p *patient, a *App) {
		signedIn(p, a)
		p.idc.EndSessions()
		p.idc.RevokeAccessTokens()
	}, "process --profile dev", 4, report.Ended, `^credproc: the session corp has ended \(signed in today \d\d:\d\d\)$`, `run "credproc login dev"`},
	{"a registration that has expired", func(p *patient, a *App) {
		signedIn(p, a)
		p.idc.RevokeAccessTokens()
		p.idc.Fault("CreateToken:refresh_token", idctest.Fault{Code: "invalid_client"})
	}, "exec dev -- credproc", 125, report.Ended, `^credproc: the session corp has ended \(signed in `, `run "credproc login dev"`},
	{"never signed in", nil, "token corp", 4, report.SignIn, `^credproc: sign-in required for session corp: not signed in$`, `run "credproc login corp"`},
	{"no role in the account", func(p *patient, a *App) { signedIn(p, a) },
		"process --sso-session corp --account-id 999999999999 --role-name Admin", 5, report.NoAccess, `^credproc: no access to role Admin in account 999999999999`, `run "credproc login --force corp"`},
	{"no role at all", func(p *patient, a *App) {
		signedIn(p, a)
		p.idc.Set(func(s *idctest.Server) { s.Accounts = nil })
	}, "list", 5, report.NoAccess, `^credproc: `, `run "credproc login --force corp"`},
	{"a clock that is wrong", unreachable(x509.CertificateInvalidError{Reason: x509.Expired}), "login corp", 3, report.Clock,
		`^credproc: the certificate of .* is not valid at this time$`, `clock may be wrong`},
	{"a proxy that is down", unreachable(&net.OpError{Op: "proxyconnect", Err: syscall.ECONNREFUSED}), "login corp", 3, report.Offline,
		`^credproc: cannot reach .*: the proxy does not answer$`, `HTTPS_PROXY`},
	{"a proxy that wants a password", unreachable(errors.New(http.StatusText(http.StatusProxyAuthRequired))), "login corp", 3, report.Offline,
		`^credproc: cannot reach .*: the proxy wants a password$`, `http://USER:PASSWORD@HOST:PORT`},
	{"offline, without names", unreachable(&net.OpError{Op: "dial", Err: &net.DNSError{Err: "no such host", Name: "oidc.eu-west-1.amazonaws.com"}}), "login corp", 3, report.Offline,
		`^credproc: cannot reach .*: the name does not resolve$`, `Check the network`},
	{"offline, when credentials are needed", func(p *patient, a *App) {
		signedIn(p, a)
		unreachable(&net.OpError{Op: "dial", Err: syscall.ENETUNREACH})(p, a)
	}, "process --profile dev", 3, report.Offline, `^credproc: cannot reach .*: network is unreachable$`, `Check the network`},
	{"a keychain that is locked", func(_ *patient, a *App) { a.Keyring = lockedKeychain{} }, "process --profile dev", 6, report.Locked,
		`^credproc: the keychain is locked$`, `Unlock it`},
	{"a home that cannot be written", func(p *patient, _ *App) { p.env["CREDPROC_DIR"] = p.write("file", "") }, "login corp", 6, report.NotWritable,
		`^credproc: cannot use .*: `, `^Set CREDPROC_DIR to a directory that can be written\.`},
	{"not on PATH", func(p *patient, a *App) {
		signedIn(p, a)
		p.remove("bin")
		called := os.Args[0]
		p.Cleanup(func() { os.Args[0] = called })
		os.Args[0] = "credproc" // and by no path that would lead to it
	}, "configure --all --yes", 2, report.NotOnPath, `^credproc: `, `--command`},
	{"a command that is not on PATH", nil, "exec dev -- nosuch", 127, report.NotRun, `^credproc: nosuch: command not found$`, ``},
	{"a role with a long name", signedIn, admin + "AdministratorAccess", 5, report.NoAccess,
		`^credproc: no access to role AdministratorAccess in account 111111111111$`, `^Your roles there: Admin, ReadOnly`},
	{"no role that is like it", func(p *patient, a *App) { signedIn(p, a) }, admin + "Network", 5, report.NoAccess,
		`^credproc: no access to role Network `, `^Your roles there: Admin, ReadOnly\. A new assignment may need a new login\.\n.*login --force corp`},
	{"a profile twice", func(p *patient, _ *App) { p.add("[profile dev]") }, "doctor --offline", 1, report.Findings, ``, ``},
}

// saying runs a command, and returns its exit status and what it says on stderr.
func (m *mistake) saying(t *testing.T, asJSON bool) (status int, said string) {
	p := newPatient(t)
	var out, stderr bytes.Buffer
	a := p.app(&out)
	a.Stderr = &stderr
	if m.make != nil {
		m.make(p, a)
	}
	if asJSON {
		p.env["CREDPROC_ERRORS"] = "json"
	}
	status = a.Run(t.Context(), strings.Fields(m.args))
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	return status, strings.NewReplacer(p.home, "~", self, "~/credproc").Replace(stderr.String())
}

func TestEveryMistakeIsAnsweredByItsCauseAndTheNextStep(t *testing.T) {
	for _, m := range mistakes {
		t.Run(m.name, func(t *testing.T) {
			status, said := m.saying(t, false)
			lines := strings.Split(strings.TrimSuffix(said, "\n"), "\n")
			rest := strings.Join(lines[1:], "\n")
			if status != m.status || !regexp.MustCompile(m.cause).MatchString(lines[0]) || !regexp.MustCompile(m.next).MatchString(rest) {
				t.Errorf("exit status %d, want %d:\n%s", status, m.status, said)
			}
			if len(lines) > 3 {
				t.Errorf("%d lines", len(lines))
			}
			for _, line := range lines {
				if terminal.Width(line) > 80 {
					t.Errorf("%d columns: %s", terminal.Width(line), line)
				}
			}
		})
	}
}

func TestEveryMistakeIsToldToPrograms(t *testing.T) {
	for _, m := range mistakes {
		t.Run(m.name, func(t *testing.T) {
			status, said := m.saying(t, true)
			said = said[strings.LastIndexByte(strings.TrimSuffix(said, "\n"), '\n')+1:]
			if err := described("errors", said); err != nil {
				t.Fatalf("%v\n%s", err, said)
			}
			var got report.Error
			if err := json.Unmarshal([]byte(said), &got); err != nil {
				t.Fatal(err)
			}
			if status != m.status || got.ExitStatus != status || got.Kind != m.kind {
				t.Errorf("exit status %d, want %d and %s: %s", status, m.status, m.kind, said)
			}
			if m.cause != "" && !regexp.MustCompile(m.cause).MatchString("credproc: "+got.Message) {
				t.Errorf("the message is %q", got.Message)
			}
			if strings.Contains(m.next, "run ") && got.Command == "" {
				t.Errorf("there is no command to run: %s", said)
			}
		})
	}
}

func TestAnErrorForProgramsIsOneLineWhateverIsInIt(t *testing.T) {
	for _, text := range []string{nastyText, "\xe2\x80", strings.Repeat("long ", 100_000)} {
		var stderr bytes.Buffer
		app := &App{Stderr: &stderr, Getenv: func(name string) string { return map[string]string{"CREDPROC_ERRORS": "json"}[name] }}
		app.Report(errors.New("odd: " + text))
		if got := stderr.String(); strings.Count(got, "\n") != 1 || strings.ContainsFunc(strings.TrimSuffix(got, "\n"), func(r rune) bool { return !printable.Is(r) }) || described("errors", got) != nil || len(got) > 20_000 {
			t.Errorf("%d bytes: %.200q", len(got), got)
		}
	}
}
