package handler

import (
	"context"
	"crypto/rand"
	"errors"

	"slb-registrar/shared/event"
	"slb-registrar/shared/idempotency"
	"slb-registrar/shared/lifecycle"
	"slb-registrar/shared/route"
	"slb-registrar/shared/vsg"
)

// claim asks the store for the records of the backends and sets to work as the
// answers come: on what is free at once, on what somebody else holds when it
// becomes free.
func (r *run) claim(ctx context.Context, f *flow, entries []*entry) {
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
	granted := map[*entry]bool{}
	err := idempotency.ClaimEach(ctx, r.h.store, owner, claims, func(places []int, verdicts []idempotency.Verdict) {
		asked = true
		answered := make([]*entry, len(places))
		for i, place := range places {
			answered[i] = entries[place]
			granted[answered[i]] = verdicts[i].Standing == idempotency.Claimed
		}
		r.answered(ctx, f, owner, answered, verdicts)
	})
	if err == nil {
		return
	}
	r.part(ctx, f, nil, func() { r.disclaim(ctx, owner, entries, granted) })
	switch {
	case asked:
		r.log.Error().Err(err).Msg("the store went down: what was held by others is left for a redelivery")
	case ctx.Err() != nil:
		r.finish(ctx, f, entries, repeat(outOfTime, len(entries)))
	case r.h.config.WhenStoreDown == route.Open:
		r.log.Error().Err(err).Int("changes", len(entries)).
			Msg("the store is down: going on without it, as configured; duplicates and late launches are not detected")
		r.part(ctx, f, entries, func() { r.change(ctx, f, entries) })
	default:
		r.log.Error().Err(err).Int("changes", len(entries)).Msg("the store is down: these changes are left for a redelivery")
		r.finish(ctx, f, entries, repeat(storeDown(err), len(entries)))
	}
}

// disclaim gives back what a failed question may have claimed all the same, so
// that the redelivery need not wait for it to lapse. It is a try.
func (r *run) disclaim(ctx context.Context, owner idempotency.Owner, entries []*entry, granted map[*entry]bool) {
	var settlements []idempotency.Settlement
	for _, e := range entries {
		if !granted[e] { // what is being worked on is settled there
			settlements = append(settlements, idempotency.Settlement{Subject: e.subject(), Action: e.change.Action, Key: e.key})
		}
	}
	if len(settlements) == 0 {
		return
	}
	recording, cancel := r.clock.record(ctx)
	defer cancel()
	if _, err := r.h.store.Settle(recording, owner, settlements); err != nil {
		r.log.Debug().Err(err).Msg("claims that may have been made lapse by themselves")
	}
}

// answered does what the store's answers lead to.
func (r *run) answered(ctx context.Context, f *flow, owner idempotency.Owner, entries []*entry, verdicts []idempotency.Verdict) {
	var mine, doubtful []*entry
	var over []*entry
	var outcomes []vsg.Outcome
	end := func(e *entry, o vsg.Outcome) { over, outcomes = append(over, e), append(outcomes, o) }
	for i, v := range verdicts {
		e := entries[i]
		switch v.Standing {
		case idempotency.Claimed:
			e.owner = owner.Token
			mine = append(mine, e)
		case idempotency.Held:
			end(e, heldElsewhere)
		case idempotency.Duplicate:
			if v.ContentDiffers {
				r.warnContent(e)
			}
			end(e, vsg.Outcome{Status: vsg.Duplicate})
		case idempotency.Superseded:
			if e.change.Action == vsg.Add && e.change.At.IsZero() && e.hook != nil && !e.pending {
				doubtful = append(doubtful, e)
			} else {
				end(e, vsg.Outcome{Status: vsg.Superseded})
			}
		}
	}
	if len(mine) > 0 {
		r.part(ctx, f, mine, func() { r.change(ctx, f, mine) })
	}
	if len(doubtful) > 0 {
		r.part(ctx, f, doubtful, func() { r.reconsider(ctx, f, doubtful) })
	}
	r.finish(ctx, f, over, outcomes)
}

// reconsider asks Auto Scaling about launches that nobody knows the time of
// and that a removal seems to have overtaken: while a hook's action is still
// pending, its instances are certainly not the ones that were removed before.
// Without an answer nothing is certain, and the launch comes again.
func (r *run) reconsider(ctx context.Context, f *flow, entries []*entry) {
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
		one := []*entry{e}
		switch {
		case a.err != nil:
			r.finish(ctx, f, one, []vsg.Outcome{unanswered(a.err)})
		case !a.pending:
			r.finish(ctx, f, one, []vsg.Outcome{{Status: vsg.Superseded}})
		default:
			e.pending = true
			again = append(again, e)
		}
	}
	r.claim(ctx, f, again)
}

// unanswered is the outcome of a launch whose hook could not be asked for.
func unanswered(err error) vsg.Outcome {
	o := vsg.Outcome{Status: vsg.Retry, Code: "HookUnknown", Message: "whether the hook is still pending could not be found out: " + err.Error()}
	var e *lifecycle.Error
	if errors.As(err, &e) {
		o.Code, o.RequestID = e.Code, e.RequestID
	}
	return o
}

// settle records how claimed changes ended and finishes them. A change whose
// record could not be written is not certain: its message comes again, finds
// the effect in place, and completes the record.
func (r *run) settle(ctx context.Context, f *flow, entries []*entry, outcomes []vsg.Outcome) {
	if len(entries) == 0 {
		return
	}
	byOwner := map[string][]int{}
	for i, e := range entries {
		// What may still take effect is not released: its claim is left to lapse,
		// so that nobody decides about the backend before that is over.
		if e.owner != "" && !outcomes[i].Loose {
			byOwner[e.owner] = append(byOwner[e.owner], i)
		}
	}
	for token, indices := range byOwner {
		settlements := make([]idempotency.Settlement, len(indices))
		for j, i := range indices {
			e := entries[i]
			settlements[j] = idempotency.Settlement{
				Subject: e.subject(), Action: e.change.Action, Key: e.key, At: e.change.At,
				Content: idempotency.ContentOf(e.change), Completed: outcomes[i].Status.Succeeded(),
			}
		}
		recording, cancel := r.clock.record(ctx)
		kept, err := r.h.store.Settle(recording, idempotency.Owner{Token: token}, settlements)
		cancel()
		if err != nil {
			r.log.Error().Err(err).Int("changes", len(indices)).Msg("what was done could not be recorded")
		}
		for j, i := range indices {
			switch {
			case !settlements[j].Completed:
			case err != nil && r.h.config.WhenStoreDown != route.Open:
				outcomes[i] = storeDown(err)
			case err == nil && !kept[j]:
				outcomes[i] = claimLost
			}
		}
	}
	r.finish(ctx, f, entries, outcomes)
}
