package memory_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"slb-registrar/shared/idempotency"
	"slb-registrar/shared/idempotency/memory"
	"slb-registrar/shared/idempotency/storetest"
	"slb-registrar/shared/vsg"
)

func TestConformance(t *testing.T) {
	storetest.Run(t, func(*testing.T) storetest.Harness {
		var store *memory.Store
		var clock func() time.Time
		return storetest.Harness{Open: func(now func() time.Time) idempotency.Store {
			clock = now
			if store == nil {
				store = memory.New(memory.Options{Now: func() time.Time { return clock() }})
			}
			return store
		}}
	})
}

func TestMemoryIsBoundedAndTheOldestGoFirst(t *testing.T) {
	store := memory.New(memory.Options{MaxRecords: 10})
	owner := storetest.Owner("a")
	all := storetest.Claims(25)
	for i := range all {
		if _, err := store.Claim(t.Context(), owner, all[i:i+1]); err != nil {
			t.Fatal(err)
		}
		if _, err := store.Settle(t.Context(), owner, storetest.Settled(all[i:i+1], true)); err != nil {
			t.Fatal(err)
		}
	}
	if n := store.Len(); n != 10 {
		t.Errorf("%d records, want 10", n)
	}
	verdicts, err := store.Claim(t.Context(), owner, all[15:])
	if err != nil {
		t.Fatal(err)
	}
	for i, v := range verdicts {
		if v.Standing != idempotency.Duplicate {
			t.Errorf("one of the last ten, %d: %s", i, v.Standing)
		}
	}
}

func TestAClaimedRecordIsNeverDroppedForRoom(t *testing.T) {
	store := memory.New(memory.Options{MaxRecords: 1})
	all := storetest.Claims(5)
	if _, err := store.Claim(t.Context(), storetest.Owner("a"), all); err != nil {
		t.Fatal(err)
	}
	verdicts, err := store.Claim(t.Context(), storetest.Owner("b"), all)
	if err != nil {
		t.Fatal(err)
	}
	for i, v := range verdicts {
		if v.Standing != idempotency.Held {
			t.Errorf("claim %d: %s, want held", i, v.Standing)
		}
	}
}

func TestExpiredAndReleasedRecordsTakeNoRoom(t *testing.T) {
	clock := storetest.NewClock(storetest.Start)
	store := memory.New(memory.Options{Now: clock.Now})
	owner, all := storetest.Owner("a"), storetest.Claims(30)
	for _, completed := range []bool{true, false} {
		if _, err := store.Claim(t.Context(), owner, all[:20]); err != nil {
			t.Fatal(err)
		}
		if _, err := store.Settle(t.Context(), owner, storetest.Settled(all[:20], completed)); err != nil {
			t.Fatal(err)
		}
		clock.Advance(idempotency.DefaultRetention)
	}
	if n := store.Len(); n != 0 {
		t.Errorf("%d records are left", n)
	}
}

func Example() {
	store := memory.New(memory.Options{})
	owner := idempotency.Owner{Token: "invocation-1", Hold: time.Minute}
	change := vsg.Change{
		Action:  vsg.Add,
		Group:   vsg.Group{RegionID: "cn-hangzhou", ID: "rsp-cige6j5e7p"},
		Backend: vsg.Backend{ServerID: "i-bp1a", Port: 80, Weight: 100},
		Launch:  "token-1/i-bp1a",
	}
	claim := idempotency.Claim{
		Subject: idempotency.Subject{Group: change.Group, Backend: change.Backend.Identity()},
		Action:  change.Action, Key: idempotency.KeyOf(change), Content: idempotency.ContentOf(change),
	}
	ctx := context.Background()
	for range 2 {
		verdicts, err := store.Claim(ctx, owner, []idempotency.Claim{claim})
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Println(verdicts[0].Standing)
		// … send the change, and then:
		_, _ = store.Settle(ctx, owner, []idempotency.Settlement{{
			Subject: claim.Subject, Action: claim.Action, Key: claim.Key, Content: claim.Content, Completed: true,
		}})
	}
	// Output:
	// claimed
	// duplicate
}

func BenchmarkClaimAndSettle(b *testing.B) {
	storetest.Benchmark(b, memory.New(memory.Options{}))
}
