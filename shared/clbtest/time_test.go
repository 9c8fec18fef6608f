package clbtest_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"slb-registrar/shared/clbtest"
)

func TestInstancesBecomeRunningAndHealthyInTheirOwnTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		sim := clbtest.New(clbtest.Options{})
		<-time.After(time.Hour) // times count from the seeding, not from the start
		if err := sim.Seed(clbtest.State{
			LoadBalancers: []clbtest.LoadBalancer{{RegionID: "cn-hangzhou", LoadBalancerID: "lb-1", VServerGroups: []clbtest.VServerGroup{
				{VServerGroupID: "rsp-1", ListenerPort: 80, ListenerProtocol: "tcp"},
				{VServerGroupID: "rsp-2"}, // no listener: no health
			}}},
			Instances: []clbtest.Instance{{InstanceID: "i-1", RunningAfter: "2s", HealthyAfter: "5s"}, {InstanceID: "i-2", HealthyAfter: "never"}},
		}); err != nil {
			t.Fatal(err)
		}
		add1 := values{"VServerGroupId": "rsp-1", "BackendServers": `[{"ServerId":"i-1","Port":80},{"ServerId":"i-2","Port":80}]`}
		health := func(filter values) string {
			filter["LoadBalancerId"] = "lb-1"
			_, _, body := call(t, sim, "DescribeHealthStatus", filter)
			text := ""
			for _, s := range items(t, decode(t, []byte(body)), "BackendServers", "BackendServer") {
				text += fmt.Sprint(s["ServerId"], "=", s["ServerHealthStatus"], " ")
			}
			return text
		}
		<-time.After(2*time.Second - 1)
		if _, code, _ := call(t, sim, add, add1); code != "ObtainIpFail" {
			t.Errorf("before it runs: %q", code)
		}
		<-time.After(1)
		if _, code, _ := call(t, sim, add, add1); code != "" {
			t.Errorf("when it runs: %q", code)
		}
		if got := health(values{}); got != "i-1=abnormal i-2=abnormal " {
			t.Error(got)
		}
		<-time.After(3 * time.Second)
		if got := health(values{}); got != "i-1=normal i-2=abnormal " {
			t.Error(got)
		}
		if got := health(values{"ListenerPort": "80", "ListenerProtocol": "tcp"}); got != "i-1=normal i-2=abnormal " {
			t.Error(got)
		}
		if got := health(values{"ListenerPort": "81"}) + health(values{"ListenerProtocol": "udp"}); got != "" {
			t.Errorf("of other listeners: %s", got)
		}
	})
}

func TestAChangeAppliesAtTheEndOfItsLatency(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		sim := clbtest.New(clbtest.Options{State: aWorld(), Latency: 80 * time.Millisecond})
		done := make(chan string)
		go func() {
			_, code, _ := call(t, sim, add, values{"VServerGroupId": "rsp-2", "BackendServers": `[{"ServerId":"i-1","Port":80}]`})
			done <- code
		}()
		<-time.After(80*time.Millisecond - 1)
		if n := len(sim.Backends("rsp-2")); n != 1 {
			t.Errorf("it applied before its time: %d members", n)
		}
		<-time.After(1)
		if n := len(sim.Backends("rsp-2")); n != 2 {
			t.Errorf("it did not apply in its time: %d members", n)
		}
		if code := <-done; code != "" {
			t.Error(code)
		}
		if c := sim.Calls(); len(c) != 1 || c[0].TookMs != 80 || c[0].LoadBalancerID != "lb-1" {
			t.Errorf("%+v", c)
		}
	})
}

// Whoever gives up does not learn what became of the change, which is why a
// lost answer has to be read back.
func TestAChangeAppliesThoughItsCallerHasGivenUp(t *testing.T) {
	for _, test := range []struct {
		action string
		params values
		check  func(clbtest.State) bool
	}{
		{add, values{"VServerGroupId": "rsp-2", "BackendServers": `[{"ServerId":"i-1","Port":80}]`}, func(st clbtest.State) bool {
			return len(st.LoadBalancers[0].VServerGroups[1].Backends) == 2
		}},
		{"CreateVServerGroup", values{"LoadBalancerId": "lb-1"}, func(st clbtest.State) bool { return len(st.LoadBalancers[0].VServerGroups) == 3 }},
		{"DeleteVServerGroup", values{"VServerGroupId": "rsp-2"}, func(st clbtest.State) bool { return len(st.LoadBalancers[0].VServerGroups) == 1 }},
		{"CreateLoadBalancer", values{}, func(st clbtest.State) bool { return len(st.LoadBalancers) == 7 }},
		{"DeleteLoadBalancer", values{"LoadBalancerId": "lb-1"}, func(st clbtest.State) bool { return len(st.LoadBalancers) == 5 }},
	} {
		t.Run(test.action, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				sim := clbtest.New(clbtest.Options{State: aWorld(), Latency: time.Second})
				ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
				defer cancel()
				response, err := sim.Transport().RoundTrip(getRPC(rpc(test.action, test.params)).WithContext(ctx))
				if err == nil {
					_ = response.Body.Close()
				}
				if !errors.Is(err, context.DeadlineExceeded) {
					t.Fatal(err)
				}
				if test.check(sim.State()) {
					t.Error("it applied at once")
				}
				<-time.After(time.Second)
				if !test.check(sim.State()) {
					t.Errorf("it did not apply: %+v", sim.State())
				}
				if c := sim.CallsOf(test.action); len(c) != 1 || c[0].HTTPStatus != 200 {
					t.Errorf("the record: %+v", c)
				}
			})
		})
	}
}

