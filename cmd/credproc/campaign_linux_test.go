package main

import (
	"encoding/json"
	"flag"
	"fmt"
	"io/fs"
	"maps"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/credproc/credproc/credproc/credproctest/idctest"
)

var (
	campaignTime = flag.Duration("storm.campaign", 0, "how long the campaign goes on; 0 is three rounds with small crowds")
	campaignSeed = flag.Uint64("storm.seed", 0, "what the campaign does, as it said; 0 is something new")
)

// A campaign is rounds of everything at once: crowds of processes of which some
// are killed, by two names of the home, while the clock jumps, the disk fills up
// or is read-only, and the keychain's daemon dies. Between rounds all is well
// again: the next process must answer.
type campaign struct {
	*machine
	rand   *rand.Rand
	marker string    // in the environment of all its processes
	ring   *keychain // nil: there is no daemon

	mu     sync.Mutex
	counts map[string]int
}

func (c *campaign) count(what string) { c.mu.Lock(); defer c.mu.Unlock(); c.counts[what]++ }

func TestACampaignLosesNoLogin(t *testing.T) {
	seed := *campaignSeed
	if seed == 0 {
		seed = rand.Uint64()
	}
	t.Logf("to repeat: -storm.seed=%d", seed)
	c := newCampaign(t, rand.New(rand.NewPCG(seed, 0)))
	c.signIn(0)
	for round, until := 0, time.Now().Add(*campaignTime); round < 3 || time.Now().Before(until); round++ {
		c.round(round)
		if t.Failed() {
			break
		}
	}
	c.noStrays()
	for _, what := range slices.Sorted(maps.Keys(c.counts)) {
		t.Logf("%7d %s", c.counts[what], what)
	}
	for op, n := range c.idc.Counts() {
		t.Logf("%7d calls of %s", n, op)
	}
}

func newCampaign(t *testing.T, random *rand.Rand) *campaign {
	c := &campaign{rand: random, marker: fmt.Sprintf("STORM_CAMPAIGN=%d-%d", os.Getpid(), random.Uint64()), counts: make(map[string]int)}
	kind := "file"
	if *campaignTime > 0 {
		c.ring, kind = newKeychain(t), "os"
	}
	c.machine = newMachine(t, kind)
	if *campaignTime > 0 {
		c.program = withClock(t)
	}
	var key strings.Builder
	for range 32 {
		key.WriteByte(byte(random.Uint32()))
	}
	c.write("key", key.String())
	c.env = []string{c.marker, "CREDPROC_KEY_FILE=" + filepath.Join(c.home, "key")}
	if c.ring != nil {
		c.env = append(c.env, c.ring.env...)
	}
	if err := os.Symlink(c.home, c.link()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.Remove(c.link()) })
	return c
}

// link is the other name of the home.
func (c *campaign) link() string { return c.home + ".link" }

// clock is one that a machine may have.
func (c *campaign) clock() time.Duration {
	if c.rand.IntN(2) == 0 {
		return 0
	}
	far := []time.Duration{-25 * time.Hour, -time.Hour, -time.Minute, time.Minute, time.Hour, 25 * time.Hour, 365 * 24 * time.Hour}
	return far[c.rand.IntN(len(far))]
}

// A one is a process of a crowd, and what is to happen to it.
type one struct {
	*exec.Cmd
	args        []string
	role        string
	late, alive time.Duration // 0: it is not killed
	spoiled     string        // "full disk", "read-only": it may fail for that
}

