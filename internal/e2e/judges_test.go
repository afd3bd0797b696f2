package e2e

import (
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
	version string   // a command of sh that prints it
	lacks   string   // why it cannot be run here, if so
	command []string // asks a service, at the URL that is added
	bucket  bool     // the service is S3: then the command need not print the ARN
	set     []string // besides what the row says
}

// A bucket is as much of S3 as listing what is in it takes, for credentials that the
// server has given.
type bucket struct {
	url    string
	server *idctest.Server
	mu     sync.Mutex
	roles  map[string]int // how many requests they have signed; "": of others, and unsigned
}

func newBucket(m *machine) *bucket {
	b := &bucket{server: m.server, roles: map[string]int{}}
	service := httptest.NewServer(b)
	m.t.Cleanup(service.Close)
	b.url = service.URL
	return b
}

func (b *bucket) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	role := ""
	if id := regexp.MustCompile(`^AWS4-HMAC-SHA256 Credential=(\w+)/`).FindStringSubmatch(r.Header.Get("Authorization")); id != nil && r.Header.Get("X-Amz-Security-Token") != "" {
		role = b.server.RoleOf(id[1])
	}
	b.mu.Lock()
	b.roles[role]++
	b.mu.Unlock()
	if role == "" {
		w.WriteHeader(http.StatusForbidden)
		return
	}
	emptyBucket(w, r)
}

// onlyBy returns whether all requests, and at least one, are signed by the role.
func (b *bucket) onlyBy(role string) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return len(b.roles) == 1 && b.roles[role] > 0
}

// rowOf returns what the page says of the program that a test runs.
func rowOf(t *testing.T) (row struct {
	line, exec, server, sees string
	set                      []string
}) {
	t.Helper()
	page, err := os.ReadFile("../../docs/works-with.md")
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(page)) {
		cells := strings.Split(line, "|")
		if len(cells) != 9 || !strings.Contains(cells[7], "`"+t.Name()+"`") {
			continue
		}
		for i, cell := range map[*string]string{&row.line: cells[2], &row.exec: cells[3], &row.server: cells[4], &row.sees: cells[6]} {
			*i = strings.TrimSpace(cell)
		}
		row.set = regexp.MustCompile(`\bAWS_\w+=\w+`).FindAllString(cells[5], -1)
		return row
	}
	t.Fatalf("the page does not name %s", t.Name())
	return row
}

// An outcome is how a program fared.
type outcome struct {
	served, unsigned bool // unsigned: it asked without any credentials
	said             string
}

// asks runs the program on a machine, after a command that gives it credentials.
func (j judge) asks(m *machine, before ...string) outcome {
	m.t.Helper()
	at, b := m.url, newBucket(m)
	if j.bucket {
		at = b.url
	}
	args := append(append(before, j.command...), at)
	r := m.run(args[0], args[1:]...)
	if r.status == 0 && !b.onlyBy(account+"/Admin") && (j.bucket || !strings.Contains(r.stdout, assumed)) {
		m.t.Errorf("%s: the service was asked by %v\n%s", args, b.roles, r.stdout)
	}
	return outcome{served: r.status == 0, unsigned: b.roles[""] > 0, said: r.stdout + r.stderr}
}

// judged expects a program to find its credentials where its row says it does, and
// no others, and to show a failure as the row says.
func judged(t *testing.T, j judge) {
	t.Parallel()
	if j.lacks != "" {
		notRun(t, j.name, j.lacks)
		return
	}
	row := rowOf(t)
	inModes(t, func(m *machine, under func(...string) []string) {
		before := append([]string{binary, "exec"}, under()...)
		cell := row.exec
		if before[2] == "--server" {
			cell = row.server
		}
		if o := j.asks(m.with(j.set...), before...); o.served != strings.HasPrefix(cell, "yes") {
			m.t.Errorf("works: %v, and the page says %q\n%s", o.served, cell, o.said)
		}
		m.counted(map[string]int{"GetRoleCredentials": 1})
	})
	t.Run("the line", func(t *testing.T) {
		t.Parallel()
		m := newMachine(t)
		m.login()
		m = m.with(append(append(j.set, row.set...), "AWS_PROFILE=dev")...)
		o := j.asks(m)
		if o.served != strings.HasPrefix(row.line, "yes") {
			t.Errorf("works: %v, and the page says %q\n%s", o.served, row.line, o.said)
		}
		if !o.served {
			return
		}
		m.counted(map[string]int{"GetRoleCredentials": 1})
		m.server.EndSessions()
		m.server.RevokeAccessTokens()
		if err := os.RemoveAll(filepath.Join(m.home, ".cache")); err != nil { // with the credentials that are left
			t.Fatal(err)
		}
		o = j.asks(m)
		sees, unsigned := !strings.HasPrefix(row.sees, "no"), strings.Contains(row.sees, "unsigned")
		if o.served || o.unsigned != unsigned || strings.Contains(o.said, `run "credproc login`) != sees {
			t.Errorf("when the login has ended, it works: %v, unsigned: %v, and the page says %q\n%s", o.served, o.unsigned, row.sees, o.said)
		}
	})
	if version, err := exec.Command("sh", "-c", j.version).Output(); err == nil {
		t.Logf("judged: %s", strings.SplitN(string(version), "\n", 2)[0])
	}
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
	judged(t, judge{name: "minio-go", lacks: why, version: "go -C testdata/judges list -m -f {{.Version}} github.com/minio/minio-go/v7", command: []string{program, "minio-go"}, bucket: true})
}

func TestRcloneWorksAsThePageSays(t *testing.T) {
	judged(t, judge{name: "rclone", lacks: absent("rclone"), version: "rclone version", command: []string{"rclone", "lsf", "--low-level-retries=1", "--retries=1", "s3:bucket", "--s3-endpoint"}, bucket: true,
		set: []string{"RCLONE_CONFIG_S3_TYPE=s3", "RCLONE_CONFIG_S3_PROVIDER=Other", "RCLONE_CONFIG_S3_ENV_AUTH=true"}})
}

func TestTheSDKForRubyWorksAsThePageSays(t *testing.T) {
	script, err := filepath.Abs("testdata/caller.rb")
	if err != nil {
		t.Fatal(err)
	}
	judged(t, judge{name: "the AWS SDK for Ruby", lacks: absent("ruby"), version: `ruby -e 'require "aws-sdk-core"; puts Aws::CORE_GEM_VERSION'`, command: []string{"ruby", script}})
}

func TestAwsCrtWorksAsThePageSays(t *testing.T) {
	dir, why := modules()
	judged(t, judge{name: "aws-crt", lacks: why, version: "node -p 'require(\"" + dir + "/node_modules/aws-crt/package.json\").version'", command: []string{"node", filepath.Join(dir, "crt.mjs")}})
}
