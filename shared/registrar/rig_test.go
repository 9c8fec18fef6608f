package registrar_test

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"slb-registrar/shared/clb"
	"slb-registrar/shared/clbtest"
	"slb-registrar/shared/registrar"
	"slb-registrar/shared/vsg"
)

const region = "cn-hangzhou"

// rig is a simulator in the same process, a registrar, and what they did. It
// must be built inside a synctest bubble, whose time they share.
type rig struct {
	t       testing.TB
	sim     *clbtest.Simulator
	service *clb.Service
	*registrar.Registrar

	mu      sync.Mutex
	records []registrar.Call
}

func newRig(t testing.TB, o clbtest.Options, with registrar.Options) *rig {
	t.Helper()
	r := &rig{t: t, sim: clbtest.New(o)}
	service, err := clb.New(clb.Options{Endpoint: "127.0.0.1:1", Transport: r.sim.Transport()})
	if err != nil {
		t.Fatal(err)
	}
	r.service = service
	with.Observe = func(c registrar.Call) {
		r.mu.Lock()
		defer r.mu.Unlock()
		r.records = append(r.records, c)
	}
	r.Registrar = registrar.New(with)
	return r
}

// api returns a client as one invocation has it.
func (r *rig) api() *clb.Client {
	return r.service.With(clb.Credentials{AccessKeyID: "testid", AccessKeySecret: "testsecret"})
}

func (r *rig) apply(changes ...vsg.Change) ([]vsg.Outcome, registrar.Report) {
	return r.Apply(r.t.Context(), r.api(), changes)
}

// calls returns the answers to an action, in order: OK or the code.
func (r *rig) calls(action string) []string {
	var codes []string
	for _, c := range r.sim.CallsOf(action) {
		code := c.Code
		if code == "" {
			code = "OK"
		}
		codes = append(codes, fmt.Sprintf("%d %s", len(c.Backends), code))
	}
	return codes
}

func (r *rig) members(group string) map[vsg.Identity]int {
	members := map[vsg.Identity]int{}
	for _, b := range r.sim.Backends(group) {
		members[vsg.Identity{ServerID: b.ServerID, ServerIP: b.ServerIP, Port: b.Port}]++
	}
	return members
}

const (
	addAction      = "AddVServerGroupBackendServers"
	removeAction   = "RemoveVServerGroupBackendServers"
	weightAction   = "SetVServerGroupAttribute"
	describeAction = "DescribeVServerGroupAttribute"
)

func server(n int) string { return fmt.Sprintf("i-%04d", n) }

func change(action vsg.Action, group string, n int) vsg.Change {
	return vsg.Change{
		Action:  action,
		Group:   vsg.Group{RegionID: region, ID: group},
		Backend: vsg.Backend{ServerID: server(n), Port: 80, Weight: 100, Type: vsg.ECS, Description: "slb-registrar"},
		Launch:  fmt.Sprintf("launch-%d", n),
	}
}

func add(group string, n int) vsg.Change    { return change(vsg.Add, group, n) }
func remove(group string, n int) vsg.Change { return change(vsg.Remove, group, n) }

func adds(group string, n int) []vsg.Change {
	changes := make([]vsg.Change, n)
	for i := range changes {
		changes[i] = add(group, i)
	}
	return changes
}

// groups is the state of a simulator with one load balancer.
func groups(lb string, ids ...string) clbtest.LoadBalancer {
	state := clbtest.LoadBalancer{RegionID: region, LoadBalancerID: lb}
	for _, id := range ids {
		state.VServerGroups = append(state.VServerGroups, clbtest.VServerGroup{VServerGroupID: id})
	}
	return state
}

// statuses counts outcomes.
func statuses(outcomes []vsg.Outcome) map[vsg.Status]int {
	n := map[vsg.Status]int{}
	for _, o := range outcomes {
		n[o.Status]++
	}
	return n
}

// together applies each list of changes as a sender of its own, all at once,
// and returns the outcomes by sender.
func (r *rig) together(ctx context.Context, senders ...[]vsg.Change) [][]vsg.Outcome {
	outcomes := make([][]vsg.Outcome, len(senders))
	var all sync.WaitGroup
	for i, changes := range senders {
		all.Go(func() { outcomes[i], _ = r.Apply(ctx, r.api(), changes) })
	}
	all.Wait()
	return outcomes
}

func singles(changes []vsg.Change) [][]vsg.Change {
	senders := make([][]vsg.Change, len(changes))
	for i := range changes {
		senders[i] = changes[i : i+1]
	}
	return senders
}

// story runs a test in a bubble, where waiting takes no time.
func story(t *testing.T, f func(t *testing.T)) {
	t.Helper()
	synctest.Test(t, f)
}

const ms = time.Millisecond
