package handler

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"time"

	"github.com/rs/zerolog"

	"slb-registrar/shared/event"
	"slb-registrar/shared/lifecycle"
	"slb-registrar/shared/registrar"
	"slb-registrar/shared/route"
	"slb-registrar/shared/vsg"
)

// count adds up what the engine says of one part of the work.
func (r *run) count(report registrar.Report) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.tally.Add(report)
}

// report closes the books: the Result, and the summary line of the invocation.
func (r *run) report() Result {
	r.mu.Lock()
	defer r.mu.Unlock()
	out := Result{
		RequestID: r.in.RequestID, Platform: r.in.Platform, ColdStart: r.coldStart,
		DurationMs: time.Since(r.started).Milliseconds(),
		Messages:   []MessageResult{}, Changes: []ChangeResult{}, Hooks: []HookResult{},
		Calls: maps.Clone(r.tally.Calls), Plan: r.planned,
	}
	for _, m := range r.messages {
		out.Messages = append(out.Messages, r.messageResult(m))
	}
	for _, e := range r.entries {
		out.Changes = append(out.Changes, e.result())
	}
	for _, h := range r.hookList {
		out.Hooks = append(out.Hooks, h.result())
	}
	r.addReconciled(&out)
	r.summarize(&out)
	return out
}

func (r *run) messageResult(m *message) MessageResult {
	out := MessageResult{ID: m.ID, Source: m.Source, Status: r.status(m), delivery: m.Delivery}
	switch {
	case m.held != nil:
		out.Error = m.held
	case m.Err != nil:
		out.Error = &Reason{Code: m.Err.Code, Message: m.Err.Message, Path: m.Err.Path}
	case m.Ignored != "":
		out.Error = &Reason{Code: "Ignored", Message: m.Ignored}
	case m.reconciled != nil:
		out.Error = reasonOf(m.reconciled)
	default:
		out.Error = r.worst(m, out.Status)
	}
	return out
}

// worst gives the first reason for which a message is not done.
func (r *run) worst(m *message, status MessageStatus) *Reason {
	var because vsg.Status
	switch status {
	case Retry:
		because = vsg.Retry
	case Rejected:
		because = vsg.Rejected
	default:
		return nil
	}
	n := 0
	var first *entry
	for _, e := range m.entries {
		if e.outcome.Status == because {
			if n++; first == nil {
				first = e
			}
		}
	}
	if first != nil {
		return &Reason{
			Code: first.outcome.Code, RequestID: first.outcome.RequestID,
			Message: fmt.Sprintf("%d of %d changes, the first of %s: %s", n, len(m.entries), first.change.Backend.ServerID, first.outcome.Message),
		}
	}
	for _, h := range m.hooks {
		if h.report.Status == lifecycle.Pending || h.report.Status == lifecycle.Failed {
			return &Reason{Code: cmp.Or(h.report.Code, "HookPending"), RequestID: h.report.RequestID, Message: "the lifecycle hook is not answered yet: " + h.report.Message}
		}
	}
	return nil
}

// status is that of the worst part of a message.
func (r *run) status(m *message) MessageStatus {
	switch {
	case m.held != nil:
		return Retry
	case m.Err != nil:
		return Rejected
	case m.Ignored != "":
		return Ignored
	}
	if m.reconciled != nil {
		return statusOf(m.reconciled)
	}
	worst := Done
	for _, e := range m.entries {
		switch e.outcome.Status {
		case vsg.Retry, "":
			return Retry
		case vsg.Rejected:
			worst = Rejected
		}
	}
	for _, h := range m.hooks {
		if h.report.Status == lifecycle.Pending || h.report.Status == lifecycle.Failed {
			return Retry
		}
	}
	return worst
}

