package clbtest

import (
	"math/rand/v2"
	"net/http"
	"time"
)

// findGroup looks a group up. With AutoCreate it appears if it is not there,
// with a listener and with a load balancer of its own.
func (s *Simulator) findGroup(w *world, region, id string) (*group, *failure) {
	if v, ok := w.groups.Load(key{region, id}); ok {
		return v.(*group), nil
	}
	if !s.options.AutoCreate {
		if w.inOtherRegion(id) {
			// Users report that a wrong region surfaces like this.
			return nil, refuse("InternalError", "")
		}
		return nil, refuseWith(http.StatusNotFound, "InvalidParameter", "The specified VServerGroupId does not exist.")
	}
	now := time.Now()
	lb := w.newLoadBalancer(LoadBalancer{RegionID: region, LoadBalancerID: newID("lb-"), MaxBackends: s.options.MaxBackends}, now)
	g := w.newGroup(lb, VServerGroup{VServerGroupID: id, ListenerPort: 80}, now)
	lb.groups = []*group{g}
	w.loadBalancers.Store(lb.key, lb)
	if v, taken := w.groups.LoadOrStore(g.key, g); taken { // somebody else was faster
		w.loadBalancers.Delete(lb.key)
		return v.(*group), nil
	}
	return g, nil
}

func (w *world) inOtherRegion(groupID string) bool {
	found := false
	w.groups.Range(func(k, _ any) bool {
		found = k.(key).id == groupID
		return !found
	})
	return found
}

// findLoadBalancer looks a load balancer up; with AutoCreate it appears.
func (s *Simulator) findLoadBalancer(w *world, region, id string) (*loadBalancer, *failure) {
	if v, ok := w.loadBalancers.Load(key{region, id}); ok {
		return v.(*loadBalancer), nil
	}
	if !s.options.AutoCreate {
		return nil, refuse("InvalidLoadBalancerId.NotFound", "")
	}
	lb := w.newLoadBalancer(LoadBalancer{RegionID: region, LoadBalancerID: id, MaxBackends: s.options.MaxBackends}, time.Now())
	v, _ := w.loadBalancers.LoadOrStore(lb.key, lb)
	return v.(*loadBalancer), nil
}

// findInstance looks an instance up; with AutoCreate it appears, running and
// healthy.
func (s *Simulator) findInstance(w *world, id string) (*instance, bool) {
	if v, ok := w.instances.Load(id); ok {
		return v.(*instance), true
	}
	if !s.options.AutoCreate {
		return nil, false
	}
	v, _ := w.instances.LoadOrStore(id, &instance{Instance: Instance{InstanceID: id}, order: w.created.Add(1)})
	return v.(*instance), true
}

// newID makes an id of the form that the service uses.
func newID(prefix string) string {
	const letters = "0123456789abcdefghijklmnopqrstuvwxyz"
	id := append(make([]byte, 0, len(prefix)+20), prefix...)
	id = append(id, "bp1"...)
	for range 17 {
		id = append(id, letters[rand.IntN(len(letters))])
	}
	return string(id)
}

// newRequestID makes an upper-case UUID.
func newRequestID() string {
	id := make([]byte, 36)
	bits := [2]uint64{rand.Uint64(), rand.Uint64()}
	for i, n := 0, 0; i < len(id); i++ {
		if i == 8 || i == 13 || i == 18 || i == 23 {
			id[i] = '-'
			continue
		}
		id[i] = upperHex[bits[n/16]>>(n%16*4)&0xf]
		n++
	}
	id[14] = '4' // a random one
	return string(id)
}
