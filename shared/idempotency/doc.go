// Package idempotency makes a launch take effect once.
//
// CLB's AddVServerGroupBackendServers takes no client token, notifications
// come at least once, late and out of order, and a function may be killed
// between any two lines. So every change has a key of our own, and every
// backend a record in a [Store], which outlives the process: a change is
// claimed before it is sent and settled after its outcome is known.
//
// # The key
//
// [KeyOf] is the hex SHA-256 of a canonical form: the form's name and version,
// then action, region, group, server id, server ip, port and the identity of
// the launch or termination, each as a netstring (its length in bytes, a
// colon, its bytes, a comma). Lengths make the form unambiguous, whatever the
// fields hold. Weight, type, time and load balancer are left out: they may
// differ between two deliveries of one launch. For
//
//	action add, region cn-hangzhou, group rsp-cige6j5e7p, server i-bp1a,
//	no server ip, port 80, launch token-1/i-bp1a
//
// the form is the one line
//
//	22:slb-registrar/change/1,3:add,11:cn-hangzhou,14:rsp-cige6j5e7p,6:i-bp1a,0:,2:80,14:token-1/i-bp1a,
//
// and the key, as printf '%s' FORM | sha256sum says,
//
//	633bf8d5881e5b6c3fc3d6bbae358d598e03bc2e9be265389c2f0cb87df3a7b4
//
// [CompletionToken] is made the same way for CompleteLifecycleAction, whose
// ClientToken takes 64 ASCII characters, and [ContentOf] for weight and type.
//
// # The record
//
// There is one [Record] per backend, not one per event, so that an add and a
// removal of the same backend meet in one place. It holds the claim that
// stands (whose, until when, for which key), the keys of the last completed
// changes, the time of the latest completed launch, the time of the latest
// removal that anybody asked for, and when the last removals were first seen. Records live [DefaultRetention] after their
// last change; that is checked in the condition, because engines expire late.
//
// # What leads to what
//
// Events carry times (their own, else their envelope's). Two are compared if
// both are known; at equal times the removal wins, since an instance is
// launched before it goes. "Removal stands" means that the latest removal is
// not older than the latest completed launch. The first row that fits decides.
//
//	arriving launch
//	1  its time is not later than the latest removal   superseded
//	2  removal stands, and the launch has no time or   superseded, unless it has no time
//	   was completed before                            and its action is known to be pending
//	3  no removal stands, its key was completed        duplicate
//	4  another claim has not lapsed                    held
//	5  else: free, lapsed or its own claim             claimed
//
//	arriving removal
//	6  its key was completed, removal stands           duplicate
//	7  its key was completed, launched again since     superseded
//	8  its time is earlier than the latest launch      superseded
//	9  another claim has not lapsed                    held; its time is registered
//	10 else: free, lapsed or its own claim             claimed; its time is registered
//
// What follows from it:
//
//   - A removal supersedes older launches from the moment it arrives, even
//     while a launch holds the record: that one goes on, the removal waits and
//     then undoes it, and a redelivery of the launch is superseded at once.
//   - The registered time stays when the removal is released or its process
//     killed. It says when the instance went, which is true whether or not the
//     load balancer let us take it out; what is not remembered is the key, so
//     the removal itself can come again. Apart from that a release leaves the
//     record as it was before the claim.
//   - A removal without a time counts from when it was first seen, however
//     often and among however many it comes again: the last [Sighted] removals
//     are remembered. A pending launch without a time that won over a removal
//     counts from when it was claimed: its instance waits still, so all that
//     was terminated before went before it, whoever tells it later.
//   - A removal that comes after a later launch was completed is superseded,
//     so whatever the order of arrival, the later event has its way. While the
//     later launch is only claimed the removal is held: should the launch be
//     refused, the removal still has to act.
//   - A claim that has lapsed belongs to whoever takes it, with the new
//     content. Who lost it can neither complete nor release it. A lapsed claim
//     that nobody took can still be settled.
//   - A completion whose answer was lost can be sent again by the same owner.
//   - Claiming again what one holds renews the claim; an invocation that
//     claims a record for another key of its own is held like anybody else.
//
// # Choosing a store
//
// The adapters are packages of their own, so that a binary links only what it
// uses: memory (one process: enough for a laptop and for tests, and on a warm
// instance better than nothing), bolt (one host), redis and dynamodb (any
// number of hosts). All of them obey [Rules], and package storetest checks it.
package idempotency
