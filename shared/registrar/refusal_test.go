package registrar_test

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	"slb-registrar/shared/clb"
	"slb-registrar/shared/clbtest"
	"slb-registrar/shared/registrar"
	"slb-registrar/shared/vsg"
)

func TestStaleSignatureIsReplacedAtOnce(t *testing.T) {
	story(t, func(t *testing.T) {
		r := newRig(t, clbtest.Options{
			AutoCreate: true,
			Faults:     []clbtest.Fault{{Action: addAction, Times: 2, Effect: clbtest.Effect{Code: "SignatureNonceUsed"}}},
		}, registrar.Options{})
		start := time.Now()
		outcomes, _ := r.apply(adds("rsp-a", 3)...)
		if n := statuses(outcomes)[vsg.Added]; n != 3 || time.Since(start) != 0 {
			t.Errorf("%v after %v", outcomes, time.Since(start))
		}
	})
}

func TestUnauthorisedCallerFailsAloneAndAtOnce(t *testing.T) {
	story(t, func(t *testing.T) {
		r := newRig(t, clbtest.Options{AutoCreate: true, Latency: 80 * ms}, registrar.Options{})
		r.apply(add("rsp-a", 100))
		go r.apply(add("rsp-a", 101)) // so that the others share the next call
		wrong := r.service.With(clb.Credentials{AccessKeyID: "testid", AccessKeySecret: "wrong"})
		good, bad := make(chan []vsg.Outcome, 1), make(chan []vsg.Outcome, 1)
		start := time.Now()
		go func() {
			time.Sleep(10 * ms) //nolint:forbidigo // the time of a bubble
			o, _ := r.apply(adds("rsp-a", 5)...)
			good <- o
		}()
		go func() {
			time.Sleep(20 * ms) //nolint:forbidigo // the time of a bubble
			o, _ := r.Apply(t.Context(), wrong, adds("rsp-a", 40)[10:])
			bad <- o
		}()
		for _, o := range <-bad {
			if o.Status != vsg.Retry || o.Disposition != vsg.DispositionAuth || o.Code != "SignatureDoesNotMatch" {
				t.Errorf("%+v", o)
			}
		}
		if took := time.Since(start); took > 80*ms {
			t.Errorf("failed after %v", took)
		}
		if n := statuses(<-good)[vsg.Added]; n != 5 {
			t.Errorf("%d added for the other", n)
		}
		if calls := r.calls(addAction); len(calls) > 4 {
			t.Errorf("%v", calls)
		}
	})
}

func TestUnauthorisedDescriptionEndsOrIsDoneWithout(t *testing.T) {
	for _, configured := range []bool{true, false} {
		story(t, func(t *testing.T) {
			r := newRig(t, clbtest.Options{
				State: running(5, nil, nil), Faults: []clbtest.Fault{{Action: describeAction, Effect: clbtest.Effect{Code: "Forbidden.RAM"}}},
			}, registrar.Options{})
			changes := adds("rsp-a", 5)
			want := vsg.Retry
			if configured {
				want = vsg.Added
				for i := range changes {
					changes[i].LoadBalancerID = "lb-1"
				}
			}
			outcomes, _ := r.apply(changes...)
			if n := statuses(outcomes)[want]; n != 5 {
				t.Errorf("configured %v: %v", configured, outcomes)
			}
			if calls := len(r.calls(describeAction)); calls != 1 {
				t.Errorf("%d descriptions", calls)
			}
		})
	}
}

func TestGroupThatDoesNotExistRejectsItsChangesOnly(t *testing.T) {
	story(t, func(t *testing.T) {
		r := newRig(t, clbtest.Options{State: running(5, nil, nil)}, registrar.Options{})
		outcomes, _ := r.apply(append(adds("rsp-nowhere", 3), adds("rsp-a", 3)...)...)
		for i, o := range outcomes {
			if i < 3 && (o.Status != vsg.Rejected || o.Disposition != vsg.DispositionGroup) || i >= 3 && o.Status != vsg.Added {
				t.Errorf("%d: %+v", i, o)
			}
		}
		// It may be created later.
		if err := r.sim.Put(clbtest.State{LoadBalancers: []clbtest.LoadBalancer{groups("lb-2", "rsp-nowhere")}}); err != nil {
			t.Fatal(err)
		}
		if outcomes, _ := r.apply(adds("rsp-nowhere", 3)...); statuses(outcomes)[vsg.Added] != 3 {
			t.Errorf("%v", outcomes)
		}
	})
}

