package clbtest

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"slices"
	"sync"
	"time"
)

// rules are the faults in force, and what they have counted.
type rules struct {
	mu    sync.Mutex
	rules []*rule
}

type rule struct {
	Fault
	random  *rand.Rand
	until   time.Time // zero means for ever
	matched int
	acted   int
	latency time.Duration
	jitter  time.Duration
	drip    time.Duration
	tokens  float64
	filled  time.Time
}

// effect is what happens to one call.
type effect struct {
	failure *failure
	latency time.Duration
	reset   string
	body    string
	status  int
	drip    time.Duration
}

func newRules(faults []Fault, now time.Time) (*rules, error) {
	rs := &rules{}
	for i, f := range faults {
		if err := f.check(); err != nil {
			return nil, fmt.Errorf("faults[%d]: %w", i, err)
		}
		r := &rule{Fault: f, random: rand.New(rand.NewPCG(f.Seed, 0)), filled: now}
		r.latency, _ = duration(f.Effect.Latency, 0) // checked above
		r.jitter, _ = duration(f.Effect.Jitter, 0)
		r.drip, _ = duration(f.Effect.Drip, 0)
		if life, _ := duration(f.For, 0); life > 0 {
			r.until = now.Add(life)
		}
		if t := f.Effect.Throttle; t != nil {
			r.tokens = float64(max(t.Burst, 1))
		}
		rs.rules = append(rs.rules, r)
	}
	return rs, nil
}

// decide lets every rule count the call and returns the effect of the first
// that acts.
func (rs *rules) decide(e *exchange, now time.Time) effect {
	if len(rs.rules) == 0 {
		return effect{}
	}
	rs.mu.Lock()
	defer rs.mu.Unlock()
	var acting *rule
	for _, r := range rs.rules {
		if !r.matches(&e.call) {
			continue
		}
		due := r.due()
		if !due || acting != nil || r.Times > 0 && r.acted >= r.Times || !r.until.IsZero() && !now.Before(r.until) {
			continue
		}
		if r.Effect.Throttle != nil && r.take(now) {
			continue
		}
		r.acted++
		acting = r
	}
	if acting == nil {
		return effect{}
	}
	return acting.effect()
}

func (r *rule) matches(c *Call) bool {
	if !allows(r.Action, c.Action) || !allows(r.VServerGroupID, c.VServerGroupID) || !allows(r.LoadBalancerID, c.LoadBalancerID) {
		return false
	}
	if r.ServerID == "" && r.ServerIP == "" {
		return true
	}
	named := func(b Backend) bool { return allows(r.ServerID, b.ServerID) && allows(r.ServerIP, b.ServerIP) }
	return slices.ContainsFunc(c.Backends, named) || slices.ContainsFunc(c.OldBackends, named)
}

// due counts a call and says whether it is the rule's turn.
func (r *rule) due() bool {
	r.matched++
	switch {
	case r.Nth > 0:
		return r.matched == r.Nth
	case r.Every > 0:
		return r.matched%r.Every == 0
	case r.Probability != nil:
		return r.random.Float64() < *r.Probability
	}
	return true
}

// take takes a token out of the bucket, if there is one.
func (r *rule) take(now time.Time) bool {
	t := r.Effect.Throttle
	r.tokens = min(float64(max(t.Burst, 1)), r.tokens+now.Sub(r.filled).Seconds()*t.PerSecond)
	r.filled = now
	if r.tokens < 1 {
		return false
	}
	r.tokens--
	return true
}

func (r *rule) effect() effect {
	f := effect{latency: r.latency, reset: r.Effect.Reset, body: r.Effect.Body, status: r.Effect.HTTPStatus, drip: r.drip}
	if r.jitter > 0 {
		f.latency += time.Duration(r.random.Int64N(int64(r.jitter)))
	}
	switch {
	case r.Effect.Throttle != nil:
		f.failure = refuse("Throttling.User", "")
	case r.Effect.Code != "":
		f.failure = documented(r.Effect.Code)
		if r.Effect.HTTPStatus != 0 {
			f.failure.status = r.Effect.HTTPStatus
		}
		if r.Effect.Message != "" {
			f.failure.message = r.Effect.Message
		}
	case r.Effect.Body == BodyTruncated && r.Effect.HTTPStatus >= 300:
		f.failure = refuseWith(r.Effect.HTTPStatus, "ServiceUnavailable", "The service is temporarily unavailable.")
	case r.Effect.Body == BodyHTML || r.Effect.Body == BodyNumericCode:
		if f.status == 0 {
			f.status = http.StatusBadGateway
		}
		f.failure = refuseWith(f.status, "ServiceUnavailable", "The service is temporarily unavailable.")
	}
	return f
}
