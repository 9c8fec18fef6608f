package handler_test

import (
	"context"
	"fmt"
	"io"
	"time"

	"slb-registrar/shared/clb"
	"slb-registrar/shared/clbtest"
	"slb-registrar/shared/event"
	"slb-registrar/shared/handler"
	"slb-registrar/shared/idempotency/memory"
	"slb-registrar/shared/lifecycle"
	"slb-registrar/shared/lifecycle/ess"
	"slb-registrar/shared/route"
)

// What the mains of the functions do, with the simulator in the place of CLB.
func Example() {
	config, err := route.Parse("example", []byte(`
version: 1
routes:
  - name: web
    match: {scalingGroupId: asg-bp1web}
    targets:
      - {regionId: cn-hangzhou, vServerGroupId: rsp-a, port: 80}
`))
	if err != nil {
		panic(err)
	}
	log, err := handler.NewLogger(io.Discard, "info")
	if err != nil {
		panic(err)
	}
	h, err := handler.New(handler.Options{Config: config, Store: memory.New(memory.Options{}), Log: log, Platform: "fc"})
	if err != nil {
		panic(err)
	}

	simulator := clbtest.New(clbtest.Options{AutoCreate: true})
	service, err := clb.New(clb.Options{Endpoint: "127.0.0.1", Transport: simulator.Transport()})
	if err != nil {
		panic(err)
	}
	scaling, err := ess.New(ess.Options{Endpoint: "127.0.0.1", Transport: simulator.Transport()})
	if err != nil {
		panic(err)
	}
	credentials := clb.Credentials{AccessKeyID: "testid", AccessKeySecret: "testsecret"}

	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	in := handler.Invocation{
		RequestID: "example", API: service.With(credentials),
		Hooks: map[event.HookPlatform]lifecycle.Completer{event.ESS: scaling.With(credentials)},
	}
	notification := []byte(`{"regionId":"cn-hangzhou","content":{"lifecycleHookId":"ash-1","lifecycleActionToken":"token-1",
		"lifecycleTransition":"SCALE_OUT","scalingGroupId":"asg-bp1web","instanceIds":["i-1","i-2"]}}`)
	for range 2 {
		result := h.Handle(ctx, in, notification)
		for _, c := range result.Changes {
			fmt.Println(c.ServerID, c.Status)
		}
		fmt.Println(result.Messages[0].Status, result.Calls)
	}
	// Output:
	// i-1 added
	// i-2 added
	// done map[AddVServerGroupBackendServers:1]
	// i-1 duplicate
	// i-2 duplicate
	// done map[]
}
