package storetest

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"slb-registrar/shared/idempotency"
	"slb-registrar/shared/vsg"
)

// agreesWithRules drives the store and idempotency.Rules with the same random
// history and compares every answer.
func agreesWithRules(t *testing.T, h Harness) {
	clock := NewClock(Start)
	store := h.Open(clock.Now)
	rules := idempotency.Rules{Skew: h.Skew}
	run := 0
	rapid.Check(t, func(rt *rapid.T) {
		run++ // every history has backends of its own, so that one engine serves all
		records := map[idempotency.Subject]idempotency.Record{}
		subjects := make([]idempotency.Subject, 2)
		for i := range subjects {
			subjects[i] = Subject(i)
			subjects[i].Group.ID = fmt.Sprintf("rsp-%d", run)
		}
		start := clock.Now()
		change := rapid.Custom(func(t *rapid.T) idempotency.Claim {
			c := idempotency.Claim{
				Action:  rapid.SampledFrom([]vsg.Action{vsg.Add, vsg.Remove}).Draw(t, "action"),
				Key:     fmt.Sprint("key-", rapid.IntRange(0, 10).Draw(t, "key")),
				Pending: rapid.Bool().Draw(t, "pending"),
				Content: rapid.SampledFrom([]string{"", "100", "50"}).Draw(t, "content"),
			}
			if at := rapid.IntRange(0, 6).Draw(t, "at"); at > 0 {
				c.At = start.Add(time.Duration(at) * 30 * time.Second)
			}
			return c
		})
		batch := func() []idempotency.Claim {
			var claims []idempotency.Claim
			for i, subject := range subjects {
				if i == 0 || rapid.Bool().Draw(rt, "both") {
					c := change.Draw(rt, "change")
					c.Subject = subject
					claims = append(claims, c)
				}
			}
			return claims
		}
		owner := func() string { return rapid.SampledFrom([]string{"a", "b"}).Draw(rt, "owner") }
		rt.Repeat(map[string]func(*rapid.T){
			"claim": func(rt *rapid.T) {
				who, claims := Owner(owner()), batch()
				want := make([]idempotency.Verdict, len(claims))
				for i, c := range claims {
					records[c.Subject], want[i] = rules.Claim(records[c.Subject], idempotency.MomentOf(clock.Now()), who, c)
				}
				got, err := store.Claim(t.Context(), who, claims)
				if err != nil {
					rt.Fatal(err)
				}
				if diff := cmp.Diff(want, got); diff != "" {
					rt.Fatalf("%s claims %+v (-rules +store):\n%s", who.Token, claims, diff)
				}
			},
			"settle": func(rt *rapid.T) {
				who := Owner(owner())
				settlements := Settled(batch(), rapid.Bool().Draw(rt, "completed"))
				want := make([]bool, len(settlements))
				for i, s := range settlements {
					// Random keys would seldom meet the claim: settle what is held, mostly.
					if held := records[s.Subject].Holding; held.Key != "" && rapid.IntRange(0, 3).Draw(rt, "meet") > 0 {
						settlements[i].Action, settlements[i].Key = held.Action, held.Key
					}
					records[s.Subject], want[i] = rules.Settle(records[s.Subject], idempotency.MomentOf(clock.Now()), who, settlements[i])
				}
				got, err := store.Settle(t.Context(), who, settlements)
				if err != nil {
					rt.Fatal(err)
				}
				if diff := cmp.Diff(want, got); diff != "" {
					rt.Fatalf("%s settles %+v (-rules +store):\n%s", who.Token, settlements, diff)
				}
			},
			"wait": func(rt *rapid.T) {
				clock.Advance(rapid.SampledFrom([]time.Duration{time.Second, Hold, idempotency.DefaultRetention}).Draw(rt, "wait"))
			},
		})
	})
}
