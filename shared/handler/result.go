package handler

import (
	"slb-registrar/shared/event"
	"slb-registrar/shared/vsg"
)

// Result says everything that one invocation did. Its JSON is a contract:
// fields are added, never renamed.
type Result struct {
	RequestID  string          `json:"requestId"`
	Platform   string          `json:"platform"`
	ColdStart  bool            `json:"coldStart"`
	DurationMs int64           `json:"durationMs"`
	Messages   []MessageResult `json:"messages"`
	Changes    []ChangeResult  `json:"changes"`
	Hooks      []HookResult    `json:"hooks"`
	// Calls counts, by API action, the calls that carried a change of this
	// invocation. A call that several invocations share counts for each.
	Calls map[string]int `json:"calls"`
	// Drift is what the reconcile runs of this invocation found, and Reconcile
	// what there is to say about them; only where there was one.
	Drift     []DriftResult    `json:"drift,omitzero"`
	Reconcile *ReconcileResult `json:"reconcile,omitempty"`
	// Plan lists the calls that a dry run would have made.
	Plan []PlannedCall `json:"plan,omitzero"`
	// Answer is what the platform gets; only filled in by the command line.
	Answer *Answer `json:"answer,omitempty"`
}

// MessageStatus is how a message ended.
type MessageStatus string

// The statuses of a message.
const (
	Done     MessageStatus = "done"     // every effect is certain: acknowledge
	Retry    MessageStatus = "retry"    // it must come again
	Rejected MessageStatus = "rejected" // coming again would not help
	Ignored  MessageStatus = "ignored"  // nothing was to be done
)

// MessageResult is how one message ended.
type MessageResult struct {
	ID     string        `json:"id"`
	Source string        `json:"source"`
	Status MessageStatus `json:"status"`
	Error  *Reason       `json:"error,omitempty"`

	delivery event.Delivery
}

// Reason says why something did not end well. It never holds a secret.
type Reason struct {
	Code      string `json:"code"`
	Message   string `json:"message"`
	Path      string `json:"path,omitempty"`      // the field of the event, for a message
	RequestID string `json:"requestId,omitempty"` // of the call at the service, for a change
}

// ChangeResult is how one change ended: one entry for each idempotency key.
type ChangeResult struct {
	Action         vsg.Action `json:"action"`
	RegionID       string     `json:"regionId"`
	VServerGroupID string     `json:"vServerGroupId"`
	ServerID       string     `json:"serverId"`
	ServerIP       string     `json:"serverIp"`
	Port           int        `json:"port"`
	Weight         int        `json:"weight"`
	Type           vsg.Type   `json:"type"`
	Status         vsg.Status `json:"status"`
	IdempotencyKey string     `json:"idempotencyKey"`
	MessageIDs     []string   `json:"messageIds"`
	Error          *Reason    `json:"error,omitempty"`
}

// HookStatus is what became of a lifecycle hook.
type HookStatus string

// The statuses of a hook.
const (
	HookCompleted HookStatus = "completed" // we completed it
	HookEnded     HookStatus = "ended"     // it was over before: completed, expired or unknown
	HookLeft      HookStatus = "left"      // the policy says to leave it to its own time-out
	HookPending   HookStatus = "pending"   // not yet: the message comes again
	HookFailed    HookStatus = "failed"    // completing it failed: the message comes again
)

// HookResult is what became of one lifecycle hook.
type HookResult struct {
	LifecycleHookID      string     `json:"lifecycleHookId"`
	LifecycleActionToken string     `json:"lifecycleActionToken"`
	Result               string     `json:"result"`
	Status               HookStatus `json:"status"`
	Error                *Reason    `json:"error,omitempty"`
}

// PlannedCall is a call that a dry run would have made.
type PlannedCall struct {
	Action          string           `json:"action"` // of the API
	VServerGroupID  string           `json:"vServerGroupId"`
	Backends        []PlannedBackend `json:"backends"`
	IdempotencyKeys []string         `json:"idempotencyKeys"`
}

// PlannedBackend is a backend as the API spells it.
type PlannedBackend struct {
	ServerID    string   `json:"ServerId"`
	ServerIP    string   `json:"ServerIp,omitempty"`
	Port        int      `json:"Port"`
	Weight      int      `json:"Weight"`
	Type        vsg.Type `json:"Type"`
	Description string   `json:"Description,omitempty"`
}

// count returns how many messages have status s.
func (r *Result) count(s MessageStatus) int {
	n := 0
	for i := range r.Messages {
		if r.Messages[i].Status == s {
			n++
		}
	}
	return n
}
