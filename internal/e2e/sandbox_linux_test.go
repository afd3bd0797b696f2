package e2e

import (
	"crypto/rand"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/credproc/credproc/credproc/credproctest/idctest"
)

// thief is an agent that looks for a login, and prints all it sees: kernel keys
// that it finds listed, asks for, or guesses the numbers of, and every file that
// it can read below the directories named in LOOK.
const thief = `#!/usr/bin/env python3
import ctypes, os
libc = ctypes.CDLL(None, use_errno=True)
READ, LINK, UNLINK, PERSISTENT, DESCRIBE = 11, 8, 9, 22, 6
def keyctl(*args):
    return libc.syscall(KEYCTL, *[ctypes.c_void_p(a) if isinstance(a, int) else a for a in args])
KEYCTL = {"x86_64": 250, "aarch64": 219}[os.uname().machine]
def text(operation, key):
    buffer = ctypes.create_string_buffer(40000)
    n = keyctl(operation, key, buffer, len(buffer), 0)
    return buffer.raw[:n] if 0 < n <= len(buffer) else b""
seen = set()
def ring(key):
    if key in seen:
        return
    seen.add(key)
    content = text(READ, key)
    about = text(DESCRIBE, key)
    if about.startswith(b"keyring;"):
        for i in range(0, len(content), 4):
            ring(int.from_bytes(content[i:i+4], "little", signed=True))
    elif about or content:
        print("key", key, about, content)
listed = open("/proc/keys").read()
print("listed", listed)
tries, asked = [-1, -2, -3, -4, -5], []
# Outside, what is linked to @s, @u and @us would be handed to the next one.
for destination in tries if "AWS_CONTAINER_CREDENTIALS_FULL_URI" in os.environ else [-1, -2]:
    asked += [n for n in [keyctl(PERSISTENT, -1, destination, 0, 0), keyctl(PERSISTENT, os.getuid(), destination, 0, 0)] if n > 0]
serials = [int(line.split()[0], 16) for line in listed.splitlines()]
serials += [int(n) for n in os.environ.get("SERIALS", "").split()]
for serial in serials:
    keyctl(LINK, serial, -2, 0, 0)
for base in serials or [1]:
    tries += range(max(1, base - 10000 // max(1, len(serials))), base + 1)
for key in tries + asked:
    ring(key)
for top in os.environ["LOOK"].split(":"):
    for folder, _, names in os.walk(top):
        for name in names:
            path = os.path.join(folder, name)
            try:
                print("file", path, open(path, "rb").read())
            except OSError:
                pass
for serial in asked:
    for destination in [-3, -4, -5]:
        keyctl(UNLINK, serial, destination, 0, 0)
print("looked")
`

// ordinary is an unprivileged user, where the tests run as root.
const ordinary = "54321"

// unprivileged runs a command of a machine as an ordinary user, in a session
// keyring that the user keyring is linked to, as that of a login is.
func (m *machine) unprivileged(command string) result {
	m.t.Helper()
	command = `keyctl link @u @s && ` + command
	if os.Geteuid() != 0 {
		return m.run("keyctl", "session", "-", "sh", "-c", command)
	}
	return m.run("setpriv", "--reuid="+ordinary, "--regid="+ordinary, "--clear-groups", "keyctl", "session", "-", "sh", "-c", command)
}

// give makes everything of the machine the ordinary user's.
func (m *machine) give() {
	m.t.Helper()
	if os.Geteuid() != 0 {
		return
	}
	if out, err := exec.Command("chown", "-R", ordinary+":"+ordinary, m.root).CombinedOutput(); err != nil {
		m.t.Fatalf("%v\n%s", err, out)
	}
	if err := os.Chmod(filepath.Dir(binary), 0o755); err != nil {
		m.t.Fatal(err)
	}
}

// sandboxes reports whether an ordinary user can do here what the recipe does.
func sandboxes(t *testing.T) bool {
	t.Helper()
	m := &machine{t: t, server: idctest.New(), home: "/", env: map[string]string{"PATH": os.Getenv("PATH"), "HOME": "/"}}
	r := m.unprivileged("bwrap --ro-bind / / --proc /proc --unshare-user --unshare-ipc --unshare-pid python3 -c ''")
	if r.status != 0 {
		notRun(t, t.Name(), strings.TrimSpace(r.stderr))
	}
	return r.status == 0
}

