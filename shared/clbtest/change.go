package clbtest

import (
	"time"
)

// change is an accepted change that applies at the end of its latency. Whoever
// looks at the load balancer after that moment applies it first, so that a
// change whose caller has given up takes effect as well, without a goroutine
// that would wait for it.
type change struct {
	at    time.Time // when it applies
	apply func()
	call  *exchange
}

// advance applies the changes that are due. The caller holds lb.mu.
func (lb *loadBalancer) advance(now time.Time) {
	if len(lb.pending) == 0 {
		return
	}
	rest := lb.pending[:0]
	for _, c := range lb.pending {
		if now.Before(c.at) {
			rest = append(rest, c)
			continue
		}
		c.apply()
		c.call.applied(now)
	}
	clear(lb.pending[len(rest):])
	lb.pending = rest
}

// conflict says whether an earlier change is in the way. A refusal is immediate:
// the service finds out before it does anything. The caller holds lb.mu.
func (s *Simulator) conflict(lb *loadBalancer, g *group, now time.Time) *failure {
	if s.options.Scope == ScopeVServerGroup && g != nil {
		if now.Before(g.busy) {
			return refuse("VServerGroupProcessing", "")
		}
		return nil
	}
	if now.Before(lb.busy) {
		return refuse("BackendServer.configuring", "")
	}
	return nil
}

// plan is what a change will do, worked out when it is accepted: nothing else
// can change its load balancer until it has been applied.
type plan struct {
	apply func()
	delta int // how many members come or go
}

// change makes an accepted change of lb, and of g if it is not nil, and waits
// until it has been applied. With lost it was accepted, and nobody waits for
// the answer any more.
func (e *exchange) change(lb *loadBalancer, g *group, work func(now time.Time) (plan, *failure)) *failure {
	wait, fail := e.accept(lb, g, work)
	if fail != nil || wait == 0 {
		return fail
	}
	if !e.sleep(wait) {
		e.lost = true
		return nil
	}
	lb.mu.Lock()
	defer lb.mu.Unlock()
	lb.advance(time.Now())
	return nil
}

// accept decides on a change and either applies it at once or leaves it to
// advance; then it returns how long to wait.
func (e *exchange) accept(lb *loadBalancer, g *group, work func(now time.Time) (plan, *failure)) (time.Duration, *failure) {
	s, latency := e.sim, e.sim.options.Latency+e.extraLatency
	lb.mu.Lock()
	defer lb.mu.Unlock()
	now := time.Now()
	lb.advance(now)
	if fail := stillThere(lb, g); fail != nil {
		return 0, fail
	}
	if fail := s.conflict(lb, g, now); fail != nil {
		return 0, fail
	}
	p, fail := work(now)
	if fail != nil {
		return 0, fail
	}
	due := now.Add(latency)
	if until := due.Add(s.options.Settle); s.options.Scope == ScopeVServerGroup && g != nil {
		g.busy = until
	} else {
		lb.busy = until
	}
	lb.members += p.delta
	if latency == 0 {
		p.apply()
		e.applied(now)
		return 0, nil
	}
	lb.pending = append(lb.pending, &change{at: due, apply: p.apply, call: e})
	return latency, nil
}

// stillThere refuses what was deleted between being found and being locked.
func stillThere(lb *loadBalancer, g *group) *failure {
	switch {
	case g != nil && g.deleted:
		return refuseWith(404, "InvalidParameter", "The specified VServerGroupId does not exist.")
	case lb.deleted:
		return refuse("InvalidLoadBalancerId.NotFound", "")
	}
	switch lb.info.LoadBalancerStatus {
	case "", "active":
		return nil
	case "locked":
		return refuse("ActionNotAllowed", "")
	}
	return refuse("LbStatusNotSupport", "")
}
