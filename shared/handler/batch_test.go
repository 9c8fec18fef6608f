package handler_test

import (
	"context"
	"encoding/json"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"slb-registrar/shared/clbtest"
	"slb-registrar/shared/handler"
	"slb-registrar/shared/vsg"
)

const twoRoutes = `
version: 1
routes:
  - name: web
    match: {scalingGroupId: asg-bp1web}
    targets:
      - {regionId: cn-hangzhou, vServerGroupId: rsp-a, loadBalancerId: lb-1, port: 80}
  - name: requests
    match: {source: request-parameters}
    allowVServerGroups: [rsp-busy]
`

// always refuses every change to a group, as an interrupted service would.
func always(group string) option {
	return withSimulator(func(o *clbtest.Options) {
		o.Faults = []clbtest.Fault{{VServerGroupID: group, Action: "AddVServerGroupBackendServers", Effect: clbtest.Effect{Code: "ServiceUnavailable", HTTPStatus: 503}}}
	})
}

const busyRequest = `{"RegionId":"cn-hangzhou","VServerGroupId":"rsp-busy","BackendServers":"[{'ServerId':'i-9','Port':'80'}]"}`

func mixedBodies() []string {
	good := launch("token-1", noon, "i-1")
	return []string{
		good,
		`{"content":{"lifecycleHookId":"ash-1","lifecycleActionToken":"t","lifecycleTransition":"SCALE_OUT","scalingGroupId":"asg-bp1web","instanceIds":[]}}`,
		`{"hello":"world"}`,
		good,
		busyRequest,
		launch("token-2", noon, "i-2"),
	}
}

func answer(t *testing.T, r handler.Result) string {
	t.Helper()
	b, err := r.ForLambda()
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func messageStatuses(r handler.Result) []string {
	var out []string
	for _, m := range r.Messages {
		out = append(out, string(m.Status))
	}
	return out
}

func TestEveryMessageOfABatchDecidesForItself(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, twoRoutes, always("rsp-busy"))
		r := w.invoke(sqs(false, mixedBodies()...))

		if diff := cmp.Diff([]string{"done", "rejected", "ignored", "done", "retry", "done"}, messageStatuses(r)); diff != "" {
			t.Errorf("messages (-want +got):\n%s", diff)
		}
		want := `{"batchItemFailures":[{"itemIdentifier":"m-2"},{"itemIdentifier":"m-5"}]}`
		if diff := cmp.Diff(want, answer(t, r)); diff != "" {
			t.Errorf("answer (-want +got):\n%s", diff)
		}
		if diff := cmp.Diff([]string{"i-1", "i-2"}, w.members("rsp-a")); diff != "" {
			t.Errorf("members (-want +got):\n%s", diff)
		}
	})
}

