package reconcile

import (
	"cmp"
	"slices"
	"strings"

	"slb-registrar/shared/vsg"
)

// compare finds the difference between what belongs in a group and what it
// holds. Stale are here those that no scaling group had when it was read, which
// has to be confirmed.
func (t *target) compare(d desired, loadBalancerID string, actual []vsg.Backend) []*Drift {
	var drift []*Drift
	note := func(kind Kind, b vsg.Backend) *Drift {
		found := &Drift{Kind: kind, Group: t.group, LoadBalancerID: loadBalancerID, Backend: b, Ours: t.ours[b.Description]}
		drift = append(drift, found)
		return found
	}
	known := t.allKnown(d)
	wants, missing := match(d.wants[t.group], actual)
	for _, b := range actual {
		w := wants[b.Identity()]
		switch {
		case w == nil && (!known || t.loose && t.isPresent(d, b.ServerID)):
		case w == nil && t.ours[b.Description]:
			note(Stale, b)
		case w == nil:
			note(Foreign, b)
		case !w.serving || !w.sure || w.torn:
		case !sameType(b.Type, w.backend.Type):
			note(WrongType, b).wanted(w)
		case b.Weight != w.backend.Weight:
			note(WrongWeight, b).wanted(w)
		}
	}
	for _, w := range missing {
		if w.serving && w.sure {
			found := note(Missing, w.backend)
			found.Ours = true
			found.wanted(w)
		}
	}
	slices.SortFunc(drift, func(a, b *Drift) int {
		return cmp.Or(
			cmp.Compare(slices.Index(kinds, a.Kind), slices.Index(kinds, b.Kind)),
			strings.Compare(a.Backend.ServerID, b.Backend.ServerID),
			strings.Compare(a.Backend.ServerIP, b.Backend.ServerIP),
			cmp.Compare(a.Backend.Port, b.Backend.Port),
		)
	})
	return drift
}

// match finds the member that each want is, see [vsg.Find], and those that
// have none.
func match(wants map[vsg.Identity]*want, actual []vsg.Backend) (by map[vsg.Identity]*want, missing []*want) {
	members := make(map[vsg.Identity]bool, len(actual))
	for _, b := range actual {
		members[b.Identity()] = true
	}
	by = make(map[vsg.Identity]*want, len(wants))
	for id, w := range wants {
		loose := id.ServerIP == "" && !sameType(w.backend.Type, vsg.ECS)
		if !members[id] && loose {
			if m := vsg.Find(actual, w.backend); m != nil && wants[m.Identity()] == nil {
				by[m.Identity()] = w
				continue
			}
		}
		if !members[id] {
			missing = append(missing, w)
			continue
		}
		by[id] = w
	}
	return by, missing
}

// allKnown reports whether everything that belongs in the group is known.
func (t *target) allKnown(d desired) bool {
	return t.open == "" && !slices.ContainsFunc(t.feeders, func(f *feeder) bool { return d.failed[f] != "" })
}

// nothingKnown reports whether none of its scaling groups could be read.
func (t *target) nothingKnown(d desired) bool {
	return !slices.ContainsFunc(t.feeders, func(f *feeder) bool { return d.present[f] != nil })
}

// isPresent reports whether a server belongs to an instance, in any state.
func (t *target) isPresent(d desired, serverID string) bool {
	return slices.ContainsFunc(t.feeders, func(f *feeder) bool { return d.present[f][serverID] })
}

func (d *Drift) wanted(w *want) {
	d.Wanted, d.ScalingGroupID, d.InstanceID, d.at = w.backend, w.scalingGroupID, w.instanceID, w.at
}

// sameType compares types; the service leaves the default out of older answers.
func sameType(a, b vsg.Type) bool {
	return cmp.Or(vsg.Type(strings.ToLower(string(a))), vsg.ECS) == cmp.Or(b, vsg.ECS)
}
