package registrar_test

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"slb-registrar/shared/clbtest"
	"slb-registrar/shared/registrar"
	"slb-registrar/shared/vsg"
)

// plan is a random history: who wants what and when, and what goes wrong.
type plan struct {
	options clbtest.Options
	senders []planned
	turns   bool
	seed    uint64
}

type planned struct {
	at      time.Duration // all different, so that the order is known
	cancel  time.Duration // after at; 0: never
	timeout time.Duration // after at; 0: none
	changes []vsg.Change
}

const servers = 40

func drawPlan(t *rapid.T) plan {
	p := plan{turns: rapid.Bool().Draw(t, "turns"), seed: rapid.Uint64().Draw(t, "jitter")}
	p.options = clbtest.Options{
		Latency:     time.Duration(rapid.SampledFrom([]int{0, 1, 80, 500}).Draw(t, "latency")) * ms,
		Settle:      time.Duration(rapid.SampledFrom([]int{0, 0, 50, 300, 900}).Draw(t, "settle")) * ms,
		Duplicate:   rapid.SampledFrom(duplicates).Draw(t, "duplicate"),
		NameServers: rapid.Bool().Draw(t, "named"),
		MaxBackends: rapid.SampledFrom([]int{10, 30, 2000, 2000}).Draw(t, "room"),
	}
	p.options.State.LoadBalancers = []clbtest.LoadBalancer{groups("lb-1", "rsp-a", "rsp-b"), groups("lb-2", "rsp-c")}
	for i := range servers {
		in := clbtest.Instance{InstanceID: server(i)}
		switch rapid.IntRange(0, 15).Draw(t, "server") {
		case 0:
			continue // does not exist
		case 1:
			in.RunningAfter = "3s"
		}
		p.options.State.Instances = append(p.options.State.Instances, in)
	}
	codes := []string{
		"BackendServer.configuring", "VServerGroupProcessing", "Throttling.User", "SystemBusy", "InternalError",
		"ServiceUnavailable", "SignatureNonceUsed", "InvalidBackendServers.ServerIpConflict", "NeverSeenBefore",
		"InstanceBackendServerNumberOverLimit", "ObtainIpFail", "Forbidden.RAM", "BackendServersMalformed",
	}
	for range rapid.IntRange(0, 4).Draw(t, "faults") {
		f := clbtest.Fault{Times: rapid.IntRange(1, 6).Draw(t, "times")}
		f.Action = rapid.SampledFrom([]string{"", addAction, removeAction, describeAction}).Draw(t, "action")
		if rapid.Bool().Draw(t, "one") {
			f.ServerID = server(rapid.IntRange(0, servers-1).Draw(t, "which"))
		}
		if rapid.Bool().Draw(t, "sometimes") {
			f.Probability, f.Seed = new(0.5), rapid.Uint64().Draw(t, "seed")
		}
		switch rapid.IntRange(0, 3).Draw(t, "effect") {
		case 0:
			f.Effect.Reset = rapid.SampledFrom([]string{clbtest.ResetBefore, clbtest.ResetAfter}).Draw(t, "reset")
		case 1:
			f.Effect.Body = rapid.SampledFrom([]string{clbtest.BodyTruncated, clbtest.BodyHTML, clbtest.BodyNumericCode}).Draw(t, "body")
			if f.Effect.Body != clbtest.BodyTruncated {
				f.Effect.HTTPStatus = 502
			}
		case 2:
			f.Effect.Latency = rapid.SampledFrom([]string{"1s", "4s", "30s"}).Draw(t, "slow")
		default:
			f.Effect.Code = rapid.SampledFrom(codes).Draw(t, "code")
		}
		p.options.Faults = append(p.options.Faults, f)
	}
	at := time.Duration(0)
	for range rapid.IntRange(1, 8).Draw(t, "senders") {
		s := planned{at: at}
		at += time.Duration(rapid.SampledFrom([]int{1, 20, 81, 700}).Draw(t, "gap")) * ms
		switch rapid.IntRange(0, 5).Draw(t, "end") {
		case 0:
			s.cancel = time.Duration(rapid.IntRange(1, 3000).Draw(t, "cancel")) * ms
		case 1:
			s.timeout = time.Duration(rapid.IntRange(1, 20000).Draw(t, "timeout")) * ms
		}
		for range rapid.IntRange(1, 30).Draw(t, "changes") {
			c := change(
				rapid.SampledFrom([]vsg.Action{vsg.Add, vsg.Add, vsg.Add, vsg.Remove}).Draw(t, "do"),
				rapid.SampledFrom([]string{"rsp-a", "rsp-b", "rsp-c"}).Draw(t, "group"),
				rapid.IntRange(0, servers-1).Draw(t, "n"))
			c.Launch = fmt.Sprint(len(p.senders), rapid.Bool().Draw(t, "relaunch"))
			s.changes = append(s.changes, c)
		}
		p.senders = append(p.senders, s)
	}
	return p
}

