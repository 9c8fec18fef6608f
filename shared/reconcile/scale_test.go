package reconcile_test

import (
	"context"
	"fmt"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"slb-registrar/shared/clbtest"
	"slb-registrar/shared/event"
)

// farm is a configuration and a state of n scaling groups with a load balancer
// each, which lack all of their instances.
func farm(n, instances int) (string, clbtest.State) {
	var config strings.Builder
	var state clbtest.State
	config.WriteString("version: 1\nroutes:\n")
	for i := range n {
		fmt.Fprintf(&config, "  - {name: r%d, match: {scalingGroupId: asg-%d}, targets: [{regionId: cn-hangzhou, vServerGroupId: rsp-%d, port: 80}]}\n", i, i, i)
		state.LoadBalancers = append(state.LoadBalancers, group(fmt.Sprintf("lb-%d", i), fmt.Sprintf("rsp-%d", i)))
		state.Instances = append(state.Instances, serving(fmt.Sprintf("asg-%d", i), i*instances, instances)...)
	}
	return config.String(), state
}

func TestFiveThousandInstancesCostAsManyCallsAsTheyMustAndLittleMemory(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		config, state := farm(25, 200)
		w := newWorldWith(t, config, clbtest.Options{State: state, Latency: 80 * time.Millisecond, Settle: 300 * time.Millisecond})
		runtime.GC()
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		start := time.Now()
		report := w.run(repair)
		took := time.Since(start)
		runtime.ReadMemStats(&after)

		equal(t, "changes", len(report.Changes), 5000)
		calls, refused := map[string]int{}, 0
		for _, c := range w.simulator.Calls() {
			if c.Code == "" {
				calls[c.Action]++
			} else {
				refused++
			}
		}
		// Of the descriptions of a group one is ours and one is the engine's,
		// which it keeps.
		equal(t, "calls", calls, map[string]int{
			"DescribeScalingInstances":      25 * 200 / 50,
			"DescribeVServerGroupAttribute": 2 * 25,
			"AddVServerGroupBackendServers": 5000 / 20,
		})
		if refused > 2*25 { // by which the engine learns how long each settles
			t.Errorf("%d calls were refused", refused)
		}
		// Each of ten calls of a load balancer and its settling.
		if floor := 10 * 380 * time.Millisecond; took > floor*11/10 {
			t.Errorf("it took %v, the load balancers need %v", took, floor)
		}
		t.Logf("the heap grew by %d MB, the simulator included; %d MB were allocated", (int64(after.HeapAlloc)-int64(before.HeapAlloc))>>20, (after.TotalAlloc-before.TotalAlloc)>>20)
		if grown := int64(after.HeapAlloc) - int64(before.HeapAlloc); grown > 96<<20 {
			t.Errorf("the heap grew by %d MB", grown>>20)
		}
		if left := w.run(look); len(left.Drift) != 0 || left.Undone() {
			t.Errorf("%d left", len(left.Drift))
		}
	})
}

func TestARunThatDoesNotFitItsTimeGoesOnWhereTheLastOneEnded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const groups = 80
		config, state := farm(groups, 1)
		// A reading takes a second, and a run of two seconds compares some only.
		w := newWorld(t, config, state, clbtest.Fault{Action: "DescribeScalingInstances", Effect: clbtest.Effect{Latency: "1s"}})
		compared := map[string]int{}
		total := 0
		for i := range 3 {
			ctx, cancel := context.WithTimeout(t.Context(), 1500*time.Millisecond)
			report := w.reconciler.Run(ctx, w.invocation, event.Reconcile{})
			cancel()
			equal(t, "groups", report.Groups, groups)
			equal(t, "compared and not reached", report.Compared+report.NotReached, groups)
			if !report.Undone() {
				t.Errorf("run %d: what was not reached is not undone", i)
			}
			equal(t, "problems", len(report.Problems), 0)
			for _, d := range report.Drift {
				compared[d.Group.ID]++
			}
			total += report.Compared
			pass(time.Minute)
		}
		if len(compared) != groups || total > groups+32 {
			t.Errorf("%d groups of %d were compared, in %d comparisons", len(compared), groups, total)
		}
	})
}

func TestARunEndsWithItsTimeAndRecordsWhatItDid(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		config, state := farm(1, 200)
		w := newWorldWith(t, config, clbtest.Options{State: state, Latency: 500 * time.Millisecond})
		start := time.Now()
		ctx, cancel := context.WithTimeout(t.Context(), 2800*time.Millisecond)
		defer cancel()
		report := w.reconciler.Run(ctx, w.invocation, repair)
		if took := time.Since(start); took > 3300*time.Millisecond {
			t.Errorf("it took %v", took)
		}
		done := 0
		for _, c := range report.Changes {
			if c.Outcome.Status.Succeeded() {
				done++
			}
		}
		equal(t, "done", done, len(w.holds("rsp-0")))
		if done == 0 || done == 200 || !report.Undone() {
			t.Errorf("%d of 200 were done, undone is %t", done, report.Undone())
		}
		pass(time.Minute)
		w.run(repair)
		equal(t, "members after the next run", len(w.holds("rsp-0")), 200)
	})
}
