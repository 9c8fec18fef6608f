package handler

import (
	"context"
	"fmt"
	"runtime/debug"
	"sync"

	"slb-registrar/shared/vsg"
)

// flow is the work of one batch that is under way. Nothing in it waits for
// anything but what it needs: changes of one backend follow each other, a hook
// follows its own changes, and that is all.
type flow struct {
	parts sync.WaitGroup // of changes
	hooks sync.WaitGroup
}

// part runs a part of the work on entries beside the others. Should it panic,
// only these entries pay for it: with other invocations in the same process, a
// bug must not become everybody's crash.
func (r *run) part(ctx context.Context, f *flow, entries []*entry, work func()) {
	f.parts.Go(func() {
		defer func() {
			if p := recover(); p != nil {
				r.logPanic(p)
				r.finish(ctx, f, entries, repeat(panicked, len(entries)))
			}
		}()
		work()
	})
}

// answerHook answers a hook beside the rest of the work.
func (r *run) answerHook(ctx context.Context, f *flow, h *hookState) {
	f.hooks.Go(func() {
		defer func() {
			if p := recover(); p != nil {
				r.logPanic(p)
				r.mu.Lock()
				h.report.Status, h.report.Code, h.report.Message = "failed", panicked.Code, panicked.Message
				r.mu.Unlock()
			}
		}()
		r.completeHook(ctx, h)
	})
}

func (r *run) logPanic(p any) {
	r.log.Error().Str("panic", fmt.Sprint(p)).Str("stack", string(debug.Stack())).
		Msg("a bug: a part of the work panicked, the rest goes on")
}

// finish writes the outcomes down and sets off what was waiting for them: the
// next change of the same backend, and the hooks whose last change this was.
// What has an outcome keeps it.
func (r *run) finish(ctx context.Context, f *flow, entries []*entry, outcomes []vsg.Outcome) {
	var ended, next []*entry
	var over []*hookState
	r.mu.Lock()
	for i, e := range entries {
		if e.outcome.Status != "" {
			continue
		}
		e.outcome = outcomes[i]
		ended = append(ended, e)
		if e.next != nil {
			next = append(next, e.next)
		}
		for _, h := range e.hooks {
			if h.open--; h.open == 0 {
				over = append(over, h)
			}
		}
	}
	r.mu.Unlock()
	for _, e := range ended {
		r.logChange(e)
	}
	if len(next) > 0 {
		r.part(ctx, f, next, func() { r.claim(ctx, f, next) })
	}
	for _, h := range over {
		r.answerHook(ctx, f, h)
	}
}

// The outcomes that no call and no record decided.
var (
	heldElsewhere = vsg.Outcome{Status: vsg.Retry, Code: "Held", Message: "another invocation is changing this backend"}
	outOfTime     = vsg.Outcome{Status: vsg.Retry, Code: "Deadline", Message: "the invocation ended before this change was begun"}
	cutShort      = vsg.Outcome{Status: vsg.Retry, Code: "Deadline", Message: "the invocation ended while the backend was draining"}
	claimLost     = vsg.Outcome{Status: vsg.Retry, Code: "ClaimLost", Message: "another invocation took over while this one was at work"}
	panicked      = vsg.Outcome{Status: vsg.Retry, Code: "Panic", Message: "a bug in this function; see its log"}
)

func storeDown(err error) vsg.Outcome {
	return vsg.Outcome{Status: vsg.Retry, Code: "StoreUnavailable", Message: err.Error()}
}

func repeat(o vsg.Outcome, n int) []vsg.Outcome {
	out := make([]vsg.Outcome, n)
	for i := range out {
		out[i] = o
	}
	return out
}
