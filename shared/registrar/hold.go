package registrar

import (
	"slices"
	"time"
)

// suspicious is how many refusals in a row, for a reason that should pass, make
// it worth while to find out whether it is one backend that they are about: the
// service may have codes that nobody has classified.
const suspicious = 3

// hold keeps back the changes of one kind of a group after one was refused for
// a reason that should pass. Those of another kind may go.
type hold struct {
	until time.Time
	times int // refusals since the last one that was not
}

// heldUntil returns until when changes like that of the item are held back.
func (l *lane) heldUntil(it *item) time.Time {
	if len(l.holds) == 0 {
		return time.Time{}
	}
	return l.holds[it.change.Action].until
}

// unexplained tries again later what was refused for a reason that should pass.
// If it does not, the backends that it may be about are found by bisection and
// tried again by themselves, so that the others need not wait for them.
func (r *Registrar) unexplained(b *balancer, c *batch, a answer, test bool) {
	l := c.lane
	if len(c.items) == 1 && c.items[0].doubt == late && !test {
		l.stay(b, c, test)
		r.isolate(c.items[0], a)
		return
	}
	h := l.holds[c.action]
	h.times++
	h.until = a.ended.Add(r.jitter(failureFirst, failureMost, h.times))
	l.holds[c.action] = h
	if h.times < suspicious || slices.ContainsFunc(c.items, func(it *item) bool { return it.wasLost }) {
		l.stay(b, c, test)
		return
	}
	var found *item
	switch {
	case test:
		found = l.bisection.narrowed(l)
	case len(c.items) == 1:
		found = c.items[0]
	default:
		l.bisection.begin(l, c.items)
	}
	if found != nil {
		l.back([]*item{found})
		l.bisection.guilty++
		r.isolate(found, a)
		h.until = a.ended
		l.holds[c.action] = h
	}
}

// isolate has an item tried again by itself, after the others had a chance.
func (r *Registrar) isolate(it *item, a answer) {
	it.doubt = late
	it.notBefore = a.ended.Add(lateFirst + r.jitter(failureFirst, failureMost, it.attempts))
}
