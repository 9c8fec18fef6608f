package reconcile

import (
	"time"

	"slb-registrar/shared/registrar"
	"slb-registrar/shared/vsg"
)

// Kind says how a backend is not as it should be.
type Kind string

// The kinds of drift.
const (
	Missing     Kind = "missing" // an instance in service is not in a group it belongs to
	Stale       Kind = "stale"   // we added it, and nobody wants it any more
	WrongWeight Kind = "weight"  // its weight is not that of the target
	WrongType   Kind = "type"    // its type is not that of the target
	Foreign     Kind = "foreign" // nobody wants it, and we did not add it
)

// kinds are in the order of their reports.
var kinds = []Kind{Missing, Stale, WrongWeight, WrongType, Foreign}

// Kinds lists the kinds of drift in the order in which they are reported.
func Kinds() []Kind { return append([]Kind(nil), kinds...) }

// Drift is one backend that is not as it should be.
type Drift struct {
	Kind           Kind
	Group          vsg.Group
	LoadBalancerID string
	// Backend is as it was found in the group; for Missing as it should be.
	Backend vsg.Backend
	// Wanted is how it should be; of use for Missing, WrongWeight and WrongType.
	Wanted         vsg.Backend
	ScalingGroupID string // that wants it; empty for Stale and Foreign
	InstanceID     string // likewise
	Ours           bool   // its Description says that we added it
	// Left says why a run that was to repair it did not try: a constant
	// sentence; empty if it tried, or if nothing was to be repaired.
	Left string
	// Undone says that Left is not for good: the request asked for the repair,
	// and another run may do it.
	Undone bool

	at time.Time // when the world was seen that calls for a change
}

// Change is a repair and how it ended. In a dry run its status is planned.
type Change struct {
	vsg.Change
	Key     string // the idempotency key
	Outcome vsg.Outcome
}

// Codes of problems that are ours; those of the services are also used.
const (
	CodeOpen       = "CannotBeListed" // not all that feeds the group can be known
	CodeRegion     = "NoRegion"       // the region of a scaling group is not known
	CodeNoRoute    = "NoRoute"        // no route takes a scaling group that was asked for
	CodeShort      = "ShortAnswer"    // a list came back without all of its members
	CodeDeadline   = "Deadline"       // the time was over
	CodeUnreadable = "Unreadable"     // an error that says no more
)

// Problem is what kept a run from seeing or doing everything.
type Problem struct {
	ScalingGroupID string
	Group          vsg.Group
	Code           string
	Message        string // for people; holds no secret
	RequestID      string
	Failed         bool // something went wrong; otherwise it is a note
	Again          bool // another run may succeed where this one failed; otherwise the configuration is wrong
}

// Report is what a run found and did.
type Report struct {
	// Groups is how many VServer groups the request is about; Compared of them
	// were compared. The rest could not be read, or the time was over.
	Groups, Compared int
	// NotReached is how many groups were left for the next run, which begins
	// with them.
	NotReached int
	Drift      []Drift
	Changes    []Change
	Problems   []Problem
	// Engine sums up the calls that made changes.
	Engine registrar.Report
}

// Count returns how much drift of a kind was found.
func (r *Report) Count(kind Kind) int {
	n := 0
	for i := range r.Drift {
		if r.Drift[i].Kind == kind {
			n++
		}
	}
	return n
}

// Undone reports whether something that the request asked for was not done, or
// is not known to be done: another run should follow.
func (r *Report) Undone() bool {
	if r.NotReached > 0 {
		return true
	}
	for i := range r.Problems {
		if r.Problems[i].Failed {
			return true
		}
	}
	for i := range r.Drift {
		if r.Drift[i].Undone {
			return true
		}
	}
	for i := range r.Changes {
		if s := r.Changes[i].Outcome.Status; s == vsg.Retry || s == vsg.Rejected {
			return true
		}
	}
	return false
}
