package handler

import (
	"context"
	"time"
)

// Bounds of the reserve, which is a tenth of the time-out: the time kept at
// the end of an invocation to record what was done and to answer.
const (
	minReserve = 500 * time.Millisecond
	maxReserve = 5 * time.Second
	// maxRecord bounds one operation of the store that outlives its invocation's
	// working time.
	maxRecord = 5 * time.Second
	// claimMargin is added to the rest of an invocation, so that a claim does
	// not lapse while its holder is being stopped.
	claimMargin = 10 * time.Second
	// unboundedHold is how long a claim lasts without a deadline: the longest
	// that Lambda lets a function run, which is more than a hook's handler needs.
	unboundedHold = 15 * time.Minute
)

// clock divides the time of one invocation.
type clock struct {
	start    time.Time
	deadline time.Time // zero without one
	reserve  time.Duration
}

func newClock(ctx context.Context, start time.Time) clock {
	c := clock{start: start, reserve: minReserve}
	if d, ok := ctx.Deadline(); ok {
		c.deadline, c.reserve = d, Reserve(d.Sub(start))
	}
	return c
}

// Reserve is the part of a time-out that is kept for recording and answering:
// a tenth of it, between half a second and five.
func Reserve(timeout time.Duration) time.Duration {
	return min(max(timeout/10, minReserve), maxReserve)
}

// work returns a context for everything that may still be given up: it ends
// when the reserve begins, or when the invocation is cancelled.
func (c clock) work(ctx context.Context) (context.Context, context.CancelFunc) {
	if c.deadline.IsZero() {
		return context.WithCancel(ctx)
	}
	return context.WithDeadline(ctx, c.deadline.Add(-c.reserve))
}

// record returns a context for writing down what has been done. It outlives
// the cancellation of the invocation, because what was done stays done. It ends
// in the middle of the reserve, because the answer needs the rest, but gives
// the store a moment even when a call that was shared with others came late.
func (c clock) record(ctx context.Context) (context.Context, context.CancelFunc) {
	end := time.Now().Add(maxRecord)
	if !c.deadline.IsZero() {
		if half := c.deadline.Add(-c.reserve / 2); half.Before(end) {
			end = half
		}
		if least := time.Now().Add(minReserve / 2); end.Before(least) {
			end = least
		}
	}
	return context.WithDeadline(context.WithoutCancel(ctx), end)
}

// grace is for how long a hook may be dealt with after the work has ended: the
// last quarter of the reserve belongs to the answer alone.
func (c clock) grace() time.Duration {
	if c.deadline.IsZero() {
		return c.reserve
	}
	from := c.deadline.Add(-c.reserve)
	if now := time.Now(); now.After(from) {
		from = now
	}
	return max(c.deadline.Add(-c.reserve/4).Sub(from), 0)
}

// patience is the longest wait on purpose that an invocation with this time-out
// can ever finish: its working time without what a few calls take.
func (c clock) patience() time.Duration {
	if c.deadline.IsZero() {
		return unboundedHold
	}
	working := c.deadline.Sub(c.start) - c.reserve
	return max(working-max(working/10, time.Second), 0)
}

// hold is how long a claim made now has to last.
func (c clock) hold() time.Duration {
	if c.deadline.IsZero() {
		return unboundedHold
	}
	return max(time.Until(c.deadline), 0) + claimMargin
}
