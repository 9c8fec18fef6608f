package storetest

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"slb-registrar/shared/idempotency"
	"slb-registrar/shared/vsg"
)

// race runs n claimants of the same claims at once, each with a client of its
// own, and returns how many times each claim was won.
func race(t *testing.T, h Harness, now func() time.Time, n int, claims []idempotency.Claim) []int {
	t.Helper()
	var (
		wins  = make([]int, len(claims))
		mu    sync.Mutex
		group sync.WaitGroup
		gate  = make(chan struct{})
	)
	for i := range n {
		store := h.Open(now)
		group.Go(func() {
			<-gate
			verdicts, err := store.Claim(t.Context(), Owner(fmt.Sprint("owner-", i)), claims)
			if err != nil {
				t.Errorf("claim: %v", err)
				return
			}
			mu.Lock()
			defer mu.Unlock()
			for j, v := range verdicts {
				switch v.Standing {
				case idempotency.Claimed:
					wins[j]++
				case idempotency.Held:
				default:
					t.Errorf("claim %d: %s", j, v.Standing)
				}
			}
		})
	}
	close(gate)
	group.Wait()
	return wins
}

func concurrentClaims(t *testing.T, h Harness) {
	for i, n := range race(t, h, NewClock(Start).Now, 8, Claims(20)) {
		if n != 1 {
			t.Errorf("claim %d was won %d times", i, n)
		}
	}
}

func concurrentTakeover(t *testing.T, h Harness) {
	clock := NewClock(Start)
	store := h.Open(clock.Now)
	claim(t.Context(), t, store, "killed", Claims(20)...)
	clock.Advance(2 * Hold)
	for i, n := range race(t, h, clock.Now, 8, Claims(20)) {
		if n != 1 {
			t.Errorf("lapsed claim %d was taken over %d times", i, n)
		}
	}
	for i, ok := range settle(t.Context(), t, store, "killed", true, Claims(20)...) {
		if ok {
			t.Errorf("claim %d could be completed by who had lost it", i)
		}
	}
}

// rounds is how many backends laterEventWins launches and removes, and how many
// of them at once.
const rounds, abreast = 200, 20

// laterEventWins has two claimants, one launching and one removing the same
// backend at once, until both have had their way. Whoever comes first, the
// backend must end as the later event wants.
func laterEventWins(t *testing.T, h Harness) {
	clock := NewClock(Start)
	launching, removing := h.Open(clock.Now), h.Open(clock.Now)
	var group errgroup.Group
	group.SetLimit(abreast)
	for n := range rounds {
		group.Go(func() error {
			launched, removed := Start, Start.Add(time.Second)
			if n%2 == 0 {
				launched = Start.Add(2 * time.Second)
			}
			var member atomic.Bool // as the load balancer has it
			var both errgroup.Group
			both.Go(func() error {
				return haveItsWay(t.Context(), launching, Subject(n), vsg.Add, launched, &member)
			})
			both.Go(func() error {
				return haveItsWay(t.Context(), removing, Subject(n), vsg.Remove, removed, &member)
			})
			if err := both.Wait(); err != nil {
				return err
			}
			if want := launched.After(removed); member.Load() != want {
				return fmt.Errorf("round %d: member %v, want %v", n, !want, want)
			}
			return nil
		})
	}
	if err := group.Wait(); err != nil {
		t.Error(err)
	}
}

// haveItsWay makes a change as an invocation does.
func haveItsWay(ctx context.Context, store idempotency.Store, subject idempotency.Subject, action vsg.Action, at time.Time, member *atomic.Bool) error {
	c := []idempotency.Claim{{Subject: subject, Action: action, Key: string(action), At: at}}
	owner := Owner(string(action) + subject.Name())
	verdicts, err := idempotency.ClaimAll(ctx, store, owner, c)
	if err != nil || verdicts[0].Standing != idempotency.Claimed {
		return err
	}
	member.Store(action == vsg.Add)
	held, err := store.Settle(ctx, owner, Settled(c, true))
	if err == nil && !held[0] {
		err = errors.New("a claim was lost to nobody")
	}
	return err
}

