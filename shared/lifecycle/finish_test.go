package lifecycle_test

import (
	"context"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"slb-registrar/shared/clb"
	"slb-registrar/shared/clbtest"
	"slb-registrar/shared/event"
	"slb-registrar/shared/lifecycle"
	"slb-registrar/shared/lifecycle/ess"
	"slb-registrar/shared/vsg"
)

var (
	web    = vsg.Group{RegionID: "cn-hangzhou", ID: "rsp-web"}
	admin  = vsg.Group{RegionID: "cn-hangzhou", ID: "rsp-admin"}
	lone   = vsg.Group{RegionID: "cn-hangzhou", ID: "rsp-lone"}
	signer = clb.Credentials{AccessKeyID: clbtest.DefaultAccessKeyID, AccessKeySecret: clbtest.DefaultAccessKeySecret}
)

// stage is a simulator with two groups that listeners use and one that none
// does, and a hook for every token.
type stage struct {
	*testing.T
	sim      *clbtest.Simulator
	finisher *lifecycle.Finisher
	clb      *clb.Client
	ess      *ess.Client
}

func newStage(t *testing.T, instances map[string]string, tokens ...string) *stage {
	t.Helper()
	state := clbtest.State{LoadBalancers: []clbtest.LoadBalancer{{RegionID: "cn-hangzhou", LoadBalancerID: "lb-1", VServerGroups: []clbtest.VServerGroup{
		{VServerGroupID: web.ID, ListenerPort: 443}, {VServerGroupID: admin.ID, ListenerPort: 8443}, {VServerGroupID: lone.ID},
	}}}}
	var ids []string
	for id, healthyAfter := range instances {
		state.Instances = append(state.Instances, clbtest.Instance{InstanceID: id, HealthyAfter: healthyAfter})
		ids = append(ids, id)
	}
	for _, token := range tokens {
		state.LifecycleActions = append(state.LifecycleActions, clbtest.LifecycleAction{
			LifecycleHookID: "ash-1", LifecycleActionToken: token, InstanceIDs: ids, Timeout: "30s", ScalingActivityID: "asa-1"})
	}
	sim := clbtest.New(clbtest.Options{State: state})
	balancer, err := clb.New(clb.Options{Transport: sim.Transport()})
	if err != nil {
		t.Fatal(err)
	}
	scaling, err := ess.New(ess.Options{Transport: sim.Transport()})
	if err != nil {
		t.Fatal(err)
	}
	return &stage{T: t, sim: sim, finisher: &lifecycle.Finisher{}, clb: balancer.With(signer), ess: scaling.With(signer)}
}

func hook(token string) *event.Hook {
	return &event.Hook{Platform: event.ESS, Kind: event.Launch, RegionID: "cn-hangzhou", ID: "ash-1", Token: token, ScalingActivityID: "asa-1"}
}

// member adds an instance to a group and returns the change that did so.
func (s *stage) member(group vsg.Group, instance string, weight int) lifecycle.Change {
	s.Helper()
	b := vsg.Backend{ServerID: instance, Port: 80, Weight: weight, Type: vsg.ECS}
	if _, err := s.clb.Apply(s.Context(), vsg.Add, group, []vsg.Backend{b}); err != nil {
		s.Fatal(err)
	}
	return lifecycle.Change{Change: vsg.Change{Action: vsg.Add, Group: group, Backend: b, Launch: "launch of " + instance}, Status: vsg.Added}
}

func (s *stage) job(token string, ready time.Duration, changes ...lifecycle.Change) lifecycle.Job {
	return lifecycle.Job{
		Hook: hook(token), Changes: changes, Ready: ready, Since: time.Now(),
		Balancer: s.clb, Completer: s.ess,
		ClientToken: func(result string) string { return "token for " + result },
		Grace:       2 * time.Second,
	}
}

func (s *stage) expect(r lifecycle.Report, status lifecycle.Status, result string) {
	s.Helper()
	if r.Status != status || r.Result != result {
		s.Errorf("the hook is %s with %q, want %s with %q: %s", r.Status, r.Result, status, result, r.Message)
	}
}

func (s *stage) action() clbtest.LifecycleAction {
	s.Helper()
	a, ok := s.sim.LifecycleAction("t-1")
	if !ok {
		s.Fatal("there is no action t-1")
	}
	return a
}

func story(t *testing.T, name string, tell func(t *testing.T)) {
	t.Run(name, func(t *testing.T) { synctest.Test(t, tell) })
}

