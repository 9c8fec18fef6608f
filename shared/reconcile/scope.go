package reconcile

import (
	"fmt"
	"slices"
	"strings"
	"sync/atomic"

	"slb-registrar/shared/event"
	"slb-registrar/shared/route"
	"slb-registrar/shared/vsg"
)

// feeder is a scaling group whose instances the routes send somewhere.
type feeder struct {
	regionID, id string
	// ways are the routes that its events may take, each as a configuration of
	// its own. Which one an event takes depends on its hook or source, if there
	// are several.
	ways  []*route.Config
	feeds map[vsg.Group]bool
}

// target is a VServer group that feeders fill.
type target struct {
	group   vsg.Group
	feeders []*feeder
	// open says why not all that belongs there can be known, so that nothing
	// may be called stale; empty if all can be known.
	open string
	// loose says that hooks may have named more backends of the same servers in
	// their metadata: nothing is stale as long as its server is there.
	loose bool
	ours  map[string]bool // the descriptions by which we know our backends
}

// task is what has to be compared together: VServer groups that share scaling
// groups, so that each of these is read once.
type task struct {
	feeders  []*feeder
	targets  []*target
	first    bool        // it began with the run, and so had a fair turn whatever came of it
	compared atomic.Bool // at least one of the groups was compared
}

// scope finds out what a request is about.
func (r *Reconciler) scope(request event.Reconcile) (tasks []*task, problems []Problem) {
	feeders, problems := r.feeders(request.ScalingGroupIDs)
	targets := r.targets(feeders)
	if len(request.ScalingGroupIDs) > 0 {
		targets = slices.DeleteFunc(targets, func(t *target) bool {
			return !slices.ContainsFunc(t.feeders, func(f *feeder) bool { return slices.Contains(request.ScalingGroupIDs, f.id) })
		})
	}
	for _, t := range targets {
		if t.open != "" {
			problems = append(problems, Problem{Group: t.group, Code: CodeOpen, Message: "what is stale cannot be told: " + t.open})
		}
	}
	return split(targets), problems
}

// feeders are the scaling groups that the routes name literally, and those of
// the request.
func (r *Reconciler) feeders(asked []string) (feeders []*feeder, problems []Problem) {
	type key struct{ region, id string }
	seen := map[key]bool{}
	note := func(rt *route.Route, id string) {
		region, err := regionOf(rt)
		switch {
		case err != nil:
			problems = append(problems, Problem{ScalingGroupID: id, Code: CodeRegion, Message: err.Error()})
		case !seen[key{region, id}]:
			seen[key{region, id}] = true
			feeders = append(feeders, r.feeder(region, id))
		}
	}
	for i := range r.config.Routes {
		if rt := &r.config.Routes[i]; listable(rt) && !ofEC2(rt) && !ofOthers(rt) {
			note(rt, rt.Match.ScalingGroupID)
		}
	}
	for _, id := range asked {
		known := slices.ContainsFunc(feeders, func(f *feeder) bool { return f.id == id })
		for i := range r.config.Routes {
			if rt := &r.config.Routes[i]; !known && !ofEC2(rt) && !ofOthers(rt) && takes(r.config, i, rt.Match.RegionID, id) {
				known = true
				note(rt, id)
			}
		}
		if !known {
			problems = append(problems, Problem{ScalingGroupID: id, Code: CodeNoRoute, Message: fmt.Sprintf("no route takes scaling group %q", id)})
		}
	}
	return feeders, problems
}

// feeder collects the routes that events of a scaling group may take: up to the
// first that takes them all.
func (r *Reconciler) feeder(region, id string) *feeder {
	f := &feeder{regionID: region, id: id, feeds: map[vsg.Group]bool{}}
	for i := range r.config.Routes {
		rt := &r.config.Routes[i]
		if ofEC2(rt) || ofOthers(rt) || !takes(r.config, i, region, id) {
			continue
		}
		f.ways = append(f.ways, only(r.config, i))
		for _, g := range r.groups {
			if feeds(rt, g.Group) {
				f.feeds[g.Group] = true
			}
		}
		if rt.Match.Source == "" && rt.Match.LifecycleHookName == "" {
			break
		}
	}
	return f
}

