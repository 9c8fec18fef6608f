package reconcile

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"slb-registrar/shared/event"
	"slb-registrar/shared/route"
	"slb-registrar/shared/vsg"
)

// want is what the routes make of an instance in one group.
type want struct {
	backend        vsg.Backend
	scalingGroupID string
	instanceID     string
	at             time.Time // when its scaling group was read
	serving        bool      // it is in service; otherwise it is left alone
	ways           int       // how many of its routes want it
	sure           bool      // all of them do
	torn           bool      // they disagree on weight or type
}

// desired is what belongs in the groups of a task.
type desired struct {
	wants map[vsg.Group]map[vsg.Identity]*want
	// present are the servers of all instances, in any state.
	present map[*feeder]map[string]bool
	// failed are the scaling groups of which not everything is known, and why.
	failed map[*feeder]string
}

// desire reads the scaling groups of a task and asks the routes.
func (r *run) desire(ctx context.Context, k *task) desired {
	d := desired{
		wants:   make(map[vsg.Group]map[vsg.Identity]*want, len(k.targets)),
		present: make(map[*feeder]map[string]bool, len(k.feeders)),
		failed:  map[*feeder]string{},
	}
	for _, t := range k.targets {
		d.wants[t.group] = map[vsg.Identity]*want{}
	}
	for i, list := range r.lists(ctx, k.feeders) {
		f := k.feeders[i]
		if list.err != nil {
			d.failed[f] = "scaling group " + f.id + " could not be read"
			r.problem(list.err.in(Problem{ScalingGroupID: f.id}))
			continue
		}
		d.present[f] = make(map[string]bool, len(list.instances))
		for _, instance := range list.instances {
			if err := d.add(f, instance, list.at); err != nil && d.failed[f] == "" {
				// What is wrong with one is mostly wrong with all.
				d.failed[f] = fmt.Sprintf("instances of scaling group %s have no place", f.id)
				// That only an event knows a server is no mistake.
				known := err.Code == "NoServerId" || err.Code == "NoServerIp"
				r.problem(Problem{ScalingGroupID: f.id, Code: err.Code, Message: err.Message, Failed: !known})
			}
		}
	}
	return d
}

// list is a scaling group as it was read.
type list struct {
	instances []Instance
	at        time.Time // before the reading began
	err       *Error
}

// lists reads scaling groups, in their order.
func (r *run) lists(ctx context.Context, feeders []*feeder) []list {
	lists := make([]list, len(feeders))
	var parts sync.WaitGroup
	for i, f := range feeders {
		r.slots <- struct{}{}
		parts.Go(func() {
			defer func() { <-r.slots }()
			lists[i].at = time.Now()
			lists[i].instances, lists[i].err = read(ctx, func() ([]Instance, error) {
				return r.in.Scaling.Instances(ctx, f.regionID, f.id, nil)
			})
		})
	}
	parts.Wait()
	return lists
}

// add notes where an instance belongs.
func (d *desired) add(f *feeder, instance Instance, at time.Time) *route.Error {
	d.present[f][instance.ID] = true
	for _, way := range f.ways {
		plan, err := way.Plan(f.notice(instance.ID))
		if err != nil {
			var why *route.Error
			if !errors.As(err, &why) {
				why = &route.Error{Code: "Malformed", Message: err.Error()}
			}
			if why.Code == "NoTargets" { // it only serves hooks that name their targets
				continue
			}
			return why
		}
		for _, c := range plan.Changes {
			d.present[f][c.Backend.ServerID] = true
			wants, compared := d.wants[c.Group]
			if !compared {
				continue
			}
			w := wants[c.Backend.Identity()]
			if w == nil {
				w = &want{backend: c.Backend, scalingGroupID: f.id, instanceID: instance.ID, at: at, serving: instance.Serving()}
				wants[c.Backend.Identity()] = w
			}
			if w.scalingGroupID == f.id {
				w.ways++
				w.sure = w.ways == len(f.ways)
			}
			w.torn = w.torn || w.backend.Weight != c.Backend.Weight || w.backend.Type != c.Backend.Type
		}
	}
	return nil
}

// notice is a launch that nobody has told: only the instance and its scaling
// group are known, and no more is asked of the routes.
func (f *feeder) notice(instanceID string) event.Notice {
	return event.Notice{
		Kind: event.Launch, Origin: event.FromUser, RegionID: f.regionID, ScalingGroupID: f.id, InstanceID: instanceID,
	}
}

// serverOf is the id of the server that the routes make of an instance.
func (f *feeder) serverOf(instanceID string) (string, bool) {
	server := ""
	for _, way := range f.ways {
		plan, err := way.Plan(f.notice(instanceID))
		if err != nil {
			return "", false
		}
		for _, c := range plan.Changes {
			if server != "" && server != c.Backend.ServerID {
				return "", false
			}
			server = c.Backend.ServerID
		}
	}
	return server, server != ""
}

func isNoRoute(err error) bool {
	var why *route.Error
	return errors.As(err, &why) && why.Code == "NoRoute"
}
