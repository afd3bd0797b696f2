package tokencache

import (
	"os"
	"path/filepath"
	"testing"
)

func TestWhicheverRecordADeathLeavesHasItsWord(t *testing.T) {
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
	tells := func(record []byte, want CachedRole) {
		t.Helper()
		if err := os.WriteFile(file, record, 0o600); err != nil {
			t.Fatal(err)
		}
		if roles := c.cachedRoles(); len(roles) != 1 || roles[0] != want {
			t.Errorf("the word is %+v, want %+v", roles, want)
		}
	}
	lost, _ := stored()
	first, one := stored()
	second, two := stored()
	tells(first, one) // as if the note had been written, and not the second record
	tells(second, two)
	if err := os.WriteFile(file, lost, 0o600); err != nil {
		t.Fatal(err)
	}
	if roles := c.cachedRoles(); len(roles) != 0 {
		t.Errorf("of a record two writes ago there is %+v", roles)
	}
	// As if the writer had died before it cut off what a longer note left.
	note, err := os.ReadFile(file + noteSuffix)
	if err == nil {
		err = os.WriteFile(file+noteSuffix, append(note, note[len(note)/2:]...), 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
	tells(second, two)
}