func TestRefusedGroupDoesNotHoldUpItsNeighbour(t *testing.T) {
	story(t, func(t *testing.T) {
		r := newRig(t, clbtest.Options{
			State:   running(100, nil, nil),
			Latency: 80 * ms,
			Faults:  []clbtest.Fault{{Action: addAction, VServerGroupID: "rsp-b", Effect: clbtest.Effect{Code: "SystemBusy"}}},
		}, registrar.Options{})
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
		defer cancel()
		start := time.Now()
		took := make(chan time.Duration, 1)
		go func() {
			outcomes, _ := r.Apply(ctx, r.api(), adds("rsp-a", 100))
			if n := statuses(outcomes)[vsg.Added]; n != 100 {
				t.Errorf("%d added", n)
			}
			took <- time.Since(start)
		}()
		outcomes, _ := r.Apply(ctx, r.api(), adds("rsp-b", 3))
		if statuses(outcomes)[vsg.Retry] != 3 {
			t.Errorf("%v", outcomes)
		}
		if d := <-took; d > 500*ms {
			t.Errorf("the neighbour took %v", d)
		}
	})
}

func TestMalformedBackendDoesNotFailThoseItSharesACallWith(t *testing.T) {
	story(t, func(t *testing.T) {
		r := newRig(t, clbtest.Options{AutoCreate: true}, registrar.Options{})
		changes := adds("rsp-a", 20)
		changes[4].Backend.Weight = 1000
		outcomes, _ := r.apply(changes...)
		for i, o := range outcomes {
			if (i == 4) != (o.Status == vsg.Rejected) || (i != 4) != (o.Status == vsg.Added) {
				t.Errorf("%d: %+v", i, o)
			}
		}
	})
}

func TestUnknownActionIsRejected(t *testing.T) {
	story(t, func(t *testing.T) {
		r := newRig(t, clbtest.Options{AutoCreate: true}, registrar.Options{})
		outcomes, _ := r.apply(change("explode", "rsp-a", 1), add("rsp-a", 2))
		if outcomes[0].Status != vsg.Rejected || outcomes[1].Status != vsg.Added {
			t.Errorf("%v", outcomes)
		}
	})
}

func TestThrottlingSlowsAllWritersAndLosesNothing(t *testing.T) {
	story(t, func(t *testing.T) {
		r := newRig(t, clbtest.Options{
			AutoCreate: true, MaxBackends: 2000, Latency: 80 * ms,
			Faults: []clbtest.Fault{{Effect: clbtest.Effect{Throttle: &clbtest.Throttle{PerSecond: 5, Burst: 10}}}},
		}, registrar.Options{})
		var senders [][]vsg.Change
		for lb := range 10 {
			senders = append(senders, adds(fmt.Sprintf("rsp-%d", lb), 200))
		}
		start := time.Now()
		for _, outcomes := range r.together(t.Context(), senders...) {
			if n := statuses(outcomes)[vsg.Added]; n != 200 {
				t.Errorf("%d added", n)
			}
		}
		took, calls := time.Since(start), r.sim.Calls()
		refused := 0
		for _, c := range calls {
			if c.Code != "" {
				refused++
			}
		}
		// 10 descriptions and 100 additions at 5 a second, less the burst.
		if floor := 20 * time.Second; took > 2*floor {
			t.Errorf("took %v, floor %v", took, floor)
		}
		if refused*4 > len(calls) {
			t.Errorf("%d of %d refused", refused, len(calls))
		}
		t.Logf("%v, %d of %d refused", took, refused, len(calls))
	})
}

func TestFullLoadBalancerIsFilledAndTheRestParked(t *testing.T) {
	for _, free := range []int{0, 1, 7, 19} {
		story(t, func(t *testing.T) {
			state := running(100, nil, nil)
			state.LoadBalancers[0].MaxBackends = free
			if free == 0 {
				state.LoadBalancers[0].MaxBackends = 1
				state.LoadBalancers[0].VServerGroups[1].Backends = []clbtest.Backend{{ServerID: server(90), Port: 80, Weight: 100, Type: "ecs"}}
			}
			r := newRig(t, clbtest.Options{State: state, Latency: 80 * ms}, registrar.Options{})
			start := time.Now()
			outcomes, _ := r.apply(adds("rsp-a", 20)...)
			n := statuses(outcomes)
			if n[vsg.Added] != free || n[vsg.Retry] != 20-free {
				t.Errorf("%d free: %v", free, n)
			}
			for _, o := range outcomes {
				if o.Status == vsg.Retry && (o.Disposition != vsg.DispositionQuota || o.Code == "" || o.RequestID == "") {
					t.Errorf("%+v", o)
				}
			}
			if calls := r.calls(addAction); len(calls) > 8 || time.Since(start) > time.Second {
				t.Errorf("%d free: %v in %v", free, calls, time.Since(start))
			}
		})
	}
}

