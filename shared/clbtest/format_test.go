package clbtest_test

import (
	"encoding/xml"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"slb-registrar/shared/clbtest"
)

// flattenJSON lists the leaves of an answer as path=text, without the request
// id, which differs from call to call.
func flattenJSON(prefix string, value any, leaves *[]string) {
	switch v := value.(type) {
	case map[string]any:
		for name, inner := range v {
			flattenJSON(prefix+"/"+name, inner, leaves)
		}
	case []any:
		for _, inner := range v {
			flattenJSON(prefix, inner, leaves)
		}
	case float64:
		*leaves = append(*leaves, prefix+"="+strconv.FormatFloat(v, 'f', -1, 64))
	default:
		if text := fmt.Sprint(v); text != "" && prefix != "/RequestId" {
			*leaves = append(*leaves, prefix+"="+text)
		}
	}
}

func flattenXML(prefix string, e element, leaves *[]string) {
	for _, child := range e.Children {
		flattenXML(prefix+"/"+child.XMLName.Local, child, leaves)
	}
	if text := strings.TrimSpace(e.Text); text != "" && prefix != "/RequestId" {
		*leaves = append(*leaves, prefix+"="+text)
	}
}

func TestJSONAndXMLSayTheSameForEveryAction(t *testing.T) {
	st := aScalingGroup()
	st.LoadBalancers = []clbtest.LoadBalancer{{
		RegionID: "cn-hangzhou", LoadBalancerID: "lb-1", LoadBalancerName: "a<&>\"b", VpcID: "vpc-1", Tags: map[string]string{"env": "te&st"}, VServerGroups: []clbtest.VServerGroup{
			{VServerGroupID: "rsp-1", ListenerPort: 80, VServerGroupName: "web", Tags: map[string]string{"a": "b"}, Backends: []clbtest.Backend{
				{ServerID: "i-ready", Port: 80, Weight: 7, Description: "d"}, {ServerID: "eni-1", Port: 80, Type: "eni", ServerIP: "192.0.2.9"},
			}},
			{VServerGroupID: "rsp-2"},
		},
	}}
	st.Instances = append(st.Instances, clbtest.Instance{InstanceID: "eni-1"})
	one := `[{"ServerId":"i-ready","Port":81}]`
	for _, test := range []struct {
		action string
		params values
		leaves int // at least
	}{
		{add, values{"VServerGroupId": "rsp-1", "BackendServers": one}, 16},
		{remove, values{"VServerGroupId": "rsp-1", "BackendServers": one}, 11},
		{modify, values{"VServerGroupId": "rsp-1", "OldBackendServers": one, "NewBackendServers": one}, 11},
		{set, values{"VServerGroupId": "rsp-1", "VServerGroupName": "new"}, 12},
		{describe, values{"VServerGroupId": "rsp-1"}, 18},
		{"DescribeVServerGroups", values{"LoadBalancerId": "lb-1", "IncludeListener": "true", "IncludeRule": "true"}, 11},
		{"DescribeLoadBalancers", values{}, 20},
		{"DescribeLoadBalancerAttribute", values{"LoadBalancerId": "lb-1"}, 25},
		{"DescribeHealthStatus", values{"LoadBalancerId": "lb-1"}, 14},
		{"DeleteVServerGroup", values{"VServerGroupId": "rsp-2"}, 0},
		{"DeleteLoadBalancer", values{"LoadBalancerId": "lb-1"}, 0},
		{"DescribeLifecycleActions", values{"ScalingActivityId": "asa-1", "MaxResults": "2"}, 12},
		{"DescribeScalingInstances", values{"ScalingGroupId": "asg-1"}, 40},
		{"RecordLifecycleActionHeartbeat", values{"lifecycleHookId": "ash-1", "lifecycleActionToken": "token-1"}, 0},
		{"CompleteLifecycleAction", values{"LifecycleHookId": "ash-1", "LifecycleActionToken": "token-1"}, 0},
	} {
		t.Run(test.action, func(t *testing.T) {
			leaves := map[string][]string{}
			for _, format := range []string{"JSON", "XML"} {
				sim := clbtest.New(clbtest.Options{State: st})
				v := rpc(test.action, test.params)
				v.Set("Format", format)
				status, body := send(t, sim, getRPC(v))
				if status != 200 {
					t.Fatalf("%d: %s", status, body)
				}
				var all []string
				if format == "JSON" {
					flattenJSON("", decode(t, []byte(body)), &all)
				} else {
					root := element{}
					if err := xml.Unmarshal([]byte(body), &root); err != nil {
						t.Fatalf("%v in %s", err, body)
					}
					if want := test.action + "Response"; root.XMLName.Local != want {
						t.Errorf("the root is %s, want %s", root.XMLName.Local, want)
					}
					flattenXML("", root, &all)
				}
				slices.Sort(all)
				leaves[format] = slices.DeleteFunc(all, func(leaf string) bool { // when it was made
					return strings.Contains(leaf, "/CreateTime") || strings.Contains(leaf, "/CreationTime") || strings.Contains(leaf, "/CreatedTime")
				})
			}
			if diff := cmp.Diff(leaves["JSON"], leaves["XML"]); diff != "" {
				t.Error(diff)
			}
			if n := len(leaves["JSON"]); n < test.leaves {
				t.Errorf("%d values, want at least %d: %v", n, test.leaves, leaves["JSON"])
			}
		})
	}
}
