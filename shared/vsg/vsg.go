// Package vsg is the vocabulary of the project: what a VServer group of an
// Alibaba Cloud Classic Load Balancer (CLB) holds, and what can be done to it.
//
// Every other package speaks in these words and this package imports none of
// them, so that the engine, the stores and the decoders can be read, tested
// and replaced on their own. It has no behaviour worth mocking: values go in,
// values come out, and all of them may be copied and compared.
//
// Do not add what only one package needs.
package vsg

import "time"

// Group names a VServer group. Group ids are unique only within a region.
type Group struct {
	RegionID string // for example cn-hangzhou
	ID       string // for example rsp-cige6j5e7p
}

// LoadBalancer names a load balancer. It is the unit in which CLB refuses
// overlapping changes: two groups of one load balancer conflict as well.
type LoadBalancer struct {
	RegionID string
	ID       string // for example lb-bp1b6c719dfa08ex
}

// Type says what a backend server is.
type Type string

// The types of a backend server that AddVServerGroupBackendServers accepts.
const (
	ECS Type = "ecs" // an ECS instance; the default of the service and ours
	ENI Type = "eni" // an elastic network interface; carries a ServerIP
	ECI Type = "eci" // an elastic container instance; carries a ServerIP
)

// Bounds of the API, from its own page (AddVServerGroupBackendServers).
const (
	MinPort       = 1
	MaxPort       = 65535
	MinWeight     = 0
	MaxWeight     = 100
	DefaultWeight = 100
	// BatchLimit is how many backends one call may carry by default; accounts
	// exist in which it is raised, up to [MaxBatchLimit].
	BatchLimit    = 20
	MaxBatchLimit = 40
)

// Identity tells one backend server of a group from another. The type does not
// belong to it, and neither does the weight: a second launch of the same
// server, address and port is the same backend, however it is described.
type Identity struct {
	ServerID string
	ServerIP string // only for ENI and ECI; empty for ECS
	Port     int
}

// Backend is a backend server of a group.
type Backend struct {
	ServerID    string
	ServerIP    string
	Port        int
	Weight      int // 0–100; 0 receives no traffic
	Type        Type
	Description string // 1–80 characters, or empty
}

// Identity returns what tells b from other backends of its group.
func (b Backend) Identity() Identity {
	return Identity{ServerID: b.ServerID, ServerIP: b.ServerIP, Port: b.Port}
}

// Find returns the member that b is, or nil. A network interface or container
// may have been added without an address and be listed with the one it has:
// b without an address is also the only member of its server and port.
func Find(members []Backend, b Backend) *Backend {
	var found *Backend
	several := false
	for i := range members {
		m := &members[i]
		switch {
		case m.ServerID != b.ServerID || m.Port != b.Port:
		case m.ServerIP == b.ServerIP:
			return m
		case b.ServerIP == "":
			several = several || found != nil
			found = m
		}
	}
	if several {
		return nil
	}
	return found
}

// Action is what a change does to a backend.
type Action string

// The actions. Every one of them is idempotent at CLB or made so by the engine.
const (
	Add       Action = "add"
	Remove    Action = "remove"
	SetWeight Action = "set-weight" // a step of a drain, or of a repair
)

// Change is one thing to be done to one backend of one group.
type Change struct {
	Action  Action
	Group   Group
	Backend Backend
	// LoadBalancerID is the load balancer of the group where the configuration
	// says so; empty means that the engine has to ask once.
	LoadBalancerID string
	// Launch identifies the launch or termination that this change belongs to
	// (see package event for how it is found for each source). Redeliveries
	// have the same, another launch of the same server has another.
	Launch string
	// At is when it happened, as far as anybody knows; zero if nobody does.
	At time.Time
}

// Status is how a change ended.
type Status string

