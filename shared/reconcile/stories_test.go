package reconcile_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"slb-registrar/shared/clbtest"
	"slb-registrar/shared/event"
	"slb-registrar/shared/reconcile"
	"slb-registrar/shared/vsg"
)

func equal(t *testing.T, what string, got, want any) {
	t.Helper()
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("%s: want (-), got (+):\n%s", what, diff)
	}
}

func TestNothingIsChangedWhereEverythingIsInPlace(t *testing.T) {
	w := newWorld(t, oneGroup, clbtest.State{
		LoadBalancers: []clbtest.LoadBalancer{group("lb-1", "rsp-a", members(3)...)},
		Instances:     serving("asg-1", 1, 3),
	})
	report := w.run(remove)
	equal(t, "drift", found(report), []string{})
	equal(t, "calls", w.changed(), map[string]int{})
	equal(t, "compared", report.Compared, 1)
	if report.Undone() {
		t.Errorf("something was left undone: %+v", report)
	}
}

func TestALostLaunchIsFoundAndAdded(t *testing.T) {
	w := newWorld(t, oneGroup, clbtest.State{
		LoadBalancers: []clbtest.LoadBalancer{group("lb-1", "rsp-a", members(2)...)},
		Instances:     serving("asg-1", 1, 3),
	})
	report := w.run(look)
	equal(t, "drift", found(report), []string{"missing i-0003:80"})
	equal(t, "planned", ended(report), []string{"add i-0003:80 planned"})
	equal(t, "calls of a dry run", w.changed(), map[string]int{})

	report = w.run(repair)
	equal(t, "changes", ended(report), []string{"add i-0003:80 added"})
	equal(t, "members", w.holds("rsp-a"), []string{"i-0001:80=100", "i-0002:80=100", "i-0003:80=100"})
	equal(t, "drift left", found(w.run(look)), []string{})
}

func TestALostTerminationIsRemovedOnlyWhereThatIsAskedFor(t *testing.T) {
	w := newWorld(t, oneGroup, clbtest.State{
		LoadBalancers: []clbtest.LoadBalancer{group("lb-1", "rsp-a", members(3)...)},
		Instances:     serving("asg-1", 1, 2),
	})
	report := w.run(repair)
	equal(t, "drift", found(report), []string{"stale i-0003:80"})
	equal(t, "calls", w.changed(), map[string]int{})
	if report.Undone() {
		t.Error("what was not asked for counts as undone")
	}

	report = w.run(remove)
	equal(t, "changes", ended(report), []string{"remove i-0003:80 removed"})
	equal(t, "members", w.holds("rsp-a"), []string{"i-0001:80=100", "i-0002:80=100"})
}

func TestAGroupThatWasEmptiedByHandIsFilledAgainAndAgain(t *testing.T) {
	w := newWorld(t, oneGroup, clbtest.State{
		LoadBalancers: []clbtest.LoadBalancer{group("lb-1", "rsp-a")},
		Instances:     serving("asg-1", 1, 45),
	})
	for range 3 {
		report := w.run(repair)
		equal(t, "missing", report.Count(reconcile.Missing), 45)
		equal(t, "calls", w.changed(), map[string]int{"AddVServerGroupBackendServers": 3})
		equal(t, "members", len(w.holds("rsp-a")), 45)
		w.simulator.Reset()
	}
}

func TestAForeignServerIsReportedAndNeverTouched(t *testing.T) {
	foreign := clbtest.Backend{ServerID: "i-foreign", Port: 80, Weight: 100, Type: "ecs"}
	w := newWorld(t, oneGroup, clbtest.State{
		LoadBalancers: []clbtest.LoadBalancer{group("lb-1", "rsp-a", append(members(2), foreign)...)},
		Instances:     serving("asg-1", 1, 2),
	})
	report := w.run(remove)
	equal(t, "drift", found(report), []string{"foreign i-foreign:80"})
	equal(t, "calls", w.changed(), map[string]int{})
}

