package idempotency_test

import (
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"slb-registrar/shared/idempotency"
	"slb-registrar/shared/vsg"
)

// delivery is one event on its way through an invocation that may be killed
// anywhere. It comes again until it is done.
type delivery struct {
	claim idempotency.Claim
	owner idempotency.Owner // of the invocation that holds the claim, if any
	done  bool
}

// Whatever comes, in whatever order, however often, and whoever is killed
// between whichever lines: in the end the backend is as the latest event wants.
func TestTheLatestEventHasItsWayWhateverHappens(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		var (
			rules  idempotency.Rules
			record idempotency.Record
			now    = idempotency.MomentOf(time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC))
			member bool // of the group, at the load balancer
			owners int
		)
		events := rapid.SliceOfN(rapid.Custom(func(t *rapid.T) *delivery {
			action := rapid.SampledFrom([]vsg.Action{vsg.Add, vsg.Remove}).Draw(t, "action")
			at := rapid.IntRange(1, 5).Draw(t, "at")
			return &delivery{claim: idempotency.Claim{
				Action: action, Key: fmt.Sprint(action, at), At: now.Time().Add(time.Duration(at) * time.Second)}}
		}), 1, 6).Draw(rt, "events")

		step := func(d *delivery, mayFail bool) {
			now++
			if d.owner.Token == "" {
				owners++
				owner := idempotency.Owner{Token: fmt.Sprint("owner-", owners), Hold: time.Minute}
				var verdict idempotency.Verdict
				record, verdict = rules.Claim(record, now, owner, d.claim)
				switch verdict.Standing {
				case idempotency.Claimed:
					d.owner = owner
				case idempotency.Duplicate, idempotency.Superseded:
					d.done = true
				}
				return
			}
			settle := func(completed bool) {
				var held bool
				s := idempotency.Settlement{Action: d.claim.Action, Key: d.claim.Key, At: d.claim.At, Completed: completed}
				record, held = rules.Settle(record, now, d.owner, s)
				if !held {
					rt.Fatalf("%s lost its claim while it was alive", d.claim.Key)
				}
			}
			fate := "completes"
			if mayFail {
				fate = rapid.SampledFrom([]string{"completes", "fails", "killed before", "killed after"}).Draw(rt, "fate")
			}
			if fate == "completes" || fate == "killed after" {
				member = d.claim.Action == vsg.Add
			}
			switch fate {
			case "completes":
				settle(true)
				d.done = true
			case "fails":
				settle(false)
			default:
				// The claim lapses. Nobody else is at work: what is alive holds
				// its own claim on the one record there is.
				now = now.Add(2 * time.Minute)
			}
			d.owner = idempotency.Owner{}
		}
		for range rapid.IntRange(0, 30).Draw(rt, "steps") {
			step(rapid.SampledFrom(events).Draw(rt, "event"), true)
		}
		for range 4 * len(events) { // from here on nothing fails any more
			for _, d := range events {
				step(d, false)
			}
		}

		latest := events[0].claim
		for _, d := range events {
			if !d.done {
				rt.Fatalf("%s is never done", d.claim.Key)
			}
			if d.claim.At.After(latest.At) || (d.claim.At.Equal(latest.At) && d.claim.Action == vsg.Remove) {
				latest = d.claim
			}
		}
		if want := latest.Action == vsg.Add; member != want {
			rt.Fatalf("member: %v, but the latest event is %s", member, latest.Key)
		}
	})
}

func TestARecordIsAValueThatItsSuccessorLeavesAlone(t *testing.T) {
	var rules idempotency.Rules
	owner := idempotency.Owner{Token: "a", Hold: time.Minute}
	now := idempotency.MomentOf(time.Unix(1_700_000_000, 0))
	var records []idempotency.Record
	var copies []string
	var record idempotency.Record
	for i := range 2 * idempotency.Remembered {
		c := idempotency.Claim{Action: vsg.Add, Key: fmt.Sprint("key-", i)}
		record, _ = rules.Claim(record, now, owner, c)
		record, _ = rules.Settle(record, now, owner, idempotency.Settlement{Action: c.Action, Key: c.Key, Completed: true})
		text, err := json.Marshal(record)
		if err != nil {
			t.Fatal(err)
		}
		records, copies = append(records, record), append(copies, string(text))
	}
	for i := range records {
		if text, _ := json.Marshal(records[i]); string(text) != copies[i] {
			t.Errorf("record %d was changed by a later one: %s, was %s", i, text, copies[i])
		}
	}
	if n := len(record.Done); n != idempotency.Remembered {
		t.Errorf("%d completed keys are remembered, want %d", n, idempotency.Remembered)
	}
}

// Files and tables hold this text: another one needs another version of them.
func TestTheWrittenFormOfARecordStands(t *testing.T) {
	record := idempotency.Record{
		Holding:    idempotency.Holding{Owner: "o", Until: 1, Action: vsg.Add, Key: "k", At: 2},
		LaunchedAt: 3, RemovedAt: 4,
		Removals: []idempotency.Sighting{{Key: "r", At: 6}},
		Done:     []idempotency.Completion{{Action: vsg.Remove, Key: "d", Content: "c"}},
		DoneBy:   "b", Expires: 5,
	}
	const want = `{"h":{"o":"o","u":1,"a":"add","k":"k","t":2},"l":3,"r":4,"rs":[{"k":"r","t":6}],"d":[{"a":"remove","k":"d","c":"c"}],"by":"b","x":5}`
	text, err := json.Marshal(record)
	if err != nil || string(text) != want {
		t.Errorf("%s, want %s (%v)", text, want, err)
	}
	var back idempotency.Record
	if err := json.Unmarshal([]byte(want), &back); err != nil || !back.Equal(record) {
		t.Errorf("read back (-want +got):\n%s", cmp.Diff(record, back))
	}
}

func TestMomentsAreMicrosecondsAndZeroIsUnknown(t *testing.T) {
	at := time.Date(2026, 3, 1, 12, 0, 0, 123456789, time.UTC)
	if got, want := idempotency.MomentOf(at).Time(), at.Truncate(time.Microsecond); !got.Equal(want) {
		t.Errorf("%v, want %v", got, want)
	}
	if m := idempotency.MomentOf(time.Time{}); m != 0 || !m.Time().IsZero() {
		t.Errorf("the zero time is %d", m)
	}
	far := idempotency.MomentOf(time.Date(9999, 1, 1, 0, 0, 0, 0, time.UTC))
	if far != far.Add(time.Hour) || float64(far)+1 == float64(far) {
		t.Errorf("%d is not kept where doubles are exact", far)
	}
}