func TestALaunchGoesOnWhenItsBackendsAreHealthy(t *testing.T) {
	story(t, "at once", func(t *testing.T) {
		s := newStage(t, map[string]string{"i-1": ""}, "t-1")
		start := time.Now()
		r := s.finisher.Finish(t.Context(), s.job("t-1", time.Minute, s.member(web, "i-1", 100)))
		s.expect(r, lifecycle.Completed, lifecycle.Continue)
		if took := time.Since(start); took != 0 || r.Heartbeats != 0 {
			t.Errorf("it took %v and %d heartbeats", took, r.Heartbeats)
		}
		if a := s.action(); a.Status != clbtest.StatusCompleted || a.Result != "CONTINUE" || a.ClientToken != "token for CONTINUE" {
			t.Errorf("%+v", a)
		}
	})
	story(t, "after 40 s, with one heartbeat", func(t *testing.T) {
		s := newStage(t, map[string]string{"i-1": "40s"}, "t-1")
		start := time.Now()
		r := s.finisher.Finish(t.Context(), s.job("t-1", time.Minute, s.member(web, "i-1", 100)))
		s.expect(r, lifecycle.Completed, lifecycle.Continue)
		if took := time.Since(start); took < 40*time.Second || took > 45*time.Second {
			t.Errorf("it took %v", took)
		}
		if a := s.action(); a.Heartbeats != 1 || r.Heartbeats != 1 {
			t.Errorf("%d heartbeats were recorded, %d reported", a.Heartbeats, r.Heartbeats)
		}
		if polls := len(s.sim.CallsOf("DescribeHealthStatus")); polls > 20 {
			t.Errorf("health was read %d times", polls)
		}
	})
	story(t, "in every group and at every listener", func(t *testing.T) {
		s := newStage(t, map[string]string{"i-1": "3s", "i-2": "8s"}, "t-1")
		start := time.Now()
		r := s.finisher.Finish(t.Context(), s.job("t-1", time.Minute,
			s.member(web, "i-1", 100), s.member(admin, "i-1", 100), s.member(web, "i-2", 100)))
		s.expect(r, lifecycle.Completed, lifecycle.Continue)
		if took := time.Since(start); took < 8*time.Second || took > 10*time.Second {
			t.Errorf("it took %v", took)
		}
	})
}

func TestWhatHasNoHealthIsExplainedAndNotWaitedFor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStage(t, map[string]string{"i-1": "never", "i-2": "never"}, "t-1")
		start := time.Now()
		r := s.finisher.Finish(t.Context(), s.job("t-1", time.Minute, s.member(web, "i-1", 0), s.member(lone, "i-2", 100)))
		s.expect(r, lifecycle.Completed, lifecycle.Continue)
		notes := strings.Join(r.Notes, "\n")
		if took := time.Since(start); took != 0 || !strings.Contains(notes, "i-1 of rsp-web: its weight is 0") || !strings.Contains(notes, "i-2 of rsp-lone: no listener") {
			t.Errorf("it took %v; the notes are:\n%s", took, notes)
		}
	})
}

func TestALaunchThatIsNeverReadyFollowsTheFailurePolicy(t *testing.T) {
	for name, row := range map[string]struct {
		policy lifecycle.Policy
		status lifecycle.Status
		result string
	}{
		"left by default":          {lifecycle.Policy{}, lifecycle.Left, ""},
		"abandoned":                {lifecycle.Policy{Failure: lifecycle.Abandon}, lifecycle.Completed, "ABANDON"},
		"rolled back":              {lifecycle.Policy{Failure: lifecycle.Rollback}, lifecycle.Completed, "ROLLBACK"},
		"one of two is enough":     {lifecycle.Policy{Failure: lifecycle.Abandon, AllMustFail: true}, lifecycle.Completed, "CONTINUE"},
		"left, but never rewarded": {lifecycle.Policy{Success: lifecycle.Leave, Failure: lifecycle.Abandon}, lifecycle.Completed, "ABANDON"},
	} {
		story(t, name, func(t *testing.T) {
			s := newStage(t, map[string]string{"i-1": "never", "i-2": "2s"}, "t-1")
			job := s.job("t-1", time.Minute, s.member(web, "i-1", 100), s.member(web, "i-2", 100))
			job.Policy = row.policy
			start := time.Now()
			r := s.finisher.Finish(t.Context(), job)
			s.expect(r, row.status, row.result)
			if took := time.Since(start); took != time.Minute {
				t.Errorf("it took %v, want the whole time", took)
			}
			if row.result != "CONTINUE" && r.Message != "the load balancer calls the backend abnormal" {
				t.Errorf("the reason is %q", r.Message)
			}
			if row.result != "" && s.action().Result != row.result {
				t.Errorf("%+v", s.action())
			}
		})
	}
}

