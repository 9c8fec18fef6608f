package registrar_test

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"slb-registrar/shared/clbtest"
	"slb-registrar/shared/registrar"
	"slb-registrar/shared/vsg"
)

// running is the state of a simulator with one group and servers 0 to n-1, of
// which some do not exist and others are said to run later.
func running(n int, absent map[int]bool, after map[int]string) clbtest.State {
	state := clbtest.State{LoadBalancers: []clbtest.LoadBalancer{groups("lb-1", "rsp-a", "rsp-b")}}
	for i := range n {
		if !absent[i] {
			state.Instances = append(state.Instances, clbtest.Instance{InstanceID: server(i), RunningAfter: after[i]})
		}
	}
	return state
}

// expectAll checks that exactly the bad ones were rejected with code and all
// others added, there and in the outcomes.
func (r *rig) expectAll(outcomes []vsg.Outcome, bad map[int]bool, code string) {
	r.t.Helper()
	members := r.members("rsp-a")
	for i, o := range outcomes {
		is := members[vsg.Identity{ServerID: server(i), Port: 80}]
		switch {
		case bad[i] && (o.Status != vsg.Rejected || o.Code != code || o.RequestID == "" || is != 0):
			r.t.Errorf("bad server %d: %+v, member %d times", i, o, is)
		case !bad[i] && (o.Status != vsg.Added || is != 1):
			r.t.Errorf("good server %d: %+v, member %d times", i, o, is)
		}
	}
}

func TestOneBadBackendCostsOnlyItselfWhereverItStands(t *testing.T) {
	worst := 0
	for n := 1; n <= 20; n++ {
		for bad := range n {
			story(t, func(t *testing.T) {
				absent := map[int]bool{bad: true}
				r := newRig(t, clbtest.Options{State: running(n, absent, nil), Latency: 80 * ms}, registrar.Options{})
				outcomes, _ := r.apply(adds("rsp-a", n)...)
				r.expectAll(outcomes, absent, "InvalidServerId.NotExist")
				if calls := len(r.calls(addAction)); n == 20 && calls > 8 {
					t.Errorf("bad at %d: %d calls: %v", bad, calls, r.calls(addAction))
				} else {
					worst = max(worst, calls)
				}
			})
		}
	}
	t.Logf("at most %d calls", worst)
}

func TestNamedBackendIsTakenOutAtOnce(t *testing.T) {
	for bad := range 20 {
		story(t, func(t *testing.T) {
			absent := map[int]bool{bad: true}
			r := newRig(t, clbtest.Options{State: running(20, absent, nil), NameServers: true}, registrar.Options{})
			outcomes, report := r.apply(adds("rsp-a", 20)...)
			r.expectAll(outcomes, absent, "InvalidServerId.NotExist")
			if calls := len(r.calls(addAction)); calls != 2 || report.Calls[addAction] != 2 {
				t.Errorf("%d calls, %d reported", calls, report.Calls[addAction])
			}
		})
	}
}

func TestSeveralBadBackendsAreAllFound(t *testing.T) {
	for _, c := range []struct{ bad, most int }{{2, 16}, {3, 22}, {5, 30}, {10, 40}, {19, 46}, {20, 46}} {
		t.Run(fmt.Sprint(c.bad), func(t *testing.T) {
			for seed := range 20 {
				story(t, func(t *testing.T) {
					absent := map[int]bool{}
					for _, i := range rand.New(rand.NewPCG(uint64(seed), 1)).Perm(20)[:c.bad] {
						absent[i] = true
					}
					r := newRig(t, clbtest.Options{State: running(20, absent, nil)}, registrar.Options{})
					outcomes, _ := r.apply(adds("rsp-a", 20)...)
					r.expectAll(outcomes, absent, "InvalidServerId.NotExist")
					if calls := len(r.calls(addAction)); calls > c.most {
						t.Errorf("seed %d: %d calls: %v", seed, calls, r.calls(addAction))
					}
				})
			}
		})
	}
}

