package handler_test

import (
	"context"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"slb-registrar/shared/clbtest"
	"slb-registrar/shared/handler"
)

var (
	noon = time.Date(2026, 11, 2, 12, 0, 0, 0, time.UTC)
	none = time.Time{}
)

func TestADeliveryThatComesAgainMakesNoCall(t *testing.T) {
	w := newWorld(t, twoTargets)
	event := launch("token-1", noon, instances(3)...)
	first := w.invoke(event)
	second := w.invoke(event)

	if diff := cmp.Diff(map[string]int{"added": 6}, statuses(first)); diff != "" {
		t.Errorf("first delivery (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(map[string]int{"duplicate": 6}, statuses(second)); diff != "" {
		t.Errorf("second delivery (-want +got):\n%s", diff)
	}
	if second.Messages[0].Status != handler.Done {
		t.Errorf("the duplicate's message is %s, want done", second.Messages[0].Status)
	}
	if diff := cmp.Diff([]int{3, 3}, w.adds()); diff != "" {
		t.Errorf("adds (-want +got):\n%s", diff)
	}
}

func TestTheSameLaunchTwiceInABatchIsOneChangeOfBothMessages(t *testing.T) {
	w := newWorld(t, oneTarget)
	event := launch("token-1", noon, "i-1")
	r := w.invoke(sqs(false, event, event))

	if len(r.Changes) != 1 {
		t.Fatalf("%d changes, want 1", len(r.Changes))
	}
	if diff := cmp.Diff([]string{"m-1", "m-2"}, r.Changes[0].MessageIDs); diff != "" {
		t.Errorf("senders (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]int{1}, w.adds()); diff != "" {
		t.Errorf("adds (-want +got):\n%s", diff)
	}
}

func TestTwoLaunchesOfOneBackendAreAddedAndAlready(t *testing.T) {
	w := newWorld(t, oneTarget)
	r := w.invoke(sqs(false, launch("token-1", noon, "i-1"), launch("token-2", noon.Add(time.Second), "i-1")))

	var got []string
	for _, c := range r.Changes {
		got = append(got, string(c.Status))
	}
	if diff := cmp.Diff([]string{"added", "already"}, got); diff != "" {
		t.Errorf("statuses (-want +got):\n%s", diff)
	}
}

func TestALaunchOlderThanTheRemovalIsSuperseded(t *testing.T) {
	for name, late := range map[string]string{
		"delivered again":     launch("token-1", noon, "i-1"),
		"never seen before":   launch("token-0", noon.Add(-time.Minute), "i-1"),
		"without a time":      launch("token-0", none, "i-1"),
		"again, without time": launch("token-1", none, "i-1"),
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, oneTarget)
			w.invoke(launch("token-1", noon, "i-1"))
			w.invoke(terminate("token-2", noon.Add(time.Hour), "i-1"))
			r := w.invoke(late)

			if diff := cmp.Diff(map[string]int{"superseded": 1}, statuses(r)); diff != "" {
				t.Errorf("the late launch (-want +got):\n%s", diff)
			}
			if got := w.members("rsp-a"); len(got) != 0 {
				t.Errorf("resurrected: %v", got)
			}
		})
	}
}

func TestALaunchAfterTheRemovalIsAdded(t *testing.T) {
	w := newWorld(t, oneTarget)
	w.invoke(launch("token-1", noon, "i-1"))
	w.invoke(terminate("token-2", noon.Add(time.Hour), "i-1"))
	r := w.invoke(launch("token-3", noon.Add(2*time.Hour), "i-1"))

	if diff := cmp.Diff(map[string]int{"added": 1}, statuses(r)); diff != "" {
		t.Errorf("the new launch (-want +got):\n%s", diff)
	}
}

func TestARemovalInTheSameBatchOvertakesItsLaunch(t *testing.T) {
	w := newWorld(t, oneTarget)
	r := w.invoke(sqs(false, launch("token-1", noon, "i-1"), terminate("token-2", noon.Add(time.Minute), "i-1")))

	if diff := cmp.Diff(map[string]int{"superseded": 1, "absent": 1}, statuses(r)); diff != "" {
		t.Errorf("changes (-want +got):\n%s", diff)
	}
	if got := w.adds(); len(got) != 0 {
		t.Errorf("a launch that was over before it began was sent: %v", got)
	}
}

func TestABatchEndsInTheStateOfItsLatestEvent(t *testing.T) {
	w := newWorld(t, oneTarget)
	w.invoke(launch("token-0", noon, "i-1"))
	w.invoke(sqs(false,
		launch("token-2", noon.Add(2*time.Minute), "i-1"),
		terminate("token-1", noon.Add(time.Minute), "i-1")))

	if diff := cmp.Diff([]string{"i-1"}, w.members("rsp-a")); diff != "" {
		t.Errorf("members (-want +got):\n%s", diff)
	}
}