func TestASandboxedAgentFindsNoLoginAndNoKey(t *testing.T) {
	t.Parallel()
	if !sandboxes(t) {
		return
	}
	for keyring, settings := range map[string][]string{
		"kernel":                {"CREDPROC_KEYRING=kernel"},
		"plaintext":             {"CREDPROC_KEYRING=plaintext"},
		"plaintext in DIR":      {"CREDPROC_KEYRING=plaintext", "CREDPROC_DIR=ROOT/elsewhere"},
		"plaintext in XDG dirs": {"CREDPROC_KEYRING=plaintext", "XDG_STATE_HOME=ROOT/state", "XDG_CACHE_HOME=ROOT/cache"},
		"passphrase":            {"CREDPROC_KEYRING=file", "CREDPROC_PASSPHRASE_COMMAND=echo sesame"},
		"key file":              {"CREDPROC_KEYRING=file", "CREDPROC_KEY_FILE=ROOT/home/keys/credproc"},
		"CLI cache":             {"CREDPROC_KEYRING=plaintext", "CREDPROC_CLI_CACHE=export"},
		"os":                    {"CREDPROC_KEYRING=os"},
	} {
		t.Run(keyring, func(t *testing.T) {
			m := newMachine(t).quiet()
			if keyring == "os" && m.chain == nil {
				return // see newMachine
			}
			if keyring != "os" {
				m = m.with("DBUS_SESSION_BUS_ADDRESS=unix:path=/nowhere")
			}
			for _, s := range settings {
				m = m.with(strings.ReplaceAll(s, "ROOT", m.root))
			}
			m.finds(keyring)
		})
	}
}

// finds signs in, and lets the agent look.
func (m *machine) finds(keyring string) {
	t := m.t
	m.write("keys/credproc", "sesame"+rand.Text()) // 32 bytes
	m.write("bin/my-agent", thief)
	m.write("project/main.tf", "")
	m.write(".aws-token", m.server.Marker()+" token of another endpoint, sesame")
	if err := os.Chmod(filepath.Join(m.home, "bin", "my-agent"), 0o700); err != nil {
		t.Fatal(err)
	}
	m = m.with("PATH="+filepath.Join(m.home, "bin")+":"+filepath.Dir(binary)+":"+os.Getenv("PATH"), "LOOK="+m.root+":/dev/shm")
	user := m.unprivileged
	if keyring == "os" { // its bus serves the user who runs the tests
		user = func(command string) result {
			return m.run("keyctl", "session", "-", "sh", "-c", "keyctl link @u @s; "+command)
		}
	} else {
		m.give()
	}
	before := user("my-agent")
	if r := user(binary + " login corp --flow device --no-browser && " + binary + " process --profile dev"); r.status != 0 {
		t.Fatalf("status %d\n%s", r.status, r.stderr)
	}
	// Outside the sandbox the same agent finds something: the test can fail.
	outside := user("my-agent")
	if outside.status != 0 || m.taken(outside.stdout) == "" {
		t.Errorf("outside, too, nothing is found: status %d\n%s", outside.status, outside.stderr)
	}
	var serials []string
	for _, key := range regexp.MustCompile(`(?m)^key (\d{3,}) `).FindAllStringSubmatch(outside.stdout, -1) {
		serials = append(serials, key[1])
	}
	if keyring == "kernel" && len(serials) < 3 {
		t.Errorf("the keys have the numbers %q, want those of tokens, key and cached key", serials)
	}
	r := user("export SERIALS='" + strings.Join(serials, " ") + "'; cd ~/project && " + recipe(t, "A coding agent in a sandbox")[0])
	if r.status != 0 || !strings.HasSuffix(r.stdout, "\nlooked\n") {
		t.Fatalf("status %d\n%s\n%s", r.status, r.stdout, r.stderr)
	}
	if found := m.taken(since(before.stdout, r.stdout)); found != "" {
		t.Errorf("the agent finds %q:\n%s", found, r.stdout)
	}
	if !strings.Contains(r.stdout, "project/main.tf") {
		t.Errorf("the agent does not see the directory it is started in:\n%s", r.stdout)
	}
	user(binary + " logout --all")
}

// since returns what an agent saw without the keys that others saw before.
func since(before, saw string) string {
	var lines []string
	known := regexp.MustCompile(`credproc[-a-z]*:[-a-z]+[0-9a-f]{32}`).FindAllString(before, -1)
	for line := range strings.Lines(saw) {
		if !slices.ContainsFunc(known, func(key string) bool { return strings.Contains(line, key) }) {
			lines = append(lines, line)
		}
	}
	return strings.Join(lines, "")
}

// taken returns the first thing in what an agent saw that it must not see, or "":
// what the service gave, and how credproc's keys and records are named or start.
func (m *machine) taken(saw string) string {
	for _, word := range []string{"credproc-keyring:", "credproc:", "sesame", "refreshToken", "SEAL"} {
		if strings.Contains(saw, word) {
			return word
		}
	}
	if leaks([]byte(saw), traces(m.server.Marker())) {
		return "a secret of the service"
	}
	return ""
}
