package lifecycle

import (
	"context"
	"errors"
	"sync"
	"time"

	"slb-registrar/shared/vsg"
)

// Balancer reads from the load balancer, with the credentials of one
// invocation.
type Balancer interface {
	Describe(ctx context.Context, group vsg.Group) (vsg.Reply, error)
	Bindings(ctx context.Context, regionID, loadBalancerID string) ([]vsg.Binding, error)
	Health(ctx context.Context, regionID, loadBalancerID string) ([]vsg.Health, error)
}

const (
	// Health is read more seldom the longer somebody has been waiting for it.
	// The service's own checks are 2 s apart unless configured otherwise.
	shortestPoll = time.Second
	longestPoll  = 5 * time.Second
	// bindingsAge is how old the knowledge may be which listeners send to a group.
	bindingsAge = 30 * time.Second
)

// Watch reads the health of load balancers for all who wait for it: one
// reading at a time for each, shared by everybody. It has no goroutine of its
// own: one of those who wait reads, with its own credentials and context, and
// if it gives up another takes over. The zero value works; there should be one
// a process.
type Watch struct {
	mu     sync.Mutex
	boards map[vsg.LoadBalancer]*board
	owners map[vsg.Group]string // which load balancer a group belongs to, which never changes
}

// board is what was last read of one load balancer.
type board struct {
	mu       sync.Mutex
	reading  chan struct{} // closed when the reading in flight is over; nil if none is
	begun    int           // how many readings have begun
	tried    time.Time     // when the last of them began
	ended    int           // the number of the last that ended
	seen     *sight        // what it saw
	failed   error         // or why it saw nothing
	bindings map[string]vsg.Binding
	boundAt  time.Time
}

// sight is what was seen of a load balancer at one time.
type sight struct {
	bindings map[string]vsg.Binding
	health   []vsg.Health
}

func (w *Watch) board(lb vsg.LoadBalancer) *board {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.boards == nil {
		w.boards = map[vsg.LoadBalancer]*board{}
	}
	b := w.boards[lb]
	if b == nil {
		b = &board{}
		w.boards[lb] = b
	}
	return b
}

// owner finds the load balancer of a group, asking once.
func (w *Watch) owner(ctx context.Context, balancer Balancer, group vsg.Group) (string, error) {
	w.mu.Lock()
	id := w.owners[group]
	w.mu.Unlock()
	if id != "" {
		return id, nil
	}
	reply, err := balancer.Describe(ctx, group)
	if err != nil {
		return "", err
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.owners == nil {
		w.owners = map[vsg.Group]string{}
	}
	if reply.LoadBalancerID == "" {
		return "", errors.New("the answer does not name it")
	}
	w.owners[group] = reply.LoadBalancerID
	return reply.LoadBalancerID, nil
}

// begun is how many readings of lb have begun. What they see may be older than
// the caller's change.
func (w *Watch) begun(lb vsg.LoadBalancer) int {
	b := w.board(lb)
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.begun
}

// look returns the outcome of a reading of lb that began after the one with
// the number after, and its number. Readings begin at least poll apart. If the
// context ends first the number is after, and so is the error the context's.
func (w *Watch) look(ctx context.Context, balancer Balancer, lb vsg.LoadBalancer, after int, poll time.Duration) (*sight, int, error) {
	b := w.board(lb)
	for {
		b.mu.Lock()
		if b.ended > after {
			seen, number, err := b.seen, b.ended, b.failed
			b.mu.Unlock()
			return seen, number, err
		}
		reading, wait := b.reading, time.Until(b.tried.Add(poll))
		if reading == nil && (b.tried.IsZero() || wait <= 0) {
			b.reading = make(chan struct{})
			b.begun++
			number := b.begun
			b.tried = time.Now()
			b.mu.Unlock()
			b.read(ctx, balancer, lb, number)
			if err := ctx.Err(); err != nil {
				return nil, after, err
			}
			continue
		}
		b.mu.Unlock()
		if reading == nil {
			if err := pause(ctx, wait); err != nil {
				return nil, after, err
			}
			continue
		}
		select {
		case <-reading:
		case <-ctx.Done():
			return nil, after, ctx.Err()
		}
	}
}

// read fills the board. Only the one who set b.reading calls it.
func (b *board) read(ctx context.Context, balancer Balancer, lb vsg.LoadBalancer, number int) {
	var seen *sight
	err := errors.New("the reading broke off") // by a panic, which must not keep the others waiting
	defer func() {
		b.mu.Lock()
		defer b.mu.Unlock()
		if ctx.Err() == nil { // else it says nothing about the load balancer: another one reads
			b.ended, b.seen, b.failed = number, seen, err
		}
		close(b.reading)
		b.reading = nil
	}()
	seen, err = b.see(ctx, balancer, lb)
}

func (b *board) see(ctx context.Context, balancer Balancer, lb vsg.LoadBalancer) (*sight, error) {
	now := time.Now()
	if b.bindings == nil || now.Sub(b.boundAt) > bindingsAge {
		list, err := balancer.Bindings(ctx, lb.RegionID, lb.ID)
		if err != nil {
			return nil, err
		}
		bindings := make(map[string]vsg.Binding, len(list))
		for _, binding := range list {
			bindings[binding.GroupID] = binding
		}
		b.bindings, b.boundAt = bindings, now
	}
	health, err := balancer.Health(ctx, lb.RegionID, lb.ID)
	if err != nil {
		return nil, err
	}
	return &sight{bindings: b.bindings, health: health}, nil
}

// pause waits for d unless ctx ends first.
func pause(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
