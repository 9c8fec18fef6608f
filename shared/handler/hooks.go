package handler

import (
	"context"

	"slb-registrar/shared/event"
	"slb-registrar/shared/route"
)

// hookState is one lifecycle hook and the changes that it waits for.
type hookState struct {
	hook    *event.Hook
	route   *route.Route
	entries []*entry
	open    int // changes whose outcome is not known yet
	result  string
	status  HookStatus
	reason  *Reason
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
		h = &hookState{hook: n.Hook, route: rt, status: HookPending}
		r.hooks[id] = h
		r.hookList = append(r.hookList, h)
	}
	return h
}

// completeHook decides about a hook whose every change has ended.
func (r *run) completeHook(_ context.Context, h *hookState) {
	r.mu.Lock()
	defer r.mu.Unlock()
	h.status = HookLeft
}
