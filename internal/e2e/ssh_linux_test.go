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
	"time"
)

// An sshHost is a host behind an sshd of its own, on the loopback interface, and
// the recipe's script to reach it.
type sshHost struct {
	*machine
	dir   string   // a home over there, and what the agent leaves in it
	port  string   // what the script takes for a random port
	under []string // what runs both sides; none: nothing does
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

func newSSHHost(t *testing.T, under ...string) *sshHost {
	t.Helper()
	h := &sshHost{machine: cooking(t), under: under}
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
	h.background(append(under, "/usr/sbin/sshd", "-D", "-e", "-f", config)...)
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
	all := append(h.under[:len(h.under):len(h.under)], "sh", filepath.Join(h.root, "connect"))
	c = exec.Command(all[0], all[1:]...)
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

// onlooker has another user, where this one is root, look at all processes of the
// machine again and again. seen ends that, and returns the command lines.
func onlooker(t *testing.T) (seen func() string) {
	t.Helper()
	ps := []string{"ps", "-eww", "-o", "args="}
	if os.Geteuid() == 0 {
		ps = append([]string{"setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"}, ps...)
	}
	var all bytes.Buffer
	end, ended := make(chan struct{}), make(chan error, 1)
	go func() {
		for {
			c := exec.Command(ps[0], ps[1:]...)
			c.Stdout = &all
			if err := c.Run(); err != nil {
				ended <- err
				return
			}
			select {
			case <-end:
				ended <- nil
				return
			case <-time.After(20 * time.Millisecond):
			}
		}
	}()
	return func() string {
		close(end)
		if err := <-ended; err != nil {
			t.Error(err)
		}
		return all.String()
	}
}

func alive(pid string) bool {
	stat, err := os.ReadFile("/proc/" + pid + "/stat")
	return err == nil && !bytes.Contains(stat, []byte(") Z "))
}

func TestAnSSHHostNeedsNoLogin(t *testing.T) {
	t.Parallel()
	started := filepath.Join(t.TempDir(), "started")
	// Both sides keep their process IDs (-D), and both add to what has been started (-A).
	h := newSSHHost(t, "strace", "-D", "-f", "-qq", "-s", "100000", "-e", "trace=execve", "-A", "-o", started)
	seen := onlooker(t)
	c, said := h.connects()
	url, token := h.left("url"), h.left("token")
	if want := "http://127.0.0.1:" + h.port + "/"; url != want || len(token) < 22 {
		t.Errorf("the endpoint is %s, want %s; the token has %d characters", url, want, len(token))
	}
	if mode, region := h.left("mode"), h.left("region"); mode != "600" || region != "us-east-1 us-east-1" {
		t.Errorf("the token's file has mode %s; the regions are %s", mode, region)
	}
	processes := strings.Fields(h.left("processes"))
	h.file(filepath.Join(h.dir, "go"), "")
	c.Wait()
	if status := c.ProcessState.ExitCode(); status != 7 || !strings.Contains(said.String(), assumed) {
		t.Errorf("exit status %d, the agent is %s", status, said)
	}
	h.ended(processes, url, token)
	h.counted(map[string]int{"GetRoleCredentials": 1, "GetCallerIdentity": 1})
	commands, err := os.ReadFile(started)
	if err != nil {
		t.Fatal(err)
	}
	for who, arguments := range map[string]string{"another user": seen(), "the kernel": string(commands)} {
		if strings.Contains(arguments, token) || !strings.Contains(arguments, "ExitOnForwardFailure") || !strings.Contains(arguments, "my-agent") {
			t.Errorf("%s saw the token in the arguments of a process, or did not see ssh and the agent", who)
		}
	}
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
