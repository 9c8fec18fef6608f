package handler_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"slb-registrar/shared/clbtest"
	"slb-registrar/shared/handler"
	"slb-registrar/shared/reconcile"
	"slb-registrar/shared/vsg"
)

// tick is the event of a timer whose payload is settings.
func tick(settings string) string {
	return fmt.Sprintf(`{"triggerTime": "2026-11-02T06:30:00Z", "triggerName": "reconcile", "payload": %s}`, strconv.Quote(settings))
}

// drifted is a scaling group of which one of three instances is not in rsp-a,
// where there is one that is gone instead, and a foreign one.
func drifted(o *clbtest.Options) {
	ours := func(id string) clbtest.Backend {
		return clbtest.Backend{ServerID: id, Port: 80, Weight: 100, Type: "ecs", Description: "slb-registrar"}
	}
	foreign := ours("i-foreign")
	foreign.Description = "by-hand"
	light := ours("i-2")
	light.Weight = 1
	o.State = clbtest.State{
		LoadBalancers: []clbtest.LoadBalancer{{RegionID: "cn-hangzhou", LoadBalancerID: "lb-1", VServerGroups: []clbtest.VServerGroup{
			{VServerGroupID: "rsp-a", Backends: []clbtest.Backend{ours("i-1"), light, ours("i-gone"), foreign}},
		}}},
		Instances: []clbtest.Instance{
			{InstanceID: "i-1", ScalingGroupID: "asg-bp1web"}, {InstanceID: "i-2", ScalingGroupID: "asg-bp1web"}, {InstanceID: "i-3", ScalingGroupID: "asg-bp1web"},
		},
	}
}

func kinds(r handler.Result) []string {
	out := []string{}
	for _, d := range r.Drift {
		out = append(out, string(d.Kind)+" "+d.ServerID)
	}
	return out
}

func TestATimerComparesAndRepairs(t *testing.T) {
	w := newWorld(t, oneTarget, withSimulator(drifted))
	r := w.invoke(tick(`{"reconcile": {"repair": false}}`))
	wantDrift := []string{"missing i-3", "stale i-gone", "weight i-2", "foreign i-foreign"}
	if got := kinds(r); !slices.Equal(got, wantDrift) {
		t.Errorf("drift %v, want %v", got, wantDrift)
	}
	if got := statuses(r); got["planned"] != 2 || len(r.Changes) != 2 || len(r.Calls) != 0 {
		t.Errorf("a look changed something: %v, %v", got, r.Calls)
	}

	r = w.invoke(tick(`{"reconcile": {"remove": true}}`))
	if got := kinds(r); !slices.Equal(got, wantDrift) {
		t.Errorf("drift %v, want %v", got, wantDrift)
	}
	if r.Messages[0].Status != handler.Done || r.Messages[0].Source != "timer" {
		t.Errorf("the message ended as %+v", r.Messages[0])
	}
	ended := []string{}
	for _, c := range r.Changes {
		ended = append(ended, fmt.Sprintf("%s %s %s", c.Action, c.ServerID, c.Status))
		if len(c.IdempotencyKey) != 64 || !slices.Equal(c.MessageIDs, []string{r.Messages[0].ID}) {
			t.Errorf("key %q, messages %v", c.IdempotencyKey, c.MessageIDs)
		}
	}
	if want := []string{"add i-3 added", "remove i-gone removed", "set-weight i-2 weighted"}; !slices.Equal(ended, want) {
		t.Errorf("changes %v, want %v", ended, want)
	}
	if want := []string{"i-1", "i-2", "i-foreign", "i-3"}; !slices.Equal(w.members("rsp-a"), want) {
		t.Errorf("members %v, want %v", w.members("rsp-a"), want)
	}
	if len(r.Calls) != 3 || r.Calls["AddVServerGroupBackendServers"] != 1 {
		t.Errorf("calls %v", r.Calls)
	}
	if again := w.invoke(tick(`{"reconcile": {}}`)); len(again.Drift) != 1 || again.Reconcile.Undone {
		t.Errorf("drift after the repair: %v, %+v", kinds(again), again.Reconcile)
	}
}

