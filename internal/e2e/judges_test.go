package e2e

import (
	"crypto/md5"
	"encoding/base64"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"

	"github.com/credproc/credproc/credproc/credproctest/idctest"
)

// A judge is a program that finds credentials by rules of its own. It is run in each
// way that docs/works-with.md has, and has to behave as its row there says.
type judge struct {
	name    string
	version string           // a command of sh that prints it
	lacks   string           // why it cannot be run here, if so
	command []string         // asks a service, at the URL that is added
	service http.HandlerFunc // other than STS: its answers to who has credentials; then the command need not print the ARN
	proxied bool             // the URL is that of a proxy to the service, and its CA is in ~/ca.pem
	set     []string         // besides what the row says
}

// A service answers who signs with credentials that the server has given.
type service struct {
	url     string
	server  *idctest.Server
	answers http.HandlerFunc
	mu      sync.Mutex
	roles   map[string]int // how many requests they have signed; "": of others, and unsigned
}

func newService(m *machine, answers http.HandlerFunc) *service {
	s := &service{server: m.server, answers: answers, roles: map[string]int{}}
	listener := httptest.NewServer(s)
	m.t.Cleanup(listener.Close)
	s.url = listener.URL
	return s
}

func (s *service) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	role := ""
	if id := regexp.MustCompile(`^AWS4-HMAC-SHA256 Credential=(\w+)/`).FindStringSubmatch(r.Header.Get("Authorization")); id != nil && r.Header.Get("X-Amz-Security-Token") != "" {
		role = s.server.RoleOf(id[1])
	}
	s.mu.Lock()
	s.roles[role]++
	s.mu.Unlock()
	if role == "" {
		w.WriteHeader(http.StatusForbidden)
		return
	}
	s.answers(w, r)
}

// signers returns how many requests each role has signed.
func (s *service) signers() map[string]int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return maps.Clone(s.roles)
}

// A claim is what the page says of a program, in its says.
type claim struct {
	line, exec, server, sees string
	set                      []string
}

// rowOf returns the one that names this test.
func rowOf(t *testing.T) (says claim) {
	t.Helper()
	page, err := os.ReadFile("../../docs/works-with.md")
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(page)) {
		cells := strings.Split(line, "|")
		if len(cells) != 9 || !strings.Contains(cells[7], "`"+strings.SplitN(t.Name(), "/", 2)[0]+"`") {
			continue
		}
		for i, cell := range map[*string]string{&says.line: cells[2], &says.exec: cells[3], &says.server: cells[4], &says.sees: cells[6]} {
			*i = strings.TrimSpace(cell)
		}
		says.set = regexp.MustCompile(`\bAWS_\w+=\w+`).FindAllString(cells[5], -1)
		return says
	}
	t.Fatalf("the page does not name %s", t.Name())
	return says
}

// An outcome is how a program fared.
type outcome struct {
	served, unsigned bool // unsigned: it asked without any credentials
	said             string
}

// asks runs the program on a machine, after a command that gives it credentials of
// the role Admin in an account.
func (j judge) asks(m *machine, account string, before ...string) outcome {
	m.t.Helper()
	at, b := m.url, newService(m, j.service)
	switch {
	case j.proxied:
		p := newProxy(m.t, b)
		m.write("ca.pem", p.bundle)
		at = p.url
	case j.service != nil:
		at = b.url
	}
	args := append(append(before, j.command...), at)
	r := m.run(args[0], args[1:]...)
	by, role, arn := b.signers(), account+"/Admin", "arn:aws:sts::"+account+":assumed-role/AWSReservedSSO_Admin_"
	mine := len(by) == 1 && by[role] > 0 || j.service == nil && strings.Contains(r.stdout, arn)
	if r.status == 0 && !mine {
		m.t.Errorf("%s: of account %s, it asked the service by %v\n%s", args, account, by, r.stdout)
	}
	return outcome{served: r.status == 0, unsigned: by[""] > 0, said: r.stdout + r.stderr}
}

// secondProfile adds one of another account.
func (m *machine) secondProfile() {
	m.t.Helper()
	m.writes(".aws/config", "\n[profile second]\ncredential_process = "+binary+" "+strings.Replace(ourLine, account, second, 1)+"\n")
}

// ends ends the login, and loses the credentials that are left.
func (m *machine) ends() {
	m.t.Helper()
	m.server.EndSessions()
	m.server.RevokeAccessTokens()
	if err := os.RemoveAll(filepath.Join(m.home, ".cache")); err != nil {
		m.t.Fatal(err)
	}
}

// works asks, and expects to be served if a cell of the page says so.
func (j judge) works(m *machine, cell, account string, before ...string) bool {
	m.t.Helper()
	o := j.asks(m, account, before...)
	if o.served != strings.HasPrefix(cell, "yes") {
		m.t.Errorf("%s: works: %v, and the page says %q\n%s", before, o.served, cell, o.said)
	}
	return o.served
}