// hangs reports whether calls may take longer than anybody waits for them.
func (p plan) hangs() bool {
	return slices.ContainsFunc(p.options.Faults, func(f clbtest.Fault) bool { return f.Effect.Latency == "30s" })
}

// spot is a backend of a group.
type spot struct {
	group string
	id    vsg.Identity
}

// wish is a change as it was accepted, and its outcome.
type wish struct {
	vsg.Change
	vsg.Outcome
}

// run lets a plan happen and returns what does not hold.
func (p plan) run(t *testing.T) (problems []string) {
	complain := func(format string, args ...any) { problems = append(problems, fmt.Sprintf(format, args...)) }
	options := registrar.Options{}
	if p.turns {
		options.Turns = newLine()
	}
	r := newRig(t, p.options, options)
	r.Seed(p.seed)
	outcomes := make([][]vsg.Outcome, len(p.senders))
	done := make(chan int)
	for i, s := range p.senders {
		go func() {
			defer func() { done <- i }()
			<-time.After(s.at)
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			if s.timeout > 0 {
				ctx, cancel = context.WithTimeout(ctx, s.timeout)
				defer cancel()
			}
			if s.cancel > 0 {
				defer time.AfterFunc(s.cancel, cancel).Stop()
			}
			start := time.Now()
			outcomes[i], _ = r.Apply(ctx, r.api(), slices.Clone(s.changes))
			// Whoever gives up waits for the calls in flight, and no longer.
			if end := max(s.timeout, s.cancel); end > 0 && time.Since(start) > end+10*time.Second {
				complain("sender %d: returned after %v, wanted %v", i, time.Since(start), end)
			}
		}()
	}
	for range p.senders {
		<-done
	}
	synctest.Wait()
	if err := r.Rest(); err != nil {
		complain("left behind: %v", err)
	}

	wishes := map[spot][]wish{}
	for i, s := range p.senders {
		for j, c := range s.changes {
			o := outcomes[i][j]
			switch o.Status {
			case vsg.Added, vsg.Already, vsg.Removed, vsg.Absent, vsg.Rejected, vsg.Retry:
			default:
				complain("sender %d, change %d: %+v", i, j, o)
			}
			at := spot{c.Group.ID, c.Backend.Identity()}
			wishes[at] = append(wishes[at], wish{c, o})
		}
	}
	applied := map[spot][]vsg.Action{}
	for _, c := range r.sim.Calls() {
		action := map[string]vsg.Action{addAction: vsg.Add, removeAction: vsg.Remove}[c.Action]
		if action == "" {
			continue
		}
		if len(c.Backends) < 1 || len(c.Backends) > 20 {
			complain("a call with %d backends", len(c.Backends))
		}
		seen := map[vsg.Identity]bool{}
		for _, b := range c.Backends {
			id := vsg.Identity{ServerID: b.ServerID, ServerIP: b.ServerIP, Port: b.Port}
			if seen[id] {
				complain("%v twice in a call", id)
			}
			seen[id] = true
			if c.HTTPStatus == 200 && c.Code == "" {
				applied[spot{c.VServerGroupID, id}] = append(applied[spot{c.VServerGroupID, id}], action)
			}
		}
	}
	for at, actions := range applied {
		if p.hangs() {
			// A call that was given up for lost may take effect between the reading
			// back and its repetition. That is why all calls are such that it does
			// no harm.
			actions = slices.Compact(actions)
		}
		if !inOrder(actions, wishes[at]) {
			complain("%v: applied %v, wanted %v", at, actions, wishes[at])
		}
	}
	for at, w := range wishes {
		last := w[len(w)-1]
		is := r.members(at.group)[at.id]
		switch {
		case is > 1:
			complain("%v is %d times a member", at, is)
		case (last.Status == vsg.Added || last.Status == vsg.Already) && is == 0,
			(last.Status == vsg.Removed || last.Status == vsg.Absent) && is == 1:
			complain("%v: %s, and a member %d times; %v", at, last.Status, is, w)
		}
	}
	return problems
}

// inOrder reports whether actions can be the effects of wishes: each of a wish
// of its own or of the wishes that want the same in a row, none before an
// earlier one.
func inOrder(actions []vsg.Action, wishes []wish) bool {
	next := 0
	for _, a := range actions {
		for next < len(wishes) && wishes[next].Action != a {
			next++
		}
		if next == len(wishes) {
			return false
		}
		next++
	}
	return true
}

func TestNothingIsLostOrDoneTwiceWhateverHappens(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		p := drawPlan(rt)
		var problems []string
		synctest.Test(t, func(t *testing.T) { problems = p.run(t) })
		for _, problem := range problems {
			rt.Error(problem)
		}
	})
}
