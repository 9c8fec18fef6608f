package handler

import (
	"context"
	"slices"

	"github.com/rs/zerolog"

	"slb-registrar/shared/event"
	"slb-registrar/shared/reconcile"
	"slb-registrar/shared/vsg"
)

// ReconcileResult sums up the reconcile runs of an invocation.
type ReconcileResult struct {
	// Groups is how many VServer groups it was about, Compared how many of them
	// were, and NotReached how many are left for the next run.
	Groups     int `json:"groups"`
	Compared   int `json:"compared"`
	NotReached int `json:"notReached"`
	// Drift counts by kind.
	Drift    map[reconcile.Kind]int `json:"drift"`
	Undone   bool                   `json:"undone"` // something that was asked for is left for another run
	Problems []ProblemResult        `json:"problems"`
}

// DriftResult is one backend that is not as it should be.
type DriftResult struct {
	Kind           reconcile.Kind `json:"kind"`
	RegionID       string         `json:"regionId"`
	VServerGroupID string         `json:"vServerGroupId"`
	LoadBalancerID string         `json:"loadBalancerId"`
	ScalingGroupID string         `json:"scalingGroupId,omitempty"` // that wants it
	ServerID       string         `json:"serverId"`
	ServerIP       string         `json:"serverIp"`
	Port           int            `json:"port"`
	Weight         int            `json:"weight"`
	Type           vsg.Type       `json:"type"`
	Description    string         `json:"description,omitempty"`
	WantedWeight   *int           `json:"wantedWeight,omitempty"` // of kind weight
	WantedType     vsg.Type       `json:"wantedType,omitempty"`   // of kind type
	Left           string         `json:"left,omitempty"`         // why it is left as it is
}

// ProblemResult is what kept a run from seeing or doing everything.
type ProblemResult struct {
	ScalingGroupID string `json:"scalingGroupId,omitempty"`
	RegionID       string `json:"regionId,omitempty"`
	VServerGroupID string `json:"vServerGroupId,omitempty"`
	Code           string `json:"code"`
	Message        string `json:"message"`
	RequestID      string `json:"requestId,omitempty"`
}

// reconcile makes the runs that messages ask for, one after the other. Equal
// requests of one invocation are one run.
func (r *run) reconcile(ctx context.Context, batch []*message) {
	ctx, cancel := r.clock.work(ctx)
	defer cancel()
	for i, m := range batch {
		if m.Reconcile == nil || m.Ignored != "" || m.Err != nil {
			continue
		}
		same := slices.IndexFunc(batch[:i], func(other *message) bool {
			return other.reconciled != nil && equalRequests(*other.Reconcile, *m.Reconcile)
		})
		if same >= 0 {
			m.reconciled = batch[same].reconciled
		} else {
			report := r.h.reconciler.Run(ctx, reconcile.Invocation{API: r.in.API, Scaling: r.in.Scaling, Reserve: r.clock.reserve}, *m.Reconcile)
			m.reconciled = &report
			r.count(report.Engine)
			r.compared(m, &report)
		}
		m.Err, m.Ignored = noRoute(m)
	}
}

func equalRequests(a, b event.Reconcile) bool {
	return slices.Equal(a.ScalingGroupIDs, b.ScalingGroupIDs) && a.Repair == b.Repair && a.Remove == b.Remove && a.MaxRemovePercent == b.MaxRemovePercent
}

// noRoute is the end of a message that asks for what no route knows: somebody
// is told, a notification that passes by is ignored.
func noRoute(m *message) (*event.Error, string) {
	if m.reconciled.Groups > 0 {
		return nil, ""
	}
	for _, p := range m.reconciled.Problems {
		switch {
		case p.Code == reconcile.CodeNoRoute && m.Source == event.SourceTimer:
			return &event.Error{Code: p.Code, Message: p.Message}, ""
		case p.Code == reconcile.CodeNoRoute:
			return nil, "no route matches, and nobody waits for an answer"
		}
	}
	return nil, ""
}

// statusOf is how a message ends whose run gave the report. What was not
// reached, and what is somebody else's for the moment, is for the next run and
// not for a redelivery.
func statusOf(report *reconcile.Report) MessageStatus {
	status := Done
	for i := range report.Changes {
		switch report.Changes[i].Outcome.Status {
		case vsg.Retry:
			return Retry
		case vsg.Rejected:
			status = Rejected
		}
	}
	for _, p := range report.Problems {
		switch {
		case p.Again:
			return Retry
		case p.Failed:
			status = Rejected
		}
	}
	return status
}

