// Package instant answers a warm process command before main. Of the packages
// whose imports are initialized Go takes the one whose path is first, and so
// this one waits for no package that is after it and that it does not import:
// the answer is out before net, TLS, an HTTP client, the AWS SDK and a parser of
// arguments have made their tables, which costs more than the answer itself.
//
// One import that is late, such as net/url or path/filepath, of any package
// below internal/warm undoes that. A test counts what is initialized before the
// answer. Only the program credproc imports this package, and its init
// function is the only one in the house.
package instant

import (
	"os"
	"syscall"
	"time"

	"github.com/credproc/credproc/internal/warm"
)

// patience is how long the files may take, of the 50 seconds that a process
// command may.
const patience = 20 * time.Second

func init() {
	if warm.Starved() { // a timer takes some of the runtime's; main says what is wrong
		return
	}
	program := warm.Program{Command: "credproc"}
	// A file system that does not answer would hold the process here for ever.
	watch := time.AfterFunc(patience, func() {
		os.Stderr.WriteString("credproc: the file system of the config file or the cache has not answered for 20 seconds\n")
		os.Exit(3)
	})
	document, ok, signalled := program.AnswerInTurn(os.Args[1:])
	watch.Stop()
	if signalled != 0 {
		os.Stderr.WriteString("credproc: " + endings[signalled] + "\n")
		os.Exit(128 + int(signalled))
	}
	if !ok {
		return
	}
	if n, err := os.Stdout.Write(document); err == nil || n > 0 {
		os.Exit(status(err))
	}
	// Nothing is written: main tries it, and says what is wrong.
}

// endings are what main says of the signals that end it.
var endings = map[syscall.Signal]string{
	syscall.SIGINT: "interrupted", syscall.SIGTERM: "terminated", syscall.SIGHUP: "hung up", syscall.SIGQUIT: "quit",
}

func status(err error) int {
	if err != nil {
		return 1
	}
	return 0
}
