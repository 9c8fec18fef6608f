package lifecycle

import (
	"slices"

	"slb-registrar/shared/event"
	"slb-registrar/shared/vsg"
)

// Policy is what a route says about completing hooks.
type Policy struct {
	Success string // Continue, Abandon, Rollback or Leave; empty means Continue
	Failure string // the same; empty means Leave
	// AllMustFail makes a hook of many instances fail only if no instance
	// succeeded. Otherwise one that failed is enough: the platform has one
	// answer for all instances of a hook.
	AllMustFail bool
}

// Change is a change that a hook waits for, and how it ended.
type Change struct {
	vsg.Change
	Status vsg.Status
	// NotReady is why the backend, though a member, is not fit for traffic.
	NotReady string
	// unread says that NotReady is no verdict: nothing could be read last.
	unread bool
}

// Decision is what to do about a hook.
type Decision struct {
	Status Status // Completed: complete it with Result; Left or Pending: do not
	Result string // empty unless Completed
	Failed bool   // the failure policy was applied
	Reason string // for people; empty when all went well
}

// Decide says what to do about a hook when its changes have ended.
//
//   - If a change has to come again, so does the hook: Pending.
//   - An instance succeeded if all its changes did; see [vsg.Status.Succeeded].
//   - A launch that a removal has overtaken is no failure, but if that is true of
//     all instances nobody waits for an answer any more: Left.
//   - Otherwise Policy.Success or Policy.Failure is the result. Without any
//     change there is nothing to wait for: success.
func Decide(hook *event.Hook, policy Policy, changes []Change) Decision {
	failed := map[string]bool{} // by launch, which identifies an instance's coming or going
	superseded := 0
	var reason string
	for _, c := range changes {
		switch {
		case c.Status == vsg.Rejected || c.Status.Succeeded() && c.NotReady != "":
			failed[c.Launch] = true
			if reason == "" {
				reason = c.NotReady
			}
		case !c.Status.Succeeded():
			return Decision{Status: Pending, Reason: "a change of the hook has to be tried again"}
		default:
			if _, seen := failed[c.Launch]; !seen {
				failed[c.Launch] = false
			}
			if c.Status == vsg.Superseded {
				superseded++
			}
		}
	}
	if hook.Kind == event.Launch && superseded > 0 && superseded == len(changes) {
		return Decision{Status: Left, Reason: "the instances were removed after this launch"}
	}
	bad := 0
	for _, f := range failed {
		if f {
			bad++
		}
	}
	if bad > 0 && (!policy.AllMustFail || bad == len(failed)) {
		if reason == "" {
			reason = "a change of the hook was rejected"
		}
		return answer(hook, policy.Failure, Leave, Decision{Failed: true, Reason: reason})
	}
	return answer(hook, policy.Success, Continue, Decision{})
}

func answer(hook *event.Hook, result, byDefault string, d Decision) Decision {
	if result == "" {
		result = byDefault
	}
	if result == Leave {
		d.Status = Left
		if d.Reason == "" {
			d.Reason = "the policy leaves the hook to its time-out"
		}
		return d
	}
	if result == Rollback && hook.Platform == event.EC2 {
		result = Abandon // EC2 Auto Scaling has only two answers
	}
	d.Status, d.Result = Completed, result
	return d
}

// blind reports whether it was only for what could not be read that a hook failed.
func blind(hook *event.Hook, policy Policy, changes []Change) bool {
	if !Decide(hook, policy, changes).Failed {
		return false
	}
	hopeful := slices.Clone(changes)
	for i := range hopeful {
		if hopeful[i].unread {
			hopeful[i].NotReady = ""
		}
	}
	return !Decide(hook, policy, hopeful).Failed
}
