package clbtest_test

import (
	"encoding/json"
	"fmt"
	"testing"

	"github.com/aliyun/alibaba-cloud-sdk-go/sdk"
	"github.com/aliyun/alibaba-cloud-sdk-go/sdk/auth/credentials"
	"github.com/aliyun/alibaba-cloud-sdk-go/sdk/requests"
	"github.com/aliyun/alibaba-cloud-sdk-go/services/ess"
	"github.com/aliyun/alibaba-cloud-sdk-go/services/slb"

	"slb-registrar/shared/clbtest"
)

func TestALoadBalancerIsDescribedAsItWasCreated(t *testing.T) {
	sim := clbtest.Start(t, clbtest.Options{})
	client := newSDK(t, sim.Addr(), nil)
	create := slb.CreateCreateLoadBalancerRequest()
	create.LoadBalancerName, create.AddressType, create.LoadBalancerSpec = "web", "intranet", "slb.s2.small"
	create.VpcId, create.VSwitchId, create.MasterZoneId, create.SlaveZoneId = "vpc-1", "vsw-1", "cn-hangzhou-h", "cn-hangzhou-i"
	create.InternetChargeType, create.InstanceChargeType, create.ResourceGroupId = "paybybandwidth", "PayByCLCU", "rg-1"
	create.Bandwidth, create.DeleteProtection, create.ClientToken = requests.NewInteger(10), "on", "client-1"
	create.Tag = &[]slb.CreateLoadBalancerTag{{Key: "env", Value: "test"}}
	made, err := client.CreateLoadBalancer(create)
	if err != nil {
		t.Fatal(err)
	}
	if made.LoadBalancerName != "web" || made.NetworkType != "vpc" || made.Address == "" || made.AddressIPVersion != "ipv4" {
		t.Errorf("%+v", made)
	}
	attribute := slb.CreateDescribeLoadBalancerAttributeRequest()
	attribute.LoadBalancerId = made.LoadBalancerId
	got, err := client.DescribeLoadBalancerAttribute(attribute)
	if err != nil {
		t.Fatal(err)
	}
	if text := fmt.Sprint(got.LoadBalancerName, got.AddressType, got.LoadBalancerSpec, got.VpcId, got.VSwitchId, got.MasterZoneId, got.SlaveZoneId, got.InternetChargeType,
		got.InstanceChargeType, got.ResourceGroupId, got.Bandwidth, got.DeleteProtection, got.LoadBalancerStatus, got.RegionId, got.Address == made.Address, got.CreateTimeStamp > 0); text !=
		"webintranetslb.s2.smallvpc-1vsw-1cn-hangzhou-hcn-hangzhou-ipaybybandwidthPayByCLCUrg-110onactivecn-hangzhoutrue true" {
		t.Errorf("%s", text)
	}
	if len(got.Tags.Tag) != 1 || got.Tags.Tag[0].TagKey != "env" || got.Tags.Tag[0].TagValue != "test" {
		t.Errorf("%+v", got.Tags)
	}
	remove := slb.CreateDeleteLoadBalancerRequest()
	remove.LoadBalancerId = made.LoadBalancerId
	if _, err := client.DeleteLoadBalancer(remove); sdkCode(err) != "400 OperationDenied.DeleteProtection" {
		t.Error(sdkCode(err))
	}
}

