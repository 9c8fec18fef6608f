package handler_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"slb-registrar/shared/clbtest"
	"slb-registrar/shared/event"
	"slb-registrar/shared/handler"
	"slb-registrar/shared/idempotency"
	"slb-registrar/shared/idempotency/memory"
	"slb-registrar/shared/lifecycle"
)

func TestALaunchIsNotGivenUpBecauseItsHookCouldNotBeAskedFor(t *testing.T) {
	w := newWorld(t, oneTarget, pending("token-3"), withSimulator(func(o *clbtest.Options) {
		o.Faults = []clbtest.Fault{{Action: "DescribeLifecycleActions", Times: 1, Effect: clbtest.Effect{Code: "Throttling.User"}}}
	}))
	w.invoke(launch("token-1", noon, "i-1"))
	w.invoke(terminate("token-2", noon.Add(time.Hour), "i-1"))
	event := launch("token-3", none, "i-1")
	r := w.invoke(event)
	if r.Messages[0].Status != handler.Retry || r.Changes[0].Error.Code != "Throttling.User" {
		t.Errorf("message %s, change %+v", r.Messages[0].Status, r.Changes[0].Error)
	}
	if r = w.invoke(event); r.Changes[0].Status != "added" {
		t.Errorf("the redelivery ended %s, want added", r.Changes[0].Status)
	}
}

func TestADrainLongerThanTheTimeOutIsCutAndNotRepeatedForEver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, draining)
		w.invoke(launch("token-1", noon, "i-1"))
		w.timeout = 20 * time.Second // the drain is 30 s
		r := w.invoke(terminate("token-2", noon.Add(time.Hour), "i-1"))
		if diff := cmp.Diff(map[string]int{"removed": 2}, statuses(r)); diff != "" {
			t.Errorf("changes (-want +got):\n%s", diff)
		}
	})
}

func TestADrainThatComesTooLateForThisDeliveryIsDoneByTheNext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, draining, withSimulator(func(o *clbtest.Options) {
			o.Faults = []clbtest.Fault{{Action: "SetVServerGroupAttribute", Effect: clbtest.Effect{Code: "ServiceUnavailable", HTTPStatus: 503}, For: "30s"}}
		}))
		w.invoke(launch("token-1", noon, "i-1"))
		event := terminate("token-2", noon.Add(time.Hour), "i-1")
		if first := w.invoke(event); first.Messages[0].Status != handler.Retry {
			t.Errorf("the first delivery is %s, want retry", first.Messages[0].Status)
		}
		if diff := cmp.Diff(map[string]int{"removed": 2}, statuses(w.invoke(event))); diff != "" {
			t.Errorf("the second (-want +got):\n%s", diff)
		}
	})
}

func TestAReadinessThatNoInvocationCanWaitForIsDecidedByARedelivery(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, oneTarget+"    ready: {timeout: 90s}\n    complete: {failure: ABANDON}\n", pending("token-1"), withSimulator(func(o *clbtest.Options) {
			o.State.Instances = []clbtest.Instance{{InstanceID: "i-1", HealthyAfter: "never"}}
			o.State.LoadBalancers = []clbtest.LoadBalancer{{RegionID: "cn-hangzhou", LoadBalancerID: "lb-1",
				VServerGroups: []clbtest.VServerGroup{{VServerGroupID: "rsp-a", ListenerPort: 80}}}}
		}))
		event := launch("token-1", time.Now(), "i-1")
		var got []string
		for range 2 {
			got = append(got, string(w.invoke(event).Messages[0].Status))
		}
		if diff := cmp.Diff([]string{"retry", "done"}, got); diff != "" {
			t.Errorf("deliveries (-want +got):\n%s", diff)
		}
		if got := w.result("token-1"); got != "Completed ABANDON" {
			t.Errorf("the hook is %s", got)
		}
	})
}

