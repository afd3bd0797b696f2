package e2e

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/sts"
)

// assumed is how the ARN of the profile dev starts. That the service says it
// means that it has checked the signature.
const assumed = "arn:aws:sts::" + account + ":assumed-role/AWSReservedSSO_Admin_"

// usedTheLine expects one client to have got its credentials through the line,
// and to have signed with them.
func (m *machine) usedTheLine(output string) {
	m.t.Helper()
	if !strings.Contains(output, assumed) {
		m.t.Errorf("the caller is not %s…:\n%s", assumed, output)
	}
	m.counted(map[string]int{"CreateToken:device_code": 1, "GetRoleCredentials": 1, "GetCallerIdentity": 1})
}

// aws runs the AWS CLI. The endpoint is a flag too: versions before 2.13 do not
// read it from the environment.
func (m *machine) aws(args ...string) result {
	m.t.Helper()
	return m.run("aws", append([]string{"--endpoint-url", m.url}, args...)...)
}

// enter makes this process one of the machine, for clients in Go. The SDK has
// looked for its files before: when the process started, in another home.
func (m *machine) enter() {
	m.t.Setenv("AWS_CONFIG_FILE", filepath.Join(m.home, ".aws", "config"))
	m.t.Setenv("AWS_SHARED_CREDENTIALS_FILE", filepath.Join(m.home, ".aws", "credentials"))
	for name, value := range m.env {
		m.t.Setenv(name, value)
	}
}

// goCaller asks through the AWS SDK for Go who the credentials of a profile
// belong to. The SDK reads the environment of this process.
func (m *machine) goCaller(profile string) string {
	m.t.Helper()
	cfg, err := config.LoadDefaultConfig(m.t.Context(), config.WithSharedConfigProfile(profile))
	if err != nil {
		m.t.Fatal(err)
	}
	caller, err := sts.NewFromConfig(cfg).GetCallerIdentity(m.t.Context(), &sts.GetCallerIdentityInput{})
	if err != nil {
		m.t.Fatal(err)
	}
	return aws.ToString(caller.Arn)
}

// javaScript returns where a script of testdata is beside what it imports. "": that
// is not here, so that what cannot be run, which is said.
func javaScript(t *testing.T, script, what string) string {
	t.Helper()
	dir, why := modules()
	if why != "" {
		notRun(t, what, why)
		return ""
	}
	return filepath.Join(dir, script)
}

// modules is a directory with the scripts of testdata and the packages that they
// import, or why there is none. It is made once for all tests, beside the binary.
var modules = sync.OnceValues(func() (dir, why string) {
	for _, program := range []string{"node", "npm"} {
		if _, err := exec.LookPath(program); err != nil {
			return "", err.Error()
		}
	}
	dir = filepath.Join(filepath.Dir(binary), "javascript")
	ctx, cancel := context.WithTimeout(context.Background(), 3*time.Minute)
	defer cancel()
	// With the whole environment of the test run: it may have a proxy.
	npm := exec.CommandContext(ctx, "npm", "install", "--no-audit", "--no-fund", "--no-update-notifier", "--loglevel=error", "--fetch-retries=1",
		"--cache", dir+"-cache", "--prefix", dir, "@aws-sdk/client-sts", "@aws-sdk/credential-providers", "aws-crt@~1.33", "aws-sdk@2", "ai@7", "@ai-sdk/amazon-bedrock@5")
	npm.WaitDelay = 5 * time.Second
	if out, err := npm.CombinedOutput(); err != nil {
		first, _, _ := strings.Cut(strings.TrimSpace(string(out)), "\n")
		return "", fmt.Sprintf("npm install: %v: %s", err, first)
	}
	err := os.RemoveAll(dir + "-cache")
	scripts, failed := filepath.Glob("testdata/*.mjs")
	err = errors.Join(err, failed)
	for _, script := range scripts {
		text, failed := os.ReadFile(script)
		err = errors.Join(err, failed, os.WriteFile(filepath.Join(dir, filepath.Base(script)), text, 0o600))
	}
	if err != nil {
		return "", err.Error()
	}
	return dir, ""
})

// Terraform's S3 backend asks STS who it is before it looks for the state.
func TestTerraformUsesTheLine(t *testing.T) {
	if _, err := exec.LookPath("terraform"); err != nil {
		notRun(t, "terraform", err.Error())
		return
	}
	m := newMachine(t)
	m.login()
	bucket := httptest.NewServer(http.HandlerFunc(emptyBucket))
	t.Cleanup(bucket.Close)
	text, err := os.ReadFile("testdata/main.tf")
	if err != nil {
		t.Fatal(err)
	}
	m.write("infra/main.tf", string(text))
	m = m.with("TF_CLI_CONFIG_FILE=/dev/null", "CHECKPOINT_DISABLE=1")
	m.must("terraform", "-chdir=infra", "init", "-input=false", "-no-color",
		fmt.Sprintf(`-backend-config=endpoints={s3=%q,sts=%q}`, bucket.URL, m.url))
	if plan := m.must("terraform", "-chdir=infra", "plan", "-input=false", "-no-color"); !strings.Contains(plan, "hello") {
		t.Errorf("plan: %s", plan)
	}
	if m.server.Count("GetCallerIdentity") == 0 {
		t.Error("nobody asked STS")
	}
	for _, e := range m.server.Log() {
		if e.Status != http.StatusOK {
			t.Errorf("%s: %d %s", e.Op, e.Status, e.Code)
		}
	}
	m.counted(map[string]int{"CreateToken:device_code": 1, "GetRoleCredentials": 1})
	m.ends()
	r := m.run("terraform", "-chdir=infra", "plan", "-input=false", "-no-color")
	if hint := `run "credproc login corp"`; r.status == 0 || !strings.Contains(r.stderr, hint) {
		t.Errorf("status %d, without %s:\n%s", r.status, hint, r.stderr)
	}
}

// emptyBucket is as much of S3 as looking for a state takes.
func emptyBucket(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "application/xml")
	switch {
	case !strings.HasPrefix(r.Header.Get("Authorization"), "AWS4-HMAC-SHA256 Credential="):
		w.WriteHeader(http.StatusForbidden)
	case r.URL.Query().Has("list-type") || r.URL.Query().Has("prefix"):
		io.WriteString(w, `<ListBucketResult><Name>states</Name><KeyCount>0</KeyCount><IsTruncated>false</IsTruncated></ListBucketResult>`)
	default:
		w.WriteHeader(http.StatusNotFound)
		io.WriteString(w, `<Error><Code>NoSuchKey</Code><Message>The specified key does not exist.</Message></Error>`)
	}
}
