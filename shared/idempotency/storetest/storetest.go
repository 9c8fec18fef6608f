// Package storetest is what every idempotency.Store must pass.
//
// An adapter's test calls [Run] with a function that starts an empty engine,
// and [RunNetwork] too if its engine is reached over a network. The table of
// package idempotency's documentation is the first thing that is checked, then
// what no table shows: races, takeovers, batches, clocks that disagree.
package storetest

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"slb-registrar/shared/idempotency"
	"slb-registrar/shared/vsg"
)

// Hold is how long the claims of the suite last.
const Hold = time.Minute

// Start is when every clock of the suite starts, unless it is said otherwise.
var Start = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// Harness is one empty engine.
type Harness struct {
	// Open returns a client of the engine that tells the time by now, or by
	// the engine's own clock if now is nil. All clients see the same records.
	Open func(now func() time.Time) idempotency.Store
	// Skew is how far the clocks of two clients may be apart.
	Skew time.Duration
}

// Run checks all that a store promises. start is called for every check.
func Run(t *testing.T, start func(t *testing.T) Harness) {
	t.Helper()
	for _, c := range table {
		t.Run("Table/"+c.name, func(t *testing.T) {
			w := newWorld(t, start(t))
			for _, do := range c.steps {
				do(w)
			}
		})
	}
	for name, check := range map[string]func(*testing.T, Harness){
		"ConcurrentClaimsHaveOneWinner":          concurrentClaims,
		"ALapsedClaimHasOneHeir":                 concurrentTakeover,
		"TheLaterEventHasItsWay":                 laterEventWins,
		"ABatchIsAnsweredInItsOrder":             partialBatch,
		"AThousandRecordsInOneBatch":             thousandRecords,
		"ManyGroupsInOneBatch":                   manyGroups,
		"SubjectsThatLookAlikeAreKeptApart":      lookAlikes,
		"ClocksMayDisagreeWithinTheMargin":       clockSkew,
		"AnEndedContextIsAnError":                endedContext,
		"ABatchThatNoStoreCanAnswerIsAnError":    badBatch,
		"AnEmptyBatchIsAnswered":                 emptyBatch,
		"RecordsAreForgottenAfterTheirRetention": retention,
		"AnswersAgreeWithTheRules":               agreesWithRules,
	} {
		t.Run(name, func(t *testing.T) { check(t, start(t)) })
	}
}

// Clock is a clock that stands still until it is moved.
type Clock struct {
	mu  sync.Mutex
	now time.Time
}

// NewClock returns a clock that says now.
func NewClock(now time.Time) *Clock { return &Clock{now: now} }

// Now returns what the clock says.
func (c *Clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

// Advance moves the clock.
func (c *Clock) Advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

// Subject returns the n-th backend of a group.
func Subject(n int) idempotency.Subject {
	return idempotency.Subject{
		Group:   vsg.Group{RegionID: "cn-hangzhou", ID: "rsp-cige6j5e7p"},
		Backend: vsg.Identity{ServerID: fmt.Sprintf("i-%04d", n), Port: 80},
	}
}

// Claims returns one launch for each of n backends, as one event brings them.
func Claims(n int) []idempotency.Claim {
	claims := make([]idempotency.Claim, n)
	for i := range claims {
		claims[i] = idempotency.Claim{Subject: Subject(i), Action: vsg.Add, Key: fmt.Sprintf("launch-%d", i), Content: "100"}
	}
	return claims
}

// Settled returns the settlements of claims.
func Settled(claims []idempotency.Claim, completed bool) []idempotency.Settlement {
	settlements := make([]idempotency.Settlement, len(claims))
	for i, c := range claims {
		settlements[i] = idempotency.Settlement{
			Subject: c.Subject, Action: c.Action, Key: c.Key, At: c.At, Content: c.Content, Completed: completed,
		}
	}
	return settlements
}

// Owner returns an owner of the suite.
func Owner(token string) idempotency.Owner {
	return idempotency.Owner{Token: token, Hold: Hold}
}

func claim(ctx context.Context, t *testing.T, s idempotency.Store, owner string, claims ...idempotency.Claim) []idempotency.Verdict {
	t.Helper()
	verdicts, err := s.Claim(ctx, Owner(owner), claims)
	if err != nil {
		t.Fatalf("claim: %v", err)
	}
	if len(verdicts) != len(claims) {
		t.Fatalf("%d verdicts for %d claims", len(verdicts), len(claims))
	}
	return verdicts
}

func settle(ctx context.Context, t *testing.T, s idempotency.Store, owner string, completed bool, claims ...idempotency.Claim) []bool {
	t.Helper()
	held, err := s.Settle(ctx, Owner(owner), Settled(claims, completed))
	if err != nil {
		t.Fatalf("settle: %v", err)
	}
	if len(held) != len(claims) {
		t.Fatalf("%d answers for %d settlements", len(held), len(claims))
	}
	return held
}