// judged expects a program to find its credentials where its row says it does, and
// no others, and to show a failure as the row says.
func judged(t *testing.T, j judge) {
	t.Parallel()
	if j.lacks != "" {
		notRun(t, j.name, j.lacks)
		return
	}
	says := rowOf(t)
	m := newMachine(t)
	m.login()
	m = m.with(append(j.set, says.set...)...)
	reads := j.works(m, says.line, account, "env", "AWS_PROFILE=dev")
	stale, server := m.stale(), []string{binary, "exec", "--server", "dev", "--"}
	j.works(stale, says.exec, account, binary, "exec", "dev", "--")
	endpoint := j.works(stale, says.server, account, server...)
	m.counted(map[string]int{"CreateToken:device_code": 1, "GetRoleCredentials": 1})
	if reads && endpoint {
		j.choosesBetween(stale, says, server)
	}
	if reads {
		j.showsTheEnd(m, says)
	}
	if version, err := exec.Command("sh", "-c", j.version).Output(); err == nil {
		t.Logf("judged: %s", strings.SplitN(string(version), "\n", 2)[0])
	}
}

// choosesBetween expects a program inside exec --server to take the profile that it is
// told, where the page does not say otherwise.
func (j judge) choosesBetween(m *machine, says claim, server []string) {
	m.t.Helper()
	m.secondProfile()
	want := second
	if strings.Contains(says.server, "no other profile") { // it asks the endpoint first
		want = account
	}
	j.works(m, says.server, want, append(server, "env", "AWS_PROFILE=second")...)
	if strings.HasPrefix(says.sees, "no") { // what hides a failure goes on to the endpoint
		m.writes(".aws/config", "\n[profile broken]\ncredential_process = false --always\n")
		j.works(m, says.server, account, append(server, "env", "AWS_PROFILE=broken")...)
	}
}

// showsTheEnd expects a program to show by the line that the login has ended, if the
// page says so.
func (j judge) showsTheEnd(m *machine, says claim) {
	m.t.Helper()
	m.ends()
	o := j.asks(m, account, "env", "AWS_PROFILE=dev")
	sees, unsigned := !strings.HasPrefix(says.sees, "no"), strings.Contains(says.sees, "unsigned")
	if o.served || o.unsigned != unsigned || strings.Contains(o.said, `run "credproc login corp"`) != sees {
		m.t.Errorf("when the login has ended, it works: %v, unsigned: %v, and the page says %q\n%s", o.served, o.unsigned, says.sees, o.said)
	}
}

func TestTheAWSCLIWorksAsThePageSays(t *testing.T) {
	clis := []string{"aws", "/usr/bin/aws"} // where there are both, Debian's is version 2
	if path, err := exec.LookPath("aws"); err == nil && path == clis[1] {
		clis = clis[1:]
	}
	for _, cli := range clis {
		t.Run(filepath.Dir(cli), func(t *testing.T) {
			judged(t, judge{name: "the AWS CLI as " + cli, lacks: absent(cli), version: cli + " --version", command: []string{cli, "sts", "get-caller-identity", "--endpoint-url"}})
		})
	}
}

func TestBoto3WorksAsThePageSays(t *testing.T) {
	judged(t, judge{name: "boto3", lacks: absent("python3"), version: "python3 -c 'import boto3; print(boto3.__version__)'", command: []string{"python3", "-c", givenToBoto3}})
}

func TestTheSDKForGoWorksAsThePageSays(t *testing.T) {
	program, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	judged(t, judge{name: "the AWS SDK for Go", version: "go list -m -f {{.Version}} github.com/aws/aws-sdk-go-v2", command: []string{"sh", "-c", `CALLER_AT="$1" exec "$0"`, program}})
}

func TestTheSDKForJavaScriptWorksAsThePageSays(t *testing.T) {
	judged(t, nodeJudge("@aws-sdk/client-sts", "given.mjs"))
}

func TestAwsCrtWorksAsThePageSays(t *testing.T) {
	judged(t, nodeJudge("aws-crt", "crt.mjs"))
}

func TestTheSDKForJavaScriptVersion2WorksAsThePageSays(t *testing.T) {
	judged(t, nodeJudge("aws-sdk", "version2.mjs"))
}

func TestTheAISDKWorksAsThePageSays(t *testing.T) {
	j := nodeJudge("ai", "vercel.mjs")
	j.service = func(w http.ResponseWriter, r *http.Request) {
		io.WriteString(w, `{"output":{"message":{"role":"assistant","content":[{"text":"hello"}]}},"stopReason":"end_turn","usage":{"inputTokens":1,"outputTokens":1,"totalTokens":2}}`)
	}
	judged(t, j)
}

// nodeJudge is a script of testdata, with a package that it imports.
func nodeJudge(name, script string) judge {
	dir, why := modules()
	return judge{name: name + " of npm", lacks: why, version: "node -p 'require(\"" + dir + "/node_modules/" + name + "/package.json\").version'", command: []string{"node", filepath.Join(dir, script)}}
}

