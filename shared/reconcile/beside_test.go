package reconcile_test

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"slb-registrar/shared/clbtest"
	"slb-registrar/shared/event"
	"slb-registrar/shared/idempotency"
	"slb-registrar/shared/reconcile"
	"slb-registrar/shared/registrar"
	"slb-registrar/shared/route"
	"slb-registrar/shared/vsg"
)

// pass lets the time of a bubble pass.
func pass(d time.Duration) { <-time.After(d) }

// handled is what an event leaves behind: a claim, a change, a settlement.
func (w *world) handled(action vsg.Action, server, launch string, at time.Time) vsg.Status {
	w.t.Helper()
	c := vsg.Change{
		Action: action, Group: vsg.Group{RegionID: "cn-hangzhou", ID: "rsp-a"}, Launch: launch, At: at,
		Backend: vsg.Backend{ServerID: server, Port: 80, Weight: 100, Type: vsg.ECS, Description: route.Description},
	}
	subject := idempotency.Subject{Group: c.Group, Backend: c.Backend.Identity()}
	owner := idempotency.Owner{Token: "event of " + launch, Hold: time.Minute}
	ctx, cancel := context.WithTimeout(w.t.Context(), time.Minute)
	defer cancel()
	verdicts, err := idempotency.ClaimAll(ctx, w.store, owner, []idempotency.Claim{{Subject: subject, Action: action, Key: idempotency.KeyOf(c), At: at}})
	if err != nil {
		w.t.Error(err)
		return vsg.Retry
	}
	if verdicts[0].Standing != idempotency.Claimed {
		return vsg.Status(verdicts[0].Standing)
	}
	outcomes, _ := w.engine.Apply(ctx, w.invocation.API, []vsg.Change{c})
	if _, err := w.store.Settle(ctx, owner, []idempotency.Settlement{{
		Subject: subject, Action: action, Key: idempotency.KeyOf(c), At: at, Completed: outcomes[0].Status.Succeeded(),
	}}); err != nil {
		w.t.Error(err)
	}
	return outcomes[0].Status
}

// scaling lets a test act between two readings.
type scaling struct {
	reconcile.Scaling
	before, after func(ids []string)
}

func (s scaling) Instances(ctx context.Context, region, group string, ids []string) ([]reconcile.Instance, error) {
	if s.before != nil {
		s.before(ids)
	}
	instances, err := s.Scaling.Instances(ctx, region, group, ids)
	if s.after != nil {
		s.after(ids)
	}
	return instances, err
}

func TestWhatATerminationRemovedMeanwhileIsNotResurrected(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, oneGroup, clbtest.State{
			LoadBalancers: []clbtest.LoadBalancer{group("lb-1", "rsp-a", members(3)...)},
			Instances:     serving("asg-1", 1, 3),
		})
		w.invocation.Scaling = scaling{Scaling: w.invocation.Scaling, after: func([]string) {
			// The scaling group was read with i-0003 in service; now it goes. Its
			// event is stamped only to the minute, and so before the reading.
			if got := w.handled(vsg.Remove, "i-0003", "token-1", time.Now().Truncate(time.Minute)); got != vsg.Removed {
				t.Errorf("the termination ended as %s", got)
			}
		}}
		pass(40 * time.Second) // into the minute, on the bubble's clock
		report := w.run(repair)
		equal(t, "drift", found(report), []string{"missing i-0003:80"})
		equal(t, "changes", ended(report), []string{})
		equal(t, "members", w.holds("rsp-a"), []string{"i-0001:80=100", "i-0002:80=100"})
		if report.Undone() {
			t.Error("what an event has overtaken counts as undone")
		}
	})
}

func TestATerminationThatWasStampedBeforeTheRepairStillRemoves(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, oneGroup, clbtest.State{
			LoadBalancers: []clbtest.LoadBalancer{group("lb-1", "rsp-a")},
			Instances:     serving("asg-1", 1, 1),
		})
		pass(50 * time.Second)
		equal(t, "changes", ended(w.run(repair)), []string{"add i-0001:80 added"})
		pass(5 * time.Second)
		if got := w.handled(vsg.Remove, "i-0001", "token-1", time.Now().Truncate(time.Minute)); got != vsg.Removed {
			t.Errorf("the termination ended as %s", got)
		}
		equal(t, "members", w.holds("rsp-a"), []string{})
	})
}

