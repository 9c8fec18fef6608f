package reconcile

import (
	"context"
	"errors"
	"sync"
	"time"

	"slb-registrar/shared/event"
	"slb-registrar/shared/idempotency"
	"slb-registrar/shared/registrar"
	"slb-registrar/shared/route"
	"slb-registrar/shared/vsg"
)

// DefaultMaxRemovePercent is how much of a group a run removes at most, unless
// the request says otherwise; one backend at least.
const DefaultMaxRemovePercent = 10

// Margin is how much earlier than it was seen a state counts when it is set
// against the times of events. Those are stamped by other clocks, some of them
// only to the minute.
const Margin = 2 * time.Minute

// parallel is how many tasks and how many groups a run works at, which bounds
// its memory and the rate of its readings.
const parallel = 32

// Engine makes changes: a *registrar.Registrar.
type Engine interface {
	Apply(ctx context.Context, api registrar.API, changes []vsg.Change) ([]vsg.Outcome, registrar.Report)
}

// Options are what a Reconciler is made of. All but Progress are required.
type Options struct {
	Config *route.Config
	// Engine should be that of the events of this process, so that there is one
	// writer per load balancer.
	Engine Engine
	Store  idempotency.Store
	// Progress remembers which groups were compared when, for runs that do not
	// fit their time. Without it runs begin anywhere.
	Progress Progress
}

// Reconciler compares and repairs. It is safe for concurrent use.
type Reconciler struct {
	config   *route.Config
	engine   Engine
	store    idempotency.Store
	progress Progress
	groups   []route.GroupRef
}

// New returns a Reconciler.
func New(o Options) (*Reconciler, error) {
	switch {
	case o.Config == nil:
		return nil, errors.New("reconcile: no config")
	case o.Engine == nil:
		return nil, errors.New("reconcile: no engine")
	case o.Store == nil:
		return nil, errors.New("reconcile: no store")
	}
	return &Reconciler{config: o.Config, engine: o.Engine, store: o.Store, progress: o.Progress, groups: o.Config.Groups()}, nil
}

// Invocation is what one run works with.
type Invocation struct {
	API     registrar.API
	Scaling Scaling
	// Reserve is how much time there is after the deadline of the context to
	// record what was done; half a second if zero.
	Reserve time.Duration
}

// Run compares what the request is about, repairs it if the request says so,
// and reports. It ends with its context: what was not reached by then is counted
// in the Report, and the next run begins there. It never returns an error: what
// went wrong stands in the Report, and takes nothing else along.
func (r *Reconciler) Run(ctx context.Context, in Invocation, request event.Reconcile) Report {
	if in.Reserve <= 0 {
		in.Reserve = 500 * time.Millisecond
	}
	if request.MaxRemovePercent <= 0 {
		request.MaxRemovePercent = DefaultMaxRemovePercent
	}
	tasks, problems := r.scope(request)
	u := &run{Reconciler: r, in: in, request: request, slots: make(chan struct{}, parallel)}
	u.report.Engine.Calls = map[string]int{}
	u.report.Problems = problems
	for i := range problems {
		problems[i].Failed = problems[i].Code != CodeOpen
	}
	for _, k := range tasks {
		u.report.Groups += len(k.targets)
	}
	next := u.sequence(ctx, tasks)
	var workers sync.WaitGroup
	for range min(parallel, len(tasks)) {
		workers.Go(func() {
			for k := next(); k != nil; k = next() {
				u.do(ctx, k)
			}
		})
	}
	workers.Wait()
	u.sort()
	return u.report
}

// run is the book-keeping of one run.
type run struct {
	*Reconciler
	in      Invocation
	request event.Reconcile
	slots   chan struct{} // of scaling groups that are read and groups that are worked at

	mu     sync.Mutex
	report Report
}

// do compares the groups of one task and repairs them.
func (r *run) do(ctx context.Context, k *task) {
	if ctx.Err() != nil {
		for range k.targets {
			r.notReached()
		}
		return
	}
	d := r.desire(ctx, k)
	var parts sync.WaitGroup
	for _, t := range k.targets {
		r.slots <- struct{}{}
		parts.Go(func() {
			defer func() { <-r.slots }()
			if r.group(ctx, t, d) {
				k.compared.Store(true)
			}
		})
	}
	parts.Wait()
	if ctx.Err() == nil || k.first || k.compared.Load() {
		r.mark(ctx, k)
	}
}

// group compares one group and repairs it. It reports whether it could.
func (r *run) group(ctx context.Context, t *target, d desired) bool {
	if t.nothingKnown(d) {
		if ctx.Err() != nil {
			r.notReached()
		}
		return false
	}
	reply, err := r.describe(ctx, t)
	switch {
	case err != nil && err.Code == CodeDeadline:
		r.notReached()
		return false
	case err != nil:
		r.problem(err.in(Problem{Group: t.group}))
		return false
	}
	drift := t.compare(d, reply.LoadBalancerID, reply.Backends)
	drift = r.confirm(ctx, t, d, drift)
	changes := r.plan(drift, len(reply.Backends))
	if r.request.Repair {
		r.repair(ctx, changes)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.report.Compared++
	for _, found := range drift {
		r.report.Drift = append(r.report.Drift, *found)
	}
	for _, c := range changes {
		if c.drift.Left == "" {
			r.report.Changes = append(r.report.Changes, c.Change)
		}
	}
	return true
}

// problem reports one. That the time was over is no problem: it is counted.
func (r *run) problem(p Problem) {
	if p.Code == CodeDeadline {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.report.Problems = append(r.report.Problems, p)
}

func (r *run) notReached() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.report.NotReached++
}
