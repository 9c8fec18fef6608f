package handler

import (
	"cmp"
	"context"
	"slices"
	"sync"
	"time"

	"slb-registrar/shared/idempotency"
	"slb-registrar/shared/vsg"
)

// process does what a batch of messages asks for, as far as it can be done.
func (r *run) process(ctx context.Context, batch []*message) {
	ctx, cancel := r.clock.work(ctx)
	defer cancel()
	var entries []*entry
	seen := map[*entry]bool{}
	for _, m := range batch {
		for _, e := range m.entries {
			if e.outcome.Status == "" && !seen[e] {
				seen[e] = true
				entries = append(entries, e)
			}
		}
	}
	var hooks sync.WaitGroup
	for _, round := range rounds(entries) {
		r.round(ctx, &hooks, round)
	}
	hooks.Wait()
}

// rounds puts changes of the same backend one after another: removals before
// launches, the latest removal first, so that a launch that a removal of the
// same batch has overtaken is never sent.
func rounds(entries []*entry) [][]*entry {
	ordered := slices.Clone(entries)
	slices.SortStableFunc(ordered, func(a, b *entry) int {
		if a.change.Action != b.change.Action {
			if a.change.Action == vsg.Remove {
				return -1
			}
			return 1
		}
		if a.change.Action == vsg.Remove {
			return b.change.At.Compare(a.change.At)
		}
		return a.change.At.Compare(b.change.At)
	})
	turn := map[idempotency.Subject]int{}
	last := map[idempotency.Subject]*entry{}
	var out [][]*entry
	for _, e := range ordered {
		n := turn[e.subject()]
		turn[e.subject()]++
		if before := last[e.subject()]; before != nil && before.change.Action == vsg.Add {
			e.after = before
		}
		last[e.subject()] = e
		if n == len(out) {
			out = append(out, nil)
		}
		out[n] = append(out[n], e)
	}
	// The order of first mention is what people expect to see in the calls.
	position := make(map[*entry]int, len(entries))
	for i, e := range entries {
		position[e] = i
	}
	for _, round := range out {
		slices.SortFunc(round, func(a, b *entry) int { return cmp.Compare(position[a], position[b]) })
	}
	return out
}

// round claims, applies and settles changes of different backends. Additions
// do not wait for drains, and neither waits for what others hold.
func (r *run) round(ctx context.Context, hooks *sync.WaitGroup, entries []*entry) {
	var parts sync.WaitGroup
	r.claim(ctx, hooks, &parts, entries)
	parts.Wait()
}

// change makes the changes that have been claimed.
func (r *run) change(ctx context.Context, hooks *sync.WaitGroup, entries []*entry) {
	draining, direct := split(entries, func(e *entry) bool {
		return e.change.Action == vsg.Remove && e.route.OnTerminate.Drain > 0
	})
	var parts sync.WaitGroup
	parts.Go(func() { r.apply(ctx, hooks, direct) })
	parts.Go(func() { r.drain(ctx, hooks, draining) })
	parts.Wait()
}

// apply makes the changes and settles them.
func (r *run) apply(ctx context.Context, hooks *sync.WaitGroup, entries []*entry) {
	if len(entries) == 0 {
		return
	}
	outcomes := r.send(ctx, entries, "")
	for i, e := range entries {
		// The service does not say that it was a member, but we put it there.
		if outcomes[i].Status == vsg.Added && e.after != nil && (e.after.outcome.Status == vsg.Added || e.after.outcome.Status == vsg.Already) {
			outcomes[i].Status = vsg.Already
		}
	}
	r.rouse(ctx, entries, outcomes)
	r.settle(ctx, hooks, entries, outcomes)
}

// rouse gives launches their weight that found their backend without one, where
// that is what a drain leaves behind: the termination that had begun it is older
// than the launch and will never finish it. Any other weight is somebody's
// intention, and stands.
func (r *run) rouse(ctx context.Context, entries []*entry, outcomes []vsg.Outcome) {
	var idle []*entry
	var places []int
	for i, e := range entries {
		if outcomes[i].Idle && outcomes[i].Status.Succeeded() && e.route.OnTerminate.Drain > 0 {
			idle, places = append(idle, e), append(places, i)
		}
	}
	if len(idle) == 0 {
		return
	}
	for i, o := range r.send(ctx, idle, vsg.SetWeight) {
		switch o.Status {
		case vsg.Weighted:
		case vsg.Absent:
			outcomes[places[i]] = vsg.Outcome{Status: vsg.Retry, Code: "Gone", Message: "the backend was removed after it had been added"}
		default:
			outcomes[places[i]] = o
		}
	}
}

// send hands the changes to the engine, with another action where one is named.
func (r *run) send(ctx context.Context, entries []*entry, as vsg.Action) []vsg.Outcome {
	changes := make([]vsg.Change, len(entries))
	for i, e := range entries {
		changes[i] = e.change
		if as != "" {
			changes[i].Action = as
		}
		if as == vsg.SetWeight && e.change.Action == vsg.Remove {
			changes[i].Backend.Weight = 0 // a drain
		}
	}
	outcomes, report := r.h.engine.Apply(ctx, r.in.API, changes)
	r.count(report)
	return outcomes
}

// drain takes the weight from backends, waits once for the connections that
// they still have, and removes them. What is no member is not waited for.
func (r *run) drain(ctx context.Context, hooks *sync.WaitGroup, entries []*entry) {
	if len(entries) == 0 {
		return
	}
	var wait time.Duration
	var over []*entry // nothing to wait for, or no use in going on
	var reasons []vsg.Outcome
	var ready []*entry
	for i, o := range r.send(ctx, entries, vsg.SetWeight) {
		e := entries[i]
		switch o.Status {
		case vsg.Retry, vsg.Absent:
			over, reasons = append(over, e), append(reasons, o)
			continue
		case vsg.Weighted:
			wait = max(wait, e.route.OnTerminate.Drain)
		}
		ready = append(ready, e)
	}
	r.settle(ctx, hooks, over, reasons)
	if !sleep(ctx, wait) {
		r.settle(ctx, hooks, ready, repeat(vsg.Outcome{Status: vsg.Retry, Code: "Deadline", Message: "the invocation ended while the backend was draining"}, len(ready)))
		return
	}
	r.apply(ctx, hooks, ready)
}

// sleep waits for d and reports whether it could.
func sleep(ctx context.Context, d time.Duration) bool {
	if d <= 0 {
		return true
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}

func split(entries []*entry, yes func(*entry) bool) (in, out []*entry) {
	for _, e := range entries {
		if yes(e) {
			in = append(in, e)
		} else {
			out = append(out, e)
		}
	}
	return in, out
}

func repeat(o vsg.Outcome, n int) []vsg.Outcome {
	out := make([]vsg.Outcome, n)
	for i := range out {
		out[i] = o
	}
	return out
}