func TestALaunchThatCameBetweenTheReadingsIsNotRemoved(t *testing.T) {
	w := newWorld(t, oneGroup, clbtest.State{
		LoadBalancers: []clbtest.LoadBalancer{group("lb-1", "rsp-a", members(2)...)},
		Instances:     serving("asg-1", 1, 2),
	})
	w.invocation.Scaling = scaling{Scaling: w.invocation.Scaling, after: func(ids []string) {
		if ids != nil {
			return
		}
		if err := w.simulator.Put(clbtest.State{Instances: []clbtest.Instance{{InstanceID: "i-0003", ScalingGroupID: "asg-1", LifecycleState: "Pending:Wait"}}}); err != nil {
			t.Error(err)
		}
		w.handled(vsg.Add, "i-0003", "token-1", time.Now())
	}}
	report := w.run(remove)
	equal(t, "drift", found(report), []string{})
	equal(t, "members", len(w.holds("rsp-a")), 3)
}

// A list whose pages shift while they are read can lose an instance without
// coming back short.
func TestAnInstanceThatAListHadLostIsNotRemoved(t *testing.T) {
	w := newWorld(t, oneGroup, clbtest.State{
		LoadBalancers: []clbtest.LoadBalancer{group("lb-1", "rsp-a", members(3)...)},
		Instances:     serving("asg-1", 1, 3),
	})
	w.invocation.Scaling = forgetful{w.invocation.Scaling}
	report := w.run(remove)
	equal(t, "drift", found(report), []string{})
	equal(t, "members", len(w.holds("rsp-a")), 3)
}

type forgetful struct{ reconcile.Scaling }

func (s forgetful) Instances(ctx context.Context, region, group string, ids []string) ([]reconcile.Instance, error) {
	instances, err := s.Scaling.Instances(ctx, region, group, ids)
	if ids == nil && len(instances) > 0 {
		instances = instances[1:]
	}
	return instances, err
}

func TestABackendThatSomebodyDrainsKeepsItsWeight(t *testing.T) {
	drained := ours("i-0001")
	drained.Weight = 0
	w := newWorld(t, oneGroup, clbtest.State{
		LoadBalancers: []clbtest.LoadBalancer{group("lb-1", "rsp-a", drained, ours("i-0002"))},
		Instances:     serving("asg-1", 1, 2),
	})
	subject := idempotency.Subject{Group: vsg.Group{RegionID: "cn-hangzhou", ID: "rsp-a"}, Backend: vsg.Identity{ServerID: "i-0001", Port: 80}}
	draining := idempotency.Owner{Token: "event", Hold: time.Minute}
	claim := idempotency.Claim{Subject: subject, Action: vsg.Remove, Key: "k", At: time.Now()}
	if _, err := w.store.Claim(t.Context(), draining, []idempotency.Claim{claim}); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		report := w.run(repair)
		equal(t, "drift", found(report), []string{"weight i-0001:80"})
		equal(t, "calls", w.changed(), map[string]int{})
		// Then its process is killed; that the backend was to go is not forgotten.
		if _, err := w.store.Settle(t.Context(), draining, []idempotency.Settlement{{Subject: subject, Action: vsg.Remove, Key: "k"}}); err != nil {
			t.Fatal(err)
		}
	}
}

func TestAWeightThatWasSetIsNoLaunch(t *testing.T) {
	changed := ours("i-0001")
	changed.Weight = 7
	w := newWorld(t, oneGroup, clbtest.State{
		LoadBalancers: []clbtest.LoadBalancer{group("lb-1", "rsp-a", changed, ours("i-0002"))},
		Instances:     serving("asg-1", 1, 2),
	})
	hourAgo := time.Now().Add(-time.Hour)
	equal(t, "changes", ended(w.run(repair)), []string{"set-weight i-0001:80 weighted"})
	if got := w.handled(vsg.Remove, "i-0001", "token-1", hourAgo); got != vsg.Removed {
		t.Errorf("a late termination ended as %s", got)
	}
}

func TestTwoReconcilersAtOnceDoTheWorkOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorldWith(t, oneGroup, clbtest.Options{
			Latency: 80 * time.Millisecond, Settle: 300 * time.Millisecond, Duplicate: clbtest.DuplicateError,
			State: clbtest.State{
				LoadBalancers: []clbtest.LoadBalancer{group("lb-1", "rsp-a", members(40)...)},
				Instances:     serving("asg-1", 21, 80), // 20 are gone, 60 are missing
			},
		})
		c, err := route.Parse("test", []byte(oneGroup))
		if err != nil {
			t.Fatal(err)
		}
		var parts sync.WaitGroup
		for range 2 {
			w.engine = registrar.New(registrar.Options{}) // another process has its own
			r := w.another(c)
			parts.Go(func() {
				ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
				defer cancel()
				r.Run(ctx, w.invocation, remove)
			})
		}
		parts.Wait()
		held := w.holds("rsp-a")
		equal(t, "members", len(held), 96) // 20 stale less 10 % of 40, and all 80
		for _, member := range held[16:] {
			if member < number(21) {
				t.Errorf("%s is there", member)
			}
		}
		succeeded := 0
		for _, call := range w.simulator.CallsOf("AddVServerGroupBackendServers") {
			if call.Code == "" {
				succeeded++
			}
		}
		equal(t, "additions", succeeded, 3)
	})
}

