package lifecycle_test

import (
	"testing"

	"pgregory.net/rapid"

	"slb-registrar/shared/event"
	"slb-registrar/shared/lifecycle"
	"slb-registrar/shared/vsg"
)

func ended(launch string, status vsg.Status) lifecycle.Change {
	return lifecycle.Change{Change: vsg.Change{Launch: launch}, Status: status}
}

func TestTheAnswerFollowsFromHowTheChangesEnded(t *testing.T) {
	abandon := lifecycle.Policy{Failure: lifecycle.Abandon}
	allOfThem := lifecycle.Policy{Failure: lifecycle.Abandon, AllMustFail: true}
	for name, row := range map[string]struct {
		kind     event.Kind
		platform event.HookPlatform
		policy   lifecycle.Policy
		changes  []lifecycle.Change
		status   lifecycle.Status
		result   string
	}{
		"all done": {event.Launch, event.ESS, abandon,
			[]lifecycle.Change{ended("1", vsg.Added), ended("2", vsg.Already), ended("3", vsg.Duplicate)}, lifecycle.Completed, "CONTINUE"},
		"nothing to do":    {event.Launch, event.ESS, abandon, nil, lifecycle.Completed, "CONTINUE"},
		"removed, absent":  {event.Terminate, event.ESS, abandon, []lifecycle.Change{ended("1", vsg.Removed), ended("2", vsg.Absent)}, lifecycle.Completed, "CONTINUE"},
		"one comes again":  {event.Launch, event.ESS, abandon, []lifecycle.Change{ended("1", vsg.Added), ended("2", vsg.Retry)}, lifecycle.Pending, ""},
		"again, and a bad": {event.Launch, event.ESS, abandon, []lifecycle.Change{ended("1", vsg.Rejected), ended("2", vsg.Retry)}, lifecycle.Pending, ""},
		"not ended at all": {event.Launch, event.ESS, abandon, []lifecycle.Change{ended("1", "")}, lifecycle.Pending, ""},
		"one rejected":     {event.Launch, event.ESS, abandon, []lifecycle.Change{ended("1", vsg.Added), ended("2", vsg.Rejected)}, lifecycle.Completed, "ABANDON"},
		"one of two, all":  {event.Launch, event.ESS, allOfThem, []lifecycle.Change{ended("1", vsg.Added), ended("2", vsg.Rejected)}, lifecycle.Completed, "CONTINUE"},
		"both, all":        {event.Launch, event.ESS, allOfThem, []lifecycle.Change{ended("1", vsg.Rejected), ended("2", vsg.Rejected)}, lifecycle.Completed, "ABANDON"},
		"each in one of its groups": {event.Launch, event.ESS, allOfThem,
			[]lifecycle.Change{ended("1", vsg.Added), ended("1", vsg.Rejected), ended("2", vsg.Rejected), ended("2", vsg.Added)}, lifecycle.Completed, "ABANDON"},
		"failure is left by default": {event.Launch, event.ESS, lifecycle.Policy{}, []lifecycle.Change{ended("1", vsg.Rejected)}, lifecycle.Left, ""},
		"success is left":            {event.Launch, event.ESS, lifecycle.Policy{Success: lifecycle.Leave}, []lifecycle.Change{ended("1", vsg.Added)}, lifecycle.Left, ""},
		"overtaken":                  {event.Launch, event.ESS, abandon, []lifecycle.Change{ended("1", vsg.Superseded), ended("1", vsg.Superseded)}, lifecycle.Left, ""},
		"one of two overtaken":       {event.Launch, event.ESS, abandon, []lifecycle.Change{ended("1", vsg.Superseded), ended("2", vsg.Added)}, lifecycle.Completed, "CONTINUE"},
		"an overtaken removal":       {event.Terminate, event.ESS, abandon, []lifecycle.Change{ended("1", vsg.Superseded)}, lifecycle.Completed, "CONTINUE"},
		"rolled back":                {event.Terminate, event.ESS, lifecycle.Policy{Failure: lifecycle.Rollback}, []lifecycle.Change{ended("1", vsg.Rejected)}, lifecycle.Completed, "ROLLBACK"},
		"rolled back on EC2":         {event.Launch, event.EC2, lifecycle.Policy{Failure: lifecycle.Rollback}, []lifecycle.Change{ended("1", vsg.Rejected)}, lifecycle.Completed, "ABANDON"},
	} {
		t.Run(name, func(t *testing.T) {
			d := lifecycle.Decide(&event.Hook{Kind: row.kind, Platform: row.platform}, row.policy, row.changes)
			if d.Status != row.status || d.Result != row.result {
				t.Errorf("%+v, want %s with %q", d, row.status, row.result)
			}
		})
	}
}

// Whatever the outcomes: a hook is answered only if none of its changes has to
// come again, and with the failure's answer only if something failed.
func TestNothingIsAnsweredTooEarly(t *testing.T) {
	statuses := []vsg.Status{vsg.Added, vsg.Already, vsg.Duplicate, vsg.Superseded, vsg.Rejected, vsg.Retry}
	rapid.Check(t, func(t *rapid.T) {
		var changes []lifecycle.Change
		var again, bad bool
		for range rapid.IntRange(0, 6).Draw(t, "changes") {
			s := rapid.SampledFrom(statuses).Draw(t, "status")
			again, bad = again || s == vsg.Retry, bad || s == vsg.Rejected
			changes = append(changes, ended(rapid.SampledFrom([]string{"1", "2", "3"}).Draw(t, "launch"), s))
		}
		policy := lifecycle.Policy{Failure: lifecycle.Abandon, AllMustFail: rapid.Bool().Draw(t, "all")}
		d := lifecycle.Decide(&event.Hook{Kind: event.Launch, Platform: event.ESS}, policy, changes)
		switch {
		case again != (d.Status == lifecycle.Pending):
			t.Fatalf("%+v although a change comes again: %v", d, again)
		case d.Failed && !bad, d.Result == lifecycle.Abandon != d.Failed, bad && !again && !policy.AllMustFail && !d.Failed:
			t.Fatalf("%+v although a change was rejected: %v", d, bad)
		}
	})
}
