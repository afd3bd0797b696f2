// Package instant answers a warm process command before main: Go initializes
// packages in the order of their paths as soon as what they import is ready,
// and this one imports little. So the answer is out before an HTTP client, TLS,
// the AWS SDK and a parser of arguments have made their tables, which costs
// more than the answer itself.
//
// Nobody but the program credproc imports it. Its init function is the only
// one in the house, and scripts/test counts how many packages come before it.
package instant

import (
	"os"

	"github.com/credproc/credproc/internal/warm"
)

func init() {
	program := warm.Program{Command: "credproc", Prefix: "CREDPROC_"}
	document, ok := program.Answer(os.Args[1:])
	if !ok {
		return
	}
	if n, err := os.Stdout.Write(document); err == nil || n > 0 {
		os.Exit(status(err))
	}
	// Nothing is written: main tries it, and says what is wrong.
}

func status(err error) int {
	if err != nil {
		return 1
	}
	return 0
}
