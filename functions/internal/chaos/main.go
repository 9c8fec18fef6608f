// Command chaos holds the function binaries against their promise: every
// launched instance is in every group it belongs to, once, and nothing is lost,
// duplicated or resurrected.
//
//	go run ./functions/internal/chaos -for 60s -seed 1
//
// It plays everything around the functions. Scaling groups launch and terminate
// instances; their notifications stand in queues that deliver each of them one
// to three times, late, out of order and in batches of mixed kinds; several
// processes of the real binaries take them, killed with SIGKILL at any moment
// and replaced by new ones; one Redis server keeps their records; and a load
// balancer, the simulator of package clbtest, refuses, loses, breaks and delays
// three calls of ten.
//
// When the queues are empty, every promise is checked against what was seen on
// the wire, in the order in which it took effect. The first that was broken is
// printed, and the program ends with status 1; with 2 if it could not run.
//
// What happens is planned from the seed: which instances come and go and when,
// in which form they are told, how often and how late each message comes, what
// the faults do, when processes die. What the operating system adds to it is
// not.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"syscall"
	"time"
)

func main() { os.Exit(command()) }

// command returns the exit status.
func command() int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	o := options{Out: os.Stdout}
	flag.DurationVar(&o.For, "for", time.Minute, "how long instances come and go and processes die; what is left in the queues is worked off afterwards")
	flag.Uint64Var(&o.Seed, "seed", 1, "what everything is planned from")
	flag.Float64Var(&o.Rate, "rate", 30, "instances launched a second")
	flag.Float64Var(&o.Kills, "kills", 0.4, "processes killed a second")
	flag.DurationVar(&o.Drain, "drain", 4*time.Minute, "how long the queues may take to become empty at the end")
	flag.BoolVar(&o.Turns, "turns", false, "let processes take turns at a load balancer")
	flag.StringVar(&o.FC, "fc", "", "a built binary for Function Compute (default: build it)")
	flag.StringVar(&o.Lambda, "lambda", "", "a built binary for AWS Lambda (default: build it)")
	flag.StringVar(&o.Logs, "logs", "", "keep what the binaries print in this file")
	flag.Parse()
	if flag.NArg() > 0 || o.For <= 0 || o.Rate <= 0 || o.Kills < 0 {
		flag.Usage()
		return 2
	}
	err := run(ctx, o)
	var broken *brokenError
	if errors.As(err, &broken) {
		fmt.Fprintf(os.Stderr, "\nBROKEN: %v\n\nAgain: go run ./functions/internal/chaos -seed %d -for %v -rate %v -kills %v -turns=%v -logs chaos.log\n",
			err, o.Seed, o.For, o.Rate, o.Kills, o.Turns)
		return 1
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 2
	}
	return 0
}