func TestAWeightThatWasChangedByHandIsSetBackOnOurOwnBackendsOnly(t *testing.T) {
	changed := ours("i-0001")
	changed.Weight = 7
	byHand := changed
	byHand.ServerID, byHand.Description = "i-0002", "by-hand"
	w := newWorld(t, oneGroup, clbtest.State{
		LoadBalancers: []clbtest.LoadBalancer{group("lb-1", "rsp-a", changed, byHand)},
		Instances:     serving("asg-1", 1, 2),
	})
	report := w.run(repair)
	equal(t, "drift", found(report), []string{"weight i-0001:80", "weight i-0002:80"})
	equal(t, "changes", ended(report), []string{"set-weight i-0001:80 weighted"})
	equal(t, "members", w.holds("rsp-a"), []string{"i-0001:80=100", "i-0002:80=7"})
	equal(t, "description", w.simulator.Backends("rsp-a")[0].Description, "slb-registrar")
}

func TestAServerOnTwoPortsIsTwoBackends(t *testing.T) {
	w := newWorld(t, twoPorts, clbtest.State{
		LoadBalancers: []clbtest.LoadBalancer{group("lb-1", "rsp-a", ours("i-0001"))},
		Instances:     serving("asg-1", 1, 1),
	})
	report := w.run(remove)
	equal(t, "changes", ended(report), []string{"add i-0001:81 added"})
	equal(t, "members", w.holds("rsp-a"), []string{"i-0001:80=100", "i-0001:81=50"})
	equal(t, "description", w.simulator.Backends("rsp-a")[1].Description, "admin")
}

func TestABackendOnAPortThatNoTargetHasAnyMoreIsStaleThoughItsInstanceServes(t *testing.T) {
	old := ours("i-0001")
	old.Port = 8080
	w := newWorld(t, oneGroup, clbtest.State{
		LoadBalancers: []clbtest.LoadBalancer{group("lb-1", "rsp-a", ours("i-0001"), old)},
		Instances:     serving("asg-1", 1, 1),
	})
	equal(t, "changes", ended(w.run(remove)), []string{"remove i-0001:8080 removed"})
}

func TestInstancesThatWaitForAHookAreLeftToIt(t *testing.T) {
	leaving := ours("i-0002")
	leaving.Weight = 0 // it is drained
	w := newWorld(t, oneGroup, clbtest.State{
		LoadBalancers: []clbtest.LoadBalancer{group("lb-1", "rsp-a", ours("i-0001"), leaving, ours("i-0006"))},
		Instances: []clbtest.Instance{
			{InstanceID: "i-0001", ScalingGroupID: "asg-1", LifecycleState: "Protected"},
			{InstanceID: "i-0002", ScalingGroupID: "asg-1", LifecycleState: "Removing:Wait"},
			{InstanceID: "i-0003", ScalingGroupID: "asg-1", LifecycleState: "Pending:Wait"},
			{InstanceID: "i-0004", ScalingGroupID: "asg-1", LifecycleState: "Standby"},
			{InstanceID: "i-0005", ScalingGroupID: "asg-1", LifecycleState: "InService", RunningAfter: "1h"},
			{InstanceID: "i-0006", ScalingGroupID: "asg-1", LifecycleState: "Removing"},
		},
	})
	report := w.run(remove)
	equal(t, "drift", found(report), []string{})
	equal(t, "calls", w.changed(), map[string]int{})
}

func TestNotMoreThanAPercentageOfAGroupIsRemovedInOneRun(t *testing.T) {
	for _, test := range []struct {
		members, gone, percent, want int
	}{
		{members: 30, gone: 20, percent: 0, want: 3}, // 10 % unless said otherwise
		{members: 30, gone: 20, percent: 50, want: 15},
		{members: 4, gone: 3, percent: 10, want: 1},  // one at least
		{members: 4, gone: 4, percent: 100, want: 3}, // never the last
		{members: 1, gone: 1, percent: 100, want: 0},
	} {
		w := newWorld(t, oneGroup, clbtest.State{
			LoadBalancers: []clbtest.LoadBalancer{group("lb-1", "rsp-a", members(test.members)...)},
			Instances:     serving("asg-1", test.gone+1, test.members-test.gone),
		})
		report := w.run(event.Reconcile{Repair: true, Remove: true, MaxRemovePercent: test.percent})
		equal(t, "stale", report.Count(reconcile.Stale), test.gone)
		equal(t, "removed", len(report.Changes), test.want)
		equal(t, "members", len(w.holds("rsp-a")), test.members-test.want)
		if !report.Undone() {
			t.Error("what the guard held back does not count as undone")
		}
	}
}

