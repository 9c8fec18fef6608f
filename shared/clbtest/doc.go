// Package clbtest is a simulator of Alibaba Cloud's Classic Load Balancer (CLB,
// also SLB), good enough that unmodified clients work against it and strict
// enough that what works on it works on CLB.
//
// It verifies signatures, keeps load balancers, VServer groups and backend
// servers, refuses overlapping changes as the service does, and fails on
// command. The few actions of Auto Scaling (ESS) that complete lifecycle hooks
// are there too.
//
// In a test, one line starts it:
//
//	sim := clbtest.Start(t, clbtest.Options{AutoCreate: true})
//	client.Domain = sim.Addr() // 127.0.0.1:PORT, over HTTP
//
// or, without a socket and inside a testing/synctest bubble, where minutes of
// latency take no time at all:
//
//	sim := clbtest.New(clbtest.Options{AutoCreate: true, Latency: 80 * time.Millisecond})
//	config.Transport = sim.Transport()
//
// The package shares no code with what it judges: no parser, no type, no bug.
package clbtest