func TestTheSecondChangeOfABackendWaitsForItsFirstOnly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, draining, pending("token-3"))
		w.invoke(launch("token-1", noon, "i-old"))
		at := noon.Add(time.Hour)
		go w.invoke(sqs(false, terminate("token-0", at, "i-old"), launch("token-2", at, "i-new"), launch("token-3", at.Add(time.Second), "i-new")))
		time.Sleep(5 * time.Second) //nolint:forbidigo // the bubble's clock, not the wall's
		synctest.Wait()
		if got := w.result("token-3"); got != "Completed CONTINUE" {
			t.Errorf("5 s into the drain of another backend the hook of the second launch is %s", got)
		}
		time.Sleep(time.Minute) //nolint:forbidigo // the bubble's clock, not the wall's
	})
}

func TestAPasserByTakesNoOtherNoticeWithIt(t *testing.T) {
	running := `{"product":"ECS","name":"Instance:StateChange","id":"e-1","regionId":"cn-hangzhou","eventTime":"20261102T141530.250+0800","content":{"resourceId":"i-9","resourceType":"ALIYUN::ECS::Instance","state":"Running"}}`
	for name, event := range map[string]string{
		"first": `[[` + running + `,` + launch("token-1", noon, "i-1") + `]]`,
		"last":  `[[` + launch("token-1", noon, "i-1") + `,` + running + `]]`,
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, oneTarget, pending("token-1"))
			w.invoke(event)
			if diff := cmp.Diff([]string{"i-1"}, w.members("rsp-a")); diff != "" {
				t.Errorf("members (-want +got):\n%s", diff)
			}
			if got := w.result("token-1"); got != "Completed CONTINUE" {
				t.Errorf("the hook is %s", got)
			}
		})
	}
}

func TestAQueueInOrderGoesOnWhereTwoMessagesShareAHook(t *testing.T) {
	w := newWorld(t, oneTarget, pending("token-1"))
	r := w.invoke(sqs(true, launch("token-1", noon, "i-1"), launch("token-1", noon, "i-1", "i-2")))
	if diff := cmp.Diff([]string{"done", "done"}, messageStatuses(r)); diff != "" {
		t.Errorf("messages (-want +got):\n%s", diff)
	}
	if got := w.result("token-1"); got != "Completed CONTINUE" {
		t.Errorf("the hook is %s", got)
	}
}

func TestAQueueInOrderStopsAtAMessageThatHasToComeAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, twoRoutes, always("rsp-busy"))
		good := launch("token-1", noon, "i-1")
		r := w.invoke(sqs(true, good, good, `{"hello":"world"}`, busyRequest, launch("token-2", noon, "i-2")))
		if diff := cmp.Diff([]string{"done", "done", "ignored", "retry", "retry"}, messageStatuses(r)); diff != "" {
			t.Errorf("messages (-want +got):\n%s", diff)
		}
		want := `{"batchItemFailures":[{"itemIdentifier":"m-4"},{"itemIdentifier":"m-5"}]}`
		if diff := cmp.Diff(want, answer(t, r)); diff != "" {
			t.Errorf("answer (-want +got):\n%s", diff)
		}
		if diff := cmp.Diff([]string{"i-1"}, w.members("rsp-a")); diff != "" {
			t.Errorf("members (-want +got):\n%s", diff)
		}
	})
}

func TestAHookOfAMessageThatCannotBeRoutedGetsTheFailurePolicy(t *testing.T) {
	const config = `
version: 1
routes:
  - name: web
    match: {scalingGroupId: asg-bp1web}
    targets:
      - {regionId: cn-hangzhou, vServerGroupId: rsp-a, port: 80}
    serverId: "{{ .Metadata.serverId }}"
    complete: {failure: ABANDON}
`
	w := newWorld(t, config, pending("token-1"))
	r := w.invoke(launch("token-1", noon, "i-1"))
	if r.Messages[0].Status != handler.Rejected || w.result("token-1") != "Completed ABANDON" {
		t.Errorf("message %s, hook %s", r.Messages[0].Status, w.result("token-1"))
	}
}

