package reconcile

import (
	"context"
	"crypto/rand"
	"slices"
	"time"

	"slb-registrar/shared/idempotency"
	"slb-registrar/shared/registrar"
	"slb-registrar/shared/route"
	"slb-registrar/shared/vsg"
)

const (
	// claimMargin is how much longer than the run a claim lasts, so that it does
	// not lapse while its holder is being stopped.
	claimMargin = 10 * time.Second
	// unboundedHold is how long a claim lasts without a deadline.
	unboundedHold = 15 * time.Minute
	// callsAtOnce is how many calls' worth of changes of one group are claimed
	// at once: enough to keep the load balancer busy, and few enough that events
	// about these backends need not wait long.
	callsAtOnce = 5
)

// repair makes the changes of one group, a few calls' worth after the other.
func (r *run) repair(ctx context.Context, changes []*repair) {
	size := callsAtOnce * vsg.BatchLimit
	if r.config.MaxBatch > 0 {
		size = callsAtOnce * r.config.MaxBatch
	}
	for chunk := range slices.Chunk(changes, size) {
		r.repairSome(ctx, chunk)
	}
}

// repairSome claims the records of the backends, makes the changes, and settles
// the records.
func (r *run) repairSome(ctx context.Context, changes []*repair) {
	if ctx.Err() != nil {
		end(changes, vsg.Outcome{Status: vsg.Retry, Code: CodeDeadline, Message: "the run ended before this change was begun"})
		return
	}
	owner := idempotency.Owner{Token: rand.Text(), Hold: r.hold(ctx)}
	mine, unclaimed := r.claim(ctx, owner, changes)
	ready := append(slices.Clone(mine), unclaimed...)
	if len(ready) == 0 {
		return
	}
	list := make([]vsg.Change, len(ready))
	for i, c := range ready {
		list[i] = c.Change.Change
	}
	outcomes, report := r.engine.Apply(ctx, r.in.API, list)
	for i, c := range ready {
		c.Outcome = outcomes[i]
	}
	r.count(report)
	r.settle(ctx, owner, mine)
}

// claim asks for the records. What somebody else holds, and what events have
// overtaken, is left to them. unclaimed are changes to be made although the
// store is down.
func (r *run) claim(ctx context.Context, owner idempotency.Owner, changes []*repair) (mine, unclaimed []*repair) {
	claims := make([]idempotency.Claim, len(changes))
	for i, c := range changes {
		claims[i] = idempotency.Claim{
			Subject: c.subject(), Action: c.recorded(), Key: c.Key, At: c.At, Content: idempotency.ContentOf(c.Change.Change),
		}
	}
	verdicts, err := r.store.Claim(ctx, owner, claims)
	for i, c := range changes {
		switch {
		case err != nil && r.config.WhenStoreDown == route.Open && c.Action == vsg.Add:
			unclaimed = append(unclaimed, c)
		case err != nil:
			// Nothing that could undo what an event is doing.
			c.leave(leftStore)
		case verdicts[i].Standing == idempotency.Claimed:
			mine = append(mine, c)
		case verdicts[i].Standing == idempotency.Held:
			c.leave(leftHeld)
		default:
			c.drift.Left = leftSuperseded
		}
	}
	if err != nil {
		r.problem(Problem{Group: changes[0].Group, Code: "StoreUnavailable", Message: err.Error(), Failed: true, Again: true})
	}
	return mine, unclaimed
}

// settle writes down what was done. A weight is no launch: its claim only keeps
// others away, and the record stays as it was.
func (r *run) settle(ctx context.Context, owner idempotency.Owner, changes []*repair) {
	if len(changes) == 0 {
		return
	}
	settlements := make([]idempotency.Settlement, len(changes))
	for i, c := range changes {
		settlements[i] = idempotency.Settlement{
			Subject: c.subject(), Action: c.recorded(), Key: c.Key, At: c.At, Content: idempotency.ContentOf(c.Change.Change),
			Completed: c.Outcome.Status.Succeeded() && c.Action != vsg.SetWeight,
		}
	}
	ctx, cancel := r.recording(ctx)
	defer cancel()
	kept, err := r.store.Settle(ctx, owner, settlements)
	if err != nil {
		r.problem(Problem{Group: changes[0].Group, Code: "StoreUnavailable", Message: err.Error(), Failed: true, Again: true})
		return
	}
	for i, c := range changes {
		if !kept[i] && settlements[i].Completed {
			c.Outcome = vsg.Outcome{Status: vsg.Retry, Code: "ClaimLost", Message: "somebody else took over while this change was made"}
		}
	}
}

// hold is how long a claim made now has to last.
func (r *run) hold(ctx context.Context) time.Duration {
	deadline, ok := ctx.Deadline()
	if !ok {
		return unboundedHold
	}
	return time.Until(deadline) + r.in.Reserve + claimMargin
}

// recording is a context for writing down what was done: that must not fail
// because the time for doing more is over.
func (r *run) recording(ctx context.Context) (context.Context, context.CancelFunc) {
	end := time.Now().Add(r.in.Reserve / 2)
	if deadline, ok := ctx.Deadline(); ok && ctx.Err() == nil {
		end = deadline.Add(r.in.Reserve / 2)
	}
	return context.WithDeadline(context.WithoutCancel(ctx), end)
}

func (c *repair) subject() idempotency.Subject {
	return idempotency.Subject{Group: c.Group, Backend: c.Backend.Identity()}
}

// recorded is the action by which the record knows the change: a weight is
// claimed as what makes sure that the backend is in.
func (c *repair) recorded() vsg.Action {
	if c.Action == vsg.Remove {
		return vsg.Remove
	}
	return vsg.Add
}

func (c *repair) leave(why string) { c.drift.Left, c.drift.Undone = why, true }

func end(changes []*repair, outcome vsg.Outcome) {
	for _, c := range changes {
		c.Outcome = outcome
	}
}

// count adds up what the engine says.
func (r *run) count(report registrar.Report) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.report.Engine.Add(report)
}
