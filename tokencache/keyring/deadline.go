package keyring

import (
	"cmp"
	"context"
	"errors"
	"runtime"
	"sync"
	"time"
)

// How long a call of a keychain may take, without a person, and with a person who may
// have to answer a dialog. Managed machines have been seen to need 10 to 29 seconds
// for a read.
const (
	unattended = 25 * time.Second
	attended   = time.Minute
)

// A deadline ends the calls of a keyring, also those that do not end by
// themselves: such a call goes on, and no caller waits for it any more. It keeps
// the turn, so that no second one is sent to a keyring that is stuck.
type deadline struct {
	once sync.Once
	turn chan struct{}
}

// call makes a call as soon as the one before has ended. fail says what keyring
// it is, and what is being done.
func (d *deadline) call(ctx context.Context, mayPrompt bool, fail Error, do func(context.Context) (string, error)) (string, error) {
	return d.callWith(ctx, mayPrompt, 0, fail, do)
}

// callWith is call for one that ends so soon after its context: it is waited for.
func (d *deadline) callWith(ctx context.Context, mayPrompt bool, grace time.Duration, fail Error, do func(context.Context) (string, error)) (string, error) {
	d.once.Do(func() { d.turn = make(chan struct{}, 1) })
	limit := unattended
	if mayPrompt {
		limit = attended
	}
	limited, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	givenUp := func(detail string) error {
		fail.Kind, fail.Detail, fail.Err = ErrUnavailable, detail, ctx.Err()
		return &fail
	}
	select {
	case d.turn <- struct{}{}:
	case <-limited.Done():
		return "", givenUp("an earlier call has not come back")
	}
	done := make(chan outcome, 1)
	go d.make(limited, do, done)
	select {
	case o := <-done:
		if o.exited {
			runtime.Goexit()
		}
		return o.secret, o.err
	case <-limited.Done():
	}
	select {
	case <-done:
	case <-time.After(grace):
	}
	return "", givenUp("no answer in time")
}

type outcome struct {
	secret string
	err    error
	exited bool // by runtime.Goexit, which the caller's goroutine then does too
}

// make makes a call, and gives the turn back however it ends.
func (d *deadline) make(ctx context.Context, do func(context.Context) (string, error), done chan<- outcome) {
	o := outcome{exited: true}
	defer func() {
		<-d.turn
		done <- o
	}()
	secret, err := do(ctx)
	o = outcome{secret, err, false}
}

// Bounded returns a keyring that passes calls on to k, one at a time, and gives
// up those that take too long: 25 seconds, or a minute if k may ask a person.
// Such a call fails with [ErrUnavailable], and those that follow fail, too, until
// it comes back. Every error is [ErrNotFound] or an [Error].
//
// The keyrings of this package end their calls themselves, and are returned as
// they are.
func Bounded(k Keyring, mayPrompt bool) Keyring {
	switch k.(type) {
	case *osKeyring, *windowsKeyring, *kernelKeyring, *fileKeyring, *plainKeyring, *Memory, *custom:
		return k
	}
	return &custom{Keyring: k, mayPrompt: mayPrompt}
}

// custom is a keyring that another package makes.
type custom struct {
	Keyring
	mayPrompt bool
	calls     deadline
}

// Get implements [Keyring].
func (c *custom) Get(ctx context.Context, item string) (string, error) {
	return c.call(ctx, "read", func(ctx context.Context) (string, error) { return c.Keyring.Get(ctx, item) })
}

// Set implements [Keyring].
func (c *custom) Set(ctx context.Context, item, secret string) error {
	_, err := c.call(ctx, "store", func(ctx context.Context) (string, error) { return "", c.Keyring.Set(ctx, item, secret) })
	return err
}

// Delete implements [Keyring].
func (c *custom) Delete(ctx context.Context, item string) error {
	_, err := c.call(ctx, "delete", func(ctx context.Context) (string, error) { return "", c.Keyring.Delete(ctx, item) })
	return err
}

func (c *custom) call(ctx context.Context, op string, do func(context.Context) (string, error)) (string, error) {
	secret, err := c.calls.call(ctx, c.mayPrompt, Error{Keyring: c.Name(), Op: op}, do)
	if err != nil {
		return "", c.translate(op, err)
	}
	return secret, nil
}

// translate makes an [Error] of whatever a keyring returns, except where it
// says that an item is not there, and nothing else.
func (c *custom) translate(op string, err error) error {
	var kind error
	for _, k := range []error{ErrLocked, ErrTooBig, ErrUnreadable, ErrUnavailable} {
		if errors.Is(err, k) {
			kind = cmp.Or(kind, k)
		}
	}
	missing := errors.Is(err, ErrNotFound)
	switch {
	case missing && kind == nil && op == "read":
		return ErrNotFound
	case missing && kind == nil && op == "delete":
		return nil
	}
	if _, ok := errors.AsType[*Error](err); ok && kind != nil && !missing {
		return err
	}
	fail := &Error{Keyring: c.Name(), Op: op, Kind: cmp.Or(kind, ErrUnavailable), Detail: err.Error()}
	if !missing { // or it would read as "not signed in"
		fail.Err = err
	}
	return fail
}