// clumsy panics where it is told to.
type clumsy struct{ lifecycle.Completer }

func (clumsy) Complete(context.Context, *event.Hook, string, string) error { panic("completion") }

type clumsyStore struct{ idempotency.Store }

func (clumsyStore) Settle(context.Context, idempotency.Owner, []idempotency.Settlement) ([]bool, error) {
	panic("settlement")
}

func TestAPanicInAPartLeavesThatPartToARedelivery(t *testing.T) {
	t.Run("of a hook", func(t *testing.T) {
		w := newWorld(t, oneTarget, pending("token-1"))
		w.hooks[event.ESS] = clumsy{w.hooks[event.ESS]}
		r := w.invoke(launch("token-1", noon, "i-1"))
		if r.Changes[0].Status != "added" || r.Hooks[0].Status != handler.HookFailed || r.Messages[0].Status != handler.Retry {
			t.Errorf("change %s, hook %s, message %s", r.Changes[0].Status, r.Hooks[0].Status, r.Messages[0].Status)
		}
	})
	t.Run("of a change", func(t *testing.T) {
		w := newWorld(t, oneTarget, withStore(clumsyStore{memory.New(memory.Options{})}))
		r := w.invoke(launch("token-1", noon, "i-1"))
		if r.Changes[0].Status != "retry" || r.Changes[0].Error.Code != "Panic" {
			t.Errorf("change %s %+v", r.Changes[0].Status, r.Changes[0].Error)
		}
	})
}

// slow takes its time to write down what was done.
type slow struct {
	idempotency.Store
	settle time.Duration
}

func (s slow) Settle(ctx context.Context, o idempotency.Owner, all []idempotency.Settlement) ([]bool, error) {
	select {
	case <-time.After(s.settle):
		return s.Store.Settle(ctx, o, all)
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

func TestASlowStoreIsGivenTheTimeThereIs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, oneTarget, withStore(slow{memory.New(memory.Options{}), 2 * time.Second}))
		w.timeout = 5 * time.Second
		if r := w.invoke(launch("token-1", noon, "i-1")); r.Messages[0].Status != handler.Done {
			t.Errorf("message %s: %+v", r.Messages[0].Status, r.Messages[0].Error)
		}
	})
}

func TestWhateverHangsTheAnswerComesBeforeTheTimeOut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, oneTarget, pending("token-1"), withStore(slow{memory.New(memory.Options{}), 240 * time.Millisecond}),
			withSimulator(func(o *clbtest.Options) {
				o.Latency = 4 * time.Second
				o.Faults = []clbtest.Fault{{Action: "CompleteLifecycleAction", Effect: clbtest.Effect{Latency: "1h"}}}
			}))
		w.timeout = 5 * time.Second
		start := time.Now()
		w.invoke(launch("token-1", noon, "i-1"))
		if took := time.Since(start); took > w.timeout-100*time.Millisecond {
			t.Errorf("the answer took %v of %v", took, w.timeout)
		}
	})
}

// mute claims and then fails to answer, once.
type mute struct {
	idempotency.Store
	left int
}

func (m *mute) Claim(ctx context.Context, o idempotency.Owner, c []idempotency.Claim) ([]idempotency.Verdict, error) {
	v, err := m.Store.Claim(ctx, o, c)
	if m.left > 0 {
		m.left--
		return nil, errors.New("connection reset")
	}
	return v, err
}

func TestAClaimWhoseAnswerWasLostIsGivenBack(t *testing.T) {
	w := newWorld(t, oneTarget, withStore(&mute{memory.New(memory.Options{}), 1}))
	event := launch("token-1", noon, "i-1")
	if r := w.invoke(event); r.Changes[0].Status != "retry" {
		t.Errorf("first: %s", r.Changes[0].Status)
	}
	if r := w.invoke(event); r.Changes[0].Status != "added" {
		t.Errorf("the redelivery is %s, want added at once", r.Changes[0].Status)
	}
}
