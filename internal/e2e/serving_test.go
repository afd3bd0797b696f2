package e2e

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/sts"
)

// modes are the two ways to run a command with credentials.
var modes = [][]string{{"exec"}, {"exec", "--server"}}

// inModes runs a test on a machine with what is stale. under returns what runs a
// program with credentials of the profile dev.
func inModes(t *testing.T, test func(m *machine, under func(args ...string) []string)) {
	for _, mode := range modes {
		t.Run(strings.Join(mode, " "), func(t *testing.T) {
			t.Parallel()
			m := newMachine(t)
			m.login()
			test(m.stale(), func(args ...string) []string {
				return append(append(mode[1:len(mode):len(mode)], "dev", "--"), args...)
			})
		})
	}
}

// stale returns a machine whose person has left behind what would win over the
// credentials that a command is given.
func (m *machine) stale() *machine {
	m.t.Helper()
	keys := "aws_access_key_id = AKIASTALE\naws_secret_access_key = stale\naws_session_token = stale\n"
	m.writes(".aws/config", "\n[default]\nregion = us-east-1\n"+keys)
	m.write(".aws/credentials", "[default]\n"+keys+"[stale]\n"+keys)
	m.write("token", "stale")
	return m.with("AWS_PROFILE=gone", "AWS_DEFAULT_PROFILE=gone", "AWS_ACCESS_KEY_ID=AKIASTALE", "AWS_SECRET_ACCESS_KEY=stale",
		"AWS_SESSION_TOKEN=stale", "AWS_SECURITY_TOKEN=stale", "AWS_CREDENTIAL_EXPIRATION=2000-01-01T00:00:00Z",
		"AWS_WEB_IDENTITY_TOKEN_FILE="+m.home+"/token", "AWS_ROLE_ARN=arn:aws:iam::999999999999:role/Stale",
		"AWS_CONTAINER_CREDENTIALS_RELATIVE_URI=/stale", "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE="+m.home+"/token",
		"AWS_REGION=eu-north-1", "AWS_ENDPOINT_URL_STS="+m.url)
}

// under runs a program to its end, which must succeed.
func (m *machine) under(args []string) string {
	m.t.Helper()
	return m.must(binary, append([]string{"exec"}, args...)...)
}

// givenToBoto3 prints who the credentials belong to that are found without a
// profile.
const givenToBoto3 = `
import boto3, sys
print(boto3.Session().client("sts", endpoint_url=sys.argv[1]).get_caller_identity()["Arn"])
`

// caller is the program that this test binary is where CALLER_AT is set: it
// prints who the credentials belong to that the AWS SDK for Go finds, and with which
// key. With CALLER_FOR, it asks again and again for so long, as a server with three
// requests at once does.
func caller(endpoint string) error {
	cfg, err := config.LoadDefaultConfig(context.Background())
	if err != nil {
		return err
	}
	client := sts.NewFromConfig(cfg, func(o *sts.Options) { o.BaseEndpoint = &endpoint })
	length, _ := time.ParseDuration(os.Getenv("CALLER_FOR"))
	if length == 0 {
		return ask(client, cfg.Credentials)
	}
	again := time.NewTicker(3 * time.Second)
	for end := time.Now().Add(length); time.Now().Before(end); <-again.C {
		failed := make(chan error, 3)
		atOnce(3, func(int) { failed <- ask(client, cfg.Credentials) })
		if err := errors.Join(<-failed, <-failed, <-failed); err != nil {
			return err
		}
	}
	return nil
}

func ask(client *sts.Client, from aws.CredentialsProvider) error {
	who, err := client.GetCallerIdentity(context.Background(), nil)
	if err != nil {
		return err
	}
	with, err := from.Retrieve(context.Background())
	fmt.Println(aws.ToString(who.Arn), with.AccessKeyID)
	return err
}

func TestTerraformTakesWhatItIsGiven(t *testing.T) {
	t.Parallel()
	if _, err := exec.LookPath("terraform"); err != nil {
		notRun(t, "terraform under exec", err.Error())
		return
	}
	text, err := os.ReadFile("testdata/main.tf")
	if err != nil {
		t.Fatal(err)
	}
	inModes(t, func(m *machine, under func(...string) []string) {
		bucket := httptest.NewServer(http.HandlerFunc(emptyBucket))
		m.t.Cleanup(bucket.Close)
		m.write("infra/main.tf", strings.Replace(string(text), `profile                     = "dev"`, "", 1))
		m = m.with("TF_CLI_CONFIG_FILE=/dev/null", "CHECKPOINT_DISABLE=1")
		m.under(under("terraform", "-chdir=infra", "init", "-input=false", "-no-color",
			fmt.Sprintf(`-backend-config=endpoints={s3=%q,sts=%q}`, bucket.URL, m.url)))
		if plan := m.under(under("terraform", "-chdir=infra", "plan", "-input=false", "-no-color")); !strings.Contains(plan, "hello") {
			m.t.Errorf("plan: %s", plan)
		}
		for _, e := range m.server.Log() {
			if e.Status != http.StatusOK {
				m.t.Errorf("%s: %d %s", e.Op, e.Status, e.Code)
			}
		}
		if m.server.Count("GetCallerIdentity") == 0 {
			m.t.Error("nobody asked STS")
		}
		m.counted(map[string]int{"GetRoleCredentials": 1})
	})
}

// The formats of the AWS CLI are the same byte for byte, in those of its
// versions that have them.
func TestEnvPrintsWhatTheAWSCLIPrints(t *testing.T) {
	t.Parallel()
	m := newMachine(t)
	m.login()
	compared := 0
	for _, cli := range []string{"aws", "/usr/bin/aws"} {
		for _, format := range []string{"process", "env", "env-no-export", "powershell", "windows-cmd", "fish"} {
			theirs := exec.Command(cli, "configure", "export-credentials", "--profile", "dev", "--format", format)
			theirs.Env = m.environ()
			want, err := theirs.Output()
			if err != nil { // there is no such program or command, or no format after these
				break
			}
			compared++
			if ours := m.must(binary, "env", "dev", "--format", format); ours != string(want) {
				t.Errorf("%s: %d bytes, and %d of %s", format, len(ours), len(want), cli)
			}
		}
	}
	if compared == 0 {
		notRun(t, "formats of the AWS CLI", "no version here has configure export-credentials")
	}
}
