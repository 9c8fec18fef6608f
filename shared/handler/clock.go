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
	// claimMargin is added to the rest of an invocation, so that a claim does
	// not lapse while its holder is being stopped.
	claimMargin = 10 * time.Second
	// unboundedHold is how long a claim lasts without a deadline: the longest
	// that Lambda lets a function run, which is more than a hook's handler needs.
	unboundedHold = 15 * time.Minute
)

// clock divides the time of one invocation.
type clock struct {
	deadline time.Time // zero without one
	reserve  time.Duration
}

func newClock(ctx context.Context, start time.Time) clock {
	c := clock{reserve: minReserve}
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
// the cancellation of the invocation, because what was done stays done, and it
// uses at most half of the reserve, because the answer needs the rest. A call
// that others shared may have gone on into the reserve; then it is half of what
// is left.
func (c clock) record(ctx context.Context) (context.Context, context.CancelFunc) {
	ctx = context.WithoutCancel(ctx)
	left := time.Until(c.deadline)
	if c.deadline.IsZero() || left > c.reserve {
		return context.WithTimeout(ctx, c.reserve/2)
	}
	return context.WithTimeout(ctx, max(left-c.reserve/2, left/2))
}

// hold is how long a claim made now has to last.
func (c clock) hold() time.Duration {
	if c.deadline.IsZero() {
		return unboundedHold
	}
	return max(time.Until(c.deadline), 0) + claimMargin
}