// crowd decides all before anything runs, so that a seed repeats it.
func (c *campaign) crowd(n int) (all []*one) {
	clock := c.clock()
	for range n {
		role := []string{"111111111111/Admin", "111111111111/ReadOnly", "222222222222/Admin"}[c.rand.IntN(3)]
		o := &one{args: process(role), role: role, late: time.Duration(c.rand.IntN(300)) * time.Millisecond}
		if c.rand.IntN(12) == 0 {
			o.args, o.role = [][]string{{"status", "--json"}, {"list", "--json"}, {"token"}}[c.rand.IntN(3)], ""
		}
		if c.rand.IntN(4) == 0 {
			o.alive = time.Duration(1+c.rand.IntN(400)) * time.Millisecond
		}
		o.Cmd = c.command(o.args...)
		if c.program != "" && clock != 0 {
			c.count("processes with another clock")
			o.Env = append(o.Env, fmt.Sprintf("STORM_CLOCK=%d", int64(clock.Seconds())))
		}
		if c.rand.IntN(2) == 0 {
			o.Env = append(o.Env, "HOME="+c.link())
		}
		switch c.rand.IntN(20) {
		case 0:
			o.by("full disk", "strace", "-f", "-qq", "-o", "/dev/null", "-e", "trace=fsync,pwrite64",
				"-e", fmt.Sprintf("inject=fsync,pwrite64:error=ENOSPC:when=%d+", 1+c.rand.IntN(4)))
			o.alive = 0 // strace would leave it behind
		case 1:
			if os.Getuid() == 0 {
				o.by("read-only disk", "unshare", "-m", "sh", "-c",
					`mount --bind "$HOME" "$HOME" && mount -o remount,ro,bind "$HOME" && exec "$0" "$@"`)
			}
		}
		all = append(all, o)
	}
	return all
}

// by has the process started by another command.
func (o *one) by(spoiled, name string, args ...string) {
	through := exec.Command(name, append(append(args, o.Path), o.args...)...)
	through.Env = o.Env
	o.Cmd, o.spoiled = through, spoiled
}

// round is a crowd in a world that has been made worse, and a look at what is
// left when that is over.
func (c *campaign) round(round int) {
	rotation := []idctest.Rotation{idctest.Strict, idctest.Grace}[c.rand.IntN(2)]
	n := 30 + c.rand.IntN(31)
	if *campaignTime == 0 {
		n = 8
	}
	latency := time.Duration(c.rand.IntN(120)) * time.Millisecond
	fault := []idctest.Fault{{}, {}, {}, {Status: 503, Times: 3}, {Reset: true, Times: 1}, {Code: "UnauthorizedException", Times: 2}, {Status: 401, Times: 2, Body: `{"error":"invalid_client"}`, ContentType: "application/json"}}[c.rand.IntN(7)]
	dies := c.ring != nil && c.rand.IntN(4) == 0
	crowd := c.crowd(n)
	c.set(func(s *idctest.Server) { s.Rotation, s.Latency = rotation, latency })
	c.renew()
	if fault != (idctest.Fault{}) {
		c.idc.Fault("*", fault)
		c.count("faults of the service")
	}
	var kills int
	calls := c.calls(func() { kills = c.unleash(crowd, dies) })
	c.idc.ClearFaults()
	if dies {
		c.ring.start(c.TB)
	}
	c.count("rounds under rotation " + rotation.String())
	c.recover(round, rotation == idctest.Strict && calls["CreateToken"] > 0 && (kills > 0 || fault.Reset))
	c.keepsSecrets()
}

// renew makes the next process renew and fetch.
func (c *campaign) renew() {
	c.idc.RevokeAccessTokens()
	if err := os.RemoveAll(filepath.Join(c.home, ".cache")); err != nil {
		c.Error(err)
	}
}

// unleash runs a crowd, and returns how many were killed.
func (c *campaign) unleash(crowd []*one, dies bool) (kills int) {
	var running sync.WaitGroup
	for _, o := range crowd {
		if o.alive != 0 {
			kills++
		}
		running.Go(func() { <-time.After(o.late); c.live(o) })
	}
	if dies {
		<-time.After(200 * time.Millisecond)
		c.ring.kill()
		c.count("daemons killed")
	}
	running.Wait()
	return kills
}