// A storm: instances come and go by their hooks while runs follow each other,
// with removal and without any memory in common but the store.
func TestAReconcileInAStormOfEventsDoesNoHarm(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const n = 120
		w := newWorldWith(t, oneGroup, clbtest.Options{
			Latency: 80 * time.Millisecond, Settle: 300 * time.Millisecond,
			State: clbtest.State{LoadBalancers: []clbtest.LoadBalancer{group("lb-1", "rsp-a", members(n)...)}, Instances: serving("asg-1", 1, n)},
		})
		fleet := &fleet{states: map[string]string{}}
		for i := 1; i <= n; i++ {
			fleet.set(number(i), "InService")
		}
		w.invocation.Scaling = fleet
		var storm sync.WaitGroup
		for i := 1; i <= n; i++ {
			storm.Go(func() { // half of them go, and as many come
				pass(time.Duration(i) * 50 * time.Millisecond)
				if i%2 == 0 {
					fleet.set(number(i), "Removing:Wait")
					w.handled(vsg.Remove, number(i), "out/"+number(i), time.Now())
					fleet.set(number(i), "")
					return
				}
				if err := w.simulator.Put(clbtest.State{Instances: []clbtest.Instance{{InstanceID: number(n + i), ScalingGroupID: "asg-1"}}}); err != nil {
					t.Error(err)
				}
				fleet.set(number(n+i), "Pending:Wait")
				w.handled(vsg.Add, number(n+i), "in/"+number(n+i), time.Now())
				fleet.set(number(n+i), "InService")
			})
		}
		over := make(chan struct{})
		var runs sync.WaitGroup
		for range 2 {
			runs.Go(func() {
				for {
					select {
					case <-over:
						return
					default:
						w.run(event.Reconcile{Repair: true, Remove: true, MaxRemovePercent: 100})
						pass(100 * time.Millisecond)
					}
				}
			})
		}
		storm.Wait()
		close(over)
		runs.Wait()
		want := []string{}
		for i := 1; i <= n; i += 2 {
			want = append(want, number(i)+":80=100")
		}
		for i := 1; i <= n; i += 2 {
			want = append(want, number(n+i)+":80=100")
		}
		equal(t, "members", w.holds("rsp-a"), want)
		for _, call := range w.simulator.CallsOf("RemoveVServerGroupBackendServers") {
			for _, b := range call.Backends {
				var i int
				if _, err := fmt.Sscanf(strings.TrimPrefix(b.ServerID, "i-"), "%d", &i); err != nil || i%2 != 0 || i > n {
					t.Errorf("%s was removed", b.ServerID)
				}
			}
		}
	})
}

// fleet is a scaling group whose instances change their state.
type fleet struct {
	mu     sync.Mutex
	states map[string]string
}

func (f *fleet) set(id, state string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if state == "" {
		delete(f.states, id)
	} else {
		f.states[id] = state
	}
}

func (f *fleet) Instances(_ context.Context, _, _ string, ids []string) ([]reconcile.Instance, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	var all []reconcile.Instance
	for id, state := range f.states {
		if ids == nil {
			all = append(all, reconcile.Instance{ID: id, State: state})
		}
	}
	for _, id := range ids {
		if f.states[id] != "" {
			all = append(all, reconcile.Instance{ID: id, State: f.states[id]})
		}
	}
	return all, nil
}

func TestWhatAnEventIsLaunchingAtTheMomentIsLeftToIt(t *testing.T) {
	w := newWorld(t, oneGroup, clbtest.State{
		LoadBalancers: []clbtest.LoadBalancer{group("lb-1", "rsp-a")},
		Instances:     serving("asg-1", 1, 2),
	})
	subject := idempotency.Subject{Group: vsg.Group{RegionID: "cn-hangzhou", ID: "rsp-a"}, Backend: vsg.Identity{ServerID: "i-0001", Port: 80}}
	claim := idempotency.Claim{Subject: subject, Action: vsg.Add, Key: "k", At: time.Now()}
	if _, err := w.store.Claim(t.Context(), idempotency.Owner{Token: "event", Hold: time.Minute}, []idempotency.Claim{claim}); err != nil {
		t.Fatal(err)
	}
	report := w.run(repair)
	equal(t, "drift", found(report), []string{"missing i-0001:80", "missing i-0002:80"})
	equal(t, "changes", ended(report), []string{"add i-0002:80 added"})
	if !report.Undone() {
		t.Error("what is left to an event that may yet fail is not undone")
	}
}
