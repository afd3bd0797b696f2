package e2e

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
)

// An sshHost is a host behind an sshd of its own, on the loopback interface, and
// the recipe's script to reach it.
type sshHost struct {
	*machine
	dir  string // a home over there, and what the agent leaves in it
	port string // what the script takes for a random port
}

// thereAgent notes its token, its process and that of a child, and asks who it
// is when it is told to, until it is told to end.
const thereAgent = `#!/bin/sh
cat "$AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE" >$HOME/token.part && mv $HOME/token.part $HOME/token
stat -c %a "$AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE" >$HOME/mode
echo "$AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE" >$HOME/file
echo "$AWS_REGION $AWS_DEFAULT_REGION" >$HOME/region
sleep 600 &
echo $! $$ >$HOME/processes
echo $AWS_CONTAINER_CREDENTIALS_FULL_URI >$HOME/url
until [ -e $HOME/go ]; do sleep 0.05; done
"$CALLER" && exit 7
`

func newSSHHost(t *testing.T) *sshHost {
	t.Helper()
	h := &sshHost{machine: cooking(t)}
	h.dir = h.machine.dir("there")
	_, h.port, _ = net.SplitHostPort(freePort(t))
	key, hostKey := filepath.Join(h.root, "key"), filepath.Join(h.root, "hostkey")
	for _, file := range []string{key, hostKey} {
		if out, err := exec.Command("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", file).CombinedOutput(); err != nil {
			t.Fatalf("%v: %s", err, out)
		}
	}
	who, err := user.Current()
	if err != nil {
		t.Fatal(err)
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	_, port, _ := net.SplitHostPort(freePort(t))
	h.script("agent", thereAgent, filepath.Join(h.dir, "bin", "my-agent"))
	config := filepath.Join(h.root, "sshd_config")
	h.file(config, fmt.Sprintf("ListenAddress 127.0.0.1:%s\nHostKey %s\nAuthorizedKeysFile %s.pub\nPidFile none\nStrictModes no\nUsePAM no\n"+
		"PasswordAuthentication no\nPermitRootLogin prohibit-password\nSetEnv HOME=%s PATH=%s:/usr/bin:/bin CALLER=%s CALLER_AT=%s\n",
		port, hostKey, key, h.dir, filepath.Join(h.dir, "bin"), self, h.url))
	if os.Geteuid() == 0 { // which gives up its rights there
		if err := os.MkdirAll("/run/sshd", 0o755); err != nil {
			t.Fatal(err)
		}
	}
	h.background("/usr/sbin/sshd", "-D", "-e", "-f", config)
	h.serving("127.0.0.1:" + port)
	// ssh reads no config of a home that the environment names.
	client := filepath.Join(h.root, "ssh_config")
	h.file(client, fmt.Sprintf("Host host\nHostName 127.0.0.1\nPort %s\nUser %s\nIdentityFile %s\nIdentitiesOnly yes\nStrictHostKeyChecking no\nUserKnownHostsFile %s\nLogLevel ERROR\n",
		port, who.Username, key, filepath.Join(h.root, "known")))
	h.script("ssh", "#!/bin/sh\nexec /usr/bin/ssh -F "+client+" \"$@\"\n", filepath.Join(h.home, "bin", "ssh"))
	number, err := strconv.Atoi(h.port)
	if err != nil {
		t.Fatal(err)
	}
	h.script("od", fmt.Sprintf("#!/bin/sh\necho %d\n", (number+20_000)%40_000), filepath.Join(h.home, "bin", "od"))
	h.port = strconv.Itoa((number+20_000)%40_000 + 20_000)
	blocks := recipe(t, "An SSH host that holds no login")
	h.script("agent-there", blocks[0], filepath.Join(h.home, "agent-there"))
	h.file(filepath.Join(h.root, "connect"), "exec "+blocks[1])
	return h
}

func (h *sshHost) file(path, text string) {
	h.t.Helper()
	if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o700), os.WriteFile(path, []byte(text), 0o600)); err != nil {
		h.t.Fatal(err)
	}
}

// script makes a file that can be run, and that nobody has open any more.
func (h *sshHost) script(name, text, path string) {
	h.t.Helper()
	h.file(filepath.Join(h.root, name+".text"), text)
	h.must("sh", "-c", `mkdir -p "$(dirname "$2")" && cp "$1" "$2" && chmod 700 "$2"`, "sh", filepath.Join(h.root, name+".text"), path)
}

// connects starts what the page says.
func (h *sshHost) connects() (c *exec.Cmd, said *bytes.Buffer) {
	h.t.Helper()
	said = new(bytes.Buffer)
	c = exec.Command("sh", filepath.Join(h.root, "connect"))
	c.Dir, c.Env, c.Stdout, c.Stderr = h.home, h.environ(), said, said
	if err := c.Start(); err != nil {
		h.t.Fatal(err)
	}
	h.t.Cleanup(func() {
		if c.ProcessState == nil {
			c.Process.Signal(syscall.SIGTERM)
			c.Wait()
		}
	})
	return c, said
}

// left waits for a line that the agent has left.
func (h *sshHost) left(name string) (text string) {
	h.t.Helper()
	await(h.t, name+" is written", func() bool {
		content, err := os.ReadFile(filepath.Join(h.dir, name))
		text = string(bytes.TrimSpace(content))
		return err == nil && text != ""
	})
	return text
}