func TestTheReserveComesFirstAndTheRedeliveryFinishes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStage(t, map[string]string{"i-1": "70s"}, "t-1")
		change := s.member(web, "i-1", 100)
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second) // until the reserve
		defer cancel()
		first := s.finisher.Finish(ctx, s.job("t-1", time.Minute, change))
		s.expect(first, lifecycle.Pending, "")
		if a := s.action(); a.Heartbeats != 1 || a.Status != clbtest.StatusPending {
			t.Errorf("%+v; want it kept alive by one heartbeat", a)
		}
		<-time.After(50 * time.Second) // longer than the hook's own time-out

		change.Status = vsg.Duplicate
		second := s.finisher.Finish(t.Context(), s.job("t-1", time.Minute, change))
		s.expect(second, lifecycle.Completed, lifecycle.Continue)
		if a := s.action(); a.Status != clbtest.StatusCompleted || a.Heartbeats > 2 {
			t.Errorf("%+v", a)
		}
	})
}

func TestAChangeThatComesAgainKeepsItsHookPending(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStage(t, map[string]string{"i-1": "", "i-2": ""}, "t-1")
		again := s.member(web, "i-2", 100)
		again.Status = vsg.Retry
		s.expect(s.finisher.Finish(t.Context(), s.job("t-1", 0, s.member(web, "i-1", 100), again)), lifecycle.Pending, "")
		if calls := s.sim.CallsOf("CompleteLifecycleAction"); len(calls) != 0 {
			t.Errorf("%d completions", len(calls))
		}
	})
}

func TestAllFailedIsAbandonedAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStage(t, map[string]string{"i-1": "never"}, "t-1")
		bad := s.member(web, "i-1", 100)
		bad.Status = vsg.Rejected
		job := s.job("t-1", time.Minute, bad)
		job.Policy = lifecycle.Policy{Failure: lifecycle.Abandon, AllMustFail: true}
		start := time.Now()
		s.expect(s.finisher.Finish(t.Context(), job), lifecycle.Completed, lifecycle.Abandon)
		if took := time.Since(start); took != 0 {
			t.Errorf("it took %v", took)
		}
	})
}

func TestAHookThatHasEndedIsNoErrorAndNotRepeated(t *testing.T) {
	for name, prepare := range map[string]func(s *stage){
		"timed out": func(*stage) { <-time.After(31 * time.Second) },
		"completed by somebody else": func(s *stage) {
			if err := s.ess.Complete(s.Context(), hook("t-1"), "CONTINUE", "another token"); err != nil {
				s.Fatal(err)
			}
		},
		"unknown": func(s *stage) { s.sim.Reset(); _ = s.sim.Seed(clbtest.State{}) },
	} {
		story(t, name, func(t *testing.T) {
			s := newStage(t, map[string]string{"i-1": ""}, "t-1")
			change := s.member(web, "i-1", 100)
			prepare(s)
			before := len(s.sim.CallsOf("CompleteLifecycleAction"))
			r := s.finisher.Finish(t.Context(), s.job("t-1", 0, change))
			s.expect(r, lifecycle.Ended, lifecycle.Continue)
			if r.Code != "LifecycleHookIdAndLifecycleActionToken.Invalid" {
				t.Errorf("%+v", r)
			}
			if got := len(s.sim.CallsOf("CompleteLifecycleAction")) - before; got != 1 {
				t.Errorf("%d attempts", got)
			}
		})
	}
	story(t, "while it waited", func(t *testing.T) {
		s := newStage(t, map[string]string{"i-1": "never"}, "t-1")
		job := s.job("t-1", 5*time.Minute, s.member(web, "i-1", 100))
		if err := s.ess.Complete(t.Context(), job.Hook, "ABANDON", "of a person"); err != nil {
			t.Fatal(err)
		}
		start := time.Now()
		s.expect(s.finisher.Finish(t.Context(), job), lifecycle.Ended, "")
		if took := time.Since(start); took > 30*time.Second {
			t.Errorf("it waited %v for a hook that has ended", took)
		}
	})
}

