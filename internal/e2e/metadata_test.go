package e2e

import (
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

const instanceKey = "ASIAINSTANCEROLE"

// instance is the metadata service of an EC2 instance with a role.
func instance(w http.ResponseWriter, r *http.Request) {
	const roles = "/latest/meta-data/iam/security-credentials/"
	switch {
	case r.Method == http.MethodPut && r.URL.Path == "/latest/api/token":
		w.Header().Set("X-Aws-Ec2-Metadata-Token-Ttl-Seconds", r.Header.Get("X-Aws-Ec2-Metadata-Token-Ttl-Seconds"))
		io.WriteString(w, "token")
	case r.URL.Path == roles:
		io.WriteString(w, "instance-role")
	case r.URL.Path == roles+"instance-role":
		io.WriteString(w, `{"Code":"Success","Type":"AWS-HMAC","AccessKeyId":"`+instanceKey+`","SecretAccessKey":"secret","Token":"token","LastUpdated":"2026-01-01T00:00:00Z","Expiration":"2099-01-01T00:00:00Z"}`)
	default:
		http.NotFound(w, r)
	}
}

// The SDK for JavaScript goes on to the instance's role when the process of a
// profile fails, and does not say so.
func TestACommandWhoseLoginHasEndedDoesNotBecomeTheInstance(t *testing.T) {
	t.Parallel()
	modules, why := javaScript()
	if why != "" {
		notRun(t, "the AWS SDK for JavaScript on an EC2 instance", why)
		return
	}
	script := filepath.Join(modules, "chain.mjs")
	text, err := os.ReadFile("testdata/chain.mjs")
	if err == nil {
		err = os.WriteFile(script, text, 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
	metadata := httptest.NewServer(http.HandlerFunc(instance))
	t.Cleanup(metadata.Close)
	for _, mode := range modes {
		m := newMachine(t).with("AWS_EC2_METADATA_DISABLED=", "AWS_EC2_METADATA_SERVICE_ENDPOINT="+metadata.URL)
		m.write(".aws/config", m.session("corp")+`
[profile dev]
credential_process = `+binary+" "+ourLine+`
[profile other]
credential_process = `+binary+" "+strings.Replace(ourLine, "Admin", "ReadOnly", 1)+`
`)
		m.login()
		m.serves(m.process("corp", "Admin")) // which exec finds stored
		m.server.EndSessions()
		m.server.RevokeAccessTokens()
		run := func(flags ...string) result { // the endpoint has dev's credentials, and comes before the instance
			return m.run(binary, append(slices.Concat(mode, flags), "dev", "--",
				"env", "-u", "AWS_CONTAINER_CREDENTIALS_FULL_URI", "AWS_PROFILE=other", "node", script)...)
		}
		if r := run("--metadata"); r.status != 0 || strings.TrimSpace(r.stdout) != instanceKey {
			t.Errorf("%v: where the instance is allowed, status %d, key %q\n%s", mode, r.status, r.stdout, r.stderr)
		}
		if r := run(); r.status == 0 || strings.Contains(r.stdout, instanceKey) {
			t.Errorf("%v: status %d, key %q", mode, r.status, r.stdout)
		}
	}
}
