//go:build unix

package safedir

import (
	"os"
	"path/filepath"
	"testing"
)

func TestAGroupIsAUsersOwnIfTheFilesKnowNobodyElseInIt(t *testing.T) {
	dir := t.TempDir()
	passwd, group := filepath.Join(dir, "passwd"), filepath.Join(dir, "group")
	for _, tt := range []struct {
		name          string
		users, groups string
		want          bool
	}{
		{"a group for each user", "root:x:0:0::/:\nada:x:1000:1000::/:\n", "ada:x:1000:\n", true},
		{"and named in it", "ada:x:1000:1000::/:\n", "ada:x:1000:ada,root\n", true},
		{"somebody was added", "ada:x:1000:1000::/:\n", "ada:x:1000:bob\n", false},
		{"it is the first group of another", "ada:x:1000:1000::/:\nbob:x:1001:1000::/:\n", "ada:x:1000:\n", false},
		{"a group for all users", "ada:x:1000:1000::/:\n", "users:x:1000:\n", false},
		{"two names, and one has others", "ada:x:1000:1000::/:\n", "ada:x:1000:\nwork:x:1000:bob\n", false},
		{"a group that the file does not know", "ada:x:1000:1000::/:\n", "", false},
		{"a user whom the file does not know", "", "ada:x:1000:\n", false},
		{"damaged", "ada\n::\n", "ada:x\n", false},
	} {
		for path, text := range map[string]string{passwd: tt.users, group: tt.groups} {
			if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		if got := soleMember(1000, 1000, passwd, group); got != tt.want {
			t.Errorf("%s: %v", tt.name, got)
		}
	}
	if soleMember(1000, 1000, "/nowhere", "/nowhere") {
		t.Error("without the files: alone")
	}
}

func TestDirectoriesOfTheSystemAreKnownByTheirPath(t *testing.T) {
	t.Setenv("HOME", "/home/staff/ada")
	for path, want := range map[string]bool{
		"/": true, "/home": true, "/home/staff": true, "/etc": true, "/etc/credproc": true, "/run": true, "/run/secrets": true,
		"/home/staff/ada": false, "/home/staff/ada/x": false, "/home/staff/bob": false, "/tmp": false, "/etcetera": false, "/home/sta": false,
	} {
		if isSystem(path) != want {
			t.Errorf("%s: %v", path, !want)
		}
	}
	t.Setenv("HOME", "")
	if isSystem("/home") || !isSystem("/run") {
		t.Error("without a home directory: /home is taken for root's, or /run is not")
	}
}
