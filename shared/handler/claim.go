package handler

import (
	"context"
	"crypto/rand"
	"sync"

	"slb-registrar/shared/event"
	"slb-registrar/shared/idempotency"
	"slb-registrar/shared/route"
	"slb-registrar/shared/vsg"
)

// claim asks the store for the records of the backends and sets to work as the
// answers come: on what is free at once, on what somebody else holds when it
// becomes free. Parts of the work go on when claim returns; they are in parts.
func (r *run) claim(ctx context.Context, hooks, parts *sync.WaitGroup, entries []*entry) {
	if len(entries) == 0 {
		return
	}
	owner := idempotency.Owner{Token: rand.Text(), Hold: r.clock.hold()}
	claims := make([]idempotency.Claim, len(entries))
	for i, e := range entries {
		claims[i] = idempotency.Claim{
			Subject: e.subject(), Action: e.change.Action, Key: e.key, At: e.change.At,
			Pending: e.pending, Content: idempotency.ContentOf(e.change),
		}
	}
	asked := false
	err := idempotency.ClaimEach(ctx, r.h.store, owner, claims, func(places []int, verdicts []idempotency.Verdict) {
		asked = true
		answered := make([]*entry, len(places))
		for i, place := range places {
			answered[i] = entries[place]
		}
		r.answered(ctx, hooks, parts, owner, answered, verdicts)
	})
	switch {
	case err == nil:
	case asked:
		r.log.Error().Err(err).Msg("the store went down: what was held by others is left for a redelivery")
	case ctx.Err() != nil:
		r.finish(ctx, hooks, entries, repeat(outOfTime, len(entries)))
	case r.h.config.WhenStoreDown == route.Open:
		r.log.Error().Err(err).Int("changes", len(entries)).
			Msg("the store is down: going on without it, as configured; duplicates and late launches are not detected")
		parts.Go(func() { r.change(ctx, hooks, entries) })
	default:
		r.log.Error().Err(err).Int("changes", len(entries)).Msg("the store is down: these changes are left for a redelivery")
		r.finish(ctx, hooks, entries, repeat(storeDown(err), len(entries)))
	}
}

// answered does what the store's answers lead to.
func (r *run) answered(ctx context.Context, hooks, parts *sync.WaitGroup, owner idempotency.Owner, entries []*entry, verdicts []idempotency.Verdict) {
	var mine, doubtful []*entry
	for i, v := range verdicts {
		e := entries[i]
		one := []*entry{e}
		switch v.Standing {
		case idempotency.Claimed:
			e.owner = owner.Token
			mine = append(mine, e)
		case idempotency.Held:
			r.finish(ctx, hooks, one, []vsg.Outcome{heldElsewhere})
		case idempotency.Duplicate:
			if v.ContentDiffers {
				r.log.Warn().Str("idempotencyKey", e.key).Str("serverId", e.change.Backend.ServerID).Str("vServerGroupId", e.change.Group.ID).
					Msg("a duplicate asks for another weight or type than the launch it repeats: the first one stands")
			}
			r.finish(ctx, hooks, one, []vsg.Outcome{{Status: vsg.Duplicate}})
		case idempotency.Superseded:
			if e.change.Action == vsg.Add && e.change.At.IsZero() && e.hook != nil && !e.pending {
				doubtful = append(doubtful, e)
				continue
			}
			r.finish(ctx, hooks, one, []vsg.Outcome{{Status: vsg.Superseded}})
		}
	}
	if len(mine) > 0 {
		parts.Go(func() { r.change(ctx, hooks, mine) })
	}
	if len(doubtful) > 0 {
		parts.Go(func() { r.reconsider(ctx, hooks, doubtful) })
	}
}

