package registrar_test

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"slb-registrar/shared/clbtest"
	"slb-registrar/shared/registrar"
	"slb-registrar/shared/vsg"
)

// line is a place to take turns for registrars of the same process.
type line struct {
	turn    chan struct{}
	waiting atomic.Int64
	holding atomic.Int64
	taken   atomic.Int64

	mu   sync.Mutex
	word registrar.Handover
}

func newLine() *line { return &line{turn: make(chan struct{}, 1)} }

func (l *line) Take(ctx context.Context, _ vsg.LoadBalancer) (registrar.Turn, error) {
	l.waiting.Add(1)
	defer l.waiting.Add(-1)
	select {
	case l.turn <- struct{}{}:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	l.taken.Add(1)
	l.holding.Add(1)
	l.mu.Lock()
	defer l.mu.Unlock()
	return &held{line: l, before: l.word, until: time.Now().Add(2 * time.Second)}, nil
}

type held struct {
	line   *line
	before registrar.Handover
	until  time.Time
}

func (h *held) Before() registrar.Handover { return h.before }

func (h *held) Keep(context.Context) bool {
	return h.line.waiting.Load() == 0 || time.Now().Before(h.until)
}

func (h *held) Give(_ context.Context, after registrar.Handover) {
	h.line.mu.Lock()
	h.line.word = after
	h.line.mu.Unlock()
	h.line.holding.Add(-1)
	<-h.line.turn
}

// crowd applies the changes of each of many processes, that is registrars, at
// one load balancer, and returns how long it took and how many calls were
// refused.
func crowd(t *testing.T, turns registrar.Turns, processes, each int, together bool) (took time.Duration, refused, calls int) {
	t.Helper()
	first := newRig(t, clbtest.Options{
		AutoCreate: true, MaxBackends: 2000, Latency: 80 * ms, Settle: 300 * ms,
	}, registrar.Options{Turns: turns})
	start := time.Now()
	var all sync.WaitGroup
	for p := range processes {
		r := &rig{t: t, sim: first.sim, service: first.service, Registrar: registrar.New(registrar.Options{Turns: turns})}
		changes := adds("rsp-a", processes*each)[p*each : (p+1)*each]
		all.Go(func() {
			senders := [][]vsg.Change{changes}
			if !together {
				senders = singles(changes)
			}
			for _, outcomes := range r.together(t.Context(), senders...) {
				for _, o := range outcomes {
					if o.Status != vsg.Added {
						t.Errorf("%+v", o)
					}
				}
			}
		})
	}
	all.Wait()
	took = time.Since(start)
	for _, c := range first.sim.CallsOf(addAction) {
		calls++
		if c.Code != "" {
			refused++
		}
	}
	if n := len(first.members("rsp-a")); n != processes*each {
		t.Errorf("%d members", n)
	}
	return took, refused, calls
}

func TestProcessesThatTakeTurnsHardlyCollide(t *testing.T) {
	story(t, func(t *testing.T) {
		l := newLine()
		took, refused, calls := crowd(t, l, 20, 20, true)
		floor := 20 * 380 * ms
		t.Logf("%v, floor %v, %d of %d refused, %d turns", took, floor, refused, calls, l.taken.Load())
		if refused*20 > calls || took > floor*130/100 {
			t.Errorf("%v, floor %v, %d of %d refused", took, floor, refused, calls)
		}
		if n := l.holding.Load(); n != 0 {
			t.Errorf("%d turns were not given back", n)
		}
	})
}

func TestProcessesWithoutTurnsShareALoadBalancerByJitter(t *testing.T) {
	for range 5 {
		story(t, func(t *testing.T) {
			took, refused, calls := crowd(t, nil, 20, 20, true)
			floor := 20 * 380 * ms
			t.Logf("%v, floor %v (%.2f), %d of %d refused", took, floor, float64(took)/float64(floor), refused, calls)
			if took > 3*floor {
				t.Errorf("%v, floor %v", took, floor)
			}
		})
	}
}

func TestLongQueuesOfManyProcessesEnd(t *testing.T) {
	for _, turns := range []registrar.Turns{nil, newLine()} {
		story(t, func(t *testing.T) {
			if turns != nil {
				turns = newLine()
			}
			took, refused, calls := crowd(t, turns, 5, 200, false)
			floor := 50 * 380 * ms
			t.Logf("%v, floor %v (%.2f), %d of %d refused", took, floor, float64(took)/float64(floor), refused, calls)
			if took > 2*floor {
				t.Errorf("%v, floor %v", took, floor)
			}
		})
	}
}

// broken turns cannot be had.
type broken struct{ asked atomic.Int64 }

func (b *broken) Take(context.Context, vsg.LoadBalancer) (registrar.Turn, error) {
	b.asked.Add(1)
	return nil, errors.New("no connection")
}

func TestWithoutTurnsToBeHadTheWorkGoesOn(t *testing.T) {
	story(t, func(t *testing.T) {
		turns := &broken{}
		r := newRig(t, clbtest.Options{AutoCreate: true, MaxBackends: 2000, Latency: 80 * ms}, registrar.Options{Turns: turns})
		start := time.Now()
		outcomes, _ := r.apply(adds("rsp-a", 200)...)
		if n := statuses(outcomes)[vsg.Added]; n != 200 || time.Since(start) != 800*ms {
			t.Errorf("%d added in %v", n, time.Since(start))
		}
		if n := turns.asked.Load(); n != 1 {
			t.Errorf("asked %d times", n)
		}
	})
}

func TestWaitForATurnEndsWithTheCaller(t *testing.T) {
	story(t, func(t *testing.T) {
		l := newLine()
		l.turn <- struct{}{} // somebody has it and keeps it
		r := newRig(t, clbtest.Options{AutoCreate: true}, registrar.Options{Turns: l})
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		start := time.Now()
		outcomes, _ := r.Apply(ctx, r.api(), adds("rsp-a", 3))
		if o := outcomes[0]; o.Status != vsg.Retry || o.Code != registrar.CodeDeadline || time.Since(start) != time.Second {
			t.Errorf("%+v after %v", o, time.Since(start))
		}
	})
}

func TestAWaitThatTurnsHaveLearnedInABadSpellComesDownAgain(t *testing.T) {
	story(t, func(t *testing.T) {
		l := newLine()
		l.word = registrar.Handover{Ended: time.Now(), Settling: time.Second} // it settles in 30 ms now
		first := newRig(t, clbtest.Options{AutoCreate: true, MaxBackends: 2000, Latency: 20 * ms, Settle: 30 * ms}, registrar.Options{Turns: l})
		processes := make([]*rig, 6)
		for p := range processes {
			processes[p] = &rig{t: t, sim: first.sim, service: first.service, Registrar: registrar.New(registrar.Options{Turns: l})}
		}
		// Nobody ever makes two calls in one turn.
		const rounds = 60
		var began time.Time
		for round := range rounds {
			if round == rounds-20 {
				began = time.Now()
			}
			for p, r := range processes {
				if outcomes, _ := r.apply(add("rsp-a", round*len(processes)+p)); outcomes[0].Status != vsg.Added {
					t.Fatalf("%+v", outcomes[0])
				}
			}
		}
		took := time.Since(began) / time.Duration(20*len(processes))
		t.Logf("%v a call", took)
		if took > 150*ms {
			t.Errorf("a call takes %v after %d of them, the load balancer needs 50ms", took, rounds*len(processes))
		}
	})
}
