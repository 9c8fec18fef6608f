package registrar

import (
	"context"
	"errors"
	"runtime"
	"time"

	"slb-registrar/shared/vsg"
)

// write works for one load balancer until nothing waits there any more. It
// decides as late as it can what the next call carries: everything that arrives
// during a call or a wait has its chance.
func (r *Registrar) write(b *balancer) {
	holder := holder{turns: r.options.Turns}
	queued := false // for a place in the pace of the process
	paced := false  // a place is taken
	for {
		now := time.Now()
		r.mu.Lock()
		at, isChange, some := b.queue.ready(b.from())
		if queued && (!some || at.After(now)) {
			r.pace.leave(b)
			queued = false
		}
		if !some && !holder.holds() {
			b.running = false
			r.discard(b)
			r.unlock()
			return
		}
		r.unlock()
		if !some {
			holder.give(r.learned(b))
			continue
		}
		if wait := at.Sub(now); wait > 0 {
			if wait > turnPause {
				holder.give(r.learned(b))
			}
			b.pause(wait)
			continue
		}
		if isChange && b.name.ID != "" && !holder.ready() {
			r.pace.leave(b)
			queued = false
			r.takeTurn(b, &holder)
			continue
		}
		if !paced {
			wait := r.pace.admit(b, now)
			queued, paced = wait > 0, wait == 0
			if wait > 0 {
				b.pause(wait)
				continue
			}
			r.linger(b)
			continue
		}

		r.mu.Lock()
		c := b.queue.take(&taking{
			r: r, now: now, changes: isChange, most: b.most(r.options.MaxBatch),
			need: 2 * b.usual.duration(), room: &b.room,
		})
		r.releaseAll(b)
		var s *sender
		var end time.Time
		if c != nil {
			s, end = c.sender(now.Add(r.options.CallTimeout))
		}
		r.unlock()
		if c == nil {
			continue
		}
		paced = false
		r.call(b, c, s, end, &holder)
	}
}

// linger lets those run first who are about to bring more, until a call is full.
// It takes no time where nobody is, and fills the first call of a burst.
func (r *Registrar) linger(b *balancer) {
	for last := -1; ; runtime.Gosched() {
		r.mu.Lock()
		waiting := b.waiting
		r.mu.Unlock()
		if waiting == last || waiting >= r.options.MaxBatch {
			return
		}
		last = waiting
	}
}

// pause waits, but not longer than until something has changed.
func (b *balancer) pause(wait time.Duration) {
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-b.woken:
	}
}

// discard forgets a group that could not be read and that nobody waits for.
func (r *Registrar) discard(b *balancer) {
	q, is := b.queue.(*ring)
	if !is || b.name.ID != "" {
		return
	}
	for _, l := range q.lanes {
		delete(r.lanes, l.group)
	}
}

// sender returns the latest sender with a part in the batch, and when the call
// has to end: at the earliest deadline, and at most. Nobody is in a batch who
// has not twice the time that a call takes; should it take longer for once, then
// to look again costs the others less than to be stopped costs the one.
func (c *batch) sender(most time.Time) (s *sender, end time.Time) {
	end = most
	for _, it := range c.items {
		for _, w := range it.waiters {
			if s == nil || w.sender.number > s.number {
				s = w.sender
			}
			if d := w.sender.deadline; !d.IsZero() && d.Before(end) {
				end = d
			}
		}
	}
	for _, it := range c.items {
		it.ends = end
	}
	return s, end
}

