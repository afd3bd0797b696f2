package e2e

import (
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/credproc/credproc/credproc/credproctest/idctest"
)

const (
	// longLife is how long role credentials last there: new ones are fetched for the
	// first who asks after 30 seconds.
	longLife = 33 * time.Second
	// longSeconds is more than three such lives.
	longSeconds = "101"
)

// served makes a server on a host's address, and returns its URL.
func served(t *testing.T, host string, h http.Handler) string {
	t.Helper()
	listener, err := net.Listen("tcp4", host+":0")
	if err != nil {
		t.Fatal(err)
	}
	s := httptest.NewUnstartedServer(h)
	s.Listener.Close()
	s.Listener = listener
	s.Start()
	t.Cleanup(s.Close)
	return s.URL
}

// states is a bucket with states of Terraform, for those who sign with a key that has
// not ended by this machine's clock.
type states struct {
	center *idctest.Server

	mu      sync.Mutex
	objects map[string][]byte
	keys    map[string]map[string]bool // that have signed, by the name of the state
	refused []string
}

func (s *states) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	s.mu.Lock()
	defer s.mu.Unlock()
	_, signer, _ := strings.Cut(r.Header.Get("Authorization"), "Credential=")
	signer, _, _ = strings.Cut(signer, "/")
	if !time.Now().Before(s.center.ExpiryOf(signer)) {
		s.refused = append(s.refused, r.Method+" "+r.URL.Path)
		w.WriteHeader(http.StatusBadRequest)
		io.WriteString(w, `<Error><Code>ExpiredToken</Code></Error>`)
		return
	}
	if path, ok := strings.CutPrefix(r.URL.Path, "/states/"); ok {
		whose, _, _ := strings.Cut(path, "/")
		if s.keys[whose] == nil {
			s.keys[whose] = map[string]bool{}
		}
		s.keys[whose][signer] = true
	}
	old, there := s.objects[r.URL.Path]
	switch {
	case r.URL.Query().Has("list-type"):
		emptyBucket(w, r)
	case r.Method == http.MethodPut && there && r.Header.Get("If-None-Match") == "*":
		w.WriteHeader(http.StatusPreconditionFailed)
	case r.Method == http.MethodPut:
		s.objects[r.URL.Path] = body
	case r.Method == http.MethodDelete:
		delete(s.objects, r.URL.Path)
		w.WriteHeader(http.StatusNoContent)
	case !there:
		emptyBucket(w, r)
	default:
		w.Write(old)
	}
}

// A longRun has what runs longer than three lives of credentials.
type longRun struct {
	*machine
	bridged *bridged // nil: there is no bridge
	states  *states
	sts, s3 string // where the services are, for all

	all sync.WaitGroup // and not parallel tests, of which few run at once
}

func newLongRun(t *testing.T) *longRun {
	t.Helper()
	l := &longRun{bridged: bridge(t, 1)}
	host := "127.0.0.1"
	if l.bridged != nil {
		l.machine, host = l.bridged.machine, l.bridged.host
	} else {
		l.machine = newMachine(t)
		l.login()
	}
	l.server.Set(func(s *idctest.Server) { s.RoleLife = longLife })
	l.states = &states{center: l.server, objects: map[string][]byte{}, keys: map[string]map[string]bool{}}
	l.sts, l.s3 = served(t, host, l.server), served(t, host, l.states)
	return l
}

// each starts a client in each of the ways to get credentials that work for all.
func (l *longRun) each(what string, atLeast int, client ...string) {
	settings := []string{"CALLER_AT=" + l.sts, "CALLER_FOR=" + longSeconds + "s", "TF_CLI_CONFIG_FILE=/dev/null", "CHECKPOINT_DISABLE=1", "AWS_REGION=us-east-1"}
	here := l.quiet().with(settings...)
	l.start(what+" by line", atLeast, func() result { return here.with("AWS_PROFILE=dev").run(client[0], client[1:]...) })
	l.start(what+" by exec --server", atLeast, func() result {
		return here.run(binary, append([]string{"exec", "--server", "dev", "--"}, client...)...)
	})
	if l.bridged != nil {
		l.start(what+" by forward", atLeast, func() result { return l.bridged.there.with(settings...).run("ip", l.bridged.forward(client...)...) })
	}
}