// live runs a process to its end, and checks what it said.
func (c *campaign) live(o *one) {
	var stdout, stderr strings.Builder
	o.Stdout, o.Stderr = &stdout, &stderr
	if err := o.Start(); err != nil {
		c.Error(err)
		return
	}
	kill := func() { o.Process.Signal(syscall.SIGKILL) }
	if o.alive != 0 {
		defer time.AfterFunc(o.alive, kill).Stop()
	}
	defer time.AfterFunc(time.Minute, kill).Stop()
	began := time.Now()
	o.Wait()
	status, took := o.ProcessState.ExitCode(), time.Since(began)
	c.count(fmt.Sprintf("processes with status %2d", status))
	if o.spoiled != "" {
		c.count("processes with a " + o.spoiled)
	}
	if took > 50*time.Second {
		c.Errorf("%v took %v: status %d\n%s", o.args, took, status, &stderr)
	}
	switch {
	case status == 0 && o.role != "":
		c.isOf(o.role, stdout.String())
	case status == -1 && o.alive != 0, status == 0, status == 3, status == 4, status == 6:
	case status == 1 && o.spoiled != "":
	default:
		c.Errorf("%v (%s): status %d\n%s", o.args, o.spoiled, status, &stderr)
	}
}

// isOf checks whose credentials a document has.
func (c *campaign) isOf(role, document string) {
	var d struct{ AccessKeyId, AccountId string }
	if json.Unmarshal([]byte(document), &d) != nil || d.AccessKeyId == "" {
		c.Errorf("%s: no document: %q", role, document)
		return
	}
	if got := c.idc.RoleOf(d.AccessKeyId); got != role || !strings.HasPrefix(role, d.AccountId+"/") {
		c.Errorf("asked for %s, got credentials of %q, account %s", role, got, d.AccountId)
	}
	c.count("answers checked")
}

// recover has the next process renew, now that all is well.
func (c *campaign) recover(round int, mayLose bool) {
	c.renew()
	var o outcome
	for deadline := time.Now().Add(90 * time.Second); ; {
		if o = c.run(process(admin)...); o.status == 0 || o.status == 4 || time.Now().After(deadline) {
			break
		}
		<-time.After(200 * time.Millisecond)
	}
	switch {
	case o.status == 0:
		c.isOf(admin, o.stdout)
	case o.status == 4 && mayLose:
		c.count("logins lost with a rotated token, as is admitted")
		c.signIn(0)
	default:
		c.Errorf("round %d: the login is lost: status %d\n%s", round, o.status, o.stderr)
	}
}

// keepsSecrets looks for secrets in all files of the home.
func (c *campaign) keepsSecrets() {
	secrets := append(c.idc.Secrets(), c.idc.Marker())
	filepath.WalkDir(c.home, func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return nil
		}
		data, _ := os.ReadFile(path)
		for _, secret := range secrets {
			if strings.Contains(string(data), secret) {
				c.Errorf("%s has a secret in it, unencrypted", path)
				break
			}
		}
		c.count("files searched for secrets")
		return nil
	})
}

// noStrays looks for processes that are left.
func (c *campaign) noStrays() {
	environs, _ := filepath.Glob("/proc/[0-9]*/environ")
	for _, path := range environs {
		if data, err := os.ReadFile(path); err == nil && strings.Contains(string(data), c.marker) {
			line, _ := os.ReadFile(filepath.Join(filepath.Dir(path), "cmdline"))
			c.Errorf("%s is left: %q", filepath.Dir(path), line)
		}
	}
}

