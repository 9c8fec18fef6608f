package registrar

import (
	"time"

	"slb-registrar/shared/vsg"
)

// roomTrust is how long a refusal for lack of room is believed without asking
// again: other processes remove backends too.
const roomTrust = 5 * time.Second

// room is what is known of the room that a load balancer has for more
// backends. A call that finds too little is refused as a whole, so the rest of
// the room is found by halving. The zero value knows nothing.
type room struct {
	bounded bool
	most    int // no more than these fit
	certain int // these fit
	at      time.Time
	last    refusal
	// lone is the addition that was refused by itself. A limit of its server
	// looks the same as a load balancer without room; another one tells.
	lone spot
}

// spot is a backend of a group.
type spot struct {
	group vsg.Group
	id    vsg.Identity
}

func (it *item) spot() spot { return spot{it.change.Group, it.change.Backend.Identity()} }

// limit returns how many additions to try in one call; not ok if nothing is
// known against a full one.
func (q *room) limit(now time.Time) (n int, ok bool) {
	switch {
	case !q.bounded || now.Sub(q.at) > roomTrust:
		return 0, false
	case q.certain > 0:
		return q.certain, true
	default:
		return (q.most + 1) / 2, true
	}
}

func (q *room) full(now time.Time) bool {
	n, ok := q.limit(now)
	return ok && n == 0
}

// refused takes note that these did not fit. It reports whether that says
// anything of others: not if it is one alone, and none but that one was.
func (q *room) refused(items []*item, why refusal, now time.Time) (others bool) {
	next := room{bounded: true, most: len(items) - 1, at: now, last: why}
	if len(items) == 1 {
		next.lone = items[0].spot()
		if q.lone == (spot{}) || q.lone == next.lone || now.Sub(q.at) > roomTrust {
			next.most = 1
		}
	}
	*q = next
	return next.most == len(items)-1
}

func (q *room) added(n int, now time.Time) {
	if q.lone != (spot{}) {
		// It was not for lack of room that the one was refused.
		*q = room{last: q.last}
		return
	}
	q.most = max(0, q.most-n)
	q.certain = max(0, q.certain-n)
	q.at = now
}

func (q *room) removed(n int, now time.Time) {
	q.most += n
	q.certain += n
	q.at = now
}

// park lets an addition wait for room.
func (r *Registrar) park(it *item) {
	it.state = parked
	it.lane.home.parked[it] = true
	r.parked++
}

// unpark lets it be sent again.
func (r *Registrar) unpark(it *item) {
	if it.state != parked {
		return
	}
	it.state = waiting
	delete(it.lane.home.parked, it)
	r.parked--
}

// reopen lets everything that is parked be sent again.
func (r *Registrar) reopen(b *balancer) {
	for it := range b.parked {
		r.unpark(it)
	}
}

// stuck reports whether it waits for room, itself or behind one that does.
func (it *item) stuck() bool {
	for ; it != nil; it = it.before {
		if it.state == parked {
			return true
		}
	}
	return false
}

// releaseAll does what release does for everybody with something parked at b.
func (r *Registrar) releaseAll(b *balancer) {
	senders := map[*sender]bool{}
	for it := range b.parked {
		for _, w := range it.waiters {
			senders[w.sender] = true
		}
	}
	for s := range senders {
		r.release(s)
	}
}

// release ends the parked changes of s if it waits for nothing else and nothing
// is about to make room.
func (r *Registrar) release(s *sender) {
	if r.parked == 0 {
		return
	}
	for _, it := range s.items {
		if it != nil && !it.stuck() {
			return
		}
	}
	for place, it := range s.items {
		if it == nil || it.state != parked || it.lane.home.queue.removals() > 0 {
			continue
		}
		r.leave(it, waiter{sender: s, place: place}, it.lane.home.room.last.outcome(vsg.Retry))
		r.wake(it.lane.home)
	}
}
