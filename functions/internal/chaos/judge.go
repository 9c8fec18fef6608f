package main

import (
	"fmt"
	"slices"
	"time"

	"slb-registrar/shared/clbtest"
)

// violation is a promise that was not kept, and how.
type violation struct{ promise, how string }

// brokenError says which promises were broken, the first one in full.
type brokenError struct{ violations []violation }

func (e *brokenError) Error() string {
	kinds := map[string]int{}
	for _, v := range e.violations {
		kinds[v.promise]++
	}
	text := e.violations[0].promise + ": " + e.violations[0].how
	for _, v := range e.violations[1:min(len(e.violations), 12)] {
		text += "\n    also " + v.promise + ": " + v.how
	}
	if len(e.violations) > 1 {
		text += fmt.Sprintf("\n    in all: %v", kinds)
	}
	return text
}

// history is all that was seen in a run.
type history struct {
	activities []*activity
	calls      []*call // in the order of their effect
	deliveries []*delivery
	state      clbtest.State
}

// findings are what the history says.
type findings struct {
	violations []violation
	// orphans are requests that arrived after their sender had been killed;
	// late are backends of which the last addition was such a one, against what
	// had been decided meanwhile: the exception that the promise names.
	orphans, late int
	// again counts additions of what was there already because the record of
	// the first was lost with its process or its answer.
	again      int
	registered []time.Duration // from a launch to its registration
}

// track is what happened to one backend, in order.
type track struct {
	activities []*activity // by their time
	changes    []change
	drains     []int64 // when it lost its weight
}

// change is a successful call that added or removed a backend.
type change struct {
	call   *call
	add    bool
	weight int
}

func (h *history) judge() *findings {
	f := &findings{}
	tracks := h.tracks(f)
	byGeneration := map[*generation][]*delivery{}
	for _, d := range h.deliveries {
		byGeneration[d.to] = append(byGeneration[d.to], d)
	}
	for _, c := range h.calls {
		if c.orphan {
			f.orphans++
		}
	}
	for _, b := range sortedBackends(tracks) {
		t := tracks[b]
		f.twice(b, t, byGeneration)
		f.resurrected(b, t)
		f.latency(t)
	}
	f.acknowledged(h.activities, tracks)
	f.hooks(h, tracks)
	f.finally(h.state, tracks)
	return f
}

func (f *findings) broke(promise, format string, args ...any) {
	f.violations = append(f.violations, violation{promise, fmt.Sprintf(format, args...)})
}

// tracks sorts what happened by backend.
func (h *history) tracks(f *findings) map[backend]*track {
	tracks := map[backend]*track{}
	for _, a := range h.activities {
		if a.published == 0 {
			continue
		}
		for _, b := range a.backends() {
			if tracks[b] == nil {
				tracks[b] = &track{}
			}
			tracks[b].activities = append(tracks[b].activities, a)
		}
	}
	for _, t := range tracks {
		slices.SortFunc(t.activities, func(a, b *activity) int { return a.at.Compare(b.at) })
	}
	for _, c := range h.calls {
		if !c.succeeded() || c.Action != actionAdd && c.Action != actionRemove && c.Action != actionWeight {
			continue
		}
		for _, m := range c.Backends {
			b := backend{c.VServerGroupID, m.ServerID, m.Port}
			if tracks[b] != nil && c.Action == actionWeight {
				if m.Weight == 0 {
					tracks[b].drains = append(tracks[b].drains, c.effect)
				}
				continue
			}
			if tracks[b] == nil {
				f.broke("a backend was touched that no event names", "%s of %s by %s", c.Action, b, c.from)
				continue
			}
			tracks[b].changes = append(tracks[b].changes, change{c, c.Action == actionAdd, m.Weight})
		}
	}
	return tracks
}

func sortedBackends(tracks map[backend]*track) []backend {
	var out []backend
	for b := range tracks {
		out = append(out, b)
	}
	slices.SortFunc(out, func(a, b backend) int {
		if a.String() < b.String() {
			return -1
		}
		return 1
	})
	return out
}

// member reports whether the backend was a member at a moment, and which
// change made it so or not.
func (t *track) member(moment int64) (bool, *change) {
	member := false
	var last *change
	for i := range t.changes {
		c := &t.changes[i]
		if c.call.effect >= moment {
			break
		}
		if c.add != member {
			member, last = c.add, c
		}
	}
	return member, last
}

