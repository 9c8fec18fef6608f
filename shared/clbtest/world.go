package clbtest

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// world is the state that calls work on. Seeding makes a new one, so that what
// is in flight meanwhile ends in the old. The maps need no lock; what belongs
// to a load balancer is guarded by that load balancer's.
type world struct {
	seeded        time.Time
	loadBalancers sync.Map // key → *loadBalancer
	groups        sync.Map // key → *group
	instances     sync.Map // id → *instance
	hooks         hooks
	created       atomic.Int64 // counts what was created, to list it in order
}

// key is an id in its region; ids of groups are unique only there.
type key struct{ region, id string }

type loadBalancer struct {
	key
	order int64

	mu      sync.Mutex
	info    LoadBalancer // without the groups
	groups  []*group
	members int // of all groups, changes in flight included
	busy    time.Time
	pending []*change
	deleted bool
}

type group struct {
	key
	lb *loadBalancer

	// Guarded by the mutex of the load balancer.
	info    VServerGroup // without the backends
	members []Backend    // never changed in place, so that it can be read without a lock
	busy    time.Time
	deleted bool
}

type instance struct {
	Instance
	order     int64
	running   time.Time
	healthy   time.Time
	unhealthy bool // for ever
}

func (i *instance) isRunning(now time.Time) bool { return !now.Before(i.running) }

func (i *instance) isHealthy(now time.Time) bool {
	return i.isRunning(now) && !i.unhealthy && !now.Before(i.healthy)
}

// identity tells one member of a group from another.
type identity struct {
	id, ip string
	port   int
}

func (b *Backend) identity() identity { return identity{b.ServerID, b.ServerIP, b.Port} }

// newWorld builds the world of a state, or says what is wrong with it.
func newWorld(st State, o Options, now time.Time) (*world, error) {
	w := &world{seeded: now}
	if err := w.put(st, o, now); err != nil {
		return nil, err
	}
	return w, nil
}

// put adds what st names.
func (w *world) put(st State, o Options, now time.Time) error {
	for i, lb := range st.LoadBalancers {
		if err := w.putLoadBalancer(lb, o, now); err != nil {
			return fmt.Errorf("state: loadBalancers[%d]%w", i, err)
		}
	}
	for i, in := range st.Instances {
		if err := w.putInstance(in, now); err != nil {
			return fmt.Errorf("state: instances[%d]: %w", i, err)
		}
	}
	for i, a := range st.LifecycleActions {
		if err := w.hooks.put(a, now); err != nil {
			return fmt.Errorf("state: lifecycleActions[%d]: %w", i, err)
		}
	}
	return nil
}

func (w *world) putLoadBalancer(info LoadBalancer, o Options, now time.Time) error {
	switch {
	case info.RegionID == "":
		return fmt.Errorf(": regionId is missing")
	case info.LoadBalancerID == "":
		return fmt.Errorf(": loadBalancerId is missing")
	case info.MaxBackends < 0:
		return fmt.Errorf(": maxBackends %d is negative", info.MaxBackends)
	}
	if info.MaxBackends == 0 {
		info.MaxBackends = o.MaxBackends
	}
	groups := info.VServerGroups
	info.VServerGroups = nil
	info.Tags = maps.Clone(info.Tags)
	lb := w.newLoadBalancer(info, now)
	for i, g := range groups {
		if err := w.putGroup(lb, g, now); err != nil {
			return fmt.Errorf(".vServerGroups[%d]%w", i, err)
		}
	}
	if lb.members > info.MaxBackends {
		return fmt.Errorf(": %d backends are more than maxBackends %d", lb.members, info.MaxBackends)
	}
	if _, taken := w.loadBalancers.LoadOrStore(lb.key, lb); taken {
		return fmt.Errorf(": %s is there twice", info.LoadBalancerID)
	}
	return nil
}

