package keycache

import (
	"bufio"
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/credproc/credproc/internal/kernelring"
)

// TestMain makes the test binary a process of another user, or one of many, where
// the tests want it: it does what KEYCACHE_DO says.
func TestMain(m *testing.M) {
	if do := os.Getenv("KEYCACHE_DO"); do != "" {
		parts := strings.SplitN(do, "\n", 4) // cache, what to do, name, secret
		caches(nil)[parts[0]].perform(parts[1], parts[2], parts[3])
		return
	}
	os.Exit(m.Run())
}

// A subject is a cache under test, and what may be put in its way.
type subject struct {
	Cache
	plant map[string]func(name, secret string)
}

// perform does something in a process of its own.
func (s subject) perform(what, name, secret string) {
	switch what {
	case "set":
		s.Set(name, secret)
	case "delete":
		s.Delete(name)
	case "read":
		secret, _ := s.Get(name)
		fmt.Print(secret)
	case "often":
		for range 50 {
			s.Set(name, secret)
			if got, ok := s.Get(name); ok {
				fmt.Println(got)
			}
		}
	default:
		s.plant[what](name, secret)
	}
}

// caches are those of Linux. With t they are told apart in its log from those that
// this machine forbids.
func caches(t testing.TB) map[string]subject {
	all := map[string]subject{
		"kernel": {kernel{kernelring.Do}, map[string]func(name, secret string){
			"expired": func(name, secret string) {
				kernelring.Do(func(r kernelring.Ring) error { return r.Write(name, []byte(secret), 1) })
				for deadline := time.Now().Add(10 * time.Second); time.Now().Before(deadline); <-time.After(50 * time.Millisecond) {
					if kernelring.Do(func(r kernelring.Ring) error { _, err := r.Read(name, most); return err }) != nil {
						return
					}
				}
			},
			"garbage": func(name, secret string) {
				kernelring.Do(func(r kernelring.Ring) error { return r.Write(name, bytes.Repeat([]byte(secret), most), 60) })
			},
			"in a keyring that children inherit": func(name, secret string) { addKey(name, secret, unix.KEY_SPEC_SESSION_KEYRING) },
			"in the user keyring":                func(name, secret string) { addKey(name, secret, unix.KEY_SPEC_USER_KEYRING) },
			"in the keyring of another user": func(name, secret string) {
				if id, err := unix.KeyctlInt(unix.KEYCTL_GET_PERSISTENT, target(), unix.KEY_SPEC_PROCESS_KEYRING, 0, 0); err == nil {
					addKey(name, secret, id)
				}
			},
		}},
		"shared": {shared{}, map[string]func(name, secret string){
			"expired":     func(name, secret string) { plant(name, wrap(name, secret, time.Now().Add(-time.Second)), 0o600) },
			"far away":    func(name, secret string) { plant(name, wrap(name, secret, time.Now().Add(2*life)), 0o600) },
			"garbage":     func(name, secret string) { plant(name, []byte(strings.Repeat(secret, segment)[:segment]), 0o600) },
			"unfinished":  func(name, secret string) { plant(name, unfinished(name, secret), 0o600) },
			"another's":   func(name, secret string) { plant(name, wrap("another", secret, time.Now().Add(life)), 0o600) },
			"readable":    func(name, secret string) { plant(name, wrap(name, secret, time.Now().Add(life)), 0o644) },
			"writable":    func(name, secret string) { plant(name, wrap(name, secret, time.Now().Add(life)), 0o622) },
			"read-only":   func(name, secret string) { plant(name, wrap(name, secret, time.Now().Add(life)), 0o400) },
			"given away":  func(name, secret string) { give(plant(name, wrap(name, secret, time.Now().Add(life)), 0o600)) },
			"of any size": func(name, secret string) { plant(name, append(wrap(name, secret, time.Now().Add(life)), 0), 0o600) },
		}},
	}
	if t != nil && !all["kernel"].Usable() {
		t.Log("not run: the kernel's keyring, which this machine forbids")
		delete(all, "kernel")
	} else if t != nil && !kernelring.Persistent() {
		t.Log("not run: the user keyring, which is the one in use here")
		delete(all["kernel"].plant, "in the user keyring")
	}
	return all
}

