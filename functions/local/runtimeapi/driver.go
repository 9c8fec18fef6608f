package runtimeapi

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"
)

// errTimedOut is the cause with which an invocation ends at its time-out.
var errTimedOut = errors.New("the function's time-out has passed")

// errClosed: the driver takes no more events.
var errClosed = errors.New("the driver is closed")

// maxDeaths is how many processes may die in a row before taking an event.
const maxDeaths = 3

// Driver is one instance of a function. It is safe for concurrent use; at most
// Options.Concurrency invocations are in progress at a time.
type Driver struct {
	options Options
	base    context.Context // of Start, without its end: for Close
	slots   chan struct{}
	closed  chan struct{}
	closing sync.Once

	starting chan struct{} // held by who starts an instance
	mu       sync.Mutex
	current  *instance // nil when there is none, or none that is alive
}

// Start starts the function and waits until it asks for work (and has run its
// initializer). What the function itself did wrong is a [*FunctionError]. The
// caller has to Close the driver.
func Start(ctx context.Context, o Options) (*Driver, error) {
	o, err := o.withDefaults()
	if err != nil {
		return nil, err
	}
	d := &Driver{
		options:  o,
		base:     context.WithoutCancel(ctx),
		slots:    make(chan struct{}, o.Concurrency),
		closed:   make(chan struct{}),
		starting: make(chan struct{}, 1),
	}
	if _, err := d.ensure(ctx); err != nil {
		return nil, err
	}
	return d, nil
}

// Platform says which protocol the driver speaks: the one of the options, or
// the one that was detected.
func (d *Driver) Platform() Platform { return d.options.Platform }

// Invoke hands the event to the function and waits for its answer. A function
// that fails, dies or overruns its time-out is no error: the Answer says so, and
// the next Invoke finds a new process. The error is for what the platform could
// not do: ctx ended (the process is then killed, for it cannot be told), the
// driver is closed, or the binary does not start.
func (d *Driver) Invoke(ctx context.Context, e Event) (Answer, error) {
	select {
	case d.slots <- struct{}{}:
		defer func() { <-d.slots }()
	case <-ctx.Done():
		return Answer{}, context.Cause(ctx)
	case <-d.closed:
		return Answer{}, errClosed
	}
	select {
	case <-d.closed: // both were possible
		return Answer{}, errClosed
	default:
	}
	if e.RequestID == "" {
		e.RequestID = newRequestID()
	}
	for range maxDeaths {
		inst, err := d.ensure(ctx)
		var failure *FunctionError
		if errors.As(err, &failure) {
			return Answer{RequestID: e.RequestID, Error: failure, ColdStart: true, Crashed: true}, nil
		}
		if err != nil {
			return Answer{}, err
		}
		answer, err := d.send(ctx, inst, e)
		if !errors.Is(err, errNotDelivered) {
			return answer, err
		}
	}
	return Answer{RequestID: e.RequestID, Crashed: true, Error: &FunctionError{Type: d.words().exit,
		Message: fmt.Sprintf("%d processes ended one after the other before they took the event", maxDeaths)}}, nil
}

func (d *Driver) send(ctx context.Context, inst *instance, e Event) (Answer, error) {
	o := d.options
	answer := Answer{RequestID: e.RequestID}
	if inst.used.CompareAndSwap(false, true) {
		answer.ColdStart, answer.InitDuration = true, inst.init
	}
	bounded, cancel := context.WithTimeoutCause(ctx, o.Timeout, errTimedOut)
	defer cancel()
	deadline := time.Now().Add(o.Timeout)
	begin := time.Now()
	r, err := inst.host.exchange(bounded, newDelivery(e.RequestID, invoke, d.header(e.RequestID, invoke, e, deadline), e), inst.process.exited)
	answer.Duration = time.Since(begin)
	switch {
	case err == nil:
		answer.Payload, answer.ContentType, answer.Error, answer.Lost = r.payload, r.contentType, r.failure, r.lost
	case errors.Is(err, errTimedOut):
		inst.process.kill()
		answer.TimedOut = true
		answer.Error = &FunctionError{Type: d.words().timeout, Message: fmt.Sprintf("Task timed out after %.2f seconds", o.Timeout.Seconds())}
	case errors.Is(err, errExited):
		answer.Crashed = true
		answer.Error = &FunctionError{Type: d.words().exit, Message: "the process ended before it answered: " + inst.process.outcome()}
	case errors.Is(err, errNotDelivered):
		return answer, err
	default:
		inst.process.kill()
		return answer, err
	}
	return answer, nil
}

// ensure returns the living instance, and starts one if there is none.
func (d *Driver) ensure(ctx context.Context) (*instance, error) {
	select {
	case d.starting <- struct{}{}:
		defer func() { <-d.starting }()
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
	last := d.instance()
	if last != nil && last.process.running() {
		return last, nil
	}
	if last != nil {
		last.host.close()
		d.replace(nil)
	}
	inst, err := d.launch(ctx)
	if err != nil {
		return nil, err
	}
	d.replace(inst)
	return inst, nil
}

func (d *Driver) instance() *instance {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.current
}

func (d *Driver) replace(inst *instance) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.current = inst
}

// PID is the process id of the function, 0 if none is running.
func (d *Driver) PID() int {
	if inst := d.instance(); inst != nil && inst.process.running() {
		return inst.process.cmd.Process.Pid
	}
	return 0
}

// StartedIn is how long the process took until it first asked for work, 0 if
// none is running.
func (d *Driver) StartedIn() time.Duration {
	if inst := d.instance(); inst != nil {
		return inst.init
	}
	return 0
}

// Kill ends the process at once, as a platform that takes its instance away in
// mid-flight. What was in progress is answered as crashed.
func (d *Driver) Kill() {
	if inst := d.instance(); inst != nil {
		inst.process.kill()
	}
}

// HangUp closes the runtime API under the living process, and returns a channel
// that is closed when the process has ended by itself. A function of the custom
// runtime does not notice, because it is the server.
func (d *Driver) HangUp() <-chan struct{} {
	inst := d.instance()
	if inst == nil {
		gone := make(chan struct{})
		close(gone)
		return gone
	}
	inst.host.close()
	return inst.process.exited
}

// Close stops the function in the order of the platform: no more events, wait
// for those in progress, pre-stop (Function Compute), terminate the process,
// and last of all the runtime API. The error is that of the pre-stop function.
// Closing twice does nothing.
func (d *Driver) Close() error {
	var err error
	d.closing.Do(func() {
		close(d.closed)
		for range cap(d.slots) { // each is bounded by the time-out
			d.slots <- struct{}{}
		}
		inst := d.instance()
		if inst == nil {
			return
		}
		if inst.process.running() && d.options.Platform != Lambda && !d.options.SkipPreStop {
			if err = d.callHook(d.base, inst, preStop); errors.Is(err, errHungUp) {
				err = nil // as was asked for
			}
		}
		ctx, cancel := context.WithTimeout(d.base, d.options.InitTimeout)
		defer cancel()
		inst.process.terminate(ctx)
		inst.host.close()
	})
	return err
}
