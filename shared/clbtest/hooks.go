package clbtest

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"
)

// The limits of a lifecycle action, as the documentation of Auto Scaling has
// them.
const (
	defaultHookTimeout = 600 * time.Second
	minHookTimeout     = 30 * time.Second
	maxHookTimeout     = 21600 * time.Second
	maxHookWait        = 6 * time.Hour
	maxHeartbeats      = 20
)

// hooks are the lifecycle actions. They count down on their own: an action is
// looked at only after those whose time is over have been marked.
type hooks struct {
	mu      sync.Mutex
	actions []*lifecycleAction
}

type lifecycleAction struct {
	LifecycleAction
	started  time.Time
	deadline time.Time
}

func (a *lifecycleAction) advance(now time.Time) {
	if a.Status == StatusPending && !now.Before(a.deadline) {
		a.Status = StatusTimeout
	}
}

func (h *hooks) put(info LifecycleAction, now time.Time) error {
	info.InstanceIDs = append([]string{}, info.InstanceIDs...)
	info.Status = cmp.Or(info.Status, StatusPending)
	info.Result = cmp.Or(info.Result, "CONTINUE")
	timeout, err := duration(info.Timeout, defaultHookTimeout)
	switch {
	case info.LifecycleHookID == "":
		return fmt.Errorf("lifecycleHookId is missing")
	case info.LifecycleActionToken == "":
		return fmt.Errorf("lifecycleActionToken is missing")
	case err != nil:
		return fmt.Errorf("timeout: %w", err)
	case timeout > maxHookTimeout:
		return fmt.Errorf("timeout: %s is longer than %s", timeout, maxHookTimeout)
	case !slices.Contains([]string{StatusPending, StatusCompleted, StatusTimeout}, info.Status):
		return fmt.Errorf("status %q is not Pending, Completed or Timeout", info.Status)
	case !validResult(info.Result):
		return fmt.Errorf("result %q is not CONTINUE, ABANDON or ROLLBACK", info.Result)
	}
	info.Timeout = cmp.Or(info.Timeout, "600s")
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.find(info.LifecycleHookID, info.LifecycleActionToken, now) != nil {
		return fmt.Errorf("the token %s is there twice", info.LifecycleActionToken)
	}
	h.actions = append(h.actions, &lifecycleAction{LifecycleAction: info, started: now, deadline: now.Add(timeout)})
	return nil
}

func validResult(result string) bool {
	return result == "CONTINUE" || result == "ABANDON" || result == "ROLLBACK"
}

// find returns an action, up to date. The caller holds the mutex.
func (h *hooks) find(hook, token string, now time.Time) *lifecycleAction {
	for _, a := range h.actions {
		if a.LifecycleHookID == hook && a.LifecycleActionToken == token {
			a.advance(now)
			return a
		}
	}
	return nil
}

func (h *hooks) list(now time.Time) []LifecycleAction {
	h.mu.Lock()
	defer h.mu.Unlock()
	all := make([]LifecycleAction, 0, len(h.actions))
	for _, a := range h.actions {
		a.advance(now)
		info := a.LifecycleAction
		info.InstanceIDs = append([]string{}, info.InstanceIDs...)
		all = append(all, info)
	}
	return all
}

func errEnded() *failure { return refuse("LifecycleHookIdAndLifecycleActionToken.Invalid", "") }

// complete ends an action. Whoever repeats the call that did so, with the same
// client token, succeeds again.
func (h *hooks) complete(hook, token, result, clientToken string, now time.Time) *failure {
	h.mu.Lock()
	defer h.mu.Unlock()
	a := h.find(hook, token, now)
	switch {
	case a == nil || a.Status == StatusTimeout:
		return errEnded()
	case a.Status == StatusCompleted:
		if clientToken != "" && clientToken == a.ClientToken {
			return nil
		}
		return errEnded()
	}
	a.Status, a.Result, a.ClientToken = StatusCompleted, strings.Clone(result), strings.Clone(clientToken)
	return nil
}

// heartbeat lets a pending action wait for another timeout from now.
func (h *hooks) heartbeat(hook, token string, timeout time.Duration, now time.Time) *failure {
	h.mu.Lock()
	defer h.mu.Unlock()
	a := h.find(hook, token, now)
	switch {
	case a == nil || a.Status != StatusPending:
		return errEnded()
	case a.Heartbeats >= maxHeartbeats:
		return refuse("LifecycleAction.RecordTimesExceeded", "")
	case now.Add(timeout).After(a.started.Add(maxHookWait)):
		return refuse("LifecycleAction.TimeExceeded", "")
	}
	a.Heartbeats++
	a.deadline = now.Add(timeout)
	a.Timeout = fmt.Sprintf("%ds", int(timeout.Seconds()))
	return nil
}
