// Package clb calls the API of Alibaba Cloud's Classic Load Balancer (CLB,
// product SLB, version 2014-05-15) for the VServer groups of load balancers,
// and decides in one table what its errors mean.
//
// A [Service] belongs to a process; [Service.With] binds it to the credentials
// of an invocation. A [Client] makes single calls: it never retries, never
// waits, and knows nothing of batches, which is the engine's work (package
// registrar). What one call promises, about contexts, connections and secrets,
// is written in package alibaba.
//
// # Errors
//
// Every error is an [*Error], and [Classify] says what to do about it:
//
//   - The code decides. Where the service uses one code for several things,
//     its status does, and only then its message.
//   - A code that the table does not know is transient. [Error.Known] lets it
//     be counted, so that a new one is noticed.
//   - An add that is refused because a backend is there already is "done" only
//     for that backend: the call as a whole was refused, and the group has to
//     be read to tell the present from the missing.
//   - A change may have been applied, and is "lost", if the request was sent
//     and no verdict came back: the time was over, the connection broke, the
//     answer was cut off, a proxy answered 502. It is lost as well after
//     InternalError, with which the service says that it failed on the way, and
//     after any 5xx with an unknown code. To send a lost change again would not
//     add a backend twice, but where the service answers a duplicate with an
//     error it would turn success into failure, and between the two somebody
//     else may have removed the backend: it has to be read back first.
//   - A refusal before the work began (ServiceUnavailable, SystemBusy) is
//     transient, and so is everything that happens to a mere reading.
package clb
