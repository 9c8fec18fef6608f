package registrar_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"slb-registrar/shared/clbtest"
	"slb-registrar/shared/registrar"
	"slb-registrar/shared/vsg"
)

func TestBackendThatIsRefusedWithAnUnknownCodeHoldsUpNobody(t *testing.T) {
	for _, bad := range []int{0, 7, 19, 59} {
		story(t, func(t *testing.T) {
			r := newRig(t, clbtest.Options{
				AutoCreate: true, Latency: 80 * ms,
				Faults: []clbtest.Fault{{Action: addAction, ServerID: server(bad), Effect: clbtest.Effect{Code: "Some.NewCode", HTTPStatus: 400}}},
			}, registrar.Options{})
			r.apply(add("rsp-a", 100))
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			defer cancel()
			removed := make(chan time.Duration, 1)
			go func() {
				time.Sleep(time.Second) //nolint:forbidigo // the time of a bubble
				start := time.Now()
				if o, _ := r.apply(remove("rsp-a", 100)); o[0].Status != vsg.Removed {
					t.Errorf("%+v", o)
				}
				removed <- time.Since(start)
			}()
			start := time.Now()
			last := make(chan time.Time, 1)
			go func() {
				for len(r.members("rsp-a")) < 59 {
					time.Sleep(100 * ms) //nolint:forbidigo // the time of a bubble
				}
				last <- time.Now()
			}()
			outcomes, _ := r.Apply(ctx, r.api(), adds("rsp-a", 60))
			for i, o := range outcomes {
				if i == bad && (o.Status != vsg.Retry || o.Code != registrar.CodeDeadline) || i != bad && o.Status != vsg.Added {
					t.Errorf("%d: %+v", i, o)
				}
			}
			if took := (<-last).Sub(start); took > 20*time.Second {
				t.Errorf("the others took %v", took)
			}
			if took := <-removed; took > 500*ms {
				t.Errorf("a removal of another backend took %v", took)
			}
			if calls := len(r.calls(addAction)); calls > 45 {
				t.Errorf("%d calls", calls)
			}
		})
	}
}

func TestOutageIsNotTakenForAFaultOfBackends(t *testing.T) {
	story(t, func(t *testing.T) {
		r := newRig(t, clbtest.Options{
			AutoCreate: true, Latency: 80 * ms,
			Faults: []clbtest.Fault{{Action: addAction, For: "30s", Effect: clbtest.Effect{Code: "SystemBusy"}}},
		}, registrar.Options{})
		start := time.Now()
		outcomes, _ := r.apply(adds("rsp-a", 60)...)
		if n := statuses(outcomes)[vsg.Added]; n != 60 || time.Since(start) > 45*time.Second {
			t.Errorf("%d added in %v", n, time.Since(start))
		}
		if calls := len(r.calls(addAction)); calls > 45 {
			t.Errorf("%d calls", calls)
		}
	})
}

func TestServerWithoutRoomDoesNotMakeALoadBalancerFull(t *testing.T) {
	for _, bad := range []int{0, 7, 59} {
		story(t, func(t *testing.T) {
			r := newRig(t, clbtest.Options{
				AutoCreate: true, Latency: 80 * ms,
				Faults: []clbtest.Fault{{Action: addAction, ServerID: server(bad), Effect: clbtest.Effect{Code: "InstanceBackendServerNumberOverLimit"}}},
			}, registrar.Options{})
			outcomes, _ := r.apply(adds("rsp-a", 60)...)
			for i, o := range outcomes {
				if i == bad && (o.Status != vsg.Retry || o.Disposition != vsg.DispositionQuota) || i != bad && o.Status != vsg.Added {
					t.Errorf("%d: %+v", i, o)
				}
			}
			if calls := len(r.calls(addAction)); calls > 20 {
				t.Errorf("%d calls: %v", calls, r.calls(addAction))
			}
		})
	}
}

// accusing says of every refusal that all backends of the call are at fault.
type accusing struct{ registrar.API }

type accusation struct {
	registrar.Refusal
	culprits []string
}

func (a accusation) Culprits() []string { return a.culprits }

