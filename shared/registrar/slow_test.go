package registrar_test

import (
	"context"
	"testing"
	"time"

	"slb-registrar/shared/clb"
	"slb-registrar/shared/clbtest"
	"slb-registrar/shared/registrar"
	"slb-registrar/shared/vsg"
)

// refusedIn applies n single additions one after the other and returns how many
// calls were refused and how long it took.
func (r *rig) refusedIn(first, n int) (refused int, took time.Duration) {
	r.t.Helper()
	before, start := len(r.calls(addAction)), time.Now()
	for i := range n {
		if o, _ := r.apply(add("rsp-a", first+i)); o[0].Status != vsg.Added {
			r.t.Errorf("%+v", o)
		}
	}
	return len(r.calls(addAction)) - before - n, time.Since(start)
}

func TestLongSettlingIsLearnedOnce(t *testing.T) {
	for _, settle := range []time.Duration{time.Second, 2 * time.Second, 5 * time.Second, 10 * time.Second, 30 * time.Second} {
		story(t, func(t *testing.T) {
			r := newRig(t, clbtest.Options{AutoCreate: true, Latency: 80 * ms, Settle: settle}, registrar.Options{})
			r.Seed(1)
			first, _ := r.refusedIn(0, 3)
			later, took := r.refusedIn(3, 40)
			t.Logf("%v: %d refused at first, then %d of 40, in %.2f of the floor", settle, first, later, float64(took)/float64(40*(settle+80*ms)))
			if later > 6 || took > 40*(settle+80*ms)*125/100 {
				t.Errorf("%v: %d refused, took %v", settle, later, took)
			}
		})
	}
}

func TestOneLongBlockByOthersIsForgotten(t *testing.T) {
	story(t, func(t *testing.T) {
		r := newRig(t, clbtest.Options{AutoCreate: true, Latency: 80 * ms}, registrar.Options{})
		r.Seed(1)
		r.refusedIn(0, 5)
		if err := r.sim.SetFaults([]clbtest.Fault{{Action: addAction, For: "5s", Effect: clbtest.Effect{Code: "BackendServer.configuring"}}}); err != nil {
			t.Fatal(err)
		}
		r.refusedIn(5, 1)
		if refused, took := r.refusedIn(6, 20); refused > 1 || took > 10*time.Second {
			t.Errorf("%d of 20 refused in %v", refused, took)
		}
	})
}

// settles refuses changes that come too soon after the one before.
type settles struct {
	registrar.API
	settle  time.Duration
	ended   time.Time
	refused int
}

func (s *settles) Apply(ctx context.Context, action vsg.Action, group vsg.Group, backends []vsg.Backend) (vsg.Reply, error) {
	if time.Since(s.ended) < s.settle {
		s.refused++
		return vsg.Reply{}, &clb.Error{Action: addAction, Code: "BackendServer.configuring", Status: 400}
	}
	reply, err := s.API.Apply(ctx, action, group, backends)
	s.ended = time.Now()
	return reply, err
}

func TestLoadBalancerThatBecomesSlowerAndFasterIsFollowed(t *testing.T) {
	story(t, func(t *testing.T) {
		r := newRig(t, clbtest.Options{AutoCreate: true, Latency: 80 * ms}, registrar.Options{})
		r.Seed(1)
		api := &settles{API: r.api()}
		n := 0
		apply := func(times int) (refused int, took time.Duration) {
			before, start := api.refused, time.Now()
			for range times {
				n++
				r.Apply(t.Context(), api, []vsg.Change{add("rsp-a", n)})
			}
			return api.refused - before, time.Since(start)
		}
		api.settle = 300 * ms
		apply(10)
		api.settle = 4 * time.Second
		apply(2)
		if refused, took := apply(20); refused > 3 || took > 20*5*time.Second {
			t.Errorf("slower: %d of 20 refused in %v", refused, took)
		}
		api.settle = 300 * ms
		apply(40)
		if refused, took := apply(20); refused > 3 || took > 20*500*ms {
			t.Errorf("faster again: %d of 20 refused in %v", refused, took)
		}
	})
}

func TestPauseAfterRefusalsIsNotTakenForSettling(t *testing.T) {
	story(t, func(t *testing.T) {
		r := newRig(t, clbtest.Options{AutoCreate: true, Latency: 80 * ms, Settle: 10 * time.Second}, registrar.Options{})
		r.Seed(1)
		r.refusedIn(0, 1)
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
		defer cancel()
		if o, _ := r.Apply(ctx, r.api(), []vsg.Change{add("rsp-a", 1)}); o[0].Status != vsg.Retry {
			t.Errorf("%+v", o)
		}
		time.Sleep(time.Hour) //nolint:forbidigo // the time of a bubble
		if _, took := r.refusedIn(2, 4); took > 40*time.Second {
			t.Errorf("took %v", took)
		}
	})
}
