package e2e

import (
	"bytes"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/godbus/dbus/v5"
)

// A keychain is a gnome-keyring of one machine, behind a bus of its own. The
// bus knows no services: nothing is started there that we could not end.
type keychain struct {
	m      *machine
	bus    *exec.Cmd
	daemon *exec.Cmd
	conn   *dbus.Conn // for the tests
}

const busConfig = `<busconfig>
<type>session</type>
<listen>unix:path=SOCKET</listen>
<auth>EXTERNAL</auth>
<policy context="default">
<allow send_destination="*" eavesdrop="true"/><allow eavesdrop="true"/><allow own="*"/>
</policy>
</busconfig>
`

const (
	secretService = "org.freedesktop.secrets"
	servicePath   = "/org/freedesktop/secrets"
	collection    = dbus.ObjectPath(servicePath + "/collection/login")
	password      = "password"
)

// startKeychain gives a machine a keychain: empty, unlocked, and the one that
// its programs find.
func (m *machine) startKeychain() *keychain {
	m.t.Helper()
	k := &keychain{m: m}
	socket := filepath.Join(m.dir("run"), "bus")
	file := filepath.Join(m.root, "bus.conf")
	if err := os.WriteFile(file, []byte(strings.ReplaceAll(busConfig, "SOCKET", socket)), 0o600); err != nil {
		m.t.Fatal(err)
	}
	m.env["DBUS_SESSION_BUS_ADDRESS"] = "unix:path=" + socket
	k.bus = k.start(nil, "dbus-daemon", "--config-file="+file, "--nofork", "--nopidfile")
	await(m.t, "the bus answers", func() bool {
		conn, err := dbus.Connect(m.env["DBUS_SESSION_BUS_ADDRESS"])
		k.conn = conn
		return err == nil
	})
	m.t.Cleanup(func() { k.conn.Close() })
	k.startDaemon()
	return k
}

// startDaemon starts gnome-keyring with the password, and waits for it.
func (k *keychain) startDaemon() {
	k.m.t.Helper()
	k.daemon = k.start(strings.NewReader(password), "gnome-keyring-daemon", "--foreground", "--unlock", "--components=secrets")
	await(k.m.t, "the keychain is unlocked", func() bool {
		locked, err := k.locked()
		return err == nil && !locked
	})
}

func (k *keychain) start(stdin io.Reader, name string, args ...string) *exec.Cmd {
	k.m.t.Helper()
	var said bytes.Buffer
	cmd := exec.Command(name, args...)
	cmd.Env, cmd.Stdin, cmd.Stdout, cmd.Stderr = k.m.environ(), stdin, &said, &said
	if err := cmd.Start(); err != nil {
		k.m.t.Fatal(err)
	}
	k.m.t.Cleanup(func() {
		k.kill(cmd)
		if k.m.t.Failed() {
			k.m.t.Logf("%s said:\n%s", name, &said)
		}
	})
	return cmd
}

// kill ends a process as a crash would. One that is gone already is left alone.
func (k *keychain) kill(cmd *exec.Cmd) {
	if cmd.ProcessState == nil {
		cmd.Process.Kill()
		cmd.Wait()
	}
}

func (k *keychain) locked() (bool, error) {
	value, err := k.conn.Object(secretService, collection).GetProperty("org.freedesktop.Secret.Collection.Locked")
	locked, ok := value.Value().(bool)
	return locked || !ok, err
}

// lock locks the keychain, as a screen saver does. (secret-tool can do it, and
// crashes in the version of Debian 12.)
func (k *keychain) lock() {
	k.m.t.Helper()
	call := k.conn.Object(secretService, servicePath).Call("org.freedesktop.Secret.Service.Lock", 0, []dbus.ObjectPath{collection})
	if locked, err := k.locked(); call.Err != nil || err != nil || !locked {
		k.m.t.Fatalf("lock: %v, %v, locked: %v", call.Err, err, locked)
	}
}

// unlock gives the password without a dialog, as a login to the desktop does.
func (k *keychain) unlock() {
	k.m.t.Helper()
	service := k.conn.Object(secretService, servicePath)
	var output dbus.Variant
	var session dbus.ObjectPath
	err := service.Call("org.freedesktop.Secret.Service.OpenSession", 0, "plain", dbus.MakeVariant("")).Store(&output, &session)
	if err == nil {
		type secret struct {
			Session           dbus.ObjectPath
			Parameters, Value []byte
			ContentType       string
		}
		err = service.Call("org.gnome.keyring.InternalUnsupportedGuiltRiddenInterface.UnlockWithMasterPassword", 0,
			collection, secret{session, nil, []byte(password), "text/plain"}).Err
	}
	if locked, lookErr := k.locked(); err != nil || lookErr != nil || locked {
		k.m.t.Fatalf("unlock: %v, %v, locked: %v", err, lookErr, locked)
	}
}

// items returns what secret-tool finds of ours, and the names of the items.
func (k *keychain) items() (listing string, names []string) {
	k.m.t.Helper()
	r := k.m.run("secret-tool", "search", "--all", "service", "credproc")
	listing = r.stdout + r.stderr // attributes are in either, depending on the version
	for _, match := range regexp.MustCompile(`(?m)^attribute\.username = (.+)$`).FindAllStringSubmatch(listing, -1) {
		names = append(names, match[1])
	}
	return listing, names
}

// withKeychain returns a machine with a real keychain, or nil.
func withKeychain(t *testing.T) *machine {
	t.Helper()
	if os.Getenv("CREDPROC_TEST_KEYRING") != "1" {
		notRun(t, t.Name(), "CREDPROC_TEST_KEYRING is not 1: see scripts/with-keyring")
		return nil
	}
	return newMachine(t)
}