func TestParkedChangesAreSentWhenARemovalMakesRoom(t *testing.T) {
	story(t, func(t *testing.T) {
		state := running(100, nil, nil)
		state.LoadBalancers[0].MaxBackends = 10
		for i := range 10 {
			state.LoadBalancers[0].VServerGroups[1].Backends = append(state.LoadBalancers[0].VServerGroups[1].Backends,
				clbtest.Backend{ServerID: server(50 + i), Port: 80, Weight: 100, Type: "ecs"})
		}
		r := newRig(t, clbtest.Options{State: state, Latency: 80 * ms}, registrar.Options{})
		changes := adds("rsp-a", 5)
		for i := range 3 {
			changes = append(changes, remove("rsp-b", 50+i))
		}
		outcomes, _ := r.apply(changes...)
		n := statuses(outcomes)
		if n[vsg.Added] != 3 || n[vsg.Removed] != 3 || n[vsg.Retry] != 2 {
			t.Errorf("%v", outcomes)
		}
	})
}

func TestParkedChangesWaitAsLongAsTheirSenderDoes(t *testing.T) {
	story(t, func(t *testing.T) {
		state := running(100, nil, nil)
		state.LoadBalancers = append(state.LoadBalancers, groups("lb-2", "rsp-c"))
		state.LoadBalancers[0].MaxBackends = 1
		state.LoadBalancers[0].VServerGroups[1].Backends = []clbtest.Backend{{ServerID: server(50), Port: 80, Weight: 100, Type: "ecs"}}
		r := newRig(t, clbtest.Options{
			State: state, Latency: 80 * ms,
			Faults: []clbtest.Fault{{Action: addAction, VServerGroupID: "rsp-c", Effect: clbtest.Effect{Latency: "3s"}}},
		}, registrar.Options{})
		done := make(chan []vsg.Outcome, 1)
		go func() {
			outcomes, _ := r.apply(add("rsp-a", 1), add("rsp-c", 2))
			done <- outcomes
		}()
		time.Sleep(time.Second) //nolint:forbidigo // the time of a bubble
		r.apply(remove("rsp-b", 50))
		if n := statuses(<-done)[vsg.Added]; n != 2 {
			t.Errorf("%d added", n)
		}
	})
}

func TestLoadBalancerWithoutRoomDoesNotHoldUpOthers(t *testing.T) {
	story(t, func(t *testing.T) {
		state := running(100, nil, nil)
		state.LoadBalancers = append(state.LoadBalancers, groups("lb-2", "rsp-c"))
		state.LoadBalancers[0].MaxBackends = 5
		r := newRig(t, clbtest.Options{State: state, Latency: 80 * ms}, registrar.Options{})
		outcomes, _ := r.apply(slices.Concat(adds("rsp-a", 100), adds("rsp-c", 100))...)
		if n := statuses(outcomes); n[vsg.Added] != 105 || n[vsg.Retry] != 95 {
			t.Errorf("%v", n)
		}
		if calls := r.sim.CallsOf(addAction); len(calls) > 5+9 {
			t.Errorf("%d calls", len(calls))
		}
	})
}

func TestConflictOfOthersIsWaitedOut(t *testing.T) {
	for _, code := range []string{"BackendServer.configuring", "VServerGroupProcessing", "OperationFailed.ServiceGroupProcessing"} {
		story(t, func(t *testing.T) {
			r := newRig(t, clbtest.Options{
				AutoCreate: true, Latency: 80 * ms,
				Faults: []clbtest.Fault{{Action: addAction, For: "4s", Effect: clbtest.Effect{Code: code}}},
			}, registrar.Options{})
			start := time.Now()
			outcomes, report := r.apply(adds("rsp-a", 20)...)
			if n := statuses(outcomes)[vsg.Added]; n != 20 || report.Conflicts == 0 || report.Conflicts > 20 {
				t.Errorf("%v, %+v", outcomes, report)
			}
			if took := time.Since(start); took > 7*time.Second {
				t.Errorf("took %v", took)
			}
		})
	}
}

func TestUnknownCodesAreTriedAgainAndCounted(t *testing.T) {
	story(t, func(t *testing.T) {
		r := newRig(t, clbtest.Options{
			AutoCreate: true,
			Faults:     []clbtest.Fault{{Action: addAction, Times: 2, Effect: clbtest.Effect{Code: "SomethingNew", HTTPStatus: 400, Message: "of tomorrow"}}},
		}, registrar.Options{})
		outcomes, report := r.apply(adds("rsp-a", 3)...)
		if statuses(outcomes)[vsg.Added] != 3 || report.Unknown != 2 {
			t.Errorf("%v, %d unknown", outcomes, report.Unknown)
		}
	})
}
