// Package handler is the way through: one event in, one [Result] out.
//
// An event is decoded into messages, each message is routed to changes, the
// records of the backends are claimed, the changes are applied in as few calls
// as possible, the records are settled, the lifecycle hooks are completed, and
// the platform gets its answer. [Handler.Handle] is that sequence and reads
// like it; every step lives in a file of its own.
//
// What it promises:
//
//   - A message is reported done only when every effect it asks for is certain.
//   - A message, backend, group or hook that fails takes no other with it.
//   - Cancelled or killed anywhere, the same event delivered again finishes the
//     job: claims lapse, changes already made are recognised, hooks already
//     completed are recognised too.
//   - Handle may be called by any number of goroutines at once.
package handler

import (
	"context"
	"errors"
	"sync/atomic"
	"time"

	"github.com/rs/zerolog"

	"slb-registrar/shared/event"
	"slb-registrar/shared/idempotency"
	"slb-registrar/shared/lifecycle"
	"slb-registrar/shared/reconcile"
	"slb-registrar/shared/registrar"
	"slb-registrar/shared/route"
)

// Options are what a Handler is made of. Config and Store are required.
type Options struct {
	Config *route.Config
	Store  idempotency.Store
	// StoreIsLocal says that the records are seen by this process only, which is
	// worth a warning wherever there may be several.
	StoreIsLocal bool
	// Engine says how the engine works; what it does is logged in any case.
	Engine   registrar.Options
	Log      zerolog.Logger
	Platform string // fc or lambda
}

// Handler handles invocations. There is one a process.
type Handler struct {
	config       *route.Config
	store        idempotency.Store
	storeIsLocal bool
	engine       *registrar.Registrar
	log          zerolog.Logger
	platform     string
	reconciler   *reconcile.Reconciler
	finisher     lifecycle.Finisher
	warm         atomic.Bool
}

// New returns a handler.
func New(o Options) (*Handler, error) {
	switch {
	case o.Config == nil:
		return nil, errors.New("handler: no config")
	case o.Store == nil:
		return nil, errors.New("handler: no store")
	}
	engine := o.Engine
	engine.Observe = func(c registrar.Call) {
		logCall(c)
		if o.Engine.Observe != nil {
			o.Engine.Observe(c)
		}
	}
	h := &Handler{
		config: o.Config, store: o.Store, storeIsLocal: o.StoreIsLocal,
		engine: registrar.New(engine), log: o.Log, platform: o.Platform,
	}
	progress, _ := o.Store.(reconcile.Progress)
	var err error
	h.reconciler, err = reconcile.New(reconcile.Options{Config: o.Config, Engine: h.engine, Store: o.Store, Progress: progress})
	return h, err
}

// API is what a handler calls: the engine's part and what readiness needs.
// The client of package clb is one.
type API interface {
	registrar.API
	lifecycle.Balancer
}

// Invocation is what the platform says about one invocation.
type Invocation struct {
	RequestID string
	Platform  string // overrides that of the Options where not empty
	// API calls the load balancer with the credentials of this invocation.
	API API
	// Hooks answers lifecycle hooks, by the platform of the hook. Hooks of a
	// platform that is missing are left to their own time-out.
	Hooks map[event.HookPlatform]lifecycle.Completer
	// Scaling reads the scaling groups of Alibaba Cloud for reconcile runs;
	// without it there are none. The client of package lifecycle/ess is one.
	Scaling reconcile.Scaling
	// DryRun plans only: no network, no store.
	DryRun bool
	// Local says that a person is trying things out: no warnings about what
	// only matters on a platform.
	Local bool
}

// Handle takes one event the whole way. It never returns an error: what went
// wrong stands in the Result, message by message. The deadline of ctx is the
// time-out of the invocation; Handle keeps a reserve before it to record and
// to answer.
func (h *Handler) Handle(ctx context.Context, in Invocation, raw []byte) Result {
	r := h.begin(ctx, in)
	ctx = r.log.WithContext(ctx)
	messages := r.decode(raw)
	r.route(messages)
	if in.DryRun {
		r.dryRun()
		return r.report()
	}
	for _, batch := range r.batches() {
		r.process(ctx, batch)
		r.reconcile(ctx, batch)
		if r.stopAfter(batch) {
			break
		}
	}
	return r.report()
}

// begin opens the books of one invocation.
func (h *Handler) begin(ctx context.Context, in Invocation) *run {
	if in.Platform == "" {
		in.Platform = h.platform
	}
	log := h.log.With().Str("requestId", in.RequestID).Logger()
	r := &run{
		h: h, in: in, log: log, started: time.Now(), clock: newClock(ctx, time.Now()),
		coldStart: h.warm.CompareAndSwap(false, true),
		byKey:     map[string]*entry{}, hooks: map[string]*hookState{}, tally: registrar.Report{Calls: map[string]int{}},
	}
	if r.coldStart && h.storeIsLocal && !in.Local {
		log.Warn().Msg("the store is this process's memory: duplicates that reach another instance are not detected")
	}
	return r
}

// decode reads the event and reports what nothing is to be done about.
func (r *run) decode(raw []byte) []event.Message {
	messages, err := event.Decode(raw)
	if err != nil {
		var e *event.Error
		if !errors.As(err, &e) {
			e = &event.Error{Code: "Malformed", Message: err.Error()}
		}
		messages = []event.Message{{Err: e}}
	}
	return messages
}
