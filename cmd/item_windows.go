package cmd

import (
	"context"
	"errors"

	"github.com/credproc/credproc/cmd/internal/items"
	"github.com/credproc/credproc/tokencache/keyring"
)

// onWindows are the commands that only Windows has.
type onWindows struct {
	KeyringItem keyringItemCommand `cmd:"" hidden:"" help:"Keep an item for programs in WSL."`
}

// keyringItemCommand is run from WSL; package wsl names it.
type keyringItemCommand struct {
	Verb string `arg:""`
	Item string `arg:""`
}

// Run implements the command, for kong.
func (c *keyringItemCommand) Run(ctx context.Context, a *App) error {
	k := a.Keyring
	if k == nil {
		var err error
		if k, err = keyring.New("os", keyring.Options{Service: a.ID}); err != nil {
			return err
		}
	}
	line, err := items.Answer(ctx, k, c.Verb, c.Item, a.term().InReader())
	if errors.Is(err, items.ErrRequest) {
		return &usageError{problem: "keyring-item: " + err.Error()}
	}
	if err != nil {
		return err
	}
	return a.term().Verbatim(line + "\n") // a word of package wsl, and base64
}
