package storetest

import (
	"fmt"
	"testing"
	"time"

	"slb-registrar/shared/idempotency"
	"slb-registrar/shared/vsg"
)

// world is one backend, its record and a clock.
type world struct {
	t     *testing.T
	clock *Clock
	store idempotency.Store
}

func newWorld(t *testing.T, h Harness) *world {
	clock := NewClock(Start)
	return &world{t: t, clock: clock, store: h.Open(clock.Now)}
}

type step func(*world)

// change is a claim of the world's one backend. Times are seconds before or
// after the start; none is unknown.
func change(action vsg.Action, key string, at ...int) idempotency.Claim {
	c := idempotency.Claim{Subject: Subject(1), Action: action, Key: key, Content: "100"}
	if len(at) > 0 {
		c.At = Start.Add(time.Duration(at[0]) * time.Second)
	}
	return c
}

func launch(key string, at ...int) idempotency.Claim  { return change(vsg.Add, key, at...) }
func removal(key string, at ...int) idempotency.Claim { return change(vsg.Remove, key, at...) }

func pending(c idempotency.Claim) idempotency.Claim { c.Pending = true; return c }

// claims is a claim and what the store must say to it.
func claims(owner string, c idempotency.Claim, want idempotency.Standing) step {
	return func(w *world) {
		w.t.Helper()
		got := claim(w.t.Context(), w.t, w.store, owner, c)[0]
		if got.Standing != want {
			w.t.Fatalf("%s claims %s %s: %s, want %s", owner, c.Action, c.Key, got.Standing, want)
		}
		if (got.Standing == idempotency.Held) != got.HeldUntil.After(w.clock.Now()) {
			w.t.Fatalf("%s claims %s %s: %s until %v", owner, c.Action, c.Key, got.Standing, got.HeldUntil)
		}
	}
}

func settles(owner string, c idempotency.Claim, completed, want bool) step {
	return func(w *world) {
		w.t.Helper()
		if got := settle(w.t.Context(), w.t, w.store, owner, completed, c)[0]; got != want {
			w.t.Fatalf("%s settles %s %s: %v, want %v", owner, c.Action, c.Key, got, want)
		}
	}
}

func completes(owner string, c idempotency.Claim) step { return settles(owner, c, true, true) }
func releases(c idempotency.Claim) step                { return settles("a", c, false, true) }

// did is a change that was claimed and completed.
func did(c idempotency.Claim) step {
	return func(w *world) {
		w.t.Helper()
		claims("early", c, idempotency.Claimed)(w)
		completes("early", c)(w)
	}
}

func after(d time.Duration) step { return func(w *world) { w.clock.Advance(d) } }

// lapse lets every claim lapse, whatever margin the store adds.
var lapse = after(2 * Hold)

// The standings, short enough for a table.
const (
	claimed    = idempotency.Claimed
	duplicate  = idempotency.Duplicate
	superseded = idempotency.Superseded
	held       = idempotency.Held
)

