package lifecycle

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"slb-registrar/shared/vsg"
)

// verdict is what a sight says about one backend.
type verdict struct {
	ready bool
	why   string // why not, or why that does not matter
}

// judge looks for a backend of a group. A group may be used by several
// listeners, and each checks the health of its members for itself.
func (s *sight) judge(group string, b vsg.Backend) verdict {
	binding := s.bindings[group]
	if len(binding.Listeners) == 0 && binding.Rules == 0 {
		return verdict{true, "no listener and no rule sends to the group: its members have no health"}
	}
	listed := make([]bool, max(len(binding.Listeners), 1))
	state := vsg.Healthy
	for _, h := range s.health {
		if h.ServerID != b.ServerID || h.Port != b.Port || b.ServerIP != "" && h.ServerIP != b.ServerIP && h.InterfaceIP != b.ServerIP {
			continue
		}
		// Rules do not say of which listener they are; every listener that
		// lists the backend is taken to be meant.
		at := 0
		if len(binding.Listeners) > 0 {
			at = slices.IndexFunc(binding.Listeners, func(l vsg.Listener) bool { return same(l, h.Listener) })
		}
		if at < 0 {
			continue
		}
		listed[at] = true
		if h.State != vsg.Healthy {
			state = h.State
		}
	}
	missing := 0
	for _, yes := range listed {
		if !yes {
			missing++
		}
	}
	switch {
	case state == vsg.Unchecked:
		return verdict{false, "no health check of the backend was completed; the listener may have none"}
	case state != vsg.Healthy:
		return verdict{false, "the load balancer calls the backend " + string(state)}
	case missing > 0:
		return verdict{false, fmt.Sprintf("the load balancer does not list the backend's health yet at %d of %d listeners", missing, len(listed))}
	}
	return verdict{ready: true}
}

// same reports whether two listeners are one. An answer may leave the protocol out.
func same(a, b vsg.Listener) bool {
	return a.Port == b.Port && (a.Protocol == "" || b.Protocol == "" || strings.EqualFold(a.Protocol, b.Protocol))
}

// await waits until the load balancers call the backends of all changes
// healthy, and marks those that are not when timeout is over. It returns the
// context's error if that ends first, and that of the hook if it has ended.
func (f *Finisher) await(ctx context.Context, job *Job, heart *Heart) (notes []string, err error) {
	waiting, notes := job.awaited()
	if len(waiting) == 0 {
		return notes, nil
	}
	deadline := time.Now().Add(job.Ready)
	limited, cancel := context.WithDeadline(ctx, deadline)
	defer cancel()
	byBalancer := map[vsg.LoadBalancer][]*Change{}
	byGroup := map[vsg.Group][]*Change{} // those whose load balancer has to be asked for
	for _, c := range waiting {
		if c.LoadBalancerID == "" {
			byGroup[c.Group] = append(byGroup[c.Group], c)
			continue
		}
		lb := vsg.LoadBalancer{RegionID: c.Group.RegionID, ID: c.LoadBalancerID}
		byBalancer[lb] = append(byBalancer[lb], c)
	}
	var all sync.WaitGroup
	var mu sync.Mutex
	var ended error
	conclude := func(explained []string, err error) {
		mu.Lock()
		defer mu.Unlock()
		notes = append(notes, explained...)
		if err != nil {
			ended = err
			cancel()
		}
	}
	for lb, changes := range byBalancer {
		all.Go(func() { conclude(f.awaitOne(limited, job, heart, lb, changes, deadline)) })
	}
	for group, changes := range byGroup {
		all.Go(func() {
			id, err := f.find(limited, job, heart, group, changes, deadline)
			if err != nil || id == "" {
				conclude(nil, err)
				return
			}
			lb := vsg.LoadBalancer{RegionID: group.RegionID, ID: id}
			conclude(f.awaitOne(limited, job, heart, lb, changes, deadline))
		})
	}
	all.Wait()
	if ended != nil {
		return notes, ended
	}
	return notes, ctx.Err()
}

// awaited are the changes whose backends have to become healthy, and why the
// others need not.
func (j *Job) awaited() (waiting []*Change, notes []string) {
	for i := range j.Changes {
		c := &j.Changes[i]
		switch c.Status {
		case vsg.Added, vsg.Already, vsg.Duplicate:
			if c.Backend.Weight == 0 {
				notes = append(notes, c.Backend.ServerID+" of "+c.Group.ID+": its weight is 0, so it gets no traffic and is not waited for")
				continue
			}
			waiting = append(waiting, c)
		}
	}
	return waiting, notes
}

// find asks for the load balancer of a group until the context ends; then it
// is empty. The error is that of a hook that has ended.
func (f *Finisher) find(ctx context.Context, job *Job, heart *Heart, group vsg.Group, changes []*Change, deadline time.Time) (string, error) {
	for wait := shortestPoll; ctx.Err() == nil; wait = min(2*wait, longestPoll) {
		id, err := f.watch.owner(ctx, job.Balancer, group)
		if err == nil {
			return id, nil
		}
		for _, c := range changes {
			c.NotReady, c.unread = "the load balancer of the group could not be found: "+err.Error(), true
		}
		if err := heart.Cover(ctx, longestPoll, time.Until(deadline)+f.gap()); err != nil && asError(err).Ended {
			return "", err
		}
		_ = pause(ctx, wait)
	}
	return "", nil
}

// awaitOne waits for the backends of one load balancer. The error is that of
// a hook that has ended.
func (f *Finisher) awaitOne(ctx context.Context, job *Job, heart *Heart, lb vsg.LoadBalancer, changes []*Change, deadline time.Time) (notes []string, err error) {
	began, number := time.Now(), f.watch.begun(lb)
	for {
		poll := min(max(time.Since(began)/5, shortestPoll), longestPoll)
		var seen *sight
		seen, number, err = f.watch.look(ctx, job.Balancer, lb, number, poll)
		switch {
		case ctx.Err() != nil:
			for _, c := range changes {
				if c.NotReady == "" {
					c.NotReady, c.unread = "the load balancer was not seen to call it healthy", true
				}
			}
			return notes, nil
		case err != nil:
			for _, c := range changes {
				c.NotReady, c.unread = "its health could not be read: "+err.Error(), true
			}
		default:
			changes = slices.DeleteFunc(changes, func(c *Change) bool {
				v := seen.judge(c.Group.ID, c.Backend)
				c.unread = false
				if c.NotReady = ""; !v.ready {
					c.NotReady = v.why
				} else if v.why != "" {
					notes = append(notes, c.Backend.ServerID+" of "+c.Group.ID+": "+v.why)
				}
				return v.ready
			})
			if len(changes) == 0 {
				return notes, nil
			}
		}
		if err := heart.Cover(ctx, longestPoll, time.Until(deadline)+f.gap()); err != nil && asError(err).Ended {
			return notes, err
		}
	}
}
