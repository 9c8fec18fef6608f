// Package reconcile compares what should be in the VServer groups with what is,
// and repairs the difference.
//
// Events get lost, lifecycle hooks do not fire for instances that are attached
// by hand, and people edit groups. A [Reconciler] reads the scaling groups that
// the routes name, asks the same routes as an event would where their instances
// belong, reads the VServer groups, and reports the difference as [Drift]:
//
//	missing   an instance in service that is not in a group it belongs to
//	stale     a backend that we added and that nobody wants any more
//	weight    a backend with another weight than its target has
//	type      a backend of another type than its target has
//	foreign   a backend that nobody wants and that we did not add
//
// Backends are told apart by server, address and port: one server on two ports
// is two backends. What we added is known by its Description: that of the
// target, or route.Description.
//
// # What a repair does
//
// Missing backends are added and weights of our own backends are set. Stale
// ones are removed only where the request says so, never more than
// MaxRemovePercent of a group a run (one at least; a run that is retried counts
// anew), never the last one, and never when anything that was to be read could
// not be read or came back short.
// Foreign backends and types are only reported. Everything goes through the
// engine, which batches and retries, and through the records of the backends.
//
// # Beside events
//
// A reconcile run may meet launches and terminations of the same backends, and
// other runs, in this process or elsewhere. What keeps it from resurrecting
// what has just been removed, and from removing what has just been launched:
//
//   - Only an instance that is InService (or Protected, which only means that it
//     is not scaled in) and not unhealthy is added or has its weight set. One in
//     any other state, above all one that waits for a lifecycle hook, is left
//     alone: it is neither missing nor stale, whatever its weight.
//   - Scaling groups are read before VServer groups. What is not in the one and
//     in the other is asked for by its id once more, and only what Auto Scaling
//     does not know then is stale: lists that are read page by page while they
//     change may miss an instance without coming back short.
//   - A repair claims the records of its backends as an event does. An addition
//     counts as a launch at the time when the scaling group was read, less
//     [Margin]: a removal that was told meanwhile supersedes it, and a removal
//     that comes later and was stamped coarsely is not superseded by it. A weight
//     is set only while nobody holds the record (to drain the backend, say), and
//     leaves it as it was.
//   - What somebody else holds is left to them.
//
// That holds as far as the store reaches: with a store in the memory of each
// process only the order of reading remains.
//
// # What is not seen
//
// Scaling groups cannot be listed by a pattern, so only those count that a route
// names literally, or the request. In a group that a pattern may feed as well,
// nothing is called stale or foreign; [Report.Problems] says so. So it is in one
// that a route for other sources may feed, or that an allow-list opens to queue
// messages alone. The same goes where a route needs the metadata of a hook to
// find a backend's id, which only an event has. Where the routes of a scaling group differ by hook or by source, only
// what all of them want is added and what any of them wants is kept.
//
// A backend that a message named itself, without an instance of a scaling
// group, looks stale in a group that is a target of routes for scaling groups
// only. Give it a description of its own, or do not remove there.
package reconcile