func TestLoadBalancersAreFilteredAndPaged(t *testing.T) {
	var st clbtest.State
	for i := range 5 {
		st.LoadBalancers = append(st.LoadBalancers, clbtest.LoadBalancer{
			RegionID: "cn-hangzhou", LoadBalancerID: fmt.Sprint("lb-", i), LoadBalancerName: fmt.Sprint("name-", i), Tags: map[string]string{"n": fmt.Sprint(i)},
			VServerGroups: []clbtest.VServerGroup{{VServerGroupID: fmt.Sprint("rsp-", i), ListenerPort: 80 + i, Backends: []clbtest.Backend{{ServerID: fmt.Sprint("i-", i), Port: 80}}}},
		})
	}
	st.LoadBalancers[4].LoadBalancerStatus = "inactive"
	st.LoadBalancers = append(st.LoadBalancers, clbtest.LoadBalancer{RegionID: "cn-beijing", LoadBalancerID: "lb-north"})
	sim := clbtest.New(clbtest.Options{State: st})
	for _, test := range []struct {
		params values
		want   string
	}{
		{values{}, "lb-0 lb-1 lb-2 lb-3 lb-4 "},
		{values{"RegionId": "cn-beijing"}, "lb-north "},
		{values{"PageSize": "2", "PageNumber": "3"}, "lb-4 "},
		{values{"LoadBalancerId": "lb-1,lb-3"}, "lb-1 lb-3 "},
		{values{"LoadBalancerName": "name-2"}, "lb-2 "},
		{values{"LoadBalancerStatus": "inactive"}, "lb-4 "},
		{values{"ServerId": "i-3"}, "lb-3 "},
		{values{"Tag.1.Key": "n", "Tag.1.Value": "1"}, "lb-1 "},
		{values{"Tag.1.Key": "none"}, ""},
		{values{"VpcId": "vpc-1"}, ""},
	} {
		_, code, body := call(t, sim, "DescribeLoadBalancers", test.params)
		got := code
		for _, lb := range items(t, decode(t, []byte(body)), "LoadBalancers", "LoadBalancer") {
			got += fmt.Sprint(lb["LoadBalancerId"], " ")
		}
		if got != test.want {
			t.Errorf("%v: %s, want %s", test.params, got, test.want)
		}
	}
	for _, bad := range []values{{"PageSize": "101"}, {"PageNumber": "0"}, {"Tag.1.Key": ""}} {
		if _, code, _ := call(t, sim, "DescribeLoadBalancers", bad); code != "InvalidParameter" {
			t.Errorf("%v: %q", bad, code)
		}
	}
}

func TestGroupsAreListedWithWhatUsesThem(t *testing.T) {
	sim := clbtest.New(clbtest.Options{State: aWorld()})
	tagged := values{"LoadBalancerId": "lb-1", "VServerGroupName": "blue", "Tag.1.Key": "env", "Tag.1.Value": "test"}
	if _, code, _ := call(t, sim, "CreateVServerGroup", tagged); code != "" {
		t.Fatal(code)
	}
	for _, test := range []struct {
		params values
		want   string
	}{
		{values{}, `3 {}`},
		{values{"IncludeListener": "true"}, `3 {"Listeners":{"Listener":[{"Port":80,"Protocol":"http"}]}}`},
		{values{"IncludeRule": "true"}, `3 {"Rules":{"Rule":[]}}`},
		{values{"Tag.1.Key": "env", "Tag.1.Value": "test"}, `1 {}`},
		{values{"Description": "blu"}, `1 {}`},
	} {
		test.params["LoadBalancerId"] = "lb-1"
		_, _, body := call(t, sim, "DescribeVServerGroups", test.params)
		groups := items(t, decode(t, []byte(body)), "VServerGroups", "VServerGroup")
		if got := fmt.Sprintf("%d %s", len(groups), must(json.Marshal(groups[0]["AssociatedObjects"]))); got != test.want {
			t.Errorf("%v: %s, want %s", test.params, got, test.want)
		}
	}
	for _, bad := range []values{{"VServerGroupName": ""}, {"BackendServers": `[{"ServerId":"i-9","Port":80}]`}, {"BackendServers": `[{"ServerId":"i-1","Port":80},{"ServerId":"i-2","Port":80},{"ServerId":"i-3","Port":80},{"ServerId":"i-4","Port":80}]`}} {
		bad["LoadBalancerId"] = "lb-1"
		if _, code, _ := call(t, sim, "CreateVServerGroup", bad); code == "" {
			t.Errorf("%v was accepted", bad)
		}
	}
	if n := len(sim.State().LoadBalancers[0].VServerGroups); n != 3 {
		t.Errorf("%d groups", n)
	}
}

