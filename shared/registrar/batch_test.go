package registrar_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"slb-registrar/shared/clbtest"
	"slb-registrar/shared/registrar"
	"slb-registrar/shared/vsg"
)

func TestOneEventTakesExactlyAsManyCallsAsItMust(t *testing.T) {
	for _, n := range []int{0, 1, 19, 20, 21, 40, 41, 199, 1000} {
		t.Run(fmt.Sprint(n), func(t *testing.T) {
			story(t, func(t *testing.T) {
				r := newRig(t, clbtest.Options{AutoCreate: true, MaxBackends: 2000, Latency: 80 * ms}, registrar.Options{})
				outcomes, report := r.apply(adds("rsp-a", n)...)
				if got := statuses(outcomes)[vsg.Added]; got != n {
					t.Fatalf("%d added, want %d: %v", got, n, outcomes)
				}
				want := (n + 19) / 20
				if got := len(r.calls(addAction)); got != want || report.Calls[addAction] != want {
					t.Errorf("%d calls, %d reported, want %d", got, report.Calls[addAction], want)
				}
				if got := len(r.calls(describeAction)); got != min(n, 1) {
					t.Errorf("%d descriptions", got)
				}
				for _, c := range r.sim.CallsOf(addAction) {
					if len(c.Backends) < 1 || len(c.Backends) > 20 {
						t.Errorf("a call with %d backends", len(c.Backends))
					}
				}
			})
		})
	}
}

func TestStormOfSingleLaunchesIsSentInFullCalls(t *testing.T) {
	story(t, func(t *testing.T) {
		r := newRig(t, clbtest.Options{AutoCreate: true, MaxBackends: 2000, Latency: 80 * ms}, registrar.Options{})
		start := time.Now()
		for i, o := range r.together(t.Context(), singles(adds("rsp-a", 1000))...) {
			if o[0].Status != vsg.Added {
				t.Fatalf("launch %d: %+v", i, o[0])
			}
		}
		if calls := len(r.calls(addAction)); calls > 52 {
			t.Errorf("%d calls", calls)
		}
		if took, floor := time.Since(start), 50*80*ms; took > floor*108/100 {
			t.Errorf("took %v, floor %v", took, floor)
		}
		if len(r.members("rsp-a")) != 1000 {
			t.Errorf("%d members", len(r.members("rsp-a")))
		}
	})
}

func TestStormOverManyLoadBalancersTakesAsLongAsOne(t *testing.T) {
	story(t, func(t *testing.T) {
		r := newRig(t, clbtest.Options{
			AutoCreate: true, MaxBackends: 2000, Latency: 80 * ms,
			Faults: []clbtest.Fault{{Action: describeAction, Effect: clbtest.Effect{Latency: "20ms"}}}, // as reads do
		}, registrar.Options{})
		var senders [][]vsg.Change
		for i := range 1000 {
			senders = append(senders, []vsg.Change{add(fmt.Sprintf("rsp-%d", i%10), i)})
		}
		start := time.Now()
		r.together(t.Context(), senders...)
		if took, floor := time.Since(start), 5*80*ms; took > floor*110/100 {
			t.Errorf("took %v, floor %v", took, floor)
		}
	})
}

func TestSettlingIsLearnedAndNotRunInto(t *testing.T) {
	story(t, func(t *testing.T) {
		r := newRig(t, clbtest.Options{AutoCreate: true, MaxBackends: 2000, Latency: 80 * ms, Settle: 300 * ms}, registrar.Options{})
		start := time.Now()
		r.together(t.Context(), singles(adds("rsp-a", 1000))...)
		calls := r.calls(addAction)
		refused := 0
		for _, c := range calls {
			if c[len(c)-2:] != "OK" {
				refused++
			}
		}
		if refused*20 > len(calls) {
			t.Errorf("%d of %d refused", refused, len(calls))
		}
		if took, floor := time.Since(start), 50*380*ms; took > floor*110/100 {
			t.Errorf("took %v, floor %v: %.3f", took, floor, float64(took)/float64(floor))
		}
		t.Logf("%d calls, %d refused, %v", len(calls), refused, time.Since(start))
	})
}

func TestGroupsOfOneLoadBalancerNeverCollideAndTakeTurns(t *testing.T) {
	story(t, func(t *testing.T) {
		r := newRig(t, clbtest.Options{
			State:      clbtest.State{LoadBalancers: []clbtest.LoadBalancer{groups("lb-1", "rsp-a", "rsp-b")}},
			AutoCreate: true, Latency: 80 * ms,
		}, registrar.Options{})
		r.together(t.Context(), adds("rsp-a", 100), adds("rsp-b", 40))
		var order []string
		for _, c := range r.sim.CallsOf(addAction) {
			if c.Code != "" {
				t.Errorf("refused: %s", c.Code)
			}
			order = append(order, c.VServerGroupID)
		}
		want := []string{"rsp-a", "rsp-b", "rsp-a", "rsp-b", "rsp-a", "rsp-a", "rsp-a"}
		if order[0] == "rsp-b" {
			want = []string{"rsp-b", "rsp-a", "rsp-b", "rsp-a", "rsp-a", "rsp-a", "rsp-a"}
		}
		if diff := cmp.Diff(want, order); diff != "" {
			t.Error(diff)
		}
	})
}

func TestRaisedLimitIsUsedWhereTheServiceAllowsIt(t *testing.T) {
	for _, allowed := range []int{20, 40} {
		story(t, func(t *testing.T) {
			r := newRig(t, clbtest.Options{AutoCreate: true, MaxBatch: allowed}, registrar.Options{MaxBatch: 100})
			outcomes, _ := r.apply(adds("rsp-a", 100)...)
			if n := statuses(outcomes)[vsg.Added]; n != 100 {
				t.Errorf("%d added", n)
			}
			want := []string{"40 OK", "40 OK", "20 OK"}
			if allowed == 20 {
				want = []string{"0 TooManyBackendServers", "20 OK", "20 OK", "20 OK", "20 OK", "20 OK"}
			}
			if diff := cmp.Diff(want, r.calls(addAction)); diff != "" {
				t.Error(diff)
			}
		})
	}
}
