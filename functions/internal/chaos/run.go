package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"slb-registrar/functions/local/runtimeapi"
	"slb-registrar/shared/clbtest"
)

// options say what to run.
type options struct {
	For        time.Duration
	Seed       uint64
	Rate       float64 // instances a second
	Kills      float64 // a second
	Drain      time.Duration
	Turns      bool
	FC, Lambda string // built binaries; empty to build them
	Logs       string // a file to keep what they print
	Out        io.Writer
}

// runner is one run.
type runner struct {
	options    options
	keys       []accessKey
	configFile string
	storeURL   string

	world      *world
	activities []*activity
	ledger     *ledger
	queue      *queue
	gate       *gate
	sim        *clbtest.Simulator
	hosts      []*host
	logs       *logBook
	memory     *memory
	burials    sync.WaitGroup // of killed processes

	tally struct{ invocations, deliveries, retries, kills, timeouts atomic.Int64 }

	mu     sync.Mutex
	broken []violation
}

// run makes one run and returns a *brokenError if a promise was broken.
func run(ctx context.Context, o options) error {
	dir, err := os.MkdirTemp("", "chaos")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	r := &runner{options: o, keys: accessKeys(), ledger: newLedger(), memory: &memory{}}
	if err := r.prepare(ctx, dir); err != nil {
		return err
	}
	store, err := startStore(dir)
	if err != nil {
		return err
	}
	defer store.stop()
	r.storeURL = "redis://" + store.address
	if o.Turns {
		r.storeURL += "?turns=1"
	}
	defer r.logs.close()
	fmt.Fprintf(o.Out, "seed %d: %d activities on %d instances within %v; store %s, turns %v\n",
		o.Seed, len(r.activities), r.instanceCount(), o.For, store.name, o.Turns)

	began := time.Now()
	runErr := r.play(ctx)
	r.end() //nolint:contextcheck // a driver closes without one
	if runErr != nil {
		return runErr
	}
	h := &history{activities: r.activities, calls: r.ledger.calls, deliveries: r.ledger.deliveries, state: r.sim.State()}
	findings := h.judge()
	r.broken = append(r.broken, findings.violations...)
	r.broken = append(r.broken, r.logs.leaks(r.keys, r.gate.signatures)...)
	r.broken = append(r.broken, r.memory.judge()...)
	r.report(findings, time.Since(began))
	if len(r.broken) > 0 {
		return &brokenError{r.broken}
	}
	return nil
}

// prepare makes the world, the plan, the simulator and the binaries.
func (r *runner) prepare(ctx context.Context, dir string) error {
	o := r.options
	r.world = newWorld(newRandom(o.Seed, 0))
	r.activities = plan(o.Seed, r.world, o.For, o.Rate)
	r.queue = newQueue(r.ledger, o.Seed)
	r.gate = newGate(r.ledger, o.Seed)
	keys, tokens := map[string]string{}, map[string]string{}
	for _, k := range r.keys {
		keys[k.id] = k.secret
		if k.token != "" {
			tokens[k.token] = k.id
		}
	}
	r.sim = clbtest.New(clbtest.Options{
		AccessKeys: keys, SecurityTokens: tokens, Latency: 15 * time.Millisecond, Settle: 15 * time.Millisecond,
		State: clbtest.State{LoadBalancers: r.world.balancers}, Faults: faults(o.Seed, r.activities), Observe: r.gate.observe,
	})
	r.gate.sim = r.sim
	var err error
	if r.configFile, err = tempFile(dir, "registrar.yaml", r.world.config()); err != nil {
		return err
	}
	if r.logs, err = newLogBook(dir, o.Logs); err != nil {
		return err
	}
	fc, lambda := o.FC, o.Lambda
	for _, b := range []struct {
		path *string
		name string
		tags string
	}{{&fc, "fc", ""}, {&lambda, "lambda", "lambda.norpc"}} {
		if *b.path != "" {
			if *b.path, err = filepath.Abs(*b.path); err != nil {
				return err
			}
			continue
		}
		*b.path = filepath.Join(dir, b.name)
		build := exec.CommandContext(ctx, "go", "build", "-tags", b.tags, "-o", *b.path, "slb-registrar/functions/"+b.name)
		if out, err := build.CombinedOutput(); err != nil {
			return fmt.Errorf("%s: %w\n%s", build, err, out)
		}
	}
	r.hosts = []*host{
		{name: "fc-a", platform: runtimeapi.FC, binary: fc, concurrency: 1},
		{name: "fc-b", platform: runtimeapi.FC, binary: fc, concurrency: 1},
		{name: "fc-still", platform: runtimeapi.FC, binary: fc, concurrency: 1, immortal: true},
		{name: "custom", platform: runtimeapi.FCCustom, binary: fc, concurrency: 16},
		{name: "custom-still", platform: runtimeapi.FCCustom, binary: fc, concurrency: 16, immortal: true},
		{name: "lambda-a", platform: runtimeapi.Lambda, binary: lambda, concurrency: 1},
		{name: "lambda-b", platform: runtimeapi.Lambda, binary: lambda, concurrency: 1},
		{name: "lambda-c", platform: runtimeapi.Lambda, binary: lambda, concurrency: 1},
		{name: "lambda-still", platform: runtimeapi.Lambda, binary: lambda, concurrency: 1, immortal: true},
	}
	return nil
}

