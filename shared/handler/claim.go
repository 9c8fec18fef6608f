package handler

import (
	"context"
	crand "crypto/rand"
	"math/rand/v2"
	"sync"
	"time"

	"slb-registrar/shared/event"
	"slb-registrar/shared/idempotency"
	"slb-registrar/shared/route"
	"slb-registrar/shared/vsg"
)

// Bounds of the wait between two looks at a claim that somebody else holds.
const (
	minHeldWait = 50 * time.Millisecond
	maxHeldWait = 2 * time.Second
)

// claim asks the store for the records of the backends. What is done already
// is decided here; what somebody else holds is returned to be waited for.
func (r *run) claim(ctx context.Context, hooks *sync.WaitGroup, entries []*entry) (mine, held []*entry) {
	verdicts, owner, err := r.ask(ctx, entries)
	switch {
	case err != nil && ctx.Err() != nil:
		r.finish(hooks, entries, repeat(outOfTime, len(entries)))
		return nil, nil
	case err != nil:
		if r.h.config.WhenStoreDown == route.Open {
			r.log.Error().Err(err).Int("changes", len(entries)).
				Msg("the store is down: going on without it, as configured; duplicates and late launches are not detected")
			return entries, nil
		}
		r.log.Error().Err(err).Int("changes", len(entries)).Msg("the store is down: these changes are left for a redelivery")
		r.finish(hooks, entries, repeat(storeDown(err), len(entries)))
		return nil, nil
	}
	for i, v := range verdicts {
		e := entries[i]
		switch v.Standing {
		case idempotency.Claimed:
			e.owner = owner.Token
			mine = append(mine, e)
		case idempotency.Held:
			held = append(held, e)
		case idempotency.Duplicate:
			if v.ContentDiffers {
				r.log.Warn().Str("idempotencyKey", e.key).Str("serverId", e.change.Backend.ServerID).Str("vServerGroupId", e.change.Group.ID).
					Msg("a duplicate asks for another weight or type than the launch it repeats: the first one stands")
			}
			r.finish(hooks, []*entry{e}, []vsg.Outcome{{Status: vsg.Duplicate}})
		case idempotency.Superseded:
			r.finish(hooks, []*entry{e}, []vsg.Outcome{{Status: vsg.Superseded}})
		}
	}
	return mine, held
}

// ask claims in one batch, and asks once more for launches without a time
// whose hook turns out to be still pending.
func (r *run) ask(ctx context.Context, entries []*entry) ([]idempotency.Verdict, idempotency.Owner, error) {
	owner := idempotency.Owner{Token: crand.Text(), Hold: r.clock.hold()}
	claims := make([]idempotency.Claim, len(entries))
	for i, e := range entries {
		claims[i] = idempotency.Claim{
			Subject: e.subject(), Action: e.change.Action, Key: e.key, At: e.change.At,
			Pending: e.pending, Content: idempotency.ContentOf(e.change),
		}
	}
	verdicts, err := r.h.store.Claim(ctx, owner, claims)
	if err != nil {
		return nil, owner, err
	}
	var again []int
	for i, v := range verdicts {
		e := entries[i]
		if v.Standing == idempotency.Superseded && e.change.At.IsZero() && !e.pending && r.stillPending(ctx, e.hook) {
			e.pending, claims[i].Pending = true, true
			again = append(again, i)
		}
	}
	if len(again) == 0 {
		return verdicts, owner, nil
	}
	subset := make([]idempotency.Claim, len(again))
	for j, i := range again {
		subset[j] = claims[i]
	}
	second, err := r.h.store.Claim(ctx, owner, subset)
	if err != nil {
		return nil, owner, err
	}
	for j, i := range again {
		verdicts[i] = second[j]
	}
	return verdicts, owner, nil
}

// await looks again and again at claims that somebody else holds, with full
// jitter, until they are free or the time is up.
func (r *run) await(ctx context.Context, hooks *sync.WaitGroup, held []*entry) {
	for wait := minHeldWait; len(held) > 0; wait = min(2*wait, maxHeldWait) {
		if !sleep(ctx, time.Duration(rand.Int64N(int64(wait)))+time.Millisecond) {
			r.finish(hooks, held, repeat(vsg.Outcome{
				Status: vsg.Retry, Code: "Held", Message: "another invocation is changing this backend",
			}, len(held)))
			return
		}
		var mine []*entry
		before := len(held)
		mine, held = r.claim(ctx, hooks, held)
		if len(mine) > 0 {
			held := held
			var parts sync.WaitGroup
			parts.Go(func() { r.change(ctx, hooks, mine) })
			parts.Go(func() { r.await(ctx, hooks, held) })
			parts.Wait()
			return
		}
		if len(held) < before {
			wait = minHeldWait
		}
	}
}

// settle records how claimed changes ended and finishes them. A change whose
// record could not be written is not certain: its message comes again, finds
// the effect in place, and completes the record.
func (r *run) settle(hooks *sync.WaitGroup, entries []*entry, outcomes []vsg.Outcome) {
	if len(entries) == 0 {
		return
	}
	byOwner := map[string][]int{}
	for i, e := range entries {
		if e.owner != "" {
			byOwner[e.owner] = append(byOwner[e.owner], i)
		}
	}
	ctx, cancel := r.clock.record()
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
		kept, err := r.h.store.Settle(ctx, idempotency.Owner{Token: token}, settlements)
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
	r.finish(hooks, entries, outcomes)
}

// finish writes the outcomes down, logs those that did not succeed, and starts
// to complete the hooks whose last change this was.
func (r *run) finish(hooks *sync.WaitGroup, entries []*entry, outcomes []vsg.Outcome) {
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
		hooks.Go(func() { r.completeHook(h) })
	}
}

// stillPending asks whether the hook of a launch still waits for its answer.
func (r *run) stillPending(ctx context.Context, hook *event.Hook) bool {
	return false
}

// outOfTime is the outcome of a change that was not begun.
var outOfTime = vsg.Outcome{Status: vsg.Retry, Code: "Deadline", Message: "the invocation ended before this change was begun"}

func storeDown(err error) vsg.Outcome {
	return vsg.Outcome{Status: vsg.Retry, Code: "StoreUnavailable", Message: err.Error()}
}
