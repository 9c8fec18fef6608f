package registrar

import (
	"sync"
	"time"

	"golang.org/x/time/rate"
)

const (
	paceLeast = 0.2 // calls a second, however often we were throttled
	paceStep  = 0.5 // calls a second more, for every second that went well
)

// pace is the rate of all calls of a process. It is unlimited until the service
// says that there are too many: then it is cut to half of what was in use, and
// grows again by a constant amount a second (additive increase, multiplicative
// decrease) until the limit is out of reach.
type pace struct {
	mu      sync.Mutex
	limiter *rate.Limiter
	gap     time.Duration // between calls, a moving average
	last    time.Time
	cut     time.Time // when the rate was last cut
	peak    rate.Limit
}

func newPace() *pace { return &pace{limiter: rate.NewLimiter(rate.Inf, 1)} }

// reserve takes the next free place and returns how long it is until then.
func (p *pace) reserve(now time.Time) time.Duration {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.last.IsZero() {
		p.gap += (now.Sub(p.last) - p.gap) / 8
	}
	p.last = now
	return p.limiter.ReserveN(now, 1).DelayFrom(now)
}

// throttled slows all writers down, once for all calls that were under way
// when it was last done.
func (p *pace) throttled(started, now time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if started.Before(p.cut) {
		return
	}
	p.cut = now
	used := rate.Limit(float64(time.Second) / float64(max(p.gap, time.Millisecond)))
	if p.limiter.Limit() == rate.Inf {
		p.peak = used
	} else {
		used = min(used, p.limiter.Limit())
	}
	p.limiter.SetLimitAt(now, max(used/2, paceLeast))
}

// passed speeds them up a little.
func (p *pace) passed(now time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	limit := p.limiter.Limit()
	if limit == rate.Inf {
		return
	}
	limit += paceStep / max(limit, paceStep)
	if limit > 2*p.peak {
		limit = rate.Inf
	}
	p.limiter.SetLimitAt(now, limit)
}
