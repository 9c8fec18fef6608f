package runtimeapi

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"
)

// instance is one process with the host it talks to.
type instance struct {
	host    host
	process *process
	init    time.Duration // until the process first asked for work
	used    atomic.Bool   // an invocation has been sent here
}

// launch starts a process and waits until it has asked for work and, at
// Function Compute, been initialised. What the function itself did wrong is a
// *FunctionError.
func (d *Driver) launch(ctx context.Context) (*instance, error) {
	o := d.options
	var h host
	var err error
	switch o.Platform {
	case FCCustom:
		h, err = newPusher()
	case Lambda:
		h, err = newPoller(lambdaProtocol, o.Stderr)
	default:
		h, err = newPoller(fcProtocol, o.Stderr)
	}
	if err != nil {
		return nil, fmt.Errorf("runtime API: %w", err)
	}
	p, err := startProcess(o, d.environment(h))
	if err != nil {
		h.close()
		return nil, fmt.Errorf("function binary: %w", err)
	}
	inst := &instance{host: h, process: p}

	bounded, cancel := context.WithTimeout(ctx, o.InitTimeout)
	defer cancel()
	select {
	case <-h.ready():
		inst.init = time.Since(p.started)
	case <-p.exited:
		h.close()
		return nil, &FunctionError{Type: d.words().exit, Message: "the function ended before it asked for work: " + p.outcome()}
	case <-bounded.Done():
		inst.discard()
		if ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
		return nil, &FunctionError{Type: d.words().init, Message: fmt.Sprintf("the function did not ask for work within %s", o.InitTimeout)}
	}
	if o.Platform != Lambda && !o.SkipInitializer {
		if err := d.callHook(ctx, inst, initialize); err != nil {
			inst.discard()
			return nil, err
		}
	}
	return inst, nil
}

// callHook runs the initializer or the pre-stop function.
func (d *Driver) callHook(ctx context.Context, inst *instance, k kind) error {
	ctx, cancel := context.WithTimeoutCause(ctx, d.options.InitTimeout, errTimedOut)
	defer cancel()
	id := newRequestID()
	deadline, _ := ctx.Deadline()
	r, err := inst.host.exchange(ctx, newDelivery(id, k, d.header(id, k, Event{}, deadline), Event{}), inst.process.exited)
	name := map[kind]string{initialize: "initializer", preStop: "pre-stop"}[k]
	switch {
	case errors.Is(err, errTimedOut):
		return &FunctionError{Type: d.words().init, Message: fmt.Sprintf("the %s function did not answer within %s", name, d.options.InitTimeout)}
	case errors.Is(err, errExited), errors.Is(err, errNotDelivered):
		return &FunctionError{Type: d.words().exit, Message: fmt.Sprintf("the process ended in its %s function: %s", name, inst.process.outcome())}
	case err != nil:
		return err
	case r.failure != nil:
		return &FunctionError{Type: d.words().init, Message: fmt.Sprintf("the %s function failed: %s", name, r.failure.Error()), Stack: r.failure.Stack}
	}
	return nil
}

// discard ends an instance that is not worth a farewell.
func (i *instance) discard() {
	i.process.kill()
	i.host.close()
}

// words are the error types under which each platform reports what it, and not
// the function, noticed.
type words struct{ exit, timeout, init string }

func (d *Driver) words() words {
	if d.options.Platform == Lambda {
		return words{exit: "Runtime.ExitError", timeout: "Sandbox.Timedout", init: "Sandbox.InitError"}
	}
	return words{exit: "UnhandledInvocationError", timeout: "FunctionTimedOut", init: "InitializationError"}
}