// start starts a client that runs until three keys have ended, and expects no failed
// call, and calls with as many keys at least.
func (l *longRun) start(what string, atLeast int, run func() result) {
	l.all.Go(func() {
		r, keys, calls := run(), map[string]bool{}, 0
		for line := range strings.Lines(r.stdout) {
			if words := strings.Fields(line); len(words) > 0 && strings.HasPrefix(words[0], assumed) {
				calls++
				keys[words[len(words)-1]] = true
			}
		}
		if r.status != 0 || len(keys) < atLeast {
			l.t.Errorf("%s: status %d after %d calls with %d keys\n%s", what, r.status, calls, len(keys), r.stderr)
		}
	})
}

func TestLongConsumersAreServedPastThreeExpiries(t *testing.T) {
	t.Parallel()
	l := newLongRun(t)
	python, err := filepath.Abs("testdata/long.py")
	if err != nil {
		t.Fatal(err)
	}
	l.each("boto3", 4, "python3", python, l.sts, longSeconds)
	l.serversInGo()
	l.serversInJavaScript()
	l.terraform()
	l.commandLines()
	l.all.Wait()
	for _, e := range l.server.Log() {
		if e.Op == "GetCallerIdentity" && e.Status != 200 {
			t.Errorf("a call failed: %d %s", e.Status, e.Code)
		}
	}
	for whose, keys := range l.states.keys {
		if len(keys) < 3 { // two calls in a row, 20 seconds apart, can have the same
			t.Errorf("terraform has stored %s with %d keys", whose, len(keys))
		}
	}
	if len(l.states.refused) > 0 {
		t.Errorf("terraform has signed with keys that had ended: %q", l.states.refused)
	}
}

func (l *longRun) serversInGo() {
	self, err := os.Executable()
	if err != nil {
		l.t.Fatal(err)
	}
	l.each("a server in Go", 4, self)
	if b := l.bridged; b != nil {
		l.start("a server in Go by TLS", 4, func() result {
			return b.directly("CALLER_FOR="+longSeconds+"s", "SSL_CERT_DIR=/etc/ssl/certs:"+filepath.Dir(b.ca)).run("ip", b.inside(self)...)
		})
	}
}

func (l *longRun) serversInJavaScript() {
	script := javaScript(l.t, "long.mjs", "a server in JavaScript past three expiries")
	if script == "" {
		return
	}
	l.each("a server in JavaScript", 4, "node", script, l.sts, longSeconds)
	if b := l.bridged; b != nil {
		l.start("a server in JavaScript by TLS", 4, func() result {
			return b.directly("NODE_EXTRA_CA_CERTS="+b.ca).run("ip", b.inside("node", script, l.sts, longSeconds)...)
		})
	}
}

// applies makes 17 things, one after the other, which takes as long as the other clients
// run. Meanwhile Terraform stores the state every 20 seconds.
const applies = `set -e; dir=$(mktemp -d); cp "$0" "$dir"; cd "$dir"
terraform init -input=false -no-color -backend-config=key="${dir##*/}/state" -backend-config="endpoints={s3=\"$2\",sts=\"$1\"}"
terraform apply -input=false -no-color -auto-approve -parallelism=1`

func (l *longRun) terraform() {
	if _, err := exec.LookPath("terraform"); err != nil {
		notRun(l.t, "terraform past three expiries", err.Error())
		return
	}
	plan, err := filepath.Abs("testdata/long.tf")
	if err != nil {
		l.t.Fatal(err)
	}
	l.each("terraform", 0, "sh", "-c", applies, plan, l.sts, l.s3)
}

// commandLines asks with each version of the AWS CLI, in each life of the credentials.
func (l *longRun) commandLines() {
	if l.bridged == nil {
		return
	}
	found := map[string]string{}
	for _, cli := range []string{"aws", "/usr/bin/aws"} {
		if said, err := exec.Command(cli, "--version").CombinedOutput(); err == nil {
			version, _, _ := strings.Cut(string(said), ".")
			found[version] = cli
		}
	}
	for _, version := range []string{"aws-cli/1", "aws-cli/2"} {
		if found[version] == "" {
			notRun(l.t, version+" by forward", "it is not here")
			continue
		}
		l.start(version+" by forward", 1, func() result {
			return l.bridged.there.run("ip", l.bridged.forward("sh", "-c",
				`for life in 1 2 3 4; do "$0" --endpoint-url "$1" sts get-caller-identity --query Arn --output text || exit; [ $life = 4 ] || sleep 31; done`,
				found[version], l.sts)...)
		})
	}
}