// argvs returns the command lines of all processes of the machine.
func argvs() string {
	var all strings.Builder
	files, _ := filepath.Glob("/proc/[0-9]*/cmdline")
	for _, file := range files {
		text, _ := os.ReadFile(file) // it may have ended
		all.Write(text)
	}
	return all.String()
}

func alive(pid string) bool {
	stat, err := os.ReadFile("/proc/" + pid + "/stat")
	return err == nil && !bytes.Contains(stat, []byte(") Z "))
}

func TestAnSSHHostNeedsNoLogin(t *testing.T) {
	t.Parallel()
	h := newSSHHost(t)
	c, said := h.connects()
	url, token := h.left("url"), h.left("token")
	if want := "http://127.0.0.1:" + h.port + "/"; url != want || len(token) < 22 {
		t.Errorf("the endpoint is %s, want %s; the token has %d characters", url, want, len(token))
	}
	if mode, region := h.left("mode"), h.left("region"); mode != "600" || region != "us-east-1 us-east-1" {
		t.Errorf("the token's file has mode %s; the regions are %s", mode, region)
	}
	if seen := argvs(); strings.Contains(seen, token) || !strings.Contains(seen, "ExitOnForwardFailure") {
		t.Error("the token is in the arguments of a process, or ssh's were not seen")
	}
	processes := strings.Fields(h.left("processes"))
	h.file(filepath.Join(h.dir, "go"), "")
	c.Wait()
	if status := c.ProcessState.ExitCode(); status != 7 || !strings.Contains(said.String(), assumed) {
		t.Errorf("exit status %d, the agent is %s", status, said)
	}
	h.ended(processes, url, token)
	h.counted(map[string]int{"GetRoleCredentials": 1, "GetCallerIdentity": 1})
}

// ended expects that nothing is left of a connection.
func (h *sshHost) ended(processes []string, url, token string) {
	h.t.Helper()
	await(h.t, "the agent and its child have ended", func() bool { return !alive(processes[0]) && !alive(processes[1]) })
	await(h.t, "the token's file is removed", func() bool {
		_, err := os.Stat(h.left("file"))
		return errors.Is(err, os.ErrNotExist)
	})
	if opens(url, token) {
		h.t.Error("the endpoint answers still")
	}
}

// opens reports whether an endpoint takes a token.
func opens(url, token string) bool {
	r, err := http.NewRequest(http.MethodGet, url, nil)
	if err != nil {
		return false
	}
	r.Header.Set("Authorization", token)
	answer, err := (&http.Transport{DisableKeepAlives: true}).RoundTrip(r)
	if err != nil {
		return false
	}
	answer.Body.Close()
	return answer.StatusCode == http.StatusOK
}

func TestAnAgentOnAnSSHHostEndsWithTheConnection(t *testing.T) {
	t.Parallel()
	h := newSSHHost(t)
	var tokens []string
	for range 2 {
		for _, name := range []string{"url", "token", "processes", "file"} {
			os.Remove(filepath.Join(h.dir, name))
		}
		c, _ := h.connects()
		url, token := h.left("url"), h.left("token")
		if !opens(url, token) {
			t.Error("the token opens nothing")
		}
		processes := strings.Fields(h.left("processes"))
		// ssh is what exec --server runs.
		children, err := exec.Command("ps", "-o", "pid=,comm=", "--ppid", strconv.Itoa(c.Process.Pid)).Output()
		fields := strings.Fields(string(children))
		if err != nil || len(fields) != 2 || fields[1] != "ssh" {
			t.Fatalf("%v: %q", err, children)
		}
		pid, err := strconv.Atoi(fields[0])
		if err != nil {
			t.Fatal(err)
		}
		syscall.Kill(pid, syscall.SIGKILL)
		c.Wait()
		h.ended(processes, url, token)
		tokens = append(tokens, token)
	}
	if tokens[0] == tokens[1] {
		t.Error("two connections have one token")
	}
}

// Another user of the host listens where the endpoint is to be.
func TestWhoHasThePortOnAnSSHHostGetsNothingAndGivesNothing(t *testing.T) {
	t.Parallel()
	h := newSSHHost(t)
	var mu sync.Mutex
	var got bytes.Buffer
	for _, network := range []string{"tcp4", "tcp6"} {
		l, err := net.Listen(network, ":"+h.port)
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close()
		go func() {
			for {
				conn, err := l.Accept()
				if err != nil {
					return
				}
				go func() {
					text, _ := io.ReadAll(io.LimitReader(conn, 1<<16))
					mu.Lock()
					got.Write(text)
					mu.Unlock()
				}()
			}
		}()
	}
	c, said := h.connects()
	c.Wait()
	if status := c.ProcessState.ExitCode(); status != 255 || !strings.Contains(said.String(), "remote port forwarding failed") {
		t.Errorf("exit status %d: %s", status, said)
	}
	if left, err := filepath.Glob(filepath.Join(h.dir, "[a-z]*")); err != nil || len(left) != 1 { // bin
		t.Errorf("the agent has run: %q", left)
	}
	mu.Lock()
	defer mu.Unlock()
	if got.Len() > 0 {
		t.Errorf("the program on the port got %d bytes", got.Len())
	}
}
