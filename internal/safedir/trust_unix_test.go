//go:build unix

package safedir_test

import (
	"errors"
	"io/fs"
	"os"
	"os/user"
	"path/filepath"
	"strconv"
	"testing"

	"github.com/credproc/credproc/internal/safedir"
)

// stranger is a user who is neither this one nor root.
const stranger = 4242

// tree makes directories and files below a new directory: "a/" is a directory,
// "a/b -> c" a link, all else a file.
func tree(t *testing.T, names ...string) (root string) {
	t.Helper()
	root, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		path := filepath.Join(root, name)
		switch from, to, isLink := cutLink(root, name); {
		case isLink:
			err = os.Symlink(to, from)
		case name[len(name)-1] == '/':
			err = os.MkdirAll(path, 0o700)
		default:
			err = os.WriteFile(path, []byte("secret"), 0o600)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	return root
}

func cutLink(root, name string) (from, to string, ok bool) {
	for i := range name {
		if i+4 <= len(name) && name[i:i+4] == " -> " {
			return filepath.Join(root, name[:i]), name[i+4:], true
		}
	}
	return "", "", false
}

// wrong is what lets somebody else at a tree: "mode 0777 a", "owner a".
type wrong struct {
	name  string
	mode  fs.FileMode // 0: it stays
	owner int         // 0: it stays; needs root
}

func (w wrong) apply(t *testing.T, root string) (ok bool) {
	t.Helper()
	path := filepath.Join(root, w.name)
	if w.owner != 0 && os.Geteuid() != 0 {
		return false
	}
	if w.mode != 0 {
		if err := os.Chmod(path, w.mode); err != nil {
			t.Fatal(err)
		}
	}
	if w.owner != 0 {
		if err := os.Lchown(path, w.owner, -1); err != nil {
			t.Fatal(err)
		}
	}
	return true
}

func unsafeError(t *testing.T, err error) *safedir.UnsafeError {
	t.Helper()
	e, ok := errors.AsType[*safedir.UnsafeError](err)
	if !ok {
		t.Errorf("error %v, want an UnsafeError", err)
		return new(safedir.UnsafeError)
	}
	return e
}

func TestAPathPassesIfNoOtherUserCanChangeWhereItLeads(t *testing.T) {
	names := []string{"mine/", "mine/state/", "common/", "common/state/", "mine/there -> ../common/state", "common/link -> ../mine/state", "mine/up -> ../mine/../mine/state"}
	sticky := fs.ModeSticky | 0o777
	for _, tt := range []struct {
		path    string
		wrong   []wrong
		blamed  string // "" if it passes
		problem safedir.Problem
	}{
		{"mine/state", nil, "", ""},
		{"mine/none/at/all", nil, "", ""},
		{"mine/state", []wrong{{"mine", 0o755, 0}}, "", ""},
		{"mine/state", []wrong{{"mine", 0o777, 0}}, "mine", safedir.Writable},
		{"mine/none", []wrong{{"mine", 0o777, 0}}, "mine", safedir.Writable},
		{"mine/state", []wrong{{"mine/state", 0o707, 0}}, "mine/state", safedir.Writable},
		{"common/state", []wrong{{"common", sticky, 0}}, "", ""},
		{"common/state", []wrong{{"common", sticky, stranger}}, "common", safedir.Foreign},
		{"common/state", []wrong{{"common", sticky, 0}, {"common/state", 0, stranger}}, "common/state", safedir.Foreign},
		{"mine/state", []wrong{{"mine", 0, stranger}}, "mine", safedir.Foreign},
		{"mine/there", nil, "", ""},
		{"mine/up", nil, "", ""},
		{"mine/there", []wrong{{"common", 0o777, 0}}, "common", safedir.Writable},
		{"common/link", []wrong{{"common", sticky, 0}}, "", ""},
		{"common/link", []wrong{{"common", sticky, 0}, {"common/link", 0, stranger}}, "common/link", safedir.Foreign},
		{"mine/up", []wrong{{"mine/up", 0, stranger}}, "", ""}, // that cannot be changed, only replaced
	} {
		root := tree(t, names...)
		applied := true
		for _, w := range tt.wrong {
			applied = w.apply(t, root) && applied
		}
		if !applied {
			continue // for root alone
		}
		path := filepath.Join(root, tt.path)
		for what, err := range map[string]error{"check": safedir.Check(path), "secure": safedir.Dir(path).Secure()} {
			if tt.blamed == "" {
				if err != nil {
					t.Errorf("%s %s with %v: %v", what, tt.path, tt.wrong, err)
				}
				continue
			}
			if what == "secure" && tt.problem == safedir.Foreign && tt.blamed == tt.path && !isLink(path) {
				continue // root reads it: see below
			}
			if e := unsafeError(t, err); e.Path != filepath.Join(root, tt.blamed) || e.Problem != tt.problem || e.For != path {
				t.Errorf("%s %s with %v: %v", what, tt.path, tt.wrong, err)
			}
		}
	}
}

func isLink(path string) bool {
	_, err := os.Readlink(path)
	return err == nil
}

func TestRootMayLookIntoADirectoryOfAnotherUser(t *testing.T) {
	dir, _, _ := foreign(t)
	if err := dir.Secure(); err != nil {
		t.Error(err)
	}
	if err := dir.Make(); !isA[*safedir.OwnerError](err) {
		t.Errorf("made, error %v", err)
	}
}

// In /tmp somebody could make the directory between the look and the first use.
func TestADirectoryThatAnybodyCouldMakeIsMadeAtOnce(t *testing.T) {
	root := tree(t, "common/", "mine/")
	wrong{"common", fs.ModeSticky | 0o777, 0}.apply(t, root)
	for name, made := range map[string]bool{"common": true, "mine": false} {
		dir := safedir.Dir(filepath.Join(root, name, "a", "b"))
		if err := dir.Secure(); err != nil {
			t.Error(err)
		}
		info, err := os.Lstat(filepath.Join(root, name, "a"))
		if (err == nil) != made || made && info.Mode() != fs.ModeDir|0o700 {
			t.Errorf("%s: %v, error %v", name, info, err)
		}
	}
}

func TestLinksThatLeadNowhereAreLeftToWhoeverOpensThem(t *testing.T) {
	root := tree(t, "a -> b", "b -> a", "gone -> none/where")
	for _, name := range []string{"a", "gone", "gone/on"} {
		if err := safedir.Check(filepath.Join(root, name)); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestAnUnsafeErrorSaysWhatIsWrongWithWhat(t *testing.T) {
	for want, e := range map[string]*safedir.UnsafeError{
		"other users can write to /tmp/x (mode 0777), and could replace /tmp/x/state: not used":       {Path: "/tmp/x", For: "/tmp/x/state", Problem: safedir.Writable, Mode: 0o777 | fs.ModeDir},
		"/tmp/x belongs to another user, with user ID 1001, and could replace /tmp/x/state: not used": {Path: "/tmp/x", For: "/tmp/x/state", Problem: safedir.Foreign, Owner: 1001},
		"other users can read /k (mode 0644): not used":                                               {Path: "/k", For: "/k", Problem: safedir.Readable, Mode: 0o644},
	} {
		if e.Error() != want {
			t.Errorf("%q, want %q", e.Error(), want)
		}
	}
}

// Many systems make a group for each user, and let it write what the user makes.
func TestAGroupOfTheUserAloneIsNoOther(t *testing.T) {
	me, err := user.Current()
	if err != nil {
		t.Fatal(err)
	}
	group, err := user.LookupGroupId(me.Gid)
	if err != nil || group.Name != me.Username {
		t.Logf("this user has no group of their own: %v", err)
		return
	}
	root := tree(t, "mine/", "mine/state/")
	for _, name := range []string{"mine", "mine/state"} {
		if err := os.Chmod(filepath.Join(root, name), 0o770); err != nil {
			t.Fatal(err)
		}
	}
	dir := safedir.Dir(filepath.Join(root, "mine", "state"))
	if err := errors.Join(dir.Secure(), dir.Make()); err != nil {
		t.Error(err)
	}
	hasMode(t, string(dir), fs.ModeDir|0o700)
	if os.Geteuid() != 0 {
		return
	}
	if err := os.Chown(filepath.Join(root, "mine"), -1, stranger); err != nil {
		t.Fatal(err)
	}
	if e := unsafeError(t, dir.Secure()); e.Problem != safedir.Writable {
		t.Errorf("a group of others: %v", e)
	}
	if uid, err := strconv.Atoi(me.Uid); err != nil || uid != os.Geteuid() {
		t.Fatal(me.Uid, err)
	}
}

func isA[E error](err error) bool {
	_, ok := errors.AsType[E](err)
	return ok
}
