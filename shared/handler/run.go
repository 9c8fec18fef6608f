package handler

import (
	"slices"
	"sync"
	"time"

	"github.com/rs/zerolog"

	"slb-registrar/shared/event"
	"slb-registrar/shared/idempotency"
	"slb-registrar/shared/reconcile"
	"slb-registrar/shared/registrar"
	"slb-registrar/shared/route"
	"slb-registrar/shared/vsg"
)

// run is the book-keeping of one invocation. Messages and entries are laid out
// while routing, by one goroutine; afterwards mu guards what changes.
type run struct {
	h         *Handler
	in        Invocation
	log       zerolog.Logger
	started   time.Time
	clock     clock
	coldStart bool

	messages []*message
	entries  []*entry          // one for each idempotency key, in the order of first mention
	byKey    map[string]*entry // the same
	hooks    map[string]*hookState
	hookList []*hookState
	planned  []PlannedCall

	mu    sync.Mutex
	tally registrar.Report
}

// message is one message and what it asks for.
type message struct {
	event.Message
	entries    []*entry
	hooks      []*hookState
	held       *Reason           // why it was not begun: an earlier message of its queue failed
	reconciled *reconcile.Report // of the run that it asked for
}

// entry is one change, whoever asked for it and however often.
type entry struct {
	change   vsg.Change
	key      string
	route    *route.Route
	hook     *event.Hook // to ask whether a launch without a time is still pending
	messages []*message
	hooks    []*hookState
	next     *entry // the change of the same backend that this batch does afterwards
	after    *entry // the launch of the same backend that this batch did before
	owner    string // of the claim; empty while unclaimed
	outcome  vsg.Outcome
	pending  bool // the hook's action was seen to be pending
}

func (e *entry) subject() idempotency.Subject {
	return idempotency.Subject{Group: e.change.Group, Backend: e.change.Backend.Identity()}
}

// route turns messages into entries. A message of which any part has no
// place to go is rejected whole, so that nothing of it is half done.
func (r *run) route(messages []event.Message) {
	for i := range messages {
		m := &message{Message: messages[i]}
		r.messages = append(r.messages, m)
		if m.Reconcile != nil {
			switch {
			case r.in.DryRun:
				m.Ignored = "a reconcile run reads scaling groups and VServer groups, and a dry run makes no call"
			case r.in.Scaling == nil:
				m.Ignored = "a reconcile run is asked for, and this function does none"
			}
			continue
		}
		if m.Err != nil || m.Ignored != "" {
			continue
		}
		if len(m.Notices) == 0 {
			m.Ignored = "the message names no instance"
			continue
		}
		r.plan(m)
	}
}

// plan finds out what a message asks for. Notices that merely pass by are
// dropped one by one; somebody who waits for an answer is told.
func (r *run) plan(m *message) {
	plans := make([]route.Plan, len(m.Notices))
	var rejection error
	passing := 0
	for j := range m.Notices {
		n := &m.Notices[j]
		var err error
		switch plans[j], err = r.h.config.Plan(*n); {
		case err == nil:
		case passesBy(err, n.Origin):
			passing++
		case rejection == nil:
			rejection = err
		}
	}
	if rejection != nil {
		m.Err = asRejection(rejection)
		for j := range m.Notices {
			// Its hook waits all the same, and its route may know an answer.
			if rt := plans[j].Route; rt != nil && m.Notices[j].Hook != nil {
				r.hookFor(m, &m.Notices[j], rt).rejected = true
			}
		}
		return
	}
	if passing == len(plans) {
		m.Ignored = "no route matches, and nobody waits for an answer"
		return
	}
	for j, p := range plans {
		r.enter(m, &m.Notices[j], p)
	}
}

// enter adds the changes of one notice, joining those that were asked for before.
func (r *run) enter(m *message, n *event.Notice, p route.Plan) {
	var hook *hookState
	if n.Hook != nil && p.Route != nil {
		hook = r.hookFor(m, n, p.Route)
	}
	for _, c := range p.Changes {
		if c.At.After(r.started.Add(maxAhead)) {
			c.At = time.Time{}
		}
		key := idempotency.KeyOf(c)
		e := r.byKey[key]
		switch {
		case e == nil:
			e = &entry{change: c, key: key, route: p.Route, hook: n.Hook}
			r.byKey[key] = e
			r.entries = append(r.entries, e)
		case idempotency.ContentOf(e.change) != idempotency.ContentOf(c):
			r.warnContent(e)
		}
		if !slices.Contains(e.messages, m) {
			e.messages = append(e.messages, m)
			m.entries = append(m.entries, e)
		}
		if hook != nil && !slices.Contains(e.hooks, hook) {
			e.hooks = append(e.hooks, hook)
			hook.entries = append(hook.entries, e)
		}
	}
}

// maxAhead is how far the clock of whoever sends events may be ahead of ours.
// A time beyond that is a mistake or a lie and counts as unknown: a removal
// from next year would keep its backend out until then.
const maxAhead = 5 * time.Minute

// warnContent tells of a weight or type that is not taken over.
func (r *run) warnContent(e *entry) {
	r.log.Warn().Str("idempotencyKey", e.key).Str("serverId", e.change.Backend.ServerID).Str("vServerGroupId", e.change.Group.ID).
		Msg("a duplicate asks for another weight or type than the launch it repeats: the first one stands")
}

// batches divides the messages into what is done together: all at once, but
// one by one where the queue promises an order. Messages that share a hook,
// with what lies between them, stay together: it is answered for all of them.
func (r *run) batches() [][]*message {
	if !r.inOrder() {
		return [][]*message{r.messages}
	}
	last := map[*hookState]int{}
	for i, m := range r.messages {
		for _, h := range m.hooks {
			last[h] = i
		}
	}
	var batches [][]*message
	for begin := 0; begin < len(r.messages); {
		end := begin
		for i := begin; i <= end; i++ {
			for _, h := range r.messages[i].hooks {
				end = max(end, last[h])
			}
		}
		batches = append(batches, r.messages[begin:end+1])
		begin = end + 1
	}
	return batches
}

func (r *run) inOrder() bool {
	return slices.ContainsFunc(r.messages, func(m *message) bool { return m.Delivery == event.SQSFIFO })
}

// stopAfter reports whether a queue in order ends here, because a message of
// the batch has failed; all messages behind that one are then held back.
func (r *run) stopAfter(batch []*message) bool {
	if !r.inOrder() {
		return false
	}
	failed := slices.IndexFunc(batch, func(m *message) bool {
		s := r.status(m)
		return s == Retry || s == Rejected
	})
	if failed < 0 {
		return false
	}
	behind := slices.Index(r.messages, batch[failed]) + 1
	for _, m := range r.messages[behind:] {
		m.held = &Reason{Code: "AfterFailure", Message: "an earlier message of this queue failed, and the queue is in order"}
	}
	return true
}
