package lifecycle

import (
	"context"
	"math/rand/v2"
	"strings"
	"time"

	"slb-registrar/shared/event"
)

// Status is what became of a hook.
type Status string

// The statuses, as they appear in a Result.
const (
	Completed Status = "completed" // we completed it
	Ended     Status = "ended"     // it was over before: completed, timed out or unknown
	Left      Status = "left"      // nobody answers it, as the policy says
	Pending   Status = "pending"   // not yet: the message comes again
	Failed    Status = "failed"    // completing it failed: the message comes again
)

// Job is one hook to finish.
type Job struct {
	Hook    *event.Hook
	Policy  Policy
	Changes []Change // all that the hook waits for; they have ended
	// Ready is how long a launch's backends have to become healthy; 0 does not
	// wait. Balancer is needed if it is not 0.
	Ready    time.Duration
	Balancer Balancer
	// Since is when the action began, or zero if nobody knows.
	Since time.Time
	// Completer is that of the hook's platform. Nil leaves the hook.
	Completer Completer
	// ClientToken makes the token under which a result is sent; the same for
	// every delivery of the notification.
	ClientToken func(result string) string
	// Grace is for how long Finish may go on after its context has ended: for
	// the last heartbeat, or to complete a hook whose changes ended just in time.
	// 0 does without both.
	Grace time.Duration
}

// Report is how it went.
type Report struct {
	Status     Status
	Result     string // CONTINUE, ABANDON or ROLLBACK; empty if none was to be sent
	Code       string // of the error, if there was one
	Message    string // why, unless it was completed with success
	RequestID  string // of the error
	Heartbeats int
	Waited     time.Duration // for backends to become healthy
	// Notes explain backends that were not waited for.
	Notes []string
}

// Finisher finishes hooks. There is one a process: it shares the readings of
// health among all who wait for them. The zero value works. It is safe for
// concurrent use.
type Finisher struct {
	// RedeliveryGap is how long it may take until a message comes again; a hook
	// that has to wait for that is kept alive for so long. 0 means fifteen minutes.
	RedeliveryGap time.Duration

	watch Watch
}

const (
	defaultGap = 15 * time.Minute
	// Between two attempts to complete a hook.
	shortestRetry = 200 * time.Millisecond
	longestRetry  = 5 * time.Second
)

func (f *Finisher) gap() time.Duration {
	if f.RedeliveryGap > 0 {
		return f.RedeliveryGap
	}
	return defaultGap
}

// Finish takes one hook the whole way: decide, wait until ready, complete. It
// returns when that is done, or when ctx ends; see [Job.Grace] for what it
// does then. It may be called for many hooks at once.
func (f *Finisher) Finish(ctx context.Context, job Job) Report {
	var report Report
	decision := Decide(job.Hook, job.Policy, job.Changes)
	if decision.Status != Pending && job.Completer == nil {
		decision = Decision{Status: Left, Reason: "there is no access to the hook's platform"}
	} else if job.waits(decision) {
		start, heart := time.Now(), NewHeart(job.Completer, job.Hook, job.Since)
		notes, err := f.await(ctx, &job, heart)
		cut := ctx.Err() != nil
		unread := err == nil && blind(job.Hook, job.Policy, job.Changes)
		if cut || unread {
			err = f.handOver(ctx, job.Grace, heart)
		}
		report.Waited, report.Notes, report.Heartbeats = time.Since(start), notes, heart.Beats()
		switch {
		case err != nil && asError(err).Ended:
			return report.of(Ended, err)
		case cut:
			decision = Decision{Status: Pending, Reason: "the invocation ended before the load balancer called every backend healthy"}
		case unread:
			why := Decide(job.Hook, job.Policy, job.Changes).Reason
			decision = Decision{Status: Pending, Reason: why}
		default:
			decision = Decide(job.Hook, job.Policy, job.Changes)
		}
	}
	report.Status, report.Result, report.Message = decision.Status, decision.Result, decision.Reason
	if decision.Status == Completed {
		return f.complete(ctx, job, report)
	}
	return report
}

// waits reports whether it matters to the answer that backends are healthy.
func (j *Job) waits(d Decision) bool {
	return j.Ready > 0 && j.Hook.Kind == event.Launch && d.Status != Pending && !d.Failed &&
		(j.Policy.Success != Leave || j.Policy.Failure != Leave && j.Policy.Failure != "")
}

// handOver keeps the hook alive until the message comes again.
func (f *Finisher) handOver(ctx context.Context, grace time.Duration, heart *Heart) error {
	if grace <= 0 {
		return nil
	}
	late, cancel := context.WithTimeout(context.WithoutCancel(ctx), grace)
	defer cancel()
	return heart.Cover(late, f.gap(), 0)
}

// complete sends the result until it is known to have arrived.
func (f *Finisher) complete(ctx context.Context, job Job, report Report) Report {
	token := ""
	if job.ClientToken != nil {
		token = job.ClientToken(report.Result)
	}
	if ctx.Err() != nil && job.Grace > 0 {
		late, cancel := context.WithTimeout(context.WithoutCancel(ctx), job.Grace)
		defer cancel()
		return report.after(job.Completer.Complete(late, job.Hook, report.Result, token))
	}
	for wait := shortestRetry; ; wait = min(2*wait, longestRetry) {
		err := job.Completer.Complete(ctx, job.Hook, report.Result, token)
		if err == nil || !asError(err).Temporary || ctx.Err() != nil {
			return report.after(err)
		}
		if pause(ctx, rand.N(wait)) != nil {
			return report.after(err)
		}
	}
}

// after is the report when the attempt to complete ended with err.
func (r Report) after(err error) Report {
	switch {
	case err == nil:
		r.Status = Completed
		return r
	case asError(err).Ended:
		return r.of(Ended, err)
	}
	return r.of(Failed, err)
}

func (r Report) of(status Status, err error) Report {
	e := asError(err)
	r.Status, r.Code, r.RequestID = status, e.Code, e.RequestID
	r.Message = strings.TrimSpace(e.Message)
	return r
}
