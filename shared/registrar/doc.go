// Package registrar is the engine: changes in, outcomes out.
//
// CLB takes at most 20 backends a call and refuses overlapping changes of one
// load balancer, while launches arrive one by one, in bursts, twice, and from
// many callers at once. A [Registrar] stands between the two. It keeps one
// writer per load balancer; while a call is in flight everything that arrives
// for that load balancer gathers, and the next call takes up to
// [Options.MaxBatch] changes of one kind for one group, whoever sent them.
// There is no timer and no added latency, and a burst of n single launches
// costs close to n/20 calls.
//
// # What it promises
//
// Duplicates. Equal changes that wait or are under way at the same time are
// sent once, and every sender gets the outcome. A backend that is a member
// already is a success, whether the service ignores the duplicate, updates it
// or answers with an error. What is reported as [vsg.Already] or [vsg.Absent]
// was read from the group while the change waited, or follows from a change
// that has just succeeded.
//
// Order. Changes of one backend take effect in the order in which they were
// accepted; an addition and a later removal never swap and never share a call.
// Groups of one load balancer take turns. Load balancers do not wait for each
// other.
//
// Partial failure. A call succeeds or fails as a whole, and the engine finds
// out whom that concerns. A backend at fault costs only itself: it is taken out
// by the ids in the error, or else by bisection, and is rejected only after it
// was refused alone or by name. A load balancer without room ends its
// additions as [vsg.Retry] and goes on with the rest. A call without an answer
// is read back before anything is sent again. Nothing is reported as a success
// that the service has not confirmed, and a read that failed is never taken for
// an empty group.
//
// Cancellation. When the context of a caller ends, nothing new is sent for it
// and its waiting changes end as [vsg.Retry], with the code [CodeDeadline] or
// [CodeCancelled]; other callers never notice. A call that is in flight belongs
// to nobody: it runs until the earliest deadline among those who wait for it, so
// that it keeps none of them beyond its time, and [Registrar.Apply] returns only
// after the calls that carry its changes have ended. A caller whose deadline is
// nearer than twice the usual time of a call is not put into one, so that an
// early end is rare; the others then look whether it was made, as after any call
// without an answer. The deadline of the context is therefore the moment at
// which the caller wants to have its answer, not the end of its process.
//
// # When not to use it
//
// A Registrar knows only the callers of its own process. Processes that share a
// load balancer find each other by conflicts, which are answered with full
// jitter, or through [Turns]; both are about speed. That a launch takes effect
// once across processes and over time is the business of the idempotency store.
package registrar
