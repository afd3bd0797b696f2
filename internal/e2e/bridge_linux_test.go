package e2e

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// A bridged machine serves a network namespace whose only way to the host is an
// address of a bridge, as a container's is.
type bridged struct {
	*machine
	there *machine // the same, without any login or config file
	ns    string
	host  string // the host's address
	other string // a second one in the namespace
	url   string // of the endpoint
	sts   string // the service, by that address
	ca    string
}

// bridge makes it, with clients one (profile dev) and two (profile other). It needs
// root; nil: there is none.
func bridge(t *testing.T, number int) *bridged {
	t.Helper()
	if os.Geteuid() != 0 {
		notRun(t, "an endpoint for a network namespace with nothing but a bridge", "only root can make one")
		return nil
	}
	m := newMachine(t)
	b := &bridged{machine: m, ns: fmt.Sprintf("e2e-%d-%d", os.Getpid(), number)}
	network := fmt.Sprintf("10.%d.%d.", 200+number, os.Getpid()%250)
	b.host, b.other = network+"1", network+"3"
	link := fmt.Sprintf("e%d-%d", os.Getpid(), number)
	t.Cleanup(func() { exec.Command("ip", "netns", "del", b.ns).Run() })
	for _, line := range []string{
		"netns add NS", "link add LINK type veth peer name there netns NS", "addr add HOST/29 dev LINK", "link set LINK up",
		"-n NS addr add " + network + "2/29 dev there", "-n NS addr add OTHER/29 dev there", "-n NS link set there up", "-n NS link set lo up",
	} {
		line = strings.NewReplacer("NS", b.ns, "LINK", link, "HOST", b.host, "OTHER", b.other).Replace(line)
		if out, err := exec.Command("ip", strings.Fields(line)...).CombinedOutput(); err != nil {
			t.Fatalf("ip %s: %v: %s", line, err, out)
		}
	}
	m.login()
	b.sts = served(t, b.host, m.server)
	m.write("clients", "[one]\ntoken_file = one.token\nallow = dev\n[two]\ntoken_file = two.token\nallow = other\n")
	_, port, _ := net.SplitHostPort(freePort(t))
	b.url = "https://" + b.host + ":" + port
	m.background(binary, "serve", "corp", "--tls", "--listen", b.host+":"+port, "--clients", filepath.Join(m.home, "clients"))
	m.serving(b.host + ":" + port)
	cas, err := filepath.Glob(filepath.Join(m.home, ".local/state/credproc/*/ca/*.pem"))
	if err != nil || len(cas) != 1 {
		t.Fatalf("%v: %q", err, cas)
	}
	b.ca = cas[0]
	there := *m
	there.env = map[string]string{"PATH": os.Getenv("PATH"), "HOME": m.dir("there"), "TMPDIR": m.dir("tmp"), "AWS_REGION": "us-east-1", "AWS_EC2_METADATA_DISABLED": "true",
		"CALLER_AT": b.sts, "CREDPROC_STRICT_MODES": "off"}
	b.there = &there
	return b
}

func (b *bridged) token(name string) string { return filepath.Join(b.home, name+".token") }

// inside is a command in the namespace.
func (b *bridged) inside(args ...string) []string {
	return append([]string{"netns", "exec", b.ns}, args...)
}

// forward is a command in the namespace that gets its credentials by forward.
func (b *bridged) forward(args ...string) []string {
	return b.inside(append([]string{binary, "forward", "--to", b.url + "/profile/dev", "--ca", b.ca, "--token-file", b.token("one"), "--"}, args...)...)
}

// directly is the machine there with the endpoint in the environment.
func (b *bridged) directly(settings ...string) *machine {
	return b.there.with(append(settings, "AWS_CONTAINER_CREDENTIALS_FULL_URI="+b.url+"/profile/dev", "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE="+b.token("one"))...)
}