func partialBatch(t *testing.T, h Harness) {
	ctx := t.Context()
	clock := NewClock(Start)
	store := h.Open(clock.Now)
	batch := Claims(5)
	claim(ctx, t, store, "early", batch[0], batch[2])
	settle(ctx, t, store, "early", true, batch[0])
	gone := idempotency.Claim{Subject: batch[3].Subject, Action: vsg.Remove, Key: "T", At: Start}
	claim(ctx, t, store, "early", gone)
	settle(ctx, t, store, "early", true, gone)
	batch[0].Content = "50"

	want := []idempotency.Standing{idempotency.Duplicate, idempotency.Claimed, idempotency.Held, idempotency.Superseded, idempotency.Claimed}
	for i, v := range claim(ctx, t, store, "late", batch...) {
		if v.Standing != want[i] {
			t.Errorf("claim %d: %s, want %s", i, v.Standing, want[i])
		}
		if v.ContentDiffers != (i == 0) {
			t.Errorf("claim %d: content differs: %v", i, v.ContentDiffers)
		}
	}
	wantHeld := []bool{false, true, false, false, true}
	for i, ok := range settle(ctx, t, store, "late", true, batch...) {
		if ok != wantHeld[i] {
			t.Errorf("settlement %d: %v, want %v", i, ok, wantHeld[i])
		}
	}
}

func thousandRecords(t *testing.T, h Harness) {
	ctx := t.Context()
	store := h.Open(NewClock(Start).Now)
	batch := Claims(1000)
	for i, v := range claim(ctx, t, store, "a", batch...) {
		if v.Standing != idempotency.Claimed {
			t.Fatalf("claim %d: %s", i, v.Standing)
		}
	}
	for i, ok := range settle(ctx, t, store, "a", true, batch[:500]...) {
		if !ok {
			t.Fatalf("settlement %d: lost", i)
		}
	}
	for i, v := range claim(ctx, t, store, "b", batch...) {
		want := idempotency.Duplicate
		if i >= 500 {
			want = idempotency.Held
		}
		if v.Standing != want {
			t.Fatalf("claim %d: %s, want %s", i, v.Standing, want)
		}
	}
}

func manyGroups(t *testing.T, h Harness) {
	ctx := t.Context()
	store := h.Open(NewClock(Start).Now)
	batch := Claims(60)
	for i := range batch {
		batch[i].Subject.Group.ID = fmt.Sprint("rsp-", i%7)
	}
	claim(ctx, t, store, "a", batch...)
	for i, ok := range settle(ctx, t, store, "a", true, batch...) {
		if !ok {
			t.Errorf("settlement %d: lost", i)
		}
	}
	for i, v := range claim(ctx, t, store, "b", batch...) {
		if v.Standing != idempotency.Duplicate {
			t.Errorf("claim %d: %s", i, v.Standing)
		}
	}
}

func lookAlikes(t *testing.T, h Harness) {
	store := h.Open(NewClock(Start).Now)
	subject := func(region, group, server, ip string, port int) idempotency.Claim {
		return idempotency.Claim{
			Subject: idempotency.Subject{Group: vsg.Group{RegionID: region, ID: group}, Backend: vsg.Identity{ServerID: server, ServerIP: ip, Port: port}},
			Action:  vsg.Add, Key: "same",
		}
	}
	batch := []idempotency.Claim{
		subject("r", "g", "s", "", 80), subject("r", "g", "s", "", 81), subject("r", "g", "s", "10.0.0.1", 80),
		subject("r", "g2", "s", "", 80), subject("r2", "g", "s", "", 80), subject("r", "g/s", "", "", 80),
		subject("r/g", "s", "", "", 80), subject("r", "g", "s/", "", 80), subject("r", "{g}", "s:", "", 80),
		subject("r", "{g", "s:", "", 80), subject("r", "g", "s%2F", "", 80), subject("r", "ü", "\x00", "", 80),
	}
	for i, c := range batch {
		if v := claim(t.Context(), t, store, "a", c)[0]; v.Standing != idempotency.Claimed {
			t.Errorf("%+v: %s", batch[i].Subject, v.Standing)
		}
	}
}