// The floor of a load balancer is what the numbers of this project are held
// against, so one client that waits as long as it must has to reach it.
func TestAPatientClientReachesTheFloor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const latency, settle = 80 * time.Millisecond, 300 * time.Millisecond
		sim := clbtest.New(clbtest.Options{AutoCreate: true, MaxBackends: 2000, Latency: latency, Settle: settle})
		start := time.Now()
		for i := range 50 {
			if _, code, _ := call(t, sim, add, values{"VServerGroupId": "rsp-1", "BackendServers": servers(20*i, 20)}); code != "" {
				t.Fatal(code)
			}
			<-time.After(settle)
		}
		if took := time.Since(start); took != 50*(latency+settle) || len(sim.Backends("rsp-1")) != 1000 {
			t.Errorf("%d members after %s", len(sim.Backends("rsp-1")), took)
		}
	})
}

func TestHooksTimeOutUnlessTheyAreKeptAlive(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		sim := clbtest.New(clbtest.Options{State: clbtest.State{LifecycleActions: []clbtest.LifecycleAction{
			{LifecycleHookID: "ash-1", LifecycleActionToken: "kept", Timeout: "60s"},
			{LifecycleHookID: "ash-1", LifecycleActionToken: "left", Timeout: "60s", Result: "ABANDON"},
			{LifecycleHookID: "ash-1", LifecycleActionToken: "default"},
		}}})
		beat := func(token, timeout string) string {
			_, code, _ := call(t, sim, "RecordLifecycleActionHeartbeat", values{"lifecycleHookId": "ash-1", "LIFECYCLEACTIONTOKEN": token, "heartbeatTimeout": timeout})
			return code
		}
		complete := func(token, result, client string) string {
			_, code, _ := call(t, sim, "CompleteLifecycleAction", values{"lifecyclehookid": "ash-1", "lifecycleActionToken": token, "LifecycleActionResult": result, "ClientToken": client})
			return code
		}
		const ended = "LifecycleHookIdAndLifecycleActionToken.Invalid"
		<-time.After(59 * time.Second)
		for _, test := range []struct{ token, timeout, want string }{
			{"kept", "29", "InvalidParamter"}, {"kept", "21601", "InvalidParamter"}, {"kept", "soon", "InvalidParamter"},
			{"unknown", "60", ended}, {"kept", "120", ""},
		} {
			if got := beat(test.token, test.timeout); got != test.want {
				t.Errorf("a heartbeat of %s for %s: %q, want %q", test.timeout, test.token, got, test.want)
			}
		}
		<-time.After(time.Second)
		for token, want := range map[string]string{"kept": "Pending", "left": "Timeout", "default": "Pending"} {
			if a, ok := sim.LifecycleAction(token); !ok || a.Status != want {
				t.Errorf("%s: %+v", token, a)
			}
		}
		if got := beat("left", "60") + complete("left", "CONTINUE", ""); got != ended+ended {
			t.Errorf("after its timeout: %q", got)
		}
		for _, test := range []struct{ result, client, want string }{
			{"PERHAPS", "c", "InvalidParamter"}, {"CONTINUE", "sixty-five " + fmt.Sprintf("%054d", 0), "InvalidParamter"}, {"CONTINUE", "é", "InvalidParamter"},
			{"ROLLBACK", "c", ""}, {"ROLLBACK", "c", ""}, {"ROLLBACK", "d", ended}, {"ROLLBACK", "", ended},
		} {
			if got := complete("kept", test.result, test.client); got != test.want {
				t.Errorf("completing with %s and %q: %q, want %q", test.result, test.client, got, test.want)
			}
		}
		if a, _ := sim.LifecycleAction("kept"); a.Status != "Completed" || a.Result != "ROLLBACK" || a.Heartbeats != 1 {
			t.Errorf("%+v", a)
		}
	})
}

func TestHeartbeatsAreLimitedInNumberAndTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		sim := clbtest.New(clbtest.Options{State: clbtest.State{LifecycleActions: []clbtest.LifecycleAction{
			{LifecycleHookID: "ash-1", LifecycleActionToken: "often"}, {LifecycleHookID: "ash-1", LifecycleActionToken: "long"},
		}}})
		beat := func(token, timeout string) string {
			_, code, _ := call(t, sim, "RecordLifecycleActionHeartbeat", values{"lifecycleHookId": "ash-1", "lifecycleActionToken": token, "heartbeatTimeout": timeout})
			return code
		}
		for i := range 20 {
			if got := beat("often", "600"); got != "" {
				t.Fatalf("heartbeat %d: %s", i+1, got)
			}
		}
		if got := beat("often", "600"); got != "LifecycleAction.RecordTimesExceeded" {
			t.Errorf("the 21st: %q", got)
		}
		if got := beat("long", "21600"); got != "" {
			t.Errorf("six hours: %q", got)
		}
		<-time.After(time.Second)
		if got := beat("long", "21600"); got != "LifecycleAction.TimeExceeded" {
			t.Errorf("more than six hours: %q", got)
		}
	})
}
