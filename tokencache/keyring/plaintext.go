package keyring

import (
	"context"
	"errors"
	"io/fs"

	"github.com/credproc/credproc/internal/safedir"
)

// Plaintext is a [Keyring] of files that anybody can read who can read the
// user's files: no protection but their mode, 0600 in a directory of 0700. It
// is for machines that have nothing better, and is never chosen by itself.
type Plaintext struct {
	Dir string // made at the first write
}

var _ Keyring = (*Plaintext)(nil)

// Name returns "plaintext".
func (*Plaintext) Name() string { return "plaintext" }

// Get implements [Keyring].
func (p *Plaintext) Get(_ context.Context, item string) (string, error) {
	// What others may have put there could be the login of somebody else.
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
func (p *Plaintext) Set(_ context.Context, item, secret string) error {
	dir := safedir.Dir(p.Dir)
	if err := dir.Write(item, []byte(secret)); err != nil {
		return p.fail("store", err)
	}
	dir.Sweep() // what a process left that died on its way holds secrets too
	return nil
}

// Delete implements [Keyring].
func (p *Plaintext) Delete(_ context.Context, item string) error {
	if err := safedir.Dir(p.Dir).Remove(item); err != nil {
		return p.fail("delete", err)
	}
	return nil
}

func (p *Plaintext) fail(op string, err error) error {
	return &Error{Keyring: p.Name(), Op: op, Kind: ErrUnavailable, Detail: err.Error(), Err: err}
}
