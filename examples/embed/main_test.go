package main

import (
	"bytes"
	"io"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/credproc/credproc/credproc/credproctest/idctest"
)

// TestMain lets this binary be acme, where it is called that.
func TestMain(m *testing.M) {
	if os.Args[0] == "acme" {
		main()
	}
	os.Exit(m.Run())
}

func TestOnlyItsOwnNameIsSeen(t *testing.T) {
	for _, way := range []string{"aws", "sso"} {
		t.Run(way, func(t *testing.T) {
			t.Parallel()
			d := newDesk(t)
			d.help(way)
			d.mistakes(way)
			d.work(way)
			d.trouble(way)
			d.goodbye(way)
			d.neverSays(regexp.MustCompile(`(?i).*cred_?proc.*`))
		})
	}
}

func TestBothWaysShareTheirLogins(t *testing.T) {
	d := newDesk(t)
	d.acme(0, "sso login corp")
	d.acme(0, "aws process -p dev")
	d.acme(0, "aws logout corp")
	d.acme(4, "sso process -p dev")
}

func TestTheTableOfStatusesHoldsForUsage(t *testing.T) {
	d := newDesk(t)
	d.acme(0, "hello")
	d.acme(0, "hello you")
	d.acme(2, "")
	d.acme(2, "greet")
}

func (d *desk) help(way string) {
	d.acme(0, "--help")
	d.acme(0, way+" --help")
	for _, command := range []string{"login", "logout", "process", "credential-process", "list", "status", "version"} {
		d.acme(0, way+" "+command+" --help")
	}
	d.says("acme "+way+" devel", d.acme(0, way+" version"))
}

func (d *desk) mistakes(way string) {
	d.acme(2, way+" nonsense")
	d.acme(2, way+" login --nonsense")
	d.acme(2, way+" login nobody")
	d.acme(2, way+" process -p nobody")
	d.acme(2, way+" process -p other")
	d.acme(2, way+" process -p static")
	d.acme(2, way+" process --sso-session corp")
	d.acme(2, way+" process --sso-session corp --account-id 1 --role-name Admin")
	d.acme(2, way+" process --sso-session corp --account-id 111111111111 --role-name AWSReservedSSO_Admin_0123456789abcdef")
	d.acme(2, way+" login --sso-start-url http://idc.example/start --sso-region us-east-1")
	d.acme(2, way+" status", "ACME_KEYRING=nonsense")
	d.acme(2, way+" status", "ACME_LOG=nonsense")
	d.acme(failure, way+" list", "HOME=", "USERPROFILE=", "LOCALAPPDATA=")
	d.acme(failure, way+" login corp", "ACME_DIR="+filepath.Join(d.home, ".aws", "config", "no-directory"))
	d.says("ACME_KEYRING=plaintext", d.acme(6, way+" login corp", "ACME_KEYRING=os"))
}

func (d *desk) work(way string) {
	d.acme(0, way+" status")
	d.says(`hint: run "acme `+way+` login dev"`, d.acme(4, way+" process -p dev"))
	d.acme(0, way+" login corp")
	d.acme(0, way+" login corp --debug")
	for _, profile := range []string{"dev", "native", "legacy", "chained"} {
		d.says(`"SessionToken":`, d.acme(0, way+" process --debug -p "+profile))
	}
	d.acme(0, way+" process --sso-session corp --account-id 222222222222 --role-name Admin", "ACME_LOG=debug", "ACME_LOG_FILE="+filepath.Join(d.home, "log"))
	d.acme(0, way+" login --force corp")
	for _, command := range []string{"list", "list --json", "list --accounts", "status", "status corp", "status --json"} {
		d.acme(0, way+" "+command)
	}
	for _, sent := range []string{`"clientName":"acme ` + way + `"`, "RoleSessionName=acme-jo"} {
		d.says(sent, d.requests())
	}
}

func (d *desk) trouble(way string) {
	d.acme(5, way+" process --sso-session corp --account-id 222222222222 --role-name ReadOnly")
	d.center.Fault("GetRoleCredentials", idctest.Fault{Status: http.StatusServiceUnavailable})
	d.acme(3, way+" process --sso-session corp --account-id 111111111111 --role-name ReadOnly")
	d.center.ClearFaults()
	d.center.Set(func(c *idctest.Server) { c.Accounts = nil })
	d.acme(5, way+" list --refresh")
	d.center.EndSessions()
	d.acme(4, way+" list --refresh")
	d.acme(0, way+" status")
	d.center.Fault("StartDeviceAuthorization", idctest.Fault{Times: 1, Status: 400, Code: "invalid_request"})
	d.acme(2, way+" login corp")
	d.center.Fault("CreateToken", idctest.Fault{Times: 1, Status: 400, Code: "access_denied"})
	d.acme(4, way+" login corp")
	d.center.Fault("CreateToken", idctest.Fault{Times: 1, Status: 400, Code: "access_denied", Reason: "KMS_AccessDeniedException"})
	d.acme(1, way+" login corp")
	d.damage("session-")
	d.says("login --force", d.acme(1, way+" list --refresh"))
	d.acme(0, way+" login --force corp")
}

