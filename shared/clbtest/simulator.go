package clbtest

import (
	"fmt"
	"sync"
	"sync/atomic"
	"time"
)

// Simulator is a CLB, with the few actions of Auto Scaling that go with it. It
// is an [http.Handler], and [Simulator.Transport] calls it without a network.
// All methods may be called at the same time.
type Simulator struct {
	options Options
	nonces  *nonces
	calls   *callLog
	world   atomic.Pointer[world]
	faults  atomic.Pointer[rules]

	mu   sync.Mutex // makes Seed, Put and Reset one at a time
	seed State      // what Reset goes back to
}

// New returns a simulator. It panics if the state or the faults of o are
// impossible; [ParseState] and [ParseFaults] tell beforehand, but for more
// backends than the MaxBackends of o.
func New(o Options) *Simulator {
	s, err := newSimulator(o)
	if err != nil {
		panic("clbtest: " + err.Error())
	}
	return s
}

func newSimulator(o Options) (*Simulator, error) {
	s := &Simulator{options: o.withDefaults(), calls: &callLog{}}
	if err := s.options.check(); err != nil {
		return nil, err
	}
	s.nonces = newNonces(s.options.NonceWindow)
	if err := s.SetFaults(o.Faults); err != nil {
		return nil, err
	}
	return s, s.Seed(o.State)
}

func (o Options) check() error {
	switch {
	case o.Latency < 0 || o.Settle < 0 || o.MaxBackends < 0 || o.MaxBatch < 0:
		return fmt.Errorf("options: latency, settling and limits cannot be negative")
	case o.Duplicate != "" && o.Duplicate != DuplicateIgnore && o.Duplicate != DuplicateUpdate && o.Duplicate != DuplicateError:
		return fmt.Errorf("options: duplicate %q is not ignore, update or error", o.Duplicate)
	case o.EmptyList != "" && o.EmptyList != EmptyListMissing && o.EmptyList != EmptyListNoChange:
		return fmt.Errorf("options: empty list %q is not missing or no-change", o.EmptyList)
	case o.Scope != "" && o.Scope != ScopeLoadBalancer && o.Scope != ScopeVServerGroup:
		return fmt.Errorf("options: scope %q is not load-balancer or v-server-group", o.Scope)
	case o.DefaultFormat != "" && o.DefaultFormat != formatJSON && o.DefaultFormat != formatXML:
		return fmt.Errorf("options: default format %q is not JSON or XML", o.DefaultFormat)
	}
	return nil
}

// Seed replaces the state. Times in it count from now, changes in flight end in
// the old state, and a later Reset comes back to st.
func (s *Simulator) Seed(st State) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	w, err := newWorld(st, s.options, time.Now())
	if err != nil {
		return err
	}
	s.seed = st.clone()
	s.world.Store(w)
	return nil
}

// Put adds load balancers, instances and lifecycle actions to the state. Times
// in it count from now. What is there already is an error, and then what comes
// before it in st has been added.
func (s *Simulator) Put(st State) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.world.Load().put(st.clone(), s.options, time.Now())
}

// Reset goes back to the last seed, or to the state of the options if there was
// none, with all its times counting from now. It forgets all calls and nonces,
// and the faults are those of the options again.
func (s *Simulator) Reset() {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := time.Now()
	w, errState := newWorld(s.seed.clone(), s.options, now)
	rs, errFaults := newRules(s.options.Faults, now)
	if errState != nil || errFaults != nil { // both were checked when they were set
		panic(fmt.Sprintf("clbtest: reset: %v, %v", errState, errFaults))
	}
	s.world.Store(w)
	s.faults.Store(rs)
	s.calls.clear()
	s.nonces.clear()
}

// State returns all there is, with the changes that are due by now.
func (s *Simulator) State() State { return s.world.Load().state(time.Now()) }

// Calls returns the last calls, at most [CallLimit].
func (s *Simulator) Calls() []Call {
	calls, _ := s.listCalls()
	return calls
}

func (s *Simulator) listCalls() ([]Call, int64) {
	now := time.Now()
	for _, lb := range s.world.Load().listLoadBalancers() { // what is due is recorded when it applies
		lb.mu.Lock()
		lb.advance(now)
		lb.mu.Unlock()
	}
	return s.calls.list()
}

// CallsOf returns the calls of one action.
func (s *Simulator) CallsOf(action string) []Call {
	var calls []Call
	for _, c := range s.Calls() {
		if c.Action == action {
			calls = append(calls, c)
		}
	}
	return calls
}

// SetFaults replaces the rules, and with them what they have counted. No rules
// clear them.
func (s *Simulator) SetFaults(faults []Fault) error {
	rs, err := newRules(faults, time.Now())
	if err != nil {
		return err
	}
	s.faults.Store(rs)
	return nil
}

// Backends returns the members of a group, in the order in which they came; nil
// if there is no such group. Of two groups with one id in different regions it
// takes either.
func (s *Simulator) Backends(vServerGroupID string) []Backend {
	var found *group
	s.world.Load().groups.Range(func(k, v any) bool {
		if k.(key).id == vServerGroupID {
			found = v.(*group)
		}
		return found == nil
	})
	if found == nil {
		return nil
	}
	found.lb.mu.Lock()
	defer found.lb.mu.Unlock()
	found.lb.advance(time.Now())
	return append(make([]Backend, 0, len(found.members)), found.members...)
}

// LifecycleAction returns the action of a token, and whether there is one.
func (s *Simulator) LifecycleAction(token string) (LifecycleAction, bool) {
	for _, a := range s.world.Load().hooks.list(time.Now()) {
		if a.LifecycleActionToken == token {
			return a, true
		}
	}
	return LifecycleAction{}, false
}
