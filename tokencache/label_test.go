package tokencache

import (
	"os"
	"path/filepath"
	"testing"
)

func TestWhicheverRecordADeathLeavesSaysWhatItIs(t *testing.T) {
	c := newCupboard(t)
	file := filepath.Join(c.dir, c.recordPath())
	stored := func() ([]byte, CachedRole) {
		t.Helper()
		if err := c.writesRecord(); err != nil {
			t.Fatal(err)
		}
		record, err := os.ReadFile(file)
		roles := c.cachedRoles()
		if err != nil || len(roles) != 1 {
			t.Fatalf("stored are %+v, %v", roles, err)
		}
		return record, roles[0]
	}
	first, one := stored()
	second, two := stored()
	for _, was := range []struct {
		record []byte
		says   CachedRole
	}{{first, one}, {second, two}} {
		if err := os.WriteFile(file, was.record, 0o600); err != nil {
			t.Fatal(err)
		}
		if roles := c.cachedRoles(); len(roles) != 1 || roles[0] != was.says {
			t.Errorf("it says %+v, want %+v", roles, was.says)
		}
	}
}

func TestARecordThatSaysNothingIsNoRole(t *testing.T) {
	c := newCupboard(t)
	if err := c.writeRecord(c.ctx, words, []byte("a list"), nil); err != nil {
		t.Fatal(err)
	}
	if roles, last := c.cachedRoles(), c.lastFetch(); len(roles) > 0 || !last.IsZero() {
		t.Errorf("the roles are %+v, the last of %v", roles, last)
	}
	if data, err := c.readRecord(c.ctx, words); err != nil || string(data) != "a list" {
		t.Errorf("it holds %q, %v", data, err)
	}
}
