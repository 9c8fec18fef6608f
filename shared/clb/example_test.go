package clb_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"

	"slb-registrar/shared/clb"
	"slb-registrar/shared/vsg"
)

func Example() {
	// A stand-in for the service that is still busy with another change.
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusConflict)
		_, _ = fmt.Fprint(w, `{"RequestId":"8D0B6E37","Code":"BackendServer.configuring","Message":"The load balancer is being configured."}`)
	}))
	defer server.Close()

	// Once a process:
	service, err := clb.New(clb.Options{Endpoint: server.URL})
	if err != nil {
		panic(err)
	}
	defer service.Close()

	// Once an invocation:
	client := service.With(clb.Credentials{AccessKeyID: "testid", AccessKeySecret: "testsecret"})
	_, err = client.Apply(context.Background(), vsg.Add,
		vsg.Group{RegionID: "cn-hangzhou", ID: "rsp-cige6j5e7p"},
		[]vsg.Backend{{ServerID: "i-bp1fq61enf4loa5i", Port: 80, Weight: 100, Type: vsg.ECS}})

	fmt.Println(clb.Classify(err))
	fmt.Println(err)
	// Output:
	// conflict
	// AddVServerGroupBackendServers: BackendServer.configuring: The load balancer is being configured. (request 8D0B6E37)
}
