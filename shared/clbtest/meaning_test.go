package clbtest_test

import (
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"slb-registrar/shared/clbtest"
)

const (
	add    = "AddVServerGroupBackendServers"
	remove = "RemoveVServerGroupBackendServers"
	set    = "SetVServerGroupAttribute"
	modify = "ModifyVServerGroupBackendServers"
)

// aWorld has a load balancer with room for five, of each kind of server one
// that can be added, and some that cannot.
func aWorld() clbtest.State {
	return clbtest.State{
		LoadBalancers: []clbtest.LoadBalancer{
			{RegionID: "cn-hangzhou", LoadBalancerID: "lb-1", MaxBackends: 5, VpcID: "vpc-1", VServerGroups: []clbtest.VServerGroup{
				{VServerGroupID: "rsp-1", ListenerPort: 80, Backends: []clbtest.Backend{{ServerID: "i-0", Port: 80, Weight: 50}}},
				{VServerGroupID: "rsp-2", Backends: []clbtest.Backend{{ServerID: "i-0", Port: 80, Weight: 50}}},
			}},
			{RegionID: "cn-hangzhou", LoadBalancerID: "lb-shared", LoadBalancerSpec: "slb.s0.share", VServerGroups: []clbtest.VServerGroup{{VServerGroupID: "rsp-shared"}}},
			{RegionID: "cn-hangzhou", LoadBalancerID: "lb-6", AddressIPVersion: "ipv6", VServerGroups: []clbtest.VServerGroup{{VServerGroupID: "rsp-6"}}},
			{RegionID: "cn-hangzhou", LoadBalancerID: "lb-off", LoadBalancerStatus: "inactive", VServerGroups: []clbtest.VServerGroup{{VServerGroupID: "rsp-off"}}},
			{RegionID: "cn-hangzhou", LoadBalancerID: "lb-locked", LoadBalancerStatus: "locked", VServerGroups: []clbtest.VServerGroup{{VServerGroupID: "rsp-locked"}}},
			{RegionID: "cn-beijing", LoadBalancerID: "lb-north", VServerGroups: []clbtest.VServerGroup{{VServerGroupID: "rsp-north"}}},
		},
		Instances: []clbtest.Instance{
			{InstanceID: "i-0"}, {InstanceID: "i-1"}, {InstanceID: "i-2"}, {InstanceID: "i-3"}, {InstanceID: "i-4"}, {InstanceID: "eni-1"}, {InstanceID: "eci-1"},
			{InstanceID: "i-starting", RunningAfter: "2s"}, {InstanceID: "i-elsewhere", VpcID: "vpc-2"},
		},
	}
}