// reasonOf is what kept a run from its work, nil if nothing did.
func reasonOf(report *reconcile.Report) *Reason {
	for _, p := range report.Problems {
		if p.Failed {
			return &Reason{Code: p.Code, Message: p.Message, RequestID: p.RequestID}
		}
	}
	return nil
}

// compared logs one line for the run, whose numbers metrics and alarms are made
// of, and one for each problem.
func (r *run) compared(m *message, report *reconcile.Report) {
	for _, p := range report.Problems {
		level := zerolog.InfoLevel
		if p.Failed {
			level = zerolog.WarnLevel
		}
		r.log.WithLevel(level).Str("scalingGroupId", p.ScalingGroupID).Str("vServerGroupId", p.Group.ID).
			Str("code", p.Code).Str("reason", p.Message).Str("slbRequestId", p.RequestID).
			Msg("a scaling group cannot be compared in full")
	}
	line := r.log.Info()
	if len(report.Drift) > 0 || report.Undone() {
		line = r.log.Warn()
	}
	statuses := map[vsg.Status]int{}
	for i := range report.Changes {
		statuses[report.Changes[i].Outcome.Status]++
	}
	changes := zerolog.Dict()
	for status, n := range statuses {
		changes.Int(string(status), n)
	}
	line.Str("messageId", m.ID).Bool("repair", m.Reconcile.Repair).Bool("remove", m.Reconcile.Remove).
		Int("groups", report.Groups).Int("compared", report.Compared).Int("notReached", report.NotReached).
		Int("drift", len(report.Drift))
	for _, kind := range reconcile.Kinds() {
		line.Int(string(kind), report.Count(kind))
	}
	line.Dict("changes", changes).Bool("undone", report.Undone()).Msg("scaling groups compared with their VServer groups")
}

// addReconciled puts what the runs found and did into the Result.
func (r *run) addReconciled(out *Result) {
	position := map[*reconcile.Report]int{}
	for _, m := range r.messages {
		report := m.reconciled
		if report == nil {
			continue
		}
		if out.Reconcile == nil {
			out.Reconcile = &ReconcileResult{Drift: map[reconcile.Kind]int{}, Problems: []ProblemResult{}}
			out.Drift = []DriftResult{}
		}
		if at, seen := position[report]; seen {
			for i := range report.Changes {
				out.Changes[at+i].MessageIDs = append(out.Changes[at+i].MessageIDs, m.ID)
			}
			continue
		}
		position[report] = len(out.Changes)
		out.Reconcile.add(report)
		for i := range report.Drift {
			out.Drift = append(out.Drift, driftResult(&report.Drift[i]))
		}
		for i := range report.Changes {
			c := &report.Changes[i]
			e := entry{change: c.Change, key: c.Key, outcome: c.Outcome, messages: []*message{m}}
			out.Changes = append(out.Changes, e.result())
		}
	}
}

func (s *ReconcileResult) add(report *reconcile.Report) {
	s.Groups += report.Groups
	s.Compared += report.Compared
	s.NotReached += report.NotReached
	s.Undone = s.Undone || report.Undone()
	for i := range report.Drift {
		s.Drift[report.Drift[i].Kind]++
	}
	for _, p := range report.Problems {
		s.Problems = append(s.Problems, ProblemResult{
			ScalingGroupID: p.ScalingGroupID, RegionID: p.Group.RegionID, VServerGroupID: p.Group.ID,
			Code: p.Code, Message: p.Message, RequestID: p.RequestID,
		})
	}
}

func driftResult(d *reconcile.Drift) DriftResult {
	out := DriftResult{
		Kind: d.Kind, RegionID: d.Group.RegionID, VServerGroupID: d.Group.ID, LoadBalancerID: d.LoadBalancerID,
		ScalingGroupID: d.ScalingGroupID, ServerID: d.Backend.ServerID, ServerIP: d.Backend.ServerIP, Port: d.Backend.Port,
		Weight: d.Backend.Weight, Type: d.Backend.Type, Description: d.Backend.Description, Left: d.Left,
	}
	switch d.Kind {
	case reconcile.WrongWeight:
		out.WantedWeight = &d.Wanted.Weight
	case reconcile.WrongType:
		out.WantedType = d.Wanted.Type
	}
	return out
}
