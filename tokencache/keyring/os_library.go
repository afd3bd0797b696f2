//go:build !darwin && !likemacos

package keyring

import (
	"context"
	"errors"
	"time"

	gokeyring "github.com/zalando/go-keyring"
)

func systemKeychain() keychain { return library{} }

// library is go-keyring, which has no deadlines.
type library struct{}

func (library) reach(ctx context.Context, mayPrompt bool, service, item string) error {
	err := answers(ctx, mayPrompt)
	if err == nil && !mayPrompt {
		err = isOpen(service, item)
	}
	return err
}

func (library) get(_ context.Context, service, item string) (string, error) {
	secret, err := gokeyring.Get(service, item)
	return secret, ours(err)
}

func (library) set(_ context.Context, service, item, secret string) error {
	return ours(gokeyring.Set(service, item, secret))
}

func (library) remove(_ context.Context, service, item string) error {
	return ours(gokeyring.Delete(service, item))
}

func (library) grace() time.Duration { return 0 }

// ours makes errors of this package out of those that go-keyring has names for.
func ours(err error) error {
	switch {
	case errors.Is(err, gokeyring.ErrNotFound):
		return ErrNotFound
	case errors.Is(err, gokeyring.ErrSetDataTooBig):
		return ErrTooBig
	}
	return err
}