// call makes the call of a batch. It belongs to nobody: the end of a caller
// does not end it, except that a read for which nobody waits is given up.
func (r *Registrar) call(b *balancer, c *batch, s *sender, end time.Time, holder *holder) {
	ctx, cancel := context.WithDeadline(context.WithoutCancel(s.ctx), end)
	defer cancel()
	a := answer{sender: s, started: time.Now()}
	if c.read {
		r.stoppable(b, cancel)
	}
	reply, err := c.send(ctx, s.api)
	a.reply = reply
	a.ended = time.Now()
	if err != nil {
		a.refusal = refusalOf(err)
	}

	r.mu.Lock()
	b.stop = nil
	var record Call
	if r.options.Observe != nil {
		record = c.record(b, a)
	}
	switch {
	case !c.read:
		r.answered(b, c, a)
	case !errors.Is(ctx.Err(), context.Canceled):
		r.described(b, c, a)
	}
	r.releaseAll(b)
	_, _, more := b.queue.ready(b.from())
	after := r.detach()
	r.mu.Unlock()

	if r.options.Observe != nil {
		r.options.Observe(record)
	}
	if !more {
		// Before anybody returns: a process may be frozen as soon as its
		// invocation has ended.
		holder.give(r.learned(b))
	}
	after.run()
}

// errPanicked takes the place of what a panic said, which may hold anything.
var errPanicked = errors.New("the call panicked")

// send makes the call. A panic in it is one more call without an answer: a
// writer has no caller who could recover, and would take the process along.
func (c *batch) send(ctx context.Context, api API) (reply vsg.Reply, err error) {
	defer func() {
		if recover() != nil {
			reply, err = vsg.Reply{}, errPanicked
		}
	}()
	if c.read {
		return api.Describe(ctx, c.lane.group)
	}
	backends := make([]vsg.Backend, len(c.items))
	for i, it := range c.items {
		backends[i] = it.change.Backend
	}
	return api.Apply(ctx, c.action, c.lane.group, backends)
}

// stoppable lets stop be called as soon as nothing waits at b any more.
func (r *Registrar) stoppable(b *balancer, stop context.CancelFunc) {
	r.mu.Lock()
	b.stop = stop
	r.relax(b)
	r.unlock()
}

// record describes the call.
func (c *batch) record(b *balancer, a answer) Call {
	record := Call{
		Context:      a.sender.ctx,
		Action:       actionDescribe,
		Group:        c.lane.group,
		LoadBalancer: b.name,
		Attempt:      1,
		Disposition:  a.refusal.disposition,
		Code:         a.refusal.code,
		Message:      a.refusal.message,
		RequestID:    a.refusal.requestID,
		Started:      a.started,
		Duration:     a.ended.Sub(a.started),
	}
	if record.Disposition == "" {
		record.Disposition, record.RequestID = vsg.DispositionDone, a.reply.RequestID
	}
	if c.read {
		return record
	}
	record.Action, record.BatchSize = actionNames[c.action], len(c.items)
	senders := map[*sender]bool{}
	record.Attempt = c.attempts()
	for _, it := range c.items {
		record.Waited = max(record.Waited, a.started.Sub(it.accepted))
		for _, w := range it.waiters {
			senders[w.sender] = true
		}
	}
	record.Senders = len(senders)
	return record
}

// count enters the call in the reports of all who had a change in it.
func (r *Registrar) count(c *batch, a answer) {
	r.calls++
	for _, it := range c.items {
		for _, w := range it.waiters {
			report := &w.sender.report
			if it.attempts > 1 {
				report.Retries++
			} else {
				report.Waited = max(report.Waited, a.started.Sub(w.sender.accepted))
			}
			if w.sender.lastCall == r.calls {
				continue
			}
			w.sender.lastCall = r.calls
			report.Calls[actionNames[c.action]]++
			report.Backends += len(c.items)
			if a.refusal.unknown {
				report.Unknown++
			}
			switch a.refusal.disposition {
			case vsg.DispositionConflict:
				report.Conflicts++
			case vsg.DispositionThrottled:
				report.Throttled++
			case vsg.DispositionLost:
				report.Lost++
			}
		}
	}
}

// succeeded enters a change that succeeded by a call.
func (p *Report) succeeded(took time.Duration) {
	p.Succeeded++
	p.Took += took
	p.Slowest = max(p.Slowest, took)
}
