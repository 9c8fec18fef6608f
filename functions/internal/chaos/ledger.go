package main

import (
	"sync"
	"time"

	"slb-registrar/shared/clbtest"
)

// ledger is what was seen, in one order: what stands before something else
// happened before it.
type ledger struct {
	mu         sync.Mutex
	last       int64
	calls      []*call         // in the order of their effect
	deliveries []*delivery     // in the order of their beginning
	completed  map[string]bool // tokens of lifecycle actions
}

// Actions of the two services.
const (
	actionAdd      = "AddVServerGroupBackendServers"
	actionRemove   = "RemoveVServerGroupBackendServers"
	actionWeight   = "SetVServerGroupAttribute"
	actionComplete = "CompleteLifecycleAction"
)

// call is one request of a function, as the network and the simulator saw it.
type call struct {
	clbtest.Call
	from        *generation
	token       string // of a lifecycle action
	clientToken string
	result      string
	arrived     int64 // at the simulator
	effect      int64
	effectAt    time.Time
	answered    bool // its answer was sent to the last byte, and somebody was there
	answeredAt  time.Time
	orphan      bool // its sender was dead before it arrived
}

func (c *call) succeeded() bool { return c.HTTPStatus == 200 && c.Code == "" }

// delivery is one invocation.
type delivery struct {
	to         *generation
	activities []*activity
	began      int64
	beganAt    time.Time
	ended      int64 // 0 as long as it is under way
	died       bool  // its process did not live to answer
}

func newLedger() *ledger { return &ledger{completed: map[string]bool{}} }

// next numbers an event. The caller holds mu.
func (l *ledger) next() int64 {
	l.last++
	return l.last
}

// publish makes an activity happen now. Times are whole milliseconds, because
// that is what queues write.
func (l *ledger) publish(a *activity) {
	l.mu.Lock()
	defer l.mu.Unlock()
	a.at = time.Now().Truncate(time.Millisecond)
	a.published = l.next()
}

func (l *ledger) arrive(c *call) {
	l.mu.Lock()
	defer l.mu.Unlock()
	c.arrived = l.next()
	c.orphan = c.from.died != 0
}

// record is told by the simulator, in the order of the effects.
func (l *ledger) record(c *call, recorded clbtest.Call) {
	l.mu.Lock()
	defer l.mu.Unlock()
	c.Call, c.effect, c.effectAt = recorded, l.next(), time.Now()
	l.calls = append(l.calls, c)
	if c.Action == actionComplete && c.succeeded() {
		l.completed[c.token] = true
	}
}

func (l *ledger) answer(c *call, whole bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	c.answered, c.answeredAt = whole, time.Now()
}

func (l *ledger) begin(to *generation, items []*item) *delivery {
	l.mu.Lock()
	defer l.mu.Unlock()
	d := &delivery{to: to, began: l.next(), beganAt: time.Now()}
	for _, it := range items {
		d.activities = append(d.activities, it.activity)
	}
	l.deliveries = append(l.deliveries, d)
	return d
}

func (l *ledger) end(d *delivery, died bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	d.ended, d.died = l.next(), died
}

// dies notes that a process is about to be killed, once.
func (l *ledger) dies(g *generation) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if g.died != 0 {
		return false
	}
	g.died = l.next()
	return true
}

func (l *ledger) ack(a *activity) {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := l.next()
	if a.firstAck == 0 {
		a.firstAck = now
	}
	a.acks = append(a.acks, now)
}

func (l *ledger) park(a *activity) {
	l.mu.Lock()
	defer l.mu.Unlock()
	a.parked++
	if a.firstAck == 0 {
		a.firstAck = l.next()
	}
}

// isOver reports whether an activity is over for the scaling group: its message
// was acknowledged, and its hook completed.
func (l *ledger) isOver(a *activity) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return a.firstAck != 0 && (!a.form.isHook() || l.completed[a.token()])
}

func (l *ledger) wasPublished(a *activity) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return a.published != 0 && time.Since(a.at) > 2*time.Millisecond
}