func (w *world) putGroup(lb *loadBalancer, info VServerGroup, now time.Time) error {
	switch {
	case info.VServerGroupID == "":
		return fmt.Errorf(": vServerGroupId is missing")
	case info.ListenerPort < 0 || info.ListenerPort > 65535:
		return fmt.Errorf(": listenerPort %d is not in 0–65535", info.ListenerPort)
	}
	members := slices.Clone(info.Backends)
	info.Backends = nil
	info.Tags = maps.Clone(info.Tags)
	seen := make(map[identity]bool, len(members))
	for i := range members {
		if err := members[i].check(); err != nil {
			return fmt.Errorf(".backends[%d]: %w", i, err)
		}
		if id := members[i].identity(); seen[id] {
			return fmt.Errorf(".backends[%d]: %s with port %d is there twice", i, id.id, id.port)
		}
		seen[members[i].identity()] = true
	}
	g := w.newGroup(lb, info, now)
	g.members = members
	if _, taken := w.groups.LoadOrStore(g.key, g); taken {
		return fmt.Errorf(": %s is there twice", info.VServerGroupID)
	}
	lb.groups = append(lb.groups, g)
	lb.members += len(members)
	return nil
}

func (w *world) putInstance(info Instance, now time.Time) error {
	if info.InstanceID == "" {
		return fmt.Errorf("instanceId is missing")
	}
	in := &instance{Instance: info, order: w.created.Add(1)}
	running, err := duration(info.RunningAfter, 0)
	if err != nil {
		return fmt.Errorf("runningAfter: %w", err)
	}
	in.running = now.Add(running)
	if in.unhealthy = info.HealthyAfter == never; !in.unhealthy {
		healthy, err := duration(info.HealthyAfter, 0)
		if err != nil {
			return fmt.Errorf("healthyAfter: %w", err)
		}
		in.healthy = now.Add(healthy)
	}
	if _, taken := w.instances.LoadOrStore(info.InstanceID, in); taken {
		return fmt.Errorf("%s is there twice", info.InstanceID)
	}
	return nil
}

func (w *world) newLoadBalancer(info LoadBalancer, now time.Time) *loadBalancer {
	if info.CreateTime == nil {
		info.CreateTime = &now
	}
	return &loadBalancer{key: key{info.RegionID, info.LoadBalancerID}, order: w.created.Add(1), info: info}
}

func (w *world) newGroup(lb *loadBalancer, info VServerGroup, now time.Time) *group {
	if info.CreateTime == nil {
		info.CreateTime = &now
	}
	return &group{key: key{lb.region, info.VServerGroupID}, lb: lb, info: info}
}

// state copies everything. Each load balancer is consistent in itself.
func (w *world) state(now time.Time) State {
	st := State{LoadBalancers: []LoadBalancer{}, Instances: []Instance{}}
	for _, lb := range w.listLoadBalancers() {
		lb.mu.Lock()
		lb.advance(now)
		if !lb.deleted {
			info := lb.info
			info.Tags = maps.Clone(info.Tags)
			info.VServerGroups = make([]VServerGroup, 0, len(lb.groups))
			for _, g := range lb.groups {
				gi := g.info
				gi.Tags = maps.Clone(gi.Tags)
				gi.Backends = append(make([]Backend, 0, len(g.members)), g.members...)
				info.VServerGroups = append(info.VServerGroups, gi)
			}
			st.LoadBalancers = append(st.LoadBalancers, info)
		}
		lb.mu.Unlock()
	}
	for _, in := range w.listInstances() {
		info := in.Instance
		info.RunningAfter = cmp.Or(info.RunningAfter, "0s")
		info.HealthyAfter = cmp.Or(info.HealthyAfter, "0s")
		st.Instances = append(st.Instances, info)
	}
	st.LifecycleActions = w.hooks.list(now)
	return st
}

func (w *world) listLoadBalancers() []*loadBalancer {
	var all []*loadBalancer
	w.loadBalancers.Range(func(_, v any) bool {
		all = append(all, v.(*loadBalancer))
		return true
	})
	slices.SortFunc(all, func(a, b *loadBalancer) int { return cmp.Compare(a.order, b.order) })
	return all
}

func (w *world) listInstances() []*instance {
	var all []*instance
	w.instances.Range(func(_, v any) bool {
		all = append(all, v.(*instance))
		return true
	})
	slices.SortFunc(all, func(a, b *instance) int { return cmp.Compare(a.order, b.order) })
	return all
}
