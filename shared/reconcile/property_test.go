package reconcile_test

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"slb-registrar/shared/clbtest"
	"slb-registrar/shared/event"
	"slb-registrar/shared/reconcile"
	"slb-registrar/shared/registrar"
	"slb-registrar/shared/route"
)

// The world of the property: two scaling groups, three groups, two load
// balancers, a server on two ports, and a group that both scaling groups feed.
const propertyRoutes = `
version: 1
routes:
  - name: one
    match: {scalingGroupId: asg-1}
    targets:
      - {regionId: cn-hangzhou, vServerGroupId: rsp-a, port: 80, weight: 100}
      - {regionId: cn-hangzhou, vServerGroupId: rsp-a, port: 81, weight: 30, description: admin}
      - {regionId: cn-hangzhou, vServerGroupId: rsp-b, port: 80, weight: 0}
  - name: two
    match: {scalingGroupId: asg-2}
    targets:
      - {regionId: cn-hangzhou, vServerGroupId: rsp-b, port: 80, weight: 50}
      - {regionId: cn-hangzhou, vServerGroupId: rsp-c, port: 80, weight: 100}
`

var propertyTargets = map[string][]struct {
	group        string
	port, weight int
}{
	"asg-1": {{"rsp-a", 80, 100}, {"rsp-a", 81, 30}, {"rsp-b", 80, 0}},
	"asg-2": {{"rsp-b", 80, 50}, {"rsp-c", 80, 100}},
}

// place is a backend's place, and fate what has to become of it.
type place struct {
	group, server string
	port          int
}

type fate int

const (
	wanted fate = iota // in service: it has to be there
	left               // its instance waits, stands by or goes: nobody touches it
	stale              // ours and gone: it has to go
	kept               // foreign: nobody touches it
)

// drawn is one drawn world.
type drawn struct {
	state  clbtest.State
	fates  map[place]fate
	before map[place]clbtest.Backend
	weight map[place]int
	faults []clbtest.Fault
	how    clbtest.Duplicate
	limit  int
}

func draw(rt *rapid.T) drawn {
	d := drawn{fates: map[place]fate{}, before: map[place]clbtest.Backend{}, weight: map[place]int{}}
	serverStates := rapid.SampledFrom([]string{"InService", "InService", "InService", "Protected", "Pending:Wait", "Removing:Wait", "Removing", "Standby", "Pending", "gone", "gone"})
	descriptions := rapid.SampledFrom([]string{route.Description, route.Description, "admin", "by-hand", ""})
	groups := map[string][]clbtest.Backend{"rsp-a": {}, "rsp-b": {}, "rsp-c": {}}
	for i := range rapid.IntRange(0, 45).Draw(rt, "servers") {
		server := number(i)
		asg := rapid.SampledFrom([]string{"asg-1", "asg-2"}).Draw(rt, "scaling group")
		state := serverStates.Draw(rt, "state")
		in := clbtest.Instance{InstanceID: server, ScalingGroupID: asg, LifecycleState: state}
		if state == "gone" {
			in.ScalingGroupID, in.LifecycleState = "", ""
		}
		d.state.Instances = append(d.state.Instances, in)
		for _, t := range propertyTargets[asg] {
			at := place{t.group, server, t.port}
			switch state {
			case "InService", "Protected":
				d.fates[at], d.weight[at] = wanted, t.weight
			case "gone":
			default:
				d.fates[at] = left
			}
		}
		for group := range groups {
			for _, port := range []int{80, 81} {
				if !rapid.Bool().Draw(rt, "member") {
					continue
				}
				at := place{group, server, port}
				b := clbtest.Backend{
					ServerID: server, Port: port, Type: "ecs",
					Weight: rapid.SampledFrom([]int{0, 30, 50, 100}).Draw(rt, "weight"), Description: descriptions.Draw(rt, "description"),
				}
				groups[group] = append(groups[group], b)
				d.before[at] = b
				if _, known := d.fates[at]; known {
					continue
				}
				d.fates[at] = kept
				if b.Description == route.Description || b.Description == "admin" && group == "rsp-a" {
					d.fates[at] = stale
				}
			}
		}
	}
	for _, lb := range [][]string{{"rsp-a", "rsp-b"}, {"rsp-c"}} {
		balancer := clbtest.LoadBalancer{RegionID: "cn-hangzhou", LoadBalancerID: "lb-of-" + lb[0], MaxBackends: 1000}
		for _, id := range lb {
			balancer.VServerGroups = append(balancer.VServerGroups, clbtest.VServerGroup{VServerGroupID: id, Backends: groups[id]})
		}
		d.state.LoadBalancers = append(d.state.LoadBalancers, balancer)
	}
	for range rapid.IntRange(0, 4).Draw(rt, "faults") {
		d.faults = append(d.faults, clbtest.Fault{
			Action: rapid.SampledFrom([]string{
				"", "DescribeScalingInstances", "DescribeVServerGroupAttribute",
				"AddVServerGroupBackendServers", "RemoveVServerGroupBackendServers", "SetVServerGroupAttribute",
			}).Draw(rt, "action"),
			Probability: new(rapid.SampledFrom([]float64{0.1, 0.5, 1}).Draw(rt, "probability")), Seed: rapid.Uint64().Draw(rt, "seed"),
			For: "5m",
			Effect: rapid.SampledFrom([]clbtest.Effect{
				{Code: "Throttling.User"}, {Code: "BackendServer.configuring"}, {Code: "InternalError"}, {Code: "Forbidden.RAM", HTTPStatus: 403},
				{Reset: "before"}, {Reset: "after"}, {Body: "truncated"}, {Body: "html", HTTPStatus: 502}, {Body: "numeric-code", HTTPStatus: 500},
				{Latency: "3s", Jitter: "20s"},
			}).Draw(rt, "effect"),
		})
	}
	d.how = rapid.SampledFrom([]clbtest.Duplicate{clbtest.DuplicateIgnore, clbtest.DuplicateUpdate, clbtest.DuplicateError}).Draw(rt, "duplicate")
	d.limit = rapid.SampledFrom([]int{10, 40, 100}).Draw(rt, "percent")
	return d
}