// addKey puts a key into a keyring for a minute.
func addKey(name, secret string, keyring int) {
	id, err := unix.AddKey("user", name, []byte(secret), keyring)
	if err == nil {
		_, err = unix.KeyctlInt(unix.KEYCTL_SET_TIMEOUT, id, 60, 0, 0)
	}
	if err != nil {
		panic(err)
	}
}

func unfinished(name, secret string) []byte {
	content := wrap(name, secret, time.Now().Add(life))
	clear(content[secretAt+1:])
	return content
}

// plant makes a segment that is not as Set makes it, of the number that target has
// for a name.
func plant(name string, content []byte, mode int) (id int) {
	id, err := unix.SysvShmGet(number(name, target()), len(content), unix.IPC_CREAT|unix.IPC_EXCL|0o600)
	if err != nil {
		panic(err)
	}
	memory, err := unix.SysvShmAttach(id, 0, 0)
	if err != nil {
		panic(err)
	}
	defer unix.SysvShmDetach(memory)
	copy(memory, content)
	var about unix.SysvShmDesc
	if _, err := unix.SysvShmCtl(id, unix.IPC_STAT, &about); err != nil {
		panic(err)
	}
	about.Perm.Mode = uint32(mode)
	if _, err := unix.SysvShmCtl(id, unix.IPC_SET, &about); err != nil {
		panic(err)
	}
	return id
}

// target is the user that something is put in the way of.
func target() int {
	user := os.Geteuid()
	fmt.Sscan(os.Getenv("KEYCACHE_TARGET"), &user)
	return user
}

// give makes a segment that of its target, or of another user if that has made it.
func give(id int) {
	var about unix.SysvShmDesc
	if _, err := unix.SysvShmCtl(id, unix.IPC_STAT, &about); err != nil {
		panic(err)
	}
	about.Perm.Uid = uint32(target())
	if about.Perm.Uid == about.Perm.Cuid {
		about.Perm.Uid++
	}
	if _, err := unix.SysvShmCtl(id, unix.IPC_SET, &about); err != nil {
		panic(err)
	}
}

// process is one of its own, which does something with a cache.
func process(cache, do, name, secret string) *exec.Cmd {
	c := exec.Command("/proc/self/exe")
	c.Env = []string{"KEYCACHE_DO=" + strings.Join([]string{cache, do, name, secret}, "\n")}
	c.Stderr = os.Stderr
	return c
}

// names are different in every test, process and cache.
func nameFor(t testing.TB, s subject, what string) string {
	name := fmt.Sprintf("credproc-test-%s:%d", what, os.Getpid())
	t.Cleanup(func() { s.Delete(name); remove(t, name) })
	return name
}

// remove removes what a test left that is nobody's to remove but root's or its
// maker's.
func remove(t testing.TB, name string) {
	if id, err := unix.SysvShmGet(number(name, os.Geteuid()), 0, 0); err == nil {
		if _, err := unix.SysvShmCtl(id, unix.IPC_RMID, nil); err != nil {
			t.Errorf("%s stays: %v", name, err)
		}
	}
}

// gone checks that the system has no segment of a name, whatever may be in it.
func gone(t testing.TB, name string) {
	t.Helper()
	if id, err := unix.SysvShmGet(number(name, os.Geteuid()), 0, 0); err != unix.ENOENT {
		t.Errorf("deleted, and segment %d is there: %v", id, err)
	}
}

func (s subject) has(t testing.TB, name, want string) {
	t.Helper()
	if got, ok := s.Get(name); ok != (want != "") || ok && got != want {
		t.Errorf("it has %q (%v), want %q", got, ok, want)
	}
}