func (a accusing) Apply(ctx context.Context, action vsg.Action, group vsg.Group, backends []vsg.Backend) (vsg.Reply, error) {
	reply, err := a.API.Apply(ctx, action, group, backends)
	var refusal registrar.Refusal
	if !errors.As(err, &refusal) {
		return reply, err
	}
	everybody := accusation{Refusal: refusal}
	for _, b := range backends {
		everybody.culprits = append(everybody.culprits, b.ServerID)
	}
	return reply, everybody
}

func TestErrorThatNamesEverybodyAccusesNobody(t *testing.T) {
	story(t, func(t *testing.T) {
		absent := map[int]bool{7: true}
		r := newRig(t, clbtest.Options{State: running(20, absent, nil)}, registrar.Options{})
		outcomes, _ := r.Apply(t.Context(), accusing{r.api()}, adds("rsp-a", 20))
		r.expectAll(outcomes, absent, "InvalidServerId.NotExist")
	})
}

func TestLostRemovalDoesNotHauntItsBackendForEver(t *testing.T) {
	story(t, func(t *testing.T) {
		r := newRig(t, clbtest.Options{
			AutoCreate: true, Duplicate: clbtest.DuplicateError, Latency: 80 * ms,
			Faults: []clbtest.Fault{{Action: removeAction, For: "10s", Effect: clbtest.Effect{Reset: clbtest.ResetBefore}}},
		}, registrar.Options{})
		r.apply(add("rsp-a", 1))
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
		defer cancel()
		if o, _ := r.Apply(ctx, r.api(), []vsg.Change{remove("rsp-a", 1)}); o[0].Status != vsg.Retry {
			t.Errorf("%+v", o)
		}
		time.Sleep(time.Hour) //nolint:forbidigo // the time of a bubble
		ctx, cancel = context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		start := time.Now()
		if o, _ := r.Apply(ctx, r.api(), []vsg.Change{add("rsp-a", 1)}); o[0].Status != vsg.Already {
			t.Errorf("%+v after %v", o, time.Since(start))
		}
		if took := time.Since(start); took > time.Second {
			t.Errorf("took %v", took)
		}
	})
}

func TestWhatWaitsBehindAChangeThatIsGivenUpGoesAtOnce(t *testing.T) {
	story(t, func(t *testing.T) {
		r := newRig(t, clbtest.Options{
			AutoCreate: true, Latency: 80 * ms,
			Faults: []clbtest.Fault{{Action: addAction, ServerID: server(1), Effect: clbtest.Effect{Code: "ObtainIpFail"}}},
		}, registrar.Options{})
		r.apply(add("rsp-a", 2))
		ctx, cancel := context.WithTimeout(t.Context(), 9*time.Second)
		defer cancel()
		start := time.Now()
		go r.Apply(ctx, r.api(), []vsg.Change{add("rsp-a", 1)})
		time.Sleep(5 * time.Second) //nolint:forbidigo // the time of a bubble
		if o, _ := r.apply(remove("rsp-a", 1)); !o[0].Status.Succeeded() {
			t.Errorf("%+v", o)
		}
		if took := time.Since(start); took > 9200*ms {
			t.Errorf("took %v, what was in the way was gone after 9s", took)
		}
	})
}

// panicking panics on its first calls.
type panicking struct {
	registrar.API
	times *int
}

func (p panicking) Apply(ctx context.Context, action vsg.Action, group vsg.Group, backends []vsg.Backend) (vsg.Reply, error) {
	if *p.times--; *p.times >= 0 {
		panic("SECRET")
	}
	return p.API.Apply(ctx, action, group, backends)
}

func (p panicking) Describe(ctx context.Context, group vsg.Group) (vsg.Reply, error) {
	if *p.times--; *p.times >= 0 {
		panic("SECRET")
	}
	return p.API.Describe(ctx, group)
}

func TestPanicInACallIsACallWithoutAnswer(t *testing.T) {
	for times := 1; times <= 3; times++ {
		story(t, func(t *testing.T) {
			r := newRig(t, clbtest.Options{AutoCreate: true}, registrar.Options{})
			left := times
			outcomes, _ := r.Apply(t.Context(), panicking{r.api(), &left}, adds("rsp-a", 3))
			if n := statuses(outcomes)[vsg.Added]; n != 3 {
				t.Errorf("%v", outcomes)
			}
			if first := r.records[0]; first.Code != registrar.CodeLost || first.Message != "the call panicked" {
				t.Errorf("%+v", first)
			}
		})
	}
}
