package reconcile

import (
	"time"

	"slb-registrar/shared/idempotency"
	"slb-registrar/shared/vsg"
)

// Why drift is left as it is.
const (
	leftForeign     = "we did not add it, and so do not touch it"
	leftType        = "a type cannot be changed: remove the backend by hand, and it is added anew"
	leftKept        = "removing was not asked for"
	leftUnconfirmed = "its instance cannot be asked for, because a serverId makes its id"
	leftUnread      = "not everything could be read, and then nothing is removed"
	leftGuard       = "more must not be removed from a group in one run"
	leftLast        = "the last backend of a group is not removed"
	leftHeld        = "somebody else is changing this backend"
	leftSuperseded  = "a later event about this backend was handled meanwhile"
	leftStore       = "the store could not be asked"
)

// repair is a change and the drift that it ends.
type repair struct {
	Change
	drift *Drift
}

// plan says what would repair the drift of a group with so many members, and
// marks what is to be left.
func (r *run) plan(drift []*Drift, members int) []*repair {
	var changes []*repair
	removable := min(max(members*r.request.MaxRemovePercent/100, 1), members-1)
	for _, found := range drift {
		action := vsg.Action("")
		switch {
		case found.Left != "":
		case found.Kind == Missing:
			action = vsg.Add
		case found.Kind == WrongWeight && found.Ours:
			action = vsg.SetWeight
		case found.Kind == Foreign, found.Kind == WrongWeight:
			found.Left = leftForeign
		case found.Kind == WrongType:
			found.Left = leftType
		case !r.request.Remove:
			found.Left = leftKept
		case members <= 1:
			found.Left, found.Undone = leftLast, true
		case removable <= 0:
			found.Left, found.Undone = leftGuard, true
		default:
			action = vsg.Remove
			removable--
		}
		if action != "" {
			changes = append(changes, newRepair(action, found))
		}
	}
	return changes
}

func newRepair(action vsg.Action, found *Drift) *repair {
	c := vsg.Change{
		Action: action, Group: found.Group, LoadBalancerID: found.LoadBalancerID,
		Backend: found.Backend, At: found.at.Add(-Margin),
	}
	if action == vsg.SetWeight {
		c.Backend.Weight = found.Wanted.Weight
	}
	// A repair is a launch or a termination of its own: the same backend may
	// have to be repaired again, and that must not be taken for a duplicate.
	instance := found.InstanceID
	if instance == "" {
		instance = found.Backend.ServerID
	}
	c.Launch = "reconcile/" + string(found.Kind) + "/" + found.ScalingGroupID + "/" + instance + "/" + found.at.UTC().Format(time.RFC3339Nano)
	return &repair{Change: Change{Change: c, Key: idempotency.KeyOf(c), Outcome: vsg.Outcome{Status: vsg.Planned}}, drift: found}
}
