package lifecycle

import (
	"context"
	"errors"
	"time"

	"slb-registrar/shared/event"
)

// Results of a lifecycle action. Leave is ours: nothing is sent, and the hook
// runs into its time-out and its default result.
const (
	Continue = "CONTINUE"
	Abandon  = "ABANDON"
	Rollback = "ROLLBACK" // of Alibaba Cloud only; EC2 Auto Scaling gets ABANDON
	Leave    = "leave"
)

// Completer talks to the Auto Scaling service of one cloud, with the
// credentials of one invocation. Errors are an [*Error] where it makes a
// difference which. No method retries.
type Completer interface {
	// Complete ends the action of a hook. The platforms that take a client
	// token let a repeated call with the same one succeed again.
	Complete(ctx context.Context, hook *event.Hook, result, clientToken string) error
	// Heartbeat puts off the time-out of the hook, by timeout where the platform
	// takes one. It returns for how long from now the hook is sure not to time
	// out.
	Heartbeat(ctx context.Context, hook *event.Hook, timeout time.Duration) (time.Duration, error)
	// Pending reports whether the action still waits for an answer.
	Pending(ctx context.Context, hook *event.Hook) (bool, error)
}

// Error is how a call to Auto Scaling failed. It never holds a secret.
type Error struct {
	Code      string
	Message   string
	RequestID string
	// Ended says that the action is over, or was never there.
	Ended bool
	// Exhausted says that the hook cannot be made to wait any longer.
	Exhausted bool
	// Temporary says that the same call may succeed if it is repeated at once.
	Temporary bool
}

// Error is one line.
func (e *Error) Error() string {
	if e.RequestID == "" {
		return e.Code + ": " + e.Message
	}
	return e.Code + ": " + e.Message + " (request " + e.RequestID + ")"
}

func asError(err error) *Error {
	var e *Error
	if errors.As(err, &e) {
		return e
	}
	return &Error{Code: "Failed", Message: err.Error(), Temporary: true}
}
