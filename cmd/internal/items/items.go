// Package items lets programs in the Windows Subsystem for Linux have their items
// in the keychain of Windows. Package wsl says how they ask.
package items

import (
	"context"
	"errors"
	"io"

	"github.com/credproc/credproc/internal/wsl"
	"github.com/credproc/credproc/tokencache/keyring"
)

// mostLine is how long a secret may be on its line, which is more than any
// keychain takes.
const mostLine = 64 << 10

// ErrRequest is a request that credproc in WSL does not make.
var ErrRequest = errors.New("it must be get, set or delete, and the name of an item")

// Answer does what is asked of an item, and returns the line to print, without its end. A secret to
// store is read from in. The line may have a secret in it.
func Answer(ctx context.Context, k keyring.Keyring, verb, item string, in io.Reader) (line string, err error) {
	if !wsl.IsItem(item) {
		return "", ErrRequest
	}
	switch verb {
	case "get":
		secret, err := k.Get(ctx, item)
		if errors.Is(err, keyring.ErrNotFound) {
			return wsl.None, nil
		}
		if err != nil {
			return "", err
		}
		return wsl.Found + wsl.Encode(secret), nil
	case "set":
		err = set(ctx, k, item, in)
		if errors.Is(err, keyring.ErrTooBig) {
			return wsl.TooBig, nil
		}
	case "delete":
		err = k.Delete(ctx, item)
	default:
		err = ErrRequest
	}
	if err != nil {
		return "", err
	}
	return wsl.Done, nil
}

// set stores the secret that in has, all of it: half a line is a program that has
// died.
func set(ctx context.Context, k keyring.Keyring, item string, in io.Reader) error {
	line, err := io.ReadAll(io.LimitReader(in, mostLine+1))
	if err != nil {
		return err
	}
	if len(line) > mostLine {
		return keyring.ErrTooBig
	}
	if len(line) == 0 || line[len(line)-1] != '\n' {
		return errors.New("the secret ends before its line does")
	}
	secret, err := wsl.Decode(string(line))
	if err != nil {
		return err
	}
	return k.Set(ctx, item, secret)
}
