package event

// The sources: what Message.Source can be. Each is the name of a folder under
// events/ that holds samples of it.
const (
	SourceESSHook      = "ess-lifecycle-hook"
	SourceESSActivity  = "ess-scaling-activity"
	SourceECSState     = "ecs-state-change"
	SourceEC2Hook      = "ec2-lifecycle-hook"
	SourceEC2Activity  = "ec2-scaling-activity"
	SourceRequest      = "request-parameters"
	SourceInstance     = "instance-message"
	SourceTimer        = "timer"
	sourceUnknown      = "unknown"
	reasonHookTest     = "it tells that a lifecycle hook was created, to test the way here"
	reasonActivity     = "a scaling activity that moved no instance, or none yet"
	reasonState        = "the instance is on its way to another state"
	reasonSystemEvent  = "a system event that is no change of an instance's state"
	reasonWarmPool     = "the instance goes into the warm pool and takes no traffic yet"
	reasonSubscription = "it is about the subscription, not about an instance"
	reasonUnknownEvent = "the event is of a kind that is not known here"
	reasonNoTrigger    = "a timer that no timer trigger delivered: only that may ask for a reconcile run"
	reasonNothingToDo  = "the message names nothing to do"
)
