package idempotency

import (
	"slices"
	"time"

	"slb-registrar/shared/vsg"
)

// Remembered is how many completed keys a record keeps, newest first. One
// backend is launched and removed once, seldom twice, and each may be told by
// two or three sources; what falls out is still judged by its time.
const Remembered = 8

// Sighted is how many removals a record keeps the first sight of, newest
// first: each termination may be told by two or three sources.
const Sighted = 4

// Moment is a time in microseconds since 1970, 0 if unknown: what fits every
// engine's numbers without loss. Events are never stamped more finely.
type Moment int64

// latest is the last moment that a double, the only number of Redis's scripts,
// holds exactly together with its successor (the year 2255).
const latest = Moment(1<<53 - 2)

// MomentOf returns t as a Moment. The zero time, and any before 1970, are unknown.
func MomentOf(t time.Time) Moment {
	if t.IsZero() {
		return 0
	}
	return min(max(Moment(t.UnixMicro()), 0), latest)
}

// Time returns m as a time in UTC; the zero time if m is unknown.
func (m Moment) Time() time.Time {
	if m == 0 {
		return time.Time{}
	}
	return time.UnixMicro(int64(m)).UTC()
}

// Add returns m moved by d.
func (m Moment) Add(d time.Duration) Moment {
	return min(m+Moment(d/time.Microsecond), latest)
}

// Record is what a store knows of one backend. The zero Record knows nothing.
type Record struct {
	Holding Holding `json:"h,omitzero"`
	// LaunchedAt is the latest known time of a completed launch.
	LaunchedAt Moment `json:"l,omitzero"`
	// RemovedAt is the time of the latest removal that anybody has asked for.
	RemovedAt Moment `json:"r,omitzero"`
	// Removals are the last that were asked for, newest first, so that one
	// without a time is no later for coming again.
	Removals []Sighting `json:"rs,omitempty"`
	// Done are the last completed changes, newest first.
	Done []Completion `json:"d,omitempty"`
	// DoneBy is the owner that completed the newest of them, who may ask again
	// because the answer was lost.
	DoneBy string `json:"by,omitzero"`
	// Expires is when all this is forgotten.
	Expires Moment `json:"x,omitzero"`
}

// Holding is the claim that stands on a record.
type Holding struct {
	Owner  string     `json:"o"`
	Until  Moment     `json:"u"`
	Action vsg.Action `json:"a"`
	Key    string     `json:"k"`
	At     Moment     `json:"t,omitzero"`
}

// Sighting is a removal and its time: its own, else when it was first seen.
type Sighting struct {
	Key string `json:"k"`
	At  Moment `json:"t"`
}

// Completion is a change that took effect.
type Completion struct {
	Action  vsg.Action `json:"a"`
	Key     string     `json:"k"`
	Content string     `json:"c,omitzero"`
}

// IsZero reports whether the record knows nothing, so that it need not be kept.
func (r Record) IsZero() bool { return r.Equal(Record{Expires: r.Expires}) }

// Equal reports whether two records say the same, so that nothing has to be written.
func (r Record) Equal(other Record) bool {
	return r.Holding == other.Holding && r.LaunchedAt == other.LaunchedAt &&
		r.RemovedAt == other.RemovedAt && slices.Equal(r.Removals, other.Removals) &&
		r.DoneBy == other.DoneBy && r.Expires == other.Expires && slices.Equal(r.Done, other.Done)
}

// Live returns what is left of the record at now: all of it or nothing.
func (r Record) Live(now Moment) Record {
	if r.Expires <= now {
		return Record{}
	}
	return r
}

// removalStands reports whether the last word on the backend is a removal. At
// equal times it is: an instance is launched before it goes, and the clocks
// that stamp events are coarse.
func (r Record) removalStands() bool {
	return r.RemovedAt != 0 && r.RemovedAt >= r.LaunchedAt
}

// completed returns the completion of the key, if it is remembered.
func (r Record) completed(action vsg.Action, key string) (Completion, bool) {
	for _, done := range r.Done {
		if done.Action == action && done.Key == key {
			return done, true
		}
	}
	return Completion{}, false
}

// sighted returns the time of a removal that is remembered, else 0.
func (r Record) sighted(key string) Moment {
	for _, s := range r.Removals {
		if s.Key == key {
			return s.At
		}
	}
	return 0
}

// heldAgainst reports whether a claim stands that the arriving one must wait
// for. Its own does not count, unless it is for another change: two changes of
// one invocation must not run into each other either.
func (r Record) heldAgainst(now Moment, owner Owner, c Claim) bool {
	h := r.Holding
	if h.Owner == "" || h.Until <= now {
		return false
	}
	return h.Owner != owner.Token || h.Key != c.Key || h.Action != c.Action
}
