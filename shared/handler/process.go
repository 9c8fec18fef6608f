package handler

import (
	"context"
	"slices"
	"time"

	"slb-registrar/shared/idempotency"
	"slb-registrar/shared/vsg"
)

// process does what a batch of messages asks for, as far as it can be done.
func (r *run) process(ctx context.Context, batch []*message) {
	ctx, cancel := r.clock.work(ctx)
	defer cancel()
	var entries []*entry
	var hooks []*hookState
	seen := map[*entry]bool{}
	for _, m := range batch {
		for _, e := range m.entries {
			if e.outcome.Status == "" && !seen[e] {
				seen[e] = true
				entries = append(entries, e)
				for _, h := range e.hooks {
					h.open++
				}
			}
		}
		for _, h := range m.hooks {
			if !slices.Contains(hooks, h) {
				hooks = append(hooks, h)
			}
		}
	}
	var f flow
	for _, h := range hooks {
		if h.open == 0 { // its changes were another message's, or could not be routed
			r.answerHook(ctx, &f, h)
		}
	}
	if first := chain(entries); len(first) > 0 {
		r.part(ctx, &f, first, func() { r.claim(ctx, &f, first) })
	}
	f.parts.Wait()
	f.hooks.Wait()
}

// chain puts changes of the same backend one after another and returns the
// first of each: removals before launches, the latest removal first, so that a
// launch that a removal of the same batch has overtaken is never sent.
func chain(entries []*entry) (first []*entry) {
	ordered := slices.Clone(entries)
	slices.SortStableFunc(ordered, func(a, b *entry) int {
		switch {
		case a.change.Action != b.change.Action && a.change.Action == vsg.Remove:
			return -1
		case a.change.Action != b.change.Action:
			return 1
		case a.change.Action == vsg.Remove:
			return b.change.At.Compare(a.change.At)
		}
		return a.change.At.Compare(b.change.At)
	})
	last := map[idempotency.Subject]*entry{}
	leads := map[*entry]bool{}
	for _, e := range ordered {
		s := e.subject()
		before := last[s]
		last[s] = e
		if before == nil {
			leads[e] = true
			continue
		}
		before.next = e
		if before.change.Action == vsg.Add {
			e.after = before
		}
	}
	// The order of first mention is what people expect to see in the calls.
	for _, e := range entries {
		if leads[e] {
			first = append(first, e)
		}
	}
	return first
}

// change makes changes that have been claimed.
func (r *run) change(ctx context.Context, f *flow, entries []*entry) {
	var draining, direct []*entry
	for _, e := range entries {
		if e.change.Action == vsg.Remove && e.route.OnTerminate.Drain > 0 {
			draining = append(draining, e)
		} else {
			direct = append(direct, e)
		}
	}
	if len(draining) > 0 {
		r.part(ctx, f, draining, func() { r.drain(ctx, f, draining) })
	}
	r.apply(ctx, f, direct)
}

// apply makes the changes and settles them.
func (r *run) apply(ctx context.Context, f *flow, entries []*entry) {
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
	r.settle(ctx, f, entries, outcomes)
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
func (r *run) drain(ctx context.Context, f *flow, entries []*entry) {
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
	r.settle(ctx, f, over, reasons)
	if patience := r.clock.patience(); wait > patience {
		r.log.Warn().Int64("drainMs", wait.Milliseconds()).Int64("possibleMs", patience.Milliseconds()).
			Msg("the time-out of this function is too short for the drain of its routes, which is cut")
		wait = patience
	}
	if !sleep(ctx, wait) {
		r.settle(ctx, f, ready, repeat(cutShort, len(ready)))
		return
	}
	r.apply(ctx, f, ready)
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