// goJudges builds the programs in Go once.
var goJudges = sync.OnceValues(func() (program, why string) {
	program = filepath.Join(filepath.Dir(binary), "judges")
	build := exec.Command("go", "build", "-o", program, ".")
	build.Dir, build.Env = "testdata/judges", append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		return "", strings.TrimSpace(string(out))
	}
	return program, ""
})

func TestTheSDKForGoVersion1WorksAsThePageSays(t *testing.T) {
	program, why := goJudges()
	judged(t, judge{name: "version 1 of the AWS SDK for Go", lacks: why, version: "go -C testdata/judges list -m -f {{.Version}} github.com/aws/aws-sdk-go", command: []string{program, "aws-sdk-go"}, set: []string{"AWS_REGION=us-east-1"}})
}

func TestMinioGoWorksAsThePageSays(t *testing.T) {
	program, why := goJudges()
	judged(t, judge{name: "minio-go", lacks: why, version: "go -C testdata/judges list -m -f {{.Version}} github.com/minio/minio-go/v7", command: []string{program, "minio-go"}, service: anyBucket})
}

func TestRcloneWorksAsThePageSays(t *testing.T) {
	judged(t, judge{name: "rclone", lacks: absent("rclone"), version: "rclone version", command: []string{"rclone", "lsf", "--low-level-retries=1", "--retries=1", "s3:bucket", "--s3-endpoint"}, service: anyBucket,
		set: []string{"RCLONE_CONFIG_S3_TYPE=s3", "RCLONE_CONFIG_S3_PROVIDER=Other", "RCLONE_CONFIG_S3_ENV_AUTH=true"}})
}

func TestTheSDKForRubyWorksAsThePageSays(t *testing.T) {
	script, err := filepath.Abs("testdata/caller.rb")
	if err != nil {
		t.Fatal(err)
	}
	judged(t, judge{name: "the AWS SDK for Ruby", lacks: absent("ruby"), version: `ruby -e 'require "aws-sdk-core"; puts Aws::CORE_GEM_VERSION'`, command: []string{"ruby", script}})
}

func TestResticWorksAsThePageSays(t *testing.T) {
	judged(t, judge{name: "restic", lacks: absent("restic"), version: "restic version", service: anyBucket, set: []string{"RESTIC_PASSWORD=password"},
		command: []string{"sh", "-c", `exec restic init --repo "s3:$0/bucket"`}})
}

func TestS3cmdWorksAsThePageSays(t *testing.T) {
	judged(t, judge{name: "s3cmd", lacks: absent("s3cmd"), version: "s3cmd --version", service: anyBucket,
		command: []string{"sh", "-c", `exec s3cmd ls --no-ssl --host="${0#http://}" --host-bucket="${0#http://}" s3://bucket`}})
}

func TestDuplicityWorksAsThePageSays(t *testing.T) {
	judged(t, judge{name: "duplicity", lacks: absent("duplicity"), version: "duplicity --version", service: anyBucket,
		command: []string{"duplicity", "collection-status", "--no-encryption", "--num-retries=1", "boto3+s3://bucket/backups", "--s3-endpoint-url"}})
}

func TestBarmanCloudWorksAsThePageSays(t *testing.T) {
	judged(t, judge{name: "barman-cloud", lacks: absent("barman-cloud-backup-list"), version: "barman-cloud-backup-list --version", service: anyBucket,
		command: []string{"barman-cloud-backup-list", "s3://bucket/backups", "server", "--endpoint-url"}})
}

func TestDockerCredentialEcrLoginWorksAsThePageSays(t *testing.T) {
	registry := account + ".dkr.ecr.us-east-1.amazonaws.com"
	judged(t, judge{name: "docker-credential-ecr-login", lacks: absent("docker-credential-ecr-login"), version: "docker-credential-ecr-login version", proxied: true,
		service: func(w http.ResponseWriter, r *http.Request) {
			token := base64.StdEncoding.EncodeToString([]byte("AWS:password"))
			fmt.Fprintf(w, `{"authorizationData":[{"authorizationToken":%q,"expiresAt":4102444800,"proxyEndpoint":"https://%s"}]}`, token, registry)
		},
		set:     []string{"AWS_ECR_DISABLE_CACHE=true", "NO_PROXY=127.0.0.1"},
		command: []string{"sh", "-c", "echo " + registry + ` | HTTPS_PROXY=$0 SSL_CERT_FILE=$HOME/ca.pem docker-credential-ecr-login get`}})
}

// anyBucket is there and empty, whatever it is asked and given.
func anyBucket(w http.ResponseWriter, r *http.Request) {
	switch _, key, _ := strings.Cut(r.URL.Path[1:], "/"); {
	case r.Method == http.MethodPut:
		hash := md5.New()
		io.Copy(hash, r.Body)
		w.Header().Set("ETag", fmt.Sprintf(`"%x"`, hash.Sum(nil)))
	case key == "":
		io.WriteString(w, `<ListBucketResult><Name>bucket</Name><KeyCount>0</KeyCount><IsTruncated>false</IsTruncated></ListBucketResult>`)
	default:
		w.WriteHeader(http.StatusNotFound)
	}
}
