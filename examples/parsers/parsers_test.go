// Package parsers_test runs the tools of this module, each of which mounts the
// commands with another parser, as a person would.
package parsers_test

import (
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/credproc/credproc/credproc/credproctest/idctest"
)

const config = `[sso-session corp]
sso_start_url = https://idc.example/start
sso_region = us-east-1

[profile dev]
credential_process = acme aws process --sso-session corp --account-id 111111111111 --role-name Admin
`

func TestEveryParserMountsTheCommands(t *testing.T) {
	bin := t.TempDir()
	for _, parser := range []string{"kong", "cobra", "urfave", "flag"} {
		dir := filepath.Join(bin, parser)
		if out, err := exec.Command("go", "build", "-o", filepath.Join(dir, "acme"), "./"+parser).CombinedOutput(); err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
		t.Run(parser, func(t *testing.T) {
			d := newDesk(t, dir)
			d.usage()
			d.work()
			d.completion()
			switch parser { // as the scripts of the parser ask
			case "cobra":
				d.says("corp", d.acme(0, "__complete", "aws", "login", "co"))
				d.says("--force", d.acme(0, "__complete", "login", "--fo"))
			case "urfave":
				d.says("corp", d.acme(0, "aws", "login", "--generate-shell-completion"))
				d.says("--force", d.acme(0, "login", "--fo", "--generate-shell-completion"))
			}
			d.neverSays(regexp.MustCompile(`(?i).*cred_?proc.*`))
		})
	}
}

func (d *desk) usage() {
	d.says("aws", d.acme(0, "--help"))
	d.says("Usage: acme aws COMMAND", d.acme(0, "aws", "--help"))
	d.says("--account-id", d.acme(0, "aws", "process", "--help"))
	d.says("Usage: acme aws keyring [COMMAND]", d.acme(0, "aws", "help", "keyring"))
	d.says("$ acme login corp --use-device-code", d.acme(0, "login", "--help"))
	d.says("acme aws v", d.acme(0, "aws", "--version"))
	d.says(`unknown command "lgin"; did you mean "login"?`, d.acme(2, "aws", "lgin"))
	d.says(`hint: run "acme aws process --help"`, d.acme(2, "aws", "process", "--bogus"))
	d.says(`hint: run "acme login --help"`, d.acme(2, "login", "--bogus"))
	d.acme(2, "aws", "bogus")
	d.says("deployed staging to here", d.acme(0, "--region", "here", "deploy", "staging"))
}

func (d *desk) work() {
	d.says(`hint: run "acme aws login dev"`, d.acme(4, "aws", "process", "--profile", "dev"))
	d.acme(0, "--debug", "--region", "here", "--profile", "none", "--json", "login", "corp", "--no-browser")
	d.says(`"SessionToken":`, d.acme(0, "--profile", "none", "aws", "process", "--profile", "dev"))
	d.says(`"SessionToken":`, d.acme(0, "aws", "process", "-p", "dev", "--debug"))
	d.says("AWS_SESSION_TOKEN=", d.acme(7, "aws", "exec", "dev", "--", "sh", "-c", "env; exit 7"))
	d.says(`"session": "corp"`, d.acme(0, "--json", "aws", "status", "--json"))
	d.acme(0, "aws", "list")
	d.acme(5, "aws", "process", "--sso-session", "corp", "--account-id", "222222222222", "--role-name", "Gone")
	d.says("ACME_KEYRING", d.acme(2, "aws", "status", "ACME_KEYRING=none"))
	d.acme(0, "aws", "logout", "corp")
}

// completion presses Tab in bash, where acme has a completion of its own.
func (d *desk) completion() {
	const script = `_host() { COMPREPLY=(staging); }
complete -F _host acme
eval "$(acme aws completion bash)"
complete_line() {
	COMP_LINE=$1 COMP_POINT=${#1} COMPREPLY=()
	_acme_aws_wrapper acme "${1##* }" x
	echo "$1 -> ${COMPREPLY[*]}"
}
complete_line 'acme aws login co'
complete_line 'acme --region here aws login co'
complete_line 'acme deploy st'
`
	d.Helper()
	command := exec.CommandContext(d.Context(), "bash", "-c", script)
	command.Env = d.env
	out, err := command.CombinedOutput()
	const want = "acme aws login co -> corp\nacme --region here aws login co -> corp\nacme deploy st -> staging\n"
	if err != nil || string(out) != want {
		d.Errorf("%v\n%s", err, out)
	}
}

// desk is where a person uses acme.
type desk struct {
	*testing.T
	env  []string
	said strings.Builder
}

func newDesk(t *testing.T, bin string) *desk {
	t.Helper()
	center := idctest.New()
	center.AutoApprove = true
	server := httptest.NewServer(center)
	t.Cleanup(server.Close)
	home := t.TempDir()
	path := filepath.Join(home, "config")
	if err := os.WriteFile(path, []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	return &desk{T: t, env: []string{
		"PATH=" + bin + string(filepath.ListSeparator) + os.Getenv("PATH"),
		"HOME=" + home, "USERPROFILE=" + home, "LOCALAPPDATA=" + home, "BROWSER=false",
		"AWS_CONFIG_FILE=" + path, "AWS_ENDPOINT_URL=" + server.URL, "ACME_KEYRING=plaintext",
		"DBUS_SESSION_BUS_ADDRESS=unix:path=" + filepath.Join(home, "no-bus"),
	}}
}

// acme runs it, checks its exit status and returns what it said. Of the words,
// those like ACME_KEYRING=none are for the environment.
func (d *desk) acme(status int, words ...string) string {
	d.Helper()
	command := exec.CommandContext(d.Context(), "env")
	command.Env = d.env
	for _, word := range words {
		if strings.HasPrefix(word, "ACME_") {
			command.Args = append(command.Args, word)
		}
	}
	command.Args = append(command.Args, "acme")
	for _, word := range words {
		if !strings.HasPrefix(word, "ACME_") {
			command.Args = append(command.Args, word)
		}
	}
	out, err := command.CombinedOutput()
	if command.ProcessState == nil {
		d.Fatal(err)
	}
	if got := command.ProcessState.ExitCode(); got != status {
		d.Errorf("acme %q: exit status %d, want %d\n%s", words, got, status, out)
	}
	d.said.Write(out)
	return string(out)
}

func (d *desk) says(part, whole string) {
	d.Helper()
	if !strings.Contains(whole, part) {
		d.Errorf("there is no %q in:\n%s", part, whole)
	}
}

func (d *desk) neverSays(name *regexp.Regexp) {
	d.Helper()
	for _, found := range name.FindAllString(d.said.String(), -1) {
		d.Error(found)
	}
}
