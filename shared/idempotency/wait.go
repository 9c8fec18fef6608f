package idempotency

import (
	"context"
	"math/rand/v2"
	"time"
)

// How long to wait before a held claim is asked for again: at first about as
// long as a call to the load balancer takes, then longer, because a claim that
// is held on waits for a settling load balancer, or its holder was killed.
const (
	firstWait   = 100 * time.Millisecond
	longestWait = 2 * time.Second
)

// ClaimEach claims the batch and calls decided as soon as anything is known:
// first with all that is not held by others, then, while ctx lasts, with what
// has come free meanwhile, and at the end with what is held still. Each claim
// is reported exactly once, by its place in the batch; decided is called from
// the calling goroutine and may take its time only if nothing is left to wait
// for: claims last from when they were granted.
//
// The waits have full jitter, and none is longer than the other claim lasts.
//
// An error means that the store could not be asked. What was decided before
// stands, and is the caller's to settle; the rest has been reported as held,
// unless it was the first question that failed: then nothing is reported.
// That ctx ended while waiting is no error.
func ClaimEach(ctx context.Context, store Store, owner Owner, claims []Claim, decided func(places []int, verdicts []Verdict)) error {
	verdicts, err := store.Claim(ctx, owner, claims)
	if err != nil {
		return err
	}
	open := make([]int, len(claims))
	for i := range open {
		open[i] = i
	}
	var held []Verdict
	for wait := firstWait; ; wait = min(2*wait, longestWait) {
		open, held = report(open, verdicts, decided)
		if len(open) == 0 {
			return nil
		}
		if !pause(ctx, wait, held) {
			decided(open, held)
			return nil
		}
		again := make([]Claim, len(open))
		for i, place := range open {
			again[i] = claims[place]
		}
		if verdicts, err = store.Claim(ctx, owner, again); err != nil {
			decided(open, held)
			if ctx.Err() != nil {
				return nil //nolint:nilerr // the end of its context is how a wait ends
			}
			return err
		}
	}
}

// ClaimAll is ClaimEach for who has no use for the early answers: it returns
// when all are known or ctx ends, in the order of the batch. With an error
// that is not of the first question the verdicts are there too, and what is
// Claimed in them is the caller's to settle.
func ClaimAll(ctx context.Context, store Store, owner Owner, claims []Claim) ([]Verdict, error) {
	var all []Verdict
	err := ClaimEach(ctx, store, owner, claims, func(places []int, verdicts []Verdict) {
		if all == nil {
			all = make([]Verdict, len(claims))
		}
		for i, place := range places {
			all[place] = verdicts[i]
		}
	})
	return all, err
}

// report hands out what is decided and returns the rest.
func report(places []int, verdicts []Verdict, decided func([]int, []Verdict)) (open []int, held []Verdict) {
	var known []int
	var answers []Verdict
	for i, v := range verdicts {
		if v.Standing == Held {
			open, held = append(open, places[i]), append(held, v)
		} else {
			known, answers = append(known, places[i]), append(answers, v)
		}
	}
	if len(known) > 0 {
		decided(known, answers)
	}
	return open, held
}

// pause waits with full jitter, at most until the first of the other claims
// lapses. False means that ctx ended.
func pause(ctx context.Context, longest time.Duration, held []Verdict) bool {
	wait := time.Duration(rand.Int64N(int64(longest))) + time.Millisecond
	for _, v := range held {
		// Clocks may disagree, so a claim that seems to have lapsed is asked
		// for soon and not at once.
		if left := time.Until(v.HeldUntil); left > 0 {
			wait = min(wait, left+time.Millisecond)
		}
	}
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}
