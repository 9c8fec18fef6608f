// Command slb-registrar runs the functions of this project on a laptop: it
// takes events the whole way against a built-in CLB simulator or a real
// endpoint, serves that simulator to others, checks files, and compares what
// should be registered with what is.
//
// Results go to standard output, logs to standard error. The exit status is 0
// when everything was done, 1 when something has to come again or failed, 2
// for bad usage or when no message could be used, and 3 when a dry reconcile run
// found drift. A message whose change the load balancer refused could be used:
// that is a 1, also when it is the only one.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"github.com/alecthomas/kong"
)

// The exit statuses.
const (
	exitDone   = 0
	exitFailed = 1
	exitUsage  = 2
	exitDrift  = 3
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	// The first interrupt lets calls in flight end; the second ends the process.
	context.AfterFunc(ctx, stop)
	status := run(ctx, os.Args[1:], stdio{os.Stdin, os.Stdout, os.Stderr})
	stop()
	os.Exit(status)
}

// stdio is where a command reads and writes.
type stdio struct {
	in       io.Reader
	out, err io.Writer
}

type commands struct {
	Invoke    invokeCommand    `cmd:"" help:"Run events the whole way: decode, route, register, answer."`
	Simulate  simulateCommand  `cmd:"" help:"Serve the CLB and ESS simulator until interrupted."`
	Reconcile reconcileCommand `cmd:"" help:"Compare scaling groups with VServer groups, and repair the difference with --repair."`
	Validate  validateCommand  `cmd:"" help:"Check configs and events, and say what is wrong and where."`
	Version   versionCommand   `cmd:"" help:"Print version, commit and Go version."`
}

// run runs one command and returns the exit status.
func run(ctx context.Context, args []string, std stdio) int {
	var c commands
	exit := -1
	parser, err := kong.New(&c,
		kong.Name("slb-registrar"),
		kong.Description("Registers launched instances with VServer groups of Alibaba Cloud CLB: fewest calls, no loss, no duplicates."),
		kong.Writers(std.out, std.err),
		kong.Exit(func(code int) { exit = code; panic(exited{}) }),
		kong.ConfigureHelp(kong.HelpOptions{Compact: true}),
		kong.BindTo(ctx, (*context.Context)(nil)),
		kong.Bind(std),
	)
	if err != nil {
		panic(err)
	}
	command, err := parse(parser, args)
	if exit >= 0 {
		return exit
	}
	if err != nil {
		fmt.Fprintf(tidy{std.err}, "slb-registrar: %v\n", err)
		return exitUsage
	}
	err = command.Run()
	var status exitStatus
	switch {
	case err == nil:
		return exitDone
	case errors.As(err, &status):
		return int(status)
	default:
		fmt.Fprintf(tidy{std.err}, "slb-registrar: %v\n", err)
		return exitUsage
	}
}

// exited unwinds the parser after it has printed its help.
type exited struct{}

func parse(parser *kong.Kong, args []string) (ctx *kong.Context, err error) {
	defer func() {
		if p := recover(); p != nil {
			if _, ok := p.(exited); !ok {
				panic(p)
			}
		}
	}()
	return parser.Parse(args)
}

// exitStatus ends a command that has already said what there is to say.
type exitStatus int

func (s exitStatus) Error() string { return fmt.Sprintf("exit status %d", int(s)) }
