//go:build unix

package authority

import (
	"errors"
	"testing"

	"github.com/credproc/credproc/internal/safedir"
)

func TestAKeyThatOthersCanChangeIsRefused(t *testing.T) {
	cert, key := files(t, t.TempDir(), "first.example", 0o622)
	_, err := FilesAt(cert, key)
	if _, ok := errors.AsType[*safedir.UnsafeError](err); !ok {
		t.Errorf("%v", err)
	}
}