func TestAQueueInOrderStopsAtItsFirstFailure(t *testing.T) {
	w := newWorld(t, twoRoutes)
	r := w.invoke(sqs(true, mixedBodies()...))

	if diff := cmp.Diff([]string{"done", "rejected", "retry", "retry", "retry", "retry"}, messageStatuses(r)); diff != "" {
		t.Errorf("messages (-want +got):\n%s", diff)
	}
	want := `{"batchItemFailures":[{"itemIdentifier":"m-2"},{"itemIdentifier":"m-3"},{"itemIdentifier":"m-4"},{"itemIdentifier":"m-5"},{"itemIdentifier":"m-6"}]}`
	if diff := cmp.Diff(want, answer(t, r)); diff != "" {
		t.Errorf("answer (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{"i-1"}, w.members("rsp-a")); diff != "" {
		t.Errorf("members (-want +got):\n%s", diff)
	}
}

func TestABatchThatWentWellAnswersWithAnEmptyList(t *testing.T) {
	w := newWorld(t, oneTarget)
	r := w.invoke(sqs(false, launch("token-1", noon, "i-1")))
	if diff := cmp.Diff(`{"batchItemFailures":[]}`, answer(t, r)); diff != "" {
		t.Errorf("answer (-want +got):\n%s", diff)
	}
}

func TestFunctionComputeParksARejectedMessageAmongOthers(t *testing.T) {
	w := newWorld(t, oneTarget)
	r := w.invoke(`["` + "not json" + `",` + launch("token-1", noon, "i-1") + `]`)

	if diff := cmp.Diff([]string{"rejected", "done"}, messageStatuses(r)); diff != "" {
		t.Fatalf("messages (-want +got):\n%s", diff)
	}
	response, err := r.ForFunctionCompute()
	if err != nil {
		t.Fatalf("the batch would be delivered again: %v", err)
	}
	var got handler.Result
	if err := json.Unmarshal(response, &got); err != nil || len(got.Messages) != 2 {
		t.Errorf("the response is not the result: %s", response)
	}
	parked := 0
	for _, line := range w.lines() {
		if line["message"] == "message rejected" {
			parked++
			if line["digest"] == "" || line["position"] != 0.0 || line["level"] != "error" {
				t.Errorf("the log line does not find the message again: %v", line)
			}
		}
	}
	if parked != 1 {
		t.Errorf("%d lines about the rejected message, want 1", parked)
	}
}

func TestFunctionComputeGetsAnErrorForAnOnlyMessageThatIsRejected(t *testing.T) {
	w := newWorld(t, oneTarget)
	_, err := w.invoke(`{"content":{"lifecycleHookId":"ash-1","lifecycleActionToken":"t","lifecycleTransition":"SCALE_OUT","scalingGroupId":"asg-other","instanceIds":["i-1"]},"regionId":"cn-hangzhou"}`).ForFunctionCompute()
	var rejected *handler.RejectedError
	if !errors.As(err, &rejected) || rejected.Code != "NoRoute" {
		t.Errorf("error is %v, want a RejectedError with NoRoute", err)
	}
}

func TestFunctionComputeGetsAnErrorWithCountsForARetry(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, twoRoutes, always("rsp-busy"))
		_, err := w.invoke(`[` + launch("token-1", noon, "i-1") + `,` + busyRequest + `]`).ForFunctionCompute()
		want := &handler.RetryError{Retry: 1, Messages: 2}
		if diff := cmp.Diff(error(want), err); diff != "" {
			t.Errorf("error (-want +got):\n%s", diff)
		}
	})
}

func TestAMessageCannotReachAGroupThatNoRouteNames(t *testing.T) {
	w := newWorld(t, twoRoutes)
	r := w.invoke(`{"RegionId":"cn-hangzhou","VServerGroupId":"rsp-victim","BackendServers":[{"ServerId":"i-1","Port":80}]}`)

	if r.Messages[0].Status != handler.Rejected || r.Messages[0].Error.Code != "GroupNotAllowed" {
		t.Errorf("message: %+v %+v", r.Messages[0], r.Messages[0].Error)
	}
	if got := len(w.simulator.Calls()); got != 0 {
		t.Errorf("%d calls were made", got)
	}
}

func TestOneBadBackendCostsOnlyItself(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, oneTarget, withSimulator(func(o *clbtest.Options) {
			o.Faults = []clbtest.Fault{{ServerID: "i-0007", Action: "AddVServerGroupBackendServers", Effect: clbtest.Effect{Code: "InvalidServerId.NotExist", HTTPStatus: 400}}}
		}))
		r := w.invoke(launch("token-1", noon, instances(20)...))

		if diff := cmp.Diff(map[string]int{"added": 19, "rejected": 1}, statuses(r)); diff != "" {
			t.Errorf("changes (-want +got):\n%s", diff)
		}
		for _, c := range r.Changes {
			if c.Status == "rejected" && (c.ServerID != "i-0007" || c.Error.Code != "InvalidServerId.NotExist" || c.Error.RequestID == "") {
				t.Errorf("the wrong one, or without its reason: %+v %+v", c, c.Error)
			}
		}
		if r.Messages[0].Status != handler.Rejected {
			t.Errorf("the message is %s, want rejected", r.Messages[0].Status)
		}
		if got := len(w.adds()); got > 8 {
			t.Errorf("%d adds to find one bad backend among 20, want at most 8", got)
		}
	})
}

const draining = `
version: 1
routes:
  - name: web
    match: {scalingGroupId: asg-bp1web}
    targets:
      - {regionId: cn-hangzhou, vServerGroupId: rsp-a, loadBalancerId: lb-1, port: 80}
      - {regionId: cn-hangzhou, vServerGroupId: rsp-b, loadBalancerId: lb-1, port: 81}
    onTerminate: {drain: 30s}
`

func TestABatchOfTerminationsDrainsOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, draining)
		w.invoke(launch("token-1", noon, instances(4)...))
		start := time.Now()
		done := make(chan handler.Result)
		go func() {
			done <- w.invoke(sqs(false, terminate("token-2", noon.Add(time.Hour), "i-0001", "i-0002"), terminate("token-3", noon.Add(time.Hour), "i-0003")))
		}()
		time.Sleep(29 * time.Second) //nolint:forbidigo // the bubble's clock, not the wall's
		synctest.Wait()
		for _, group := range []string{"rsp-a", "rsp-b"} {
			for _, b := range w.simulator.Backends(group) {
				want := 0
				if b.ServerID == "i-0004" {
					want = 100
				}
				if b.Weight != want {
					t.Errorf("while draining %s of %s has weight %d, want %d", b.ServerID, group, b.Weight, want)
				}
			}
		}
		r := <-done
		if took := time.Since(start); took < 30*time.Second || took > 32*time.Second {
			t.Errorf("the batch took %v, want one drain of 30 s", took)
		}
		if diff := cmp.Diff(map[string]int{"removed": 6}, statuses(r)); diff != "" {
			t.Errorf("changes (-want +got):\n%s", diff)
		}
		if diff := cmp.Diff([]string{"i-0004"}, w.members("rsp-a")); diff != "" {
			t.Errorf("members (-want +got):\n%s", diff)
		}
	})
}

func TestWhatIsNoMemberIsNotDrained(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, draining)
		start := time.Now()
		r := w.invoke(terminate("token-2", noon, "i-0001"))
		if took := time.Since(start); took > 5*time.Second {
			t.Errorf("waited %v for the connections of nobody", took)
		}
		if diff := cmp.Diff(map[string]int{"absent": 2}, statuses(r)); diff != "" {
			t.Errorf("changes (-want +got):\n%s", diff)
		}
	})
}

func TestALaunchAfterADrainThatWasNotFinishedHasItsWeight(t *testing.T) {
	for _, duplicate := range []clbtest.Duplicate{clbtest.DuplicateIgnore, clbtest.DuplicateError} {
		synctest.Test(t, func(t *testing.T) {
			w := newWorld(t, draining, withSimulator(func(o *clbtest.Options) { o.Duplicate = duplicate }))
			yesterday := time.Now()    // which the bubble's clock has to leave behind
			time.Sleep(24 * time.Hour) //nolint:forbidigo // the bubble's clock, not the wall's
			w.invoke(launch("token-1", yesterday, "i-1"))
			termination := terminate("token-2", yesterday.Add(time.Hour), "i-1")
			ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
			time.AfterFunc(10*time.Second, cancel) // in the middle of the drain
			if r := w.handler.Handle(ctx, handler.Invocation{API: w.api, Hooks: w.hooks}, []byte(termination)); r.Messages[0].Status != handler.Retry {
				t.Fatalf("the termination is %s", r.Messages[0].Status)
			}
			r := w.invoke(launch("token-3", yesterday.Add(2*time.Hour), "i-1"))
			if r.Messages[0].Status != handler.Done {
				t.Errorf("the launch is %s: %+v", r.Messages[0].Status, r.Changes[0].Error)
			}
			w.invoke(termination)
			for _, group := range []string{"rsp-a", "rsp-b"} {
				if members := w.simulator.Backends(group); len(members) != 1 || members[0].Weight != 100 {
					t.Errorf("duplicates %s: %s has %+v, want i-1 with weight 100", duplicate, group, members)
				}
			}
		})
	}
}

func TestALaunchLeavesTheWeightThatAnOperatorHasSet(t *testing.T) {
	w := newWorld(t, draining)
	w.invoke(launch("token-1", noon, "i-1"))
	group := vsg.Group{RegionID: "cn-hangzhou", ID: "rsp-a"}
	if _, err := w.api.Apply(t.Context(), vsg.SetWeight, group, []vsg.Backend{{ServerID: "i-1", Port: 80, Weight: 7, Type: vsg.ECS}}); err != nil {
		t.Fatal(err)
	}
	w.invoke(launch("token-2", noon.Add(time.Hour), "i-1"))
	if got := w.simulator.Backends("rsp-a")[0].Weight; got != 7 {
		t.Errorf("the weight is %d, want 7", got)
	}
}
