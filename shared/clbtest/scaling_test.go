package clbtest_test

import (
	"fmt"
	"testing"

	"slb-registrar/shared/clbtest"
)

func aScalingGroup() clbtest.State {
	st := clbtest.State{Instances: []clbtest.Instance{
		{InstanceID: "i-ready", ScalingGroupID: "asg-1", PrivateIPAddress: "192.0.2.1", ZoneID: "cn-hangzhou-b", ScalingActivityID: "asa-1"},
		{InstanceID: "i-waiting", ScalingGroupID: "asg-1"},
		{InstanceID: "i-starting", ScalingGroupID: "asg-1", RunningAfter: "1h"},
		{InstanceID: "i-ill", ScalingGroupID: "asg-1", HealthyAfter: "never", LifecycleState: "Removing:Wait"},
		{InstanceID: "i-other", ScalingGroupID: "asg-2"},
		{InstanceID: "i-none"},
	}}
	for i := range 25 {
		st.LifecycleActions = append(st.LifecycleActions, clbtest.LifecycleAction{
			LifecycleHookID: "ash-1", LifecycleActionToken: fmt.Sprint("token-", i), InstanceIDs: []string{"i-waiting"}, ScalingActivityID: "asa-1",
		})
	}
	st.LifecycleActions = append(st.LifecycleActions,
		clbtest.LifecycleAction{LifecycleHookID: "ash-1", LifecycleActionToken: "done", Status: "Completed", Result: "ABANDON", ScalingActivityID: "asa-1"},
		clbtest.LifecycleAction{LifecycleHookID: "ash-1", LifecycleActionToken: "of another", ScalingActivityID: "asa-2"},
		clbtest.LifecycleAction{LifecycleHookID: "ash-1", LifecycleActionToken: "of any"})
	return st
}

func TestScalingInstancesAreFilteredAndPaged(t *testing.T) {
	sim := clbtest.New(clbtest.Options{State: aScalingGroup()})
	for _, test := range []struct {
		params values
		want   string
		total  float64
	}{
		{values{"ScalingGroupId": "asg-1"}, "i-ready=InService/Healthy i-waiting=Pending:Wait/Healthy i-starting=Pending/Unhealthy i-ill=Removing:Wait/Unhealthy ", 4},
		{values{"ScalingGroupId": "asg-1", "PageSize": "3", "PageNumber": "2"}, "i-ill=Removing:Wait/Unhealthy ", 4},
		{values{"ScalingGroupId": "asg-1", "PageNumber": "9"}, "", 4},
		{values{"ScalingGroupId": "asg-1", "LifecycleState": "InService"}, "i-ready=InService/Healthy ", 1},
		{values{"ScalingGroupId": "asg-1", "LifecycleStates.1": "Pending", "LifecycleStates.2": "Pending:Wait"}, "i-waiting=Pending:Wait/Healthy i-starting=Pending/Unhealthy ", 2},
		{values{"ScalingGroupId": "asg-1", "HealthStatus": "Unhealthy"}, "i-starting=Pending/Unhealthy i-ill=Removing:Wait/Unhealthy ", 2},
		{values{"scalinggroupid": "asg-1", "InstanceId.1": "i-ready", "InstanceId.2": "i-other"}, "i-ready=InService/Healthy ", 1},
		{values{"ScalingActivityId": "asa-1"}, "i-ready=InService/Healthy ", 1},
		{values{"ScalingGroupId": "asg-1", "CreationTypes.1": "Attached", "CreationType": "Managed"}, "", 0},
		{values{"ScalingGroupId": "asg-9"}, "", 0},
	} {
		_, code, body := call(t, sim, "DescribeScalingInstances", test.params)
		if code != "" {
			t.Errorf("%v: %s", test.params, code)
			continue
		}
		answer, got := decode(t, []byte(body)), ""
		for _, in := range items(t, answer, "ScalingInstances", "ScalingInstance") {
			got += fmt.Sprint(in["InstanceId"], "=", in["LifecycleState"], "/", in["HealthStatus"], " ")
		}
		if got != test.want || answer["TotalCount"] != test.total {
			t.Errorf("%v: %s of %v, want %s of %v", test.params, got, answer["TotalCount"], test.want, test.total)
		}
	}
	for _, bad := range []values{{"PageSize": "51"}, {"PageSize": "0"}, {"PageNumber": "x"}} {
		if _, code, _ := call(t, sim, "DescribeScalingInstances", bad); code != "InvalidParamter" {
			t.Errorf("%v: %q", bad, code)
		}
	}
}

func TestLifecycleActionsComeInPages(t *testing.T) {
	sim := clbtest.New(clbtest.Options{State: aScalingGroup()})
	seen, pages, token := map[string]int{}, 0, ""
	for {
		params := values{"ScalingActivityId": "asa-1", "MaxResults": "10", "LifecycleActionStatus": "Pending"}
		if token != "" {
			params["NextToken"] = token
		}
		_, code, body := call(t, sim, "DescribeLifecycleActions", params)
		if code != "" {
			t.Fatal(code)
		}
		answer := decode(t, []byte(body))
		for _, a := range items(t, answer, "LifecycleActions", "LifecycleAction") {
			seen[a["LifecycleActionToken"].(string)]++
			if a["LifecycleActionStatus"] != "Pending" || a["LifecycleHookId"] != "ash-1" {
				t.Errorf("%v", a)
			}
		}
		pages++
		if token, _ = answer["NextToken"].(string); token == "" {
			break
		}
	}
	if len(seen) != 26 || pages != 3 || seen["of any"] != 1 || seen["of another"] != 0 || seen["done"] != 0 {
		t.Errorf("%d actions on %d pages: %v", len(seen), pages, seen)
	}
	for _, bad := range []values{{"MaxResults": "51"}, {"NextToken": "?"}, {"LifecycleActionStatus": "Perhaps"}} {
		bad["ScalingActivityId"] = "asa-1"
		if _, code, _ := call(t, sim, "DescribeLifecycleActions", bad); code != "InvalidParamter" {
			t.Errorf("%v: %q", bad, code)
		}
	}
	if _, code, _ := call(t, sim, "DescribeLifecycleActions", nil); code != "MissingScalingActivityId" {
		t.Errorf("%q", code)
	}
}
