package registrar

import (
	"context"
	"errors"
	"reflect"
	"time"

	"slb-registrar/shared/vsg"
)

// sender is one call of Apply.
type sender struct {
	ctx      context.Context
	api      API
	number   uint64 // senders are numbered in the order of their arrival
	accepted time.Time
	deadline time.Time // zero if there is none
	items    []*item   // what its changes became, by place
	outcomes []vsg.Outcome
	report   Report
	pending  int    // outcomes that are missing
	over     string // the code of its end, once its context has ended
	lastCall uint64 // the last call that is in its report
	done     chan struct{}
}

func newSender(ctx context.Context, api API, changes int) *sender {
	deadline, _ := ctx.Deadline()
	return &sender{
		ctx:      ctx,
		api:      api,
		accepted: time.Now(),
		deadline: deadline,
		items:    make([]*item, changes),
		outcomes: make([]vsg.Outcome, changes),
		report:   Report{Calls: map[string]int{}},
		pending:  changes,
		done:     make(chan struct{}),
	}
}

// lacks reports whether s has less time left than a call needs.
func (s *sender) lacks(need time.Duration, now time.Time) bool {
	return !s.deadline.IsZero() && s.deadline.Sub(now) < need
}

// sameAPI reports whether two senders act with the same credentials, as far as
// that can be told.
func sameAPI(a, b *sender) bool {
	if a == b {
		return true
	}
	x, y := reflect.ValueOf(a.api), reflect.ValueOf(b.api)
	return x.IsValid() && y.IsValid() && x.Comparable() && y.Comparable() && a.api == b.api
}

func codeOf(err error) string {
	if errors.Is(err, context.DeadlineExceeded) {
		return CodeDeadline
	}
	return CodeCancelled
}

// tell gives a waiter its outcome.
func (r *Registrar) tell(w waiter, outcome vsg.Outcome) {
	s := w.sender
	s.outcomes[w.place] = outcome
	s.items[w.place] = nil
	s.pending--
	if s.pending == 0 {
		r.after.done = append(r.after.done, s)
	}
}

// finish ends an item for everybody who waits for it.
func (r *Registrar) finish(it *item, outcome vsg.Outcome) {
	r.quit(it)
	for _, w := range it.waiters {
		own := outcome
		if w.other {
			own.Status = again(own.Status)
		}
		r.tell(w, own)
	}
	for _, w := range it.waiters {
		r.release(w.sender)
	}
	it.waiters = nil
}

// again is what the second of two changes finds when the first succeeded.
func again(status vsg.Status) vsg.Status {
	switch status {
	case vsg.Added:
		return vsg.Already
	case vsg.Removed:
		return vsg.Absent
	}
	return status
}

// quit takes an item out of its lane.
func (r *Registrar) quit(it *item) {
	r.unpark(it)
	it.lane.unlink(it)
	it.lane.home.waiting--
}

// leave ends the wait of one waiter of an item, and the item with the last.
func (r *Registrar) leave(it *item, w waiter, outcome vsg.Outcome) {
	for i := range it.waiters {
		if it.waiters[i].sender != w.sender || it.waiters[i].place != w.place {
			continue
		}
		kept := make([]waiter, 0, len(it.waiters)-1)
		it.waiters = append(append(kept, it.waiters[:i]...), it.waiters[i+1:]...)
		break
	}
	r.tell(w, outcome)
	if len(it.waiters) == 0 {
		r.quit(it)
	}
	r.release(w.sender)
}

// withdraw ends everything of s that is not in a call. What is in one ends
// with it.
func (r *Registrar) withdraw(s *sender, code string) {
	s.over = code
	homes := map[*balancer]bool{}
	for place, it := range s.items {
		if it == nil || it.state == inFlight {
			continue
		}
		homes[it.lane.home] = true
		r.leave(it, waiter{sender: s, place: place}, it.unfinished(code))
	}
	for home := range homes {
		r.releaseAll(home)
		r.relax(home)
	}
}

// relax lets the writer of b go home if nothing waits any more, and look again
// if what waited behind something that is gone may go now.
func (r *Registrar) relax(b *balancer) {
	_, _, some := b.queue.ready(time.Time{})
	if some || b.running {
		r.wake(b)
	}
	if !some && b.stop != nil {
		r.after.stop = append(r.after.stop, b.stop)
		b.stop = nil
	}
}

// unfinished is the outcome of an item that ends undone, for the reason that
// code names.
func (it *item) unfinished(code string) vsg.Outcome {
	o := vsg.Outcome{Status: vsg.Retry, Code: code, Message: "not sent"}
	// What it waits behind may be a call for the same.
	o.Loose = it.before != nil && it.before.state == inFlight && it.before.equal(it.change)
	if it.last == nil {
		return o
	}
	o.RequestID, o.Disposition = it.last.requestID, it.last.disposition
	o.Loose = it.unsure == lost || it.last.disposition == vsg.DispositionLost
	switch {
	case it.last.code != "" && it.last.message != "":
		o.Message = "the last answer was " + it.last.code + ": " + it.last.message
	case it.last.code != "":
		o.Message = "the last answer was " + it.last.code
	default:
		o.Message = "sent, not confirmed"
	}
	return o
}
