package handler_test

import (
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"slb-registrar/shared/handler"
)

func TestFortyFiveInstancesForTwoTargetsTakeSixAdds(t *testing.T) {
	w := newWorld(t, twoTargets)
	r := w.invoke(launch("token-1", time.Time{}, instances(45)...))

	sizes := w.adds()
	slices.Sort(sizes)
	if diff := cmp.Diff([]int{5, 5, 20, 20, 20, 20}, sizes); diff != "" {
		t.Errorf("sizes of the adds (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(map[string]int{"added": 90}, statuses(r)); diff != "" {
		t.Errorf("changes (-want +got):\n%s", diff)
	}
	if r.Messages[0].Status != handler.Done {
		t.Errorf("message is %s, want done", r.Messages[0].Status)
	}
	if got := r.Calls["AddVServerGroupBackendServers"]; got != 6 {
		t.Errorf("the result counts %d adds, want 6", got)
	}
	for _, group := range []string{"rsp-a", "rsp-b"} {
		got := w.members(group)
		slices.Sort(got)
		if diff := cmp.Diff(instances(45), got); diff != "" {
			t.Errorf("members of %s (-want +got):\n%s", group, diff)
		}
	}
}