func TestTheResultOfAReconcileRunHasItsFieldsAndThatOfOthersHasNot(t *testing.T) {
	w := newWorld(t, oneTarget, withSimulator(drifted))
	var out map[string]any
	decode := func(r handler.Result) {
		t.Helper()
		b, err := json.Marshal(r)
		if err != nil {
			t.Fatal(err)
		}
		out = nil
		if err := json.Unmarshal(b, &out); err != nil {
			t.Fatal(err)
		}
	}
	decode(w.invoke(tick(`{"repair": true, "remove": true}`)))
	for _, d := range out["drift"].([]any) {
		d := d.(map[string]any)
		_, weighs := d["wantedWeight"]
		if weighs != (d["kind"] == "weight") {
			t.Errorf("%v", d)
		}
		if (d["kind"] == "foreign") != (d["left"] != nil) {
			t.Errorf("%v", d)
		}
	}
	counts := out["reconcile"].(map[string]any)
	if counts["groups"] != 1.0 || counts["compared"] != 1.0 || counts["notReached"] != 0.0 || counts["drift"].(map[string]any)["missing"] != 1.0 || len(counts["problems"].([]any)) != 0 {
		t.Errorf("%v", counts)
	}
	w.simulator.Reset()
	decode(w.invoke(tick(`{"repair": true, "scalingGroupIds": ["asg-bp1web"]}`)))
	decode(w.invoke(launch("token-1", time.Now(), "i-9")))
	if _, has := out["drift"]; has || out["reconcile"] != nil {
		t.Errorf("an ordinary event has drift: %v", out)
	}
}

func TestTheDriftIsInOneLineOfTheLog(t *testing.T) {
	w := newWorld(t, oneTarget, withSimulator(drifted))
	w.invoke(tick(``))
	for _, line := range w.lines() {
		if line["message"] != "scaling groups compared with their VServer groups" {
			continue
		}
		for name, want := range map[string]any{
			"level": "warn", "drift": 4.0, "missing": 1.0, "stale": 1.0, "weight": 1.0, "type": 0.0, "foreign": 1.0,
			"groups": 1.0, "compared": 1.0, "notReached": 0.0, "repair": true, "remove": false, "undone": false, "requestId": "request-1",
		} {
			if line[name] != want {
				t.Errorf("%s is %v, want %v", name, line[name], want)
			}
		}
		return
	}
	t.Errorf("no such line in\n%s", w.log)
}

func TestAReconcileRunThatCannotReadComesAgain(t *testing.T) {
	for action, code := range map[string]string{"DescribeScalingInstances": "Forbidden.RAM", "DescribeVServerGroupAttribute": "Forbidden.RAM"} {
		w := newWorld(t, oneTarget, withSimulator(drifted), withSimulator(func(o *clbtest.Options) {
			o.Faults = []clbtest.Fault{{Action: action, Effect: clbtest.Effect{Code: code, HTTPStatus: 403}}}
		}))
		r := w.invoke(tick(`{"remove": true}`))
		if r.Messages[0].Status != handler.Retry || len(r.Reconcile.Problems) != 1 || r.Reconcile.Problems[0].Code != code {
			t.Errorf("%s: %+v, %+v", action, r.Messages, r.Reconcile)
		}
		if len(r.Calls) != 0 {
			t.Errorf("%s: calls %v", action, r.Calls)
		}
	}
}

func TestAConfigurationThatNamesAGroupWhichIsNotThereIsRejectedAndTheRestRepaired(t *testing.T) {
	w := newWorld(t, twoTargets, withSimulator(drifted), withSimulator(func(o *clbtest.Options) { o.AutoCreate = false }))
	r := w.invoke(tick(``))
	if r.Messages[0].Status != handler.Rejected || len(r.Reconcile.Problems) != 1 || r.Reconcile.Problems[0].VServerGroupID != "rsp-b" {
		t.Errorf("%+v, %+v", r.Messages[0], r.Reconcile)
	}
	if e := r.Messages[0].Error; e == nil || e.Code != "InvalidParameter" || e.RequestID == "" {
		t.Errorf("the reason is %+v", e)
	}
	if statuses(r)["added"] != 1 {
		t.Errorf("changes %+v", r.Changes)
	}
}