func TestAChangeIsAcceptedOrRefusedAsAWhole(t *testing.T) {
	one := func(fields string) string { return `[{"ServerId":"i-1","Port":80},{` + fields + `}]` }
	for _, test := range []struct{ name, group, servers, want string }{
		{"an instance", "rsp-1", one(`"ServerId":"i-2","Port":80`), ""},
		{"a network interface", "rsp-1", one(`"ServerId":"eni-1","Port":80,"Type":"eni","ServerIp":"192.0.2.1"`), ""},
		{"a container", "rsp-1", one(`"ServerId":"eci-1","Port":80,"Type":"eci"`), ""},
		{"weight 0, highest port", "rsp-1", one(`"ServerId":"i-2","Port":65535,"Weight":0`), ""},
		{"a Chinese description", "rsp-1", one(`"ServerId":"i-2","Port":80,"Description":"后端/web-1.a_b"`), ""},
		{"an IPv6 address on IPv6", "rsp-6", one(`"ServerId":"eni-1","Port":80,"Type":"eni","ServerIp":"2001:db8::1"`), ""},
		{"unknown fields", "rsp-1", one(`"serverId":"i-2","PORT":"80","IsUserManaged":true,"NodeName":null,"TargetRef":{"a":[1,{"b":"c"}]}`), ""},
		{"no such instance", "rsp-1", one(`"ServerId":"i-9","Port":80`), "400 InvalidServerId.NotExist"},
		{"an interface called ecs", "rsp-1", one(`"ServerId":"eni-1","Port":80`), "400 InvalidServerId.NotExist"},
		{"no such interface", "rsp-1", one(`"ServerId":"eni-9","Port":80,"Type":"eni"`), "404 ResourceNotFound.vServers"},
		{"an instance called eni", "rsp-1", one(`"ServerId":"i-2","Port":80,"Type":"eni"`), "404 ResourceNotFound.vServers"},
		{"not running yet", "rsp-1", one(`"ServerId":"i-starting","Port":80`), "400 ObtainIpFail"},
		{"in another network", "rsp-1", one(`"ServerId":"i-elsewhere","Port":80`), "400 NetworkConflict"},
		{"an interface on a shared instance", "rsp-shared", one(`"ServerId":"eni-1","Port":80,"Type":"eni"`), "400 OperationUnsupported." + add},
		{"an IPv6 address on IPv4", "rsp-1", one(`"ServerId":"eni-1","Port":80,"Type":"eni","ServerIp":"2001:db8::1"`), "400 OperationDeny.LbNotSupportIPv6Server"},
		{"no id", "rsp-1", one(`"Port":80`), "400 BackendServer.ServerIdEmpty"},
		{"an empty id", "rsp-1", one(`"ServerId":"","Port":80`), "400 BackendServer.ServerIdEmpty"},
		{"no port", "rsp-1", one(`"ServerId":"i-2"`), "400 InvalidParameter"},
		{"port 0", "rsp-1", one(`"ServerId":"i-2","Port":0`), "400 InvalidParameter"},
		{"port 65536", "rsp-1", one(`"ServerId":"i-2","Port":"65536"`), "400 InvalidParameter"},
		{"weight 101", "rsp-1", one(`"ServerId":"i-2","Port":80,"Weight":101`), "400 InvalidWeight.Malformed"},
		{"weight -1", "rsp-1", one(`"ServerId":"i-2","Port":80,"Weight":"-1"`), "400 InvalidWeight.Malformed"},
		{"a type that is not", "rsp-1", one(`"ServerId":"i-2","Port":80,"Type":"vm"`), "400 BackendServer.InvalidType"},
		{"an address that is not", "rsp-1", one(`"ServerId":"eni-1","Port":80,"Type":"eni","ServerIp":"300.0.0.1"`), "400 InvalidParameter"},
		{"a description too long", "rsp-1", one(`"ServerId":"i-2","Port":80,"Description":"` + strings.Repeat("a", 81) + `"`), "400 InvalidParameter"},
		{"a description with a space", "rsp-1", one(`"ServerId":"i-2","Port":80,"Description":"a b"`), "400 InvalidParameter"},
		{"not a list", "rsp-1", `{"ServerId":"i-1","Port":80}`, "400 BackendServersMalformed"},
		{"nested deeply", "rsp-1", `[{"a":` + strings.Repeat("[", 100000) + `}]`, "400 BackendServersMalformed"},
		{"an empty list", "rsp-1", `[]`, "400 MissingParameter"},
		{"an empty value", "rsp-1", ``, "400 MissingParameter"},
		{"21 servers", "rsp-1", servers(0, 21), "400 TooManyBackendServers"},
		{"more than there is room for", "rsp-1", `[{"ServerId":"i-1","Port":80},{"ServerId":"i-2","Port":80},{"ServerId":"i-3","Port":80},{"ServerId":"i-4","Port":80}]`, "400 InstanceBackendServerNumberOverLimit"},
		{"an inactive load balancer", "rsp-off", one(`"ServerId":"i-2","Port":80`), "400 LbStatusNotSupport"},
		{"a locked load balancer", "rsp-locked", one(`"ServerId":"i-2","Port":80`), "400 ActionNotAllowed"},
		{"no such group", "rsp-9", one(`"ServerId":"i-2","Port":80`), "404 InvalidParameter"},
		{"a group of another region", "rsp-north", one(`"ServerId":"i-2","Port":80`), "500 InternalError"},
	} {
		t.Run(test.name, func(t *testing.T) {
			sim := clbtest.New(clbtest.Options{State: aWorld()})
			before := len(sim.Backends(test.group))
			status, code, body := call(t, sim, add, values{"VServerGroupId": test.group, "BackendServers": test.servers})
			want := before
			if test.want == "" {
				test.want, want = "200 ", before+2
			}
			if got := fmt.Sprint(status, " ", code); got != test.want {
				t.Errorf("%s, want %s: %s", got, test.want, body)
			}
			if got := len(sim.Backends(test.group)); got != want {
				t.Errorf("the group has %d members, want %d", got, want)
			}
		})
	}
}

