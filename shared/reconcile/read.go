package reconcile

import (
	"context"
	"errors"
	"math/rand/v2"
	"time"

	"slb-registrar/shared/registrar"
	"slb-registrar/shared/vsg"
)

// Scaling reads scaling groups, bound to the credentials of one invocation.
type Scaling interface {
	// Instances returns the instances of a scaling group in any state: all, or
	// those of the ids that it has, at most [MaxIDs]. An answer is complete, or
	// there is an error: an *[Error] where more is known of it.
	Instances(ctx context.Context, regionID, scalingGroupID string, ids []string) ([]Instance, error)
}

// MaxIDs is how many instances DescribeScalingInstances can be asked for by id.
const MaxIDs = 20

// Instance is an instance of a scaling group.
type Instance struct {
	ID        string
	State     string // LifecycleState: InService, Pending:Wait, …
	Unhealthy bool   // it is about to be replaced
}

// Serving reports whether the instance is in service: it takes traffic, and
// nobody is about to add or remove it. Protected is in service and only kept
// from being scaled in; Standby is not, its weight is set to 0 on purpose.
func (i Instance) Serving() bool {
	return (i.State == "InService" || i.State == "Protected") && !i.Unhealthy
}

// Error is how a reading failed. It holds no secret.
type Error struct {
	Code      string
	Message   string
	RequestID string
	Temporary bool // the same call may succeed a little later
	Final     bool // it will not, until somebody changes the configuration
}

// Error is one line.
func (e *Error) Error() string {
	if e.Message == "" {
		return e.Code
	}
	return e.Code + ": " + e.Message
}

// in is the problem that the failed reading of p is.
func (e *Error) in(p Problem) Problem {
	p.Code, p.Message, p.RequestID, p.Failed, p.Again = e.Code, e.Message, e.RequestID, true, !e.Final
	return p
}

// A reading is tried a few times: throttling and dropped connections pass, and
// another run is minutes away.
const (
	readAttempts = 5
	firstPause   = 200 * time.Millisecond
	longestPause = 3 * time.Second
)

// read tries a reading until it succeeds or trying again makes no sense.
func read[T any](ctx context.Context, once func() (T, error)) (T, *Error) {
	pause := firstPause
	for attempt := 1; ; attempt++ {
		got, err := once()
		if err == nil {
			return got, nil
		}
		why := explain(err)
		if ctx.Err() != nil {
			return got, &Error{Code: CodeDeadline, Message: "the time for reading was over"}
		}
		if !why.Temporary || attempt == readAttempts || !sleep(ctx, pause/2+rand.N(pause)) {
			return got, why
		}
		pause = min(2*pause, longestPause)
	}
}

func explain(err error) *Error {
	var own *Error
	if errors.As(err, &own) {
		return own
	}
	var refusal registrar.Refusal
	if !errors.As(err, &refusal) {
		return &Error{Code: CodeUnreadable, Message: "the answer could not be had", Temporary: true}
	}
	e := &Error{}
	e.Code, e.Message, e.RequestID = refusal.Details()
	switch refusal.Disposition() {
	case vsg.DispositionConflict, vsg.DispositionThrottled, vsg.DispositionTransient, vsg.DispositionStaleSignature, vsg.DispositionLost:
		e.Temporary = true
	case vsg.DispositionGroup, vsg.DispositionMalformed:
		e.Final = true
	}
	if e.Code == "" {
		e.Code = CodeUnreadable
	}
	return e
}

// describe reads a VServer group.
func (r *run) describe(ctx context.Context, t *target) (vsg.Reply, *Error) {
	return read(ctx, func() (vsg.Reply, error) {
		reply, err := r.in.API.Describe(ctx, t.group)
		if err == nil && !reply.Listed {
			err = &Error{Code: CodeShort, Message: "the group was described without its backends", RequestID: reply.RequestID, Temporary: true}
		}
		return reply, err
	})
}

// sleep waits for d and reports whether it could.
func sleep(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}
