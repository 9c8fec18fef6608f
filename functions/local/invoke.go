package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"reflect"
	"slices"
	"strconv"
	"time"

	"slb-registrar/shared/event"
	"slb-registrar/shared/handler"
	"slb-registrar/shared/route"
)

type invokeCommand struct {
	Platform string        `enum:"auto,fc,lambda" default:"auto" help:"Whose answer to give: auto (by the event), fc or lambda."`
	Config   string        `placeholder:"FILE" help:"The routes; else REGISTRAR_CONFIG, ./registrar.yaml, functions/registrar.yaml, the built-in sample."`
	Endpoint string        `placeholder:"URL" env:"REGISTRAR_ENDPOINT" help:"A CLB and ESS endpoint, real or simulated; default: a simulator in this process."`
	Store    string        `placeholder:"URL" env:"REGISTRAR_STORE" default:"memory:" help:"Where records live: memory:, bolt:PATH, redis://…, dynamodb://TABLE?region=…"`
	Timeout  time.Duration `default:"60s" help:"Time-out of each invocation."`
	Output   format        `enum:"json,table," default:"" help:"json (one Result a line) or table; default: table on a terminal."`
	DryRun   bool          `help:"Plan only: no network, no store."`
	Binary   string        `placeholder:"PATH" help:"Drive a built function binary through its platform's runtime API instead."`
	Events   []string      `arg:"" name:"event" help:"Files with events, or - for standard input."`
}

// source is one EVENT of the command line.
type source struct {
	name string
	body []byte
}

// Run runs the events in order, in one process, with one store.
func (c *invokeCommand) Run(ctx context.Context, std stdio) error {
	if c.Timeout <= 0 {
		return fmt.Errorf("--timeout %v: a time-out has to be positive", c.Timeout)
	}
	sources, err := readSources(std.in, c.Events)
	if err != nil {
		return err
	}
	if c.Binary != "" {
		return c.drive(ctx, std, sources)
	}
	bench, err := open(ctx, std, settings{config: c.Config, store: c.Store, endpoint: c.Endpoint, dryRun: c.DryRun}, sources)
	if err != nil {
		return err
	}
	defer bench.close()
	out := c.Output.orDefault(std.out)
	var results []handler.Result
	for i, s := range sources {
		if ctx.Err() != nil {
			return interrupted(std, sources[i:])
		}
		result := bench.invoke(ctx, c.Timeout, c.Platform, strconv.Itoa(i+1), s.body)
		results = append(results, result)
		if err := printResult(std.out, out, s.name, result); err != nil {
			return failed(std, err)
		}
	}
	if status := exitOf(results); status != exitDone {
		return status
	}
	return nil
}

// interrupted ends a command before all of its events were run.
func interrupted(std stdio, left []source) error {
	return failed(std, fmt.Errorf("interrupted before %s (events left: %d)", left[0].name, len(left)))
}

// failed ends a command whose usage was right.
func failed(std stdio, err error) error {
	fmt.Fprintf(tidy{std.err}, "slb-registrar: %v\n", err)
	return exitStatus(exitFailed)
}

// invoke runs one event and adds the answer that the platform would get.
func (b *bench) invoke(ctx context.Context, timeout time.Duration, platform, requestID string, body []byte) handler.Result {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	if platform == "auto" {
		platform = platformOf(body)
	}
	in := b.invocation
	in.Platform, in.RequestID = platform, "local-"+requestID
	stop := b.progress.watch()
	result := b.handler.Handle(ctx, in, body)
	stop()
	answer := result.ForFunctionCompute
	if platform == "lambda" {
		answer = result.ForLambda
	}
	response, err := answer()
	result.Answer = &handler.Answer{Response: response}
	if err != nil {
		result.Answer.Error = &handler.AnswerError{Type: typeName(err), Message: err.Error()}
	}
	return result
}

// typeName is the error type that both runtimes report: the name of the Go type.
func typeName(err error) string {
	t := reflect.TypeOf(err)
	if t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	return t.Name()
}

// platformOf guesses where an event comes from: Amazon's events are for Lambda.
func platformOf(body []byte) string {
	messages, err := event.Decode(body)
	if err != nil {
		return "fc"
	}
	for _, m := range messages {
		if m.FromAWS() {
			return "lambda"
		}
	}
	return "fc"
}

func readSources(stdin io.Reader, names []string) ([]source, error) {
	var out []source
	if i := slices.Index(names, "-"); i >= 0 && slices.Contains(names[i+1:], "-") {
		return nil, errors.New("standard input (-) can be read only once")
	}
	for _, name := range names {
		var body []byte
		var err error
		if name == "-" {
			body, err = io.ReadAll(stdin)
		} else {
			body, err = os.ReadFile(name)
		}
		if err != nil {
			return nil, fmt.Errorf("cannot read the event: %w", err)
		}
		out = append(out, source{name, body})
	}
	return out, nil
}

// exitOf adds the results up: 2 when every message was rejected, 1 when
// anything failed or has to come again.
func exitOf(results []handler.Result) exitStatus {
	messages, rejected, failed := 0, 0, false
	for _, r := range results {
		for _, m := range r.Messages {
			messages++
			switch m.Status {
			case handler.Rejected:
				rejected++
			case handler.Retry:
				failed = true
			}
		}
		for _, h := range r.Hooks {
			failed = failed || h.Status == handler.HookFailed
		}
	}
	switch {
	case messages > 0 && rejected == messages && !anyChange(results):
		return exitUsage
	case failed || rejected > 0:
		return exitFailed
	}
	return exitDone
}

// anyChange tells messages that could not be used from changes that failed.
func anyChange(results []handler.Result) bool {
	for _, r := range results {
		if len(r.Changes) > 0 {
			return true
		}
	}
	return false
}

// findConfig follows the order that the help promises. The built-in sample is
// only good enough for the built-in simulator: a real load balancer deserves a
// config that somebody wrote for it.
func findConfig(flag string, sample []byte, sampleAllowed bool) (*route.Config, string, error) {
	for _, candidate := range []string{flag, os.Getenv("REGISTRAR_CONFIG")} {
		if candidate != "" {
			c, err := route.Load(candidate)
			return c, candidate, err
		}
	}
	for _, path := range []string{"registrar.yaml", "functions/registrar.yaml"} {
		if _, err := os.Stat(path); err == nil {
			c, err := route.Load(path)
			return c, path, err
		}
	}
	if !sampleAllowed {
		return nil, "", errors.New("no config: give --config FILE, set REGISTRAR_CONFIG, or put a registrar.yaml here")
	}
	c, err := route.Parse(sampleName, sample)
	return c, sampleName, err
}

// sampleName is what errors call the sample that is built in.
const sampleName = "built-in sample"
