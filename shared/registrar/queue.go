package registrar

import (
	"time"

	"slb-registrar/shared/vsg"
)

// queue holds what waits for one load balancer and decides what is next.
// Today it is the memory of one process, see [ring]; it is an interface so
// that a store may hold it one day and one process send for all.
type queue interface {
	// join lets the changes of a group wait here.
	join(l *lane)
	// ready tells when something can be done, changes not before from, and
	// whether it is a change or a read; not ok if nothing waits.
	ready(from time.Time) (at time.Time, isChange, ok bool)
	// take takes the next batch out; nil if there is none at that time.
	take(t *taking) *batch
	// removals counts those that are under way or can be sent without room for
	// anything else being made first.
	removals() int
}

// balancer is what is known of one load balancer. One writer at a time works
// for it. A group whose load balancer is not known yet has one of its own.
type balancer struct {
	name  vsg.LoadBalancer
	queue queue

	running bool
	woken   chan struct{}
	stop    func() // ends a wait for the turn

	waiting   int  // items that are not done
	modest    bool // calls must keep to the service's own limit
	usual     usual
	settling  settling
	room      room
	parked    map[*item]bool // what waits for room
	ended     time.Time      // when our last change ended
	bold      bool           // nothing was refused since, and nobody else's turn was in between
	notBefore time.Time      // after a conflict or throttling
	conflicts int            // in a row
	ours      int            // in a row, taken to be for our own last change
	throttles int            // in a row
	turns     int            // how often our turn has come
	accepted  int            // changes
	// crowdedUntil is until when others are taken to change it too.
	crowdedUntil time.Time
}

func newBalancer(name vsg.LoadBalancer, lanes ...*lane) *balancer {
	return &balancer{name: name, queue: &ring{lanes: lanes}, parked: map[*item]bool{}, woken: make(chan struct{}, 1)}
}

// most returns how many backends a call may carry, if the options allow n.
func (b *balancer) most(n int) int {
	if b.modest {
		return min(n, vsg.BatchLimit)
	}
	return n
}

// crowdedFor is how long one sign of others is remembered.
const crowdedFor = 10 * time.Second

// crowded reports whether others change the load balancer as well. What is
// refused then says little about how long our own changes take to settle.
func (b *balancer) crowded(now time.Time) bool { return now.Before(b.crowdedUntil) }

// meet takes note of others.
func (b *balancer) meet(now time.Time) {
	b.settling.disturbed()
	b.crowdedUntil = now.Add(crowdedFor)
}

// notice looks for signs of others in the answer to an addition: members that
// have come since our last change of the group, and not by our turn's end.
func (b *balancer) notice(c *batch, a answer) {
	l := c.lane
	if !a.reply.Listed {
		return
	}
	members := len(a.reply.Backends)
	if c.action == vsg.Add && l.members > 0 && l.turn == b.turns && members > l.members+len(c.items) {
		b.meet(a.ended)
	}
	l.members, l.turn = members, b.turns
}

// from is the earliest time for the next change.
func (b *balancer) from() time.Time {
	if b.ended.IsZero() {
		return b.notBefore
	}
	return later(b.notBefore, b.ended.Add(b.settling.wait(b.bold)))
}

// ring lets the groups of a load balancer take turns.
type ring struct {
	lanes []*lane
}

// join puts a group first: all others have had a turn since.
func (q *ring) join(l *lane) { q.lanes = append([]*lane{l}, q.lanes...) }

func (q *ring) ready(from time.Time) (at time.Time, isChange, ok bool) {
	for _, l := range q.lanes {
		t, change, some := l.ready(from)
		if some && (!ok || t.Before(at)) {
			at, isChange, ok = t, change, true
		}
	}
	return at, isChange, ok
}

func (q *ring) take(t *taking) *batch {
	for i, l := range q.lanes {
		b := l.take(t)
		if b == nil {
			continue
		}
		q.lanes = append(append(append(make([]*lane, 0, len(q.lanes)), q.lanes[:i]...), q.lanes[i+1:]...), l)
		return b
	}
	return nil
}

func (q *ring) removals() int {
	n := 0
	for _, l := range q.lanes {
		n += l.removals
		for _, it := range l.items {
			if it.state != gone && it.change.Action == vsg.Remove && it.stuck() {
				n--
			}
		}
	}
	return n
}
