package main

import (
	"context"
	"fmt"
	"os"
	"strings"
	"time"

	"slb-registrar/shared/clbtest"
)

type simulateCommand struct {
	Addr        string            `default:"127.0.0.1:7070" help:"Where to listen; loopback only."`
	AccessKey   []string          `placeholder:"ID:SECRET" sep:"none" help:"An access key to accept; repeatable. Default: testid:testsecret."`
	AutoCreate  bool              `help:"Groups, load balancers and instances appear on first mention."`
	Seed        string            `placeholder:"FILE" help:"The state to start with: the JSON of GET /_sim/state."`
	Latency     time.Duration     `default:"0s" help:"How long a change takes."`
	Settle      time.Duration     `default:"0s" help:"How long a load balancer refuses changes after one."`
	MaxBackends int               `default:"200" help:"Backends a load balancer may have."`
	Duplicate   clbtest.Duplicate `enum:"ignore,update,error" default:"ignore" help:"What adding a member again does: ignore, update or error."`
	Faults      string            `placeholder:"FILE" help:"Faults to start with: the JSON of PUT /_sim/faults."`
}

// Run serves until it is interrupted.
func (c *simulateCommand) Run(ctx context.Context, std stdio) error {
	options := clbtest.Options{
		AutoCreate: c.AutoCreate, Latency: c.Latency, Settle: c.Settle, MaxBackends: c.MaxBackends, Duplicate: c.Duplicate,
	}
	if c.Latency < 0 || c.Settle < 0 || c.MaxBackends < 1 {
		return fmt.Errorf("--latency and --settle must not be negative, --max-backends must be positive")
	}
	if len(c.AccessKey) > 0 {
		options.AccessKeys = map[string]string{}
		for _, pair := range c.AccessKey {
			id, secret, ok := strings.Cut(pair, ":")
			if !ok || id == "" || secret == "" {
				return fmt.Errorf("--access-key wants ID:SECRET")
			}
			options.AccessKeys[id] = secret
		}
	}
	if err := c.load(&options); err != nil {
		return err
	}
	server, err := clbtest.Listen(ctx, c.Addr, options, false)
	if err != nil {
		return err
	}
	defer func() { _ = server.Close() }()
	fmt.Fprintf(std.out, "CLB and ESS simulator on http://%s (state: /_sim/state, calls: /_sim/calls)\n", server.Addr())
	<-ctx.Done()
	return nil
}

// load reads the files that the flags name: what the simulator starts with, and
// what a reset returns to.
func (c *simulateCommand) load(options *clbtest.Options) error {
	if c.Seed != "" {
		data, err := os.ReadFile(c.Seed)
		if err != nil {
			return fmt.Errorf("cannot read the state: %w", err)
		}
		if options.State, err = clbtest.ParseState(data); err != nil {
			return fmt.Errorf("%s: %w", c.Seed, err)
		}
	}
	if c.Faults != "" {
		data, err := os.ReadFile(c.Faults)
		if err != nil {
			return fmt.Errorf("cannot read the faults: %w", err)
		}
		if options.Faults, err = clbtest.ParseFaults(data); err != nil {
			return fmt.Errorf("%s: %w", c.Faults, err)
		}
	}
	return nil
}
