package reconcile_test

import (
	"context"
	"fmt"

	"slb-registrar/shared/alibaba"
	"slb-registrar/shared/clb"
	"slb-registrar/shared/clbtest"
	"slb-registrar/shared/event"
	"slb-registrar/shared/idempotency/memory"
	"slb-registrar/shared/lifecycle/ess"
	"slb-registrar/shared/reconcile"
	"slb-registrar/shared/registrar"
	"slb-registrar/shared/route"
)

func Example() {
	// A simulator whose group lacks one instance, instead of the cloud.
	simulator := clbtest.New(clbtest.Options{State: clbtest.State{
		LoadBalancers: []clbtest.LoadBalancer{{RegionID: "cn-hangzhou", LoadBalancerID: "lb-bp1", VServerGroups: []clbtest.VServerGroup{{
			VServerGroupID: "rsp-bp1", Backends: []clbtest.Backend{{ServerID: "i-bp1a", Port: 80, Weight: 100, Type: "ecs"}},
		}}}},
		Instances: []clbtest.Instance{{InstanceID: "i-bp1a", ScalingGroupID: "asg-bp1"}, {InstanceID: "i-bp1b", ScalingGroupID: "asg-bp1"}},
	}})
	balancers, _ := clb.New(clb.Options{Endpoint: "127.0.0.1", Transport: simulator.Transport()})
	scaling, _ := ess.New(ess.Options{Endpoint: "127.0.0.1", Transport: simulator.Transport()})
	config, err := route.Parse("example", []byte(`
version: 1
routes:
  - name: web
    match: {scalingGroupId: asg-bp1}
    targets: [{regionId: cn-hangzhou, vServerGroupId: rsp-bp1, port: 80}]
`))
	if err != nil {
		panic(err)
	}

	// Once a process:
	reconciler, err := reconcile.New(reconcile.Options{
		Config: config, Engine: registrar.New(registrar.Options{}), Store: memory.New(memory.Options{}),
	})
	if err != nil {
		panic(err)
	}

	// Once an invocation:
	credentials := alibaba.Credentials{AccessKeyID: "testid", AccessKeySecret: "testsecret"}
	report := reconciler.Run(context.Background(),
		reconcile.Invocation{API: balancers.With(credentials), Scaling: scaling.With(credentials)},
		event.Reconcile{Repair: true})

	for _, d := range report.Drift {
		fmt.Println(d.Kind, d.Backend.ServerID)
	}
	for _, c := range report.Changes {
		fmt.Println(c.Action, c.Backend.ServerID, c.Outcome.Status)
	}
	// Output:
	// missing i-bp1b
	// add i-bp1b added
}
