// Package keyringtest checks a keyring of another package against the contract
// of package keyring, in a test of that package:
//
//	if err := keyringtest.Check(t.Context(), myKeyring); err != nil {
//		t.Error(err)
//	}
package keyringtest

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"

	"github.com/credproc/credproc/tokencache/keyring"
)

// Check makes calls of a keyring, some at the same time, and returns whatever
// breaks the contract, or nil. It uses items of its own, and deletes them. The
// keyring must be one that answers without a person.
func Check(ctx context.Context, k keyring.Keyring) error {
	c := &checker{ctx: ctx, k: k}
	if k.Name() == "" {
		c.complain("Name: it has none")
	}
	const first, second = "session-00112233445566778899aabbccddeeff", "key-00112233445566778899aabbccddeeff"
	c.missing(first)
	c.removed(first)
	secrets := []string{"first", `{"access":"sécond \"{}\" +/="}`, strings.Repeat("x", 300)}
	for _, secret := range secrets {
		c.stored(first, secret)
		c.stored(second, "another")
		c.has(first, secret)
	}
	c.stores(first, strings.Repeat("y", 2500), secrets[2])
	var all sync.WaitGroup
	for i := range 20 {
		all.Go(func() {
			item := fmt.Sprintf("session-%032x", i)
			c.stored(item, item)
			c.has(item, item)
			c.removed(item)
		})
	}
	all.Wait()
	c.removed(first)
	c.missing(first)
	c.has(second, "another")
	c.removed(second)
	return errors.Join(c.complaints...)
}

type checker struct {
	ctx context.Context
	k   keyring.Keyring

	mu         sync.Mutex
	complaints []error
}

func (c *checker) complain(format string, args ...any) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.complaints = append(c.complaints, fmt.Errorf(format, args...))
}

func (c *checker) missing(item string) {
	if secret, err := c.k.Get(c.ctx, item); !errors.Is(err, keyring.ErrNotFound) || secret != "" {
		c.complain("Get of an item that is not there: %d bytes, %w; want ErrNotFound", len(secret), err)
	}
}

func (c *checker) has(item, want string) {
	if got, err := c.k.Get(c.ctx, item); err != nil || got != want {
		c.complain("Get of %d bytes: the same is %v, of %d bytes, %w", len(want), got == want, len(got), err)
	}
}

func (c *checker) stored(item, secret string) {
	if err := c.k.Set(c.ctx, item, secret); err != nil {
		c.complain("Set of %d bytes: %w", len(secret), err)
	}
}

// stores is stored of a secret that may be too big. What was there before must
// then be there still.
func (c *checker) stores(item, secret, before string) {
	err := c.k.Set(c.ctx, item, secret)
	switch {
	case errors.Is(err, keyring.ErrTooBig):
		c.has(item, before)
	case err != nil:
		c.complain("Set of %d bytes: %w; want nil or ErrTooBig", len(secret), err)
	default:
		c.has(item, secret)
	}
}

func (c *checker) removed(item string) {
	if err := c.k.Delete(c.ctx, item); err != nil {
		c.complain("Delete: %w", err)
	}
}
