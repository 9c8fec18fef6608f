package registrar

import (
	"context"
	"time"

	"slb-registrar/shared/vsg"
)

// API is what the engine calls. It is bound to the credentials of one
// invocation; the engine uses that of the latest sender for a merged call.
// Both methods end with their context, and never retry on their own.
type API interface {
	// Apply makes one call: AddVServerGroupBackendServers,
	// RemoveVServerGroupBackendServers or SetVServerGroupAttribute.
	Apply(ctx context.Context, action vsg.Action, group vsg.Group, backends []vsg.Backend) (vsg.Reply, error)
	// Describe reads the group: its load balancer and all its backends.
	Describe(ctx context.Context, group vsg.Group) (vsg.Reply, error)
}

// Refusal is what the engine wants to know of an error of the API. It is found
// with errors.As; an error that is none is taken for transient and, since the
// call may have been applied, read back.
// An error with a method Known() bool that returns false is counted: its code
// is one that nobody has classified yet.
type Refusal interface {
	error
	Disposition() vsg.Disposition
	// Details are for the outcome: nothing secret is in them.
	Details() (code, message, requestID string)
	// Culprits are the ids of the servers that the error names; none if it names none.
	Culprits() []string
	// MayPass reports whether the backend at fault may be accepted a little
	// later, because its server is not running yet.
	MayPass() bool
}

// Turns lets many processes take turns at a load balancer instead of
// colliding. It is advice: the engine is correct without it and goes on when
// Take fails.
type Turns interface {
	// Take waits for this process's turn, at most until ctx ends.
	Take(ctx context.Context, lb vsg.LoadBalancer) (Turn, error)
}

// Turn is held while its owner sends calls.
type Turn interface {
	// Before returns what the holders before have left, so that the first call
	// of a turn is not refused for coming too soon after the last of another.
	Before() Handover
	// Keep renews the turn before the next call. False means that it is lost,
	// or that others wait and its time is over: the holder gives it back.
	Keep(ctx context.Context) bool
	// Give lets the next one in and leaves it what this holder knows. It need
	// not wait until the load balancer has settled: the next one does. It is
	// safe to call after the turn was lost.
	Give(ctx context.Context, after Handover)
}

// Handover is what those who take turns at a load balancer tell each other.
type Handover struct {
	// Ended is when the last change ended, by this host's clock; zero if
	// nobody has said.
	Ended time.Time
	// Settling is how long to wait after a change so that the next is not
	// refused; zero if nobody knows.
	Settling time.Duration
}
