package lineage

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestAProcessAndThoseAboveItAreNamed(t *testing.T) {
	if name, _, _ := Process(os.Getpid()); name == "" {
		return // not on this system
	}
	var pids []int
	for p, err := range Above(os.Getpid()) {
		if err != nil {
			t.Fatal(err)
		}
		pid, name := p.PID, p.Name
		if pids = append(pids, pid); len(pids) == 1 {
			if self := strings.TrimSuffix(filepath.Base(os.Args[0]), ".exe"); pid != os.Getpid() || !strings.HasPrefix(self, name) {
				t.Errorf("process %d is %q, want %q", pid, name, self)
			}
			continue
		}
		if len(pids) == 2 && pid != os.Getppid() {
			t.Errorf("the parent is %d, want %d", pid, os.Getppid())
		}
	}
	if len(pids) == 0 {
		t.Error("there is no process")
	}
	for p, err := range Above(1 << 30) {
		t.Errorf("process %+v is above one that is not there: %v", p, err)
	}
}
