package registrar_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"slb-registrar/shared/clbtest"
	"slb-registrar/shared/registrar"
	"slb-registrar/shared/vsg"
)

func TestLostAnswerIsReadBackAndNothingIsSentTwice(t *testing.T) {
	story(t, func(t *testing.T) {
		r := newRig(t, clbtest.Options{
			AutoCreate: true, Duplicate: clbtest.DuplicateError, Latency: 80 * ms,
			Faults: []clbtest.Fault{{Action: addAction, Nth: 1, Effect: clbtest.Effect{Reset: clbtest.ResetAfter}}},
		}, registrar.Options{})
		outcomes, report := r.apply(adds("rsp-a", 20)...)
		if n := statuses(outcomes)[vsg.Added]; n != 20 {
			t.Errorf("%d added: %v", n, outcomes)
		}
		if calls := r.calls(addAction); len(calls) != 1 || report.Calls[addAction] != 1 || report.Lost != 1 {
			t.Errorf("calls %v, report %+v", calls, report)
		}
		if reads := len(r.calls(describeAction)); reads != 2 {
			t.Errorf("%d descriptions", reads)
		}
	})
}

func TestLostCallThatNeverArrivedIsSentAgain(t *testing.T) {
	for _, effect := range []clbtest.Effect{
		{Reset: clbtest.ResetBefore}, {Code: "InternalError"}, {Body: clbtest.BodyHTML, HTTPStatus: 502}, {Body: clbtest.BodyNumericCode, HTTPStatus: 500},
	} {
		t.Run(fmt.Sprint(effect), func(t *testing.T) {
			story(t, func(t *testing.T) {
				r := newRig(t, clbtest.Options{
					AutoCreate: true, Latency: 80 * ms,
					Faults: []clbtest.Fault{{Action: addAction, Nth: 1, Effect: effect}},
				}, registrar.Options{})
				outcomes, _ := r.apply(adds("rsp-a", 3)...)
				if n := statuses(outcomes)[vsg.Added]; n != 3 || len(r.members("rsp-a")) != 3 {
					t.Errorf("%v, members %v", outcomes, r.members("rsp-a"))
				}
			})
		})
	}
}

func TestOnlyWhatIsMissingAfterALostCallIsSent(t *testing.T) {
	story(t, func(t *testing.T) {
		r := newRig(t, clbtest.Options{
			AutoCreate: true, Latency: 80 * ms,
			Faults: []clbtest.Fault{{Action: addAction, Nth: 2, Effect: clbtest.Effect{Reset: clbtest.ResetBefore}}},
		}, registrar.Options{})
		api := r.api()
		outside := hook{API: api, lost: func() {
			// Somebody else adds some of them while the answer is missing.
			for _, n := range []int{1, 2} {
				if _, err := r.api().Apply(t.Context(), vsg.Add, add("rsp-a", n).Group, []vsg.Backend{add("rsp-a", n).Backend}); err != nil {
					t.Error(err)
				}
			}
		}}
		r.apply(add("rsp-a", 100))
		outcomes, _ := r.Apply(t.Context(), outside, adds("rsp-a", 4))
		if n := statuses(outcomes)[vsg.Added]; n != 4 {
			t.Errorf("%v", outcomes)
		}
		calls := r.sim.CallsOf(addAction)
		if last := calls[len(calls)-1]; len(last.Backends) != 2 || last.Backends[0].ServerID != server(0) || last.Backends[1].ServerID != server(3) {
			t.Errorf("last call carried %v", last.Backends)
		}
	})
}

// hook tells when a call was lost, before the engine hears of it.
type hook struct {
	registrar.API
	lost func()
}

func (h hook) Apply(ctx context.Context, action vsg.Action, group vsg.Group, backends []vsg.Backend) (vsg.Reply, error) {
	reply, err := h.API.Apply(ctx, action, group, backends)
	var refusal registrar.Refusal
	if errors.As(err, &refusal) && refusal.Disposition() == vsg.DispositionLost {
		h.lost()
	}
	return reply, err
}

func TestCallThatHangsIsEndedAndReadBack(t *testing.T) {
	story(t, func(t *testing.T) {
		r := newRig(t, clbtest.Options{
			AutoCreate: true,
			Faults:     []clbtest.Fault{{Action: addAction, Nth: 1, Effect: clbtest.Effect{Latency: "5m"}}},
		}, registrar.Options{CallTimeout: 3 * time.Second})
		ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
		defer cancel()
		start := time.Now()
		// The change that hangs keeps its load balancer busy.
		outcomes, report := r.Apply(ctx, r.api(), adds("rsp-a", 2))
		if took := time.Since(start); took > 30*time.Second {
			t.Errorf("took %v", took)
		}
		for _, o := range outcomes {
			if o.Status != vsg.Retry || o.Code != registrar.CodeDeadline || o.Disposition != vsg.DispositionConflict {
				t.Errorf("%+v", o)
			}
		}
		if report.Lost != 1 || report.Conflicts == 0 {
			t.Errorf("%+v", report)
		}
	})
}

