package idempotency

import (
	"time"

	"slb-registrar/shared/vsg"
)

// DefaultRetention is how long a record lives after its last change: longer
// than any queue keeps a message (14 days in SQS).
const DefaultRetention = 15 * 24 * time.Hour

// Rules decide what a claim and its settlement do to a record. They are pure:
// every adapter asks them, or is tested against them, and the table in the
// package documentation is what they say. The zero value works.
type Rules struct {
	// Retention is how long a record lives after its last change; DefaultRetention if 0.
	Retention time.Duration
	// Skew is how far the clocks of two claimants may be apart. Every claim
	// lasts that much longer, so that a host whose clock is ahead does not
	// take over what is still in use.
	Skew time.Duration
}

// Claim returns the record after c has arrived at now, and the answer to c.
// Where the answer is neither Claimed nor Held the record is unchanged.
func (r Rules) Claim(record Record, now Moment, owner Owner, c Claim) (Record, Verdict) {
	record = record.Live(now)
	if c.Action == vsg.Remove {
		return r.claimRemoval(record, now, owner, c)
	}
	return r.claimLaunch(record, now, owner, c)
}

func (r Rules) claimLaunch(record Record, now Moment, owner Owner, c Claim) (Record, Verdict) {
	at := MomentOf(c.At)
	removed := record.removalStands()
	pending := c.Pending && at == 0
	done, known := record.completed(c.Action, c.Key)
	switch {
	case at != 0 && at <= record.RemovedAt:
		return record, Verdict{Standing: Superseded}
	case removed && (at == 0 || known) && !pending:
		return record, Verdict{Standing: Superseded}
	case known && !removed:
		return record, Verdict{Standing: Duplicate, ContentDiffers: differs(done.Content, c.Content)}
	case record.heldAgainst(now, owner, c):
		return record, Verdict{Standing: Held, HeldUntil: record.Holding.Until.Time()}
	}
	if removed && at == 0 {
		// Its hook waits still, so whatever was terminated by now was another
		// instance before it, even where that is still to be told.
		at = max(record.RemovedAt+1, now)
	}
	return r.hold(record, now, owner, c, at)
}

func (r Rules) claimRemoval(record Record, now Moment, owner Owner, c Claim) (Record, Verdict) {
	at := MomentOf(c.At)
	first := record.sighted(c.Key)
	if at == 0 {
		at = first // it is no later for coming again
	}
	done, known := record.completed(c.Action, c.Key)
	switch {
	case known && record.removalStands():
		return record, Verdict{Standing: Duplicate, ContentDiffers: differs(done.Content, c.Content)}
	case known, at != 0 && at < record.LaunchedAt:
		return record, Verdict{Standing: Superseded}
	}
	if at == 0 {
		// All that is certain is that it is over by now.
		at = max(now, record.LaunchedAt, record.RemovedAt, record.Holding.At)
	}
	if first == 0 {
		record.Removals = sight(record.Removals, Sighting{Key: c.Key, At: at})
	}
	if first == 0 || at > record.RemovedAt {
		record.RemovedAt = max(record.RemovedAt, at)
		record.Expires = max(now.Add(r.retention()), record.Holding.Until)
	}
	if record.heldAgainst(now, owner, c) {
		return record, Verdict{Standing: Held, HeldUntil: record.Holding.Until.Time()}
	}
	return r.hold(record, now, owner, c, at)
}

func (r Rules) hold(record Record, now Moment, owner Owner, c Claim, at Moment) (Record, Verdict) {
	until := now.Add(owner.Hold + r.Skew)
	record.Holding = Holding{Owner: owner.Token, Until: until, Action: c.Action, Key: c.Key, At: at}
	record.Expires = max(now.Add(r.retention()), until)
	return record, Verdict{Standing: Claimed}
}

// Settle returns the record after owner has settled s at now, and whether
// owner still held it for that change. A record that IsZero need not be kept.
//
// The time of the change is that of the claim, which knows more than the
// settlement does: for a removal without a time when it was first seen.
func (r Rules) Settle(record Record, now Moment, owner Owner, s Settlement) (Record, bool) {
	record = record.Live(now)
	h := record.Holding
	if h.Owner == "" || h.Owner != owner.Token || h.Action != s.Action || h.Key != s.Key {
		again := s.Completed && len(record.Done) > 0 && record.DoneBy == owner.Token &&
			record.Done[0].Action == s.Action && record.Done[0].Key == s.Key
		return record, again
	}
	record.Holding = Holding{}
	if s.Completed {
		if s.Action != vsg.Remove {
			record.LaunchedAt = max(record.LaunchedAt, h.At)
		}
		record.Done = remember(record.Done, Completion{Action: s.Action, Key: s.Key, Content: s.Content})
		record.DoneBy = owner.Token
	}
	record.Expires = now.Add(r.retention())
	return record, true
}

func (r Rules) retention() time.Duration {
	if r.Retention <= 0 {
		return DefaultRetention
	}
	return r.Retention
}

// Forgotten reports whether what was noted at a time is too old to be kept at now.
func (r Rules) Forgotten(at, now time.Time) bool { return now.Sub(at) > r.retention() }

// remember puts the newest first. Records are values: the old list stays as it is.
func remember(done []Completion, newest Completion) []Completion {
	list := append(make([]Completion, 0, len(done)+1), newest)
	for _, old := range done {
		if len(list) == Remembered {
			break
		}
		if old.Action != newest.Action || old.Key != newest.Key {
			list = append(list, old)
		}
	}
	return list
}

// sight puts the newest first, and leaves the old list as it is.
func sight(removals []Sighting, newest Sighting) []Sighting {
	kept := removals[:min(len(removals), Sighted-1)]
	return append(append(make([]Sighting, 0, len(kept)+1), newest), kept...)
}

// differs compares two digests; an unknown one differs from nothing.
func differs(a, b string) bool { return a != "" && b != "" && a != b }