// latest is the latest activity of those that had been published by a moment.
func (t *track) latest(moment int64) *activity {
	var last *activity
	for _, a := range t.activities {
		if a.published < moment {
			last = a
		}
	}
	return last
}

// twice looks for launches that added a backend again.
func (f *findings) twice(b backend, t *track, deliveries map[*generation][]*delivery) {
	var first *change // that made it a member
	since := int64(0) // when it became one
	for i := range t.changes {
		c := &t.changes[i]
		switch {
		case !c.add:
			first = nil
		case first == nil:
			first, since = c, c.call.effect
		case t.drained(since, first.call.effect):
			// The launch has to see the weight that a drain has left there, and
			// it is not done before it has given it back.
			f.again++
			first = c
		default:
			f.addedAgain(b, t, first, c, deliveries)
			first = c
		}
	}
}

// drained reports whether the backend lost its weight between two moments.
func (t *track) drained(from, to int64) bool {
	return slices.ContainsFunc(t.drains, func(moment int64) bool { return from < moment && moment < to })
}

// addedAgain judges an addition of what was a member already. It is right if it
// is of another launch, and it cannot be helped if nobody was left who knew of
// the first: its process died before it had written it down, or its answer was
// lost and the invocation over before it could look.
func (f *findings) addedAgain(b backend, t *track, first, second *change, deliveries map[*generation][]*delivery) {
	before, after := carriers(t, first.call, deliveries), carriers(t, second.call, deliveries)
	shared := false
	for a := range after {
		if _, ok := before[a]; ok && len(before) == 1 && len(after) == 1 {
			shared = true
			died, same := false, false
			for _, d := range before[a] {
				died = died || d.died || d.tooLate(first.call)
				same = same || slices.Contains(after[a], d)
			}
			switch {
			case same && first.call.from.host.concurrency == 1:
				f.broke("added twice by the same launch", "%s by %s, both times in one invocation of %s: sent again without looking, or against what was seen", b, a, first.call.from)
			case died, !first.call.answered, first.call.orphan:
				f.again++
			default:
				f.broke("added twice by the same launch", "%s by %s: by %s, which got its answer and lived, and then by %s", b, a, first.call.from, second.call.from)
			}
		}
	}
	if !shared {
		f.again++
	}
}

// tooLate reports whether the answer to a call came when its invocation was
// giving up already, so that it may have gone unheard. Half a second is the
// reserve of a function with this time-out; the rest is for a busy machine.
func (d *delivery) tooLate(c *call) bool {
	return c.answeredAt.After(d.beganAt.Add(functionTimeout - 750*time.Millisecond))
}

// carriers are the launches of a backend that a process was at work on when it
// sent a call, and the deliveries that brought them.
func carriers(t *track, c *call, deliveries map[*generation][]*delivery) map[*activity][]*delivery {
	out := map[*activity][]*delivery{}
	for _, d := range deliveries[c.from] {
		if d.began > c.arrived || d.ended != 0 && d.ended < c.arrived && !d.died {
			continue
		}
		for _, a := range d.activities {
			if a.launch && slices.Contains(t.activities, a) && !slices.Contains(out[a], d) {
				out[a] = append(out[a], d)
			}
		}
	}
	return out
}

// resurrected looks for additions after a removal that was acknowledged.
func (f *findings) resurrected(b backend, t *track) {
	for i := range t.changes {
		c := &t.changes[i]
		if member, _ := t.member(c.call.effect); !c.add || member || c.call.orphan {
			continue
		}
		last := t.latest(c.call.arrived)
		switch {
		case last == nil:
			f.broke("added before it was launched", "%s by %s", b, c.call.from)
		case !last.launch && last.firstAck != 0 && last.firstAck < c.call.arrived:
			f.broke("came back after its removal", "%s by %s, though %s was acknowledged before the call was made", b, c.call.from, last)
		}
	}
}

// latency measures how long launches took.
func (f *findings) latency(t *track) {
	for _, a := range t.activities {
		if !a.launch {
			continue
		}
		for _, c := range t.changes {
			if c.add && c.call.effect > a.published {
				f.registered = append(f.registered, c.call.effectAt.Sub(a.at))
				break
			}
			if !c.add && c.call.effect > a.published {
				break // it was gone before it came
			}
		}
	}
}
