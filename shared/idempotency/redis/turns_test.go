package redis

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os/exec"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/alicebob/miniredis/v2"

	"slb-registrar/shared/idempotency/storetest"
	"slb-registrar/shared/registrar"
	"slb-registrar/shared/vsg"
)

var balancer = vsg.LoadBalancer{RegionID: "cn-hangzhou", ID: "lb-bp1"}

// inVirtualTime runs a check against a Redis inside a bubble. start starts a
// process, which is a client of its own, and kill takes it from the network.
func inVirtualTime(t *testing.T, check func(t *testing.T, start func() *process)) {
	synctest.Test(t, func(t *testing.T) {
		server := miniredis.NewMiniRedis()
		server.ClockTTL(true)
		defer server.Close()
		var all []*process
		check(t, func() *process {
			p := &process{server: server}
			config, err := Parse("redis://in-memory?turns=1")
			if err != nil {
				t.Fatal(err)
			}
			config.single.Dialer = p.dial
			p.store = open(config, Options{})
			all = append(all, p)
			return p
		})
		for _, p := range all {
			_ = p.store.Close()
		}
	})
}

type process struct {
	server *miniredis.Miniredis
	store  *Store

	mu     sync.Mutex
	killed bool
	silent bool // its connections are open, and nothing comes back
	conns  []net.Conn
}

func (p *process) dial(context.Context, string, string) (net.Conn, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.killed {
		return nil, errors.New("killed")
	}
	if p.silent {
		ours, theirs := net.Pipe()
		go func() { _, _ = io.Copy(io.Discard, theirs) }()
		return ours, nil
	}
	conn, err := p.server.Dial()
	if err == nil {
		p.conns = append(p.conns, conn)
	}
	return conn, err
}

func (p *process) kill() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.killed = true
	for _, conn := range p.conns {
		_ = conn.Close()
	}
}

func (p *process) take(t *testing.T) registrar.Turn {
	t.Helper()
	turn, err := p.store.Turns().Take(t.Context(), balancer)
	if err != nil {
		t.Fatal(err)
	}
	return turn
}

var nothing registrar.Handover

// site is a load balancer that refuses a change while it settles.
type site struct {
	latency, settling time.Duration

	mu               sync.Mutex
	busyTill         time.Time
	accepted, refuse int
}

// call makes a change and reports whether it was accepted.
func (s *site) call() bool {
	s.mu.Lock()
	ok := !time.Now().Before(s.busyTill)
	if ok {
		s.accepted++
		s.busyTill = time.Now().Add(s.latency + s.settling)
	} else {
		s.refuse++
	}
	s.mu.Unlock()
	<-time.After(s.latency)
	return ok
}

// work makes calls in turns, as the engine does, and hands on what it learns.
func work(t *testing.T, p *process, s *site, calls int) {
	for calls > 0 {
		turn := p.take(t)
		know := turn.Before()
		for calls > 0 && turn.Keep(t.Context()) {
			<-time.After(time.Until(know.Ended.Add(know.Settling)))
			if s.call() {
				calls--
				know.Ended = time.Now()
			} else {
				know.Settling = s.settling // the engine learns it in its own way
			}
		}
		turn.Give(t.Context(), know)
	}
}

func TestTwentyProcessesTakeTurnsWithoutColliding(t *testing.T) {
	for _, calls := range []int{1, 5} {
		for _, settling := range []time.Duration{0, 300 * time.Millisecond} {
			t.Run(fmt.Sprintf("%d calls each, settling %v", calls, settling), func(t *testing.T) {
				inVirtualTime(t, func(t *testing.T, start func() *process) {
					s := &site{latency: 80 * time.Millisecond, settling: settling}
					begin := time.Now()
					var group sync.WaitGroup
					for range 20 {
						p := start()
						group.Go(func() { work(t, p, s, calls) })
					}
					group.Wait()
					took, floor := time.Since(begin), time.Duration(20*calls)*(s.latency+s.settling)
					if s.accepted != 20*calls || s.refuse > s.accepted/20 {
						t.Errorf("%d accepted, %d refused", s.accepted, s.refuse)
					}
					if took > floor*13/10 {
						t.Errorf("took %v, 1.3 × the floor is %v", took, floor*13/10)
					}
					t.Logf("%v, %.3f × the floor, %d refused", took, float64(took)/float64(floor), s.refuse)
				})
			})
		}
	}
}

