package clbtest_test

import (
	"context"
	"fmt"
	"os"

	"github.com/aliyun/alibaba-cloud-sdk-go/sdk"
	"github.com/aliyun/alibaba-cloud-sdk-go/sdk/auth/credentials"
	"github.com/aliyun/alibaba-cloud-sdk-go/services/slb"

	"slb-registrar/shared/clbtest"
)

// An unmodified SDK client and the simulator, in one process and without a
// socket. In a test, clbtest.Start(t, options) serves it over HTTP instead.
func Example() {
	sim := clbtest.New(clbtest.Options{AutoCreate: true})

	config := sdk.NewConfig().WithScheme("HTTP")
	config.Transport = sim.Transport()
	client, err := slb.NewClientWithOptions("cn-hangzhou", config, credentials.NewAccessKeyCredential("testid", "testsecret"))
	if err != nil {
		fmt.Println(err)
		return
	}
	request := slb.CreateAddVServerGroupBackendServersRequest()
	request.VServerGroupId = "rsp-cige6j5e7p"
	request.BackendServers = `[{'ServerId':'vm-233','Port':'80','Weight':'100'}]`
	if _, err := client.AddVServerGroupBackendServers(request); err != nil {
		fmt.Println(err)
		return
	}
	fmt.Printf("%+v\n", sim.Backends("rsp-cige6j5e7p"))
	for _, call := range sim.Calls() {
		fmt.Println(call.Action, call.HTTPStatus, call.Signature)
	}
	// Output:
	// [{ServerID:vm-233 Port:80 Weight:100 Type:ecs ServerIP: Description:}]
	// AddVServerGroupBackendServers 200 V1
}

// A seed file, and rules that make calls fail.
func ExampleListen() {
	data, err := os.ReadFile("testdata/state.json")
	if err != nil {
		fmt.Println(err)
		return
	}
	state, err := clbtest.ParseState(data)
	if err != nil {
		fmt.Println(err)
		return
	}
	sim, err := clbtest.Listen(context.Background(), "127.0.0.1:0", clbtest.Options{
		State:  state,
		Faults: []clbtest.Fault{{Nth: 1, Effect: clbtest.Effect{Code: "BackendServer.configuring"}}},
	}, false)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer func() { _ = sim.Close() }()
	for _, b := range sim.Backends("rsp-web") {
		fmt.Println(b.ServerID, b.Port, b.Weight)
	}
	// Output:
	// i-old 80 100
	// eni-old 80 0
}

func ExampleParseFaults() {
	_, err := clbtest.ParseFaults([]byte(`[{"nth": 3, "effect": {"reset": "after"}}]`))
	fmt.Println(err)
	_, err = clbtest.ParseFaults([]byte(`[{"nth": 3, "effect": {"rest": "after"}}]`))
	fmt.Println(err)
	// Output:
	// <nil>
	// faults[0]: line 1, column 23: json: unknown field "rest"
}
