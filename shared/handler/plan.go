package handler

import (
	"slb-registrar/shared/lifecycle"
	"slb-registrar/shared/vsg"
)

// dryRun says what would be called, without calling anything.
func (r *run) dryRun() {
	r.planned = []PlannedCall{}
	type lane struct {
		action string
		group  vsg.Group
	}
	var order []lane
	lanes := map[lane][]*entry{}
	put := func(action string, e *entry) {
		l := lane{action, e.change.Group}
		if _, ok := lanes[l]; !ok {
			order = append(order, l)
		}
		lanes[l] = append(lanes[l], e)
	}
	for _, e := range r.entries {
		e.outcome = vsg.Outcome{Status: vsg.Planned}
		switch {
		case e.change.Action == vsg.Add:
			put("AddVServerGroupBackendServers", e)
		case e.route.OnTerminate.Drain > 0:
			put("SetVServerGroupAttribute", e)
			put("RemoveVServerGroupBackendServers", e)
		default:
			put("RemoveVServerGroupBackendServers", e)
		}
	}
	for _, h := range r.hookList {
		h.report = lifecycle.Report{Status: lifecycle.Left, Result: string(h.route.Complete.Success), Message: "a dry run answers no hook"}
	}
	for _, l := range order {
		for rest := lanes[l]; len(rest) > 0; {
			n := min(len(rest), r.h.batchLimit())
			r.planned = append(r.planned, plannedCall(l.action, l.group, rest[:n]))
			rest = rest[n:]
		}
	}
}

func plannedCall(action string, group vsg.Group, entries []*entry) PlannedCall {
	p := PlannedCall{Action: action, VServerGroupID: group.ID}
	for _, e := range entries {
		b := e.change.Backend
		weight := b.Weight
		if action == "SetVServerGroupAttribute" {
			weight = 0
		}
		p.Backends = append(p.Backends, PlannedBackend{
			ServerID: b.ServerID, ServerIP: b.ServerIP, Port: b.Port, Weight: weight, Type: b.Type, Description: b.Description,
		})
		p.IdempotencyKeys = append(p.IdempotencyKeys, e.key)
	}
	return p
}

func (h *Handler) batchLimit() int {
	if h.config.MaxBatch > 0 {
		return h.config.MaxBatch
	}
	return vsg.BatchLimit
}