// clockSkew lets two hosts disagree as much as the store allows.
func clockSkew(t *testing.T, h Harness) {
	ctx := t.Context()
	behind, ahead := NewClock(Start), NewClock(Start.Add(h.Skew))
	slow, fast := h.Open(behind.Now), h.Open(ahead.Now)
	one, two := Claims(2)[0], Claims(2)[1]
	claim(ctx, t, slow, "slow", one)
	claim(ctx, t, fast, "fast", two)
	step := Hold - time.Millisecond
	behind.Advance(step)
	ahead.Advance(step)
	if v := claim(ctx, t, fast, "fast", one)[0]; v.Standing != idempotency.Held {
		t.Errorf("a host whose clock is ahead took over a claim before its time: %s", v.Standing)
	}
	if v := claim(ctx, t, slow, "slow", two)[0]; v.Standing != idempotency.Held {
		t.Errorf("a host whose clock is behind took over a claim before its time: %s", v.Standing)
	}
	behind.Advance(time.Hour)
	ahead.Advance(time.Hour)
	if v := claim(ctx, t, slow, "slow", two)[0]; v.Standing != idempotency.Claimed {
		t.Errorf("a host whose clock is behind never takes over: %s", v.Standing)
	}
}

func endedContext(t *testing.T, h Harness) {
	store := h.Open(NewClock(Start).Now)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := store.Claim(ctx, Owner("a"), Claims(2)); !errors.Is(err, context.Canceled) {
		t.Errorf("claim: %v, want %v", err, context.Canceled)
	}
	if _, err := store.Settle(ctx, Owner("a"), Settled(Claims(2), true)); !errors.Is(err, context.Canceled) {
		t.Errorf("settle: %v, want %v", err, context.Canceled)
	}
	for i, v := range claim(t.Context(), t, store, "b", Claims(2)...) {
		if v.Standing != idempotency.Claimed {
			t.Errorf("claim %d after a cancelled one: %s", i, v.Standing)
		}
	}
}

func badBatch(t *testing.T, h Harness) {
	store := h.Open(NewClock(Start).Now)
	good := Claims(2)
	twice, neither, nameless := Claims(1), Claims(1), Claims(1)
	twice = append(twice, twice[0])
	neither[0].Action = vsg.SetWeight
	nameless[0].Key = ""
	for name, try := range map[string]struct {
		owner idempotency.Owner
		batch []idempotency.Claim
	}{
		"a subject twice": {Owner("a"), twice},
		"another action":  {Owner("a"), neither},
		"no key":          {Owner("a"), nameless},
		"no owner":        {Owner(""), good},
	} {
		if _, err := store.Claim(t.Context(), try.owner, try.batch); !errors.Is(err, idempotency.ErrBatch) {
			t.Errorf("%s: claim: %v", name, err)
		}
		if _, err := store.Settle(t.Context(), try.owner, Settled(try.batch, true)); !errors.Is(err, idempotency.ErrBatch) {
			t.Errorf("%s: settle: %v", name, err)
		}
	}
	if _, err := store.Claim(t.Context(), idempotency.Owner{Token: "a"}, good); !errors.Is(err, idempotency.ErrBatch) {
		t.Errorf("no hold: %v", err)
	}
}

func emptyBatch(t *testing.T, h Harness) {
	store := h.Open(NewClock(Start).Now)
	claim(t.Context(), t, store, "a")
	settle(t.Context(), t, store, "a", true)
}

func retention(t *testing.T, h Harness) {
	ctx := t.Context()
	clock := NewClock(Start)
	store := h.Open(clock.Now)
	done := Claims(1)[0]
	gone := idempotency.Claim{Subject: Subject(7), Action: vsg.Remove, Key: "T", At: Start}
	claim(ctx, t, store, "a", done, gone)
	settle(ctx, t, store, "a", true, done, gone)
	old := Claims(8)[7]
	old.At = Start.Add(-time.Minute)

	clock.Advance(idempotency.DefaultRetention - time.Second)
	for i, v := range claim(ctx, t, store, "b", done, old) {
		if want := []idempotency.Standing{idempotency.Duplicate, idempotency.Superseded}[i]; v.Standing != want {
			t.Errorf("claim %d before the record expires: %s, want %s", i, v.Standing, want)
		}
	}
	clock.Advance(time.Second)
	for i, v := range claim(ctx, t, store, "b", done, old) {
		if v.Standing != idempotency.Claimed {
			t.Errorf("claim %d after the record expired: %s", i, v.Standing)
		}
	}
}
