package handler

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"time"

	"slb-registrar/shared/event"
	"slb-registrar/shared/idempotency"
	"slb-registrar/shared/lifecycle"
	"slb-registrar/shared/route"
	"slb-registrar/shared/vsg"
)

// hookState is one lifecycle hook and the changes that it waits for.
type hookState struct {
	hook    *event.Hook
	route   *route.Route
	since   time.Time // when the action began; zero if nobody knows
	entries []*entry
	open    int // changes of the batch under way whose outcome is not known yet
	// rejected says that a message of the hook could not be routed: at least one
	// instance will not be registered.
	rejected bool
	report   lifecycle.Report
}

// hookFor returns the state of the hook of n, which may have been mentioned
// before by another delivery of the same notification.
func (r *run) hookFor(m *message, n *event.Notice, rt *route.Route) *hookState {
	id := string(n.Hook.Platform) + "\x00" + hookID(n.Hook) + "\x00" + n.Hook.Token
	h := r.hooks[id]
	if h == nil {
		h = &hookState{hook: n.Hook, route: rt, since: n.At, report: lifecycle.Report{Status: lifecycle.Pending}}
		r.hooks[id] = h
		r.hookList = append(r.hookList, h)
	}
	if !slices.Contains(m.hooks, h) {
		m.hooks = append(m.hooks, h)
	}
	return h
}

// hookID names a hook. The name of a hook of ESS is not in every notification of
// the same action; EC2 Auto Scaling has names only.
func hookID(h *event.Hook) string { return cmp.Or(h.ID, h.Name) }

// completeHook answers a hook whose every change has ended. It may wait until
// the new backends are healthy, which holds up no other hook.
func (r *run) completeHook(ctx context.Context, h *hookState) {
	job := lifecycle.Job{
		Hook: h.hook, Policy: policyOf(h.route), Since: h.since,
		Completer: r.in.Hooks[h.hook.Platform], Balancer: r.in.API,
		ClientToken: func(result string) string {
			return idempotency.CompletionToken(hookID(h.hook), h.hook.Token, result)
		},
		Grace: r.clock.grace(),
	}
	if h.since.After(time.Now()) {
		job.Since = time.Time{} // a clock is wrong, and we do not know whose
	}
	r.mu.Lock()
	for _, e := range h.entries {
		job.Changes = append(job.Changes, lifecycle.Change{Change: e.change, Status: e.outcome.Status})
	}
	r.mu.Unlock()
	if h.rejected {
		job.Changes = append(job.Changes, lifecycle.Change{Status: vsg.Rejected})
	}
	job.Ready = r.readyFor(h, job)

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

// readyFor is how long this invocation waits for the backends of a hook. A wait
// that no invocation can finish is shared among deliveries: each hands over to
// the next, and the one in which the time is over decides. Only a redelivery
// decides, so that time spent in queues never counts against an instance.
func (r *run) readyFor(h *hookState, job lifecycle.Job) time.Duration {
	if h.route.Ready == nil {
		return 0
	}
	ready, patience := h.route.Ready.Timeout, r.clock.patience()
	if ready <= patience {
		return ready
	}
	for _, c := range job.Changes {
		if c.Status != vsg.Duplicate {
			return ready
		}
	}
	if !job.Since.IsZero() && time.Until(job.Since.Add(ready)) > patience {
		return ready
	}
	return patience
}

func policyOf(rt *route.Route) lifecycle.Policy {
	return lifecycle.Policy{
		Success: string(rt.Complete.Success), Failure: string(rt.Complete.Failure), AllMustFail: rt.Complete.FailureWhen == route.All,
	}
}

// stillPending asks whether the hook of a launch still waits for its answer. A
// platform that we have no access to cannot say so.
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
		LifecycleHookID: hookID(h.hook), LifecycleActionToken: h.hook.Token,
		Result: h.report.Result, Status: HookStatus(h.report.Status),
	}
	if h.report.Code != "" || h.report.Message != "" || len(h.report.Notes) > 0 {
		message := strings.Join(append([]string{h.report.Message}, h.report.Notes...), "; ")
		out.Error = &Reason{Code: h.report.Code, Message: strings.TrimPrefix(message, "; "), RequestID: h.report.RequestID}
	}
	return out
}