// play lets everything happen, and returns when the queues are empty.
func (r *runner) play(ctx context.Context) error {
	working, stop := context.WithCancel(ctx)
	defer stop()
	killing, ceasefire := context.WithTimeout(working, r.options.For)
	defer ceasefire()
	var consumers, others sync.WaitGroup
	var failed atomic.Pointer[error]
	consumerCount := uint64(0)
	for _, h := range r.hosts {
		for range h.concurrency {
			consumerCount++
			number := consumerCount // of this consumer alone, for its own random choices
			consumers.Go(func() {
				if err := r.consume(working, h, number); err != nil && failed.CompareAndSwap(nil, &err) {
					stop()
				}
			})
		}
	}
	if r.options.Kills > 0 {
		others.Go(func() { r.killer(killing) })
	}
	others.Go(func() { r.memory.watch(working, r.hosts) })
	r.publish(working)
	r.drain(working)
	stop()
	consumers.Wait()
	others.Wait()
	if err := failed.Load(); err != nil {
		return *err
	}
	if ctx.Err() != nil {
		return errors.New("interrupted")
	}
	return nil
}

// publish lets activities happen in the order of the plan. What has to wait for
// something else happens as soon as it may.
func (r *runner) publish(ctx context.Context) {
	began := time.Now()
	waiting := r.activities
	for len(waiting) > 0 && ctx.Err() == nil {
		var later []*activity
		for i, a := range waiting {
			if time.Since(began) < a.offset {
				later = append(later, waiting[i:]...)
				break
			}
			if !r.mayHappen(a) {
				later = append(later, a)
				continue
			}
			r.happen(a)
		}
		if waiting = later; !sleep(ctx, 10*time.Millisecond) {
			return
		}
		if time.Since(began) > r.options.For+r.options.Drain {
			r.broke("an activity waits for ever", "%s waits for %s", waiting[0], waiting[0].before[0])
			return
		}
	}
}

func (r *runner) mayHappen(a *activity) bool {
	for _, b := range a.before {
		if !r.ledger.wasPublished(b) || a.strict() && !r.ledger.isOver(b) {
			return false
		}
	}
	return true
}

// happen makes an activity real and sends its message.
func (r *runner) happen(a *activity) {
	var st clbtest.State
	if a.launch && len(a.before) == 0 && a.form != noise {
		for _, id := range a.instances {
			st.Instances = append(st.Instances, clbtest.Instance{InstanceID: id, RunningAfter: a.late.String(), HealthyAfter: a.late.String()})
		}
	}
	if a.form.isHook() {
		st.LifecycleActions = append(st.LifecycleActions, clbtest.LifecycleAction{
			LifecycleHookID: a.hookID(), LifecycleActionToken: a.token(), InstanceIDs: a.instances, Timeout: "6h",
			ScalingActivityID: a.scalingActivity(),
		})
	}
	if err := r.sim.Put(st); err != nil {
		r.broke("the program is wrong", "%s: %v", a, err)
	}
	r.ledger.publish(a)
	r.queue.put(a, time.Now())
}

// drain waits until all messages are acknowledged.
func (r *runner) drain(ctx context.Context) {
	end := time.Now().Add(r.options.Drain)
	for ctx.Err() == nil {
		n, it := r.queue.rest()
		if n == 0 {
			return
		}
		if time.Now().After(end) {
			r.broke("a message is never done", "after %v of quiet %d copies still come again, one of them of %s, received %d times",
				r.options.Drain, n, it.activity, r.queue.received(it))
			return
		}
		sleep(ctx, 20*time.Millisecond)
	}
}

// end ends all processes and waits until what they sent has arrived.
func (r *runner) end() {
	for _, h := range r.hosts {
		h.mu.Lock()
		gen := h.current
		h.mu.Unlock()
		if gen != nil {
			gen.armed.Store(nil)
			r.bury(gen)
		}
	}
	r.burials.Wait()
	r.gate.underway.Wait()
	r.gate.close()
}

func (r *runner) instanceCount() int {
	n := 0
	for _, a := range r.activities {
		if a.launch && len(a.before) == 0 {
			n += len(a.instances)
		}
	}
	return n
}
