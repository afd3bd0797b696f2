package keyringtest

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/credproc/credproc/tokencache/keyring"
)

// spoiled is a keyring that breaks the contract in one way.
type spoiled struct {
	keyring.Memory
	name string
	get  func(secret string, err error) (string, error)
	set  func(k *keyring.Memory, item, secret string) error
	del  func(k *keyring.Memory, item string) error
}

func (s *spoiled) Name() string { return s.name }

func (s *spoiled) Get(ctx context.Context, item string) (string, error) {
	secret, err := s.Memory.Get(ctx, item)
	if s.get != nil {
		return s.get(secret, err)
	}
	return secret, err
}

func (s *spoiled) Set(ctx context.Context, item, secret string) error {
	if s.set != nil {
		return s.set(&s.Memory, item, secret)
	}
	return s.Memory.Set(ctx, item, secret)
}

func (s *spoiled) Delete(ctx context.Context, item string) error {
	if s.del != nil {
		return s.del(&s.Memory, item)
	}
	return s.Memory.Delete(ctx, item)
}

func TestEveryBreachOfTheContractIsFound(t *testing.T) {
	ctx := t.Context()
	room := func(most int, err error) func(*keyring.Memory, string, string) error {
		return func(k *keyring.Memory, item, secret string) error {
			if len(secret) > most {
				return err
			}
			return k.Set(ctx, item, secret)
		}
	}
	for want, k := range map[string]*spoiled{
		"":     {name: "good"},
		"Name": {},
		"want ErrNotFound": {name: "k", get: func(secret string, err error) (string, error) {
			if err != nil {
				err = errors.New("no such item")
			}
			return secret, err
		}},
		"the same is false": {name: "k", get: func(secret string, err error) (string, error) { return strings.ToLower(secret) + " ", err }},
		"Set of 300 bytes":  {name: "k", set: room(200, keyring.ErrTooBig)},
		"nil or ErrTooBig":  {name: "k", set: room(2000, keyring.ErrUnavailable)},
		"of 2500 bytes: the same is false": {name: "k", set: func(k *keyring.Memory, item, secret string) error {
			return k.Set(ctx, item, secret[:min(len(secret), 2000)])
		}},
		"Get of an item that is not there: 5": {name: "k", del: func(k *keyring.Memory, item string) error { return k.Set(ctx, item, "still") }},
		"Delete": {name: "k", del: func(k *keyring.Memory, item string) error {
			if _, err := k.Get(ctx, item); err != nil {
				return err
			}
			return k.Delete(ctx, item)
		}},
	} {
		err := Check(ctx, k)
		if want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("%q is not among: %v", want, err)
		}
	}
	narrow := &spoiled{name: "k", set: room(1000, keyring.ErrTooBig)}
	if err := Check(ctx, narrow); err != nil {
		t.Errorf("a keyring may have little room: %v", err)
	}
}