func TestASecretIsReadBackAndForgotten(t *testing.T) {
	for cache, s := range caches(t) {
		t.Run(cache, func(t *testing.T) {
			if !s.Usable() {
				t.Error("it is not usable")
			}
			name, other := nameFor(t, s, "one"), nameFor(t, s, "other")
			s.has(t, name, "")
			for _, want := range []string{"one", "another", strings.Repeat("x", most)} {
				s.Set(name, want)
				s.has(t, name, want)
				s.has(t, other, "")
			}
			s.Set(name, strings.Repeat("x", most+1))
			s.has(t, name, "")
			s.Set(name, "one")
			s.Set(other, "other")
			s.Delete(name)
			s.has(t, name, "")
			s.has(t, other, "other")
		})
	}
}

// Whatever lies there is not taken for a secret, and keeps none out.
func TestWhatIsPastDamagedOrOpenToOthersIsReplaced(t *testing.T) {
	for cache, s := range caches(t) {
		for what, put := range s.plant {
			if what == "given away" || what == "of any size" || what == "in the keyring of another user" {
				continue
			}
			t.Run(cache+"/"+what, func(t *testing.T) {
				name := nameFor(t, s, "planted")
				put(name, "planted")
				s.has(t, name, "")
				s.Set(name, "ours")
				s.has(t, name, "ours")
				s.Delete(name)
				put(name, "planted")
				s.Delete(name)
				s.has(t, name, "")
				gone(t, name)
			})
		}
	}
}

// It may be that of a database whose key is the same by chance.
func TestASegmentOfSomethingElseIsLeftAlone(t *testing.T) {
	s := caches(t)["shared"]
	for _, what := range []string{"given away", "of any size"} {
		name := nameFor(t, s, "else")
		s.plant[what](name, "planted")
		s.has(t, name, "")
		s.Set(name, "ours")
		s.has(t, name, "")
		s.Delete(name)
		if _, err := unix.SysvShmGet(number(name, os.Geteuid()), 0, 0); err != nil {
			t.Errorf("%s: it is gone: %v", what, err)
		}
		remove(t, name)
	}
}

// as makes a command one of another user, which only root can.
func as(c *exec.Cmd, user uint32) *exec.Cmd {
	c.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: user, Gid: user}}
	return c
}

func TestAnotherUserPlantsNothingAndReadsNothing(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Log("not run: only root can be two users")
		return
	}
	const mallory, alice = 61001, 61002
	s := caches(t)["shared"]
	for _, what := range []string{"set", "garbage", "readable", "writable", "given away", "unfinished"} {
		name := nameFor(t, s, "two")
		c := as(process("shared", what, name, "planted"), mallory)
		c.Env = append(c.Env, "KEYCACHE_TARGET=0")
		if out, err := c.Output(); err != nil {
			t.Fatalf("%s: %v\n%s", what, err, out)
		}
		s.has(t, name, "")
		s.Set(name, "ours")
		if what == "set" { // theirs has another number
			s.has(t, name, "ours")
			as(process("shared", "delete", name, ""), mallory).Run()
		} else {
			s.has(t, name, "")
		}
		remove(t, name)
	}
	if s, ok := caches(t)["kernel"]; ok {
		const what = "in the keyring of another user"
		name := nameFor(t, s, "two")
		c := as(process("kernel", what, name, "planted"), mallory)
		c.Env = append(c.Env, "KEYCACHE_TARGET=0")
		if err := c.Run(); err != nil {
			t.Error(err)
		}
		s.has(t, name, "")
		s.plant[what](name, "planted") // as root it is found: the row can fail
		s.has(t, name, "planted")
	}
	for cache, s := range caches(t) {
		name := nameFor(t, s, "ours")
		s.Set(name, "ours")
		for _, user := range []uint32{mallory, alice} {
			for range 2 {
				theirs := fmt.Sprint("of-", user)
				if out, _ := as(process(cache, "read", name, ""), user).Output(); strings.Contains(string(out), "ours") {
					t.Errorf("%s: user %d has read %s", cache, user, out)
				}
				if err := as(process(cache, "set", name, theirs), user).Run(); err != nil {
					t.Error(err)
				}
				if out, err := as(process(cache, "read", name, ""), user).Output(); err != nil || string(out) != theirs {
					t.Errorf("%s: user %d reads %q of what was theirs, %v", cache, user, out, err)
				}
			}
			as(process(cache, "delete", name, ""), user).Run()
		}
		s.has(t, name, "ours")
	}
}