func TestTheRuleForDuplicatesIsASwitch(t *testing.T) {
	again := `[{"ServerId":"i-0","Port":80,"Weight":7,"Description":"new"},{"ServerId":"i-1","Port":80,"Weight":1},{"ServerId":"i-1","Port":80,"Weight":2}]`
	old, renewed := clbtest.Backend{ServerID: "i-0", Port: 80, Weight: 50, Type: "ecs"}, clbtest.Backend{ServerID: "i-0", Port: 80, Weight: 7, Type: "ecs", Description: "new"}
	first := clbtest.Backend{ServerID: "i-1", Port: 80, Weight: 1, Type: "ecs"}
	for _, test := range []struct {
		rule clbtest.Duplicate
		code string
		want []clbtest.Backend
	}{
		{"", "", []clbtest.Backend{old, first}},
		{clbtest.DuplicateIgnore, "", []clbtest.Backend{old, first}},
		{clbtest.DuplicateUpdate, "", []clbtest.Backend{renewed, first}},
		{clbtest.DuplicateError, "InvalidBackendServers.ServerIpConflict", []clbtest.Backend{old}},
	} {
		t.Run(string(test.rule), func(t *testing.T) {
			sim := clbtest.New(clbtest.Options{State: aWorld(), Duplicate: test.rule})
			if _, code, body := call(t, sim, add, values{"VServerGroupId": "rsp-1", "BackendServers": again}); code != test.code {
				t.Errorf("%q, want %q: %s", code, test.code, body)
			}
			if diff := cmp.Diff(test.want, sim.Backends("rsp-1")); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestOneServerMayBeAMemberWithManyPortsAndAddresses(t *testing.T) {
	sim := clbtest.New(clbtest.Options{AutoCreate: true})
	list := `[{"ServerId":"eni-1","Port":80,"Type":"eni","ServerIp":"192.0.2.1"},{"ServerId":"eni-1","Port":80,"Type":"eni","ServerIp":"192.0.2.2"},{"ServerId":"eni-1","Port":81,"Type":"eni","ServerIp":"192.0.2.2"}]`
	if _, code, _ := call(t, sim, add, values{"VServerGroupId": "rsp-1", "BackendServers": list}); code != "" || len(sim.Backends("rsp-1")) != 3 {
		t.Fatal(code, sim.Backends("rsp-1"))
	}
	one := `[{"ServerId":"eni-1","Port":80,"ServerIp":"192.0.2.2"},{"ServerId":"i-absent","Port":80}]`
	if _, code, _ := call(t, sim, remove, values{"VServerGroupId": "rsp-1", "BackendServers": one}); code != "" {
		t.Fatal(code)
	}
	want := []clbtest.Backend{
		{ServerID: "eni-1", Port: 80, Weight: 100, Type: "eni", ServerIP: "192.0.2.1"},
		{ServerID: "eni-1", Port: 81, Weight: 100, Type: "eni", ServerIP: "192.0.2.2"},
	}
	if diff := cmp.Diff(want, sim.Backends("rsp-1")); diff != "" {
		t.Error(diff)
	}
}

func TestSetChangesNothingButWeightDescriptionAndName(t *testing.T) {
	sim := clbtest.New(clbtest.Options{State: aWorld()})
	list := `[{"ServerId":"i-0","Port":80,"Description":"kept-weight"},{"ServerId":"i-1","Port":80,"Weight":3}]`
	if _, code, _ := call(t, sim, set, values{"VServerGroupId": "rsp-1", "VServerGroupName": "web", "BackendServers": list}); code != "" {
		t.Fatal(code)
	}
	if diff := cmp.Diff([]clbtest.Backend{{ServerID: "i-0", Port: 80, Weight: 50, Type: "ecs", Description: "kept-weight"}}, sim.Backends("rsp-1")); diff != "" {
		t.Error(diff)
	}
	if name := sim.State().LoadBalancers[0].VServerGroups[0].VServerGroupName; name != "web" {
		t.Errorf("the name is %q", name)
	}
	for _, name := range []string{"", strings.Repeat("n", 81)} {
		if _, code, _ := call(t, sim, set, values{"VServerGroupId": "rsp-1", "VServerGroupName": name}); code != "InvalidParameter" {
			t.Errorf("a name of %d characters: %q", len(name), code)
		}
	}
}

func TestModifyReplacesWithinTheLimits(t *testing.T) {
	sim := clbtest.New(clbtest.Options{State: aWorld()})
	change := values{"VServerGroupId": "rsp-1", "OldBackendServers": `[{"ServerId":"i-0","Port":80}]`, "NewBackendServers": `[{"ServerId":"i-1","Port":80},{"ServerId":"i-9","Port":80}]`}
	if _, code, _ := call(t, sim, modify, change); code != "InvalidServerId.NotExist" || len(sim.Backends("rsp-1")) != 1 {
		t.Errorf("%s, %v", code, sim.Backends("rsp-1"))
	}
	change["NewBackendServers"] = `[{"ServerId":"i-1","Port":80}]`
	if _, code, _ := call(t, sim, modify, change); code != "" || len(sim.Backends("rsp-1")) != 1 || sim.Backends("rsp-1")[0].ServerID != "i-1" {
		t.Errorf("%s, %v", code, sim.Backends("rsp-1"))
	}
	calls := sim.CallsOf(modify)
	if last := calls[len(calls)-1]; last.OldBackends[0].ServerID != "i-0" || last.Backends[0].ServerID != "i-1" {
		t.Errorf("the record: %+v", last)
	}
}

func TestAnEmptyListIsNoChangeIfTheSwitchSaysSo(t *testing.T) {
	sim := clbtest.New(clbtest.Options{State: aWorld(), EmptyList: clbtest.EmptyListNoChange})
	for _, list := range []string{"", "[]"} {
		if _, code, _ := call(t, sim, add, values{"VServerGroupId": "rsp-1", "BackendServers": list}); code != "" || len(sim.Backends("rsp-1")) != 1 {
			t.Errorf("%q: %s, %v", list, code, sim.Backends("rsp-1"))
		}
	}
	if _, code, _ := call(t, sim, add, values{"VServerGroupId": "rsp-1"}); code != "MissingBackendServers" {
		t.Errorf("without the parameter: %q", code)
	}
}

func TestErrorsNameTheServersIfTheSwitchSaysSo(t *testing.T) {
	list := `[{"ServerId":"i-1","Port":80},{"ServerId":"i-9","Port":80}]`
	for _, named := range []bool{false, true} {
		sim := clbtest.New(clbtest.Options{State: aWorld(), NameServers: named})
		_, _, body := call(t, sim, add, values{"VServerGroupId": "rsp-1", "BackendServers": list})
		if got := strings.Contains(body, "i-9"); got != named {
			t.Errorf("NameServers %v: %s", named, body)
		}
		if strings.Contains(body, "i-1") {
			t.Errorf("it names one that is well: %s", body)
		}
	}
}

func TestAnotherGroupOfTheLoadBalancerConflictsUnlessTheScopeIsTheGroup(t *testing.T) {
	for _, test := range []struct {
		scope              clbtest.Scope
		other, same, apart string
	}{
		{"", "409 BackendServer.configuring", "409 BackendServer.configuring", "200 "},
		{clbtest.ScopeVServerGroup, "200 ", "400 VServerGroupProcessing", "200 "},
	} {
		t.Run(string(test.scope), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				sim := clbtest.New(clbtest.Options{State: aWorld(), Settle: time.Second, Scope: test.scope})
				to := func(group string) string {
					status, code, _ := call(t, sim, add, values{"VServerGroupId": group, "BackendServers": `[{"ServerId":"i-1","Port":80}]`})
					return fmt.Sprint(status, " ", code)
				}
				for _, step := range []struct{ group, want string }{{"rsp-1", "200 "}, {"rsp-2", test.other}, {"rsp-1", test.same}, {"rsp-shared", test.apart}} {
					if got := to(step.group); got != step.want {
						t.Errorf("%s: %s, want %s", step.group, got, step.want)
					}
				}
				<-time.After(time.Second)
				if got := to("rsp-1"); got != "200 " {
					t.Errorf("after it has settled: %s", got)
				}
			})
		})
	}
}

func TestAutoCreateGivesEveryGroupALoadBalancerOfItsOwn(t *testing.T) {
	sim := clbtest.New(clbtest.Options{AutoCreate: true, MaxBackends: 300, Settle: time.Hour})
	for _, group := range []string{"rsp-1", "rsp-2", "rsp-3"} {
		if _, code, _ := call(t, sim, add, values{"VServerGroupId": group, "BackendServers": servers(0, 2)}); code != "" {
			t.Errorf("%s: %s", group, code)
		}
	}
	st := sim.State()
	if len(st.LoadBalancers) != 3 || len(st.Instances) != 2 {
		t.Errorf("%d load balancers, %d instances", len(st.LoadBalancers), len(st.Instances))
	}
	for _, lb := range st.LoadBalancers {
		if lb.MaxBackends != 300 || len(lb.VServerGroups) != 1 || lb.VServerGroups[0].ListenerPort == 0 {
			t.Errorf("%+v", lb)
		}
	}
}

// Others may find a group and change it before whoever made it has read the answer.
func TestAGroupThatIsMadeCanBeChangedAtOnce(t *testing.T) {
	sim := clbtest.New(clbtest.Options{State: clbtest.State{
		LoadBalancers: []clbtest.LoadBalancer{{RegionID: "cn-hangzhou", LoadBalancerID: "lb-1"}},
		Instances:     []clbtest.Instance{{InstanceID: "i-0"}, {InstanceID: "i-1"}},
	}})
	made := make(chan struct{})
	var others sync.WaitGroup
	others.Go(func() {
		changed := map[string]bool{}
		for open := true; open; {
			select {
			case <-made:
				open = false
			default:
			}
			for _, lb := range sim.State().LoadBalancers {
				for _, g := range lb.VServerGroups {
					if !changed[g.VServerGroupID] {
						changed[g.VServerGroupID] = true
						call(t, sim, add, values{"VServerGroupId": g.VServerGroupID, "BackendServers": servers(1, 1)})
					}
				}
			}
		}
	})
	for range 50 {
		if status, code, body := call(t, sim, "CreateVServerGroup", values{"LoadBalancerId": "lb-1", "BackendServers": servers(0, 1)}); status != http.StatusOK {
			t.Fatalf("%d %s %s", status, code, body)
		}
	}
	close(made)
	others.Wait()
}
