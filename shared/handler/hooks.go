package handler

import (
	"context"
	"strings"
	"time"

	"slb-registrar/shared/event"
	"slb-registrar/shared/idempotency"
	"slb-registrar/shared/lifecycle"
	"slb-registrar/shared/route"
)

// hookState is one lifecycle hook and the changes that it waits for.
type hookState struct {
	hook    *event.Hook
	route   *route.Route
	since   time.Time // when the action began; zero if nobody knows
	entries []*entry
	open    int // changes whose outcome is not known yet
	report  lifecycle.Report
}

// hookFor returns the state of the hook of n, which may have been mentioned
// before by another delivery of the same notification.
func (r *run) hookFor(n *event.Notice, rt *route.Route) *hookState {
	if n.Hook == nil {
		return nil
	}
	id := string(n.Hook.Platform) + "\x00" + n.Hook.ID + "\x00" + n.Hook.Name + "\x00" + n.Hook.Token
	h := r.hooks[id]
	if h == nil {
		h = &hookState{hook: n.Hook, route: rt, since: n.At, report: lifecycle.Report{Status: lifecycle.Pending}}
		r.hooks[id] = h
		r.hookList = append(r.hookList, h)
	}
	return h
}

// completeHook answers a hook whose every change has ended. It may wait until
// the new backends are healthy, which holds up no other hook.
func (r *run) completeHook(ctx context.Context, h *hookState) {
	job := lifecycle.Job{
		Hook: h.hook, Policy: policyOf(h.route), Since: h.since,
		Completer: r.in.Hooks[h.hook.Platform], Balancer: r.in.API,
		ClientToken: func(result string) string {
			return idempotency.CompletionToken(h.hook.ID+h.hook.Name, h.hook.Token, result)
		},
		Grace: r.clock.reserve / 2,
	}
	if h.since.After(time.Now()) {
		job.Since = time.Time{} // a clock is wrong, and we do not know whose
	}
	if h.route.Ready != nil {
		job.Ready = h.route.Ready.Timeout
	}
	r.mu.Lock()
	for _, e := range h.entries {
		job.Changes = append(job.Changes, lifecycle.Change{Change: e.change, Status: e.outcome.Status})
	}
	r.mu.Unlock()

	report := r.h.finisher.Finish(ctx, job)

	line := r.log.Info()
	if report.Status == lifecycle.Pending || report.Status == lifecycle.Failed {
		line = r.log.Warn()
	}
	line.Str("lifecycleHookId", h.hook.ID).Str("lifecycleHookName", h.hook.Name).Str("scalingGroupId", h.hook.ScalingGroupID).
		Str("result", report.Result).Str("status", string(report.Status)).Str("code", report.Code).Str("reason", report.Message).
		Strs("notes", report.Notes).Int("heartbeats", report.Heartbeats).Int64("waitedMs", report.Waited.Milliseconds()).
		Msg("lifecycle hook answered")
	r.mu.Lock()
	h.report = report
	r.mu.Unlock()
}

func policyOf(rt *route.Route) lifecycle.Policy {
	return lifecycle.Policy{
		Success: string(rt.Complete.Success), Failure: string(rt.Complete.Failure), AllMustFail: rt.Complete.FailureWhen == route.All,
	}
}

// stillPending asks whether the hook of a launch still waits for its answer. An
// error says that nobody knows.
func (r *run) stillPending(ctx context.Context, hook *event.Hook) (bool, error) {
	completer := r.in.Hooks[hook.Platform]
	if completer == nil {
		return false, nil
	}
	pending, err := completer.Pending(ctx, hook)
	if err != nil {
		r.log.Warn().Err(err).Str("lifecycleHookId", hook.ID).
			Msg("it could not be found out whether the hook is still pending: its launch is left for a redelivery")
	}
	return pending, err
}

func (h *hookState) result() HookResult {
	out := HookResult{
		LifecycleHookID: h.hook.ID, LifecycleActionToken: h.hook.Token,
		Result: h.report.Result, Status: HookStatus(h.report.Status),
	}
	if out.LifecycleHookID == "" {
		out.LifecycleHookID = h.hook.Name // EC2 Auto Scaling has names only
	}
	if h.report.Code != "" || h.report.Message != "" || len(h.report.Notes) > 0 {
		message := strings.Join(append([]string{h.report.Message}, h.report.Notes...), "; ")
		out.Error = &Reason{Code: h.report.Code, Message: strings.TrimPrefix(message, "; "), RequestID: h.report.RequestID}
	}
	return out
}