func (e *entry) result() ChangeResult {
	b := e.change.Backend
	out := ChangeResult{
		Action: e.change.Action, RegionID: e.change.Group.RegionID, VServerGroupID: e.change.Group.ID,
		ServerID: b.ServerID, ServerIP: b.ServerIP, Port: b.Port, Weight: b.Weight, Type: b.Type,
		Status: e.outcome.Status, IdempotencyKey: e.key, MessageIDs: []string{},
	}
	if out.Status == "" {
		out.Status = vsg.Retry
	}
	for _, m := range e.messages {
		out.MessageIDs = append(out.MessageIDs, m.ID)
	}
	if o := e.outcome; o.Code != "" || o.Message != "" {
		out.Error = &Reason{Code: o.Code, Message: o.Message, RequestID: o.RequestID}
	}
	return out
}

// logChange says why a change did not succeed; what succeeded is in the
// summary, and at debug level here.
func (r *run) logChange(e *entry) {
	level := zerolog.DebugLevel
	switch e.outcome.Status {
	case vsg.Retry:
		level = zerolog.WarnLevel
	case vsg.Rejected:
		level = zerolog.ErrorLevel
	}
	r.log.WithLevel(level).
		Str("action", string(e.change.Action)).Str("status", string(e.outcome.Status)).
		Str("vServerGroupId", e.change.Group.ID).Str("serverId", e.change.Backend.ServerID).Int("port", e.change.Backend.Port).
		Str("idempotencyKey", e.key).Str("code", e.outcome.Code).Str("slbRequestId", e.outcome.RequestID).
		Str("disposition", string(e.outcome.Disposition)).Str("reason", e.outcome.Message).
		Msg("change ended")
}

// summarize writes the one line of the invocation, after one line for each
// message that nobody will see again.
func (r *run) summarize(out *Result) {
	for i, m := range r.messages {
		if out.Messages[i].Status == Rejected {
			e := cmp.Or(out.Messages[i].Error, &Reason{})
			r.log.Error().Str("messageId", m.ID).Str("source", m.Source).Int("position", m.Position).Str("digest", m.Digest).
				Str("code", e.Code).Str("path", e.Path).Str("reason", e.Message).Msg("message rejected")
		}
	}
	statuses := zerolog.Dict()
	byStatus := map[vsg.Status]int{}
	for i := range out.Changes {
		byStatus[out.Changes[i].Status]++
	}
	for s, n := range byStatus {
		statuses.Int(string(s), n)
	}
	calls := zerolog.Dict()
	for action, n := range out.Calls {
		calls.Int(action, n)
	}
	line := r.log.Info()
	if out.count(Retry)+out.count(Rejected) > 0 {
		// The platform gets counts only, so this is the only place to find it.
		line = r.log.Warn().Interface("result", out)
	}
	line.Str("platform", out.Platform).Bool("coldStart", out.ColdStart).Int64("durationMs", out.DurationMs).
		Int("messages", len(out.Messages)).Int("done", out.count(Done)).Int("retry", out.count(Retry)).
		Int("rejected", out.count(Rejected)).Int("ignored", out.count(Ignored)).
		Dict("changes", statuses).Dict("calls", calls).Int("backendsCalled", r.tally.Backends).
		Int("conflicts", r.tally.Conflicts).Int("throttled", r.tally.Throttled).Int("lost", r.tally.Lost).Int("unknownCodes", r.tally.Unknown).Int("retries", r.tally.Retries).
		Int64("waitedMs", r.tally.Waited.Milliseconds()).Int64("slowestMs", r.tally.Slowest.Milliseconds()).
		Msg("invocation ended")
}

// passesBy reports whether a notice without a route is of no interest to anybody.
func passesBy(err error, origin event.Origin) bool {
	var e *route.Error
	return errors.As(err, &e) && e.Code == "NoRoute" && (origin == event.FromStateChange || origin == event.FromNotification)
}

// asRejection says why a message cannot be routed.
func asRejection(err error) *event.Error {
	var e *route.Error
	if !errors.As(err, &e) {
		return &event.Error{Code: "Malformed", Message: err.Error()}
	}
	return &event.Error{Code: e.Code, Path: e.Path, Message: e.Message}
}
