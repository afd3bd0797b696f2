package credproc

import (
	"errors"
	"os"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/credproc/credproc/credproc/credproctest/idctest"
	"github.com/credproc/credproc/internal/agent"
	"github.com/credproc/credproc/internal/safedir"
	"github.com/credproc/credproc/tokencache"
)

// withoutFiles calls do while this process can open no file.
func withoutFiles(t *testing.T, do func()) {
	t.Helper()
	var limit unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &limit); err != nil {
		t.Fatal(err)
	}
	if err := unix.Setrlimit(unix.RLIMIT_NOFILE, &unix.Rlimit{Max: limit.Max}); err != nil {
		t.Fatal(err)
	}
	do()
	if err := unix.Setrlimit(unix.RLIMIT_NOFILE, &limit); err != nil {
		t.Fatal(err)
	}
}

// TestWhereNoProcessCanBeLookedAtNoOneIsTakenForAPerson: an agent can use up the files
// of a process, and of a machine.
func TestWhereNoProcessCanBeLookedAtNoOneIsTakenForAPerson(t *testing.T) {
	m := &machine{T: t, server: idctest.New()}
	for what, look := range map[string]func(c *Config) error{
		"the profile": func(c *Config) error { _, err := c.Provider("dev"); return err },
		"a sign-in":   func(c *Config) error { return (&insideConfig{c}).AgentLogin(&tokencache.Session{Name: "corp"}) },
		"the token":   func(c *Config) error { return c.agentToken(&tokencache.Session{Name: "corp"}) },
		"an endpoint": func(c *Config) error { _, err := (&insideConfig{c}).ClientAsker(); return err },
	} {
		c, free := m.config(ruled), m.config(profiles)
		if err := errors.Join(c.Open(), free.Open()); err != nil {
			t.Fatal(err)
		}
		c.starter = nil // those above are looked at
		var ruled, unruled error
		withoutFiles(t, func() { ruled, unruled = look(c), look(free) })
		if !safedir.IsShort(ruled) || errors.Is(ruled, ErrPolicy) || unruled != nil && what != "the profile" {
			t.Errorf("%s: error %v, and without rules %v", what, ruled, unruled)
		}
		if err := look(c); safedir.IsShort(err) {
			t.Errorf("%s, with files again: error %v", what, err)
		}
	}
	c := m.config(ruled)
	if err := c.Open(); err != nil {
		t.Fatal(err)
	}
	asker, err := (&insideConfig{c}).ClientAsker()
	if err != nil {
		t.Fatal(err)
	}
	var who agent.Asker
	withoutFiles(t, func() { who, err = asker(os.Getpid()) })
	if !safedir.IsShort(err) {
		t.Errorf("a client is %+v, error %v", who, err)
	}
}
