package registrar

import (
	"time"

	"slb-registrar/shared/vsg"
)

// lane holds what waits for one group, in the order of arrival.
type lane struct {
	group      vsg.Group
	home       *balancer
	configured string // the load balancer, where a change says so
	known      bool   // the group was read, or cannot be: its home is its load balancer

	items  []*item // those under way and the suspects are not among them
	chains map[vsg.Identity]*item
	// removals counts those that wait or are under way: they make room.
	removals int
	unsure   int // items that must be read back before they are sent again

	// haunted holds what calls without an answer were about. They may be under
	// way until the load balancer accepts another change, but not for ever.
	haunted map[haunt]sighting

	holds     map[vsg.Action]hold // kinds of changes that were refused lately
	bisection bisection
	notBefore time.Time // after a failure that concerns only this group
	failures  int       // such failures in a row
	stale     int       // refused signatures in a row
	members   int       // after our last change, and
	turn      int       // in which turn that was
}

// haunt is a change that may still take effect.
type haunt struct {
	id     vsg.Identity
	action vsg.Action
}

// sighting is when a haunt began.
type sighting struct {
	accepted int // changes that the load balancer had accepted
	at       time.Time
}

// hauntedFor is how long after it was given up for lost a call is taken to be
// possibly under way still. Nothing documents how long the service may take;
// without an end, a removal that never arrived would put its backend's
// membership in doubt for good.
const hauntedFor = time.Minute

func newLane(group vsg.Group) *lane {
	return &lane{group: group, chains: map[vsg.Identity]*item{}, haunted: map[haunt]sighting{}, holds: map[vsg.Action]hold{}}
}

// undone reports whether a lost call may yet undo what the group holds, as far
// as it concerns the item.
func (l *lane) undone(it *item, now time.Time) bool {
	opposite := map[vsg.Action]vsg.Action{vsg.Add: vsg.Remove, vsg.Remove: vsg.Add}[it.change.Action]
	since, is := l.haunted[haunt{it.change.Backend.Identity(), opposite}]
	return is && since.accepted == l.home.accepted && now.Sub(since.at) < hauntedFor
}

// put lets a change wait, in it, or together with an equal one if nothing else
// is wanted of the backend in between. It returns where it waits: behind an
// equal one, if that is in a call that may keep the sender beyond its time.
func (l *lane) put(it *item, change vsg.Change, s *sender, place int) *item {
	id := change.Backend.Identity()
	last := l.chains[id]
	if last != nil && last.equal(change) && !last.keeps(s) {
		last.waiters = append(last.waiters, waiter{
			sender: s, place: place,
			other: last.change.Launch != change.Launch,
		})
		return last
	}
	it.change, it.lane, it.before, it.accepted = change, l, last, s.accepted
	it.first[0] = waiter{sender: s, place: place}
	it.waiters = it.first[:]
	if last != nil {
		last.after = it
	}
	l.chains[id] = it
	l.items = append(l.items, it)
	if change.Action == vsg.Remove {
		l.removals++
	}
	return it
}

// unlink takes it out of its chain for good.
func (l *lane) unlink(it *item) {
	it.state = gone
	id := it.change.Backend.Identity()
	if it.after != nil {
		it.after.before = it.before
	}
	if it.before != nil {
		it.before.after = it.after
	}
	if l.chains[id] == it {
		if it.before != nil {
			l.chains[id] = it.before
		} else {
			delete(l.chains, id)
		}
	}
	it.before, it.after = nil, nil
	l.mark(it, sure)
	if it.change.Action == vsg.Remove {
		l.removals--
	}
	l.bisection.forget(l, it)
}

// compare notes at each of items, which must be the first of their chains, what
// of it the group holds.
func (l *lane) compare(items []*item, reply vsg.Reply) {
	for _, it := range items {
		it.member = nil
	}
	for i := range reply.Backends {
		it := l.chains[reply.Backends[i].Identity()]
		for ; it != nil; it = it.before {
			it.member = &reply.Backends[i]
		}
	}
	for _, first := range items {
		b := &first.change.Backend
		if first.member != nil || b.ServerIP != "" || b.Type == vsg.ECS || b.Type == "" {
			continue
		}
		member := vsg.Find(reply.Backends, *b)
		for it := first; it != nil; it = it.after {
			it.member = member
		}
	}
}

// back returns items to the head of the lane, in their order.
func (l *lane) back(items []*item) {
	kept := make([]*item, 0, len(items)+len(l.items))
	for _, it := range items {
		if it.state != gone {
			it.state = waiting
			kept = append(kept, it)
		}
	}
	l.items = append(kept, l.items...)
}

// all returns everything that waits, the suspects first.
func (l *lane) all() []*item {
	var all []*item
	for _, it := range l.bisection.suspects {
		if it.state != gone {
			all = append(all, it)
		}
	}
	for _, it := range l.items {
		if it.state != gone {
			all = append(all, it)
		}
	}
	return all
}

// mark says why the group must be read before it is sent again.
func (l *lane) mark(it *item, why unsure) {
	if it.unsure == sure && why != sure {
		l.unsure++
	}
	if it.unsure != sure && why == sure {
		l.unsure--
	}
	it.unsure = why
}

// mustRead reports whether the group has to be read before anything is sent.
func (l *lane) mustRead() bool {
	return !l.known || l.unsure > 0
}

// ready tells when something of the lane can be done, and whether that is a
// change; not ok if nothing waits. Changes wait for from as well, and so does
// reading back: the less time between that and sending again, the better.
func (l *lane) ready(from time.Time) (at time.Time, isChange, ok bool) {
	if !l.known {
		return l.notBefore, false, l.waits()
	}
	busy := l.bisection.busy()
	var soonest time.Time
	if busy && l.unsure == 0 {
		soonest, ok = l.heldUntil(l.bisection.suspects[0]), true
	}
	for _, it := range l.items {
		if ok && soonest.IsZero() {
			break
		}
		if !it.ready() || l.unsure > 0 && it.unsure == sure || busy && l.unsure == 0 && it.doubt != trusted {
			continue
		}
		if t := later(it.notBefore, l.heldUntil(it)); !ok || t.Before(soonest) {
			soonest, ok = t, true
		}
	}
	return later(later(l.notBefore, from), soonest), true, ok
}

// waits reports whether anything waits to be sent.
func (l *lane) waits() bool {
	for _, it := range l.items {
		if it.state == waiting {
			return true
		}
	}
	return len(l.bisection.suspects) > 0
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}