// targets are the VServer groups that the feeders fill, in the order of the
// configuration.
func (r *Reconciler) targets(feeders []*feeder) []*target {
	var targets []*target
	for _, ref := range r.groups {
		if !ref.Target {
			continue
		}
		t := &target{group: ref.Group, ours: map[string]bool{route.Description: true}}
		for _, f := range feeders {
			if f.feeds[t.group] {
				t.feeders = append(t.feeders, f)
			}
		}
		if len(t.feeders) == 0 {
			continue
		}
		for i := range r.config.Routes {
			t.reach(&r.config.Routes[i])
		}
		delete(t.ours, "")
		targets = append(targets, t)
	}
	return targets
}

// split divides targets into tasks that share no scaling group.
func split(targets []*target) []*task {
	of := map[*feeder]*task{}
	var tasks []*task
	for _, t := range targets {
		joined := &task{targets: []*target{t}}
		for _, f := range t.feeders {
			other := of[f]
			switch {
			case other == nil:
				joined.feeders = append(joined.feeders, f)
			case other != joined:
				other.targets = append(other.targets, joined.targets...)
				other.feeders = append(other.feeders, joined.feeders...)
				tasks = slices.DeleteFunc(tasks, func(k *task) bool { return k == joined })
				joined = other
			}
			for _, member := range joined.feeders {
				of[member] = joined
			}
		}
		if !slices.Contains(tasks, joined) {
			tasks = append(tasks, joined)
		}
	}
	return tasks
}

// reach notes what a route may bring into the group.
func (t *target) reach(rt *route.Route) {
	for _, own := range rt.Targets {
		if own.Group == t.group {
			t.ours[own.Description] = true
		}
	}
	_, err := regionOf(rt)
	switch {
	case !rt.Names(t.group):
	case ofEC2(rt) || ofOthers(rt) || !listable(rt) || err != nil:
		t.open = fmt.Sprintf("route %s takes instances of scaling groups that cannot be listed", rt.Name)
	case rt.MetadataTargets:
		t.loose = true
	case !feeds(rt, t.group):
		// Without metadata an allow-list is for nothing but queue messages.
		t.open = fmt.Sprintf("route %s lets queue messages name the group", rt.Name)
	}
}

// feeds reports whether instances that a route takes may end in a group: it is a
// target, or the metadata of a hook may say so.
func feeds(rt *route.Route, g vsg.Group) bool {
	return slices.ContainsFunc(rt.Targets, func(t route.Target) bool { return t.Group == g }) ||
		rt.MetadataTargets && rt.Names(g)
}

// only is the configuration with one of its routes.
func only(c *route.Config, i int) *route.Config {
	one := *c
	one.Routes = c.Routes[i : i+1]
	return &one
}

// takes reports whether route i takes some event of a scaling group.
func takes(c *route.Config, i int, region, id string) bool {
	_, err := only(c, i).Plan(event.Notice{Kind: event.Launch, RegionID: region, ScalingGroupID: id, InstanceID: "i-any"})
	return !isNoRoute(err)
}

// regionOf is the region of a route's scaling groups: the one that it matches,
// else that of its targets, for a backend is in the region of its group.
func regionOf(rt *route.Route) (string, error) {
	if region := rt.Match.RegionID; region != "" && !isPattern(region) {
		return region, nil
	}
	region := ""
	for _, t := range rt.Targets {
		if region != "" && t.Group.RegionID != region {
			return "", fmt.Errorf("route %s has targets in several regions: its match has to name the regionId of the scaling group", rt.Name)
		}
		region = t.Group.RegionID
	}
	if region == "" {
		return "", fmt.Errorf("route %s has no targets and its match names no regionId", rt.Name)
	}
	return region, nil
}

func listable(rt *route.Route) bool {
	return rt.Match.ScalingGroupID != "" && !isPattern(rt.Match.ScalingGroupID)
}

// ofEC2 reports whether a route is for Amazon EC2 Auto Scaling only.
func ofEC2(rt *route.Route) bool { return strings.HasPrefix(rt.Match.Source, "ec2-") }

// ofOthers reports whether a route is for what does not come from a scaling
// group: state changes, and what people put into a queue.
func ofOthers(rt *route.Route) bool {
	switch rt.Match.Source {
	case event.SourceECSState, event.SourceRequest, event.SourceInstance:
		return true
	}
	return false
}

func isPattern(s string) bool { return strings.ContainsAny(s, "*?") }
