package keycache

import (
	"fmt"
	"os"
	"runtime"
	"strings"
	"testing"
)

func (s subject) has(t testing.TB, name, want string) {
	t.Helper()
	if got, ok := s.Get(name); ok != (want != "") || ok && got != want {
		t.Errorf("it has %q (%v), want %q", got, ok, want)
	}
}

type subject struct{ Cache }

func TestASecretIsReadBackAndForgotten(t *testing.T) {
	s := subject{System()}
	if !s.Usable() {
		t.Log("not run: the kernel's keyring, which this machine forbids")
		return
	}
	name := fmt.Sprintf("credproc-test:%d", os.Getpid())
	t.Cleanup(func() { s.Delete(name) })
	s.has(t, name, "")
	for _, want := range []string{"one", "another", strings.Repeat("x", most)} {
		s.Set(name, want)
		s.has(t, name, want)
	}
	s.Set(name, strings.Repeat("x", most+1))
	s.has(t, name, "")
	s.Delete(name)
	s.has(t, name, "")
}

// A thread that lives on is the one of an init function.
func TestTheCacheOfAThreadIsTheSystemsOne(t *testing.T) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	s := subject{System()}
	if !s.Usable() {
		return
	}
	name := fmt.Sprintf("credproc-test-thread:%d", os.Getpid())
	t.Cleanup(func() { s.Delete(name) })
	s.Set(name, "secret")
	subject{OnThread()}.has(t, name, "secret")
}

func FuzzWhatIsReadIsWhatWasSet(f *testing.F) {
	f.Add("secret")
	f.Add("")
	f.Add("\x00\xff")
	f.Add(strings.Repeat("long", 100))
	s := System()
	name := fmt.Sprintf("credproc-test-fuzz:%d", os.Getpid())
	f.Cleanup(func() { s.Delete(name) })
	f.Fuzz(func(t *testing.T, secret string) {
		s.Delete(name)
		s.Set(name, secret)
		if got, ok := s.Get(name); ok && got != secret {
			t.Errorf("%q, want %q", got, secret)
		}
	})
}