func TestALostAnswerIsRepeatedWithTheSameClientToken(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStage(t, map[string]string{"i-1": ""}, "t-1")
		job := s.job("t-1", 0, s.member(web, "i-1", 100))
		if err := s.sim.SetFaults([]clbtest.Fault{
			{Action: "CompleteLifecycleAction", Nth: 1, Effect: clbtest.Effect{Reset: clbtest.ResetAfter}},
			{Action: "CompleteLifecycleAction", Nth: 2, Effect: clbtest.Effect{Code: "Throttling.User"}},
		}); err != nil {
			t.Fatal(err)
		}
		s.expect(s.finisher.Finish(t.Context(), job), lifecycle.Completed, lifecycle.Continue)
		if got := len(s.sim.CallsOf("CompleteLifecycleAction")); got != 3 {
			t.Errorf("%d attempts, want one lost, one throttled, one answered", got)
		}
	})
}

func TestACompletionThatIsNotAllowedFailsAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStage(t, map[string]string{"i-1": ""}, "t-1")
		job := s.job("t-1", 0, s.member(web, "i-1", 100))
		if err := s.sim.SetFaults([]clbtest.Fault{{Action: "CompleteLifecycleAction", Effect: clbtest.Effect{Code: "Forbidden.RAM"}}}); err != nil {
			t.Fatal(err)
		}
		r := s.finisher.Finish(t.Context(), job)
		s.expect(r, lifecycle.Failed, lifecycle.Continue)
		if len(s.sim.CallsOf("CompleteLifecycleAction")) != 1 || r.Code != "Forbidden.RAM" || r.RequestID == "" {
			t.Errorf("%+v", r)
		}
	})
}

func TestAChangeThatEndedJustInTimeStillCompletesItsHook(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStage(t, map[string]string{"i-1": ""}, "t-1")
		job := s.job("t-1", 0, s.member(web, "i-1", 100))
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		s.expect(s.finisher.Finish(ctx, job), lifecycle.Completed, lifecycle.Continue)
	})
}

func TestHooksThatWaitOnOneLoadBalancerShareItsReadings(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStage(t, map[string]string{"i-1": "20s", "i-2": "20s"}, "t-1", "t-2")
		one, two := s.member(web, "i-1", 100), s.member(web, "i-2", 100)
		var wait sync.WaitGroup
		for token, change := range map[string]lifecycle.Change{"t-1": one, "t-2": two} {
			wait.Go(func() {
				s.expect(s.finisher.Finish(t.Context(), s.job(token, time.Minute, change)), lifecycle.Completed, lifecycle.Continue)
			})
		}
		wait.Wait()
		calls := s.sim.CallsOf("DescribeHealthStatus")
		for i := 1; i < len(calls); i++ {
			if gap := calls[i].At.Sub(calls[i-1].At); gap < time.Second {
				t.Errorf("readings %d and %d are %v apart", i-1, i, gap)
			}
		}
		if len(calls) > 16 || len(s.sim.CallsOf("DescribeVServerGroups")) != 1 {
			t.Errorf("%d readings of health, %d of the groups", len(calls), len(s.sim.CallsOf("DescribeVServerGroups")))
		}
	})
}

// The one who reads for all is cancelled while the answer is on its way.
func TestOthersGoOnWhenTheOneWhoReadsGivesUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStage(t, map[string]string{"i-1": "5s", "i-2": "5s"}, "t-1", "t-2")
		one, two := s.member(web, "i-1", 100), s.member(web, "i-2", 100)
		if err := s.sim.SetFaults([]clbtest.Fault{{Action: "DescribeHealthStatus", Nth: 1, Effect: clbtest.Effect{Latency: "1h"}}}); err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
		defer cancel()
		var wait sync.WaitGroup
		wait.Go(func() { s.expect(s.finisher.Finish(ctx, s.job("t-1", time.Minute, one)), lifecycle.Pending, "") })
		synctest.Wait()
		start := time.Now()
		wait.Go(func() {
			s.expect(s.finisher.Finish(t.Context(), s.job("t-2", time.Minute, two)), lifecycle.Completed, lifecycle.Continue)
		})
		wait.Wait()
		if took := time.Since(start); took > 7*time.Second {
			t.Errorf("the other waited %v", took)
		}
	})
}

