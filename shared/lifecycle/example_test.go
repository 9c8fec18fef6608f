package lifecycle_test

import (
	"context"
	"fmt"
	"time"

	"slb-registrar/shared/clb"
	"slb-registrar/shared/clbtest"
	"slb-registrar/shared/event"
	"slb-registrar/shared/idempotency"
	"slb-registrar/shared/lifecycle"
	"slb-registrar/shared/lifecycle/ess"
	"slb-registrar/shared/vsg"
)

func ExampleFinisher_Finish() {
	// A load balancer with a healthy member, and a hook that waits.
	sim := clbtest.New(clbtest.Options{State: clbtest.State{
		LoadBalancers: []clbtest.LoadBalancer{{RegionID: "cn-hangzhou", LoadBalancerID: "lb-1", VServerGroups: []clbtest.VServerGroup{
			{VServerGroupID: "rsp-web", ListenerPort: 443, Backends: []clbtest.Backend{{ServerID: "i-1", Port: 80, Weight: 100, Type: "ecs"}}}}}},
		Instances:        []clbtest.Instance{{InstanceID: "i-1"}},
		LifecycleActions: []clbtest.LifecycleAction{{LifecycleHookID: "ash-1", LifecycleActionToken: "5A1F6C20", InstanceIDs: []string{"i-1"}}},
	}})
	balancer, err := clb.New(clb.Options{Transport: sim.Transport()})
	if err != nil {
		panic(err)
	}
	scaling, err := ess.New(ess.Options{Transport: sim.Transport()})
	if err != nil {
		panic(err)
	}
	credentials := clb.Credentials{AccessKeyID: "testid", AccessKeySecret: "testsecret"}

	// Once a process:
	var finisher lifecycle.Finisher

	// Once for every hook whose changes have ended:
	hook := &event.Hook{Platform: event.ESS, Kind: event.Launch, RegionID: "cn-hangzhou", ID: "ash-1", Token: "5A1F6C20"}
	report := finisher.Finish(context.Background(), lifecycle.Job{
		Hook:   hook,
		Policy: lifecycle.Policy{Success: lifecycle.Continue, Failure: lifecycle.Abandon},
		Changes: []lifecycle.Change{{
			Change: vsg.Change{
				Action: vsg.Add, Group: vsg.Group{RegionID: "cn-hangzhou", ID: "rsp-web"},
				Backend: vsg.Backend{ServerID: "i-1", Port: 80, Weight: 100}, Launch: "5A1F6C20/i-1",
			},
			Status: vsg.Added,
		}},
		Ready:     time.Minute,
		Balancer:  balancer.With(credentials),
		Completer: scaling.With(credentials),
		ClientToken: func(result string) string {
			return idempotency.CompletionToken(hook.ID, hook.Token, result)
		},
	})
	fmt.Println(report.Status, report.Result)
	// Output: completed CONTINUE
}
