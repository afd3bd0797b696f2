package keyring

import (
	"errors"
	"path/filepath"
	"slices"
	"testing"
)

func TestAKeyringIsMadeByItsName(t *testing.T) {
	for _, name := range append(slices.Clone(Names()), "memory") {
		if k, err := New(name, Options{Service: "credproc-test", Dir: t.TempDir()}); err != nil || k.Name() != name {
			t.Errorf("%s: %v, %v", name, k, err)
		}
	}
	if k, err := New("tin", Options{}); k != nil || err == nil {
		t.Errorf("an unknown name is %v", k)
	}
}

func TestAnErrorSaysTheReason(t *testing.T) {
	noKey := &fileKeyring{Options: Options{Dir: t.TempDir(), Unlock: Unlock{KeyFile: filepath.Join(t.TempDir(), "none")}}}
	_, badErr := noKey.Get(t.Context(), "item")
	k := new(osKeyring)
	for want, err := range map[string]error{
		"":              k.failed("read", errors.New("odd")),
		"absent":        k.failed("read", absent{errors.New("no bus")}),
		"item locked":   k.failed("read", errItemLocked),
		"no collection": k.failed("read", errNoCollection),
		"restarted":     k.failed("read", errRestarted),
		"bad key file":  noKey.Set(t.Context(), "item", "secret"),
	} {
		if e, ok := errors.AsType[*Error](err); !ok || e.Reason != want {
			t.Errorf("%v has the reason %q, want %q", err, e.Reason, want)
		}
	}
	if !errors.Is(badErr, ErrNotFound) {
		t.Errorf("an empty directory needs no key to say so: %v", badErr)
	}
}

func TestWhatIsForgottenIsGone(t *testing.T) {
	for _, name := range []string{"file", "plaintext"} {
		dir := filepath.Join(t.TempDir(), name)
		k, err := New(name, Options{Dir: dir, Unlock: Unlock{Passphrase: knows("open sesame")}, NoKeyCache: true})
		if err != nil {
			t.Fatal(err)
		}
		if err := k.Set(t.Context(), "item", "secret"); err != nil {
			t.Fatal(err)
		}
		if err := k.(interface{ Forget() error }).Forget(); err != nil {
			t.Error(err)
		}
		if _, err := k.Get(t.Context(), "item"); !errors.Is(err, ErrNotFound) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
