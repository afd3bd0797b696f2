// Command credproc serves AWS credentials from IAM Identity Center to every
// process of a machine. See the package
// [github.com/credproc/credproc/cmd] for its commands.
package main

import (
	"context"
	"io"
	"log"
	"os"
	"runtime/debug"
	"slices"

	"github.com/credproc/credproc/cmd"
	_ "github.com/credproc/credproc/cmd/credproc/instant" // has answered, if it could
)

func main() {
	// net/http tells it what a peer has sent that no call is about: noise.
	log.SetOutput(io.Discard)
	// Nor does the runtime show what is on the stack, where it ends the program:
	// GOTRACEBACK, or --debug, lets it.
	if !slices.Contains(os.Args, "--debug") {
		debug.SetTraceback("none")
	}
	// Most commands end before a collection of garbage pays.
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(400)
	}
	app := new(cmd.App)
	os.Exit(app.Run(context.Background(), os.Args[1:]))
}
