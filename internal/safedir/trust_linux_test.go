package safedir_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/credproc/credproc/internal/safedir"
)

// withoutRoot runs Check as a user other than root in a user namespace that has
// this user alone in it, as in bwrap. ok is false where there can be none.
func withoutRoot(t *testing.T, home, path string) (answer string, ok bool) {
	t.Helper()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	child := exec.CommandContext(t.Context(), exe)
	child.Env = []string{"SAFEDIR_TEST_CHECK=" + path, "HOME=" + home}
	child.SysProcAttr = &syscall.SysProcAttr{
		Cloneflags:  syscall.CLONE_NEWUSER,
		UidMappings: []syscall.SysProcIDMap{{ContainerID: 1000, HostID: stranger, Size: 1}},
		GidMappings: []syscall.SysProcIDMap{{ContainerID: 1000, HostID: stranger, Size: 1}},
		Credential:  &syscall.Credential{Uid: 1000, Gid: 1000, NoSetGroups: true},
	}
	out, err := child.CombinedOutput()
	if err != nil {
		t.Logf("no user namespace here: %v\n%s", err, out)
		return "", false
	}
	return strings.TrimSpace(string(out)), true
}

func TestWhereNoRootIsMappedAnUnknownOwnerIsRootAboveTheHomeDirectoryOnly(t *testing.T) {
	if os.Geteuid() != 0 {
		return // who could give files to others, and has no user namespace to do it in
	}
	// The home directory is the stranger's; what is above it and beside it is root's.
	root := tree(t, "home/", "home/state/", "beside/", "beside/state/")
	for _, name := range []string{"home", "home/state", "beside/state"} {
		wrong{name, 0, stranger}.apply(t, root)
	}
	for dir := root; len(dir) > len(os.TempDir()); dir = filepath.Dir(dir) {
		if err := os.Chmod(dir, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	home := filepath.Join(root, "home")
	// /tmp itself is writable for all, so that what lies in it could be anybody's.
	first := "/tmp/" + strings.Split(strings.TrimPrefix(root, "/tmp/"), "/")[0]
	for path, blamed := range map[string]string{"/etc": "", "/run": "", home: first, filepath.Join(root, "beside", "state"): first, "/usr": "/usr"} {
		answer, ok := withoutRoot(t, home, path)
		if !ok {
			return
		}
		if blamed == "" && answer != "<nil>" || blamed != "" && !strings.HasPrefix(answer, blamed+" belongs to another user, with user ID 65534") {
			t.Errorf("%s: %s, want %q", path, answer, blamed)
		}
	}
	// A home directory elsewhere, as they are.
	above, err := os.MkdirTemp("/var", "home")
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(above)
	home = filepath.Join(above, "ada")
	for _, dir := range []string{home, filepath.Join(home, "state"), filepath.Join(above, "bob")} {
		if err := os.Mkdir(dir, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	for _, dir := range []string{home, filepath.Join(home, "state")} {
		if err := os.Chown(dir, stranger, stranger); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Chmod(above, 0o755); err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]string{filepath.Join(home, "state"): "<nil>", filepath.Join(above, "bob"): filepath.Join(above, "bob") + " belongs to another user"} {
		if answer, ok := withoutRoot(t, home, path); ok && !strings.HasPrefix(answer, want) {
			t.Errorf("%s: %s, want %s", path, answer, want)
		}
	}
}

func TestTheOverflowUserIsARealOneWhereItIsMapped(t *testing.T) {
	if safedir.IsOverflow(0) || safedir.IsOverflow(os.Geteuid()) {
		t.Error("a user of this process is the overflow user")
	}
	users, err := os.ReadFile("/proc/self/uid_map")
	if err != nil {
		t.Fatal(err)
	}
	if everybody := strings.Join(strings.Fields(string(users)), " ") == "0 0 4294967295"; everybody && safedir.IsOverflow(65534) {
		t.Error("the user nobody counts as root outside of a user namespace")
	}
}
