// Package runtimeapi runs a built function binary the way its platform would:
// it plays the runtime API that Function Compute or Lambda offers inside an
// instance, starts the binary against it, hands it events and takes the
// answers. Nothing is needed but the binary: no container, no account, no root.
//
// It is for local invokes and for end-to-end tests of what is really deployed.
// Do not use it to test a handler's logic: calling the handler is faster and
// says more when it fails.
//
// A [Driver] is one instance of the function. It holds one process at a time,
// and replaces it when it died, hung or overran its time-out, as the platforms
// do. Three protocols are spoken:
//
//   - [FC]: the go1 runtime of Function Compute. The function polls
//     /2020-11-11/runtime/invocation/next; each event carries the credentials
//     of its own invocation; initializer and pre-stop are invocations of
//     another type. Answers are acknowledged with 200.
//   - [FCCustom]: the custom runtime of Function Compute. The function is an
//     HTTP server on FC_SERVER_PORT that is sent POST /initialize, POST /invoke
//     and GET /pre-stop. Its x-fc-status header says how it went.
//   - [Lambda]: provided.al2023. The function polls
//     /2018-06-01/runtime/invocation/next and answers are acknowledged with
//     202; anything else ends the process.
//
// Both polling protocols are long polls: next answers when there is work. A
// function whose poll is refused may ask again at once and for ever (the SDK
// for Function Compute does), which is why the listener always outlives the
// process.
//
// What can go wrong on a platform can be made to go wrong here, per [Event]:
// the same delivery twice (the same RequestID again), a retry count, headers
// that are missing or nonsense, a slow next, a refused answer, a deadline that
// has passed, new credentials; and with [Driver.Kill] and [Driver.HangUp] the
// end of the process or of the runtime API in mid-flight.
package runtimeapi