func TestFailedReadIsNotAnEmptyGroup(t *testing.T) {
	for name, effect := range map[string]clbtest.Effect{
		"refused": {Code: "ServiceUnavailable"}, "reset": {Reset: clbtest.ResetBefore}, "html": {Body: clbtest.BodyHTML, HTTPStatus: 502},
		"truncated": {Body: clbtest.BodyTruncated},
	} {
		t.Run(name, func(t *testing.T) {
			story(t, func(t *testing.T) {
				r := newRig(t, clbtest.Options{
					AutoCreate: true, Duplicate: clbtest.DuplicateError, Latency: 80 * ms,
					Faults: []clbtest.Fault{
						{Action: addAction, Nth: 1, Effect: clbtest.Effect{Reset: clbtest.ResetAfter}},
						{Action: describeAction, Times: 2, Effect: effect},
					},
				}, registrar.Options{})
				outcomes, _ := r.apply(append(adds("rsp-a", 3), remove("rsp-a", 7))...)
				if n := statuses(outcomes); n[vsg.Added] != 3 || n[vsg.Absent] != 1 {
					t.Errorf("%v", outcomes)
				}
				if calls := r.calls(addAction); len(calls) != 1 {
					t.Errorf("%v", calls)
				}
			})
		})
	}
}

func TestSuccessThatListsOthersIsNotBelieved(t *testing.T) {
	story(t, func(t *testing.T) {
		r := newRig(t, clbtest.Options{AutoCreate: true, Latency: 80 * ms}, registrar.Options{})
		forgetful := &forgetful{API: r.api(), times: 2}
		outcomes, _ := r.Apply(t.Context(), forgetful, adds("rsp-a", 3))
		if n := statuses(outcomes)[vsg.Added]; n != 3 || len(r.members("rsp-a")) != 3 {
			t.Errorf("%v, members %v", outcomes, r.members("rsp-a"))
		}
	})
}

// forgetful answers calls with success and does nothing, a few times.
type forgetful struct {
	registrar.API
	times int
}

func (f *forgetful) Apply(ctx context.Context, action vsg.Action, group vsg.Group, backends []vsg.Backend) (vsg.Reply, error) {
	if f.times--; f.times >= 0 {
		reply, err := f.Describe(ctx, group)
		return reply, err
	}
	return f.API.Apply(ctx, action, group, backends)
}

func TestRemovalWithoutAListIsReadBack(t *testing.T) {
	story(t, func(t *testing.T) {
		r := newRig(t, clbtest.Options{AutoCreate: true}, registrar.Options{})
		r.apply(add("rsp-a", 0))
		outcomes, _ := r.Apply(t.Context(), silent{r.api()}, []vsg.Change{remove("rsp-a", 0)})
		if outcomes[0].Status != vsg.Removed || len(r.members("rsp-a")) != 0 {
			t.Errorf("%+v", outcomes)
		}
		if reads := len(r.calls(describeAction)); reads != 2 {
			t.Errorf("%d descriptions", reads)
		}
	})
}

// silent answers calls without the list of members.
type silent struct{ registrar.API }

func (s silent) Apply(ctx context.Context, action vsg.Action, group vsg.Group, backends []vsg.Backend) (vsg.Reply, error) {
	reply, err := s.API.Apply(ctx, action, group, backends)
	reply.Listed, reply.Backends = false, nil
	return reply, err
}

// strange fails with an error that says nothing about itself and holds a secret.
type strange struct{ registrar.API }

func (strange) Apply(context.Context, vsg.Action, vsg.Group, []vsg.Backend) (vsg.Reply, error) {
	return vsg.Reply{}, errors.New(`Post "https://slb.aliyuncs.com/?Signature=SECRET": EOF`)
}

func TestErrorOfAnUnknownKindIsLostAndNeverRepeated(t *testing.T) {
	story(t, func(t *testing.T) {
		r := newRig(t, clbtest.Options{AutoCreate: true}, registrar.Options{})
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		outcomes, report := r.Apply(ctx, strange{r.api()}, adds("rsp-a", 2))
		for _, o := range outcomes {
			if o.Status != vsg.Retry || o.Disposition == "" || strings.Contains(fmt.Sprint(o), "SECRET") {
				t.Errorf("%+v", o)
			}
		}
		if report.Lost == 0 || report.Lost > 12 {
			t.Errorf("lost %d times in 10 s", report.Lost)
		}
		for _, c := range r.records {
			if strings.Contains(fmt.Sprint(c.Message, c.Code), "SECRET") {
				t.Errorf("%+v", c)
			}
		}
	})
}