func TestTurnsAreTakenInTheOrderOfArrival(t *testing.T) {
	inVirtualTime(t, func(t *testing.T, start func() *process) {
		first := start().take(t)
		var order []int
		var group sync.WaitGroup
		for i := range 8 {
			p := start()
			group.Go(func() {
				turn := p.take(t)
				order = append(order, i) // only the holder does
				turn.Give(t.Context(), nothing)
			})
			<-time.After(10 * time.Millisecond)
		}
		first.Give(t.Context(), nothing)
		group.Wait()
		for i, who := range order {
			if who != i {
				t.Fatalf("the order was %v", order)
			}
		}
	})
}

func TestAKilledHolderDelaysOthersByItsLease(t *testing.T) {
	inVirtualTime(t, func(t *testing.T, start func() *process) {
		holder := start()
		holder.take(t)
		holder.kill()
		begin := time.Now()
		start().take(t).Give(t.Context(), nothing)
		if took := time.Since(begin); took > lease+shortestPoll {
			t.Errorf("took %v, the lease is %v", took, lease)
		}
	})
}

func TestAKilledWaiterIsSkipped(t *testing.T) {
	inVirtualTime(t, func(t *testing.T, start func() *process) {
		holder := start().take(t)
		dead := start()
		gone := make(chan error)
		go func() {
			_, err := dead.store.Turns().Take(t.Context(), balancer)
			gone <- err
		}()
		<-time.After(50 * time.Millisecond)
		got := make(chan time.Time)
		behind := start()
		go func() {
			turn := behind.take(t)
			got <- time.Now()
			turn.Give(t.Context(), nothing)
		}()
		<-time.After(55 * time.Millisecond)
		synctest.Wait() // it sleeps between two questions
		dead.kill()
		if err := <-gone; err == nil {
			t.Error("a process without a network took a turn")
		}
		begin := time.Now()
		holder.Give(t.Context(), nothing)
		if took := (<-got).Sub(begin); took > silence+longestPoll {
			t.Errorf("the next one waited %v", took)
		}
	})
}

func TestAHolderGivesWayWhileOthersWait(t *testing.T) {
	inVirtualTime(t, func(t *testing.T, start func() *process) {
		holder := start().take(t)
		begin := time.Now()
		for range 30 { // nobody waits: as long as it likes
			if !holder.Keep(t.Context()) {
				t.Fatalf("lost after %v without a reason", time.Since(begin))
			}
			<-time.After(400 * time.Millisecond)
		}
		holder.Give(t.Context(), nothing)

		holder = start().take(t)
		waiter := start()
		got := make(chan time.Time)
		go func() {
			turn := waiter.take(t)
			got <- time.Now()
			turn.Give(t.Context(), nothing)
		}()
		begin = time.Now()
		for holder.Keep(t.Context()) {
			<-time.After(400 * time.Millisecond)
		}
		holder.Give(t.Context(), nothing)
		if waited := (<-got).Sub(begin); waited > tenure+shortestPoll || waited < tenure/2 {
			t.Errorf("the other waited %v, a turn is %v", waited, tenure)
		}
	})
}

func TestALongCallKeepsItsTurnAndAForgottenOneDoesNot(t *testing.T) {
	inVirtualTime(t, func(t *testing.T, start func() *process) {
		holder := start().take(t)
		begin := time.Now()
		next := start().take(t)
		if took := time.Since(begin); took < longestCall || took > longestCall+2*lease {
			t.Errorf("a forgotten turn was free after %v", took)
		}
		if holder.Keep(t.Context()) {
			t.Error("two hold the turn")
		}
		holder.Give(t.Context(), nothing)
		if !next.Keep(t.Context()) {
			t.Error("who had lost the turn gave away that of another")
		}
		next.Give(t.Context(), nothing)
	})
}