func TestOthersDoNotWaitForABisection(t *testing.T) {
	story(t, func(t *testing.T) {
		absent := map[int]bool{3: true}
		r := newRig(t, clbtest.Options{State: running(60, absent, nil), Latency: 80 * ms}, registrar.Options{})
		other := adds("rsp-b", 20)
		other[3] = add("rsp-b", 4)
		other[3].Backend.Port = 81
		fresh := adds("rsp-a", 60)[20:40]
		took := make(chan time.Duration, 2)
		start := time.Now()
		for _, changes := range [][]vsg.Change{other, fresh} {
			go func() {
				time.Sleep(time.Millisecond) //nolint:forbidigo // the time of a bubble
				outcomes, _ := r.apply(changes...)
				if n := statuses(outcomes)[vsg.Added]; n != 20 {
					t.Errorf("%d added", n)
				}
				took <- time.Since(start)
			}()
		}
		r.apply(adds("rsp-a", 20)...)
		for range 2 {
			if d := <-took; d > 300*ms {
				t.Errorf("took %v", d)
			}
		}
	})
}

func TestServerThatIsNotRunningYetIsTriedAgain(t *testing.T) {
	for _, named := range []bool{true, false} {
		story(t, func(t *testing.T) {
			r := newRig(t, clbtest.Options{
				State: running(20, nil, map[int]string{7: "3s"}), NameServers: named, Latency: 80 * ms,
			}, registrar.Options{})
			start := time.Now()
			outcomes, _ := r.apply(adds("rsp-a", 20)...)
			r.expectAll(outcomes, nil, "")
			if took := time.Since(start); took < 3*time.Second || took > 9*time.Second {
				t.Errorf("took %v", took)
			}
			if calls := len(r.calls(addAction)); calls > 15 {
				t.Errorf("%d calls: %v", calls, r.calls(addAction))
			}
			good := 0
			for _, c := range r.sim.CallsOf(addAction) {
				if c.Code == "" && c.At.Sub(start) < time.Second {
					good += len(c.Backends)
				}
			}
			if good != 19 {
				t.Errorf("%d of 19 did not have to wait", good)
			}
		})
	}
}

func TestWholeLaunchThatIsNotRunningYetIsNotExaminedOneByOne(t *testing.T) {
	story(t, func(t *testing.T) {
		after := map[int]string{}
		for i := range 20 {
			after[i] = "4s"
		}
		r := newRig(t, clbtest.Options{State: running(20, nil, after)}, registrar.Options{})
		outcomes, _ := r.apply(adds("rsp-a", 20)...)
		r.expectAll(outcomes, nil, "")
		if calls := len(r.calls(addAction)); calls > 40 {
			t.Errorf("%d calls: %v", calls, r.calls(addAction))
		}
	})
}

func TestServerThatNeverRunsIsGivenUpInTheEnd(t *testing.T) {
	story(t, func(t *testing.T) {
		r := newRig(t, clbtest.Options{State: running(3, nil, map[int]string{1: "24h"})}, registrar.Options{Patience: 10 * time.Second})
		start := time.Now()
		outcomes, _ := r.apply(adds("rsp-a", 3)...)
		r.expectAll(outcomes, map[int]bool{1: true}, "ObtainIpFail")
		if took := time.Since(start); took < 10*time.Second || took > 20*time.Second {
			t.Errorf("given up after %v", took)
		}
	})
}

func TestRemovalOfAServerThatIsGoneEndsByWhatTheGroupHolds(t *testing.T) {
	story(t, func(t *testing.T) {
		r := newRig(t, clbtest.Options{
			AutoCreate: true,
			Faults:     []clbtest.Fault{{Action: removeAction, ServerID: server(1), Effect: clbtest.Effect{Code: "InvalidServerId.NotFound"}}},
		}, registrar.Options{})
		r.apply(add("rsp-a", 0), add("rsp-a", 1), add("rsp-a", 2))
		outcomes, _ := r.apply(remove("rsp-a", 0), remove("rsp-a", 1), remove("rsp-a", 2), remove("rsp-a", 3))
		for i, want := range []vsg.Status{vsg.Removed, vsg.Rejected, vsg.Removed, vsg.Absent} {
			// The last was no member when the group was read because of the second.
			if outcomes[i].Status != want {
				t.Errorf("%d: %+v, want %s", i, outcomes[i], want)
			}
		}
		if o := outcomes[1]; o.Code != "InvalidServerId.NotFound" {
			t.Errorf("%+v", o)
		}
	})
}
