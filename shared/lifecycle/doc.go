// Package lifecycle answers lifecycle hooks: when a scaling group may go on
// with the instances that it launched or is about to release, and with what
// result.
//
// [Finisher.Finish] is the whole way for one hook whose changes have ended:
//
//  1. [Decide] looks at how the changes ended. If one of them has to come again,
//     so does the hook, and nothing is sent.
//  2. A launch may have to be ready: the load balancer calls every backend that
//     was added healthy, at every listener that sends to its group. The health
//     of a load balancer is read once for all hooks that wait on it, at most
//     once a second. Backends that will never have health (weight 0, or a group
//     to which no listener and no rule sends) are explained and not waited for.
//  3. While it waits it keeps the hook from timing out with heartbeats, as few
//     as the platform allows; see [Heart].
//  4. The hook is completed with the result that the policy names. A completion
//     whose answer was lost is repeated with the same client token, so that at
//     most one succeeds.
//
// When the context ends first (the reserve of the invocation begins) the hook
// is given one more heartbeat, long enough for the message to come again, and
// the report says that it is pending. The redelivery finds its changes done
// and goes on waiting, with the whole time-out before it: what was spent in
// queues and conflicts never counts against an instance.
//
// A hook that has ended (completed by somebody, timed out, unknown) is not an
// error. Auto Scaling does not tell these apart, and none gets better by
// trying again.
//
// The platforms are in packages ess and asg; this one knows no SDK.
package lifecycle
