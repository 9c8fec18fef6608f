package redis

import (
	"context"
	"crypto/rand"
	_ "embed" // for the scripts
	"fmt"
	"sync"
	"time"

	goredis "github.com/redis/go-redis/v9"

	"slb-registrar/shared/registrar"
	"slb-registrar/shared/vsg"
)

//go:embed turns.lua
var turnsLua string

var turnsScript = goredis.NewScript(turnsLua)

const turnPrefix = "registrar:turn:1:"

// The numbers of a turn.
const (
	// lease is how long a turn lasts that nobody renews: what a killed holder
	// costs the others.
	lease = 1500 * time.Millisecond
	// renewal is how often a holder renews it while a call takes its time.
	renewal = lease / 3
	// longestCall is for how long a turn is renewed after its last Keep: a
	// holder that forgot it must not keep the others out.
	longestCall = 30 * time.Second
	// tenure is how long a holder stays while others wait.
	tenure = 2 * time.Second
	// silence is after what a waiter counts for dead: three of its longest pauses.
	silence = 3 * longestPoll
	// Who is next in line asks often, the others the less the further back.
	shortestPoll = 10 * time.Millisecond
	longestPoll  = 200 * time.Millisecond
	// reply is how long Redis may take to answer. Turns are there to save time.
	reply = time.Second
	// sulk is how long Take fails at once after Redis could not be asked: the
	// engine goes on without turns, and must not wait for that each time.
	sulk = 5 * time.Second
)

// turns are advisory leases, one for each load balancer, and a line of waiters
// for each. Waiters ask again and again, more often the closer they are; that
// keeps Redis free of blocked connections, and shows who is still alive.
type turns struct {
	client goredis.UniversalClient
	closed chan struct{} // nothing is renewed any more
	close  func()        // closes it, once

	mu       sync.Mutex
	sulkTill time.Time
}

var _ registrar.Turns = (*turns)(nil)

func newTurns(client goredis.UniversalClient) *turns {
	closed := make(chan struct{})
	return &turns{client: client, closed: closed, close: sync.OnceFunc(func() { close(closed) })}
}

// state is what the script answers.
type state struct {
	mine     bool
	position int // in the line; 0: nobody is before
	waiting  int // others
	arrived  int64
	age      time.Duration // of the last change, negative if unknown
	settling time.Duration
}

// Take waits in line for the load balancer.
func (t *turns) Take(ctx context.Context, lb vsg.LoadBalancer) (registrar.Turn, error) {
	if err := t.mood(); err != nil {
		return nil, err
	}
	turn := &turn{turns: t, key: turnKey(lb), token: rand.Text()}
	var arrived int64
	for {
		s, err := t.ask(ctx, "take", turn.key, turn.token, arrived)
		if err != nil {
			turn.release(ctx, -1, 0)
			return nil, fmt.Errorf("turns: redis: %w", err)
		}
		if s.mine {
			turn.begin(ctx, s)
			return turn, nil
		}
		arrived = s.arrived
		poll := time.NewTimer(min(shortestPoll<<min(2*s.position, 10), longestPoll))
		select {
		case <-poll.C:
		case <-ctx.Done():
			poll.Stop()
			turn.release(ctx, -1, 0)
			return nil, fmt.Errorf("turns: %w", ctx.Err())
		}
	}
}

func turnKey(lb vsg.LoadBalancer) string {
	return turnPrefix + "{" + escape(lb.RegionID) + "/" + escape(lb.ID) + "}"
}

// mood fails while Redis is known to be down.
func (t *turns) mood() error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if time.Now().Before(t.sulkTill) {
		return fmt.Errorf("turns: redis could not be asked, trying again in %v", time.Until(t.sulkTill).Round(time.Millisecond))
	}
	return nil
}

