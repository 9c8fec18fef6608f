package idempotency_test

import (
	"context"
	"errors"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"slb-registrar/shared/idempotency"
	"slb-registrar/shared/idempotency/memory"
	"slb-registrar/shared/idempotency/storetest"
)

func standings(verdicts []idempotency.Verdict) []idempotency.Standing {
	list := make([]idempotency.Standing, len(verdicts))
	for i, v := range verdicts {
		list[i] = v.Standing
	}
	return list
}

func mustClaim(t *testing.T, s idempotency.Store, owner string, claims ...idempotency.Claim) {
	t.Helper()
	verdicts, err := s.Claim(t.Context(), storetest.Owner(owner), claims)
	if err != nil || slices.Contains(standings(verdicts), idempotency.Held) {
		t.Fatalf("claim: %v, %v", verdicts, err)
	}
}

func mustSettle(t *testing.T, s idempotency.Store, owner string, completed bool, claims ...idempotency.Claim) {
	t.Helper()
	if held, err := s.Settle(t.Context(), storetest.Owner(owner), storetest.Settled(claims, completed)); err != nil || slices.Contains(held, false) {
		t.Fatalf("settle: %v, %v", held, err)
	}
}

func TestClaimAllWaitsForWhatOthersHold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store, batch := memory.New(memory.Options{}), storetest.Claims(3)
		mustClaim(t, store, "other", batch[:2]...)
		time.AfterFunc(5*time.Second, func() {
			mustSettle(t, store, "other", true, batch[0])
			mustSettle(t, store, "other", false, batch[1])
		})
		begin := time.Now()
		verdicts, err := idempotency.ClaimAll(t.Context(), store, storetest.Owner("a"), batch)
		if err != nil {
			t.Fatal(err)
		}
		want := []idempotency.Standing{idempotency.Duplicate, idempotency.Claimed, idempotency.Claimed}
		if got := standings(verdicts); !slices.Equal(got, want) {
			t.Errorf("%v, want %v", got, want)
		}
		if took := time.Since(begin); took < 5*time.Second || took > 7*time.Second+time.Millisecond {
			t.Errorf("took %v: the other settled after 5s, and no wait is longer than 2s", took)
		}
	})
}

func TestClaimAllTakesOverSoonAfterAClaimLapses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store, batch := memory.New(memory.Options{}), storetest.Claims(20)
		mustClaim(t, store, "killed", batch...)
		begin := time.Now()
		verdicts, err := idempotency.ClaimAll(t.Context(), store, storetest.Owner("a"), batch)
		if err != nil {
			t.Fatal(err)
		}
		for i, v := range verdicts {
			if v.Standing != idempotency.Claimed {
				t.Errorf("claim %d: %s", i, v.Standing)
			}
		}
		if took := time.Since(begin); took < storetest.Hold || took > storetest.Hold+10*time.Millisecond {
			t.Errorf("took %v, the claims lapsed after %v", took, storetest.Hold)
		}
	})
}

func TestWaitingEndsWithItsContextAndIsNoError(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store, batch := memory.New(memory.Options{}), storetest.Claims(2)
		mustClaim(t, store, "other", batch[0])
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		begin := time.Now()
		verdicts, err := idempotency.ClaimAll(ctx, store, storetest.Owner("a"), batch)
		if err != nil {
			t.Fatal(err)
		}
		if got, want := standings(verdicts), []idempotency.Standing{idempotency.Held, idempotency.Claimed}; !slices.Equal(got, want) {
			t.Errorf("%v, want %v", got, want)
		}
		if took := time.Since(begin); took != 10*time.Second {
			t.Errorf("ended after %v", took)
		}
	})
}

func TestWhatIsFreeIsReportedBeforeAnyWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store, batch := memory.New(memory.Options{}), storetest.Claims(3)
		mustClaim(t, store, "other", batch[1])
		begin := time.Now()
		at := map[int]time.Duration{}
		err := idempotency.ClaimEach(t.Context(), store, storetest.Owner("a"), batch, func(places []int, verdicts []idempotency.Verdict) {
			for i, place := range places {
				if _, twice := at[place]; twice {
					t.Errorf("claim %d is reported twice", place)
				}
				if verdicts[i].Standing != idempotency.Claimed {
					t.Errorf("claim %d: %s", place, verdicts[i].Standing)
				}
				at[place] = time.Since(begin)
			}
		})
		if err != nil {
			t.Fatal(err)
		}
		if at[0] != 0 || at[2] != 0 || at[1] < storetest.Hold {
			t.Errorf("reported after %v", at)
		}
	})
}

// failing answers the first questions and then no more.
type failing struct {
	idempotency.Store
	answers int
}

var errDown = errors.New("down")

func (f *failing) Claim(ctx context.Context, o idempotency.Owner, c []idempotency.Claim) ([]idempotency.Verdict, error) {
	if f.answers--; f.answers < 0 {
		return nil, errDown
	}
	return f.Store.Claim(ctx, o, c)
}

func TestAStoreThatFailsWhileWaitingLeavesWhatWasDecided(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store, batch := memory.New(memory.Options{}), storetest.Claims(2)
		mustClaim(t, store, "other", batch[1])
		verdicts, err := idempotency.ClaimAll(t.Context(), &failing{store, 2}, storetest.Owner("a"), batch)
		if !errors.Is(err, errDown) {
			t.Fatalf("error %v, want %v", err, errDown)
		}
		if got, want := standings(verdicts), []idempotency.Standing{idempotency.Claimed, idempotency.Held}; !slices.Equal(got, want) {
			t.Errorf("%v, want %v", got, want)
		}
	})
}

func TestAStoreThatIsDownDecidesNothing(t *testing.T) {
	verdicts, err := idempotency.ClaimAll(t.Context(), &failing{memory.New(memory.Options{}), 0}, storetest.Owner("a"), storetest.Claims(2))
	if !errors.Is(err, errDown) || verdicts != nil {
		t.Errorf("%v, %v", verdicts, err)
	}
}
