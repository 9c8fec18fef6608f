package route

import (
	"time"

	"slb-registrar/shared/vsg"
)

// Config is a whole configuration: valid, with every default filled in.
type Config struct {
	Version       int
	Retention     time.Duration // how long records of backends live
	WhenStoreDown WhenStoreDown
	MaxBatch      int // backends a call, 1–40
	Routes        []Route
}

// WhenStoreDown says what to do while the store cannot be asked.
type WhenStoreDown string

// What to do while the store cannot be asked.
const (
	Closed WhenStoreDown = "closed" // nothing: the message comes again
	Open   WhenStoreDown = "open"   // go on, and rely on how CLB treats duplicates
)

// Route says where the instances of some events go.
type Route struct {
	Name    string
	Match   Match
	Targets []Target
	// MetadataTargets lets a hook's NotificationMetadata name more targets, of
	// groups that are targets of this route or in AllowVServerGroups.
	MetadataTargets    bool
	AllowVServerGroups []string
	// ServerID and ServerIP make a backend's id and address of the event. Without
	// a ServerID it is the id of the instance.
	ServerID    Template
	ServerIP    Template
	Ready       *Ready // nil: do not wait
	OnTerminate OnTerminate
	Complete    Complete
}

// Match says which notices a route takes: those that agree with every pattern
// that is given. * stands for any characters, ? for one.
type Match struct {
	Source            string // the kind of event, such as ess-lifecycle-hook
	ScalingGroupID    string // of ESS the id, of EC2 Auto Scaling the name
	LifecycleHookName string
	RegionID          string
}

// Target is a place in a VServer group.
type Target struct {
	Group          vsg.Group
	LoadBalancerID string // saves a call that would ask for it
	Port           int
	Weight         int
	Type           vsg.Type
	Description    string
}

// Ready makes the hook of a launch wait for healthy backends.
type Ready struct {
	Timeout time.Duration
}

// OnTerminate says how instances go.
type OnTerminate struct {
	Drain time.Duration // between weight 0 and removal
}

// Complete says how lifecycle hooks are answered.
type Complete struct {
	Success     Result
	Failure     Result
	FailureWhen FailureWhen
}

// Result is an answer to a lifecycle hook.
type Result string

// The answers to a lifecycle hook.
const (
	Continue Result = "CONTINUE"
	Abandon  Result = "ABANDON"
	Rollback Result = "ROLLBACK" // ESS only
	Leave    Result = "leave"    // none: the hook runs into its time-out and its default result
)

// FailureWhen says when a hook of many instances has failed.
type FailureWhen string

// When a hook of many instances has failed.
const (
	Any FailureWhen = "any" // one instance failed
	All FailureWhen = "all" // no instance succeeded
)

// Description is what marks a backend as added by this project, unless the
// target has a description of its own.
const Description = "slb-registrar"

// DefaultRetention is longer than any queue of the two clouds keeps a message
// (SQS 14 days, SMQ 15 days at most).
const DefaultRetention = 15 * 24 * time.Hour

// maxWait is how long a lifecycle hook of ESS can be kept waiting.
const maxWait = 6 * time.Hour

// LongestWait is the longest that an invocation may wait on purpose: for
// backends to become healthy and for others to drain. A function's time-out
// has to be longer, by its reserve and the time that its calls take.
func (c *Config) LongestWait() time.Duration {
	var ready, drain time.Duration
	for _, r := range c.Routes {
		if r.Ready != nil {
			ready = max(ready, r.Ready.Timeout)
		}
		drain = max(drain, r.OnTerminate.Drain)
	}
	return ready + drain
}

// GroupRef is a group that the configuration names.
type GroupRef struct {
	Group          vsg.Group // of an allow-list the region may be unknown, and empty
	LoadBalancerID string    // where a target says so
	Target         bool      // false: only an allow-list names it
	Routes         []string  // the names of the routes that name it
}

// Groups lists every group that a route or an allow-list names, once, in the
// order of the file. No other group is ever touched.
func (c *Config) Groups() []GroupRef {
	var refs []GroupRef
	index := map[vsg.Group]int{}
	note := func(g vsg.Group, r *Route, target bool) {
		i, seen := index[g]
		if !seen {
			i = len(refs)
			index[g] = i
			refs = append(refs, GroupRef{Group: g, LoadBalancerID: c.loadBalancer(g)})
		}
		refs[i].Target = refs[i].Target || target
		if n := len(refs[i].Routes); n == 0 || refs[i].Routes[n-1] != r.Name {
			refs[i].Routes = append(refs[i].Routes, r.Name)
		}
	}
	for i := range c.Routes {
		r := &c.Routes[i]
		for _, t := range r.Targets {
			note(t.Group, r, true)
		}
		for _, id := range r.AllowVServerGroups {
			regions := r.regions()
			if len(regions) == 0 {
				regions = []string{""}
			}
			for _, region := range regions {
				note(vsg.Group{RegionID: region, ID: id}, r, false)
			}
		}
	}
	return refs
}

// loadBalancer is the load balancer of a group, where any target says so.
func (c *Config) loadBalancer(g vsg.Group) string {
	for _, r := range c.Routes {
		for _, t := range r.Targets {
			if t.Group == g && t.LoadBalancerID != "" {
				return t.LoadBalancerID
			}
		}
	}
	return ""
}

// regions are those that a route names: of its targets, and of its match.
func (r *Route) regions() []string {
	var regions []string
	note := func(region string) {
		for _, known := range regions {
			if known == region {
				return
			}
		}
		regions = append(regions, region)
	}
	for _, t := range r.Targets {
		note(t.Group.RegionID)
	}
	if region := r.Match.RegionID; region != "" && !isGlob(region) {
		note(region)
	}
	return regions
}

// Names reports whether instances or messages may end in the group by this
// route: it is a target, or on the allow-list, which without any region of the
// route's own is one of every region.
func (r *Route) Names(g vsg.Group) bool { return r.names(g) }

// names reports whether the route lets a message name the group: it is a
// target, or on the allow-list and in a region of the route.
func (r *Route) names(g vsg.Group) bool {
	for _, t := range r.Targets {
		if t.Group == g {
			return true
		}
	}
	for _, id := range r.AllowVServerGroups {
		if id != g.ID {
			continue
		}
		regions := r.regions()
		if len(regions) == 0 {
			return validID(g.RegionID) // it becomes a part of the endpoint's name
		}
		for _, region := range regions {
			if region == g.RegionID {
				return true
			}
		}
	}
	return false
}
