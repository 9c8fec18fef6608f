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
	calls map[string]int
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
		plans, err := r.plans(m)
		if err != nil {
			m.Err, m.Ignored = asRejection(err, m)
			continue
		}
		for j, p := range plans {
			r.enter(m, &m.Notices[j], p)
		}
		if len(m.Notices) == 0 {
			m.Ignored = "the message names no instance"
		}
	}
}

func (r *run) plans(m *message) ([]route.Plan, error) {
	plans := make([]route.Plan, len(m.Notices))
	for j := range m.Notices {
		var err error
		if plans[j], err = r.h.config.Plan(m.Notices[j]); err != nil {
			return nil, err
		}
	}
	return plans, nil
}

// enter adds the changes of one notice, joining those that were asked for before.
func (r *run) enter(m *message, n *event.Notice, p route.Plan) {
	hook := r.hookFor(n, p.Route)
	if hook != nil && !slices.Contains(m.hooks, hook) {
		m.hooks = append(m.hooks, hook)
	}
	for _, c := range p.Changes {
		if c.At.After(r.started) {
			// A clock is wrong, or somebody lies: a removal from the future would
			// keep its backend out until then.
			c.At = r.started
		}
		key := idempotency.KeyOf(c)
		e := r.byKey[key]
		if e == nil {
			e = &entry{change: c, key: key, route: p.Route, hook: n.Hook}
			r.byKey[key] = e
			r.entries = append(r.entries, e)
		}
		if !slices.Contains(e.messages, m) {
			e.messages = append(e.messages, m)
			m.entries = append(m.entries, e)
		}
		if hook != nil && !slices.Contains(e.hooks, hook) {
			e.hooks = append(e.hooks, hook)
			hook.entries = append(hook.entries, e)
			hook.open++
		}
	}
}

// batches divides the messages into what is done together: all at once, but
// one by one where the queue promises an order.
func (r *run) batches() [][]*message {
	if !slices.ContainsFunc(r.messages, func(m *message) bool { return m.Delivery == event.SQSFIFO }) {
		return [][]*message{r.messages}
	}
	batches := make([][]*message, len(r.messages))
	for i, m := range r.messages {
		batches[i] = []*message{m}
	}
	return batches
}

// stopAfter reports whether a queue in order ends here, because a message of
// it has failed; the messages behind it are then held back, untouched.
func (r *run) stopAfter(batch []*message) bool {
	first := batch[0]
	if first.Delivery != event.SQSFIFO {
		return false
	}
	if s := r.status(first); s != Retry && s != Rejected {
		return false
	}
	for _, m := range r.messages[first.Position+1:] {
		m.held = &Reason{Code: "AfterFailure", Message: "an earlier message of this queue failed, and the queue is in order"}
	}
	return true
}
