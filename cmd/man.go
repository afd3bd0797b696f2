package cmd

import (
	"cmp"
	"context"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/credproc/credproc/cmd/internal/advice"
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
	day, _, _ := strings.Cut(buildOf(a).Time, "T") // the same source gives the same pages on any day
	day = cmp.Or(day, time.Now().UTC().Format(time.DateOnly))
	for name, text := range manual.Pages(parser.Model, a.name(), a.version(), day, advice.Statuses()) {
		if err := os.WriteFile(filepath.Join(c.Dir, name), []byte(text), 0o644); err != nil {
			return err
		}
	}
	return nil
}
