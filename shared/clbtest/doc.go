// Package clbtest is a simulator of Alibaba Cloud's Classic Load Balancer (CLB,
// also SLB), good enough that unmodified clients work against it and strict
// enough that what works on it works on CLB.
//
// It verifies signatures, keeps load balancers, VServer groups and backend
// servers, refuses overlapping changes as the service does, and fails on
// command. The few actions of Auto Scaling (ESS) that complete lifecycle hooks
// are there too. It shares no code with what it judges: no parser, no type, no
// bug.
//
// # Use
//
// In a test, one line starts it, and the end of the test stops it:
//
//	sim := clbtest.Start(t, clbtest.Options{AutoCreate: true})
//	client.Domain = sim.Addr() // 127.0.0.1:PORT, over HTTP; the key is testid, its secret testsecret
//
// Without a socket it works inside a testing/synctest bubble, where minutes of
// latency take no time at all:
//
//	sim := clbtest.New(clbtest.Options{AutoCreate: true, Latency: 80 * time.Millisecond})
//	config.Transport = sim.Transport()
//
// [Simulator.Backends], [Simulator.State] and [Simulator.Calls] say what came of
// it. [Listen] is for programs that serve it.
//
// # Time
//
// A change applies at the end of its latency, and its load balancer goes on
// configuring for as long as it settles after that. Any other change to it
// meanwhile, to whichever of its groups, is refused at once with
// BackendServer.configuring (409); so n backend servers cannot be added in less
// than ⌈n/20⌉ × (latency + settling), and a client that waits exactly that long
// reaches it. Every accepted change counts, even one that changes nothing. Reads
// never conflict and see the state before a change until it applies. A change
// applies even if its caller has gone.
//
// # Actions
//
// Of SLB, version 2014-05-15. RegionId is mandatory with all of them. Parameter
// names are those of the documentation, to the letter; one that an action does
// not have is refused with InvalidParameter, except for the OwnerId,
// OwnerAccount, ResourceOwnerId, ResourceOwnerAccount, Tags, access_key_id and
// ClientToken of old interfaces, which mean nothing.
//
//	action                            does, and what it lacks
//	AddVServerGroupBackendServers     all or none. The service does not document what it
//	                                  does about members: Options.Duplicate.
//	RemoveVServerGroupBackendServers  ignores what is no member, as documented.
//	ModifyVServerGroupBackendServers  removes, then adds, in one step.
//	SetVServerGroupAttribute          name, weights, descriptions. Ignores what is no
//	                                  member; the service does not say whether it does.
//	DescribeVServerGroupAttribute     complete, not in pages, like the service's.
//	DescribeVServerGroups             listeners where asked for; there are no rules.
//	CreateVServerGroup                with backend servers and tags; no limit on their rate.
//	DeleteVServerGroup                refused while a listener uses the group.
//	CreateLoadBalancer                stores what describes it; no vSwitch, zone, payment or
//	                                  quota is checked, ClientToken has no effect.
//	DeleteLoadBalancer                refused under delete protection.
//	DescribeLoadBalancers             every filter but Fuzzy, FilterByTagOrName,
//	                                  ServerIntranetAddress and SupportPrivateLink, which are
//	                                  read and ignored.
//	DescribeLoadBalancerAttribute     without reserved data; the default group is empty.
//	DescribeHealthStatus              members of groups with a listener: normal or abnormal,
//	                                  never unavailable; no forwarding rules.
//
// There are no listener actions: the listener of a group comes from the seed or
// from AutoCreate, so a group that CreateVServerGroup made has no health. There
// is no default server group, and there are no CEN, VBR, cloud box or zone
// checks; their errors can be had by a [Fault].
//
// Of ESS, version 2014-08-28, with parameter names in any case:
//
//	action                            does, and what it lacks
//	CompleteLifecycleAction           once. A repeat with the ClientToken of the call that
//	                                  completed the action succeeds; any other one, and any
//	                                  for an unknown or expired token, is refused. Completing
//	                                  has no effect on the instances or on other hooks.
//	RecordLifecycleActionHeartbeat    30–21600 s, 600 by default; 20 at most, 6 hours in all.
//	DescribeLifecycleActions          filtered and in pages. Actions that were seeded without
//	                                  an activity belong to every activity.
//	DescribeScalingInstances          filtered and in pages of at most 50.
//
// # Backend servers
//
// A member is identified by ServerId, ServerIp and Port; its type does not count.
// The list is read as leniently as the service does it: single quotes, names in
// any case, numbers as strings, unknown fields. A server must be an instance of
// the state that is running; without a Type it is an ecs. Ids that begin with
// eni- or eci- are of that type only, a shared-resource load balancer
// (slb.s0.share) takes neither, and one for IPv4 takes no IPv6 address. VpcId,
// ServerRegionId and VbrId, for servers in other regions, are ignored. Whether
// the service ignores the ServerIp of an ecs is not known; here it counts.
//
// # What is not known about the service
//
// Where the documentation is silent or contradicts itself there is a switch in
// [Options], and the zero value is the best guess: Duplicate, EmptyList, Scope,
// NameServers, DefaultFormat, NonceWindow. A wrong region answers 500
// InternalError, as users report. The HTTP status of some codes is documented in
// two ways; a [Fault] can give either.
//
// # Faults
//
// Rules make calls fail: [Fault] says how, testdata/faults.json shows it. They see
// calls that are verified and well-formed.
//
// # Administration
//
// From loopback addresses only, and never signed:
//
//	GET  /_sim/state   all there is, in the form that a seed has; testdata/state.json is one
//	PUT  /_sim/state   seeds it anew
//	GET  /_sim/calls   the last 100,000 calls; changes in the order of their effect
//	PUT  /_sim/faults  replaces the rules; [] clears them
//	POST /_sim/reset   goes back to the last seed and to the rules of the start, and
//	                   forgets calls and nonces
//
// Durations of the state (runningAfter, healthyAfter, timeout) are shown as they
// were seeded, and count from the moment of seeding.
package clbtest