func TestOneOfTwoSimultaneousDeliveriesDoesTheWork(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, oneTarget, withSimulator(func(o *clbtest.Options) { o.Latency = 80 * time.Millisecond }))
		event := launch("token-1", noon, instances(20)...)
		results := make([]handler.Result, 10)
		var wg sync.WaitGroup
		for i := range results {
			wg.Go(func() { results[i] = w.invoke(event) })
		}
		wg.Wait()

		total := map[string]int{}
		for _, r := range results {
			for s, n := range statuses(r) {
				total[s] += n
			}
		}
		if diff := cmp.Diff(map[string]int{"added": 20, "duplicate": 180}, total); diff != "" {
			t.Errorf("changes of all deliveries (-want +got):\n%s", diff)
		}
		if diff := cmp.Diff([]int{20}, w.adds()); diff != "" {
			t.Errorf("adds (-want +got):\n%s", diff)
		}
	})
}

func TestConcurrentInvocationsShareTheirCalls(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, oneTarget, withSimulator(func(o *clbtest.Options) { o.Latency = 80 * time.Millisecond; o.MaxBackends = 2000 }))
		var wg sync.WaitGroup
		for _, id := range instances(200) {
			wg.Go(func() {
				if r := w.invoke(launch("token-"+id, noon, id)); r.Messages[0].Status != handler.Done {
					t.Errorf("%s: %+v", id, r.Messages[0])
				}
			})
		}
		wg.Wait()
		if got := len(w.adds()); got > 12 {
			t.Errorf("%d adds for 200 single launches, want at most 12 (10 would be the floor)", got)
		}
		if got := len(w.members("rsp-a")); got != 200 {
			t.Errorf("%d members, want 200", got)
		}
	})
}

func TestACancelledInvocationLeavesTheRestToARedelivery(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, oneTarget, withSimulator(func(o *clbtest.Options) { o.Latency = 10 * time.Second }))
		event := launch("token-1", noon, instances(60)...)
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(15*time.Second, cancel)
		r := w.handler.Handle(ctx, handler.Invocation{RequestID: "r", API: w.api}, []byte(event))

		if diff := cmp.Diff(map[string]int{"added": 40, "retry": 20}, statuses(r)); diff != "" {
			t.Errorf("cancelled (-want +got):\n%s", diff)
		}
		if diff := cmp.Diff(map[string]int{"added": 20, "duplicate": 40}, statuses(w.invoke(event))); diff != "" {
			t.Errorf("redelivered (-want +got):\n%s", diff)
		}
		if diff := cmp.Diff([]int{20, 20, 20}, w.adds()); diff != "" {
			t.Errorf("adds (-want +got):\n%s", diff)
		}
	})
}

func TestWhatDoesNotFitTheTimeOutIsLeftBeforeIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, oneTarget, withSimulator(func(o *clbtest.Options) { o.Latency = 2 * time.Second; o.MaxBackends = 1000 }))
		w.timeout = 20 * time.Second
		event := launch("token-1", noon, instances(400)...)
		start := time.Now()
		r := w.invoke(event)

		if took := time.Since(start); took > w.timeout-time.Second {
			t.Errorf("the answer took %v of %v", took, w.timeout)
		}
		got := statuses(r)
		if got["added"] == 0 || got["retry"] == 0 || got["added"]+got["retry"] != 400 {
			t.Errorf("changes: %v", got)
		}
		if got["added"] != len(w.members("rsp-a")) {
			t.Errorf("%d reported added, %d are", got["added"], len(w.members("rsp-a")))
		}
		for range 3 {
			r = w.invoke(event)
		}
		if r.Messages[0].Status != handler.Done || len(w.members("rsp-a")) != 400 {
			t.Errorf("redeliveries did not finish: %s with %d members", r.Messages[0].Status, len(w.members("rsp-a")))
		}
	})
}

func TestARemovalFromTheFutureKeepsNobodyOut(t *testing.T) {
	w := newWorld(t, oneTarget)
	w.invoke(terminate("token-1", time.Now().AddDate(50, 0, 0), "i-1"))
	r := w.invoke(launch("token-2", time.Now(), "i-1"))

	if diff := cmp.Diff(map[string]int{"added": 1}, statuses(r)); diff != "" {
		t.Errorf("the launch (-want +got):\n%s", diff)
	}
}

func TestAClockALittleAheadChangesNoOrder(t *testing.T) {
	now := time.Now()
	w := newWorld(t, oneTarget)
	w.invoke(terminate("token-2", now.Add(4*time.Second), "i-1"))
	if r := w.invoke(launch("token-1", now.Add(3*time.Second), "i-1")); r.Changes[0].Status != "superseded" {
		t.Errorf("the older launch is %s, want superseded", r.Changes[0].Status)
	}
	w.invoke(launch("token-3", now.Add(5*time.Second), "i-1"))
	w.invoke(terminate("token-2", now.Add(4*time.Second), "i-1"))
	if diff := cmp.Diff([]string{"i-1"}, w.members("rsp-a")); diff != "" {
		t.Errorf("members after a late redelivery of the removal (-want +got):\n%s", diff)
	}
}
