package clbtest_test

import (
	"fmt"
	"testing"

	"slb-registrar/shared/clbtest"
)

// items returns the elements of a list in an answer: answer[list][element].
func items(t *testing.T, answer map[string]any, list, element string) []map[string]any {
	t.Helper()
	outer, ok := answer[list].(map[string]any)
	if !ok {
		t.Fatalf("no %s in %v", list, answer)
	}
	inner, ok := outer[element].([]any)
	if !ok {
		t.Fatalf("no %s in %v", element, outer)
	}
	var all []map[string]any
	for _, item := range inner {
		all = append(all, item.(map[string]any))
	}
	return all
}

// TestEveryClientSeesTheSameService runs one story by all clients: every action
// and the refusals that a client meets in practice.
func TestEveryClientSeesTheSameService(t *testing.T) {
	for name := range callers("") {
		t.Run(name, func(t *testing.T) {
			seed := clbtest.State{
				LoadBalancers: []clbtest.LoadBalancer{{RegionID: "cn-hangzhou", LoadBalancerID: "lb-web", VServerGroups: []clbtest.VServerGroup{
					{VServerGroupID: "rsp-web", ListenerPort: 80},
				}}},
				LifecycleActions: []clbtest.LifecycleAction{
					{LifecycleHookID: "ash-1", LifecycleActionToken: "token-1", InstanceIDs: []string{"i-0"}, ScalingActivityID: "asa-1"},
				},
			}
			for i := range 30 {
				seed.Instances = append(seed.Instances, clbtest.Instance{InstanceID: fmt.Sprintf("i-%d", i), ScalingGroupID: "asg-1"})
			}
			seed.Instances = append(seed.Instances, clbtest.Instance{InstanceID: "i-late", RunningAfter: "1h"}, clbtest.Instance{InstanceID: "eni-1"})
			sim := clbtest.Start(t, clbtest.Options{State: seed})
			tellStory(t, sim, callers(sim.Addr())[name])
		})
	}
}

