package idempotency

import (
	"context"
	"time"

	"slb-registrar/shared/vsg"
)

// Subject names the record of a backend: one per backend, not per event, so
// that an add and a removal of the same backend meet.
type Subject struct {
	Group   vsg.Group
	Backend vsg.Identity
}

// Claim asks for the record of a backend before it is changed.
type Claim struct {
	Subject Subject
	Action  vsg.Action // Add or Remove
	Key     string     // the idempotency key of the change
	At      time.Time  // when the launch or termination happened; zero if unknown
	// Pending says that the hook's action is known to be still pending, which
	// lets a launch without a time win against a removal.
	Pending bool
	// Content is a digest of weight and type: not part of the key, but a
	// change in it is worth a warning.
	Content string
}

// Standing is what the store says to a claim.
type Standing string

// The standings.
const (
	Claimed    Standing = "claimed"    // ours until the claim lapses
	Duplicate  Standing = "duplicate"  // this key was completed before
	Superseded Standing = "superseded" // a later removal stands
	Held       Standing = "held"       // somebody else's claim has not lapsed
)

// Verdict answers a claim.
type Verdict struct {
	Standing Standing
	// HeldUntil is when the other claim lapses.
	HeldUntil time.Time
	// ContentDiffers marks a duplicate whose weight or type is another one now.
	ContentDiffers bool
}

// Owner is the holder of claims: one invocation.
type Owner struct {
	Token string        // unique to the invocation
	Hold  time.Duration // how long a claim lasts: the rest of the invocation and a margin
}

// Settlement ends a claim.
type Settlement struct {
	Subject Subject
	Action  vsg.Action
	Key     string
	At      time.Time
	Content string
	// Completed remembers the change; otherwise the claim is released and the
	// record is as it was before the claim.
	Completed bool
}

// Store holds the records. Batch in, batch out: answers stand where their
// questions stood. A batch never holds one subject twice. An error means that
// the store could not be asked and nothing may be assumed.
type Store interface {
	// Claim claims what is free and reports the rest.
	Claim(ctx context.Context, owner Owner, claims []Claim) ([]Verdict, error)
	// Settle completes or releases what owner still holds; false where it had
	// lost its claim, which changes nothing in the store.
	Settle(ctx context.Context, owner Owner, settlements []Settlement) ([]bool, error)
}
