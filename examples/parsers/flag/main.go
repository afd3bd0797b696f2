// Command flag mounts the commands in a tool that parses its arguments with the
// standard library: all of them as "acme aws", and login alone as "acme login".
package main

import (
	"context"
	"flag"
	"fmt"
	"os"

	"github.com/credproc/credproc/cmd"
	"github.com/credproc/credproc/credproc"
)

func main() {
	flag.Usage = func() {
		fmt.Fprintln(flag.CommandLine.Output(), "Usage: acme [flags] deploy STAGE | aws … | login …")
		flag.PrintDefaults()
	}
	flag.Bool("debug", false, "Say more.")
	flag.Bool("json", false, "Print JSON.")
	flag.String("profile", "", "A profile of acme.")
	region := flag.String("region", "", "Where to deploy.")
	flag.Parse()
	ctx := context.Background()
	switch flag.Arg(0) {
	case "aws":
		app := &cmd.App{Identity: credproc.Identity{Name: "acme aws", ID: "acme"}}
		os.Exit(app.Run(ctx, flag.Args()[1:]))
	case "login": // one command, at a place of its own, with the same logins
		app := &cmd.App{Identity: credproc.Identity{Name: "acme", Command: "acme aws", ID: "acme"}}
		os.Exit(app.Run(ctx, flag.Args()))
	case "deploy":
		fmt.Println("deployed", flag.Arg(1), "to", *region)
	default:
		flag.Usage()
		os.Exit(2)
	}
}
