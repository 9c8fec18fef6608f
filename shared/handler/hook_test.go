package handler_test

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"slb-registrar/shared/clbtest"
	"slb-registrar/shared/handler"
)

// pending lets the simulator know of hooks that wait for an answer.
func pending(tokens ...string) option {
	return withSimulator(func(o *clbtest.Options) {
		for _, token := range tokens {
			o.State.LifecycleActions = append(o.State.LifecycleActions, clbtest.LifecycleAction{
				LifecycleHookID: "ash-1", LifecycleActionToken: token, InstanceIDs: []string{"i-1"}, Timeout: "600s", ScalingActivityID: "asa-1",
			})
		}
	})
}

func (w *world) result(token string) string {
	a, _ := w.simulator.LifecycleAction(token)
	return a.Status + " " + a.Result
}

func TestAHookIsCompletedAfterItsChanges(t *testing.T) {
	w := newWorld(t, twoTargets, pending("token-1"))
	r := w.invoke(launch("token-1", noon, "i-1"))

	want := []handler.HookResult{{LifecycleHookID: "ash-1", LifecycleActionToken: "token-1", Result: "CONTINUE", Status: handler.HookCompleted}}
	if diff := cmp.Diff(want, r.Hooks); diff != "" {
		t.Errorf("hooks (-want +got):\n%s", diff)
	}
	calls := w.simulator.Calls()
	if last := calls[len(calls)-1]; last.Action != "CompleteLifecycleAction" {
		t.Errorf("the last call is %s, want the completion", last.Action)
	}
	if got := w.result("token-1"); got != "Completed CONTINUE" {
		t.Errorf("the hook is %s", got)
	}
}

func TestADuplicateStillCompletesTheHookThatItsFirstDeliveryCouldNot(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, oneTarget, pending("token-1"), withSimulator(func(o *clbtest.Options) {
			o.Faults = []clbtest.Fault{{Action: "CompleteLifecycleAction", For: "90s", Effect: clbtest.Effect{Code: "ServiceUnavailable", HTTPStatus: 503}}}
		}))
		event := launch("token-1", noon, "i-1")
		first := w.invoke(event)
		if first.Messages[0].Status != handler.Retry || first.Hooks[0].Status != handler.HookFailed || first.Changes[0].Status != "added" {
			t.Errorf("first: message %s, hook %s, change %s", first.Messages[0].Status, first.Hooks[0].Status, first.Changes[0].Status)
		}
		time.Sleep(time.Minute) //nolint:forbidigo // the bubble's clock, not the wall's
		second := w.invoke(event)
		if second.Messages[0].Status != handler.Done || second.Hooks[0].Status != handler.HookCompleted || second.Changes[0].Status != "duplicate" {
			t.Errorf("second: message %s, hook %s, change %s", second.Messages[0].Status, second.Hooks[0].Status, second.Changes[0].Status)
		}
	})
}

func TestAHookThatHasEndedIsNotRetried(t *testing.T) {
	w := newWorld(t, oneTarget)
	r := w.invoke(launch("unknown", noon, "i-1"))
	if r.Hooks[0].Status != handler.HookEnded || r.Messages[0].Status != handler.Done {
		t.Errorf("hook %s, message %s", r.Hooks[0].Status, r.Messages[0].Status)
	}
}

func TestAFailedInstanceIsAnsweredAsThePolicySays(t *testing.T) {
	bad := withSimulator(func(o *clbtest.Options) {
		o.Faults = []clbtest.Fault{{ServerID: "i-2", Effect: clbtest.Effect{Code: "InvalidServerId.NotExist", HTTPStatus: 400}}}
	})
	for _, tc := range []struct {
		policy, want string
		status       handler.HookStatus
	}{
		{"{}", "Pending CONTINUE", handler.HookLeft},
		{"{failure: ABANDON}", "Completed ABANDON", handler.HookCompleted},
		{"{failure: ROLLBACK}", "Completed ROLLBACK", handler.HookCompleted},
		{"{failure: ABANDON, failureWhen: all}", "Completed CONTINUE", handler.HookCompleted},
	} {
		t.Run(tc.policy, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, oneTarget+"    complete: "+tc.policy+"\n", pending("token-1"), bad)
				r := w.invoke(launch("token-1", noon, "i-1", "i-2"))
				if got := w.result("token-1"); got != tc.want || r.Hooks[0].Status != tc.status {
					t.Errorf("the hook is %q with status %s, want %q with %s", got, r.Hooks[0].Status, tc.want, tc.status)
				}
			})
		})
	}
}