// table is the one of package idempotency's documentation, row by row, and
// then what follows from it.
var table = []struct {
	name  string
	steps []step
}{
	{"1 a launch before the removal", []step{did(removal("T", 20)), claims("a", launch("L", 10), superseded)}},
	{"1 a launch at the time of the removal", []step{did(removal("T", 20)), claims("a", launch("L", 20), superseded)}},
	{"1 a launch before a removal that was outlived", []step{
		did(removal("T", 20)), did(launch("L2", 30)), claims("a", launch("L1", 10), superseded)}},
	{"1 a launch before a removal that is being done", []step{
		claims("a", removal("T", 20), claimed), claims("b", launch("L", 10), superseded)}},
	{"1 a pending launch before the removal", []step{did(removal("T", 20)), claims("a", pending(launch("L", 10)), superseded)}},
	{"2 a launch without a time after a removal", []step{did(removal("T", 20)), claims("a", launch("L"), superseded)}},
	{"2 a launch without a time while a removal is being done", []step{
		claims("a", removal("T", 20), claimed), claims("b", launch("L"), superseded)}},
	{"2 a launch without a time after two without", []step{
		did(launch("L1")), did(removal("T")), claims("a", launch("L2"), superseded)}},
	{"2 a pending launch without a time after a removal", []step{did(removal("T", 20)), claims("a", pending(launch("L")), claimed)}},
	{"2 a pending launch without a time while a removal is being done", []step{
		claims("a", removal("T", 20), claimed), claims("b", pending(launch("L")), held)}},
	{"2 a completed launch, removed since", []step{
		did(launch("L", 10)), did(removal("T", 20)), claims("a", launch("L", 10), superseded)}},
	{"2 a completed launch, removed since, published again later", []step{
		did(launch("L", 10)), did(removal("T", 20)), claims("a", launch("L", 30), superseded)}},
	{"2 a completed launch without a time, removed since", []step{
		did(launch("L")), did(removal("T", 20)), claims("a", launch("L"), superseded)}},
	{"2 a completed launch without a time, removed since, and pending", []step{
		did(launch("L")), did(removal("T", 20)), claims("a", pending(launch("L")), claimed)}},
	{"3 a completed launch", []step{did(launch("L", 10)), claims("a", launch("L", 10), duplicate)}},
	{"3 a completed launch without a time", []step{did(launch("L")), claims("a", launch("L"), duplicate)}},
	{"3 a completed launch after a removal without a time", []step{
		did(removal("T", 20)), did(launch("L", 30)), claims("a", launch("L", 30), duplicate)}},
	{"3 a completed launch while another is being done", []step{
		did(launch("L1", 10)), claims("a", launch("L2", 20), claimed), claims("b", launch("L1", 10), duplicate)}},
	{"3 both of two completed launches", []step{
		did(launch("L1", 10)), did(launch("L2", 10)), claims("a", launch("L1", 10), duplicate), claims("a", launch("L2", 10), duplicate)}},
	{"4 a launch that is being done", []step{claims("a", launch("L", 10), claimed), claims("b", launch("L", 10), held)}},
	{"4 another launch than that which is being done", []step{
		claims("a", launch("L1", 10), claimed), claims("b", launch("L2", 5), held)}},
	{"4 a launch after a removal that is being done", []step{
		claims("a", removal("T", 20), claimed), claims("b", launch("L", 30), held),
		completes("a", removal("T", 20)), claims("b", launch("L", 30), claimed)}},
	{"4 another launch of the same owner", []step{
		claims("a", launch("L1", 10), claimed), claims("a", launch("L2", 10), held)}},
	{"5 a launch of a backend that nobody knows", []step{claims("a", launch("L", 10), claimed)}},
	{"5 a launch without a time of a backend that nobody knows", []step{claims("a", launch("L"), claimed)}},
	{"5 a launch after the removal", []step{did(removal("T", 20)), claims("a", launch("L", 21), claimed)}},
	{"5 another launch", []step{did(launch("L1", 10)), claims("a", launch("L2", 20), claimed)}},
	{"5 a launch without a time after a removal that was outlived", []step{
		did(removal("T", 20)), did(launch("L1", 30)), claims("a", launch("L2"), claimed)}},
	{"5 a launch whose claim has lapsed", []step{
		claims("a", launch("L", 10), claimed), lapse, claims("b", launch("L", 10), claimed)}},
	{"5 a launch claimed again by its owner", []step{
		claims("a", launch("L", 10), claimed), claims("a", launch("L", 10), claimed), completes("a", launch("L", 10))}},
	{"5 a launch that was released", []step{
		claims("a", launch("L", 10), claimed), releases(launch("L", 10)), claims("b", launch("L", 10), claimed)}},
	{"5 a launch after a removal whose claim has lapsed", []step{
		claims("a", removal("T", 25), claimed), lapse, claims("b", launch("L", 30), claimed)}},

	{"6 a completed removal", []step{did(removal("T", 20)), claims("a", removal("T", 20), duplicate)}},
	{"6 a completed removal without a time", []step{did(removal("T")), claims("a", removal("T"), duplicate)}},
	{"6 a completed removal while a later launch is being done", []step{
		did(removal("T", 20)), claims("a", launch("L", 30), claimed), claims("b", removal("T", 20), duplicate)}},
	{"7 a completed removal, launched since", []step{
		did(removal("T", 20)), did(launch("L", 30)), claims("a", removal("T", 20), superseded)}},
	{"7 a completed removal without a time, launched since", []step{
		did(removal("T")), after(time.Second), did(launch("L", 30)), claims("a", removal("T"), superseded)}},
	{"7 a completed removal, a pending launch since", []step{
		did(removal("T", 20)), did(pending(launch("L"))), claims("a", removal("T", 20), superseded)}},
	{"8 a removal before the launch", []step{did(launch("L", 30)), claims("a", removal("T", 20), superseded)}},
	{"8 a second removal before a pending launch", []step{
		did(removal("T1", 20)), did(pending(launch("L"))), claims("a", removal("T2", 20), superseded)}},
	{"8 a removal told by another source before the pending launch was claimed", []step{
		did(removal("T1", 20)), after(100 * time.Second), did(pending(launch("L"))), claims("a", removal("T2", 60), superseded)}},
	{"8 a removal without a time that came again after another one and a launch", []step{
		claims("a", removal("T1"), claimed), releases(removal("T1")), after(time.Second), did(removal("T2")),
		after(time.Second), did(launch("L", 2)), after(time.Minute), claims("a", removal("T1"), superseded)}},
	{"8 a removal without a time whose first sight a later one does not move", []step{
		claims("a", removal("T1"), claimed), releases(removal("T1")), after(time.Second), claims("a", removal("T2", 1), claimed), releases(removal("T2", 1)),
		after(time.Second), claims("a", removal("T1"), claimed), releases(removal("T1")), did(launch("L", 2)), after(time.Minute), claims("a", removal("T1"), superseded)}},
	{"10 a removal after a pending launch was claimed", []step{
		did(removal("T1", 20)), after(100 * time.Second), did(pending(launch("L"))), claims("a", removal("T2", 101), claimed)}},
	{"10 a removal without a time whose first sight is forgotten", []step{
		func(w *world) {
			for i := range idempotency.Sighted + 1 {
				c := removal(fmt.Sprint("T", i))
				claims("a", c, claimed)(w)
				releases(c)(w)
				after(time.Second)(w)
			}
			after(time.Second)(w)
			did(launch("L", idempotency.Sighted+2))(w)
			after(time.Minute)(w)
			claims("a", removal("T1"), superseded)(w)
			claims("a", removal("T0"), claimed)(w)
		}}},
	{"8 a removal without a time that was first seen before the launch", []step{
		claims("a", removal("T"), claimed), lapse, did(launch("L", 200)), after(10 * time.Minute), claims("b", removal("T"), superseded)}},
	{"9 a removal while a launch is being done", []step{
		claims("a", launch("L", 10), claimed), claims("b", removal("T", 20), held)}},
	{"9 a removal before the launch that is being done", []step{
		claims("a", launch("L", 30), claimed), claims("b", removal("T", 20), held)}},
	{"9 a removal that is being done", []step{claims("a", removal("T", 20), claimed), claims("b", removal("T", 20), held)}},
	{"9 a removal of the same owner's launch", []step{
		claims("a", launch("L", 10), claimed), claims("a", removal("T", 20), held)}},
	{"10 a removal of a backend that nobody knows", []step{claims("a", removal("T", 20), claimed)}},
	{"10 a removal after the launch", []step{did(launch("L", 10)), claims("a", removal("T", 20), claimed)}},
	{"10 a removal at the time of the launch", []step{did(launch("L", 10)), claims("a", removal("T", 10), claimed)}},
	{"10 a removal without a time", []step{did(launch("L", 10)), claims("a", removal("T"), claimed)}},
	{"10 a removal of a launch without a time", []step{did(launch("L")), claims("a", removal("T", 20), claimed)}},
	{"10 another removal", []step{did(removal("T1", 20)), claims("a", removal("T2", 15), claimed)}},
	{"10 a removal whose claim has lapsed", []step{
		claims("a", removal("T", 20), claimed), lapse, claims("b", removal("T", 20), claimed)}},
	{"10 a removal claimed again by its owner", []step{
		claims("a", removal("T", 20), claimed), claims("a", removal("T", 20), claimed), completes("a", removal("T", 20))}},

	{"a held removal supersedes the launch when it comes again", []step{
		claims("a", launch("L", 10), claimed), claims("b", removal("T", 20), held), claims("c", launch("L", 10), superseded),
		lapse, claims("c", launch("L", 10), superseded), claims("b", removal("T", 20), claimed)}},
	{"the launch that a held removal waits for can be completed, and is undone", []step{
		claims("a", launch("L", 10), claimed), claims("b", removal("T", 20), held), completes("a", launch("L", 10)),
		claims("a", launch("L", 10), superseded), claims("b", removal("T", 20), claimed), completes("b", removal("T", 20))}},
	{"a launch without a time is undone by the removal that waits for it", []step{
		claims("a", launch("L"), claimed), claims("b", removal("T"), held), completes("a", launch("L")),
		claims("b", removal("T"), claimed)}},
	{"a removal without a time undoes a launch whose clock is ahead", []step{
		claims("a", launch("L", 5), claimed), claims("b", removal("T"), held), completes("a", launch("L", 5)),
		claims("b", removal("T"), claimed)}},
	{"a held removal before the launch is superseded when that is completed", []step{
		claims("a", launch("L", 30), claimed), claims("b", removal("T", 20), held), completes("a", launch("L", 30)),
		claims("b", removal("T", 20), superseded)}},
	{"a held removal acts when the later launch is refused", []step{
		claims("a", launch("L", 30), claimed), claims("b", removal("T", 20), held), releases(launch("L", 30)),
		claims("b", removal("T", 20), claimed)}},
	{"a released removal keeps its time", []step{
		claims("a", removal("T", 20), claimed), releases(removal("T", 20)),
		claims("b", launch("L1", 10), superseded), claims("b", launch("L2", 30), claimed)}},
	{"a released removal can come again", []step{
		claims("a", removal("T", 20), claimed), releases(removal("T", 20)), did(removal("T", 20))}},
	{"a removal of a killed process keeps its time", []step{
		claims("a", removal("T", 20), claimed), lapse, claims("b", launch("L", 10), superseded)}},
	{"an old launch does not make the record older", []step{
		did(launch("L2", 30)), did(launch("L1", 10)), claims("a", removal("T", 20), superseded)}},
	{"launch, removal, launch again, removal again", []step{
		did(launch("L1", 10)), did(removal("T1", 20)), did(launch("L2", 30)), did(removal("T2", 40)),
		claims("a", launch("L1", 10), superseded), claims("a", removal("T1", 20), duplicate),
		claims("a", launch("L2", 30), superseded), claims("a", removal("T2", 40), duplicate)}},
	{"a takeover wins with its new content", []step{
		claims("a", launch("L", 10), claimed), lapse, claims("b", launch("L", 10), claimed),
		settles("a", launch("L", 10), true, false), completes("b", launch("L", 10)), claims("c", launch("L", 10), duplicate)}},
	{"who lost a claim can neither complete nor release it", []step{
		claims("a", launch("L", 10), claimed), lapse, claims("b", launch("L", 10), claimed),
		settles("a", launch("L", 10), true, false), settles("a", launch("L", 10), false, false),
		claims("c", launch("L", 10), held)}},
	{"a claim of another key cannot be settled", []step{
		claims("a", launch("L1", 10), claimed), settles("a", launch("L2", 10), true, false), completes("a", launch("L1", 10))}},
	{"nothing can be settled without a claim", []step{
		settles("a", launch("L", 10), true, false), did(launch("L", 10)), settles("a", launch("L", 10), true, false)}},
	{"a completion whose answer was lost can be sent again by its owner", []step{
		claims("a", launch("L", 10), claimed), completes("a", launch("L", 10)), completes("a", launch("L", 10)),
		settles("b", launch("L", 10), true, false), settles("a", launch("L", 10), false, false)}},
	{"a completion cannot be sent again over another", []step{
		claims("a", launch("L1", 10), claimed), completes("a", launch("L1", 10)), did(launch("L2", 10)),
		settles("a", launch("L1", 10), true, false)}},
	{"a lapsed claim that nobody took can be settled", []step{
		claims("a", launch("L", 10), claimed), lapse, completes("a", launch("L", 10)), claims("b", launch("L", 10), duplicate)}},
	{"a removal without a time supersedes a completed launch whose clock is ahead", []step{
		did(launch("L", 30)), did(removal("T")), claims("a", launch("L", 30), superseded), claims("a", removal("T"), duplicate)}},
	{"a removal at the time of the launch is the last word", []step{
		did(launch("L1", 10)), did(removal("T", 10)), claims("a", removal("T", 10), duplicate),
		claims("a", launch("L1", 10), superseded), claims("a", launch("L2"), superseded)}},
	{"a claim lasts until the very moment it lapses", []step{
		claims("a", launch("L", 10), claimed), func(w *world) {
			until := claim(w.t.Context(), w.t, w.store, "b", launch("L", 10))[0].HeldUntil
			w.clock.Advance(until.Sub(w.clock.Now()) - time.Microsecond)
		}, claims("b", launch("L", 10), held), after(time.Microsecond), claims("b", launch("L", 10), claimed)}},
	{"the last keys are remembered", []step{
		func(w *world) {
			for i := range idempotency.Remembered + 1 {
				did(launch(fmt.Sprint("L", i), 10))(w)
			}
		}, claims("a", launch("L1", 10), duplicate), claims("a", launch("L0", 10), claimed)}},
	{"times before 1970 are unknown and far ones are kept", []step{
		func(w *world) {
			ancient, far := launch("L"), removal("T")
			ancient.At, far.At = time.Date(1960, 1, 1, 0, 0, 0, 0, time.UTC), time.Date(9000, 1, 1, 0, 0, 0, 0, time.UTC)
			claims("a", ancient, claimed)(w)
			completes("a", ancient)(w)
			did(far)(w)
			claims("a", launch("L2", 10), superseded)(w)
		}}},
	{"times are told apart to the microsecond", []step{
		func(w *world) {
			t1, l1, l2 := removal("T", 20), launch("L1", 20), launch("L2", 20)
			l1.At, l2.At = l1.At.Add(999*time.Nanosecond), l2.At.Add(time.Microsecond)
			did(t1)(w)
			claims("a", l1, superseded)(w)
			claims("a", l2, claimed)(w)
		}}},
}
