package keyring

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

func TestEachErrorOfTheKernelHasItsMeaning(t *testing.T) {
	for _, tt := range []struct {
		op     string
		errno  unix.Errno
		kind   error
		absent bool
	}{
		{"read", unix.ENOKEY, ErrNotFound, false},
		{"read", unix.EKEYEXPIRED, ErrNotFound, false},
		{"read", unix.EKEYREVOKED, ErrNotFound, false},
		{"read", unix.EFBIG, ErrUnavailable, false},
		{"read", unix.EMFILE, ErrUnavailable, false},
		{"read", unix.EDQUOT, ErrUnavailable, false},
		{"store", unix.EDQUOT, ErrTooBig, false},
		{"store", unix.ENOMEM, ErrUnavailable, false},
		{"store", unix.ENOSYS, ErrUnavailable, true},
		{"delete", unix.EPERM, ErrUnavailable, true},
	} {
		err := new(kernelKeyring).translate(tt.op, fmt.Errorf("wrapped: %w", tt.errno))
		if !errors.Is(err, tt.kind) || errors.Is(err, errAbsent) != tt.absent {
			t.Errorf("%s: %v is %v", tt.op, tt.errno, err)
		}
		if missing := tt.kind == ErrNotFound; errors.Is(err, ErrNotFound) != missing {
			t.Errorf("%s: %v is %v", tt.op, tt.errno, err)
		}
	}
	// What the process has run out of is no fault of the keyring.
	if err := new(kernelKeyring).translate("read", unix.EMFILE); !errors.Is(err, unix.EMFILE) {
		t.Errorf("no sign of the limit in %v", err)
	}
	if err := new(kernelKeyring).translate("read", nil); err != nil {
		t.Error(err)
	}
}

func TestTheKernelHasRoomForSoMuch(t *testing.T) {
	k := &kernelKeyring{Service: fmt.Sprint("credproc-test-", os.Getpid())}
	err := k.Set(t.Context(), "session-1", strings.Repeat("x", mostKernel))
	if e, ok := errors.AsType[*Error](err); !ok || !errors.Is(err, ErrTooBig) || e.Op != "store" || e.Keyring != "kernel" {
		t.Errorf("got %v", err)
	}
	if _, err := k.Get(t.Context(), "session-1"); err == nil {
		t.Error("and it has it")
	}
}