// withClock builds the program so that its clock is off by STORM_CLOCK seconds.
func withClock(t *testing.T) (program string) {
	dir := t.TempDir()
	out, err := exec.Command("go", "env", "GOROOT").Output()
	if err != nil {
		t.Fatal(err)
	}
	std := filepath.Join(strings.TrimSpace(string(out)), "src", "time")
	source, err := os.ReadFile(filepath.Join(std, "time.go"))
	const call = "sec, nsec, mono := runtimeNow()\n"
	if err != nil || strings.Count(string(source), call) != 1 {
		t.Fatalf("time.Now is not as it was: %v", err)
	}
	write(t, filepath.Join(dir, "time.go"), []byte(strings.Replace(string(source), call, call+"\tsec += off()\n", 1)))
	write(t, filepath.Join(dir, "off.go"), []byte(`package time

import "syscall"

func off() (seconds int64) {
	text, _ := syscall.Getenv("STORM_CLOCK")
	for _, digit := range []byte(text) {
		if digit != '-' {
			seconds = 10*seconds + int64(digit-'0')
		}
	}
	if text != "" && text[0] == '-' {
		return -seconds
	}
	return seconds
}
`))
	overlay, err := json.Marshal(map[string]any{"Replace": map[string]string{
		filepath.Join(std, "time.go"): filepath.Join(dir, "time.go"), filepath.Join(std, "off.go"): filepath.Join(dir, "off.go")}})
	if err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(dir, "overlay"), overlay)
	program = filepath.Join(dir, "credproc")
	build := exec.Command("go", "build", "-trimpath", "-ldflags=-s -w", "-overlay="+filepath.Join(dir, "overlay"), "-o", program, ".")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("go build: %v\n%s", err, out)
	}
	return program
}

// A keychain is a gnome-keyring behind a bus of its own, whose daemon can die.
type keychain struct {
	dir    string
	env    []string
	daemon *exec.Cmd
}

func newKeychain(t *testing.T) *keychain {
	dir, err := os.MkdirTemp("/tmp", "campaign") // the path of a socket has at most 107 bytes
	if err != nil {
		t.Fatal(err)
	}
	address := "unix:path=" + filepath.Join(dir, "bus")
	k := &keychain{dir: dir, env: []string{"DBUS_SESSION_BUS_ADDRESS=" + address, "XDG_RUNTIME_DIR=" + dir}}
	// The bus starts nothing by itself: a daemon that it starts is locked.
	config := filepath.Join(dir, "bus.conf")
	write(t, config, []byte(`<busconfig><type>session</type><listen>`+address+`</listen><auth>EXTERNAL</auth>
<policy context="default"><allow send_destination="*"/><allow receive_sender="*"/><allow own="*"/></policy></busconfig>`))
	bus := exec.Command("dbus-daemon", "--config-file="+config, "--nofork", "--nopidfile")
	bus.Env = append(os.Environ(), k.home()...)
	if err := bus.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		k.kill()
		bus.Process.Kill()
		bus.Wait()
		os.RemoveAll(dir)
	})
	k.start(t)
	return k
}

func (k *keychain) home() []string {
	return append([]string{"HOME=" + k.dir, "XDG_DATA_HOME=" + k.dir}, k.env...)
}

// start starts a daemon, and waits until its keychain is unlocked.
func (k *keychain) start(t testing.TB) {
	t.Helper()
	k.daemon = exec.Command("gnome-keyring-daemon", "--foreground", "--unlock", "--components=secrets")
	k.daemon.Env, k.daemon.Stdin = append(os.Environ(), k.home()...), strings.NewReader("password")
	if err := k.daemon.Start(); err != nil {
		t.Fatal(err)
	}
	for deadline := time.Now().Add(30 * time.Second); time.Now().Before(deadline); <-time.After(100 * time.Millisecond) {
		ask := exec.Command("dbus-send", "--session", "--print-reply=literal", "--dest=org.freedesktop.secrets", "/org/freedesktop/secrets/aliases/default",
			"org.freedesktop.DBus.Properties.Get", "string:org.freedesktop.Secret.Collection", "string:Locked")
		ask.Env = append(os.Environ(), k.home()...)
		if out, err := ask.Output(); err == nil && strings.Contains(string(out), "false") {
			return
		}
	}
	t.Fatal("gnome-keyring-daemon did not unlock its keychain")
}

func (k *keychain) kill() {
	if k.daemon != nil {
		k.daemon.Process.Kill()
		k.daemon.Wait()
		k.daemon = nil
	}
}
