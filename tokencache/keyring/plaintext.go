package keyring

import (
	"context"
	"errors"
	"io/fs"
	"path/filepath"

	"github.com/credproc/credproc/internal/safedir"
)

// plainKeyring is a [Keyring] of unencrypted files, protected only by their mode,
// 0600 in a directory of 0700. It is for machines that have nothing better, and is
// never chosen by itself.
type plainKeyring struct {
	Dir string // made at the first write
}

var _ Keyring = (*plainKeyring)(nil)

// Name returns "plaintext".
func (*plainKeyring) Name() string { return "plaintext" }

// Get implements [Keyring].
func (p *plainKeyring) Get(_ context.Context, item string) (string, error) {
	// What others may have put there could be another user's login.
	if err := safedir.Dir(p.Dir).Guarded(); err != nil {
		return "", p.fail("read", err)
	}
	data, err := safedir.Dir(p.Dir).Read(item)
	if errors.Is(err, fs.ErrNotExist) {
		return "", ErrNotFound
	}
	if err != nil {
		return "", p.fail("read", err)
	}
	return string(data), nil
}

// Set implements [Keyring].
func (p *plainKeyring) Set(_ context.Context, item, secret string) error {
	dir := safedir.Dir(p.Dir)
	if err := dir.Write(item, []byte(secret)); err != nil {
		return p.fail("store", err)
	}
	dir.Sweep() // what a process left that died on its way holds secrets too
	return nil
}

// Delete implements [Keyring].
func (p *plainKeyring) Delete(_ context.Context, item string) error {
	if err := safedir.Dir(p.Dir).Remove(item); err != nil {
		return p.fail("delete", err)
	}
	return nil
}

func (p *plainKeyring) fail(op string, err error) error {
	return &Error{Keyring: p.Name(), Op: op, Kind: ErrUnavailable, Detail: err.Error(), Err: err}
}

// Forget removes all that was stored.
func (p *plainKeyring) Forget() error { return forgetDir(p.Dir) }

func forgetDir(dir string) error {
	return safedir.Dir(filepath.Dir(dir)).RemoveAll(filepath.Base(dir))
}
