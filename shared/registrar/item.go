package registrar

import (
	"time"

	"slb-registrar/shared/vsg"
)

// item is a change that waits or is under way, for everybody who wants it.
type item struct {
	change   vsg.Change
	lane     *lane
	waiters  []waiter
	first    [1]waiter // room for one, which is nearly always enough
	accepted time.Time

	// The items of one backend form a chain in the order of their arrival, and
	// only the first of it may be sent.
	before, after *item

	state     state
	doubt     doubt
	unsure    unsure
	wasLost   bool      // a call that carried it had no answer, and may be under way still
	ends      time.Time // when the call that carries it ends at the latest
	notBefore time.Time
	attempts  int          // how often it was sent
	strikes   int          // how often credentials were refused
	member    *vsg.Backend // what the group was last seen to hold of it, see lane.compare
	last      *refusal     // the last answer; nil if there was none
	refusedAt time.Time    // when it was first refused because its server may not be running yet
	refusals  int          // how often since
}

// waiter is a place in the answer to a sender.
type waiter struct {
	sender *sender
	place  int
	// other marks a change that belongs to another launch than that of the
	// item: when it is sent successfully, that one finds it done already.
	other bool
}

type state uint8

const (
	waiting state = iota
	inFlight
	parked // the load balancer has no room
	gone   // nobody waits for it any more
)

// doubt says how an item stands after a call was refused because of one of its
// backends.
type doubt uint8

const (
	trusted  doubt = iota
	doubtful       // was in such a call and may be innocent
	late           // was refused alone or by name, but its server may yet come up
)

// unsure says why the group must be read before the item is sent again.
type unsure uint8

const (
	sure      unsure = iota
	lost             // a call that carried it has no answer
	duplicate        // a call that carried it was refused as a repetition
	denied           // it was refused alone, which matters only if it is a member
)

// ready reports whether it may be sent, apart from the time.
func (it *item) ready() bool {
	return it.state == waiting && it.before == nil
}

// keeps reports whether a call that carries it may take longer than s has time.
func (it *item) keeps(s *sender) bool {
	return it.state == inFlight && !s.deadline.IsZero() && s.deadline.Before(it.ends)
}

// equal reports whether a change asks for the same as the item.
func (it *item) equal(change vsg.Change) bool {
	if it.change.Action != change.Action {
		return false
	}
	switch change.Action {
	case vsg.Remove:
		return true
	case vsg.SetWeight:
		return it.change.Backend.Weight == change.Backend.Weight
	default:
		return it.change.Backend == change.Backend
	}
}

// tooEarly reports whether it has to wait longer. One whose server may not run
// yet goes a little early with others like it.
func (it *item) tooEarly(now time.Time) bool {
	if it.doubt == late {
		now = now.Add(lateFirst / 2)
	}
	return it.notBefore.After(now)
}
