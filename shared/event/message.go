package event

import (
	"time"

	"slb-registrar/shared/vsg"
)

// Delivery says how a message came, as far as its acknowledgement depends on it.
type Delivery string

// The deliveries.
const (
	Direct  Delivery = "direct"   // one event, one invocation
	Batch   Delivery = "batch"    // an array whose elements cannot be acknowledged one by one
	SQS     Delivery = "sqs"      // records acknowledged one by one
	SQSFIFO Delivery = "sqs-fifo" // the same, in order
)

// Message is the unit that can succeed or fail on its own. Exactly one of
// Notices, Reconcile, Ignored and Err says what it is.
type Message struct {
	// ID is the platform's id of the message; where it gives none, a name made
	// from the digest of the body, so that a redelivery has the same.
	ID string
	// Source is the kind of event: the name of its folder under events/.
	Source   string
	Delivery Delivery
	// Position is the place of the message in its batch, from 0.
	Position int
	// Digest is the hex SHA-256 of the message's body as it came, to find it again.
	Digest string

	Notices   []Notice
	Reconcile *Reconcile // a timer asks for a reconcile run
	Ignored   string     // why nothing is to be done; a constant sentence
	Err       *Error     // why the message can never be processed
}

// FromAWS reports whether only Lambda can have received the message: it came
// from a queue of Amazon's, or speaks of an EC2 instance.
func (m Message) FromAWS() bool {
	return m.Delivery == SQS || m.Delivery == SQSFIFO || m.Source == SourceEC2Hook || m.Source == SourceEC2Activity
}

// Kind says whether an instance comes or goes.
type Kind string

// The kinds.
const (
	Launch    Kind = "launch"
	Terminate Kind = "terminate"
)

// Origin says who speaks, which decides what happens when no route matches.
type Origin string

// The origins.
const (
	FromHook         Origin = "hook"         // a lifecycle hook waits for an answer
	FromUser         Origin = "user"         // somebody put the message there on purpose
	FromNotification Origin = "notification" // a scaling activity is over
	FromStateChange  Origin = "state-change" // an instance changed its state
)

// Notice says that one instance was launched or is about to go.
type Notice struct {
	Kind   Kind
	Origin Origin
	// Source is that of the message, for routes that match by it. It is empty
	// for who asks what a route would do, without an event.
	Source         string
	RegionID       string
	ScalingGroupID string // of ESS the id, of EC2 Auto Scaling the name
	HookName       string
	InstanceID     string
	// Launch identifies this launch or termination: the same for every
	// redelivery, another for the next launch. See the table in the package
	// documentation for where it comes from.
	Launch string
	// At is when it happened: the event's own time, else the envelope's, else zero.
	At time.Time
	// Metadata is the hook's NotificationMetadata, as it came.
	Metadata string
	// Hook is what has to be completed; nil if nobody waits. Notices of one
	// hook share one pointer.
	Hook *Hook
	// Target is set when the message itself names the group and the backend,
	// as the API's own request parameters do. A route must allow the group.
	Target *Target
}

// Target is a backend for a group, named by the message itself.
type Target struct {
	Group   vsg.Group
	Backend vsg.Backend
}

// HookPlatform says whose lifecycle hook it is.
type HookPlatform string

// The platforms of hooks.
const (
	ESS HookPlatform = "ess" // Alibaba Cloud Auto Scaling: one token, many instances
	EC2 HookPlatform = "ec2" // Amazon EC2 Auto Scaling: one token, one instance
)

// Hook is a lifecycle action that waits for completion.
type Hook struct {
	Platform          HookPlatform
	Kind              Kind
	RegionID          string
	ID                string // ESS: lifecycleHookId
	Name              string
	Token             string // lifecycleActionToken
	ScalingGroupID    string // ESS: the id; EC2: the name
	ScalingActivityID string // ESS only
	DefaultResult     string
	InstanceIDs       []string
}

// Reconcile asks for a reconcile run.
type Reconcile struct {
	ScalingGroupIDs []string // none: all that the routes name
	Repair          bool
	Remove          bool
	// MaxRemovePercent is how much of a group may be removed; 0: the default.
	MaxRemovePercent int
}

// Error says why a message can never be processed.
type Error struct {
	Code    string // NotJSON, Malformed, MissingField, TooManyInstances, …
	Path    string // of the field: Records[3].body.content.instanceIds
	Message string
}

// Error names the place first, because that is what the reader looks for.
func (e *Error) Error() string {
	if e.Path == "" {
		return e.Message
	}
	return e.Path + ": " + e.Message
}
