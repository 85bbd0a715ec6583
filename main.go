// Gatehouse is a developer portal with the gate built in: owners publish usage plans, developers subscribe and copy keys, and the gateway enforces
// exactly those plans. docs/ says the rest; `gatehouse help` lists the commands.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
	_ "time/tzdata" // small systems have no time zones of their own

	"gatehouse/models/openapi"
)

func main() {
	if len(os.Args) == 2 && os.Args[1] == openapi.ChildArgument {
		os.Exit(openapi.ChildMain(os.Stdin, os.Stdout))
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	os.Exit(run(ctx, os.Args[1:], program{getenv: os.Getenv, stdin: os.Stdin, stdout: os.Stdout, stderr: os.Stderr}))
}

// program is what a command has of the world.
type program struct {
	getenv         func(string) string
	stdin          io.Reader
	stdout, stderr io.Writer
}

// Exit statuses: a command that could not do its work, and one that was called wrongly.
const (
	exitFailed = 1
	exitUsage  = 2
)

// errUsage marks what the caller typed wrongly.
var errUsage = errors.New("usage")

type command struct {
	name, about string
	run         func(ctx context.Context, p program, args []string) error
}

func commands() []command {
	return []command{
		{"demo", "run everything on this machine, with sample data", demo},
		{"serve", "run the portal and the gateway", serve},
		{"account", "create | list | set-role | reset-password | disable | enable", account},
		{"key", "import | export keys as CSV", key},
		{"credential", "create | list | disable | enable | revoke access keys of the management API", credential},
		{"backup", "write everything to one file, beside a running server", backup},
		{"restore", "make the data folder from a backup", restore},
		{"migrate", "bring the database's schema up to date", migrate},
		{"check", "check configuration, database and keyring", check},
		{"version", "print the version", version},
	}
}

// run executes one command and returns the exit status.
func run(ctx context.Context, args []string, p program) int {
	name := "help"
	if len(args) > 0 {
		name = args[0]
	}
	if name == "help" || name == "-h" || name == "--help" {
		help(p.stdout)
		return 0
	}
	for _, c := range commands() {
		if c.name != name {
			continue
		}
		err := c.run(ctx, p, args[1:])
		switch {
		case err == nil || errors.Is(err, flag.ErrHelp):
			return 0
		case errors.Is(err, errUsage):
			fmt.Fprintf(p.stderr, "gatehouse %s: %v\n", name, err)
			return exitUsage
		default:
			fmt.Fprintf(p.stderr, "gatehouse %s: %v\n", name, err)
			return exitFailed
		}
	}
	fmt.Fprintf(p.stderr, "gatehouse: there is no command %q\n\n", name)
	help(p.stderr)
	return exitUsage
}

func help(w io.Writer) {
	fmt.Fprintln(w, "Gatehouse: a developer portal with the gate built in.\n\nUsage: gatehouse COMMAND [flags]")
	fmt.Fprintln(w)
	for _, c := range commands() {
		fmt.Fprintf(w, "  %-10s %s\n", c.name, c.about)
	}
	fmt.Fprintln(w, "\n`gatehouse COMMAND --help` lists a command's flags; each can be an environment variable too: --portal-listen is GATEHOUSE_PORTAL_LISTEN.")
}