func TestNothingIsRemovedAfterAFailedOrShortPage(t *testing.T) {
	for name, fault := range map[string]clbtest.Fault{
		"refused":        {Action: "DescribeScalingInstances", Effect: clbtest.Effect{Code: "Forbidden.RAM", HTTPStatus: 403}},
		"second refused": {Action: "DescribeScalingInstances", Every: 2, Effect: clbtest.Effect{Code: "Forbidden.RAM", HTTPStatus: 403}},
		"lost":           {Action: "DescribeScalingInstances", Every: 2, Effect: clbtest.Effect{Body: "html", HTTPStatus: 404}},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, oneGroup, clbtest.State{
				LoadBalancers: []clbtest.LoadBalancer{group("lb-1", "rsp-a", members(80)...)},
				Instances:     serving("asg-1", 1, 60),
			}, fault)
			report := w.run(remove)
			equal(t, "changes", w.changed(), map[string]int{})
			if !report.Undone() {
				t.Errorf("a failed reading is not reported: %+v", report)
			}
			equal(t, "members", len(w.holds("rsp-a")), 80)
		})
	}
}

func TestWhatCannotBeConfirmedToBeGoneIsNotRemoved(t *testing.T) {
	w := newWorld(t, oneGroup, clbtest.State{
		LoadBalancers: []clbtest.LoadBalancer{group("lb-1", "rsp-a", members(30)...)},
		Instances:     serving("asg-1", 3, 29),
	}, clbtest.Fault{Action: "DescribeScalingInstances", Nth: 2, Effect: clbtest.Effect{Code: "Forbidden.RAM", HTTPStatus: 403}})
	report := w.run(remove)
	equal(t, "drift", found(report), []string{"missing i-0031:80", "stale i-0001:80", "stale i-0002:80"})
	equal(t, "changes", ended(report), []string{"add i-0031:80 added"})
	if !report.Undone() || report.Drift[1].Left == "" {
		t.Errorf("what is left is not reported: %+v", report.Drift[1])
	}
}

func TestAnUnreadableGroupIsNotTakenForAnEmptyOne(t *testing.T) {
	w := newWorld(t, oneGroup, clbtest.State{
		LoadBalancers: []clbtest.LoadBalancer{group("lb-1", "rsp-a", members(3)...)},
		Instances:     serving("asg-1", 1, 3),
	}, clbtest.Fault{Action: "DescribeVServerGroupAttribute", Effect: clbtest.Effect{Code: "Forbidden.RAM", HTTPStatus: 403}})
	report := w.run(remove)
	equal(t, "changes", w.changed(), map[string]int{})
	equal(t, "compared", report.Compared, 0)
	if len(report.Problems) != 1 || report.Problems[0].Code != "Forbidden.RAM" || report.Problems[0].Group.ID != "rsp-a" {
		t.Errorf("problems: %+v", report.Problems)
	}
}

func TestOneBadGroupCostsTheOthersNothing(t *testing.T) {
	w := newWorld(t, `
version: 1
routes:
  - name: web
    match: {scalingGroupId: asg-1}
    targets:
      - {regionId: cn-hangzhou, vServerGroupId: rsp-a, port: 80}
      - {regionId: cn-hangzhou, vServerGroupId: rsp-gone, port: 80}
`, clbtest.State{
		LoadBalancers: []clbtest.LoadBalancer{group("lb-1", "rsp-a")},
		Instances:     serving("asg-1", 1, 2),
	})
	report := w.run(repair)
	equal(t, "members", w.holds("rsp-a"), []string{"i-0001:80=100", "i-0002:80=100"})
	equal(t, "compared", report.Compared, 1)
	equal(t, "problem", report.Problems[0].Group, vsg.Group{RegionID: "cn-hangzhou", ID: "rsp-gone"})
}

func TestAnInstanceThatCannotBeAddedIsRejectedAlone(t *testing.T) {
	w := newWorld(t, oneGroup, clbtest.State{
		LoadBalancers: []clbtest.LoadBalancer{group("lb-1", "rsp-a")},
		Instances:     serving("asg-1", 1, 20),
	}, clbtest.Fault{Action: "AddVServerGroupBackendServers", ServerID: "i-0007", Effect: clbtest.Effect{Code: "InvalidServerId.NotExist", HTTPStatus: 400}})
	report := w.run(repair)
	equal(t, "members", len(w.holds("rsp-a")), 19)
	if !report.Undone() {
		t.Error("a rejected change is not reported as undone")
	}
}