func tellStory(t *testing.T, sim *clbtest.Server, call caller) {
	ok := func(action string, params values) map[string]any {
		t.Helper()
		answer, outcome := call(t, action, params)
		if outcome != "OK" {
			t.Fatalf("%s %v: %s", action, params, outcome)
		}
		if answer["RequestId"] == "" || answer["RequestId"] == nil {
			t.Errorf("%s: no RequestId in %v", action, answer)
		}
		return answer
	}
	refused := func(want, action string, params values) {
		t.Helper()
		if _, outcome := call(t, action, params); outcome != want {
			t.Errorf("%s %v: %s, want %s", action, params, outcome, want)
		}
	}
	count := func(answer map[string]any, list, element string, want int) []map[string]any {
		t.Helper()
		all := items(t, answer, list, element)
		if len(all) != want {
			t.Fatalf("%d %s, want %d: %v", len(all), list, want, answer)
		}
		return all
	}
	web := values{"VServerGroupId": "rsp-web"}
	with := func(servers string) values { return values{"VServerGroupId": "rsp-web", "BackendServers": servers} }

	count(ok("AddVServerGroupBackendServers", with(servers(0, 20))), "BackendServers", "BackendServer", 20)
	count(ok("AddVServerGroupBackendServers", with(servers(20, 5))), "BackendServers", "BackendServer", 25)
	count(ok("AddVServerGroupBackendServers", with(`[{'ServerId':'eni-1','ServerIp':'192.0.2.1','Port':'80','Type':'eni','Description':'web/1.a_b-c'}]`)), "BackendServers", "BackendServer", 26)
	count(ok("RemoveVServerGroupBackendServers", with(servers(20, 10))), "BackendServers", "BackendServer", 21)
	ok("SetVServerGroupAttribute", values{"VServerGroupId": "rsp-web", "VServerGroupName": "web", "BackendServers": `[{"ServerId":"i-0","Port":80,"Weight":0}]`})
	count(ok("ModifyVServerGroupBackendServers", values{"VServerGroupId": "rsp-web", "OldBackendServers": servers(1, 19), "NewBackendServers": servers(20, 1)}),
		"BackendServers", "BackendServer", 3)
	group := ok("DescribeVServerGroupAttribute", web)
	if group["VServerGroupName"] != "web" || group["LoadBalancerId"] != "lb-web" {
		t.Errorf("the group: %v", group)
	}
	if first := count(group, "BackendServers", "BackendServer", 3)[0]; fmt.Sprint(first["ServerId"], " ", first["Port"], " ", first["Weight"], " ", first["Type"]) != "i-0 80 0 ecs" {
		t.Errorf("the first member: %v", first)
	}
	groups := ok("DescribeVServerGroups", values{"LoadBalancerId": "lb-web", "IncludeListener": "true", "IncludeRule": "true"})
	if g := count(groups, "VServerGroups", "VServerGroup", 1)[0]; fmt.Sprint(g["ServerCount"]) != "3" {
		t.Errorf("the group: %v", g)
	}
	for _, server := range count(ok("DescribeHealthStatus", values{"LoadBalancerId": "lb-web", "ListenerPort": "80"}), "BackendServers", "BackendServer", 3) {
		if server["ServerHealthStatus"] != "normal" {
			t.Errorf("health: %v", server)
		}
	}
	if lb := ok("DescribeLoadBalancerAttribute", values{"LoadBalancerId": "lb-web"}); lb["LoadBalancerStatus"] != "active" {
		t.Errorf("the load balancer: %v", lb)
	}

	made := ok("CreateLoadBalancer", values{"LoadBalancerName": "second", "AddressType": "internet"})
	lb := made["LoadBalancerId"].(string)
	count(ok("DescribeLoadBalancers", values{}), "LoadBalancers", "LoadBalancer", 2)
	count(ok("DescribeLoadBalancers", values{"LoadBalancerName": "second"}), "LoadBalancers", "LoadBalancer", 1)
	second := ok("CreateVServerGroup", values{"LoadBalancerId": lb, "VServerGroupName": "new", "BackendServers": servers(0, 2)})
	count(second, "BackendServers", "BackendServer", 2)
	ok("DeleteVServerGroup", values{"VServerGroupId": second["VServerGroupId"].(string)})
	ok("DeleteLoadBalancer", values{"LoadBalancerId": lb})
	count(ok("DescribeLoadBalancers", values{}), "LoadBalancers", "LoadBalancer", 1)

	count(ok("DescribeScalingInstances", values{"ScalingGroupId": "asg-1", "PageSize": "20", "PageNumber": "2"}), "ScalingInstances", "ScalingInstance", 10)
	hook := values{"lifecycleHookId": "ash-1", "lifecycleActionToken": "token-1", "heartbeatTimeout": "60"}
	ok("RecordLifecycleActionHeartbeat", hook)
	count(ok("DescribeLifecycleActions", values{"ScalingActivityId": "asa-1"}), "LifecycleActions", "LifecycleAction", 1)
	done := values{"LifecycleHookId": "ash-1", "LifecycleActionToken": "token-1", "LifecycleActionResult": "CONTINUE", "ClientToken": "client-1"}
	ok("CompleteLifecycleAction", done)
	ok("CompleteLifecycleAction", done)
	done["ClientToken"] = "client-2"
	refused("400 LifecycleHookIdAndLifecycleActionToken.Invalid", "CompleteLifecycleAction", done)

	refused("400 TooManyBackendServers", "AddVServerGroupBackendServers", with(servers(0, 21)))
	refused("400 InvalidServerId.NotExist", "AddVServerGroupBackendServers", with(servers(100, 1)))
	refused("400 ObtainIpFail", "AddVServerGroupBackendServers", with(`[{"ServerId":"i-late","Port":80}]`))
	refused("404 ResourceNotFound.vServers", "AddVServerGroupBackendServers", with(`[{"ServerId":"eni-9","Port":80,"Type":"eni"}]`))
	refused("400 BackendServersMalformed", "AddVServerGroupBackendServers", with(`[{`))
	refused("404 InvalidParameter", "DescribeVServerGroupAttribute", values{"VServerGroupId": "rsp-none"})
	refused("404 InvalidLoadBalancerId.NotFound", "DescribeVServerGroups", values{"LoadBalancerId": "lb-none"})
	refused("400 RspoolVipExist", "DeleteVServerGroup", web)
	refused("400 MissingVServerGroupId", "DescribeVServerGroupAttribute", values{})
	refused("400 InvalidParameter", "DescribeVServerGroupAttribute", values{"VServerGroupId": "rsp-web", "Verbose": "true"})
	refused("404 InvalidAction.NotFound", "DescribeWeather", values{})
	if n := len(sim.Backends("rsp-web")); n != 3 {
		t.Errorf("after the refusals the group has %d members, want the 3 from before", n)
	}
}
