package e2e

import (
	"encoding/json"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/sts"

	"github.com/credproc/credproc/oidc"
)

// cliFile is where the AWS CLI and the SDKs look for the login of the session
// corp: its name is the session's SHA-1.
const cliFile = ".aws/sso/cache/ee0bfd2552fbd840c02cc48b6e823320543c450f.json"

// sharedLogin is the only file there.
func (m *machine) sharedLogin() map[string]any {
	m.t.Helper()
	files, err := filepath.Glob(filepath.Join(m.home, ".aws/sso/cache/*.json"))
	if err != nil || len(files) != 1 {
		m.t.Fatalf("%q, %v", files, err)
	}
	text, err := os.ReadFile(files[0])
	var login map[string]any
	if err == nil {
		err = json.Unmarshal(text, &login)
	}
	if err != nil {
		m.t.Fatal(err)
	}
	return login
}

func TestAnExportedLoginIsReadByTheSDKs(t *testing.T) {
	m := newMachine(t).atAWS().with("CREDPROC_CLI_CACHE=export")
	m.login()
	boto := func() {
		t.Helper()
		if arn := m.must("python3", "-c", `
import boto3, sys
sts = boto3.Session(profile_name="native").client("sts", endpoint_url=sys.argv[1])
print(sts.get_caller_identity()["Arn"])
`, m.url); !strings.Contains(arn, assumed) {
			t.Errorf("boto3: %s", arn)
		}
	}
	boto()
	first := m.sharedLogin()
	m.server.RevokeAccessTokens()
	m.serves(m.process("corp", "Admin")) // which gets a new access token, and shares it
	if second := m.sharedLogin(); second["accessToken"] == first["accessToken"] || second["refreshToken"] != nil || len(second) != 4 {
		t.Errorf("%d fields; the same token: %v", len(second), second["accessToken"] == first["accessToken"])
	}
	boto()
	m.enter()
	proxy, err := url.Parse(m.env["HTTPS_PROXY"])
	if err != nil {
		t.Fatal(err)
	}
	// net/http asks the environment for a proxy once in a process, and another
	// test may have made it ask.
	client := awshttp.NewBuildableClient().WithTransportOptions(func(t *http.Transport) { t.Proxy = http.ProxyURL(proxy) })
	c, err := config.LoadDefaultConfig(t.Context(), config.WithSharedConfigProfile("native"), config.WithHTTPClient(client))
	if err != nil {
		t.Fatal(err)
	}
	out, err := sts.NewFromConfig(c).GetCallerIdentity(t.Context(), nil)
	if err != nil || !strings.Contains(aws.ToString(out.Arn), assumed) {
		t.Errorf("aws-sdk-go-v2: %v, %v", out, err)
	}
	m.counted(map[string]int{"CreateToken:device_code": 1, "CreateToken:refresh_token": 1}) // nobody but us has renewed it
	m.must(binary, "logout", "corp")
	if files, _ := filepath.Glob(filepath.Join(m.home, ".aws/sso/cache/*")); len(files) != 0 {
		t.Errorf("left: %q", files)
	}
}

func TestALoginOfTheAWSCLIIsTakenOver(t *testing.T) {
	custom := newMachine(t)
	m := custom.atAWS()
	theirs := oidc.Config{StartURL: m.server.StartURL, Region: m.server.Region, Endpoint: m.url}
	token, err := theirs.SignInWithCode(t.Context(), func(oidc.DeviceCode) error { return nil })
	if err != nil {
		t.Fatal(err)
	}
	m.refuses(m.run(binary, "login", "corp", "--from-aws-cli"), 4, "credproc: the AWS CLI's login to corp: there is none in ")
	text, err := json.Marshal(map[string]string{
		"startUrl": m.server.StartURL, "region": m.server.Region, "accessToken": token.AccessToken, "expiresAt": token.Expiry.UTC().Format(time.RFC3339),
		"clientId": token.Client.ID, "clientSecret": token.Client.Secret, "registrationExpiresAt": token.Client.Expiry.UTC().Format(time.RFC3339),
		"refreshToken": token.RefreshToken,
	})
	if err != nil {
		t.Fatal(err)
	}
	m.write(cliFile, string(text))
	custom.refuses(custom.run(binary, "login", "corp", "--from-aws-cli"), 4, "tokens are sent only to the endpoint that issued them")
	m.counted(map[string]int{"CreateToken:refresh_token": 0})
	m.must(binary, "login", "corp", "--from-aws-cli")
	m.server.RevokeAccessTokens()
	m.serves(m.process("corp", "Admin"))
	m.counted(map[string]int{"RegisterClient": 1, "CreateToken:device_code": 1, "CreateToken:refresh_token": 2})
}