func TestWhatIsKnownIsHandedOver(t *testing.T) {
	inVirtualTime(t, func(t *testing.T, start func() *process) {
		first := start().take(t)
		if first.Before() != nothing {
			t.Errorf("the first knows %+v", first.Before())
		}
		ended := time.Now()
		<-time.After(70 * time.Millisecond)
		first.Give(t.Context(), registrar.Handover{Ended: ended, Settling: 310 * time.Millisecond})
		<-time.After(time.Second)
		second := start().take(t)
		know := second.Before()
		if know.Settling != 310*time.Millisecond || know.Ended.Sub(ended).Abs() > 2*time.Microsecond {
			t.Errorf("handed over %+v, the change ended at %v", know, ended)
		}
		second.Give(t.Context(), nothing)
		third := start().take(t)
		if third.Before().Settling != know.Settling {
			t.Error("who learned nothing made the others forget")
		}
		third.Give(t.Context(), nothing)
		other, err := start().store.Turns().Take(t.Context(), vsg.LoadBalancer{RegionID: "cn-hangzhou", ID: "lb-other"})
		if err != nil || other.Before() != nothing {
			t.Errorf("another load balancer: %v, %v", other, err)
		}
		other.Give(t.Context(), nothing)
	})
}

func TestAWaitEndsWithItsContextAndLeavesTheLine(t *testing.T) {
	inVirtualTime(t, func(t *testing.T, start func() *process) {
		holder := start().take(t)
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		begin := time.Now()
		if _, err := start().store.Turns().Take(ctx, balancer); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("error %v", err)
		}
		if took := time.Since(begin); took != time.Second {
			t.Errorf("ended after %v", took)
		}
		<-time.After(5 * time.Second)
		if !holder.Keep(t.Context()) {
			t.Error("somebody still waits")
		}
		holder.Give(t.Context(), nothing)
		begin = time.Now()
		start().take(t).Give(t.Context(), nothing)
		if took := time.Since(begin); took != 0 {
			t.Errorf("a free turn took %v", took)
		}
	})
}

func TestWithoutRedisTakeFailsFastAndTriesAgainLater(t *testing.T) {
	inVirtualTime(t, func(t *testing.T, start func() *process) {
		p := start()
		p.kill()
		if _, err := p.store.Turns().Take(t.Context(), balancer); err == nil {
			t.Error("a turn without Redis")
		}
		begin := time.Now()
		if _, err := p.store.Turns().Take(t.Context(), balancer); err == nil || time.Since(begin) != 0 {
			t.Errorf("the second failure took %v: %v", time.Since(begin), err)
		}
		p.mu.Lock()
		p.killed = false
		p.mu.Unlock()
		<-time.After(sulk)
		p.take(t).Give(t.Context(), nothing)
	})
}

func TestASilentRedisCostsOneReplyAtMostAndNothingAfterTheContext(t *testing.T) {
	inVirtualTime(t, func(t *testing.T, start func() *process) {
		impatient, patient, holder := start(), start(), start()
		impatient.silent, patient.silent = true, true

		ctx, cancel := context.WithTimeout(t.Context(), reply/4)
		defer cancel()
		begin := time.Now()
		if _, err := impatient.store.Turns().Take(ctx, balancer); err == nil || time.Since(begin) != reply/4 {
			t.Errorf("a context of %v ended after %v: %v", reply/4, time.Since(begin), err)
		}
		begin = time.Now()
		if _, err := patient.store.Turns().Take(t.Context(), balancer); err == nil || time.Since(begin) > reply {
			t.Errorf("the first failure took %v: %v", time.Since(begin), err)
		}

		turn := holder.take(t)
		holder.kill()
		holder.mu.Lock()
		holder.killed, holder.silent = false, true
		holder.mu.Unlock()
		begin = time.Now()
		turn.Give(ctx, nothing)
		if took := time.Since(begin); took != 0 {
			t.Errorf("giving it back took %v, and its context had ended", took)
		}
		<-time.After(2 * reply)
	})
}

func TestTurnsOnARealServer(t *testing.T) {
	if _, err := exec.LookPath("redis-server"); err != nil {
		t.Log("no redis-server: miniredis has had its turn above")
		return
	}
	address := storetest.RedisServer(t)
	s := &site{latency: time.Millisecond, settling: 5 * time.Millisecond}
	var group sync.WaitGroup
	for range 8 {
		store, err := Open("redis://"+address+"?turns=1", Options{})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = store.Close() })
		group.Go(func() { work(t, &process{store: store}, s, 3) })
	}
	group.Wait()
	if s.accepted != 24 {
		t.Errorf("%d of 24 calls accepted", s.accepted)
	}
	t.Logf("%d refused", s.refuse)
}