func (d *desk) goodbye(way string) {
	d.acme(0, way+" logout corp")
	d.acme(0, way+" logout corp")
	d.acme(0, way+" logout --all")
	d.acme(4, way+" status corp")
}

// desk is where a person uses acme.
type desk struct {
	*testing.T
	center *idctest.Server
	home   string
	env    []string
	said   bytes.Buffer // to the person

	mu   sync.Mutex
	sent bytes.Buffer // to the service
}

const config = `[sso-session corp]
sso_start_url = https://idc.example/start
sso_region = us-east-1

[profile dev]
credential_process = acme aws process --sso-session corp --account-id 111111111111 --role-name Admin

[profile native]
sso_session = corp
sso_account_id = 111111111111
sso_role_name = ReadOnly

[profile legacy]
sso_start_url = https://idc.example/start
sso_region = us-east-1
sso_account_id = 222222222222
sso_role_name = Admin

[profile chained]
role_arn = arn:aws:iam::333333333333:role/Deploy
source_profile = dev

[profile other]
credential_process = other process

[profile static]
aws_access_key_id = AKIAIOSFODNN7EXAMPLE
aws_secret_access_key = example
`

func newDesk(t *testing.T) *desk {
	t.Helper()
	d := &desk{T: t, center: idctest.New(), home: t.TempDir()}
	d.center.AutoApprove = true
	server := httptest.NewServer(http.HandlerFunc(d.overhear))
	t.Cleanup(server.Close)
	d.env = []string{
		"HOME=" + d.home, "USERPROFILE=" + d.home, "LOCALAPPDATA=" + d.home, "USER=jo",
		"AWS_ENDPOINT_URL=" + server.URL, "ACME_KEYRING=plaintext", "BROWSER=false",
		"DBUS_SESSION_BUS_ADDRESS=unix:path=" + filepath.Join(d.home, "no-bus"),
		"GORACE=atexit_sleep_ms=0", // under -race, each process would stay for another second
	}
	if err := os.Mkdir(filepath.Join(d.home, ".aws"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(d.home, ".aws", "config"), []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	return d
}

// overhear keeps what requests say before they are answered. Their headers are
// not for people: User-Agent may say which library this is.
func (d *desk) overhear(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		d.Error(err)
	}
	d.mu.Lock()
	d.sent.WriteString(r.URL.String() + " " + string(body) + "\n")
	d.mu.Unlock()
	r.Body = io.NopCloser(bytes.NewReader(body))
	d.center.ServeHTTP(w, r)
}

func (d *desk) requests() string {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.sent.String()
}

// failure is any exit status but 0.
const failure = -1

// acme runs it, checks its exit status and returns what it said.
func (d *desk) acme(status int, line string, env ...string) string {
	d.Helper()
	self, err := os.Executable()
	if err != nil {
		d.Fatal(err)
	}
	command := exec.CommandContext(d.Context(), self)
	command.Args = append([]string{"acme"}, strings.Fields(line)...)
	command.Env = slices.Concat(d.env, env)
	output, err := command.CombinedOutput()
	if command.ProcessState == nil {
		d.Fatal(err)
	}
	if got := command.ProcessState.ExitCode(); got != status && (status != failure || got <= 0) {
		d.Errorf("acme %s: exit status %d, want %d; it said:\n%s", line, got, status, output)
	}
	d.said.Write(output)
	return string(output)
}

func (d *desk) says(part, whole string) {
	d.Helper()
	if !strings.Contains(whole, part) {
		d.Errorf("there is no %q in:\n%s", part, whole)
	}
}

// damage overwrites the files in the home whose names start like that.
func (d *desk) damage(prefix string) {
	d.Helper()
	for path := range d.files() {
		if strings.HasPrefix(filepath.Base(path), prefix) {
			if err := os.WriteFile(path, []byte("damaged"), 0o600); err != nil {
				d.Error(err)
			}
		}
	}
}

// files returns what lies in the home, with its content.
func (d *desk) files() map[string]string {
	d.Helper()
	files := map[string]string{}
	err := filepath.WalkDir(d.home, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || !entry.Type().IsRegular() {
			return err
		}
		text, err := os.ReadFile(path)
		files[path] = string(text)
		return err
	})
	if err != nil {
		d.Error(err)
	}
	return files
}

// neverSays looks through all that people can see: what acme said, what it
// sent, and what it left in the home.
func (d *desk) neverSays(name *regexp.Regexp) {
	d.Helper()
	seen := d.files()
	seen["said"], seen["sent"] = d.said.String(), d.requests()
	for where, text := range seen {
		for _, found := range name.FindAllString(where+"\n"+text, -1) {
			d.Errorf("%s: %s", where, found)
		}
	}
}
