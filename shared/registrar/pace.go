package registrar

import (
	"math"
	"slices"
	"sync"
	"time"

	"golang.org/x/time/rate"
)

const (
	paceLeast = 1.0         // calls a second, however often we were throttled
	paceStep  = 0.5         // calls a second more, for every second that went well
	paceHold  = time.Second // after a cut, what was already under way is not counted again
	paceLook  = time.Second // the longest wait without looking whether it has become faster
	paceStale = time.Minute // after such a pause nothing is known any more
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
	grown    time.Time // when it was last made faster, or cut
	peak     rate.Limit
	queue    []*balancer // who waits for a place, in the order of asking
}

func newPace() *pace { return &pace{limiter: rate.NewLimiter(rate.Inf, 1)} }

// admit reports whether b may make a call now; if not, how long it should wait
// before it asks again. Who has asked keeps its place until it leaves.
func (p *pace) admit(b *balancer, now time.Time) (wait time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if now.Sub(p.at) > paceStale {
		p.limiter.SetLimitAt(now, rate.Inf)
	}
	place := slices.Index(p.queue, b)
	limit := p.limiter.Limit()
	if (limit == rate.Inf || place == 0 || len(p.queue) == 0) && p.limiter.AllowN(now, 1) {
		p.drop(place)
		return 0
	}
	if place < 0 {
		place = len(p.queue)
		p.queue = append(p.queue, b)
	}
	missing := float64(place+1) - p.limiter.TokensAt(now)
	wait = time.Duration(missing / float64(limit) * float64(time.Second))
	return max(time.Millisecond, min(wait, paceLook))
}

// leave gives the place of b up.
func (p *pace) leave(b *balancer) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.drop(slices.Index(p.queue, b))
}

func (p *pace) drop(place int) {
	if place >= 0 {
		p.queue = slices.Delete(p.queue, place, place+1)
	}
}

// throttled slows all writers down.
func (p *pace) throttled(started, now time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if started.Before(p.held) {
		return
	}
	p.held, p.grown = now.Add(paceHold), now
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
	limit += rate.Limit(paceStep * now.Sub(p.grown).Seconds())
	p.grown = now
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