func TestALaunchIsReadyBeforeItsHookGoesOn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, oneTarget+"    ready: {timeout: 60s}\n", pending("token-1"), withSimulator(func(o *clbtest.Options) {
			o.State.Instances = []clbtest.Instance{{InstanceID: "i-1", HealthyAfter: "40s"}}
			o.State.LoadBalancers = []clbtest.LoadBalancer{{RegionID: "cn-hangzhou", LoadBalancerID: "lb-1",
				VServerGroups: []clbtest.VServerGroup{{VServerGroupID: "rsp-a", ListenerPort: 80}}}}
		}))
		w.timeout = 2 * time.Minute
		start := time.Now()
		r := w.invoke(launch("token-1", noon, "i-1"))
		if took := time.Since(start); took < 40*time.Second || took > 47*time.Second {
			t.Errorf("answered after %v, want soon after the 40 s that it takes", took)
		}
		if got := w.result("token-1"); got != "Completed CONTINUE" || r.Messages[0].Status != handler.Done {
			t.Errorf("the hook is %s, the message %s", got, r.Messages[0].Status)
		}
	})
}

func TestALaunchThatIsNotReadyInTimeGoesOnWaitingInTheNextDelivery(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, oneTarget+"    ready: {timeout: 120s}\n", pending("token-1"), withSimulator(func(o *clbtest.Options) {
			o.State.Instances = []clbtest.Instance{{InstanceID: "i-1", HealthyAfter: "70s"}}
			o.State.LoadBalancers = []clbtest.LoadBalancer{{RegionID: "cn-hangzhou", LoadBalancerID: "lb-1",
				VServerGroups: []clbtest.VServerGroup{{VServerGroupID: "rsp-a", ListenerPort: 80}}}}
		}))
		event := launch("token-1", noon, "i-1")
		first := w.invoke(event)
		if first.Messages[0].Status != handler.Retry || first.Hooks[0].Status != handler.HookPending {
			t.Errorf("first: message %s, hook %s", first.Messages[0].Status, first.Hooks[0].Status)
		}
		if a, _ := w.simulator.LifecycleAction("token-1"); a.Heartbeats == 0 {
			t.Error("nothing keeps the hook alive until the redelivery")
		}
		second := w.invoke(event)
		if second.Messages[0].Status != handler.Done || w.result("token-1") != "Completed CONTINUE" {
			t.Errorf("second: message %s, hook %s", second.Messages[0].Status, w.result("token-1"))
		}
	})
}

func TestALaunchWithoutATimeIsAddedWhileItsHookIsPending(t *testing.T) {
	w := newWorld(t, oneTarget, pending("token-3"))
	w.invoke(launch("token-1", noon, "i-1"))
	w.invoke(terminate("token-2", noon.Add(time.Hour), "i-1"))
	r := w.invoke(launch("token-3", none, "i-1"))

	if diff := cmp.Diff(map[string]int{"added": 1}, statuses(r)); diff != "" {
		t.Errorf("changes (-want +got):\n%s", diff)
	}
	if got := w.result("token-3"); got != "Completed CONTINUE" {
		t.Errorf("the hook is %s", got)
	}
}

