package main

import (
	"fmt"

	"slb-registrar/shared/clbtest"
)

// certain says what is wrong with the backends of an activity at a moment at
// which it counts as done: they have to be there or gone, unless something
// later has happened to them.
func (f *findings) certain(promise string, a *activity, moment int64, tracks map[backend]*track) {
	for _, b := range a.backends() {
		t := tracks[b]
		if t.latest(moment) != a {
			continue
		}
		member, last := t.member(moment)
		if member == a.launch {
			continue
		}
		if last != nil && last.call.orphan {
			continue
		}
		f.broke(promise, "%s: %s is a member: %v", a, b, member)
		return
	}
}

// acknowledged checks that every message was, and none before its effect.
func (f *findings) acknowledged(activities []*activity, tracks map[backend]*track) {
	for _, a := range activities {
		if a.published == 0 {
			continue
		}
		for _, moment := range a.acks {
			f.certain("acknowledged before its effect", a, moment, tracks)
		}
		if a.missing != "" && len(a.acks) > 0 {
			f.broke("acknowledged before its effect", "%s names %s, which does not exist", a, a.missing)
		}
		if a.poison && len(a.acks) > 0 {
			f.broke("a broken message was taken for a good one", "%s: %s", a, a.body)
		}
		if n := len(a.acks) + a.parked; n != len(a.copies) {
			f.broke("a message is never done", "%s: %d of %d copies", a, n, len(a.copies))
		}
	}
}

// hooks checks that every hook was completed, once, and not before its changes.
func (f *findings) hooks(h *history, tracks map[backend]*track) {
	actions := map[string]clbtest.LifecycleAction{}
	for _, a := range h.state.LifecycleActions {
		actions[a.LifecycleActionToken] = a
	}
	completions := map[string][]*call{}
	for _, c := range h.calls {
		if c.Action == actionComplete && c.succeeded() {
			completions[c.token] = append(completions[c.token], c)
		}
	}
	for _, a := range h.activities {
		if a.published == 0 || !a.form.isHook() {
			continue
		}
		done := completions[a.token()]
		for _, c := range done {
			if c.clientToken != done[0].clientToken || c.clientToken == "" || c.result != done[0].result {
				f.broke("a hook's completion succeeded twice", "%s: %s with %q by %s, %s with %q by %s", a,
					done[0].result, done[0].clientToken, done[0].from, c.result, c.clientToken, c.from)
			}
		}
		switch {
		case len(done) > 0 && a.missing != "":
			f.broke("a hook was completed whose change failed", "%s, of %s", a, a.missing)
		case len(done) > 0 && done[0].result != "CONTINUE":
			f.broke("a hook was completed with the wrong result", "%s: %s", a, done[0].result)
		case len(done) > 0:
			f.certain("a hook was completed before its changes", a, done[0].arrived, tracks)
		case a.missing == "" && !a.overtaken(tracks):
			f.broke("a hook was never completed", "%s: %s", a, actions[a.token()].Status)
		}
	}
}

// overtaken reports whether something later was told of all instances of a
// launch before it was done, so that nobody need answer its hook.
func (a *activity) overtaken(tracks map[backend]*track) bool {
	for _, b := range a.backends() {
		last := tracks[b].latest(a.firstAck)
		if !a.launch || last == a {
			return false
		}
	}
	return true
}

// finally compares the state of the load balancers with what it has to be.
func (f *findings) finally(state clbtest.State, tracks map[backend]*track) {
	members := map[backend]clbtest.Backend{}
	for _, lb := range state.LoadBalancers {
		for _, g := range lb.VServerGroups {
			for _, m := range g.Backends {
				members[backend{g.VServerGroupID, m.ServerID, m.Port}] = m
			}
		}
	}
	for _, b := range sortedBackends(tracks) {
		t := tracks[b]
		last := t.activities[len(t.activities)-1]
		m, member := members[b]
		delete(members, b)
		wrong := ""
		switch {
		case last.launch && !member:
			wrong = "is missing"
		case !last.launch && member:
			wrong = "is still there"
		case member:
			if want := (clbtest.Backend{ServerID: b.server, Port: b.port, Weight: last.weightOf(b), Type: "ecs", Description: description}); m != want {
				wrong = fmt.Sprintf("is %+v, not %+v", m, want)
			}
		}
		if wrong == "" {
			continue
		}
		if n := len(t.changes); n > 0 && t.changes[n-1].call.orphan {
			f.late++ // named by the promise; a reconcile run repairs it
			continue
		}
		f.broke("the load balancer is not as it should be", "%s %s after %s; %s", b, wrong, last, t)
	}
	for b := range members {
		f.broke("the load balancer is not as it should be", "%s is there, and no event asked for it", b)
	}
}

func (a *activity) weightOf(b backend) int {
	for _, p := range a.places {
		if p.group == b.group && p.port == b.port {
			return p.weight
		}
	}
	return -1
}

// String tells the story of a backend.
func (t *track) String() string {
	text := "its events:"
	for _, a := range t.activities {
		text += fmt.Sprintf(" [%d] %s at %s, acknowledged at %d;", a.published, a, a.at.Format("15:04:05.000"), a.firstAck)
	}
	text += " its changes:"
	for _, c := range t.changes {
		verb := "removed"
		if c.add {
			verb = "added"
		}
		text += fmt.Sprintf(" [%d] %s by %s, sent before %d;", c.call.effect, verb, c.call.from, c.call.arrived)
	}
	return text
}
