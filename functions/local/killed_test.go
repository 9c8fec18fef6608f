package main

import (
	"bufio"
	"io"
	"strings"
	"testing"
	"time"

	bbolt "go.etcd.io/bbolt"

	"slb-registrar/shared/clbtest"
	"slb-registrar/shared/handler"
	"slb-registrar/shared/vsg"
)

// TestKilledBetweenTheCallAndItsRecordARedeliveryCompletesIt kills a process
// when its addition has taken effect and its record has not been written: once
// before it has its answer, and once when it has it and waits for the store.
func TestKilledBetweenTheCallAndItsRecordARedeliveryCompletesIt(t *testing.T) {
	t.Parallel()
	event := hookNotice("SCALE_OUT", "token-1", instances("killed", 3)...)
	kills := []func(*testing.T, *site, []byte){killedBeforeItsAnswer, killedWithItsAnswer}
	sites := make([]*site, len(kills))
	for i, kill := range kills {
		sites[i] = newSite(t, 1, clbtest.Options{State: pendingHooks("token-1")})
		kill(t, sites[i], event)
		sites[i].addedOnce(3)
		if action, _ := sites[i].sim.LifecycleAction("token-1"); action.Status != clbtest.StatusPending {
			t.Fatalf("it was killed too late: %+v", action)
		}
	}
	begin := time.Now()
	for _, s := range sites { // the claims of all of them lapse meanwhile
		r := s.redeliver(event, claimedFor)
		t.Logf("redelivered until %v after the kill", time.Since(begin).Round(time.Millisecond))
		if statuses(r)[vsg.Already] != 3 || len(r.Hooks) != 1 || r.Hooks[0].Status != handler.HookCompleted {
			t.Errorf("the redelivery: %+v", r)
		}
		if status, r := s.invoke(event, claimedFor); status != exitDone || statuses(r)[vsg.Duplicate] != 3 || len(r.Calls) != 0 {
			t.Errorf("the delivery after that: exit status %d: %+v", status, r)
		}
		if calls, refused := s.addedOnce(3); calls != 1 || refused != 0 {
			t.Errorf("%d adds, %d refused", calls, refused)
		}
	}
}

// claimedFor is the time-out of an invocation that will be killed: its claims
// last as long, and a margin.
const claimedFor = 4 * time.Second

func killedBeforeItsAnswer(t *testing.T, s *site, event []byte) {
	t.Helper()
	p := s.start(event, claimedFor, io.Discard, func(p *process, action string, next func()) {
		next()
		if action == addAction {
			p.kill()
		}
	})
	p.deliver()
	if status, r := p.wait(); status != -1 {
		t.Fatalf("it was not killed: exit status %d: %+v", status, r)
	}
}

func killedWithItsAnswer(t *testing.T, s *site, event []byte) {
	t.Helper()
	logs, tee := io.Pipe()
	var file *bbolt.DB
	p := s.start(event, claimedFor, tee, func(_ *process, action string, next func()) {
		if action == addAction {
			// From here on it can write no record: the file is in use.
			var err error
			if file, err = bbolt.Open(strings.TrimPrefix(s.store, "bolt:"), 0o600, &bbolt.Options{Timeout: claimedFor}); err != nil {
				t.Error(err)
			}
		}
		next()
	})
	p.deliver()
	go func() {
		<-p.ended
		_ = tee.Close() // so that nobody waits for a line that does not come
	}()
	for lines := bufio.NewScanner(logs); lines.Scan(); {
		if strings.Contains(lines.Text(), `"load balancer called"`) && strings.Contains(lines.Text(), addAction) {
			go func() { _, _ = io.Copy(io.Discard, logs) }()
			p.kill()
			break
		}
	}
	if status, r := p.wait(); status != -1 {
		t.Fatalf("it was not killed: exit status %d: %+v", status, r)
	}
	if err := file.Close(); err != nil {
		t.Error(err)
	}
}
