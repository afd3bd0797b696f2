//go:build unix

package safedir

import "syscall"

// enough is how many files an answer needs to have open at once, with those of
// the Go runtime. Without its own the runtime ends the program with a dump.
const enough = 12

// Few fails with EMFILE where this process may open so few files that the
// runtime would end it.
func Few() error {
	var limit syscall.Rlimit
	if syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit) == nil && limit.Cur < enough {
		return &fewError{}
	}
	return nil
}

type fewError struct{}

func (*fewError) Error() string { return "fewer than 12 files may be open at once" }

// Unwrap returns what the first file too many would fail with.
func (*fewError) Unwrap() error { return syscall.EMFILE }
