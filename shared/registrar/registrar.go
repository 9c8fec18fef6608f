package registrar

import (
	"context"
	"math/rand/v2"
	"sync"
	"time"

	"slb-registrar/shared/vsg"
)

// The codes of outcomes that no answer of the service decided.
const (
	CodeDeadline  = "Deadline"      // the caller's deadline came, or was too near to start a call
	CodeCancelled = "Cancelled"     // the caller gave up
	CodeLost      = "Lost"          // the answer of the last call is missing
	CodeUnknown   = "UnknownAction" // the change asks for something the engine does not do
)

// Options says how a [Registrar] works. The zero value is ready to use.
type Options struct {
	// MaxBatch is how many backends one call may carry: 20 if zero, which is
	// what the service allows by default, and never more than 40. Where more
	// than 20 are refused, 20 are sent.
	MaxBatch int
	// Turns, if set, keeps processes that share a load balancer apart.
	Turns Turns
	// CallTimeout bounds one call, so that a connection that hangs is noticed
	// before the callers run out of time; 10 seconds if zero.
	CallTimeout time.Duration
	// Patience is how long a backend whose server is not running yet is tried
	// again before it is rejected; 30 seconds if zero.
	Patience time.Duration
	// Observe, if set, gets a record of every call, the reads included, after
	// its end and before the callers hear of it. It is called by several
	// goroutines at once and should return soon.
	Observe func(Call)
}

// Registrar takes changes from any number of callers and makes as few calls of
// them as it can. Create one per process with [New] and keep it: it learns how
// long a load balancer takes and how fast it may be called. It is safe for
// concurrent use, and has no goroutine while nothing waits.
type Registrar struct {
	options Options
	pace    *pace
	random  func() float64 // 0 ≤ x < 1

	// mu guards everything below and all that hangs on it: balancers, lanes,
	// items and senders. It is never held over a call, a wait or a channel.
	mu        sync.Mutex
	lanes     map[vsg.Group]*lane
	balancers map[vsg.LoadBalancer]*balancer
	senders   uint64 // how many there have been
	calls     uint64 // likewise
	parked    int    // items that wait for room
	after     after
}

// New returns a Registrar that works as options say.
func New(options Options) *Registrar {
	if options.MaxBatch <= 0 {
		options.MaxBatch = vsg.BatchLimit
	}
	options.MaxBatch = min(options.MaxBatch, vsg.MaxBatchLimit)
	if options.CallTimeout <= 0 {
		options.CallTimeout = 10 * time.Second
	}
	if options.Patience <= 0 {
		options.Patience = 30 * time.Second
	}
	return &Registrar{
		options:   options,
		pace:      newPace(),
		random:    rand.Float64,
		lanes:     map[vsg.Group]*lane{},
		balancers: map[vsg.LoadBalancer]*balancer{},
	}
}

// Apply brings the changes about through api and returns when each of them has
// ended, an outcome standing where its change stood. It does not keep or alter
// changes. See the package documentation for what duplicates, partial failure
// and the end of ctx mean.
func (r *Registrar) Apply(ctx context.Context, api API, changes []vsg.Change) ([]vsg.Outcome, Report) {
	s := newSender(ctx, api, len(changes))
	if err := ctx.Err(); err != nil {
		for place := range s.outcomes {
			s.outcomes[place] = (&item{}).unfinished(codeOf(err))
		}
		return s.outcomes, s.report
	}
	items := make([]item, len(changes))
	r.mu.Lock()
	r.senders++
	s.number = r.senders
	for place, change := range changes {
		r.accept(s, place, change, &items[place]) //nolint:contextcheck // a writer works for all callers and ends with none
	}
	r.release(s) //nolint:contextcheck // the same
	r.unlock()

	if len(changes) > 0 {
		select {
		case <-s.done:
		case <-ctx.Done():
			r.mu.Lock()
			r.withdraw(s, codeOf(ctx.Err()))
			r.unlock()
			<-s.done
		}
	}
	return s.outcomes, s.report
}

// accept lets one change wait in the lane of its group, in fresh if it is the
// first to want that.
func (r *Registrar) accept(s *sender, place int, change vsg.Change, fresh *item) {
	if actionNames[change.Action] == "" {
		r.tell(waiter{sender: s, place: place}, vsg.Outcome{
			Status:  vsg.Rejected,
			Code:    CodeUnknown,
			Message: "the engine adds, removes and sets weights",
		})
		return
	}
	l := r.lanes[change.Group]
	if l == nil {
		l = newLane(change.Group)
		l.home = newBalancer(vsg.LoadBalancer{}, l)
		r.lanes[change.Group] = l
	}
	if change.LoadBalancerID != "" {
		l.configured = change.LoadBalancerID
	}
	it := l.put(fresh, change, s, place)
	s.items[place] = it
	r.unpark(it)
	if it == fresh {
		l.home.waiting++
	}
	r.wake(l.home)
}

// wake makes sure that somebody works for b and looks at it again.
func (r *Registrar) wake(b *balancer) {
	if !b.running {
		b.running = true
		go r.write(b)
		return
	}
	r.after.wake = append(r.after.wake, b)
}

// after is what must happen once the lock is free again.
type after struct {
	done []*sender
	wake []*balancer
	stop []context.CancelFunc
}

// detach returns what is to be done after the lock is free, and forgets it.
func (r *Registrar) detach() after {
	a := r.after
	r.after = after{}
	return a
}

func (a after) run() {
	for _, b := range a.wake {
		select {
		case b.woken <- struct{}{}:
		default:
		}
	}
	for _, stop := range a.stop {
		stop()
	}
	for _, s := range a.done {
		close(s.done)
	}
}

func (r *Registrar) unlock() {
	a := r.detach()
	r.mu.Unlock()
	a.run()
}
