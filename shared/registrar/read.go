package registrar

import (
	"slb-registrar/shared/vsg"
)

// described draws the conclusions from the description of a group: where it
// belongs, if that was not known, and what stands already of the changes that
// waited when it was asked for.
func (r *Registrar) described(b *balancer, c *batch, a answer) {
	l := c.lane
	if a.refusal.disposition == "" && !a.reply.Listed {
		// Whatever it was, it does not say that the group is empty.
		a.refusal = refusal{disposition: vsg.DispositionTransient, message: "the description lists no backends"}
	}
	if a.refusal.disposition != "" {
		r.unread(b, c, a)
		return
	}
	l.failures, l.stale, b.throttles = 0, 0, 0
	r.pace.passed(a.ended)
	if !l.known {
		r.settleIn(l, a.reply.LoadBalancerID)
	}

	l.exorcise(a.reply)
	l.compare(c.items, a.reply)
	var repeated []*item
	progress := false
	for _, it := range c.items {
		if !it.ready() {
			continue
		}
		why := it.unsure
		l.mark(it, sure)
		status := it.standing(why)
		if l.undone(it, a.ended) {
			status = "" // only a change that is accepted proves that it is over
		}
		if why == duplicate {
			progress = progress || status != ""
			if status == "" {
				repeated = append(repeated, it)
			}
		}
		switch status {
		case "":
		case vsg.Rejected:
			r.finish(it, it.last.outcome(status))
		default:
			r.succeed(it, vsg.Outcome{Status: status, RequestID: a.reply.RequestID, Idle: it.idle()})
		}
	}
	if !progress {
		r.puzzled(l, repeated, a)
	}
}

// exorcise forgets the lost calls whose effect can be seen.
func (l *lane) exorcise(reply vsg.Reply) {
	if len(l.haunted) == 0 {
		return
	}
	members := make(map[vsg.Identity]bool, len(reply.Backends))
	for _, member := range reply.Backends {
		members[member.Identity()] = true
	}
	for h := range l.haunted {
		if members[h.id] && h.action == vsg.Add {
			delete(l.haunted, h)
		}
	}
	for h := range l.haunted {
		_, added := l.haunted[haunt{h.id, vsg.Add}]
		if !members[h.id] && !added {
			delete(l.haunted, h)
		}
	}
}

// standing returns how a change ends by what the group holds; empty if it has
// to be sent.
func (it *item) standing(why unsure) vsg.Status {
	is := it.member != nil
	switch {
	case it.change.Action == vsg.Add && is && why == lost:
		return vsg.Added
	case it.change.Action == vsg.Add && is:
		return vsg.Already
	case it.change.Action == vsg.Add:
		return ""
	case !is && why == lost && it.change.Action == vsg.Remove:
		return vsg.Removed
	case !is:
		return vsg.Absent
	case it.change.Action == vsg.SetWeight && it.member.Weight == it.change.Backend.Weight:
		return vsg.Weighted
	case why == denied:
		return vsg.Rejected
	}
	return ""
}

// puzzled deals with backends that were refused as members already, of which
// none is: the one that is meant is searched, or it is tried again.
func (r *Registrar) puzzled(l *lane, repeated []*item, a answer) {
	if len(repeated) == 1 {
		it := repeated[0]
		it.notBefore = a.ended.Add(r.jitter(failureFirst, failureMost, it.attempts))
	}
	if len(repeated) < 2 || l.bisection.busy() {
		return
	}
	chosen := make(map[*item]bool, len(repeated))
	for _, it := range repeated {
		chosen[it] = true
	}
	kept := l.items[:0]
	for _, it := range l.items {
		if !chosen[it] {
			kept = append(kept, it)
		}
	}
	clear(l.items[len(kept):])
	l.items = kept
	l.bisection.begin(l, repeated)
}

// unread deals with a description that failed.
func (r *Registrar) unread(b *balancer, c *batch, a answer) {
	l, f := c.lane, a.refusal
	if f.disposition == vsg.DispositionThrottled {
		r.throttled(b, a)
	}
	if !l.known && l.configured != "" && f.disposition != vsg.DispositionGroup {
		// Where it belongs is known without; nothing is assumed of its members.
		r.settleIn(l, l.configured)
		return
	}
	var asked []*item
	for _, it := range c.items {
		if it.state == waiting {
			it.last = &f
			asked = append(asked, it)
		}
	}
	switch f.disposition {
	case vsg.DispositionGroup, vsg.DispositionMalformed:
		for _, it := range asked {
			r.finish(it, f.outcome(vsg.Rejected))
		}
	case vsg.DispositionAuth:
		if len(asked) > 0 {
			r.unauthorised(l, asked, a)
		}
	case vsg.DispositionThrottled:
		l.notBefore = b.notBefore
	case vsg.DispositionStaleSignature:
		l.resign(r, a)
	default:
		l.failed(r, a)
	}
}

// settleIn lets a group wait at its load balancer from now on. A group whose
// load balancer stays unknown is a load balancer of its own.
func (r *Registrar) settleIn(l *lane, id string) {
	if id == "" {
		id = l.configured
	}
	if id == "" {
		id = l.group.ID
	}
	name := vsg.LoadBalancer{RegionID: l.group.RegionID, ID: id}
	b := r.balancers[name]
	if b == nil {
		b = newBalancer(name)
		r.balancers[name] = b
	}
	b.waiting += l.home.waiting
	l.home.queue, l.home.waiting = &ring{}, 0
	l.known, l.home = true, b
	b.queue.join(l)
	r.wake(b)
}
