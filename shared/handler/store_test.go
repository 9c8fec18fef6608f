package handler_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"slb-registrar/shared/clbtest"
	"slb-registrar/shared/handler"
	"slb-registrar/shared/idempotency"
	"slb-registrar/shared/idempotency/memory"
)

// faulty is a store that can be broken.
type faulty struct {
	idempotency.Store
	claim, settle error
}

func (f *faulty) Claim(ctx context.Context, o idempotency.Owner, c []idempotency.Claim) ([]idempotency.Verdict, error) {
	if f.claim != nil {
		return nil, f.claim
	}
	return f.Store.Claim(ctx, o, c)
}

func (f *faulty) Settle(ctx context.Context, o idempotency.Owner, s []idempotency.Settlement) ([]bool, error) {
	if f.settle != nil {
		return nil, f.settle
	}
	return f.Store.Settle(ctx, o, s)
}

var errDown = errors.New("connection refused")

func TestAStoreThatIsDownLeavesEverythingToARedelivery(t *testing.T) {
	store := &faulty{Store: memory.New(memory.Options{}), claim: errDown}
	w := newWorld(t, oneTarget, withStore(store))
	r := w.invoke(launch("token-1", noon, "i-1"))

	if r.Changes[0].Status != "retry" || r.Changes[0].Error.Code != "StoreUnavailable" {
		t.Errorf("change: %+v %+v", r.Changes[0], r.Changes[0].Error)
	}
	if got := len(w.simulator.Calls()); got != 0 {
		t.Errorf("%d calls were made without a claim", got)
	}
}

func TestAStoreThatIsDownIsDoneWithoutWhereTheConfigSaysSo(t *testing.T) {
	store := &faulty{Store: memory.New(memory.Options{}), claim: errDown, settle: errDown}
	w := newWorld(t, strings.Replace(oneTarget, "version: 1", "version: 1\nwhenStoreDown: open", 1), withStore(store))
	r := w.invoke(launch("token-1", noon, "i-1"))

	if r.Messages[0].Status != handler.Done || r.Changes[0].Status != "added" {
		t.Errorf("message %s, change %s", r.Messages[0].Status, r.Changes[0].Status)
	}
	if !strings.Contains(w.log.String(), "going on without it") {
		t.Error("nothing in the log says so")
	}
}

func TestWhatCouldNotBeRecordedComesAgainAndIsRecordedThen(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := &faulty{Store: memory.New(memory.Options{}), settle: errDown}
		w := newWorld(t, oneTarget, withStore(store))
		event := launch("token-1", noon, "i-1")
		statuses := []string{string(w.invoke(event).Changes[0].Status)}
		store.settle = nil
		for range 3 {
			statuses = append(statuses, string(w.invoke(event).Changes[0].Status))
		}
		// The claim that was not settled stands for the time-out and a margin.
		if diff := cmp.Diff([]string{"retry", "retry", "added", "duplicate"}, statuses); diff != "" {
			t.Errorf("four deliveries (-want +got):\n%s", diff)
		}
	})
}

func TestAClaimOfAKilledInvocationLapses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := memory.New(memory.Options{})
		w := newWorld(t, oneTarget, withStore(store))
		w.timeout = 20 * time.Second
		event := launch("token-1", noon, "i-1")

		// An invocation is killed after its call and before its record: the
		// claim stands, the backend is in the group, nothing else is known.
		killed := &faulty{Store: store, settle: errDown}
		dead := newWorld(t, oneTarget, withStore(killed), withSimulator(func(*clbtest.Options) {}))
		dead.api, dead.timeout = w.api, 20*time.Second
		dead.invoke(event)

		statuses := []string{}
		for range 3 {
			statuses = append(statuses, string(w.invoke(event).Changes[0].Status))
		}
		if diff := cmp.Diff([]string{"retry", "already", "duplicate"}, statuses); diff != "" {
			t.Errorf("redeliveries (-want +got):\n%s", diff)
		}
		if got := len(w.members("rsp-a")); got != 1 {
			t.Errorf("%d registrations, want 1", got)
		}
	})
}

func TestTheOutcomeIsRecordedEvenIfTheInvocationIsCancelledMeanwhile(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, oneTarget, withSimulator(func(o *clbtest.Options) { o.Latency = 2 * time.Second }))
		event := launch("token-1", noon, "i-1")
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(time.Second, cancel)
		r := w.handler.Handle(ctx, handler.Invocation{API: w.api}, []byte(event))

		if r.Changes[0].Status != "added" {
			t.Errorf("the call in flight ended %s, want added", r.Changes[0].Status)
		}
		if again := w.invoke(event); again.Changes[0].Status != "duplicate" {
			t.Errorf("the redelivery found %s, want duplicate", again.Changes[0].Status)
		}
	})
}

func TestWhatMayStillBeOnItsWayKeepsItsClaim(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, oneTarget)
		w.timeout = 10 * time.Second
		// The answer to the addition is lost, and no reading says what came of it.
		set := func(faults ...clbtest.Fault) {
			if err := w.simulator.SetFaults(faults); err != nil {
				t.Fatal(err)
			}
		}
		set(clbtest.Fault{Action: "AddVServerGroupBackendServers", Effect: clbtest.Effect{Reset: clbtest.ResetBefore}},
			clbtest.Fault{Action: "DescribeVServerGroupAttribute", Effect: clbtest.Effect{Code: "ServiceUnavailable"}})
		start := time.Now()
		if c := w.invoke(launch("token-1", start, "i-1")).Changes[0]; c.Status != "retry" {
			t.Fatalf("the launch ended %s", c.Status)
		}
		set()
		removal := terminate("token-2", start.Add(time.Second), "i-1")
		if c := w.invoke(removal).Changes[0]; c.Status != "retry" || c.Error.Code != "Held" {
			t.Errorf("a removal at once ended %s, %+v: the addition may come after it", c.Status, c.Error)
		}
		if c := w.invoke(removal).Changes[0]; !c.Status.Succeeded() {
			t.Errorf("a removal after the claim had lapsed ended %s, %+v", c.Status, c.Error)
		}
	})
}