func TestAReadingThatFailsIsNeitherHealthNorSickness(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStage(t, map[string]string{"i-1": ""}, "t-1")
		job := s.job("t-1", time.Minute, s.member(web, "i-1", 100))
		if err := s.sim.SetFaults([]clbtest.Fault{
			{Action: "DescribeVServerGroupAttribute", Times: 2, Effect: clbtest.Effect{Code: "Throttling.User"}},
			{Action: "DescribeVServerGroups", Times: 1, Effect: clbtest.Effect{Reset: clbtest.ResetBefore}},
			{Action: "DescribeHealthStatus", Times: 3, Effect: clbtest.Effect{Code: "InternalError"}},
		}); err != nil {
			t.Fatal(err)
		}
		s.expect(s.finisher.Finish(t.Context(), job), lifecycle.Completed, lifecycle.Continue)
	})
	story(t, "and if it never succeeds, that is the reason", func(t *testing.T) {
		s := newStage(t, map[string]string{"i-1": ""}, "t-1")
		job := s.job("t-1", time.Minute, s.member(web, "i-1", 100))
		if err := s.sim.SetFaults([]clbtest.Fault{{Action: "DescribeHealthStatus", Effect: clbtest.Effect{Code: "Forbidden.RAM"}}}); err != nil {
			t.Fatal(err)
		}
		job.Policy.Failure = lifecycle.Abandon
		r := s.finisher.Finish(t.Context(), job)
		s.expect(r, lifecycle.Pending, "")
		if !strings.Contains(r.Message, "Forbidden.RAM") || s.action().Heartbeats == 0 {
			t.Errorf("the reason is %q", r.Message)
		}
	})
	story(t, "and one group that cannot be read keeps no other from being seen", func(t *testing.T) {
		s := newStage(t, map[string]string{"i-1": ""}, "t-1")
		job := s.job("t-1", 20*time.Second, s.member(web, "i-1", 100), s.member(admin, "i-1", 100))
		job.Policy.Failure = lifecycle.Abandon
		if err := s.sim.SetFaults([]clbtest.Fault{{Action: "DescribeVServerGroupAttribute", VServerGroupID: web.ID, Effect: clbtest.Effect{Code: "Forbidden.RAM"}}}); err != nil {
			t.Fatal(err)
		}
		s.expect(s.finisher.Finish(t.Context(), job), lifecycle.Pending, "")
		if job.Changes[1].NotReady != "" {
			t.Errorf("the other was not seen: %s", job.Changes[1].NotReady)
		}
	})
}

func TestARemovalCompletesWithoutWaiting(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStage(t, map[string]string{"i-1": "never"}, "t-1")
		job := s.job("t-1", time.Minute, lifecycle.Change{Change: vsg.Change{Action: vsg.Remove, Group: web, Launch: "end of i-1"}, Status: vsg.Absent})
		job.Hook.Kind = event.Terminate
		s.expect(s.finisher.Finish(t.Context(), job), lifecycle.Completed, lifecycle.Continue)
	})
}

func TestAHookOfAPlatformThatCannotBeReachedIsLeft(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStage(t, map[string]string{"i-1": ""})
		job := s.job("t-1", time.Minute, s.member(web, "i-1", 100))
		job.Completer = nil
		s.expect(s.finisher.Finish(t.Context(), job), lifecycle.Left, "")
	})
}

// Heartbeats stop when the platform allows no more, and the wait goes on.
func TestTheLastHeartbeatIsNotTheEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStage(t, map[string]string{"i-1": "25s"}, "t-1")
		job := s.job("t-1", time.Minute, s.member(web, "i-1", 100))
		if err := s.sim.SetFaults([]clbtest.Fault{{Action: "RecordLifecycleActionHeartbeat", Effect: clbtest.Effect{Code: "LifecycleAction.RecordTimesExceeded"}}}); err != nil {
			t.Fatal(err)
		}
		s.expect(s.finisher.Finish(t.Context(), job), lifecycle.Completed, lifecycle.Continue)
		if got := len(s.sim.CallsOf("RecordLifecycleActionHeartbeat")); got != 1 {
			t.Errorf("%d heartbeats were sent", got)
		}
	})
}

func TestAPendingActionIsRecognised(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tokens := []string{"t-1"}
		for i := range 120 { // more than two pages
			tokens = append(tokens, "other-"+string(rune('a'+i%26))+strings.Repeat("x", i/26))
		}
		tokens = append(tokens, "t-last")
		s := newStage(t, map[string]string{"i-1": ""}, tokens...)
		for _, token := range []string{"t-1", "t-last"} {
			if pending, err := s.ess.Pending(t.Context(), hook(token)); err != nil || !pending {
				t.Errorf("%s: %v %v", token, pending, err)
			}
		}
		if err := s.ess.Complete(t.Context(), hook("t-1"), "CONTINUE", ""); err != nil {
			t.Fatal(err)
		}
		nameless := hook("t-last")
		nameless.ScalingActivityID = ""
		for name, h := range map[string]*event.Hook{"completed": hook("t-1"), "unknown": hook("t-none"), "of no activity": nameless} {
			if pending, err := s.ess.Pending(t.Context(), h); err != nil || pending {
				t.Errorf("%s: %v %v", name, pending, err)
			}
		}
	})
}
