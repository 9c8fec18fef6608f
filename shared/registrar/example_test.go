package registrar_test

import (
	"context"
	"fmt"
	"sync"
	"time"

	"slb-registrar/shared/clb"
	"slb-registrar/shared/clbtest"
	"slb-registrar/shared/registrar"
	"slb-registrar/shared/vsg"
)

// Forty-one instances are launched, one does not exist any more, and every
// launch is an invocation of its own. They share three calls, of which one was
// refused because of the one that is missing.
func Example() {
	sim := clbtest.New(clbtest.Options{
		AutoCreate: true, NameServers: true, Latency: 20 * time.Millisecond,
		Faults: []clbtest.Fault{
			{ServerID: "i-0007", Effect: clbtest.Effect{Code: "InvalidServerId.NotExist", Message: "The server i-0007 does not exist."}},
			{Action: "DescribeVServerGroupAttribute", Effect: clbtest.Effect{Latency: "200ms"}},
		},
	})
	service, err := clb.New(clb.Options{Endpoint: "127.0.0.1:1", Transport: sim.Transport()})
	if err != nil {
		panic(err)
	}

	// Once a process:
	engine := registrar.New(registrar.Options{})

	var invocations sync.WaitGroup
	for i := range 41 {
		invocations.Go(func() {
			// In every invocation: a deadline that leaves time to answer.
			ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
			defer cancel()
			api := service.With(clb.Credentials{AccessKeyID: "testid", AccessKeySecret: "testsecret"})
			outcomes, _ := engine.Apply(ctx, api, []vsg.Change{{
				Action:  vsg.Add,
				Group:   vsg.Group{RegionID: "cn-hangzhou", ID: "rsp-cige6j5e7p"},
				Backend: vsg.Backend{ServerID: fmt.Sprintf("i-%04d", i), Port: 80, Weight: 100, Type: vsg.ECS},
			}})
			if o := outcomes[0]; !o.Status.Succeeded() {
				fmt.Println(o.Status, o.Code)
			}
		})
	}
	invocations.Wait()
	fmt.Println(len(sim.Backends("rsp-cige6j5e7p")), "members after", len(sim.CallsOf("AddVServerGroupBackendServers")), "calls")
	// Output:
	// rejected InvalidServerId.NotExist
	// 40 members after 3 calls
}
