package registrar

import (
	"slb-registrar/shared/vsg"
)

// accused finds out which backends a call was refused for.
func (r *Registrar) accused(b *balancer, c *batch, a answer, test bool) {
	l := c.lane
	if a.refusal.disposition == vsg.DispositionMalformed && len(c.items) > vsg.BatchLimit {
		// Not every account may send more than the service's own limit.
		b.modest = true
		l.restart(c, test)
		return
	}
	named := namedBy(a.refusal.culprits, c.items)
	if len(named) == len(c.items) && len(named) > 1 {
		// A message that repeats the whole list accuses nobody.
		named = nil
	}
	if len(named) > 0 {
		l.restart(c, test)
		for _, it := range named {
			r.blame(it, a)
		}
		return
	}
	switch {
	case test:
		if found := l.bisection.narrowed(l); found != nil {
			l.back([]*item{found})
			l.bisection.guilty++
			r.blame(found, a)
		}
	case len(c.items) == 1:
		l.back(c.items)
		l.bisection.guilty++
		r.blame(c.items[0], a)
	default:
		l.bisection.begin(l, c.items)
	}
}

// namedBy returns the items whose servers are among the ids.
func namedBy(ids []string, items []*item) []*item {
	var named []*item
	for _, it := range items {
		for _, id := range ids {
			if it.change.Backend.ServerID == id {
				named = append(named, it)
				break
			}
		}
	}
	return named
}

// blame deals with a backend that was refused alone or by name.
func (r *Registrar) blame(it *item, a answer) {
	switch {
	case a.refusal.disposition == vsg.DispositionOneBackend && it.change.Action != vsg.Add:
		// A server that is gone may have left the group with it.
		it.lane.mark(it, denied)
	case a.refusal.mayPass && (it.refusedAt.IsZero() || a.ended.Sub(it.refusedAt) < r.options.Patience):
		it.postpone(a)
	default:
		r.finish(it, a.refusal.outcome(vsg.Rejected))
	}
}

// postpone tries a backend again later whose server is not running yet. Where
// many are found like that, those that were refused with them are not examined
// one by one, but wait as well.
func (it *item) postpone(a answer) {
	if it.refusedAt.IsZero() {
		it.refusedAt = a.ended
	}
	it.refusals++
	it.doubt = late
	it.notBefore = a.ended.Add(min(lateFirst<<min(it.refusals-1, 8), lateMost))
	l := it.lane
	if l.bisection.guilty < crowd {
		return
	}
	l.bisection.dissolve(l)
	for _, other := range l.items {
		if other.state != waiting || other.doubt == trusted || other.change.Action != it.change.Action {
			continue
		}
		if other.refusedAt.IsZero() {
			other.refusedAt = a.ended
		}
		other.doubt = late
		other.notBefore = later(other.notBefore, it.notBefore)
	}
}

// unauthorised ends as retry what would be sent with the refused credentials.
// What somebody else asked for too is tried with theirs, once.
func (r *Registrar) unauthorised(l *lane, items []*item, a answer) {
	outcome := a.refusal.outcome(vsg.Retry)
	for _, it := range items {
		if it.strikes++; it.strikes >= strikesOut && it.state == waiting {
			r.finish(it, outcome)
		}
	}
	for _, it := range l.all() {
		if it.state == inFlight || it.change.Action != items[0].change.Action {
			continue
		}
		for i := 0; i < len(it.waiters); {
			w := it.waiters[i]
			if !sameAPI(w.sender, a.sender) {
				i++
				continue
			}
			r.leave(it, w, outcome)
		}
	}
}
