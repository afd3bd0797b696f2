package cmd

import (
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

func TestANoticeIsOneLineAMinuteAtMost(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var said strings.Builder
		n := newNotice(&App{Stderr: &said})
		for range 30 {
			n.Tell(&usageError{problem: "the session corp\nhas ended", more: "More.", hint: "credproc login corp"})
			time.Sleep(5 * time.Second)
		}
		n.Tell(errors.New("no hint"))
		time.Sleep(time.Minute)
		n.Tell(errors.New("no hint"))
		want := strings.Repeat("credproc: the session corp has ended; run \"credproc login corp\"\n", 3) + "credproc: no hint\n"
		if said.String() != want {
			t.Errorf("it says\n%swant\n%s", &said, want)
		}
	})
}