// TestTheTypedSDKReadsEveryAnswer decodes the answers into the SDK's own types,
// where a number in place of a string would be an error.
func TestTheTypedSDKReadsEveryAnswer(t *testing.T) {
	sim := clbtest.Start(t, clbtest.Options{State: aScalingGroup(), AutoCreate: true})
	if _, err := sdkAdd(newSDK(t, sim.Addr(), nil), `[{"ServerId":"i-ready","Port":80,"Description":"d"},{"ServerId":"eni-1","Port":80,"Type":"eni","ServerIp":"192.0.2.9"}]`); err != nil {
		t.Fatal(err)
	}
	lbs := newSDK(t, sim.Addr(), nil)
	list, err := lbs.DescribeLoadBalancers(slb.CreateDescribeLoadBalancersRequest())
	if err != nil || len(list.LoadBalancers.LoadBalancer) != 1 {
		t.Fatal(err, list)
	}
	id := list.LoadBalancers.LoadBalancer[0].LoadBalancerId

	health := slb.CreateDescribeHealthStatusRequest()
	health.LoadBalancerId = id
	if got, err := lbs.DescribeHealthStatus(health); err != nil || len(got.BackendServers.BackendServer) != 2 || got.BackendServers.BackendServer[0].Weight != "100" ||
		got.BackendServers.BackendServer[0].ServerHealthStatus != "normal" || got.BackendServers.BackendServer[1].ServerIp != "192.0.2.9" {
		t.Error(err, got)
	}
	attribute := slb.CreateDescribeVServerGroupAttributeRequest()
	attribute.VServerGroupId = "rsp-1"
	if got, err := lbs.DescribeVServerGroupAttribute(attribute); err != nil || got.LoadBalancerId != id || got.BackendServers.BackendServer[0].Description != "d" {
		t.Error(err, got)
	}
	balancer := slb.CreateDescribeLoadBalancerAttributeRequest()
	balancer.LoadBalancerId = id
	if got, err := lbs.DescribeLoadBalancerAttribute(balancer); err != nil || len(got.ListenerPorts.ListenerPort) != 1 {
		t.Error(err, got)
	}
	groups := slb.CreateDescribeVServerGroupsRequest()
	groups.LoadBalancerId, groups.IncludeListener = id, requests.NewBoolean(true)
	if got, err := lbs.DescribeVServerGroups(groups); err != nil || got.VServerGroups.VServerGroup[0].ServerCount != 2 || len(got.VServerGroups.VServerGroup[0].AssociatedObjects.Listeners.Listener) != 1 {
		t.Error(err, got)
	}

	scaling, err := ess.NewClientWithOptions("cn-hangzhou", sdk.NewConfig().WithScheme("HTTP"), credentials.NewAccessKeyCredential("testid", "testsecret"))
	if err != nil {
		t.Fatal(err)
	}
	scaling.Domain = sim.Addr()
	instances := ess.CreateDescribeScalingInstancesRequest()
	instances.ScalingGroupId = "asg-1"
	instances.LifecycleStates = &[]string{"InService"}
	if got, err := scaling.DescribeScalingInstances(instances); err != nil || len(got.ScalingInstances.ScalingInstance) != 1 || got.ScalingInstances.ScalingInstance[0].PrivateIpAddress != "192.0.2.1" {
		t.Error(err, got)
	}
	actions := ess.CreateDescribeLifecycleActionsRequest()
	actions.ScalingActivityId, actions.MaxResults = "asa-1", requests.NewInteger(1)
	if got, err := scaling.DescribeLifecycleActions(actions); err != nil || got.NextToken == "" || got.LifecycleActions.LifecycleAction[0].InstanceIds.InstanceId[0] != "i-waiting" {
		t.Error(err, got)
	}
	heartbeat := ess.CreateRecordLifecycleActionHeartbeatRequest()
	heartbeat.LifecycleHookId, heartbeat.LifecycleActionToken, heartbeat.HeartbeatTimeout = "ash-1", "token-1", requests.NewInteger(60)
	if _, err := scaling.RecordLifecycleActionHeartbeat(heartbeat); err != nil {
		t.Error(err)
	}
	complete := ess.CreateCompleteLifecycleActionRequest()
	complete.LifecycleHookId, complete.LifecycleActionToken, complete.LifecycleActionResult, complete.ClientToken = "ash-1", "token-1", "CONTINUE", "client-1"
	if _, err := scaling.CompleteLifecycleAction(complete); err != nil {
		t.Error(err)
	}
	if a, _ := sim.LifecycleAction("token-1"); a.Status != "Completed" || a.ClientToken != "client-1" || a.Heartbeats != 1 {
		t.Errorf("%+v", a)
	}
}
