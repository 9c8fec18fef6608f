// Package alibaba makes one call to an Alibaba Cloud RPC API the way a
// function must make it. Packages clb and lifecycle/ess are built on it.
//
// It takes the requests, the signature and the decoder from
// alibaba-cloud-sdk-go, and leaves out the SDK's client, which is not fit for
// a function (all of it measured on v1.63.107):
//
//   - it takes no context, so an invocation that ends leaves its calls behind;
//   - it writes to its own fields and to the transport during every call, so it
//     can be shared by no two goroutines, and a new one has no connections;
//   - it panics when a field of an error body is not a string;
//   - its errors, its DEBUG=sdk output and its tracing spans hold the signed URL;
//   - it sends plain HTTP by default, applies HTTP_PROXY to loopback addresses
//     and reads NO_PROXY as regular expressions;
//   - it spends more on log fields that nobody reads than on signing.
//
// A [Service] is made once a process and shared by all invocations: it holds
// the endpoint and the connections. A [Client] binds it to the credentials of
// one invocation and costs next to nothing. Both are safe for concurrent use.
//
// # What a call promises
//
// It is sent once, with a signature and a nonce of its own, and ends at once
// when its context does. There is no time-out but the context's, no retry, and
// no redirect. Every error is an [*Error] that says whether the service may
// have acted, and none holds a credential, a signature or a URL.
//
// # Connections
//
// Connections are reused, and one that the service dropped while it was idle is
// not an error. After 5 s without use none is used again (the service drops them
// after some 10 s); that is 5 s by the wall clock, so that a function that was
// frozen and thawed does not try what it had before. A request of which nothing
// was written yet goes to another connection. A reading, whose name begins with
// Describe, does so even if it was written: to read twice is to read.
//
// A change is never repeated here. If the connection breaks after it was
// written, nobody knows whether it took effect, and the Error says so.
package alibaba