func TestAMessageThatAsksForAnUnknownScalingGroup(t *testing.T) {
	w := newWorld(t, oneTarget, withSimulator(drifted))
	r := w.invoke(tick(`{"scalingGroupIds": ["asg-other"]}`))
	if m := r.Messages[0]; m.Status != handler.Rejected || m.Error.Code != "NoRoute" {
		t.Errorf("somebody's own timer: %+v", m)
	}
	r = w.invoke(`{"specversion": "1.0", "id": "e-1", "source": "acs.ess", "type": "ess:ScalingActivity:ScaleOutPartialSuccess",
		"aliyunregionid": "cn-hangzhou", "data": {"scalingGroupId": "asg-other", "scalingActivityId": "asa-1"}}`)
	if m := r.Messages[0]; m.Status != handler.Ignored {
		t.Errorf("a notification that passes by: %+v", m)
	}
}

func TestAnActivityThatNamesNoInstancesIsReconciledAndSoIsEachOnlyOnce(t *testing.T) {
	w := newWorld(t, oneTarget, withSimulator(drifted))
	activity := func(id string) string {
		return fmt.Sprintf(`{"specversion": "1.0", "id": %q, "source": "acs.ess", "type": "ess:ScalingActivity:ScaleOutPartialSuccess",
			"aliyunregionid": "cn-hangzhou", "data": {"scalingGroupId": "asg-bp1web", "scalingActivityId": "asa-1"}}`, id)
	}
	r := w.invoke("[" + strings.Join([]string{activity("e-1"), activity("e-2")}, ",") + "]")
	if len(w.simulator.CallsOf("DescribeScalingInstances")) != 2 { // the list, and what is gone
		t.Errorf("%d readings", len(w.simulator.CallsOf("DescribeScalingInstances")))
	}
	if len(r.Changes) != 2 || !slices.Equal(r.Changes[0].MessageIDs, []string{"e-1", "e-2"}) || r.Changes[0].Status != vsg.Added {
		t.Errorf("changes %+v", r.Changes)
	}
	for _, m := range r.Messages {
		if m.Status != handler.Done {
			t.Errorf("%+v", m)
		}
	}
	if r.Reconcile.Drift[reconcile.Missing] != 1 {
		t.Errorf("counted twice: %+v", r.Reconcile)
	}
}

func TestWithoutAReaderOfScalingGroupsAReconcileIsIgnored(t *testing.T) {
	w := newWorld(t, oneTarget, withSimulator(drifted))
	w.scaling = nil
	if r := w.invoke(tick(``)); r.Messages[0].Status != handler.Ignored || r.Reconcile != nil {
		t.Errorf("%+v", r)
	}
}

func TestTicksInAStormOfLaunchesAddNothingTwice(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const n = 300
		w := newWorld(t, oneTarget, withSimulator(func(o *clbtest.Options) {
			o.Latency, o.MaxBackends, o.Duplicate = 80*time.Millisecond, 2000, clbtest.DuplicateError
			for _, id := range instances(n) {
				o.State.Instances = append(o.State.Instances, clbtest.Instance{InstanceID: id, ScalingGroupID: "asg-bp1web", LifecycleState: "InService"})
			}
		}))
		var storm sync.WaitGroup
		for i, id := range instances(n) {
			storm.Go(func() {
				if r := w.invoke(launch("token-"+id, time.Now(), id)); r.Messages[0].Status != handler.Done {
					t.Errorf("%s: %+v", id, r.Messages[0])
				}
			})
			if i%60 == 0 {
				storm.Go(func() { w.invoke(tick(`{"repair": true, "remove": true, "maxRemovePercent": 100}`)) })
			}
		}
		storm.Wait()
		if got := len(w.members("rsp-a")); got != n {
			t.Errorf("%d members, want %d", got, n)
		}
		added := 0
		for _, c := range w.simulator.CallsOf("AddVServerGroupBackendServers") {
			if c.Code == "" {
				added += len(c.Backends)
			}
		}
		if added != n || len(w.simulator.CallsOf("RemoveVServerGroupBackendServers")) != 0 {
			t.Errorf("%d backends were added in %d calls, of %d", added, len(w.adds()), n)
		}
	})
}
