package registrar

import (
	"time"

	"slb-registrar/shared/vsg"
)

// batch is what one call is about: changes of one kind for one group, or the
// reading of a group.
type batch struct {
	lane   *lane
	action vsg.Action
	items  []*item // of a read: those that waited when it began
	read   bool
	test   bool // the first part of the suspects, see bisection
}

// attempts is how often the most often sent of its items was sent.
func (b *batch) attempts() int {
	n := 0
	for _, it := range b.items {
		n = max(n, it.attempts)
	}
	return n
}

// taking says under which conditions a batch may be taken.
type taking struct {
	r       *Registrar
	now     time.Time
	changes bool          // whether a change may be sent now
	most    int           // backends a call
	need    time.Duration // how much time a waiter must have left
	room    *room
	short   bool // somebody had too little time
}

// take takes the next batch of the lane; nil if there is none now.
func (l *lane) take(t *taking) *batch {
	if l.notBefore.After(t.now) {
		return nil
	}
	if l.mustRead() {
		b := &batch{lane: l, read: true}
		for _, it := range l.all() {
			if t.admits(it) {
				b.items = append(b.items, it)
			}
		}
		if len(b.items) > 0 {
			return b
		}
		return nil
	}
	if !t.changes {
		return nil
	}
	for _, it := range append([]*item(nil), l.bisection.suspects...) {
		t.admits(it)
	}
	if test := l.bisection.next(l, t.now); test != nil {
		return l.send(&batch{lane: l, action: test[0].change.Action, items: test, test: true})
	}
	return l.send(l.gather(t))
}

// send marks the items of b as under way.
func (l *lane) send(b *batch) *batch {
	if b == nil {
		return nil
	}
	for _, it := range b.items {
		it.state = inFlight
		it.attempts++
	}
	return b
}

// admits ends the wait of those who have too little time left for a call, and
// reports whether anybody still waits for it.
func (t *taking) admits(it *item) bool {
	for i := 0; i < len(it.waiters); {
		w := it.waiters[i]
		if !w.sender.lacks(t.need, t.now) {
			i++
			continue
		}
		if !t.short {
			t.short = true
			it.lane.home.usual.doubt()
		}
		t.r.leave(it, w, it.unfinished(CodeDeadline))
	}
	return it.state != gone
}

// gather takes up to the limit of what may be sent in one call, in the order of
// arrival; the first decides what kind of change it is.
func (l *lane) gather(t *taking) *batch {
	var b *batch
	var first *item
	most := t.most
	kept := l.items[:0]
	for i, it := range l.items {
		if b != nil && len(b.items) >= most {
			kept = append(kept, l.items[i:]...)
			break
		}
		if it.state == gone {
			continue
		}
		if !it.ready() || it.tooEarly(t.now) || l.heldUntil(it).After(t.now) || first != nil && !goesWith(it, first, l.bisection.busy()) ||
			first == nil && l.bisection.busy() && it.doubt != trusted {
			kept = append(kept, it)
			continue
		}
		if it.change.Action == vsg.Add && t.room.full(t.now) {
			t.r.park(it)
			kept = append(kept, it)
			continue
		}
		if !t.admits(it) {
			continue
		}
		if first == nil {
			first = it
			b = &batch{lane: l, action: it.change.Action, items: make([]*item, 0, most)}
			if it.doubt != trusted {
				most = l.bisection.limit(most)
			}
			if n, ok := t.room.limit(t.now); ok && it.change.Action == vsg.Add {
				most = min(most, n)
			}
		}
		b.items = append(b.items, it)
	}
	clear(l.items[len(kept):])
	l.items = kept
	return b
}

// goesWith reports whether it may share a call with first. Those whose server
// does not run yet keep to themselves, and while suspects are being examined
// only what was never refused is sent besides.
func goesWith(it, first *item, busy bool) bool {
	return it.change.Action == first.change.Action &&
		(it.doubt == late) == (first.doubt == late) &&
		(!busy || it.doubt == trusted)
}
