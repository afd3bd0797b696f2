// Count measures the Go code of a checkout, so that two versions of it can be
// compared: code lines, lengths of functions, exported names.
//
//	scripts/house            this checkout
//	scripts/house ../other   another one
package main

import (
	"errors"
	"fmt"
	"io"
	"os"
)

func main() {
	if err := run(os.Stdout, os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "count:", err)
		os.Exit(1)
	}
}

func run(out io.Writer, args []string) error {
	if len(args) != 1 {
		return errors.New("usage: count DIRECTORY")
	}
	tree, err := measure(os.DirFS(args[0]))
	if err != nil {
		return fmt.Errorf("measure %s: %w", args[0], err)
	}
	return tree.print(out)
}