// reconsider asks Auto Scaling about launches that nobody knows the time of
// and that a removal seems to have overtaken: while a hook's action is still
// pending, its instances are certainly not the ones that were removed before.
func (r *run) reconsider(ctx context.Context, hooks *sync.WaitGroup, entries []*entry) {
	type answer struct {
		pending bool
		err     error
	}
	answers := map[*event.Hook]answer{}
	var again []*entry
	for _, e := range entries {
		a, known := answers[e.hook]
		if !known {
			a.pending, a.err = r.stillPending(ctx, e.hook)
			answers[e.hook] = a
		}
		if a.err != nil {
			r.finish(ctx, hooks, []*entry{e}, []vsg.Outcome{pendingUnknown(a.err)})
			continue
		}
		if !a.pending {
			r.finish(ctx, hooks, []*entry{e}, []vsg.Outcome{{Status: vsg.Superseded}})
			continue
		}
		e.pending = true
		again = append(again, e)
	}
	var parts sync.WaitGroup
	r.claim(ctx, hooks, &parts, again)
	parts.Wait()
}

// settle records how claimed changes ended and finishes them. A change whose
// record could not be written is not certain: its message comes again, finds
// the effect in place, and completes the record.
func (r *run) settle(ctx context.Context, hooks *sync.WaitGroup, entries []*entry, outcomes []vsg.Outcome) {
	if len(entries) == 0 {
		return
	}
	byOwner := map[string][]int{}
	for i, e := range entries {
		if e.owner != "" {
			byOwner[e.owner] = append(byOwner[e.owner], i)
		}
	}
	recording, cancel := r.clock.record(ctx)
	defer cancel()
	for token, indices := range byOwner {
		settlements := make([]idempotency.Settlement, len(indices))
		for j, i := range indices {
			e := entries[i]
			settlements[j] = idempotency.Settlement{
				Subject: e.subject(), Action: e.change.Action, Key: e.key, At: e.change.At,
				Content: idempotency.ContentOf(e.change), Completed: outcomes[i].Status.Succeeded(),
			}
		}
		kept, err := r.h.store.Settle(recording, idempotency.Owner{Token: token}, settlements)
		if err != nil {
			r.log.Error().Err(err).Int("changes", len(indices)).Msg("what was done could not be recorded")
		}
		for j, i := range indices {
			switch {
			case !settlements[j].Completed:
			case err != nil && r.h.config.WhenStoreDown != route.Open:
				outcomes[i] = storeDown(err)
			case err == nil && !kept[j]:
				outcomes[i] = vsg.Outcome{Status: vsg.Retry, Code: "ClaimLost", Message: "another invocation took over while this one was at work"}
			}
		}
	}
	r.finish(ctx, hooks, entries, outcomes)
}

// finish writes the outcomes down, logs those that did not succeed, and starts
// to complete the hooks whose last change this was.
func (r *run) finish(ctx context.Context, hooks *sync.WaitGroup, entries []*entry, outcomes []vsg.Outcome) {
	var over []*hookState
	r.mu.Lock()
	for i, e := range entries {
		e.outcome = outcomes[i]
		for _, h := range e.hooks {
			if h.open--; h.open == 0 {
				over = append(over, h)
			}
		}
	}
	r.mu.Unlock()
	for _, e := range entries {
		r.logChange(e)
	}
	for _, h := range over {
		hooks.Go(func() { r.completeHook(ctx, h) })
	}
}

// heldElsewhere is the outcome of a change whose record did not become free.
var heldElsewhere = vsg.Outcome{Status: vsg.Retry, Code: "Held", Message: "another invocation is changing this backend"}

// outOfTime is the outcome of a change that was not begun.
var outOfTime = vsg.Outcome{Status: vsg.Retry, Code: "Deadline", Message: "the invocation ended before this change was begun"}

// pendingUnknown is the outcome of a launch that may or may not be overtaken: to
// take a failed question for a no would lose it.
func pendingUnknown(err error) vsg.Outcome {
	return vsg.Outcome{Status: vsg.Retry, Code: "PendingUnknown", Message: "whether this launch is still pending could not be found out: " + err.Error()}
}

func storeDown(err error) vsg.Outcome {
	return vsg.Outcome{Status: vsg.Retry, Code: "StoreUnavailable", Message: err.Error()}
}
