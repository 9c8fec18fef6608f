package reconcile_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"slb-registrar/shared/clb"
	"slb-registrar/shared/clbtest"
	"slb-registrar/shared/event"
	"slb-registrar/shared/idempotency"
	"slb-registrar/shared/idempotency/memory"
	"slb-registrar/shared/lifecycle/ess"
	"slb-registrar/shared/reconcile"
	"slb-registrar/shared/registrar"
	"slb-registrar/shared/route"
)

// world is a Reconciler over the unmodified adapters and the simulator, all in
// this process, so that it runs inside a synctest bubble too.
type world struct {
	t          testing.TB
	simulator  *clbtest.Simulator
	store      idempotency.Store
	engine     *registrar.Registrar
	reconciler *reconcile.Reconciler
	invocation reconcile.Invocation
}

const oneGroup = `
version: 1
routes:
  - name: web
    match: {scalingGroupId: asg-1}
    targets:
      - {regionId: cn-hangzhou, vServerGroupId: rsp-a, port: 80}
`

const twoPorts = `
version: 1
routes:
  - name: web
    match: {scalingGroupId: asg-1}
    targets:
      - {regionId: cn-hangzhou, vServerGroupId: rsp-a, port: 80}
      - {regionId: cn-hangzhou, vServerGroupId: rsp-a, port: 81, weight: 50, description: admin}
`

func newWorld(t testing.TB, config string, state clbtest.State, faults ...clbtest.Fault) *world {
	t.Helper()
	return newWorldWith(t, config, clbtest.Options{State: state, Faults: faults})
}

func newWorldWith(t testing.TB, config string, options clbtest.Options) *world {
	t.Helper()
	c, err := route.Parse("test", []byte(config))
	if err != nil {
		t.Fatal(err)
	}
	w := &world{t: t, simulator: clbtest.New(options), store: memory.New(memory.Options{}), engine: registrar.New(registrar.Options{})}
	credentials := clb.Credentials{AccessKeyID: "testid", AccessKeySecret: "testsecret"}
	balancers, err := clb.New(clb.Options{Endpoint: "127.0.0.1", Transport: w.simulator.Transport()})
	if err != nil {
		t.Fatal(err)
	}
	scaling, err := ess.New(ess.Options{Endpoint: "127.0.0.1", Transport: w.simulator.Transport()})
	if err != nil {
		t.Fatal(err)
	}
	w.invocation = reconcile.Invocation{API: balancers.With(credentials), Scaling: scaling.With(credentials)}
	w.reconciler = w.another(c)
	return w
}

// another is a Reconciler like that of another process, with an engine of its own.
func (w *world) another(c *route.Config) *reconcile.Reconciler {
	w.t.Helper()
	progress, _ := w.store.(reconcile.Progress)
	r, err := reconcile.New(reconcile.Options{Config: c, Engine: w.engine, Store: w.store, Progress: progress})
	if err != nil {
		w.t.Fatal(err)
	}
	return r
}

var (
	look   = event.Reconcile{}
	repair = event.Reconcile{Repair: true}
	remove = event.Reconcile{Repair: true, Remove: true}
)

func (w *world) run(request event.Reconcile) reconcile.Report {
	w.t.Helper()
	ctx, cancel := context.WithTimeout(w.t.Context(), time.Minute)
	defer cancel()
	return w.reconciler.Run(ctx, w.invocation, request)
}

// holds are the members of a group, as server:port=weight.
func (w *world) holds(group string) []string {
	members := []string{}
	for _, b := range w.simulator.Backends(group) {
		members = append(members, fmt.Sprintf("%s:%d=%d", b.ServerID, b.Port, b.Weight))
	}
	slices.Sort(members)
	return members
}

// changed counts the calls that changed something, by action.
func (w *world) changed() map[string]int {
	calls := map[string]int{}
	for _, c := range w.simulator.Calls() {
		if !strings.HasPrefix(c.Action, "Describe") {
			calls[c.Action]++
		}
	}
	return calls
}

// found is the drift, as kind server:port.
func found(report reconcile.Report) []string {
	drift := []string{}
	for _, d := range report.Drift {
		drift = append(drift, fmt.Sprintf("%s %s:%d", d.Kind, d.Backend.ServerID, d.Backend.Port))
	}
	return drift
}

// ended are the changes, as action server:port status.
func ended(report reconcile.Report) []string {
	changes := []string{}
	for _, c := range report.Changes {
		changes = append(changes, fmt.Sprintf("%s %s:%d %s", c.Action, c.Backend.ServerID, c.Backend.Port, c.Outcome.Status))
	}
	return changes
}

// group is a load balancer with one group.
func group(lb, id string, backends ...clbtest.Backend) clbtest.LoadBalancer {
	return clbtest.LoadBalancer{
		RegionID: "cn-hangzhou", LoadBalancerID: lb,
		VServerGroups: []clbtest.VServerGroup{{VServerGroupID: id, Backends: backends}},
	}
}

// ours is a backend that we added.
func ours(server string) clbtest.Backend {
	return clbtest.Backend{ServerID: server, Port: 80, Weight: 100, Type: "ecs", Description: route.Description}
}

func number(i int) string { return fmt.Sprintf("i-%04d", i) }

// serving are n instances in service.
func serving(asg string, from, n int) []clbtest.Instance {
	instances := make([]clbtest.Instance, n)
	for i := range instances {
		instances[i] = clbtest.Instance{InstanceID: number(from + i), ScalingGroupID: asg}
	}
	return instances
}

func members(n int) []clbtest.Backend {
	backends := make([]clbtest.Backend, n)
	for i := range backends {
		backends[i] = ours(number(i + 1))
	}
	return backends
}
