package cmd

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"github.com/credproc/credproc/cmd/internal/manual"
)

// manCommand writes the manual pages that packages install. They come from the
// grammar, so that they say what --help says.
type manCommand struct {
	Dir string `arg:"" help:"The directory to write to. It must exist."`
}

// Run implements the command, for kong.
func (c *manCommand) Run(ctx context.Context, a *App) error {
	parser, err := a.parser(ctx)
	if err != nil {
		return err
	}
	statuses := make([]string, len(exitStatuses))
	for i, s := range exitStatuses {
		statuses[i] = fmt.Sprintf("%d %s", s.status, s.meaning)
	}
	for name, text := range manual.Pages(parser.Model, a.name(), a.version(), statuses) {
		if err := os.WriteFile(filepath.Join(c.Dir, name), []byte(text), 0o644); err != nil {
			return err
		}
	}
	return nil
}

// exitStatuses is the table of [App.Run].
var exitStatuses = []struct {
	status  int
	meaning string
}{
	{done, "Done."},
	{failed, "Failed."},
	{misconfigured, "Wrong usage or configuration."},
	{unavailable, "Temporarily unavailable."},
	{signInRequired, "Sign-in required."},
	{noAccess, "No access to that role."},
	{keyringShut, "The keyring is locked or unavailable."},
	{interrupted, "Interrupted; 128 and the number of the signal for others."},
}
