package e2e

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"regexp"
	"strings"
	"sync/atomic"
	"testing"
)

const instanceKey = "ASIAINSTANCEROLE"

// An instance is the metadata service of an EC2 instance with a role.
type instance struct {
	url   string
	given atomic.Int32 // how often the role's credentials were
}

func newInstance(t *testing.T) *instance {
	i := &instance{}
	service := httptest.NewServer(i)
	t.Cleanup(service.Close)
	i.url = service.URL
	return i
}

func (i *instance) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	const roles = "/latest/meta-data/iam/security-credentials/"
	switch {
	case r.Method == http.MethodPut && r.URL.Path == "/latest/api/token":
		w.Header().Set("X-Aws-Ec2-Metadata-Token-Ttl-Seconds", r.Header.Get("X-Aws-Ec2-Metadata-Token-Ttl-Seconds"))
		io.WriteString(w, "token")
	case r.URL.Path == roles:
		io.WriteString(w, "instance-role")
	case r.URL.Path == roles+"instance-role":
		i.given.Add(1)
		io.WriteString(w, `{"Code":"Success","Type":"AWS-HMAC","AccessKeyId":"`+instanceKey+`","SecretAccessKey":"secret","Token":"token","LastUpdated":"2026-01-01T00:00:00Z","Expiration":"2099-01-01T00:00:00Z"}`)
	default:
		http.NotFound(w, r)
	}
}

// advice returns the setting that doctor advises here about the instance's role.
func (m *machine) advice() string {
	m.t.Helper()
	var findings []struct{ Check, Verdict, Fix string }
	r := m.run(binary, "doctor", "--json")
	if err := json.Unmarshal([]byte(r.stdout), &findings); err != nil {
		m.t.Fatalf("status %d: %v\n%s", r.status, err, r.stderr)
	}
	for _, f := range findings {
		if f.Check == "instance role" && f.Verdict == "warning" {
			return regexp.MustCompile(`\w+=\w+`).FindString(f.Fix)
		}
	}
	m.t.Fatal("doctor has no advice")
	return ""
}

// lost runs a command without the credentials that exec gives it, as what reads
// only the config file does.
var lost = []string{"env", "-u", "AWS_ACCESS_KEY_ID", "-u", "AWS_SECRET_ACCESS_KEY", "-u", "AWS_SESSION_TOKEN",
	"-u", "AWS_CONTAINER_CREDENTIALS_FULL_URI", "AWS_PROFILE=other"}

// The SDK for JavaScript, in two versions, and aws-crt, which the SDK for C++ has below
// it, go on to the instance's role when the process of a profile fails, and do not say so.
func TestACommandWhoseLoginHasEndedDoesNotBecomeTheInstance(t *testing.T) {
	t.Parallel()
	var scripts []string
	for _, name := range []string{"chain.mjs", "version2.mjs", "crt.mjs"} {
		script := javaScript(t, name, "the AWS SDK for JavaScript and aws-crt on an EC2 instance")
		if script == "" {
			return
		}
		scripts = append(scripts, script)
	}
	ec2 := newInstance(t)
	m := newMachine(t).with("AWS_EC2_METADATA_SERVICE_ENDPOINT="+ec2.url, "AWS_SDK_LOAD_CONFIG=1")
	delete(m.env, "AWS_EC2_METADATA_DISABLED")
	m.write(".aws/config", m.session("corp")+`
[profile dev]
credential_process = `+binary+" "+ourLine+`
[profile other]
credential_process = `+binary+" "+strings.Replace(ourLine, "Admin", "ReadOnly", 1)+`
`)
	advised := m.with("AWS_PROFILE=other", m.advice())
	m.login()
	m.serves(m.process("corp", "Admin")) // which exec finds stored
	m.server.EndSessions()
	m.server.RevokeAccessTokens()
	under := func(flags ...string) func(...string) result {
		return func(program ...string) result {
			return m.run(binary, append(append(append(flags, "dev", "--"), lost...), program...)...)
		}
	}
	line := func(m *machine) func(...string) result {
		return func(program ...string) result { return m.run(program[0], program[1:]...) }
	}
	for _, way := range []struct {
		name                  string
		unprotected, protects func(program ...string) result
	}{
		{"exec", under("exec", "--metadata"), under("exec")},
		{"exec --server", under("exec", "--server", "--metadata"), under("exec", "--server")},
		{"the line", line(m.with("AWS_PROFILE=other")), line(advised)},
	} {
		for _, script := range scripts {
			name := way.name + ", " + filepath.Base(script)
			if r := way.unprotected("node", script); r.status != 0 || strings.TrimSpace(r.stdout) != instanceKey {
				t.Errorf("%s: where the instance is allowed, status %d, key %q\n%s", name, r.status, r.stdout, r.stderr)
			}
			before := ec2.given.Load()
			if r := way.protects("node", script); r.status == 0 || strings.Contains(r.stdout, instanceKey) || ec2.given.Load() > before {
				t.Errorf("%s: status %d, key %q, role given %d times", name, r.status, r.stdout, ec2.given.Load()-before)
			}
		}
	}
	// Nor does an endpoint that refuses lead there.
	for _, script := range scripts {
		before := ec2.given.Load()
		r := m.run(binary, "exec", "--server", "dev", "--", "sh", "-c", `mv .cache gone; node "$1"; status=$?; mv gone .cache; exit $status`, "sh", script)
		if r.status == 0 || r.stdout != "" || ec2.given.Load() > before || !strings.Contains(r.stderr, "credproc: the session corp has ended; run ") {
			t.Errorf("a refusing endpoint, %s: status %d, key %q, role given %d times\n%s", filepath.Base(script), r.status, r.stdout, ec2.given.Load()-before, r.stderr)
		}
	}
}
