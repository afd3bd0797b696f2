package keyring

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"go.uber.org/goleak"
)

// quickly is a file keyring that costs next to nothing to open.
func quickly(dir string, passphrase func(context.Context, PassphraseRequest) (string, error)) *fileKeyring {
	return &fileKeyring{Options: Options{Dir: dir, Unlock: Unlock{Passphrase: passphrase}, NoKeyCache: true}, factor: 4}
}

func knows(passphrase string) func(context.Context, PassphraseRequest) (string, error) {
	return func(context.Context, PassphraseRequest) (string, error) { return passphrase, nil }
}

// together runs do in n goroutines at once, and waits for them.
func together(n int, do func(i int)) {
	var all sync.WaitGroup
	for i := range n {
		all.Go(func() { do(i) })
	}
	all.Wait()
}

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestPlaintextIsReadableByItsOwnerAlone(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "keyring")
	k := &plainKeyring{Dir: dir}
	if err := k.Set(t.Context(), "item", "secret"); err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]os.FileMode{dir: 0o700, filepath.Join(dir, "item"): 0o600} {
		if info, err := os.Stat(path); err != nil || info.Mode().Perm() != want {
			t.Errorf("%s: %v, %v", path, info.Mode(), err)
		}
	}
}

func TestPlaintextWithoutADirectoryIsUnavailable(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	k := &plainKeyring{Dir: file}
	_, getErr := k.Get(t.Context(), "item")
	for op, err := range map[string]error{"read": getErr, "store": k.Set(t.Context(), "item", "secret"), "delete": k.Delete(t.Context(), "item")} {
		e, ok := errors.AsType[*Error](err)
		if !ok || !errors.Is(err, ErrUnavailable) || errors.Is(err, ErrNotFound) || e.Op != op || e.Keyring != "plaintext" || e.Detail == "" {
			t.Errorf("%s: %v", op, err)
		}
		if strings.Contains(err.Error(), "secret") {
			t.Errorf("%v has the secret", err)
		}
	}
}

func TestPlaintextInAReadOnlyDirectoryIsReadAndNotWritten(t *testing.T) {
	if os.Getuid() == 0 {
		return // nothing is read-only to root
	}
	dir := t.TempDir()
	k := &plainKeyring{Dir: dir}
	if err := k.Set(t.Context(), "item", "secret"); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(dir, 0o500); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.Chmod(dir, 0o700) }) // so that it can be removed
	if err := k.Set(t.Context(), "item", "other"); !errors.Is(err, ErrUnavailable) {
		t.Errorf("got %v", err)
	}
	if got, err := k.Get(t.Context(), "item"); got != "secret" || err != nil {
		t.Errorf("got %q, %v", got, err)
	}
}

// A process that is killed midway leaves a file with a secret that nobody
// would ever delete.
func TestPlaintextDeletesWhatAKilledProcessLeft(t *testing.T) {
	dir := t.TempDir()
	left := filepath.Join(dir, "item.ABCDEFGH.tmp")
	if err := os.WriteFile(left, []byte("secret"), 0o600); err != nil {
		t.Fatal(err)
	}
	old := time.Now().Add(-2 * time.Hour)
	if err := os.Chtimes(left, old, old); err != nil {
		t.Fatal(err)
	}
	if err := (&plainKeyring{Dir: dir}).Set(t.Context(), "item", "new"); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(left); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("it is still there: %v", err)
	}
}

func TestASecretThatIsTooBigIsNotSent(t *testing.T) {
	err := new(osKeyring).Set(context.Background(), "item", strings.Repeat("x", maxSecret+1))
	if e, ok := errors.AsType[*Error](err); !ok || !errors.Is(err, ErrTooBig) || e.Op != "store" {
		t.Errorf("got %v", err)
	}
}

func TestErrorsWithoutTypesAreToldApart(t *testing.T) {
	for text, want := range map[string]error{
		"failed to unlock correct collection '/org/freedesktop/secrets/collection/login'": ErrLocked,
		"exit status 1": ErrUnavailable,
		"dial unix /run/user/0/bus: connect: connection refused": ErrUnavailable,
	} {
		if err := new(osKeyring).translate("read", errors.New(text)); !errors.Is(err, want) || errors.Is(err, ErrNotFound) {
			t.Errorf("%s: %v", text, err)
		}
	}
}

func TestAFailureIsOneSentence(t *testing.T) {
	for want, err := range map[string]error{
		`os keyring: read: keyring locked`:                                        new(osKeyring).fail("read", ErrLocked, ErrLocked.Error()),
		`os keyring: store: keyring unavailable (no bus)`:                         &Error{Keyring: "os", Op: "store", Kind: ErrUnavailable, Detail: "no bus"},
		`os keyring: store: secret too big for the keyring (by order of the law)`: new(osKeyring).fail("store", ErrTooBig, "by order of the law"),
	} {
		if err.Error() != want {
			t.Errorf("%s, want %s", err, want)
		}
	}
}

func TestItemsAreFiledUnderTheService(t *testing.T) {
	if (&osKeyring{Service: "acme"}).service() != "acme" || new(osKeyring).service() != "credproc" {
		t.Error("another service")
	}
}

func TestOnlyLinuxHasTheKernelsKeyring(t *testing.T) {
	if slices.Contains(Names(), "kernel") != (runtime.GOOS == "linux") {
		t.Errorf("here there are %q", Names())
	}
	for _, k := range []Keyring{new(osKeyring), new(fileKeyring), new(plainKeyring)} {
		if !slices.Contains(Names(), k.Name()) {
			t.Errorf("there is no %s", k.Name())
		}
	}
	if runtime.GOOS != "linux" {
		if _, err := new(kernelKeyring).Get(t.Context(), "item"); !errors.Is(err, errAbsent) || !errors.Is(err, ErrUnavailable) {
			t.Errorf("got %v", err)
		}
	}
}

// A keychain may be there: the next login must not go elsewhere for that.
func TestAShortageIsNoSignThatThereIsNoKeychain(t *testing.T) {
	err := new(osKeyring).failed("read", absent{fmt.Errorf("D-Bus session bus: %w", syscall.EMFILE)})
	if errors.Is(err, errAbsent) || !errors.Is(err, ErrUnavailable) || !errors.Is(err, syscall.EMFILE) {
		t.Errorf("got %v, of %v", err, err.Err)
	}
	err = new(osKeyring).failed("read", absent{errors.New("no D-Bus session bus")})
	if !errors.Is(err, errAbsent) || !errors.Is(err, ErrUnavailable) {
		t.Errorf("got %v", err)
	}
}

// As over OpenSSH with a key: the login is in the Credential Manager all the same.
func TestWithoutALogonSessionTheKeychainIsUnavailableAndNotAbsent(t *testing.T) {
	err := new(osKeyring).translate("read", syscall.Errno(1312))
	if e, ok := errors.AsType[*Error](err); !ok || e.Kind != ErrUnavailable || e.Reason != "no logon session" || errors.Is(err, ErrNotFound) {
		t.Errorf("got %v", err)
	}
}
