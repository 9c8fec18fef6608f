package reconcile

import (
	"context"
	"slices"
	"time"
)

// confirm asks for the instances behind stale backends once more, by their ids
// and after the group was read. What Auto Scaling knows then, in any state, is
// not stale: it was launched meanwhile, or a list that changed while its pages
// were read had missed it. Left are the backends that nobody wants, and those
// of them that must not be removed because they cannot be asked for are marked.
func (r *run) confirm(ctx context.Context, t *target, d desired, drift []*Drift) []*Drift {
	at := time.Now()
	var open []*Drift // the stale whose instance no list had
	for _, found := range drift {
		if found.Kind == Stale {
			found.at = at
			if !t.isPresent(d, found.Backend.ServerID) {
				open = append(open, found)
			}
		}
	}
	alive := map[string]bool{}
	for _, f := range t.feeders {
		var ids []string
		for _, found := range open {
			// Only where the server is the instance can it be asked for.
			id := found.Backend.ServerID
			if server, known := f.serverOf(id); !known || server != id {
				found.Left = leftUnconfirmed
			} else if !slices.Contains(ids, id) {
				ids = append(ids, id)
			}
		}
		for chunk := range slices.Chunk(ids, MaxIDs) {
			instances, err := read(ctx, func() ([]Instance, error) {
				return r.in.Scaling.Instances(ctx, f.regionID, f.id, chunk)
			})
			if err != nil {
				r.problem(err.in(Problem{ScalingGroupID: f.id, Group: t.group}))
				for _, found := range open {
					found.Left, found.Undone = leftUnread, true
				}
				return drift
			}
			for _, instance := range instances {
				alive[instance.ID] = true
			}
		}
	}
	return slices.DeleteFunc(drift, func(found *Drift) bool {
		return slices.Contains(open, found) && alive[found.Backend.ServerID]
	})
}
