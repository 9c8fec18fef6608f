package clbtest

import (
	"context"
	"math"
	"strings"
	"time"
)

// exchange is one call on its way through the simulator.
type exchange struct {
	sim          *Simulator
	ctx          context.Context
	world        *world
	action       *action
	parameters   parameters
	servers      []listed // of BackendServers, where the action has it
	oldServers   []listed // of OldBackendServers
	group        *group   // that the call names
	loadBalancer *loadBalancer
	extraLatency time.Duration // of a fault

	call     Call
	recorded bool // by whoever applied the change
	lost     bool // nobody waits for the answer any more
}

// get returns a parameter of the call under the rules of its product.
func (e *exchange) get(name string) string {
	v, _ := e.lookup(name)
	return v
}

func (e *exchange) lookup(name string) (string, bool) {
	if e.action.product == productESS {
		return e.parameters.fold(name)
	}
	return e.parameters.lookup(name)
}

// sleep waits, and reports false if the caller has given up before.
func (e *exchange) sleep(d time.Duration) bool {
	if d <= 0 {
		return e.ctx.Err() == nil
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-e.ctx.Done():
		return false
	}
}

// applied records a change at the moment it takes effect, so that the list of
// calls has the order of the effects. The caller holds the load balancer.
func (e *exchange) applied(now time.Time) {
	e.recorded = true
	e.call.HTTPStatus = 200
	e.record(now)
}

func (e *exchange) record(now time.Time) {
	e.call.TookMs = int64(math.Round(float64(now.Sub(e.call.At)) / float64(time.Millisecond)))
	if e.world == e.sim.world.Load() { // else it belongs to what was before a reset
		e.sim.calls.add(e.call)
		if e.sim.options.Observe != nil {
			e.sim.options.Observe(e.ctx, e.call)
		}
	}
}

// resolve reads what the call is about: the lists of backend servers, and the
// group or load balancer. The faults need it, and so does the record.
func (e *exchange) resolve() *failure {
	region := e.get("RegionId")
	e.call.RegionID = strings.Clone(region)
	var fail, listFail *failure
	for _, name := range []string{"BackendServers", "NewBackendServers"} {
		if text, ok := e.parameters.lookup(name); ok && e.action.has(name) {
			if e.servers, listFail = parseBackendServers(text, e.sim.options.MaxBatch); listFail != nil {
				fail = listFail
			}
		}
	}
	if text, ok := e.parameters.lookup("OldBackendServers"); ok && e.action.has("OldBackendServers") {
		if e.oldServers, listFail = parseBackendServers(text, e.sim.options.MaxBatch); listFail != nil {
			fail = listFail
		}
	}
	e.call.Backends, e.call.OldBackends = plainBackends(e.servers), plainBackends(e.oldServers)
	if id, ok := e.lookup("VServerGroupId"); ok && e.action.needs("VServerGroupId") {
		e.call.VServerGroupID = strings.Clone(id)
		if fail != nil {
			return fail
		}
		if e.group, fail = e.sim.findGroup(e.world, e.call.RegionID, e.call.VServerGroupID); fail != nil {
			return fail
		}
		e.loadBalancer = e.group.lb
		e.call.LoadBalancerID = e.group.lb.id
	}
	if id, ok := e.lookup("LoadBalancerId"); ok && e.action.needs("LoadBalancerId") {
		e.call.LoadBalancerID = strings.Clone(id)
		if fail != nil {
			return fail
		}
		e.loadBalancer, fail = e.sim.findLoadBalancer(e.world, e.call.RegionID, e.call.LoadBalancerID)
	}
	return fail
}

func plainBackends(servers []listed) []Backend {
	backends := make([]Backend, len(servers))
	for i := range servers {
		backends[i] = servers[i].Backend
	}
	return backends
}
