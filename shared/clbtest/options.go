package clbtest

import (
	"context"
	"time"
)

// Defaults of [Options]. The first two are the service's own: at most 20
// backend servers a call, and 200 a load balancer that the default group and
// all VServer groups share.
const (
	DefaultMaxBatch    = 20
	DefaultMaxBackends = 200
	// DefaultSkew is how far a timestamp may be off, as the signature's
	// documentation says.
	DefaultSkew = 15 * time.Minute
	// DefaultNonceWindow is how long a nonce may not come again. It is what
	// users report; the documentation names no figure.
	DefaultNonceWindow = 31 * time.Minute
	// DefaultAccessKeyID and DefaultAccessKeySecret are accepted when
	// [Options.AccessKeys] is nil.
	DefaultAccessKeyID     = "testid"
	DefaultAccessKeySecret = "testsecret"
)

// Duplicate says what adding a backend server does that is a member already.
// The service's documentation does not say which it is, so a client should
// work with all three.
type Duplicate string

// What adding a member does.
const (
	DuplicateIgnore Duplicate = "ignore" // nothing; the zero value means the same
	DuplicateUpdate Duplicate = "update" // takes over weight, type and description
	DuplicateError  Duplicate = "error"  // refuses the call: InvalidBackendServers.ServerIpConflict
)

// EmptyList says what a change with an empty list of backend servers does.
type EmptyList string

// What an empty list does.
const (
	EmptyListMissing  EmptyList = "missing"   // refused: MissingParameter; the zero value means the same
	EmptyListNoChange EmptyList = "no-change" // accepted, changes nothing
)

// Scope says what one change keeps busy.
type Scope string

// The scopes of a conflict.
const (
	// ScopeLoadBalancer refuses any other change to the load balancer, with
	// BackendServer.configuring (409). The zero value means the same.
	ScopeLoadBalancer Scope = "load-balancer"
	// ScopeVServerGroup refuses other changes to the same group only, with
	// VServerGroupProcessing (400).
	ScopeVServerGroup Scope = "v-server-group"
)

// Options sets up a simulator. The zero value works: one access key, an empty
// state, no latency, no settling, and the limits of the service.
type Options struct {
	// AccessKeys maps access key ids to their secrets; nil means
	// testid:testsecret.
	AccessKeys map[string]string
	// SecurityTokens maps the STS tokens that are accepted to the access key id
	// that each belongs to. A call that carries any other token is refused, and
	// so is a call without a token by a key that is listed here.
	SecurityTokens map[string]string
	// SecurityTokenExpiry says until when a token of SecurityTokens is good; one
	// that is not listed is good for ever.
	SecurityTokenExpiry map[string]time.Time
	// AnySecurityToken accepts every security token with every access key,
	// for programs whose token a test cannot know. It must still be signed.
	AnySecurityToken bool
	// Unverified lets every call in, signed or not, for those who try things out
	// by hand.
	Unverified bool
	// State is what there is at the start, and again after a reset.
	State State
	// Faults are the rules at the start, and again after a reset.
	Faults []Fault
	// AutoCreate lets groups, a load balancer of its own for each of them, and
	// instances (running and healthy) appear when they are first mentioned.
	AutoCreate bool
	// Latency is how long a change takes. It applies at the end of it. What
	// only reads, and what is refused, is answered at once.
	Latency time.Duration
	// Settle is how long the load balancer goes on configuring after a change
	// has been applied; see [Options.Scope].
	Settle time.Duration
	// MaxBackends is how many backend servers a load balancer may have that
	// does not say so itself; 0 means 200.
	MaxBackends int
	// MaxBatch is how many backend servers a call may name; 0 means 20.
	MaxBatch int
	// Duplicate says what adding a member does.
	Duplicate Duplicate
	// EmptyList says what a change with an empty list does.
	EmptyList EmptyList
	// Scope says what a change keeps busy.
	Scope Scope
	// NameServers makes the errors about single backend servers name them, as
	// some of the service's messages do. Without it a client has to find out.
	NameServers bool
	// FillServerIP lets answers give the address of every member, those included
	// that were added without one. It stays no part of who they are.
	FillServerIP bool
	// WrapResponses answers successful calls in the form that older pages of
	// the documentation print and that the service does not send: an object
	// named after the action, with all numbers as strings.
	WrapResponses bool
	// DefaultFormat is the format of an answer to a V1 call that asks for none,
	// neither by Format nor by Accept: XML (the zero value) or JSON.
	DefaultFormat string
	// IgnoreUnknownParameters lets a parameter pass that the action does not
	// have, instead of refusing the call.
	IgnoreUnknownParameters bool
	// Skew is how far the timestamp of a call may be off; 0 means 15 minutes.
	Skew time.Duration
	// NonceWindow is how long a nonce may not come again; 0 means 31 minutes.
	NonceWindow time.Duration
	// Observe, if set, gets every call when it is recorded, with the context of
	// its request: a server that puts something into that context learns what
	// came of which request, and in which order. It is called while others wait,
	// and should return at once.
	Observe func(ctx context.Context, c Call)
}

func (o Options) withDefaults() Options {
	if o.AccessKeys == nil {
		o.AccessKeys = map[string]string{DefaultAccessKeyID: DefaultAccessKeySecret}
	}
	if o.MaxBackends == 0 {
		o.MaxBackends = DefaultMaxBackends
	}
	if o.MaxBatch == 0 {
		o.MaxBatch = DefaultMaxBatch
	}
	if o.Skew == 0 {
		o.Skew = DefaultSkew
	}
	if o.NonceWindow == 0 {
		o.NonceWindow = DefaultNonceWindow
	}
	return o
}