func (t *turns) ask(ctx context.Context, verb, key, token string, more ...any) (state, error) {
	args := append([]any{verb, token, lease.Microseconds(), silence.Microseconds()}, more...)
	keys := []string{key, key + ":queue", key + ":seen"}
	bounded, cancel := context.WithTimeout(ctx, reply)
	defer cancel()
	answer, err := turnsScript.Run(bounded, t.client, keys, args...).Int64Slice()
	if err == nil && len(answer) != 6 {
		err = fmt.Errorf("%d numbers in an answer", len(answer))
	}
	if err != nil {
		if err = ended(ctx, err); ctx.Err() == nil {
			t.mu.Lock()
			t.sulkTill = time.Now().Add(sulk)
			t.mu.Unlock()
		}
		return state{}, err
	}
	return state{
		mine:     answer[0] == 1,
		position: int(answer[1]),
		waiting:  int(answer[2]),
		arrived:  answer[3],
		age:      time.Duration(answer[4]) * time.Microsecond,
		settling: time.Duration(answer[5]) * time.Microsecond,
	}, nil
}

// turn is held from begin until Give, or until it was lost.
type turn struct {
	turns *turns
	key   string
	token string

	before registrar.Handover
	began  time.Time
	quit   context.CancelFunc

	mu      sync.Mutex
	kept    time.Time     // the last Keep, or began
	longest time.Duration // between two of them
	lost    bool
}

// begin starts the renewing.
func (t *turn) begin(ctx context.Context, s state) {
	now := time.Now()
	t.began, t.kept = now, now
	t.before.Settling = s.settling
	if s.age >= 0 {
		t.before.Ended = now.Add(-s.age)
	}
	renewing, quit := context.WithCancel(context.WithoutCancel(ctx))
	t.quit = quit
	go t.renew(renewing)
}

// renew keeps the lease alive while a call is under way.
func (t *turn) renew(ctx context.Context) {
	ticker := time.NewTicker(renewal)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-t.turns.closed:
			return
		case now := <-ticker.C:
			t.mu.Lock()
			forgotten := now.Sub(t.kept) > longestCall
			t.mu.Unlock()
			if forgotten {
				return
			}
			if s, err := t.turns.ask(ctx, "keep", t.key, t.token); err == nil && !s.mine {
				t.lose()
				return
			}
		}
	}
}

func (t *turn) lose() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.lost = true
}

// Before returns what the holders before have left.
func (t *turn) Before() registrar.Handover { return t.before }

// Keep renews the turn. It is over, too, when the next call would probably
// exceed the tenure while others wait.
func (t *turn) Keep(ctx context.Context) bool {
	now := time.Now()
	t.mu.Lock()
	lost := t.lost
	t.longest = max(t.longest, now.Sub(t.kept))
	t.kept = now
	over := now.Sub(t.began)+t.longest > tenure
	t.mu.Unlock()
	if lost {
		return false
	}
	s, err := t.turns.ask(ctx, "keep", t.key, t.token)
	if err == nil && !s.mine {
		t.lose()
	}
	return err == nil && s.mine && (s.waiting == 0 || !over)
}

// Give lets the next one in and leaves it what is known, even if ctx has ended:
// then, or when it ends, nobody waits for the answer any more.
func (t *turn) Give(ctx context.Context, after registrar.Handover) {
	t.quit()
	age := int64(-1)
	if !after.Ended.IsZero() {
		age = max(0, time.Since(after.Ended).Microseconds())
	}
	select {
	case <-t.release(ctx, age, after.Settling):
	case <-ctx.Done():
	}
}

// release gives the turn back, or the place in the line, so that the next one
// need not find out. The channel is closed when Redis has been asked; what
// cannot be given back lapses.
func (t *turn) release(ctx context.Context, age int64, settling time.Duration) <-chan struct{} {
	asked := make(chan struct{})
	go func() {
		defer close(asked)
		_, _ = t.turns.ask(context.WithoutCancel(ctx), "give", t.key, t.token, age, settling.Microseconds())
	}()
	return asked
}
