package registrar_test

import (
	"testing"

	"slb-registrar/shared/clbtest"
	"slb-registrar/shared/registrar"
	"slb-registrar/shared/vsg"
)

var duplicates = []clbtest.Duplicate{clbtest.DuplicateIgnore, clbtest.DuplicateUpdate, clbtest.DuplicateError}

func TestMemberIsFoundByTheFirstDescriptionAndLeftAsItIs(t *testing.T) {
	story(t, func(t *testing.T) {
		state := running(3, nil, nil)
		state.LoadBalancers[0].VServerGroups[0].Backends = []clbtest.Backend{{ServerID: server(0), Port: 80, Weight: 10, Type: "ecs"}}
		r := newRig(t, clbtest.Options{State: state, Duplicate: clbtest.DuplicateUpdate}, registrar.Options{})
		outcomes, report := r.apply(add("rsp-a", 0), remove("rsp-a", 1))
		if outcomes[0].Status != vsg.Already || outcomes[1].Status != vsg.Absent {
			t.Errorf("%v", outcomes)
		}
		if len(report.Calls) != 0 || r.sim.Backends("rsp-a")[0].Weight != 10 {
			t.Errorf("%v %v", report.Calls, r.sim.Backends("rsp-a"))
		}
	})
}

func TestMemberThatNobodyKnewOfIsSuccessHoweverTheServiceAnswers(t *testing.T) {
	for _, duplicate := range duplicates {
		t.Run(string(duplicate), func(t *testing.T) {
			story(t, func(t *testing.T) {
				r := newRig(t, clbtest.Options{AutoCreate: true, Duplicate: duplicate, Latency: 80 * ms}, registrar.Options{})
				r.apply(add("rsp-a", 100)) // the group is known from now on
				known := adds("rsp-a", 7)
				for _, c := range known {
					if _, err := r.api().Apply(t.Context(), vsg.Add, c.Group, []vsg.Backend{c.Backend}); err != nil {
						t.Fatal(err)
					}
				}
				outcomes, _ := r.apply(adds("rsp-a", 20)...)
				for i, o := range outcomes {
					if !o.Status.Succeeded() || duplicate == clbtest.DuplicateError && (o.Status == vsg.Already) != (i < 7) {
						t.Errorf("%d: %+v", i, o)
					}
				}
				if len(r.members("rsp-a")) != 21 {
					t.Errorf("%d members", len(r.members("rsp-a")))
				}
				want := 1 + 7 + 1
				if duplicate == clbtest.DuplicateError {
					want++ // refused, read, and the missing 13 sent
				}
				if calls := r.calls(addAction); len(calls) != want {
					t.Errorf("%v", calls)
				}
			})
		})
	}
}

func TestBackendThatIsSaidToBeThereAndIsNotCostsOnlyItself(t *testing.T) {
	story(t, func(t *testing.T) {
		r := newRig(t, clbtest.Options{
			AutoCreate: true,
			Faults: []clbtest.Fault{{
				Action: addAction, ServerID: server(5), Times: 12,
				Effect: clbtest.Effect{Code: "InvalidBackendServers.ServerIpConflict"},
			}},
		}, registrar.Options{})
		outcomes, _ := r.apply(adds("rsp-a", 20)...)
		if n := statuses(outcomes)[vsg.Added]; n != 20 {
			t.Errorf("%v", outcomes)
		}
	})
}

func TestEqualChangesAreSentOnce(t *testing.T) {
	story(t, func(t *testing.T) {
		r := newRig(t, clbtest.Options{AutoCreate: true, Latency: 80 * ms, Duplicate: clbtest.DuplicateError}, registrar.Options{})
		relaunched := add("rsp-a", 1)
		relaunched.Launch = "another"
		heavier := add("rsp-a", 2)
		heavier.Backend.Weight = 50
		outcomes := r.together(t.Context(),
			[]vsg.Change{add("rsp-a", 1), add("rsp-a", 1), add("rsp-a", 2)},
			[]vsg.Change{add("rsp-a", 1), heavier},
			[]vsg.Change{relaunched},
		)
		var all []vsg.Outcome
		for _, o := range outcomes {
			all = append(all, o...)
		}
		n := statuses(all)
		// Server 1 is added for one launch and there already for the other;
		// server 2 is added with one weight and there already for the other.
		if n[vsg.Added]+n[vsg.Already] != 6 || n[vsg.Already] < 2 {
			t.Errorf("%v", outcomes)
		}
		carried := map[string]int{}
		for _, c := range r.sim.CallsOf(addAction) {
			for _, b := range c.Backends {
				carried[b.ServerID]++
			}
		}
		if carried[server(1)] != 1 || carried[server(2)] != 1 {
			t.Errorf("sent: %v", carried)
		}
	})
}

func TestSameBackendOfTwoLaunchesIsAddedForTheFirst(t *testing.T) {
	story(t, func(t *testing.T) {
		r := newRig(t, clbtest.Options{AutoCreate: true}, registrar.Options{})
		second := add("rsp-a", 1)
		second.Launch = "another"
		outcomes, _ := r.apply(add("rsp-a", 1), second, add("rsp-a", 1))
		for i, want := range []vsg.Status{vsg.Added, vsg.Already, vsg.Added} {
			if outcomes[i].Status != want {
				t.Errorf("%d: %+v, want %s", i, outcomes[i], want)
			}
		}
	})
}

func TestAdditionAndRemovalOfABackendNeverSwap(t *testing.T) {
	story(t, func(t *testing.T) {
		r := newRig(t, clbtest.Options{AutoCreate: true, Latency: 80 * ms}, registrar.Options{})
		outcomes, _ := r.apply(add("rsp-a", 1), add("rsp-a", 2), remove("rsp-a", 1), add("rsp-a", 1), remove("rsp-a", 2), remove("rsp-a", 2))
		for i, want := range []vsg.Status{vsg.Added, vsg.Added, vsg.Removed, vsg.Added, vsg.Removed, vsg.Removed} {
			if outcomes[i].Status != want {
				t.Errorf("%d: %+v, want %s", i, outcomes[i], want)
			}
		}
		if m := r.members("rsp-a"); len(m) != 1 || m[vsg.Identity{ServerID: server(1), Port: 80}] != 1 {
			t.Errorf("%v", m)
		}
		if calls := len(r.calls(addAction)) + len(r.calls(removeAction)); calls != 3 {
			t.Errorf("%d calls", calls)
		}
	})
}

func TestWeightsAreSetWhereTheyDiffer(t *testing.T) {
	story(t, func(t *testing.T) {
		r := newRig(t, clbtest.Options{AutoCreate: true, Latency: 80 * ms}, registrar.Options{})
		r.apply(adds("rsp-a", 3)...)
		drain := func(n, weight int) vsg.Change {
			c := change(vsg.SetWeight, "rsp-a", n)
			c.Backend.Weight = weight
			return c
		}
		outcomes, report := r.apply(drain(0, 0), drain(1, 0), drain(0, 5))
		if n := statuses(outcomes)[vsg.Weighted]; n != 3 || report.Calls[weightAction] != 2 {
			t.Errorf("%v %v", outcomes, report.Calls)
		}
		for i, want := range []int{5, 0, 100} {
			if got := r.sim.Backends("rsp-a")[i]; got.Weight != want {
				t.Errorf("%+v, want %d", got, want)
			}
		}
		if outcomes, _ := r.apply(drain(9, 0)); outcomes[0].Status != vsg.Absent {
			t.Errorf("weight of no member: %v", outcomes)
		}
	})
}
