package reconcile_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"

	"slb-registrar/shared/clbtest"
	"slb-registrar/shared/idempotency"
	"slb-registrar/shared/reconcile"
	"slb-registrar/shared/registrar"
	"slb-registrar/shared/route"
	"slb-registrar/shared/vsg"
)

func TestAReadingThatFailsForAMomentIsTriedAgain(t *testing.T) {
	for _, action := range []string{"DescribeScalingInstances", "DescribeVServerGroupAttribute"} {
		for _, effect := range []clbtest.Effect{{Code: "Throttling.User"}, {Reset: "after"}, {Body: "truncated"}, {Code: "InternalError", HTTPStatus: 500}} {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, oneGroup, clbtest.State{
					LoadBalancers: []clbtest.LoadBalancer{group("lb-1", "rsp-a")},
					Instances:     serving("asg-1", 1, 2),
				}, clbtest.Fault{Action: action, Times: 3, Effect: effect})
				report := w.run(repair)
				equal(t, action+" members", w.holds("rsp-a"), []string{"i-0001:80=100", "i-0002:80=100"})
				equal(t, action+" problems", len(report.Problems), 0)
			})
		}
	}
}

// listless describes groups without their members, as an answer that lost them
// on its way would.
type listless struct{ registrar.API }

func (l listless) Describe(ctx context.Context, group vsg.Group) (vsg.Reply, error) {
	reply, err := l.API.Describe(ctx, group)
	reply.Backends, reply.Listed = nil, false
	return reply, err
}

func TestADescriptionWithoutMembersIsNotThatOfAnEmptyGroup(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, oneGroup, clbtest.State{
			LoadBalancers: []clbtest.LoadBalancer{group("lb-1", "rsp-a", members(2)...)},
			Instances:     serving("asg-1", 1, 2),
		})
		w.invocation.API = listless{w.invocation.API}
		report := w.run(repair)
		equal(t, "drift", found(report), []string{})
		equal(t, "calls", w.changed(), map[string]int{})
		if len(report.Problems) != 1 || report.Problems[0].Code != reconcile.CodeShort {
			t.Errorf("problems %+v", report.Problems)
		}
	})
}

// broken is a store that is down.
type broken struct{ idempotency.Store }

func (broken) Claim(context.Context, idempotency.Owner, []idempotency.Claim) ([]idempotency.Verdict, error) {
	return nil, errors.New("down")
}

func TestWithoutItsStoreARunOnlyAddsAndOnlyIfTheConfigurationSaysSo(t *testing.T) {
	light := ours("i-0001")
	light.Weight = 1
	for when, added := range map[string][]string{"closed": {}, "open": {"add i-0002:80 added"}} {
		config := "whenStoreDown: " + when + oneGroup
		w := newWorld(t, config, clbtest.State{
			LoadBalancers: []clbtest.LoadBalancer{group("lb-1", "rsp-a", light, ours("i-gone"))},
			Instances:     serving("asg-1", 1, 2),
		})
		w.store = broken{w.store}
		c, err := route.Parse("test", []byte(config))
		if err != nil {
			t.Fatal(err)
		}
		w.reconciler = w.another(c)
		report := w.run(remove)
		equal(t, when, ended(report), added)
		equal(t, "drift", len(report.Drift), 3)
		if !report.Undone() || !report.Problems[0].Again {
			t.Errorf("%s: a store that is down is not reported: %+v", when, report.Problems)
		}
	}
}

// forgetting is a store in which every claim has lapsed when it is settled.
type forgetting struct{ idempotency.Store }

func (forgetting) Settle(_ context.Context, _ idempotency.Owner, s []idempotency.Settlement) ([]bool, error) {
	return make([]bool, len(s)), nil
}

func TestAChangeWhoseClaimWasLostIsNotCalledDone(t *testing.T) {
	w := newWorld(t, oneGroup, clbtest.State{
		LoadBalancers: []clbtest.LoadBalancer{group("lb-1", "rsp-a")},
		Instances:     serving("asg-1", 1, 1),
	})
	w.store = forgetting{w.store}
	c, err := route.Parse("test", []byte(oneGroup))
	if err != nil {
		t.Fatal(err)
	}
	w.reconciler = w.another(c)
	report := w.run(repair)
	equal(t, "changes", ended(report), []string{"add i-0001:80 retry"})
	equal(t, "code", report.Changes[0].Outcome.Code, "ClaimLost")
}

func TestAReconcilerNeedsItsParts(t *testing.T) {
	for _, o := range []reconcile.Options{{}, {Config: &route.Config{}}, {Config: &route.Config{}, Engine: registrar.New(registrar.Options{})}} {
		if _, err := reconcile.New(o); err == nil {
			t.Errorf("%+v is enough", o)
		}
	}
}
