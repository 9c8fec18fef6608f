package registrar

import (
	"math"
	"sync"
	"time"

	"golang.org/x/time/rate"
)

const (
	paceLeast = 0.2         // calls a second, however often we were throttled
	paceStep  = 0.5         // calls a second more, for every second that went well
	paceHold  = time.Second // after a cut, what was already under way is not counted again
)

// pace is the rate of all calls of a process. It is unlimited until the service
// says that there are too many: then it is cut to half of what was accepted of
// late, and grows again by a constant amount a second (additive increase,
// multiplicative decrease) until the limit is out of reach.
type pace struct {
	mu       sync.Mutex
	limiter  *rate.Limiter
	accepted float64 // calls a second, averaged over about a second
	at       time.Time
	held     time.Time // until when it is not cut again
	peak     rate.Limit
}

func newPace() *pace { return &pace{limiter: rate.NewLimiter(rate.Inf, 1)} }

// reserve takes the next free place and returns how long it is until then.
func (p *pace) reserve(now time.Time) time.Duration {
	return p.limiter.ReserveN(now, 1).DelayFrom(now)
}

// throttled slows all writers down.
func (p *pace) throttled(started, now time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if started.Before(p.held) {
		return
	}
	p.held = now.Add(paceHold)
	p.age(now)
	used := rate.Limit(p.accepted)
	if p.limiter.Limit() == rate.Inf {
		p.peak = max(used, 1)
	} else {
		used = min(used, p.limiter.Limit())
	}
	p.limiter.SetLimitAt(now, max(used/2, paceLeast))
}

// passed takes note of a call that was not throttled, and speeds all writers up
// a little.
func (p *pace) passed(now time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.age(now)
	p.accepted++
	limit := p.limiter.Limit()
	if limit == rate.Inf {
		return
	}
	limit += paceStep / max(limit, paceStep)
	if limit > 4*p.peak {
		limit = rate.Inf
	}
	p.limiter.SetLimitAt(now, limit)
}

// age lets what was accepted fade.
func (p *pace) age(now time.Time) {
	if d := now.Sub(p.at); d > 0 {
		p.accepted *= math.Exp(-d.Seconds())
		p.at = now
	}
}
