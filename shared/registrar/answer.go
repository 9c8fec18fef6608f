package registrar

import (
	"slices"
	"time"

	"slb-registrar/shared/vsg"
)

// The widths of the windows in which a call is repeated at random (full
// jitter): the first, and the widest after having doubled every time.
const (
	conflictFirst, conflictMost   = 400 * time.Millisecond, 2 * time.Second
	throttledFirst, throttledMost = 250 * time.Millisecond, 5 * time.Second
	yieldWindow                   = 200 * time.Millisecond
	failureFirst, failureMost     = 200 * time.Millisecond, 5 * time.Second
	lateFirst, lateMost           = 500 * time.Millisecond, 5 * time.Second
)

const (
	staleAtOnce = 3 // how often a refused signature is replaced without a wait
	strikesOut  = 2 // how many credentials are tried for a change
)

// answer is what came of a call.
type answer struct {
	sender         *sender // whose credentials were used
	reply          vsg.Reply
	refusal        refusal // zero for a success
	started, ended time.Time
}

// jitter returns a random part of a window that doubles with every time.
func (r *Registrar) jitter(first, most time.Duration, times int) time.Duration {
	window := most
	if times < 16 {
		window = min(first<<max(0, times-1), most)
	}
	return time.Duration(r.random() * float64(window))
}

// answered draws the conclusions from the answer to a change.
func (r *Registrar) answered(b *balancer, c *batch, a answer) {
	l, f := c.lane, a.refusal
	r.count(c, a)
	test := c.test && l.bisection.holds(c.items[0])
	last := &refusal{requestID: a.reply.RequestID}
	if f.disposition != "" {
		last = &f
	}
	for _, it := range c.items {
		it.state = waiting
		it.last = last
	}
	refusals := b.ours
	if f.disposition != vsg.DispositionConflict {
		b.conflicts, b.ours = 0, 0
	}
	if f.disposition != vsg.DispositionThrottled {
		b.throttles = 0
		r.pace.passed(a.ended)
	}

	switch f.disposition {
	case "":
		r.confirmed(b, c, a, test, refusals)
	case vsg.DispositionOneBackend, vsg.DispositionMalformed:
		// A malformed call may be so because of one of its backends.
		l.failures = 0
		delete(l.holds, c.action)
		r.accused(b, c, a, test)
	case vsg.DispositionConflict:
		b.collided(r, a)
		l.stay(b, c, test)
	case vsg.DispositionThrottled:
		r.throttled(b, a)
		l.stay(b, c, test)
	case vsg.DispositionStaleSignature:
		l.resign(r, a)
		l.stay(b, c, test)
	case vsg.DispositionLost, vsg.DispositionDone:
		b.ended, b.bold = a.ended, false
		why := lost
		if f.disposition == vsg.DispositionDone {
			why = duplicate
		}
		l.restart(c, test)
		again := a.ended
		if times := c.attempts() - 1; times > 0 {
			again = again.Add(r.jitter(failureFirst, failureMost, times))
		}
		for _, it := range c.items {
			l.mark(it, why)
			it.notBefore = again
			if why == lost {
				it.wasLost = true
				l.haunted[haunt{it.change.Backend.Identity(), c.action}] = sighting{b.accepted, a.ended}
			}
		}
	case vsg.DispositionQuota:
		l.restart(c, test)
		if c.action == vsg.Add {
			if !b.room.refused(c.items, f, a.ended) {
				r.park(c.items[0])
			}
		} else {
			l.failed(r, a)
		}
	case vsg.DispositionAuth:
		l.restart(c, test)
		r.unauthorised(l, c.items, a)
	case vsg.DispositionGroup:
		l.restart(c, test)
		for _, it := range c.items {
			r.finish(it, f.outcome(vsg.Rejected))
		}
	default:
		r.unexplained(b, c, a, test)
	}
	for _, it := range c.items {
		r.reap(it)
	}
}

// stay puts a batch back as it was, to be sent again after a wait. What was
// lost before may be under way still, and be what is in the way: the group is
// read once more before the next try.
func (l *lane) stay(b *balancer, c *batch, test bool) {
	if !slices.ContainsFunc(c.items, func(it *item) bool { return it.wasLost }) {
		if !test {
			l.back(c.items)
		}
		return
	}
	l.restart(c, test)
	for _, it := range c.items {
		if it.wasLost {
			l.mark(it, lost)
		}
	}
	l.notBefore = later(l.notBefore, b.from())
}

// restart puts a batch back and gives up what was known of its suspects.
func (l *lane) restart(c *batch, test bool) {
	if test {
		l.bisection.dissolve(l)
		return
	}
	l.back(c.items)
}

// failed holds the group back for a moment.
func (l *lane) failed(r *Registrar, a answer) {
	l.failures++
	l.notBefore = a.ended.Add(r.jitter(failureFirst, failureMost, l.failures))
}

// resign tries a new signature at once, a few times.
func (l *lane) resign(r *Registrar, a answer) {
	l.stale++
	if l.stale > staleAtOnce {
		l.failed(r, a)
	}
}

