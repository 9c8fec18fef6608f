package ess_test

import (
	"context"
	"errors"
	"fmt"

	"slb-registrar/shared/alibaba"
	"slb-registrar/shared/clbtest"
	"slb-registrar/shared/event"
	"slb-registrar/shared/lifecycle"
	"slb-registrar/shared/lifecycle/ess"
)

func Example() {
	sim := clbtest.New(clbtest.Options{State: clbtest.State{
		LifecycleActions: []clbtest.LifecycleAction{{LifecycleHookID: "ash-1", LifecycleActionToken: "5A1F6C20", InstanceIDs: []string{"i-1"}}},
	}})
	service, err := ess.New(ess.Options{Transport: sim.Transport()})
	if err != nil {
		panic(err)
	}
	client := service.With(alibaba.Credentials{AccessKeyID: "testid", AccessKeySecret: "testsecret"})
	hook := &event.Hook{Platform: event.ESS, RegionID: "cn-hangzhou", ID: "ash-1", Token: "5A1F6C20"}

	// The second is a repeat of the first, the third is somebody else's.
	for _, clientToken := range []string{"one", "one", "another"} {
		err := client.Complete(context.Background(), hook, lifecycle.Continue, clientToken)
		var failure *lifecycle.Error
		if errors.As(err, &failure) {
			fmt.Println("ended before:", failure.Ended)
			continue
		}
		fmt.Println("completed")
	}
	// Output:
	// completed
	// completed
	// ended before: true
}
