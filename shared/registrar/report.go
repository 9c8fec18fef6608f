package registrar

import (
	"context"
	"time"

	"slb-registrar/shared/vsg"
)

// The names of the actions at the service.
const (
	actionDescribe = "DescribeVServerGroupAttribute"
)

var actionNames = map[vsg.Action]string{
	vsg.Add:       "AddVServerGroupBackendServers",
	vsg.Remove:    "RemoveVServerGroupBackendServers",
	vsg.SetWeight: "SetVServerGroupAttribute",
}

// Call is the record of one call.
type Call struct {
	// Context is that of the latest sender, whose credentials were used. It is
	// here for its values only, and may have ended.
	Context      context.Context
	Action       string // the name of the action at the service
	Group        vsg.Group
	LoadBalancer vsg.LoadBalancer // without an id as long as it is not known
	BatchSize    int              // backends in the call; 0 for a read
	Senders      int              // invocations whose changes it carried
	Attempt      int              // 1 for the first, by the most often sent backend
	Disposition  vsg.Disposition  // DispositionDone for a success
	Code         string           // of the service; empty for a success
	Message      string           // of the service; holds no secret
	RequestID    string
	Started      time.Time
	Duration     time.Duration
	Waited       time.Duration // how long its oldest change had waited
}

// Report sums up what [Registrar.Apply] did for one caller. Of a merged call
// everybody who had a change in it counts the whole.
type Report struct {
	Calls     map[string]int // by action at the service: those that carried a change of this caller
	Backends  int            // how many backends these calls carried
	Conflicts int            // how many of them were refused because of another change in progress
	Throttled int            // because there were too many calls
	Lost      int            // remained without an answer
	Unknown   int            // were refused with a code that the classification does not know
	Retries   int            // how often a change of this caller was sent again
	Waited    time.Duration  // the longest time that a change waited before it was first sent
	// Succeeded counts the changes that succeeded by a call. Took is the sum of
	// their times from being accepted to being confirmed, Slowest the longest.
	Succeeded int
	Took      time.Duration
	Slowest   time.Duration
}

// Add adds what another call of [Registrar.Apply] did, for a caller that makes
// several. The zero Report is ready to be added to.
func (r *Report) Add(other Report) {
	if r.Calls == nil {
		r.Calls = map[string]int{}
	}
	for action, n := range other.Calls {
		r.Calls[action] += n
	}
	r.Backends += other.Backends
	r.Conflicts += other.Conflicts
	r.Throttled += other.Throttled
	r.Lost += other.Lost
	r.Unknown += other.Unknown
	r.Retries += other.Retries
	r.Succeeded += other.Succeeded
	r.Waited = max(r.Waited, other.Waited)
	r.Took += other.Took
	r.Slowest = max(r.Slowest, other.Slowest)
}