// TestAnyDriftIsRepairedThroughAnyFaultsAndNothingDesiredIsRemoved lets runs
// follow each other, some of them two at a time and from two processes, while
// faults last and after them.
func TestAnyDriftIsRepairedThroughAnyFaultsAndNothingDesiredIsRemoved(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		d := draw(rt)
		wrong := ""
		synctest.Test(t, func(t *testing.T) { wrong = d.play(t) })
		if wrong != "" {
			rt.Fatal(wrong)
		}
	})
}

// play returns what went wrong.
func (d drawn) play(t *testing.T) string {
	w := newWorldWith(t, propertyRoutes, clbtest.Options{
		State: d.state, Faults: d.faults, Duplicate: d.how, Latency: 80 * time.Millisecond, Settle: 300 * time.Millisecond,
	})
	c, err := route.Parse("test", []byte(propertyRoutes))
	if err != nil {
		t.Fatal(err)
	}
	w.engine = registrar.New(registrar.Options{})
	other := w.another(c)
	begin := time.Now()
	for n := 0; ; n++ {
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		request := event.Reconcile{Repair: true, Remove: true, MaxRemovePercent: d.limit}
		var beside sync.WaitGroup
		if n%3 == 0 {
			beside.Go(func() { other.Run(ctx, w.invocation, request) })
		}
		report := w.reconciler.Run(ctx, w.invocation, request)
		beside.Wait()
		cancel()
		if wrong := d.harm(w); wrong != "" {
			return wrong
		}
		calm := time.Since(begin) > 6*time.Minute
		if calm && !slices.ContainsFunc(report.Drift, func(f reconcile.Drift) bool { return f.Left == "" || f.Undone }) {
			break
		}
		if calm && n > 100 || n > 200 {
			if d.onlyLastLeft(report) {
				break
			}
			return fmt.Sprintf("run %d: still %v, %v, %+v", n, found(report), ended(report), report.Problems)
		}
		<-time.After(10 * time.Second)
	}
	return d.unrepaired(w)
}

// onlyLastLeft reports whether all that is undone are last backends of groups.
func (d drawn) onlyLastLeft(report reconcile.Report) bool {
	return !slices.ContainsFunc(report.Drift, func(f reconcile.Drift) bool {
		return f.Left == "" || f.Undone && f.Left != "the last backend of a group is not removed"
	})
}

// harm says what a run has done that it must not.
func (d drawn) harm(w *world) string {
	for _, group := range []string{"rsp-a", "rsp-b", "rsp-c"} {
		there := map[place]clbtest.Backend{}
		for _, b := range w.simulator.Backends(group) {
			at := place{group, b.ServerID, b.Port}
			there[at] = b
			if _, was := d.before[at]; !was && d.fates[at] != wanted {
				return fmt.Sprintf("%v was added", at)
			}
		}
		some := false
		for at, before := range d.before {
			if at.group != group {
				continue
			}
			some = true
			now, is := there[at]
			switch f := d.fates[at]; {
			case !is && f != stale:
				return fmt.Sprintf("%v (fate %d) was removed", at, f)
			case is && f != wanted && now != before:
				return fmt.Sprintf("%v (fate %d) was changed from %v to %v", at, f, before, now)
			case is && f == wanted && now.Description != before.Description:
				return fmt.Sprintf("the description of %v was changed", at)
			}
		}
		if some && len(there) == 0 {
			return group + " was emptied"
		}
	}
	for _, call := range w.simulator.CallsOf("RemoveVServerGroupBackendServers") {
		for _, b := range call.Backends {
			if at := (place{call.VServerGroupID, b.ServerID, b.Port}); d.fates[at] != stale {
				return fmt.Sprintf("%v (fate %d) was to be removed", at, d.fates[at])
			}
		}
	}
	return ""
}

// unrepaired says what is not as it should be in the end.
func (d drawn) unrepaired(w *world) string {
	for at, f := range d.fates {
		members := w.simulator.Backends(at.group)
		i := slices.IndexFunc(members, func(b clbtest.Backend) bool { return b.ServerID == at.server && b.Port == at.port })
		before, was := d.before[at]
		ours := !was || before.Description == route.Description || before.Description == "admin" && at.group == "rsp-a"
		switch {
		case f == wanted && i < 0:
			return fmt.Sprintf("%v is missing", at)
		case f == wanted && ours && members[i].Weight != d.weight[at]:
			return fmt.Sprintf("%v has weight %d, want %d", at, members[i].Weight, d.weight[at])
		case f == stale && i >= 0 && len(members) > 1:
			return fmt.Sprintf("%v is stale", at)
		}
	}
	return ""
}