func TestAClientBehindABridgeIsToldNoMoreThanThatItIsRefused(t *testing.T) {
	t.Parallel()
	b := bridge(t, 2)
	if b == nil {
		return
	}
	wrong := b.there.with()
	wrong.write("wrong.token", strings.Repeat("x", 26))
	forward := func(path, ca, token string) result {
		args := []string{binary, "forward", "--to", b.url + path, "--token-file", token}
		if ca != "" {
			args = append(args, "--ca", ca)
		}
		return b.there.run("ip", b.inside(append(args, "--", "true")...)...)
	}
	if r := forward("/profile/dev", b.ca, b.token("one")); r.status != 0 {
		t.Fatalf("status %d: %s", r.status, r.stderr)
	}
	for _, tt := range []struct{ path, ca, token, says string }{
		{"/profile/dev", "", b.token("one"), "is not trusted"},
		{"/profile/dev", b.ca, filepath.Join(b.home, "wrong.token"), "the other endpoint refused: the authorization token is wrong"},
		{"/profile/none", b.ca, filepath.Join(b.home, "wrong.token"), "the other endpoint refused: the authorization token is wrong"},
		{"/profile/dev", b.ca, b.token("two"), "the other endpoint refused: profile dev is not among those that this endpoint serves"},
		{"/profile/none", b.ca, b.token("two"), "the other endpoint refused: profile none is not among those that this endpoint serves"},
	} {
		if r := forward(tt.path, tt.ca, tt.token); r.status != 125 || !strings.Contains(r.stderr, tt.says) || strings.Count(r.stderr, "\n") > 2 {
			t.Errorf("%s: status %d: %s", tt.path, r.status, r.stderr)
		}
	}
	script, err := filepath.Abs("testdata/bridge.py")
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{"/profile/dev", "/profile/none", "/"} {
		r := b.there.run("ip", b.inside("python3", script, "once", b.url+path, b.ca)...)
		if !strings.HasPrefix(r.stdout, "403 ") || !strings.Contains(r.stdout, "no authorization token was sent") || strings.Contains(r.stdout, account) {
			t.Errorf("%s without a token: %s%s", path, r.stdout, r.stderr)
		}
	}
	b.write("clients", "[two]\ntoken_file = two.token\nallow = other\n")
	await(t, "the client is revoked", func() bool { return forward("/profile/dev", b.ca, b.token("one")).status == 125 })
	trail, err := os.ReadFile(filepath.Join(filepath.Dir(filepath.Dir(b.ca)), "audit.jsonl"))
	if err != nil || !strings.Contains(string(trail), `"client":"one"`) {
		t.Errorf("%v: the trail does not name the client", err)
	}
}

func TestAForeignProcessOnTheBridgeTakesNothingFromTheOwner(t *testing.T) {
	t.Parallel()
	b := bridge(t, 3)
	if b == nil {
		return
	}
	script, err := filepath.Abs("testdata/bridge.py")
	if err != nil {
		t.Fatal(err)
	}
	_, port, _ := net.SplitHostPort(strings.TrimPrefix(b.url, "https://"))
	owner := func(args ...string) string {
		r := b.there.run("ip", append(args, "python3", script, "owner", b.url+"/profile/dev", b.ca, b.token("one"), "40")...)
		return strings.TrimSpace(r.stdout) + r.stderr
	}
	here := func() string {
		return strings.TrimSpace(b.there.must("python3", script, "owner", b.url+"/profile/dev", b.ca, b.token("one"), "40"))
	}
	stranger := exec.Command("ip", b.inside("sh", "-c", `ulimit -n 4096; exec "$@"`, "sh", "python3", script, "stranger", b.host, port, b.other)...)
	stranger.Env, stranger.Stderr = b.there.environ(), os.Stderr
	in, err := stranger.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := stranger.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := stranger.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() { in.Close(); stranger.Wait() }()
	during := [2]string{owner(b.inside()...), here()}
	said, err := bufio.NewReader(out).ReadString('\n')
	if err != nil || said != "ready 3\n" { // TLS 1.0, no SNI and a wrong host
		t.Errorf("%v: the stranger says %q", err, said)
	}
	go io.Copy(io.Discard, out)
	after := [2]string{owner(b.inside()...), here()}
	for _, counts := range [][2]string{during, after} {
		if counts != [2]string{"40", "40"} {
			t.Errorf("the owner was served %q times of 40, in the namespace and here", counts)
		}
	}
}
