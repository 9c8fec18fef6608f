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
// A connection that the service dropped while it was idle is not an error. The
// transport then sends the very same bytes once more on another connection, as
// net/http does for requests that are declared idempotent. That cannot make a
// change happen twice: both carry the same SignatureNonce, which the service
// accepts once in 31 minutes. Should the first have arrived after all, the
// second is refused with SignatureNonceUsed, and the Error says that the answer
// is lost (the first one's outcome is unknown), not that the call was refused.
package alibaba