func (r *Registrar) throttled(b *balancer, a answer) {
	b.throttles++
	b.notBefore = a.ended.Add(r.jitter(throttledFirst, throttledMost, b.throttles))
	r.pace.throttled(a.started, a.ended)
}

// collided waits after a conflict. If it was our own last change that had not
// settled, the wait is known or learned; else somebody else changes the load
// balancer, and those who meet there must come back at different times.
func (b *balancer) collided(r *Registrar, a answer) {
	b.conflicts++
	waited := a.started.Sub(b.ended)
	ours := !b.ended.IsZero() && waited <= 2*b.settling.wait(false)+settlingGuess ||
		b.ours > 0 && !b.crowded(a.ended) // nothing was accepted in between
	b.settling.tried = waited
	if ours {
		if b.ours++; b.ours == 1 {
			b.settling.before = b.settling.wait(false)
		}
	} else {
		b.ours = 0
		b.meet(a.ended)
	}
	crowded := b.crowded(a.ended)
	if ours && (b.conflicts == 1 || !b.settling.known) {
		b.settling.refused(waited, crowded)
	}
	b.bold = false
	if ours && !crowded && b.conflicts == 1 {
		return
	}
	b.notBefore = a.ended.Add(r.jitter(conflictFirst, conflictMost, b.conflicts))
}

// confirmed ends what a successful call has brought about. Where the reply
// lists the members of the group, it is believed rather than the status. It was
// refused so often before because our own last change had not settled.
func (r *Registrar) confirmed(b *balancer, c *batch, a answer, test bool, refusals int) {
	l := c.lane
	b.notice(c, a)
	if !b.ended.IsZero() {
		b.settling.accepted(a.started.Sub(b.ended), refusals, b.crowded(a.ended))
	}
	b.ended, b.bold = a.ended, true
	if b.crowded(a.ended) {
		// Who comes at the first possible moment again and again keeps out those
		// who come at random.
		b.notBefore = b.from().Add(r.jitter(yieldWindow, yieldWindow, 1))
	}
	b.usual.took(a.ended.Sub(a.started))
	b.accepted++
	clear(l.haunted)
	l.failures, l.stale = 0, 0
	delete(l.holds, c.action)
	if test {
		l.bisection.cleared()
	} else if c.items[0].doubt != trusted {
		l.bisection.relieve(len(c.items))
	}
	if c.action == vsg.Add {
		b.room.added(len(c.items), a.ended)
	}

	l.compare(c.items, a.reply)
	again := a.ended.Add(r.jitter(failureFirst, failureMost, c.attempts()))
	var done, open []*item
	for _, it := range c.items {
		if it.confirmed(a.reply) {
			done = append(done, it)
			continue
		}
		l.mark(it, lost)
		it.notBefore = again
		open = append(open, it)
	}
	l.back(open)
	if c.action == vsg.Remove && len(done) > 0 {
		b.room.removed(len(done), a.ended)
		r.reopen(b)
	}
	for _, it := range done {
		for _, w := range it.waiters {
			w.sender.report.succeeded(a.ended.Sub(w.sender.accepted))
		}
		r.succeed(it, vsg.Outcome{Status: effects[c.action], RequestID: a.reply.RequestID, Idle: it.idle()})
	}
}

var effects = map[vsg.Action]vsg.Status{
	vsg.Add:       vsg.Added,
	vsg.Remove:    vsg.Removed,
	vsg.SetWeight: vsg.Weighted,
}

// confirmed reports whether the reply confirms the change.
func (it *item) confirmed(reply vsg.Reply) bool {
	if !reply.Listed {
		// The success itself must do, except for a removal: that one is read back.
		return reply.RequestID != "" && it.change.Action != vsg.Remove
	}
	switch it.change.Action {
	case vsg.Remove:
		return it.member == nil
	case vsg.SetWeight:
		return it.member != nil && it.member.Weight == it.change.Backend.Weight
	default:
		return it.member != nil
	}
}

// idle reports whether an addition found its backend without weight.
func (it *item) idle() bool {
	return it.change.Action == vsg.Add && it.member != nil && it.member.Weight == 0 && it.change.Backend.Weight != 0
}

// succeed ends an item and those behind it that want the same of the backend:
// they find it done.
func (r *Registrar) succeed(it *item, outcome vsg.Outcome) {
	next := it.after
	r.finish(it, outcome)
	for next != nil && next.change.Action == it.change.Action && it.change.Action != vsg.SetWeight {
		it, next = next, next.after
		r.finish(it, vsg.Outcome{Status: again(outcome.Status), RequestID: outcome.RequestID, Idle: outcome.Idle})
	}
}

// reap ends the wait of those whose context ended during the call.
func (r *Registrar) reap(it *item) {
	for i := 0; i < len(it.waiters); {
		w := it.waiters[i]
		if w.sender.over == "" {
			i++
			continue
		}
		r.leave(it, w, it.unfinished(w.sender.over))
	}
}