// The statuses of a change, as they appear in a Result.
const (
	Planned    Status = "planned"    // dry run: nothing was sent
	Added      Status = "added"      // a call of ours added it
	Already    Status = "already"    // it was a member before
	Duplicate  Status = "duplicate"  // this very launch was done before, says the store
	Superseded Status = "superseded" // older than a removal of the same backend
	Removed    Status = "removed"    // a call of ours removed it
	Absent     Status = "absent"     // it was no member
	Weighted   Status = "weighted"   // the weight was set; only a reconcile run says so
	Rejected   Status = "rejected"   // trying again would not help
	Retry      Status = "retry"      // not done, or not certain; the message must come again
)

// Succeeded reports whether nothing is left to do for a change with status s.
func (s Status) Succeeded() bool {
	switch s {
	case Added, Already, Duplicate, Superseded, Removed, Absent, Weighted:
		return true
	}
	return false
}

// Outcome is how a change ended and why.
type Outcome struct {
	Status Status
	// Code is that of the service (VServerGroupProcessing) or one of ours
	// (Deadline, StoreUnavailable); empty when the status says it all.
	Code string
	// Message is for people. It never holds a secret, a signature or a URL.
	Message string
	// RequestID is that of the call at the service that decided it.
	RequestID string
	// Disposition is the class of the last error, for counting.
	Disposition Disposition
	// Idle says of an addition that the backend is a member with weight 0,
	// though another was asked for. What gave it that weight is not known here:
	// an operator, or a drain that was never finished.
	Idle bool
	// Loose says of a [Retry] that a call which carried the change had no answer,
	// and that nothing read since then has settled it: it may still take effect.
	Loose bool
}

// Disposition says what an error of the service means for the caller. Package
// clb decides it in one table.
type Disposition string

// The dispositions.
const (
	DispositionDone           Disposition = "done"            // no error, or one that says that it is so already
	DispositionConflict       Disposition = "conflict"        // another change of the load balancer is in progress: wait
	DispositionThrottled      Disposition = "throttled"       // too many calls: slow down
	DispositionTransient      Disposition = "transient"       // try again
	DispositionStaleSignature Disposition = "stale-signature" // sign anew and try again
	DispositionOneBackend     Disposition = "one-backend"     // one or some of the backends are at fault, not the call
	DispositionGroup          Disposition = "group"           // the group or its load balancer will not take it
	DispositionQuota          Disposition = "quota"           // no room: park
	DispositionAuth           Disposition = "auth"            // not allowed: the operator has to act
	DispositionMalformed      Disposition = "malformed"       // the request is wrong: our fault
	DispositionLost           Disposition = "lost"            // the answer is missing: it may have been applied
)

// Reply is what a successful call tells about a group.
type Reply struct {
	RequestID string
	// LoadBalancerID is only known from a description of the group.
	LoadBalancerID string
	// Backends are the members of the group after the call, if Listed; the
	// service documents that a change answers with the complete list, and an
	// answer without one must not be taken for an empty group.
	Backends []Backend
	Listed   bool
}

// HealthState is what a listener thinks of a backend.
type HealthState string

// The states, in the words of the service.
const (
	Healthy   HealthState = "normal"
	Unhealthy HealthState = "abnormal"
	// Unchecked says that no check was completed, because none was made yet or
	// because the listener makes none; the service does not tell them apart.
	Unchecked HealthState = "unavailable"
)

// Listener is one of the ports at which a load balancer takes traffic. Two may
// have the same port with different protocols.
type Listener struct {
	Port     int
	Protocol string // tcp, udp, http, https
}

// Health is the state of one backend at one listener of a load balancer.
type Health struct {
	ServerID string
	// ServerIP is also set for ECS instances, which have none in their identity.
	ServerIP string
	// InterfaceIP is the address of an elastic network interface; it may stand
	// here and not in ServerIP.
	InterfaceIP string
	Port        int // of the backend
	Listener    Listener
	State       HealthState
}

// Binding says who sends to a group. A group to which nobody does has no
// health either.
type Binding struct {
	GroupID   string
	Listeners []Listener
	// Rules is how many forwarding rules do. The service does not say of which
	// listener they are.
	Rules int
}