func TestTwentyProcessesAtOnceReadAWholeSecretOrNone(t *testing.T) {
	secret := func(i int) string { return strings.Repeat(fmt.Sprintf("%02d", i), 40+i) }
	for cache, s := range caches(t) {
		t.Run(cache, func(t *testing.T) {
			name := nameFor(t, s, "twenty")
			var all sync.WaitGroup
			for i := range 20 {
				c := process(cache, "often", name, secret(i))
				out, err := c.StdoutPipe()
				if err == nil {
					err = c.Start()
				}
				if err != nil {
					t.Fatal(err)
				}
				all.Go(func() {
					for lines := bufio.NewScanner(out); lines.Scan(); {
						if got := lines.Text(); len(got) < 80 || got != secret(len(got)/2-40) {
							t.Errorf("read %q", got)
						}
					}
					if err := c.Wait(); err != nil {
						t.Error(err)
					}
				})
			}
			all.Wait()
			s.Set(name, "last")
			s.has(t, name, "last")
			s.Delete(name)
			gone(t, name)
		})
	}
}

func FuzzWhatIsReadIsWhatWasSet(f *testing.F) {
	f.Add("secret")
	f.Add("")
	f.Add("\x00\xff")
	f.Add(strings.Repeat("long", 100))
	all := caches(f)
	name := fmt.Sprintf("credproc-test-fuzz:%d", os.Getpid())
	f.Cleanup(func() {
		for _, s := range all {
			s.Delete(name)
		}
	})
	f.Fuzz(func(t *testing.T, secret string) {
		for cache, s := range all {
			s.Delete(name)
			s.Set(name, secret)
			if got, ok := s.Get(name); ok && got != secret || !ok && cache == "shared" && secret != "" && len(secret) <= most {
				t.Errorf("%s: %q, %v, want %q", cache, got, ok, secret)
			}
		}
	})
}

// FuzzASegmentIsReadAsItWasWrittenOrNotAtAll gives the reader whatever there may be
// in one.
func FuzzASegmentIsReadAsItWasWrittenOrNotAtAll(f *testing.F) {
	now := time.Now()
	f.Add(wrap("name", "secret", now.Add(life)), 100)
	f.Add([]byte{}, 0)
	f.Fuzz(func(t *testing.T, memory []byte, at int) {
		if got, ok := unwrap("name", memory, now); ok && got != "secret" {
			t.Errorf("%q", got)
		}
		whole := wrap("name", "secret", now.Add(life))
		whole[uint(at)%segment] ^= 1
		if got, ok := unwrap("name", whole, now); ok {
			t.Errorf("%q, with a bit changed at %d", got, uint(at)%segment)
		}
	})
}

// A thread that lives on is the one of an init function.
func TestTheCacheOfAThreadIsTheSystemsOne(t *testing.T) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	s := subject{Cache: System()}
	if !s.Usable() {
		return
	}
	name := nameFor(t, s, "thread")
	// A user other than root has 200 keys, which processes of other tests may use up.
	for deadline := time.Now().Add(time.Minute); time.Now().Before(deadline); <-time.After(50 * time.Millisecond) {
		s.Set(name, "secret")
		if _, ok := s.Get(name); ok {
			break
		}
	}
	subject{Cache: OnThread()}.has(t, name, "secret")
}