func TestALaunchOfWhichNobodyCanSayWhetherItIsPendingComesAgain(t *testing.T) {
	w := newWorld(t, oneTarget, pending("token-9", "token-0"))
	w.invoke(terminate("token-9", noon, "i-1"))
	// The launch came after the removal, and only Auto Scaling knows that.
	if err := w.simulator.SetFaults([]clbtest.Fault{{Action: "DescribeLifecycleActions", Effect: clbtest.Effect{Code: "ServiceUnavailable"}}}); err != nil {
		t.Fatal(err)
	}
	event := launch("token-0", none, "i-1")
	if r := w.invoke(event); r.Messages[0].Status != handler.Retry {
		t.Errorf("the message is %s and its change %s while Auto Scaling cannot be asked", r.Messages[0].Status, r.Changes[0].Status)
	}
	if err := w.simulator.SetFaults(nil); err != nil {
		t.Fatal(err)
	}
	if r := w.invoke(event); r.Changes[0].Status != "added" || r.Messages[0].Status != handler.Done {
		t.Errorf("afterwards the message is %s and its change %s, want done and added", r.Messages[0].Status, r.Changes[0].Status)
	}
}

func TestTheHookOfASupersededLaunchIsLeft(t *testing.T) {
	w := newWorld(t, oneTarget, pending("token-0"))
	w.invoke(launch("token-1", noon, "i-1"))
	w.invoke(terminate("token-2", noon.Add(time.Hour), "i-1"))
	r := w.invoke(launch("token-0", noon, "i-1"))
	if r.Hooks[0].Status != handler.HookLeft || !strings.HasPrefix(w.result("token-0"), "Pending") {
		t.Errorf("status %s, the hook is %s", r.Hooks[0].Status, w.result("token-0"))
	}
}

func TestATerminationCompletesWhenTheServerIsOutOfAllItsGroups(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, draining, pending("token-2"))
		w.invoke(launch("token-1", noon, "i-1", "i-2"))
		r := w.invoke(terminate("token-2", noon.Add(time.Hour), "i-1"))

		var order []string
		for _, c := range w.simulator.Calls() {
			if c.Action != "DescribeVServerGroupAttribute" && c.Action != "AddVServerGroupBackendServers" {
				order = append(order, c.Action)
			}
		}
		want := []string{"CompleteLifecycleAction", "SetVServerGroupAttribute", "SetVServerGroupAttribute",
			"RemoveVServerGroupBackendServers", "RemoveVServerGroupBackendServers", "CompleteLifecycleAction"}
		if diff := cmp.Diff(want, order); diff != "" {
			t.Errorf("order of the calls (-want +got):\n%s", diff)
		}
		if r.Hooks[0].Status != handler.HookCompleted {
			t.Errorf("the hook is %s", r.Hooks[0].Status)
		}
	})
}

func TestAHookWaitsForNoOtherHook(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, draining, pending("token-2", "token-3"))
		w.invoke(launch("token-1", noon, "i-1"))
		go w.invoke(sqs(false, terminate("token-2", noon.Add(time.Hour), "i-1"), launch("token-3", noon.Add(time.Hour), "i-3")))
		time.Sleep(5 * time.Second) //nolint:forbidigo // the bubble's clock, not the wall's
		synctest.Wait()
		if got := w.result("token-3"); got != "Completed CONTINUE" {
			t.Errorf("5 s into the drain of another the launch's hook is %s", got)
		}
		if got := w.result("token-2"); !strings.HasPrefix(got, "Pending") {
			t.Errorf("the draining hook is %s", got)
		}
		time.Sleep(time.Minute) //nolint:forbidigo // the bubble's clock, not the wall's
	})
}

func TestAHookToldWithAndWithoutItsNameIsOneHook(t *testing.T) {
	w := newWorld(t, oneTarget, pending("token-1"))
	named := launch("token-1", noon, "i-1")
	r := w.invoke(sqs(false, named, strings.Replace(named, `"lifecycleHookName":"register",`, "", 1)))
	if len(r.Hooks) != 1 || r.Hooks[0].Status != handler.HookCompleted {
		t.Errorf("hooks: %+v", r.Hooks)
	}
}
