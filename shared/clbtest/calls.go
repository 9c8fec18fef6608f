package clbtest

import (
	"sync"
	"time"
)

// CallLimit is how many calls a simulator remembers.
const CallLimit = 100_000

// Call is a call that was answered. Changes are listed in the order in which
// they took effect, which is what makes the list replayable.
type Call struct {
	At             time.Time `json:"at"` // when it arrived
	Action         string    `json:"action"`
	RegionID       string    `json:"regionId,omitempty"`
	VServerGroupID string    `json:"vServerGroupId"`
	LoadBalancerID string    `json:"loadBalancerId"`
	// Backends are those of the request, of a Modify the new ones.
	Backends []Backend `json:"backends"`
	// OldBackends are those that a Modify takes out.
	OldBackends []Backend `json:"oldBackends,omitempty"`
	// HTTPStatus is 0 if a fault reset the connection before anything was done.
	// An applied change has 200, even if its answer was lost.
	HTTPStatus int    `json:"httpStatus"`
	Code       string `json:"code"`      // empty if it succeeded
	Signature  string `json:"signature"` // V1, V3, or empty if there was none
	TookMs     int64  `json:"tookMs"`
	RequestID  string `json:"requestId,omitempty"`
}

// callLog is a ring of the last calls.
type callLog struct {
	mu      sync.Mutex
	calls   []Call
	next    int // where the oldest call is once the ring is full
	dropped int64
}

func (l *callLog) add(c Call) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.calls) < CallLimit {
		l.calls = append(l.calls, c)
		return
	}
	l.calls[l.next] = c
	l.next = (l.next + 1) % CallLimit
	l.dropped++
}

// list returns the calls, oldest first, and how many were forgotten.
func (l *callLog) list() ([]Call, int64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	calls := make([]Call, 0, len(l.calls))
	calls = append(calls, l.calls[l.next:]...)
	return append(calls, l.calls[:l.next]...), l.dropped
}

func (l *callLog) clear() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.calls, l.next, l.dropped = nil, 0, 0
}
