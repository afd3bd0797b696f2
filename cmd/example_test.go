package cmd_test

import (
	"context"
	"fmt"
	"os"

	"github.com/alecthomas/kong"

	"github.com/credproc/credproc/cmd"
	"github.com/credproc/credproc/credproc"
)

// The commands under another name, for a tool with a parser of its own.
func ExampleApp_Run() {
	app := &cmd.App{
		Identity: credproc.Identity{Name: "acme aws", ID: "acme"},
		Stderr:   os.Stdout, // for the example
	}
	status := app.Run(context.Background(), []string{"login", "--flow"})
	fmt.Println("exit status", status)
	// Output:
	// acme aws: --flow: expected string value
	// hint: run "acme aws login --help"
	// exit status 2
}

// The commands as a part of a larger grammar.
func ExampleMount() {
	app := &cmd.App{Identity: credproc.Identity{Name: "acme aws", Command: "acme aws", ID: "acme"}, Version: "v7", Stderr: os.Stdout}
	var grammar struct {
		Profile string
		AWS     cmd.Mount `cmd:"" passthrough:"" name:"aws"`
	}
	parser := kong.Must(&grammar, kong.Bind(app), kong.BindTo(context.Background(), (*context.Context)(nil)))
	parsed, err := parser.Parse([]string{"aws", "process", "--profile", "dev", "--account-id", "111111111111"})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println("exit status", app.Report(parsed.Run()))
	// Output:
	// acme aws: --profile says which role: name no other
	// exit status 2
}

// A main function answers from what is stored before it does anything else. What
// it cannot answer so, it runs.
func ExampleApp_AnswerWarm() {
	app := &cmd.App{Identity: credproc.Identity{Name: "acme aws", ID: "acme"}, Stdout: os.Stdout, Stderr: os.Stdout}
	args := []string{"version", "--unknown"} // the words after "acme aws"
	status, ok := app.AnswerWarm(args)
	if !ok {
		status = app.Run(context.Background(), args)
	}
	fmt.Println("exit status", status)
	// Output:
	// acme aws: unknown flag --unknown
	// hint: run "acme aws version --help"
	// exit status 2
}
